"""SQLite: the embedded default (C-51).

One writer thread per process takes units of work off a queue and commits as many as are waiting
together; each runs in a savepoint, so that one that fails does not take its neighbours along. With
``synchronous=FULL`` a commit returns after the write-ahead log is synced, and only then are the
waiting requests answered. Several processes may share the file: their writers queue at an ``flock``
and not at SQLite's busy handler, which sleeps up to 100 ms between tries. Point reads run inline
on the event loop, longer ones in a small thread pool.
"""

import asyncio
import fcntl
import os
import queue
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from consigne import tracing, wal
from consigne.catalog.engine import Catalog, Promise, Tx
from consigne.errors import BadParameter, Internal, StorageFull, Unavailable
from consigne.meters import known

T = TypeVar("T")

_DIALECT = SQLiteDialect_pysqlite(paramstyle="named")
_BATCH = 256
_BUSY_MS = 15_000
_READERS = 4
_CHECKPOINT_PAGES = 4000
_TRIES = 3
UNSTORABLE = (OverflowError, UnicodeEncodeError)  # what SQLite says to a value that it cannot take


class SqliteTx(Tx):
    """A transaction on one connection."""

    dialect = _DIALECT

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.execute = connection.execute  # type: ignore[method-assign,assignment]

    def execute(self, sql: str, params: Mapping[str, Any]) -> Any:
        raise NotImplementedError  # bound to the connection's own method above

    def execute_many(self, sql: str, rows: Sequence[Mapping[str, Any]]) -> None:
        self._connection.executemany(sql, rows)


class _Unit:
    """A unit of work on its way through the writer."""

    __slots__ = ("after", "error", "future", "loop", "result", "work")

    def __init__(self, work: Callable[[Tx], Any], after: Promise | None) -> None:
        self.work = work
        self.after = after
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self.loop.create_future()
        self.result: Any = None
        self.error: BaseException | None = None


