"""Statements of ``fsck`` about contents: what refers to them, and who counts wrongly.

See ``catalog.proof`` for how they stay right beside a running server.
"""

from typing import NamedTuple

from sqlalchemy import BindParameter, and_, bindparam, case, func, or_, select, union_all, update

from consigne.catalog.engine import Row, Statement, Tx
from consigne.catalog.proof import paged
from consigne.catalog.schema import content, file, preview, report, version
from consigne.model import identity
from consigne.model.entities import ContentState

_LIMIT: BindParameter[int] = bindparam("n")


class Brief(NamedTuple):
    """A content without its checksums."""

    id: int
    space_id: int
    key: str
    size: int
    state: ContentState
    references: int


class Usage(NamedTuple):
    """Who refers to a content: a file's current version (``number`` None) or a replaced one."""

    file_id: int
    name: str
    number: int | None


class Miscount(NamedTuple):
    """A content whose ``references`` is not the number of rows that refer to it."""

    id: int
    references: int
    counted: int


_BRIEF = select(
    content.c.id,
    content.c.space_id,
    content.c.key,
    content.c.size,
    content.c.state,
    content.c.references,
)
_CONTENTS = paged(_BRIEF, content.c.id)
_CORRUPT = paged(
    _BRIEF.where(content.c.state == ContentState.CORRUPT.value, content.c.references > 0),
    content.c.id,
)
_DOOMED = paged(
    _BRIEF.where(
        content.c.state == ContentState.DOOMED.value,
        content.c.references == 0,
        or_(content.c.idle_since.is_(None), content.c.idle_since < bindparam("before")),
    ),
    content.c.id,
)

# Counting sorts in memory, so it goes by ranges of contents: above ``after``, up to ``upto``.
_UPTO: BindParameter[int] = bindparam("upto")
_BORDER = Statement(
    select(content.c.id)
    .where(content.c.id > bindparam("after"))
    .order_by(content.c.id)
    .limit(1)
    .offset(bindparam("n"))
)
_REFERRING = union_all(
    select(file.c.content_id).where(
        file.c.content_id > bindparam("after"), file.c.content_id <= _UPTO
    ),
    select(version.c.content_id).where(
        version.c.content_id > bindparam("after"), version.c.content_id <= _UPTO
    ),
    select(preview.c.picture_id).where(
        preview.c.picture_id > bindparam("after"), preview.c.picture_id <= _UPTO
    ),
    select(report.c.content_id).where(
        report.c.content_id > bindparam("after"), report.c.content_id <= _UPTO
    ),
).subquery("referring")
_COUNTED = (
    select(_REFERRING.c.content_id, func.count().label("n"))
    .group_by(_REFERRING.c.content_id)
    .subquery("counted")
)
_HELD = func.coalesce(_COUNTED.c.n, 0)
_MISCOUNTED = paged(
    select(content.c.id, content.c.references, _HELD)
    .select_from(content.outerjoin(_COUNTED, _COUNTED.c.content_id == content.c.id))
    .where(
        content.c.id <= _UPTO,
        or_(
            content.c.references != _HELD,
            # The sweeper finds what nobody refers to by this time.
            and_(content.c.references == 0, content.c.idle_since.is_(None)),
        ),
    ),
    content.c.id,
)
_LOCK_CONTENT = Statement(
    select(content.c.references).where(content.c.id == bindparam("content")).with_for_update()
)
# One statement, one snapshot: a replace moves a reference from a file to a version meanwhile.
_COUNT_ONE = Statement(
    select(
        select(func.count()).where(file.c.content_id == bindparam("content")).scalar_subquery()
        + select(func.count()).where(version.c.content_id == bindparam("content")).scalar_subquery()
        + select(func.count()).where(preview.c.picture_id == bindparam("content")).scalar_subquery()
        + select(func.count()).where(report.c.content_id == bindparam("content")).scalar_subquery()
    )
)
_SET_REFERENCES = Statement(
    update(content)
    .where(content.c.id == bindparam("content"))
    .values(
        references=bindparam("counted"),
        state=case(
            (
                and_(content.c.state == ContentState.DOOMED.value, bindparam("counted") > 0),
                ContentState.CORRUPT.value,
            ),
            else_=content.c.state,
        ),
        idle_since=case(
            (bindparam("counted") > 0, None),
            else_=func.coalesce(content.c.idle_since, bindparam("now")),
        ),
    )
)
_MOVE_FILES = Statement(
    update(file).where(file.c.content_id == bindparam("old")).values(content_id=bindparam("new"))
)
_MOVE_VERSIONS = Statement(
    update(version)
    .where(version.c.content_id == bindparam("old"))
    .values(content_id=bindparam("new"))
)
_MOVE_REFERENCES = Statement(
    update(content)
    .where(content.c.id == bindparam("content"))
    .values(
        references=content.c.references + bindparam("more"),
        idle_since=case(
            (content.c.references + bindparam("more") > 0, None), else_=bindparam("now")
        ),
    )
)
_FILES_USING = Statement(
    select(file.c.id, file.c.name).where(file.c.content_id == bindparam("content")).limit(_LIMIT)
)
_VERSIONS_USING = Statement(
    select(version.c.file_id, version.c.name, version.c.number)
    .where(version.c.content_id == bindparam("content"))
    .limit(_LIMIT)
)


