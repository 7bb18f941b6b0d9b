"""PostgreSQL: the engine to grow on.

Units of work run in a thread pool, each thread with a connection of its own. Transactions are READ
COMMITTED with row locks and conditional updates where it matters; deadlocks and serialisation
failures are tried again. No unit waits for ever: for a connection, for a lock and for the end of a
statement there is a limit each. A connection that breaks is replaced at the next unit, which does
not notice.
"""

import asyncio
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from consigne import tracing
from consigne.catalog.engine import Bell, Catalog, Promise, Tx
from consigne.catalog.postgres_bells import WAKE, Bells
from consigne.errors import BadParameter, Internal, StorageFull, Unavailable
from consigne.meters import known

T = TypeVar("T")

_DIALECT = PGDialect_psycopg()  # type: ignore[no-untyped-call]
_TRIES = 8
_ID_TRIES = 3
_RETRIED = (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected)
_READ_ONLY = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_LIMITS = "SELECT set_config('statement_timeout', %s, false), set_config('lock_timeout', %s, false)"
# What the URL does not say: a database whose machine is gone is noticed within a minute.
_CONNECTION = {
    "application_name": "consigne",
    "connect_timeout": "5",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
}


@dataclass(frozen=True)
class Patience:
    """Longest waits in seconds, 0: without a limit. ``turn``: for a free connection; ``statement``:
    for the end of a statement; ``lock``: for a row or table that another transaction holds.
    """

    turn: float = 10
    statement: float = 30
    lock: float = 10


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
    """A catalog in one PostgreSQL database, given by its ``postgresql://`` URL.

    ``pool``: most connections, beside one that listens where somebody asked for a bell.
    """

    def __init__(self, url: str, pool: int = 8, patience: Patience | None = None) -> None:
        self._url = url
        self._patience = patience or Patience()
        self.pool = pool
        self._threads = ThreadPoolExecutor(pool, "catalog")
        self._turns = asyncio.Semaphore(pool)
        self._local = threading.local()
        self._opened: set[psycopg.Connection[Any]] = set()
        self._bells: Bells | None = None

    async def open(self) -> None:
        await self.look(lambda tx: tx.execute("SELECT 1", {}))

    async def close(self) -> None:
        if self._bells is not None:
            await self._bells.close()
        self._threads.shutdown()
        for connection in self._opened:
            connection.close()
        self._opened.clear()

    async def write(self, work: Callable[[Tx], T], after: Promise | None = None) -> T:
        timed = known.CATALOG_SECONDS.timed("write", level=known.CATALOG_UNDER_WAY)
        with timed, tracing.span("catalog.write"):
            return await asyncio.shield(self._submit("BEGIN", work, after))

    async def look(self, work: Callable[[Tx], T]) -> T:
        timed = known.CATALOG_SECONDS.timed("look", level=known.CATALOG_UNDER_WAY)
        with timed, tracing.span("catalog.look"):
            return await self._submit("BEGIN READ ONLY", work)

    async def read(self, work: Callable[[Tx], T]) -> T:
        timed = known.CATALOG_SECONDS.timed("read", level=known.CATALOG_UNDER_WAY)
        with timed, tracing.span("catalog.read"):
            return await self._submit(_READ_ONLY, work)

    def bell(self) -> Bell:
        if self._bells is None:
            self._bells = Bells(_CONNECTION | _told(self._url))
        return self._bells.hang()

    async def _submit(self, begin: str, work: Callable[[Tx], T], after: Promise | None = None) -> T:
        if self._turns.locked():
            try:
                async with asyncio.timeout(self._patience.turn or None):
                    await self._turns.acquire()
            except TimeoutError as error:
                raise Unavailable("The catalog is too busy.", retry_after=1) from error
        else:
            await self._turns.acquire()
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._threads, self._run, begin, work, after)
        future.add_done_callback(lambda _: self._turns.release())
        return await future

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
            except (psycopg.errors.QueryCanceled, psycopg.errors.LockNotAvailable) as error:
                raise Unavailable("The catalog took too long.", retry_after=1) from error
            except psycopg.OperationalError as error:
                raise Unavailable("The catalog is not available.", retry_after=1) from error
            except (psycopg.DataError, UnicodeEncodeError) as error:
                raise BadParameter("A value is too large or not text.") from error
            except psycopg.Error as error:
                raise Internal(f"The catalog refused a statement: {error}") from error
        raise Unavailable("The catalog is too busy.", retry_after=1)

    def _attempt(self, begin: str, work: Callable[[Tx], T]) -> T:
        connection = self._begun(begin)
        tx = PostgresTx(connection)
        try:
            result = work(tx)
            connection.execute("COMMIT")
        except BaseException:
            if not connection.closed and not connection.broken:
                connection.execute("ROLLBACK")
            raise
        if tx.wakes:
            with suppress(psycopg.Error):
                connection.execute(WAKE)
        return result

    def _begun(self, begin: str) -> psycopg.Connection[Any]:
        """Return this thread's connection in a new transaction; another one where the database was
        restarted since it was last used."""
        connection = self._connection()
        try:
            connection.execute(begin)
        except psycopg.OperationalError:
            if not connection.closed:
                raise
            connection = self._connection()
            connection.execute(begin)
        return connection

    def _connection(self) -> psycopg.Connection[Any]:
        connection: psycopg.Connection[Any] | None = getattr(self._local, "connection", None)
        if connection is None or connection.closed or connection.broken:
            if connection is not None:
                self._opened.discard(connection)
            connection = psycopg.connect(autocommit=True, **(_CONNECTION | _told(self._url)))
            limits = (self._patience.statement, self._patience.lock)
            connection.execute(_LIMITS, [f"{round(limit * 1000)}ms" for limit in limits])
            self._local.connection = connection
            self._opened.add(connection)
        return connection


def _told(url: str) -> dict[str, Any]:
    """Return what a URL says of its connection."""
    return {name: value for name, value in conninfo_to_dict(url).items() if value is not None}
