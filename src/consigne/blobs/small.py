"""Small contents in one SQLite database, written with group commit.

One file per content costs three synchronisations; here many concurrent ``put`` calls share one.
Measured on ext4 with 4 KiB contents, 14 to a commit: 22,000/s against 4,000/s for files.

Rules:

- One thread at a time changes the database. It takes *all* waiting changes, writes them in one
  transaction and wakes all callers with a single call into the event loop; anything finer spends
  its time in handing the GIL back and forth. Whoever has a thread of its own to wait in takes a
  promise, which spares the event loop altogether: it does the writing itself, for all that wait.
  For the others there is a thread of the store.
- Writers of several processes queue at an ``flock`` and not at SQLite's busy handler, which sleeps
  up to 100 ms between tries. The automatic checkpoint runs inside the commit, so there is never
  more than one checkpointer either.
- A rowid table with a random unique key beats WITHOUT ROWID by far (4 KiB contents: 22,700/s
  against 5,600/s), because the key's tree stays small; 16 KiB pages suit 4 to 32 KiB contents best.
"""

import asyncio
import fcntl
import os
import queue
import secrets
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from consigne import wal
from consigne.blobs.driver import NoSpace

_SCHEMA = """
CREATE TABLE IF NOT EXISTS content (
    id BLOB NOT NULL PRIMARY KEY,
    stored_at INTEGER NOT NULL,
    data BLOB NOT NULL
)
"""
_BATCH = 256
_BATCH_BYTES = 8 << 20
_PAGE = 256
_LOG = 16_000_000


class _Ids:
    """Ids of 16 random bytes, from the system's source 64 at a time: each call to it costs a system
    call and lets go of the interpreter."""

    def __init__(self) -> None:
        self._drawn = b""
        self._at = 0

    def __call__(self) -> bytes:
        if self._at == len(self._drawn):
            self._drawn, self._at = secrets.token_bytes(64 * 16), 0
        self._at += 16
        return self._drawn[self._at - 16 : self._at]


class Kept:
    """The promise of a content (``blobs.driver.Promise``); who waits for it may have to write."""

    __slots__ = ("_error", "_store", "is_settled")

    def __init__(self, store: "SmallStore") -> None:
        self._store = store
        self.is_settled = False
        self._error: Exception | None = None

    def wait(self) -> None:
        """Return when the bytes are durable. Raises NoSpace. Blocks."""
        while not self.is_settled:
            self._store.write_waiting(self)
        if self._error is not None:
            raise self._error

    def settle(self, error: Exception | None) -> None:
        """Say how it went; once."""
        self._error = error
        self.is_settled = True


class _Change(NamedTuple):
    """One waiting change: ``data`` is None for a delete, ``done`` None if nobody waits."""

    id: bytes
    data: bytes | None
    done: "asyncio.Future[None] | Kept | None"


