"""A stage of the local driver: one file in ``staging/``, and the order in which it is made safe."""

import ctypes
import errno
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from consigne.blobs.driver import NoSpace
from consigne.blobs.threads import run

# As large a piece as is written at once, and small beside what one upload may have in the cache.
_AHEAD = 8 << 20
_SYNC_FILE_RANGE_WRITE = 2  # sync_file_range(2)

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def _system_call() -> Callable[[int, int, int, int], int] | None:
    call = getattr(ctypes.CDLL(None), "sync_file_range", None)
    if call is not None:
        call.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
    return call


_sync_file_range = _system_call()


class Adopter(Protocol):
    """Who takes a finished file over: the driver."""

    def adopt(self, path: Path) -> str:
        """Move a synced file into place durably and return its key."""

    def forget(self, key: str) -> None:
        """Unlink a content that nobody has been told of."""


class LocalStage:
    """A file open for reading and writing; every blocking step runs in ``pool``."""

    def __init__(
        self, adopter: Adopter, path: Path, fd: int, pool: Executor, *, sync: bool
    ) -> None:
        self._adopter = adopter
        self._path = path
        self._fd = fd
        self._pool = pool
        self._sync = sync
        self._named = False
        self._gone = False
        self._unwritten = 0

    async def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        """Write at ``offset``. Raises NoSpace."""
        with telling_full():
            await run(self._pool, self._write, offset, data)

    async def flush(self) -> None:
        """Synchronise the bytes and, the first time, the stage's name. Raises NoSpace."""
        with telling_full():
            await run(self._pool, self._flush)

    async def read(self, offset: int, length: int) -> bytes:
        """Return up to ``length`` bytes from ``offset``."""
        return await run(self._pool, self._read, offset, length)

    async def commit(self, size: int) -> str:
        """Cut, synchronise, link into place; return the key. Raises NoSpace."""
        with telling_full():
            key = await run(self._pool, self._commit, size, undo=self._adopter.forget)
        await self.close()
        return key

    async def discard(self) -> None:
        """Unlink the stage's name and let go of the file; a content keeps its own name."""
        await self.close()
        if not self._gone:
            await run(self._pool, self._path.unlink, True)
            self._gone = True

    async def close(self) -> None:
        """Close the descriptor."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        self._refuse_if_committed()
        written = os.pwrite(self._fd, data, offset)
        rest = memoryview(data)[written:]
        while rest:
            offset += written
            written = os.pwrite(self._fd, rest, offset)
            rest = rest[written:]
        if self._sync:
            self._unwritten += len(data)
            if self._unwritten >= _AHEAD:
                self._unwritten = 0
                begin_writing(self._fd)

    def _flush(self) -> None:
        if not self._sync:
            return
        os.fdatasync(self._fd)
        if not self._named:
            fsync_folder(self._path.parent)
            self._named = True

    def _read(self, offset: int, length: int) -> bytes:
        parts: list[bytes] = []
        while length > 0 and (data := os.pread(self._fd, length, offset)):
            parts.append(data)
            offset += len(data)
            length -= len(data)
        return b"".join(parts)

    def _commit(self, size: int) -> str:
        now = os.fstat(self._fd).st_size
        if now > size:
            self._refuse_if_committed()
        if now < size:
            # Cutting would pad with zeros what was written and is no longer there.
            raise OSError(errno.EIO, "the stage lost bytes that were written to it")
        os.ftruncate(self._fd, size)
        # Sweepers go by this time: a content that took days to arrive is new at this moment.
        os.utime(self._fd)
        if self._sync:
            os.fsync(self._fd)
        return self._adopter.adopt(self._path)

    def _refuse_if_committed(self) -> None:
        """Raise OSError if the file has a content's name too: its bytes are immutable by then.

        A late part, or one that is repeated between the commit and ``discard``, would otherwise
        change a content that has been promised to somebody.
        """
        if os.fstat(self._fd).st_nlink > 1:
            raise OSError(errno.EBUSY, "the stage has been committed and must not change")


def begin_writing(fd: int) -> None:
    """Have the system begin to write what is dirty of a file, without waiting for it.

    By itself it begins after seconds or gigabytes, and a large upload would wait for the disk only
    when its last byte is in. A hint: where the system has no such call, nothing happens.
    """
    if _sync_file_range is not None:
        _sync_file_range(fd, 0, 0, _SYNC_FILE_RANGE_WRITE)


def fsync_folder(folder: Path) -> None:
    """Make the names in ``folder`` durable. Blocks."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


@contextmanager
def telling_full() -> Iterator[None]:
    """Turn the system's ways of saying "no room" into NoSpace."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise NoSpace(str(error)) from error
        raise