def contents_page(tx: Tx, after: int, limit: int) -> list[Brief]:
    return [_brief(row) for row in tx.all(_CONTENTS, after=after, n=limit)]


def corrupt_page(tx: Tx, after: int, limit: int) -> list[Brief]:
    """Return contents that are marked corrupt and that something refers to."""
    return [_brief(row) for row in tx.all(_CORRUPT, after=after, n=limit)]


def doomed_page(tx: Tx, before: int, after: int, limit: int) -> list[Brief]:
    """Return doomed contents that nobody has referred to since ``before``."""
    return [_brief(row) for row in tx.all(_DOOMED, before=before, after=after, n=limit)]


def known(tx: Tx, keys: list[str]) -> dict[str, Brief]:
    """Return those of the keys that a content has, with it."""
    rows = tx.all(_BRIEF.where(content.c.key.in_(keys)))
    return {brief.key: brief for brief in map(_brief, rows)}


def usages(tx: Tx, content_id: int, limit: int) -> list[Usage]:
    """Return some of the files and versions that refer to a content. Reads whole tables."""
    current = [
        Usage(row[0], row[1], None) for row in tx.all(_FILES_USING, content=content_id, n=limit)
    ]
    replaced = [
        Usage(row[0], row[1], row[2])
        for row in tx.all(_VERSIONS_USING, content=content_id, n=limit)
    ]
    return (current + replaced)[:limit]


def border(tx: Tx, after: int, count: int) -> int:
    """Return the id up to which there are ``count`` contents above ``after``, or the largest."""
    number = tx.value(_BORDER, after=after, n=count)
    return identity.MAX if number is None else int(number)


def miscounted(tx: Tx, after: int, upto: int, limit: int) -> list[Miscount]:
    """Return contents of a range whose reference count, or time without one, is wrong.

    Reads whole tables; memory grows with the number of contents in the range.
    """
    return [Miscount(*row) for row in tx.all(_MISCOUNTED, after=after, upto=upto, n=limit)]


def recount(tx: Tx, content_id: int, now: int) -> None:
    """Set the reference count of a content to what refers to it. Reads whole tables.

    A doomed one that is needed after all is marked corrupt until its bytes have been verified.
    """
    if tx.one(_LOCK_CONTENT, content=content_id) is not None:
        counted = int(tx.value(_COUNT_ONE, content=content_id))
        tx.run(_SET_REFERENCES, content=content_id, counted=counted, now=now)


def move_references(tx: Tx, old: int, new: int, now: int) -> int:
    """Let everything that refers to a content refer to another one of the same bytes."""
    for number in sorted((old, new)):
        tx.one(_LOCK_CONTENT, content=number)
    moved = tx.run(_MOVE_FILES, old=old, new=new) + tx.run(_MOVE_VERSIONS, old=old, new=new)
    tx.run(_MOVE_REFERENCES, content=new, more=moved, now=now)
    tx.run(_MOVE_REFERENCES, content=old, more=-moved, now=now)
    return moved


def _brief(row: Row) -> Brief:
    return Brief(row[0], row[1], row[2], row[3], ContentState(row[4]), row[5])
