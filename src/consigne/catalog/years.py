"""Statements about accounting years, and about what lies in them."""

from typing import Any

import msgspec
from sqlalchemy import and_, bindparam, delete, insert, select, update

from consigne.catalog.engine import Statement, Tx, any_of
from consigne.catalog.rows import params, reader
from consigne.catalog.schema import file, folder, year
from consigne.model.entities import Folder, State, Year

_year = reader(Year)
_folder = reader(Folder)

_INSERT = Statement(insert(year))
_BY_ID = Statement(select(year).where(year.c.id == bindparam("id")))
_LOCK = Statement(select(year).where(year.c.id == bindparam("id")).with_for_update())
_OF_SPACE = Statement(select(year).where(year.c.space_id == bindparam("space")).order_by(year.c.id))
_DELETE = Statement(delete(year).where(year.c.id == bindparam("id")))
_UNLINK = Statement(
    update(year).where(year.c.previous_id == bindparam("year")).values(previous_id=None)
)
_INSIDE = and_(
    file.c.year_id == bindparam("year"),
    any_of(file.c.state, (State.EXPECTED.value, State.HELD.value, State.KEPT.value)),
)
_HAS_FILES = Statement(select(file.c.id).where(_INSIDE).limit(1))
_FOLDERS = Statement(
    select(folder)
    .where(folder.c.space_id == bindparam("space"), folder.c.year_id == bindparam("year"))
    .order_by(folder.c.id)
)
_FOLDER_IDS = Statement(
    select(folder.c.id)
    .where(folder.c.space_id == bindparam("space"), folder.c.year_id == bindparam("year"))
    .limit(bindparam("n"))
)
_FREE_TRASH = Statement(
    update(file)
    .where(file.c.year_id == bindparam("year"), file.c.state == State.RELEASED.value)
    .values(year_id=None)
)
_GUARD = Statement(
    update(file)
    .where(file.c.year_id == bindparam("year"))
    .values(guards=file.c.guards.op("|")(bindparam("guard")))
)
_UNGUARD = Statement(
    update(file)
    .where(file.c.year_id == bindparam("year"))
    .values(guards=file.c.guards.op("&")(bindparam("rest")))
)


def insert_year(tx: Tx, value: Year) -> None:
    tx.run(_INSERT, **params(value))


def by_id(tx: Tx, year_id: int) -> Year | None:
    row = tx.one(_BY_ID, id=year_id)
    return _year(row) if row else None


def lock(tx: Tx, year_id: int) -> Year | None:
    """Return a year and hold its row until the transaction ends."""
    row = tx.one(_LOCK, id=year_id)
    return _year(row) if row else None


def of_space(tx: Tx, space_id: int) -> list[Year]:
    """Return the years of a space, oldest row first."""
    return [_year(row) for row in tx.all(_OF_SPACE, space=space_id)]


def change(tx: Tx, old: Year, **fields: Any) -> Year:
    """Store changed columns of a year; return the new value."""
    new = msgspec.structs.replace(old, **fields)
    plain = {name: value for name, value in params(new).items() if name in fields}
    tx.run(update(year).where(year.c.id == old.id).values(**plain))
    return new


def remove(tx: Tx, year_id: int) -> None:
    """Delete an empty year; what still names it (trash, a following year) names none then."""
    tx.run(_FREE_TRASH, year=year_id)
    tx.run(_UNLINK, year=year_id)
    tx.run(_DELETE, id=year_id)


def has_files(tx: Tx, year_id: int) -> bool:
    """Tell whether entries or files are in a year; those in the trash do not count."""
    return tx.one(_HAS_FILES, year=year_id) is not None


def folders(tx: Tx, space_id: int, year_id: int) -> list[Folder]:
    """Return all folders of a year, by id."""
    return [_folder(row) for row in tx.all(_FOLDERS, space=space_id, year=year_id)]


def count_folders(tx: Tx, space_id: int, year_id: int, limit: int) -> int:
    """Return how many folders a year has, counting up to a limit."""
    return len(tx.all(_FOLDER_IDS, space=space_id, year=year_id, n=limit))


def set_guard(tx: Tx, year_id: int, guard: int) -> None:
    """Set a guard on everything of a year."""
    tx.run(_GUARD, year=year_id, guard=guard)


def clear_guard(tx: Tx, year_id: int, guard: int) -> None:
    """Take a guard from everything of a year."""
    tx.run(_UNGUARD, year=year_id, rest=~guard & 0x7FFF)
