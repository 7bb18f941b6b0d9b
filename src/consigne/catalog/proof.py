"""Statements of ``fsck``: what disagrees inside the catalog, page by page (keyset on ids).

Each check is one statement, so it sees one snapshot, in which rows and counters agree unless
something is wrong. The statements that repair lock the row that concurrent work also changes, and
count again behind the lock: whoever came before is complete and visible then, whoever comes after
adds to the corrected number.
"""

from typing import Any, NamedTuple

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    and_,
    bindparam,
    delete,
    func,
    or_,
    select,
    update,
)

from consigne.catalog.engine import Statement, Tx, any_of
from consigne.catalog.schema import (
    content,
    file,
    file_field,
    file_tag,
    part,
    space,
    upload,
    version,
)
from consigne.model.entities import State, UploadState

_AFTER: BindParameter[int] = bindparam("after")
_LIMIT: BindParameter[int] = bindparam("n")
_UNFINISHED = (UploadState.OPEN.value, UploadState.RECEIVING.value, UploadState.VERIFYING.value)
_FILLED = (State.HELD.value, State.KEPT.value, State.RELEASED.value)


class Totals(NamedTuple):
    """How many rows of each kind there are."""

    contents: int
    files: int
    versions: int
    sessions: int


class Session(NamedTuple):
    """An unfinished upload, and how many bytes its stage must have."""

    id: int
    stage: str
    needed: int
    holder: str | None
    lease_until: int


def paged(statement: Select[Any], key: ColumnElement[Any]) -> Statement:
    """Return the statement that reads a page of ``n`` rows behind the key ``after``."""
    return Statement(statement.where(key > _AFTER).order_by(key).limit(_LIMIT))


_TOTALS = Statement(
    select(
        select(func.count()).select_from(content).scalar_subquery(),
        select(func.count()).select_from(file).scalar_subquery(),
        select(func.count()).select_from(version).scalar_subquery(),
        select(func.count()).select_from(upload).scalar_subquery(),
    )
)

_DIFFERS = or_(
    content.c.id.is_(None),
    content.c.size != file.c.size,
    content.c.sha256 != file.c.sha256,
    content.c.space_id != file.c.space_id,
)
_BROKEN_FILES = paged(
    select(file.c.id, file.c.name, file.c.content_id, content.c.id)
    .select_from(file.outerjoin(content, content.c.id == file.c.content_id))
    .where(
        or_(
            and_(file.c.content_id.is_not(None), _DIFFERS),
            and_(file.c.content_id.is_(None), any_of(file.c.state, _FILLED)),
        )
    ),
    file.c.id,
)
_BROKEN_VERSIONS = Statement(
    select(version.c.file_id, version.c.number, version.c.name, content.c.id, file.c.id)
    .select_from(
        version.outerjoin(content, content.c.id == version.c.content_id).outerjoin(
            file, file.c.id == version.c.file_id
        )
    )
    .where(
        or_(
            content.c.id.is_(None),
            file.c.id.is_(None),
            content.c.size != version.c.size,
            content.c.sha256 != version.c.sha256,
            content.c.space_id != file.c.space_id,
        ),
        or_(
            version.c.file_id > _AFTER,
            and_(version.c.file_id == _AFTER, version.c.number > bindparam("after_number")),
        ),
    )
    .order_by(version.c.file_id, version.c.number)
    .limit(_LIMIT)
)

_SET_COUNTERS = Statement(
    update(space)
    .where(space.c.id == bindparam("space"))
    .values(
        used=bindparam("new_used"),
        reserved=bindparam("new_reserved"),
        undo=bindparam("new_undo"),
    )
)

_ANNOTATED = paged(
    select(file.c.id, file.c.space_id, file.c.meta).where(file.c.meta.is_not(None)), file.c.id
)
_STRAY_FIELDS = paged(
    select(file_field.c.file_id)
    .distinct()
    .select_from(file_field.outerjoin(file, file.c.id == file_field.c.file_id))
    .where(file.c.meta.is_(None)),
    file_field.c.file_id,
)
_STRAY_TAGS = paged(
    select(file_tag.c.file_id)
    .distinct()
    .select_from(file_tag.outerjoin(file, file.c.id == file_tag.c.file_id))
    .where(file.c.meta.is_(None)),
    file_tag.c.file_id,
)