class SqliteCatalog(Catalog):
    """A catalog in one SQLite file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._queue: queue.SimpleQueue[_Unit | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._inline: sqlite3.Connection | None = None
        self._inline_tx: SqliteTx | None = None
        self._readers = ThreadPoolExecutor(_READERS, "catalog-read")
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._turn = -1

    async def open(self) -> None:
        self._inline = self._connect()
        self._inline_tx = SqliteTx(self._inline)
        self._turn = _open_lock(self._path)
        writer = self._connect()
        wal.prewrite(writer, self._path, _CHECKPOINT_PAGES * 4096)
        self._thread = threading.Thread(
            target=self._write_loop, args=(writer,), name="catalog-write", daemon=True
        )
        self._thread.start()

    async def close(self) -> None:
        if self._thread is not None:
            self._queue.put(None)
            await asyncio.to_thread(self._thread.join)
            self._thread = None
        self._readers.shutdown()
        for connection in self._opened:
            connection.close()
        self._opened.clear()
        if self._turn >= 0:
            os.close(self._turn)
            self._turn = -1

    async def write(self, work: Callable[[Tx], T], after: Promise | None = None) -> T:
        unit = _Unit(work, after)
        timed = known.CATALOG_SECONDS.timed("write", level=known.CATALOG_UNDER_WAY)
        with timed, tracing.span("catalog.write"):
            self._queue.put(unit)
            result: T = await unit.future
        return result

    async def look(self, work: Callable[[Tx], T]) -> T:
        assert self._inline_tx is not None, "the catalog is not open"
        try:
            return work(self._inline_tx)
        except (sqlite3.Error, *UNSTORABLE) as error:
            raise translated(error) from error

    async def read(self, work: Callable[[Tx], T]) -> T:
        loop = asyncio.get_running_loop()
        timed = known.CATALOG_SECONDS.timed("read", level=known.CATALOG_UNDER_WAY)
        with timed, tracing.span("catalog.read"):
            return await loop.run_in_executor(self._readers, self._read, work)

    def _read(self, work: Callable[[Tx], T]) -> T:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._connect()
        connection.execute("BEGIN")
        try:
            return work(SqliteTx(connection))
        except (sqlite3.Error, *UNSTORABLE) as error:
            raise translated(error) from error
        finally:
            connection.execute("ROLLBACK")

    def _connect(self) -> sqlite3.Connection:
        try:
            connection = sqlite3.connect(
                self._path,
                isolation_level=None,
                check_same_thread=False,
                cached_statements=512,
                timeout=_BUSY_MS / 1000,
            )
            connection.executescript(
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY;"
                "PRAGMA cache_size=-8000;"
                f"PRAGMA wal_autocheckpoint={_CHECKPOINT_PAGES};"
            )
        except sqlite3.Error as error:
            raise Unavailable(f"The catalog cannot be opened: {error}") from error
        self._opened.append(connection)
        return connection

    def _write_loop(self, connection: sqlite3.Connection) -> None:
        tx = SqliteTx(connection)
        stop = False
        while not stop:
            # What they wait for is awaited before the lock that other processes wait for.
            units, stop = _waiting(self._queue)
            able = [unit for unit in units if _is_ready(unit)]
            fcntl.flock(self._turn, fcntl.LOCK_EX)
            try:
                _commit_batch(connection, tx, able)
            finally:
                fcntl.flock(self._turn, fcntl.LOCK_UN)
            _resolve(units)


def _open_lock(database: Path) -> int:
    """Return a descriptor of the file at which the writers of all processes queue."""
    try:
        return os.open(database.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise Unavailable(f"The catalog cannot be opened: {error}") from error


def _waiting(line: "queue.SimpleQueue[_Unit | None]") -> tuple[list[_Unit], bool]:
    """Wait for a unit; return it with all that wait behind it, and whether it is time to stop."""
    units: list[_Unit] = []
    unit = line.get()
    while unit is not None:
        units.append(unit)
        if len(units) == _BATCH:
            return units, False
        try:
            unit = line.get_nowait()
        except queue.Empty:
            return units, False
    return units, True


def _is_ready(unit: _Unit) -> bool:
    """Wait for what must be durable before a unit is; False where that failed, and the unit too."""
    if unit.after is not None:
        try:
            unit.after.wait()
        except Exception as error:
            unit.error = error
            return False
    return True


def _commit_batch(connection: sqlite3.Connection, tx: SqliteTx, units: Sequence[_Unit]) -> None:
    """Run units in one transaction, each with its own result or error."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        for unit in units:
            _run_unit(connection, tx, unit)
        connection.execute("COMMIT")
        known.CATALOG_COMMITS.add(1)
    except BaseException as error:  # the writer must outlive whatever a unit of work does
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        failure = translated(error)
        for failed in units:
            failed.error = failure


def _run_unit(connection: sqlite3.Connection, tx: SqliteTx, unit: _Unit) -> None:
    connection.execute("SAVEPOINT unit")
    for attempt in range(_TRIES):
        unit.error = None
        try:
            unit.result = unit.work(tx)
        except BaseException as error:
            unit.error = translated(error)
            if not connection.in_transaction:  # the database itself gave up: the disk is full
                raise
            connection.execute("ROLLBACK TO unit")
            # An id that exists already, of 2 million in its millisecond: the next one is free.
            if isinstance(error, sqlite3.IntegrityError) and attempt + 1 < _TRIES:
                continue
        break
    connection.execute("RELEASE unit")


def _resolve(units: Sequence[_Unit]) -> None:
    """Wake the requests of a batch, one call into each event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Unit]] = {}
    for unit in units:
        by_loop.setdefault(unit.loop, []).append(unit)
    for loop, its_units in by_loop.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_settle, its_units)


def _settle(units: Sequence[_Unit]) -> None:
    for unit in units:
        if unit.future.cancelled():
            continue
        if unit.error is not None:
            unit.future.set_exception(unit.error)
            unit.future.exception()  # a caller that went away must not leave a warning
        else:
            unit.future.set_result(unit.result)


def translated(error: BaseException) -> BaseException:
    """Return what a caller is told of an error of the database; others as they are."""
    if isinstance(error, UNSTORABLE):
        return BadParameter("A value is too large or not text.")
    if not isinstance(error, sqlite3.Error):
        return error
    text = str(error)
    if "full" in text:
        return StorageFull("The catalog's disk is full.")
    if "locked" in text or "busy" in text or "unable to open" in text or "disk I/O" in text:
        return Unavailable("The catalog is not available.", retry_after=1)
    return Internal(f"The catalog refused a statement: {text}")
