"""Transactions: the interface that both databases serve.

A unit of work is a plain function of a ``Tx``. It runs in one transaction, without an await between
a check and the write it guards, and may be run again after a serialisation failure, so it must not
touch anything but its transaction. Statements are SQLAlchemy Core constructs; those used often are
wrapped in ``Statement`` and compiled once per database.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar, cast

from sqlalchemy import or_
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import ClauseElement, ColumnElement
from sqlalchemy.sql.compiler import SQLCompiler

T = TypeVar("T")
Row = Sequence[Any]


class Statement:
    """A construct with named parameters that is compiled at its first use on each database."""

    __slots__ = ("_compiled", "construct")

    def __init__(self, construct: ClauseElement) -> None:
        self.construct = construct
        self._compiled: dict[str, tuple[str, dict[str, Any]]] = {}

    def compiled(self, dialect: Dialect) -> tuple[str, dict[str, Any]]:
        """Return the SQL text and the parameters that the construct itself fixes."""
        try:
            return self._compiled[dialect.name]
        except KeyError:
            return self._compiled.setdefault(dialect.name, compile_once(self.construct, dialect))


def compile_once(
    construct: ClauseElement, dialect: Dialect, *, expand: bool = False
) -> tuple[str, dict[str, Any]]:
    """Compile a construct to SQL text with named parameters and their fixed values.

    ``expand`` spells out ``IN`` lists, which needs all values to be in the construct already.
    """
    compiled = cast(
        SQLCompiler,
        construct.compile(dialect=dialect, compile_kwargs={"render_postcompile": expand}),
    )
    asked = {name for name, bound in compiled.binds.items() if bound.required}
    fixed = {name: value for name, value in compiled.params.items() if name not in asked}
    return str(compiled), fixed


def any_of(column: ColumnElement[Any], values: Iterable[Any]) -> ColumnElement[bool]:
    """Return ``column = v1 OR column = v2 …``, for statements that are compiled ahead."""
    return or_(*[column == value for value in values])


class Tx(ABC):
    """One transaction. Parameters are given by name; rows come back as tuples."""

    dialect: Dialect
    wakes = False

    @abstractmethod
    def execute(self, sql: str, params: Mapping[str, Any]) -> Any:
        """Run SQL text and return the database's cursor."""

    @abstractmethod
    def execute_many(self, sql: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run SQL text once per row of parameters."""

    def one(self, statement: Statement | ClauseElement, **params: Any) -> Row | None:
        """Return the first row or None."""
        row: Row | None = self._cursor(statement, params).fetchone()
        return row

    def all(self, statement: Statement | ClauseElement, **params: Any) -> list[Row]:
        """Return all rows."""
        rows: list[Row] = self._cursor(statement, params).fetchall()
        return rows

    def value(self, statement: Statement | ClauseElement, **params: Any) -> Any:
        """Return the first column of the first row, or None."""
        row = self._cursor(statement, params).fetchone()
        return row[0] if row else None

    def run(self, statement: Statement | ClauseElement, **params: Any) -> int:
        """Run a writing statement and return how many rows it changed."""
        count: int = self._cursor(statement, params).rowcount
        return count

    def many(self, statement: Statement, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run a writing statement once per row of parameters."""
        if rows:
            sql, fixed = statement.compiled(self.dialect)
            self.execute_many(sql, [{**fixed, **row} for row in rows] if fixed else rows)

    def wake(self) -> None:
        """Tell workers of all processes that there is something for them once this is committed.

        A hint that may get lost; a back end that cannot tell does nothing about it.
        """
        self.wakes = True

    @contextmanager
    def step(self) -> Iterator[None]:
        """Undo what is done inside, and no more, where it raises (C-52)."""
        self.execute("SAVEPOINT step", {})
        try:
            yield
        except BaseException:
            self.execute("ROLLBACK TO SAVEPOINT step", {})
            self.execute("RELEASE SAVEPOINT step", {})
            raise
        self.execute("RELEASE SAVEPOINT step", {})

    def _cursor(self, statement: Statement | ClauseElement, params: Mapping[str, Any]) -> Any:
        if isinstance(statement, Statement):
            sql, fixed = statement.compiled(self.dialect)
        else:
            sql, fixed = compile_once(statement, self.dialect, expand=True)
        return self.execute(sql, {**fixed, **params} if fixed else params)


class Promise(Protocol):
    """Something elsewhere that must be durable before a transaction is."""

    def wait(self) -> None:
        """Return when it is; raise what prevented it. Blocks; may be called more than once."""


class Bell:
    """Rings in a process when ``Tx.wake`` was called in any; for one who waits at a time.

    ``is_live``: whether it can ring at present. Where it cannot, nothing but time passes.
    """

    is_live = False

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        self._rung.set()

    async def wait(self, seconds: float) -> None:
        """Wait until it rings, so many seconds at most; not at all where it rang since the last."""
        try:
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        except TimeoutError:
            pass
        self._rung.clear()


class Catalog(ABC):
    """A database with the schema of ``catalog.schema``; ``pool`` transactions run at a time."""

    pool = 1

    @abstractmethod
    async def open(self) -> None:
        """Connect. The schema must be there (``migrate``). Raises errors.Unavailable."""

    @abstractmethod
    async def close(self) -> None:
        """Finish the transactions under way and disconnect."""

    @abstractmethod
    async def write(self, work: Callable[[Tx], T], after: Promise | None = None) -> T:
        """Run a unit of work in a transaction; return its result once it is on stable storage.

        The transaction waits for ``after``, in a thread of the catalog's own; a promise that is not
        kept undoes the unit and raises what it raises. What the work raises undoes this unit alone.
        Raises errors.Unavailable or errors.StorageFull where the database fails; nothing was stored
        then.
        """

    @abstractmethod
    async def look(self, work: Callable[[Tx], T]) -> T:
        """Run a reading unit of a few point queries. It sees everything acknowledged before."""

    @abstractmethod
    async def read(self, work: Callable[[Tx], T]) -> T:
        """Run a reading unit of any length in one snapshot, without holding up others."""

    @property
    def always(self) -> "Catalog":
        """What takes notes of signing in, also while every change of the vault is refused."""
        return self

    def bell(self) -> Bell:
        """Return a bell of the caller's own, to be called in the event loop."""
        return Bell()