# Where the last part ends; a session that takes its bytes in one piece has no parts.
_REACH = func.coalesce(
    select(func.max(part.c.offset + part.c.size))
    .where(part.c.upload_id == upload.c.id)
    .scalar_subquery(),
    upload.c.received,
)
_SESSIONS = paged(
    select(upload.c.id, upload.c.stage, _REACH, upload.c.holder, upload.c.lease_until).where(
        any_of(upload.c.state, _UNFINISHED),
        upload.c.file_id.is_not(None),
        upload.c.received > 0,
    ),
    upload.c.id,
)
_OVERDUE = paged(
    select(
        upload.c.id,
        upload.c.stage,
        upload.c.reserved,
        upload.c.holder,
        upload.c.lease_until,
    ).where(
        any_of(upload.c.state, _UNFINISHED),
        or_(
            upload.c.expires_at < bindparam("before"),
            and_(upload.c.file_id.is_(None), upload.c.created_at < bindparam("dead")),
        ),
    ),
    upload.c.id,
)


def totals(tx: Tx) -> Totals:
    """Return how much there is to check."""
    row = tx.one(_TOTALS)
    assert row is not None
    return Totals(*row)


def known_stages(tx: Tx, stages: list[str]) -> set[str]:
    """Return those of the names that an upload session has."""
    return {row[0] for row in tx.all(select(upload.c.stage).where(upload.c.stage.in_(stages)))}


def broken_files(tx: Tx, after: int, limit: int) -> list[tuple[int, str, bool]]:
    """Return (id, name, content is there) of files that disagree with their content or lack it."""
    rows = tx.all(_BROKEN_FILES, after=after, n=limit)
    return [(row[0], row[1], row[3] is not None) for row in rows]


def broken_versions(
    tx: Tx, after: tuple[int, int], limit: int
) -> list[tuple[int, int, str, bool, bool]]:
    """Return (file, number, name, content is there, file is there) of versions that disagree."""
    rows = tx.all(_BROKEN_VERSIONS, after=after[0], after_number=after[1], n=limit)
    return [(row[0], row[1], row[2], row[3] is not None, row[4] is not None) for row in rows]


def set_counters(tx: Tx, space_id: int, used: int, reserved: int, undo: int) -> None:
    """Store the counters of a space; the caller holds its row."""
    tx.run(_SET_COUNTERS, space=space_id, new_used=used, new_reserved=reserved, new_undo=undo)


def annotated(tx: Tx, after: int, limit: int) -> list[tuple[int, int, str]]:
    """Return (file, space, meta) of files with metadata or tags."""
    return [(row[0], row[1], row[2]) for row in tx.all(_ANNOTATED, after=after, n=limit)]


def indexed(tx: Tx, file_ids: list[int]) -> dict[int, tuple[set[Any], set[Any]]]:
    """Return the index rows of files: ({(space, name, value, folded value)}, {(space, tag)})."""
    found: dict[int, tuple[set[Any], set[Any]]] = {number: (set(), set()) for number in file_ids}
    row = file_field.c
    fields = select(row.file_id, row.space_id, row.name, row.value, row.value_fold)
    for number, *rest in tx.all(fields.where(row.file_id.in_(file_ids))):
        found[number][0].add(tuple(rest))
    tags = select(file_tag.c.file_id, file_tag.c.space_id, file_tag.c.tag)
    for number, *rest in tx.all(tags.where(file_tag.c.file_id.in_(file_ids))):
        found[number][1].add(tuple(rest))
    return found


def stray_fields(tx: Tx, after: int, limit: int) -> list[int]:
    """Return files that are gone or have no metadata, and yet have rows in the field index."""
    return [row[0] for row in tx.all(_STRAY_FIELDS, after=after, n=limit)]


def stray_tags(tx: Tx, after: int, limit: int) -> list[int]:
    """Return files that are gone or have no metadata, and yet have rows in the tag index."""
    return [row[0] for row in tx.all(_STRAY_TAGS, after=after, n=limit)]


def drop_index(tx: Tx, file_id: int) -> None:
    """Delete a file's rows of both indexes."""
    tx.run(delete(file_field).where(file_field.c.file_id == file_id))
    tx.run(delete(file_tag).where(file_tag.c.file_id == file_id))


def sessions_page(tx: Tx, after: int, limit: int) -> list[Session]:
    """Return unfinished uploads that have received parts."""
    return [Session(*row) for row in tx.all(_SESSIONS, after=after, n=limit)]


def overdue_page(tx: Tx, before: int, dead: int, after: int, limit: int) -> list[Session]:
    """Return unfinished uploads that expired before a moment, and reservations made before
    ``dead``; ``needed`` is what they keep reserved.
    """
    rows = tx.all(_OVERDUE, before=before, dead=dead, after=after, n=limit)
    return [Session(*row) for row in rows]
