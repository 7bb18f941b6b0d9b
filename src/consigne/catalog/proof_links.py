"""Statements of ``fsck`` about links: what records, files and pins say of one another.

As in ``proof``: each check is one statement, and each repair counts again behind the row's lock.
"""

from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, bindparam, exists, func, or_, select, update

from consigne.catalog.engine import Statement, Tx, any_of
from consigne.catalog.proof import paged
from consigne.catalog.schema import file, import_run, link, record, version
from consigne.model.entities import Guard, Reason, State

_KEEPABLE = (State.HELD.value, State.KEPT.value)

_STRAY = or_(
    record.c.id.is_(None),
    file.c.id.is_(None),
    file.c.space_id != link.c.space_id,
    ~any_of(file.c.state, _KEEPABLE),
)
_WITH_BOTH = link.outerjoin(record, record.c.id == link.c.record_id).outerjoin(
    file, file.c.id == link.c.file_id
)
_STRAY_LINKS = paged(
    select(link.c.record_id).distinct().select_from(_WITH_BOTH).where(_STRAY), link.c.record_id
)
_STRAY_OF = Statement(
    select(link.c.field, link.c.idx)
    .select_from(_WITH_BOTH)
    .where(link.c.record_id == bindparam("record"), _STRAY)
)
_LOST_VERSIONS = paged(
    select(link.c.record_id)
    .distinct()
    .select_from(
        link.join(file, file.c.id == link.c.file_id).outerjoin(
            version,
            and_(version.c.file_id == link.c.file_id, version.c.number == link.c.version),
        )
    )
    .where(link.c.is_live == 0, link.c.version != file.c.version, version.c.number.is_(None)),
    link.c.record_id,
)


def _has(live: int) -> ColumnElement[bool]:
    return exists().where(link.c.file_id == file.c.id, link.c.is_live == live)


def _differs(bit: ColumnElement[bool], there: ColumnElement[bool]) -> ColumnElement[bool]:
    return or_(and_(bit, ~there), and_(~bit, there))


# The CSV of an import is linked by it, as long as it is listed.
_IS_LINKED = or_(_has(1), exists().where(import_run.c.file_id == file.c.id))
_HAS_LINK = file.c.reasons.op("&")(int(Reason.LINK)) != 0
_HAS_PIN = file.c.reasons.op("&")(int(Reason.PIN)) != 0
_HAS_GUARD = file.c.guards.op("&")(int(Guard.LINKED)) != 0
_WRONG_REASONS = paged(
    select(file.c.id, file.c.name).where(
        any_of(file.c.state, _KEEPABLE),
        or_(
            _differs(_HAS_LINK, _IS_LINKED),
            _differs(_HAS_PIN, _has(0)),
            _differs(_HAS_GUARD, or_(_IS_LINKED, _has(0))),
            and_(file.c.state == State.HELD.value, _IS_LINKED),
        ),
    ),
    file.c.id,
)
_SHOWN = (
    select(func.count())
    .select_from(link)
    .where(
        link.c.file_id == version.c.file_id,
        link.c.is_live == 0,
        link.c.version == version.c.number,
    )
    .scalar_subquery()
)
_WRONG_PINS = paged(
    select(version.c.file_id).distinct().where(version.c.pins != _SHOWN), version.c.file_id
)
_SET_PINS = Statement(
    update(version).where(version.c.file_id == bindparam("file")).values(pins=_SHOWN)
)
_COUNTS = Statement(
    select(link.c.is_live, func.count())
    .where(link.c.file_id == bindparam("file"))
    .group_by(link.c.is_live)
)
_RUNS = Statement(
    select(func.count()).select_from(import_run).where(import_run.c.file_id == bindparam("file"))
)


class Links(NamedTuple):
    """How many links a file has, those of imports among the live ones."""

    live: int
    frozen: int


def stray_links(tx: Tx, after: int, limit: int) -> list[int]:
    """Return records, or numbers of records that are gone, with links to what is not there."""
    return [row[0] for row in tx.all(_STRAY_LINKS, after=after, n=limit)]


def stray_of(tx: Tx, record_id: int) -> list[tuple[str, int]]:
    """Return field and row of a record's links to what is not there."""
    return [(row[0], row[1]) for row in tx.all(_STRAY_OF, record=record_id)]


def lost_versions(tx: Tx, after: int, limit: int) -> list[int]:
    """Return frozen revisions that show a version of a file that is gone."""
    return [row[0] for row in tx.all(_LOST_VERSIONS, after=after, n=limit)]


def wrong_reasons(tx: Tx, after: int, limit: int) -> list[tuple[int, str]]:
    """Return (id, name) of files whose reasons and guards do not say how they are linked."""
    return [(row[0], row[1]) for row in tx.all(_WRONG_REASONS, after=after, n=limit)]


def wrong_pins(tx: Tx, after: int, limit: int) -> list[int]:
    """Return files with a version whose pins are not the frozen links to it."""
    return [row[0] for row in tx.all(_WRONG_PINS, after=after, n=limit)]


def set_pins(tx: Tx, file_id: int) -> None:
    """Count the pins of a file's versions again; the caller holds its row."""
    tx.run(_SET_PINS, file=file_id)


def counted(tx: Tx, file_id: int) -> Links:
    """Return how many live and frozen links a file has."""
    found = {row[0]: int(row[1]) for row in tx.all(_COUNTS, file=file_id)}
    runs = int(tx.value(_RUNS, file=file_id))
    return Links(found.get(1, 0) + runs, found.get(0, 0))