class SmallStore:
    """Contents of some KiB in ``path``, a database that several processes may have open."""

    def __init__(self, path: Path, *, sync: bool = True) -> None:
        self._path = path
        self._sync = sync
        self._line: deque[_Change] = deque()
        self._turn = threading.Lock()  # of who writes
        self._calls: queue.SimpleQueue[bool] = queue.SimpleQueue()  # to the thread; False ends it
        self._thread: threading.Thread | None = None
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None
        self._fresh = _Ids()

    def open(self) -> None:
        """Create the database where there is none and start the writer. Call from the loop."""
        self._loop = asyncio.get_running_loop()
        self._lock = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        try:
            writer = self._connect()
            writer.execute("PRAGMA page_size = 16384")
            writer.execute("PRAGMA journal_mode = WAL")
            writer.execute(_SCHEMA)
            if self._sync:
                wal.prewrite(writer, self._path, _LOG)
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_UN)
        writer.execute(f"PRAGMA synchronous = {'FULL' if self._sync else 'OFF'}")
        writer.execute("PRAGMA journal_size_limit = 67108864")
        self._writer = writer
        self._reader = self._connect()
        self._reader.execute("PRAGMA query_only = ON")
        # A daemon, so that a process that fails to close the store still ends: what it has not
        # written it has not answered.
        self._thread = threading.Thread(
            target=self._answer_calls, name="consigne-small", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Finish all waiting changes and let go of the database. Blocks; may be called twice."""
        if self._thread is not None:
            self._calls.put(False)
            self._thread.join()
            self._thread = None
            os.close(self._lock)
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    async def put(self, data: bytes) -> bytes:
        """Store ``data`` durably and return its fresh id, 16 random bytes. Raises NoSpace."""
        id = self._fresh()
        done: asyncio.Future[None] = self._loop.create_future()
        self._change(_Change(id, data, done))
        await done
        return id

    def promise(self, data: bytes) -> tuple[bytes, Kept]:
        """Put ``data`` in line; return its id, and what makes it durable."""
        change = _Change(self._fresh(), data, kept := Kept(self))
        self._line.append(change)
        return change.id, kept

    async def delete(self, id: bytes) -> None:
        """Remove a content; an unknown id is no error."""
        done: asyncio.Future[None] = self._loop.create_future()
        self._change(_Change(id, None, done))
        await done

    def get(self, id: bytes) -> bytes | None:
        """Return a content, or None. Some 10 µs from a warm cache: call it in the event loop.

        A row that SQLite finds malformed is returned as empty, which the caller sees as truncated.
        """
        assert self._reader is not None, "the store is not open"
        try:
            row = self._reader.execute("SELECT data FROM content WHERE id = ?", (id,)).fetchone()
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            return b""
        return None if row is None else bytes(row[0])

    def rows(self) -> Iterator[tuple[bytes, int, int]]:
        """Yield id, size and time (ms) of every content, a page at a time, from any one thread."""
        reader = self._connect()
        try:
            after = b""
            while page := reader.execute(
                "SELECT id, length(data), stored_at FROM content WHERE id > ? ORDER BY id LIMIT ?",
                (after, _PAGE),
            ).fetchall():
                yield from page
                after = page[-1][0]
        finally:
            reader.close()

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(
            self._path, timeout=30, isolation_level=None, check_same_thread=False
        )

    def write_waiting(self, wanted: Kept | None = None) -> None:
        """Write the changes that wait, a bounded number; none where somebody wrote ``wanted``."""
        with self._turn:
            if wanted is not None and wanted.is_settled:
                return
            assert self._writer is not None, "the store is not open"
            batch = self._drain()
            if not batch:
                return
            error = self._apply(self._writer, batch)
            waiting = []
            for change in batch:
                if isinstance(change.done, Kept):
                    change.done.settle(error)
                elif change.done is not None:
                    waiting.append(change)
            if waiting:
                self._loop.call_soon_threadsafe(self._settle, waiting, error)

    def _change(self, change: _Change) -> None:
        """Put a change in line that nobody waits for in a thread."""
        self._line.append(change)
        self._calls.put(True)

    def _answer_calls(self) -> None:
        """Body of the thread."""
        is_open = True
        while is_open:
            is_open = self._calls.get()
            while self._line:
                self.write_waiting()

    def _drain(self) -> list[_Change]:
        """Return what waits, bounded in number and bytes."""
        batch: list[_Change] = []
        size = 0
        while self._line and len(batch) < _BATCH and size < _BATCH_BYTES:
            change = self._line.popleft()
            if not (isinstance(change.done, asyncio.Future) and change.done.cancelled()):
                batch.append(change)
                size += len(change.data or b"")
        return batch

    def _apply(self, connection: sqlite3.Connection, batch: list[_Change]) -> Exception | None:
        """Write a batch in one transaction; return what went wrong."""
        now = time.time_ns() // 1_000_000
        inserts = [(each.id, now, each.data) for each in batch if each.data is not None]
        deletes = [(each.id,) for each in batch if each.data is None]
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        try:
            connection.execute("BEGIN IMMEDIATE")
            if inserts:
                connection.executemany("INSERT INTO content VALUES (?, ?, ?)", inserts)
            if deletes:
                connection.executemany("DELETE FROM content WHERE id = ?", deletes)
            connection.execute("COMMIT")
        except Exception as error:  # whatever it is, the callers hear of it and the thread lives
            self._roll_back(connection)
            full = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
            return NoSpace(str(error)) if full else error
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_UN)
        return None

    def _roll_back(self, connection: sqlite3.Connection) -> None:
        try:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        except sqlite3.Error:
            # The transaction is not committed either way; the next BEGIN says if it is stuck.
            pass

    def _settle(self, batch: list[_Change], error: Exception | None) -> None:
        """Wake the callers of ``put`` and ``delete`` in a batch (in the event loop)."""
        for change in batch:
            assert isinstance(change.done, asyncio.Future)
            if not change.done.done():
                if error is None:
                    change.done.set_result(None)
                else:
                    change.done.set_exception(error)
            elif change.data is not None and error is None and self._thread is not None:
                # The caller was cancelled while we wrote: nobody will ever learn this id.
                self._change(_Change(change.id, None, None))
