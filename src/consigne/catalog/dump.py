"""All rows of a catalog, table by table, in an order and a spelling that both databases share.

A row is a JSON array of its columns in their order: numbers in full, text, ``null``, bytes as
base64 text. The digest of a table is SHA-256 over its rows in the order of the primary key, one a
line. So a catalog on SQLite and its copy on PostgreSQL have the same digests.

Left out are the leases, which are about processes, and the full-text indexes, which are made anew
from what is here (``core.texts``).
"""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from sqlalchemy import LargeBinary, Table, bindparam, func, select, tuple_

from consigne.catalog import terms
from consigne.catalog.engine import Row, Statement, Tx
from consigne.catalog.schema import lease, metadata
from consigne.catalog.terms import POSTGRES

_PAGE = 200
_encode = msgspec.json.Encoder().encode


class Sheet(msgspec.Struct, frozen=True):
    """What a table is called and made of; ``binary`` are the columns that hold bytes."""

    name: str
    columns: list[str]
    binary: list[str]


# What is made anew from the other tables (``terms``).
INDEXES = [
    Sheet(table.name, ["rowid", "terms"], []) for table in (terms.passage_terms, terms.file_terms)
]


class Tally(msgspec.Struct, frozen=True):
    """How many rows a table has, and their digest (hex)."""

    rows: int
    sha256: str


class Counting:
    """The tally of rows that pass by in their order."""

    def __init__(self) -> None:
        self._rows = 0
        self._digest = hashlib.sha256()

    def add(self, row: Sequence[Any]) -> bytes:
        """Count a row; return its line."""
        line = _encode(row) + b"\n"
        self._digest.update(line)
        self._rows += 1
        return line

    def tally(self) -> Tally:
        """Return what came so far."""
        return Tally(self._rows, self._digest.hexdigest())


def sheets() -> list[Sheet]:
    """Return the tables of the present schema, by name."""
    return [
        Sheet(
            str(table.name),
            [str(column.name) for column in table.c],
            [str(column.name) for column in table.c if isinstance(column.type, LargeBinary)],
        )
        for table in sorted(metadata.tables.values(), key=lambda each: each.name)
        if table is not lease
    ]


def _pages_of(table: Table) -> tuple[Statement, Statement]:
    """Return the statements of a table's first page and of those behind a key."""
    keys = list(table.primary_key.columns)
    page = select(table).order_by(*keys).limit(bindparam("n"))
    marks = [bindparam(f"after_{key.name}", type_=key.type) for key in keys]
    return Statement(page), Statement(page.where(tuple_(*keys) > tuple_(*marks)))


_PAGES = {table.name: _pages_of(table) for table in metadata.tables.values()}
_SERIAL = {
    str(table.name): table.autoincrement_column
    for table in metadata.tables.values()
    if table.autoincrement_column is not None
}
_LARGEST = {name: Statement(select(func.max(column))) for name, column in _SERIAL.items()}


def rows(tx: Tx, name: str) -> Iterator[Row]:
    """Yield the rows of a table by its primary key; reads a page at a time."""
    table = metadata.tables[name]
    at = [list(table.c.keys()).index(key.name) for key in table.primary_key.columns]
    names = [f"after_{key.name}" for key in table.primary_key.columns]
    first, further = _PAGES[name]
    page = tx.all(first, n=_PAGE)
    while page:
        yield from page
        if len(page) < _PAGE:
            return
        last = page[-1]
        marks = {mark: last[index] for mark, index in zip(names, at, strict=True)}
        page = tx.all(further, n=_PAGE, **marks)


def tally(tx: Tx, name: str) -> Tally:
    """Return count and digest of a table; reads all of it."""
    counting = Counting()
    for row in rows(tx, name):
        counting.add(row)
    return counting.tally()


def last_numbers(tx: Tx) -> dict[str, int]:
    """Return the last number that the database has given out for each table with a serial key."""
    return {name: max(int(tx.value(_LARGEST[name]) or 0), _given(tx, name)) for name in _SERIAL}


def _given(tx: Tx, name: str) -> int:
    """Return what the database remembers, of rows that are gone too; 0 where it does not."""
    table = metadata.tables[name]
    if tx.dialect.name == POSTGRES:
        sequence = tx.execute(
            "SELECT pg_get_serial_sequence(%(table)s, %(column)s)",
            {"table": name, "column": _SERIAL[name].name},
        ).fetchone()[0]
        last, is_called = tx.execute(f"SELECT last_value, is_called FROM {sequence}", {}).fetchone()
        return int(last) if is_called else 0
    if not table.dialect_options["sqlite"]["autoincrement"]:
        return 0
    row = tx.execute(
        "SELECT seq FROM sqlite_sequence WHERE name = :name", {"name": name}
    ).fetchone()
    return int(row[0]) if row else 0
