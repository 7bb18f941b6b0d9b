"""Statements about the text of contents: passages, their words, and what is known of a whole text.

A text belongs to a content, so that the same bytes are read once per space (C-20). It is written
and removed a few passages at a time, so that no transaction holds up others for long.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, bindparam, delete, func, insert, literal_column, select
from sqlalchemy.dialects.postgresql import insert as upsert

from consigne.catalog.engine import Statement, Tx, any_of
from consigne.catalog.rows import params, reader
from consigne.catalog.schema import content, content_text, job, passage
from consigne.catalog.terms import Atom, answers, asked, document, passage_terms, spelled, stored
from consigne.model.entities import Content, ContentState, ContentText, JobState, StoredPassage
from consigne.model.passages import Passage, passage_of

_text = reader(ContentText)
_content = reader(Content)
_passage = reader(StoredPassage)

_WIDTH = len(content.c)
_one: ColumnElement[Any] = literal_column("1")

_HOLD = Statement(
    select(content).where(content.c.id == bindparam("content")).with_for_update(read=True)
)
_BY_ID = Statement(select(content_text).where(content_text.c.content_id == bindparam("content")))
_set = upsert(content_text)
_SET = Statement(
    _set.on_conflict_do_update(
        index_elements=["content_id"],
        set_={column.name: _set.excluded[column.name] for column in content_text.c},
    )
)
_FORGET = Statement(delete(content_text).where(content_text.c.content_id == bindparam("content")))
_ADD = Statement(
    insert(passage)
    .values(content_id=bindparam("content"), page=bindparam("page"), body=bindparam("body"))
    .returning(passage.c.id)
)
_ADD_TERMS = Statement(
    insert(passage_terms).values(rowid=bindparam("passage"), terms=stored("words"))
)
_SOME = Statement(
    select(passage.c.id)
    .where(passage.c.content_id == bindparam("content"))
    .order_by(passage.c.id)
    .limit(bindparam("n"))
)
_DROP = Statement(delete(passage).where(passage.c.id == bindparam("passage")))
_DROP_TERMS = Statement(delete(passage_terms).where(passage_terms.c.rowid == bindparam("passage")))
_LOCK = Statement(
    select(passage.c.id).where(passage.c.id == bindparam("passage")).with_for_update()
)
_ALL = Statement(
    select(passage).where(passage.c.content_id == bindparam("content")).order_by(passage.c.id)
)
_SPAN = Statement(
    select(func.min(passage.c.id), func.max(passage.c.id)).where(
        passage.c.content_id == bindparam("content")
    )
)
_MATCHING = Statement(
    select(passage)
    .where(
        passage.c.content_id == bindparam("content"),
        passage.c.id.in_(
            select(passage_terms.c.rowid).where(
                answers(passage_terms, bindparam("words")),
                # The bounds let either index skip what other contents have of the words.
                passage_terms.c.rowid >= bindparam("first"),
                passage_terms.c.rowid <= bindparam("last"),
            )
        ),
    )
    .order_by(passage.c.id)
    .limit(bindparam("n"))
)
_PAGE = Statement(
    select(content, content_text)
    .outerjoin(content_text, content_text.c.content_id == content.c.id)
    .where(
        content.c.id > bindparam("after"),
        content.c.references > 0,
        content.c.state == ContentState.LIVE.value,
    )
    .order_by(content.c.id)
    .limit(bindparam("n"))
)
_AFTER = Statement(
    select(content.c.space_id, passage)
    .join_from(passage, content, content.c.id == passage.c.content_id)
    .where(passage.c.id > bindparam("after"))
    .order_by(passage.c.id)
    .limit(bindparam("n"))
)
_STRAY = Statement(
    select(passage.c.content_id)
    .distinct()
    .where(~select(_one).where(content.c.id == passage.c.content_id).exists())
    .limit(bindparam("n"))
)
_WAITING = Statement(
    select(func.count())
    .select_from(job)
    .where(
        job.c.kind == bindparam("kind"),
        any_of(job.c.state, (JobState.QUEUED.value, JobState.RUNNING.value)),
    )
)


def hold(tx: Tx, content_id: int) -> Content | None:
    """Return a content that cannot be doomed until the transaction ends; None where it is gone."""
    row = tx.one(_HOLD, content=content_id)
    found = _content(row) if row else None
    return None if found is None or found.state is ContentState.DOOMED else found


def of(tx: Tx, content_id: int) -> ContentText | None:
    """Return what is known of a content's text; None where it was not read yet."""
    row = tx.one(_BY_ID, content=content_id)
    return _text(row) if row else None


