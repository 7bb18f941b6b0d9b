"""PostgreSQL: the engine to grow on.

Units of work run in a thread pool, each thread with a connection of its own. Transactions are READ
COMMITTED with row locks and conditional updates where it matters; deadlocks and serialisation
failures are tried again. A connection that breaks is replaced at the next unit.
"""

import asyncio
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import psycopg
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from consigne.catalog.engine import Catalog, Promise, Tx
from consigne.errors import BadParameter, Internal, StorageFull, Unavailable

T = TypeVar("T")

_DIALECT = PGDialect_psycopg()  # type: ignore[no-untyped-call]
_TRIES = 8
_ID_TRIES = 3
_RETRIED = (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected)
_READ_ONLY = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


class PostgresTx(Tx):
    """A transaction on one connection."""

    dialect = _DIALECT

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def execute(self, sql: str, params: Mapping[str, Any]) -> Any:
        return self._connection.execute(sql, params)

    def execute_many(self, sql: str, rows: Sequence[Mapping[str, Any]]) -> None:
        with self._connection.cursor() as cursor:
            cursor.executemany(sql, rows)


class PostgresCatalog(Catalog):
    """A catalog in one PostgreSQL database, given by its ``postgresql://`` URL."""

    def __init__(self, url: str, pool: int = 8) -> None:
        self._url = url
        self._threads = ThreadPoolExecutor(pool, "catalog")
        self._local = threading.local()
        self._opened: list[psycopg.Connection[Any]] = []

    async def open(self) -> None:
        await self.look(lambda tx: tx.execute("SELECT 1", {}))

    async def close(self) -> None:
        self._threads.shutdown()
        for connection in self._opened:
            connection.close()
        self._opened.clear()

    async def write(self, work: Callable[[Tx], T], after: Promise | None = None) -> T:
        return await asyncio.shield(self._submit("BEGIN", work, after))

    async def look(self, work: Callable[[Tx], T]) -> T:
        return await self._submit("BEGIN READ ONLY", work)

    async def read(self, work: Callable[[Tx], T]) -> T:
        return await self._submit(_READ_ONLY, work)

    def _submit(
        self, begin: str, work: Callable[[Tx], T], after: Promise | None = None
    ) -> "asyncio.Future[T]":
        loop = asyncio.get_running_loop()
        return loop.run_in_executor(self._threads, self._run, begin, work, after)

    def _run(self, begin: str, work: Callable[[Tx], T], after: Promise | None) -> T:
        if after is not None:
            after.wait()
        for attempt in range(_TRIES):
            try:
                return self._attempt(begin, work)
            except psycopg.errors.UniqueViolation as error:
                # An id that exists already, of 2 million in its millisecond: the next one is free.
                if attempt + 1 == _ID_TRIES:
                    raise Internal(f"The catalog refused a statement: {error}") from error
            except _RETRIED:
                time.sleep(random.uniform(0, 0.01 * 2**attempt))
            except psycopg.errors.DiskFull as error:
                raise StorageFull("The catalog's disk is full.") from error
            except psycopg.OperationalError as error:
                raise Unavailable("The catalog is not available.", retry_after=1) from error
            except (psycopg.DataError, UnicodeEncodeError) as error:
                raise BadParameter("A value is too large or not text.") from error
            except psycopg.Error as error:
                raise Internal(f"The catalog refused a statement: {error}") from error
        raise Unavailable("The catalog is too busy.", retry_after=1)

    def _attempt(self, begin: str, work: Callable[[Tx], T]) -> T:
        connection = self._connection()
        try:
            connection.execute(begin)
            result = work(PostgresTx(connection))
            connection.execute("COMMIT")
        except BaseException:
            if not connection.closed and not connection.broken:
                connection.execute("ROLLBACK")
            raise
        return result

    def _connection(self) -> psycopg.Connection[Any]:
        connection: psycopg.Connection[Any] | None = getattr(self._local, "connection", None)
        if connection is None or connection.closed or connection.broken:
            connection = psycopg.connect(self._url, autocommit=True, connect_timeout=5)
            self._local.connection = connection
            self._opened.append(connection)
        return connection
