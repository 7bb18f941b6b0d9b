"""Filling an empty catalog with the rows of another one (``catalog.dump``).

While it is filled, a row among the leases says so: no server, worker or command takes a catalog
for whole that is not, and whoever fills it can be killed and begin again.
"""

import base64
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import bindparam, column, delete, insert, literal_column, select, table, update
from sqlalchemy.dialects.postgresql import insert as upsert

from consigne.catalog.dump import Sheet, last_numbers
from consigne.catalog.engine import Statement, Tx
from consigne.catalog.schema import lease, metadata
from consigne.catalog.terms import POSTGRES

MARK = "filling"
_EVER = (1 << 62) - 1

_LIVE = Statement(
    select(lease.c.name, lease.c.holder).where(
        lease.c.until >= bindparam("now"), lease.c.name != MARK
    )
)
_BEGIN = Statement(upsert(lease).on_conflict_do_nothing())
_GO_ON = Statement(update(lease).where(lease.c.name == MARK).values(holder=bindparam("what")))
_WHAT = Statement(select(lease.c.holder).where(lease.c.name == MARK))
_END = Statement(delete(lease).where(lease.c.name == MARK))


def live_leases(tx: Tx, now: int) -> list[tuple[str, str]]:
    """Return (name, holder) of the leases that run: servers, workers, long commands."""
    return [(row[0], row[1]) for row in tx.all(_LIVE, now=now)]


def filled(tx: Tx, sheets: Iterable[Sheet]) -> str | None:
    """Return the name of a table that has rows, None where none has."""
    for sheet in sheets:
        rows = table(sheet.name)
        if tx.one(select(literal_column("1")).select_from(rows).limit(1)) is not None:
            return sheet.name
    return None


def begin(tx: Tx, what: str) -> None:
    """Mark the catalog as being filled: ``what`` says by what, and how far it is."""
    tx.run(_BEGIN, name=MARK, holder=what, until=_EVER)
    tx.run(_GO_ON, what=what)


def under_way(tx: Tx) -> str | None:
    """Return what fills the catalog; None where it is whole."""
    found: str | None = tx.value(_WHAT)
    return found


def end(tx: Tx) -> None:
    """Say that the catalog is whole."""
    tx.run(_END)


def wipe(tx: Tx, sheets: Iterable[Sheet]) -> None:
    """Remove all rows of tables."""
    names = [sheet.name for sheet in sheets]
    if tx.dialect.name == POSTGRES:
        tx.execute(f"TRUNCATE {', '.join(names)}", {})
        return
    for name in names:
        tx.run(delete(table(name)))


def add(tx: Tx, sheet: Sheet, rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows as they were read from a database; the sheet need not be of this schema."""
    statement = _insert(sheet.name, tuple(sheet.columns))
    tx.many(statement, [dict(zip(sheet.columns, row, strict=True)) for row in rows])


def from_line(sheet: Sheet, row: Sequence[Any]) -> list[Any]:
    """Return a row as a database takes it, of one that was written as JSON. Raises ValueError."""
    if len(row) != len(sheet.columns):
        raise ValueError(f"a row of {sheet.name} has {len(row)} values")
    values = list(row)
    for name in sheet.binary:
        at = sheet.columns.index(name)
        if values[at] is not None:
            values[at] = base64.b64decode(values[at], validate=True)
    return values


def set_numbers(tx: Tx, numbers: Mapping[str, int]) -> None:
    """Let the database go on behind the last numbers that were given out (``last_numbers``)."""
    for name, present in last_numbers(tx).items():
        last = max(present, numbers.get(name, 0))
        if not last:
            continue
        if tx.dialect.name == POSTGRES:
            key = metadata.tables[name].autoincrement_column
            assert key is not None
            tx.execute(
                "SELECT setval(pg_get_serial_sequence(%(table)s, %(column)s), %(last)s)",
                {"table": name, "column": key.name, "last": last},
            )
        elif metadata.tables[name].dialect_options["sqlite"]["autoincrement"]:
            given = {"name": name, "last": last}
            tx.execute("DELETE FROM sqlite_sequence WHERE name = :name", {"name": name})
            tx.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :last)", given)


@cache
def _insert(name: str, columns: tuple[str, ...]) -> Statement:
    return Statement(insert(table(name, *map(column, columns))))