def put(tx: Tx, value: ContentText) -> None:
    """Store what is known of a content's text."""
    tx.run(_SET, **params(value))


def add(tx: Tx, space_id: int, content_id: int, page: int | None, piece: Passage) -> None:
    """Store and index a passage, behind those that are there."""
    row = tx.one(_ADD, content=content_id, page=page, body=piece.body)
    assert row is not None
    _add_terms(tx, space_id, row[0], piece)


def index_anew(tx: Tx, space_id: int, value: StoredPassage) -> None:
    """Index a stored passage by the present rules, if it is still there."""
    if tx.one(_LOCK, passage=value.id) is not None:
        tx.run(_DROP_TERMS, passage=value.id)
        _add_terms(tx, space_id, value.id, passage_of(value.body))


def drop(tx: Tx, content_id: int, limit: int) -> int:
    """Remove up to ``limit`` passages of a content, and with the last its row; return how many."""
    rows = tx.all(_SOME, content=content_id, n=limit)
    for (number,) in rows:
        tx.run(_DROP_TERMS, passage=number)
        tx.run(_DROP, passage=number)
    if len(rows) < limit:
        tx.run(_FORGET, content=content_id)
    return len(rows)


def all_of(tx: Tx, content_id: int) -> list[StoredPassage]:
    """Return the passages of a content in order."""
    return [_passage(row) for row in tx.all(_ALL, content=content_id)]


def passages_after(tx: Tx, after: int, limit: int) -> list[tuple[int, StoredPassage]]:
    """Return passages of all contents by id, each with its space."""
    return [(row[0], _passage(row[1:])) for row in tx.all(_AFTER, after=after, n=limit)]


def matching(
    tx: Tx, content_id: int, question: Sequence[Sequence[Atom]], limit: int
) -> list[StoredPassage]:
    """Return the first passages of a content that answer a question."""
    span = tx.one(_SPAN, content=content_id)
    if span is None or span[0] is None:
        return []
    words = asked(tx.dialect.name, question)
    rows = tx.all(_MATCHING, content=content_id, words=words, first=span[0], last=span[1], n=limit)
    return [_passage(row) for row in rows]


def page(tx: Tx, after: int, limit: int) -> list[tuple[Content, ContentText | None]]:
    """Return live contents by id, each with what is known of its text."""
    rows = tx.all(_PAGE, after=after, n=limit)
    return [
        (_content(row[:_WIDTH]), None if row[_WIDTH] is None else _text(row[_WIDTH:]))
        for row in rows
    ]


def strays(tx: Tx, limit: int) -> list[int]:
    """Return contents that are no more and have passages; looks at all passages."""
    return [row[0] for row in tx.all(_STRAY, n=limit)]


def waiting(tx: Tx, kind: str) -> int:
    """Return how many jobs of a kind are not over; looks at all jobs."""
    return int(tx.value(_WAITING, kind=kind))


def _add_terms(tx: Tx, space_id: int, number: int, piece: Passage) -> None:
    words = document(
        tx.dialect.name,
        [spelled("w", space_id, word) for word in piece.words],
        [spelled("s", space_id, stem) for stem in piece.stems],
    )
    tx.run(_ADD_TERMS, passage=number, words=words)
