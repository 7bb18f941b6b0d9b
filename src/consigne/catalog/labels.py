"""The words of files themselves, names, metadata values and tags, as the search finds them.

SQLite writes a full-text index anew at every savepoint, which costs as much as the rest of a small
upload (``docs/decisions/0011``). So a transaction that changes a file only notes that its words are
due, and ``catch_up`` indexes what is due a few hundred files at a time: before a search, and on its
rounds.
"""

from sqlalchemy import bindparam, delete, func, insert, literal_column, select
from sqlalchemy.dialects.postgresql import insert as upsert

from consigne.catalog.engine import Statement, Tx
from consigne.catalog.schema import file, label_due
from consigne.catalog.terms import document, file_terms, spelled, stored
from consigne.model.entities import Annotations, File
from consigne.model.words import stems_of, words_of

_MOST_WORDS = 2_000

_due = upsert(label_due)
# An update even where nothing changes: it waits for whoever is indexing the file, on PostgreSQL.
_NOTE = Statement(
    _due.on_conflict_do_update(
        index_elements=["space_id", "file_id"], set_={"file_id": _due.excluded.file_id}
    )
)
_NOTE_ALL = Statement(
    upsert(label_due)
    .from_select(
        ["space_id", "file_id"],
        select(file.c.space_id, file.c.id).where(
            file.c.id > bindparam("after"), file.c.id <= bindparam("last")
        ),
    )
    .on_conflict_do_nothing()
)
_COUNT = Statement(select(func.count()).select_from(label_due))
_TAKEN = Statement(
    delete(label_due).where(
        label_due.c.space_id == bindparam("space"), label_due.c.file_id == bindparam("number")
    )
)
_ANY_DUE = Statement(select(label_due.c.file_id).limit(1))
_DUE_IN = Statement(
    select(label_due.c.file_id).where(label_due.c.space_id == bindparam("space")).limit(1)
)
_INSERT = Statement(insert(file_terms).values(rowid=bindparam("file"), terms=stored("words")))
_DELETE = Statement(delete(file_terms).where(file_terms.c.rowid == bindparam("file")))
_STRAY = Statement(
    select(file_terms.c.rowid)
    .where(~select(literal_column("1")).where(file.c.id == file_terms.c.rowid).exists())
    .limit(bindparam("n"))
)


def note(tx: Tx, space_id: int, file_id: int) -> None:
    """Say that a file must be indexed anew."""
    tx.run(_NOTE, space_id=space_id, file_id=file_id)


def note_between(tx: Tx, after: int, last: int) -> int:
    """Say so of all files with ids above ``after`` up to ``last``; return how many."""
    return tx.run(_NOTE_ALL, after=after, last=last)


def count_due(tx: Tx) -> int:
    return int(tx.value(_COUNT))


def take(tx: Tx, space_id: int | None, limit: int) -> list[int]:
    """Take files that are due, of one space or of all, in a transaction that indexes them."""
    chosen = select(label_due.c.space_id, label_due.c.file_id)
    if space_id is not None:
        chosen = chosen.where(label_due.c.space_id == space_id)
    rows = tx.all(chosen.limit(limit).with_for_update(skip_locked=True))
    for space, number in rows:
        tx.run(_TAKEN, space=space, number=number)
    return [row[1] for row in rows]


def is_due(tx: Tx, space_id: int | None) -> bool:
    """Tell whether files of a space, or of any, wait to be indexed."""
    if space_id is None:
        return tx.one(_ANY_DUE) is not None
    return tx.one(_DUE_IN, space=space_id) is not None


def replace(tx: Tx, value: File, notes: Annotations) -> None:
    """Index a file anew."""
    remove(tx, value.id)
    tx.run(_INSERT, file=value.id, words=_document(tx.dialect.name, value, notes))


def remove(tx: Tx, file_id: int) -> None:
    tx.run(_DELETE, file=file_id)


def strays(tx: Tx, limit: int) -> list[int]:
    """Return indexed files that are no more; looks at the whole index."""
    return [row[0] for row in tx.all(_STRAY, n=limit)]


def _document(dialect: str, value: File, notes: Annotations) -> str:
    space = value.space_id
    name = words_of(value.name)
    placed: list[str | None] = [spelled("n", space, word) for word in name]
    stems = {spelled("m", space, stem) for word in name for stem in stems_of(word)}
    for text in (*notes.known.values(), *notes.tags):
        words = words_of(text)[: max(0, _MOST_WORDS - len(placed))]
        placed += [None, *(spelled("t", space, word) for word in words)]
        stems |= {spelled("u", space, stem) for word in words for stem in stems_of(word)}
    return document(dialect, placed, sorted(stems))
