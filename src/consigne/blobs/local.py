"""The default driver: a folder on one machine.

::

    objects/ab/<32 hex>   contents, key ``f-<32 hex>``
    small.db              small contents, key ``s-<32 hex>`` (see ``consigne.blobs.small``)
    staging/<32 hex>      bytes on their way in

The 256 folders of ``objects`` are made by ``open``. A second level, made as it is needed, would
cost nearly every one of a store's first 100,000 files two more synchronisations (64 KiB contents:
1,500/s against 4,000/s); and as small contents live in the database, a folder holds no more than
40,000 names when the store has ten million large contents.

Order of a commit: cut to size → fsync the file → rename into place → fsync the folder → key. A
crash in between leaves a stage or a content that no row knows, never a key without its bytes.
Several processes may use one folder at the same time.
"""

import errno
import os
import re
import secrets
import sqlite3
from collections.abc import AsyncGenerator, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from itertools import islice
from pathlib import Path

from consigne.blobs.driver import Capabilities, KeyMissing, Promise, Stored
from consigne.blobs.handles import Handles
from consigne.blobs.local_stage import LocalStage, fsync_folder, telling_full
from consigne.blobs.small import SmallStore
from consigne.blobs.threads import run

SMALL_LIMIT = 32 * 1024
"""Measured, synced, 16 at a time: SQLite 22,000/s at 4 KiB and 8,900/s at 32 KiB against 4,000/s
for files; at 64 KiB 5,600 against 4,200, at 128 KiB 2,200 against 3,500. The margin at 64 KiB is
not worth a database that holds most of the bytes."""

_KEY = re.compile(r"[fs]-[0-9a-f]{32}")
_NAME = re.compile(r"[0-9a-f]{32}")
_INLINE = 256 * 1024
_LISTING = 512
_THREADS = 16
_NOT_NOW = {errno.EAGAIN, errno.EINTR}


class LocalDriver:
    """A store of bytes in the folder ``root``, made by ``open`` where there is none.

    ``small_limit``: contents up to so many bytes go to the database. ``sync=False`` gives up
    durability (tests).
    """

    def __init__(self, root: Path, *, small_limit: int = SMALL_LIMIT, sync: bool = True) -> None:
        self.capabilities = Capabilities(small=small_limit, durable=sync, shared=False)
        self._root = root
        self._objects = root / "objects"
        self._staging = root / "staging"
        self._sync = sync
        self._small = SmallStore(root / "small.db", sync=sync)
        self._handles = Handles()
        self._buffer = memoryview(bytearray(_INLINE))
        self._nowait = hasattr(os, "RWF_NOWAIT")

    async def open(self) -> None:
        """Create the folders and the database where they are missing."""
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="consigne-blobs")
        for folder in (self._root, self._objects, self._staging):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for number in range(256):
            (self._objects / f"{number:02x}").mkdir(mode=0o700, exist_ok=True)
        self._small.open()
        if self._sync:
            # Not only when we made them: another process may have, and not got round to it.
            for folder in (self._objects, self._root, self._root.parent):
                fsync_folder(folder)

    async def close(self) -> None:
        """Finish waiting writes, close all handles."""
        await run(self._pool, self._small.close)
        self._handles.close()
        self._pool.shutdown()

    async def put(self, data: bytes) -> str:
        """Store a small content in a group commit. Raises NoSpace."""
        return "s-" + (await self._small.put(data)).hex()

    def promise(self, data: bytes) -> tuple[str, Promise]:
        """Put a small content in line for the next group commit."""
        id, kept = self._small.promise(data)
        return "s-" + id.hex(), kept

    def fresh_stage(self) -> str:
        """Return a name that no stage has."""
        return secrets.token_hex(16)

    async def stage(self, name: str) -> LocalStage:
        """Open or create the stage ``name``; raises ValueError unless it is 32 hex digits."""
        if not _NAME.fullmatch(name):
            raise ValueError(f"not a stage name: {name!r}")
        path = self._staging / name
        with telling_full():
            fd = await run(self._pool, os.open, path, os.O_RDWR | os.O_CREAT, 0o600, undo=os.close)
        return LocalStage(self, path, fd, self._pool, sync=self._sync)

    async def get(self, key: str, offset: int, length: int) -> bytes:
        """Return the bytes of the range that exist. Raises KeyMissing.

        What the page cache has, up to 256 KiB, is read at once in the event loop.
        """
        if not _KEY.fullmatch(key):
            raise KeyMissing(key)
        if key[0] == "s":
            data = self._small.get(bytes.fromhex(key[2:]))
            if data is None:
                raise KeyMissing(key)
            return data if not offset and length >= len(data) else data[offset : offset + length]
        handle = self._handles.take(key)
        if handle is None:
            fd, data = await self._open_and_read(key, offset, length)
            self._handles.give(self._handles.add(key, fd))
            return data
        try:
            cached = self._read_cached(handle.fd, offset, length)
            if cached is not None:
                return cached
            return await run(self._pool, _read, handle.fd, offset, length)
        finally:
            self._handles.give(handle)

    async def delete(self, key: str) -> None:
        """Remove a content; an unknown key is no error."""
        if not _KEY.fullmatch(key):
            return
        if key[0] == "s":
            await self._small.delete(bytes.fromhex(key[2:]))
            return
        await run(self._pool, self._path(key).unlink, True)
        self._handles.drop(key)

    async def keys(self) -> AsyncGenerator[Stored, None]:
        """Yield every content, read in batches in a thread."""
        for listing in (self._list_objects(), self._list_small()):
            async with aclosing(self._batches(listing)) as found:
                async for stored in found:
                    yield stored

    async def stages(self) -> AsyncGenerator[Stored, None]:
        """Yield every stage, read in batches in a thread."""
        async with aclosing(self._batches(_list_folder(self._staging, "", _NAME))) as found:
            async for stored in found:
                yield stored

    async def drop_stage(self, name: str) -> None:
        """Remove a stage; an unknown name is no error."""
        if _NAME.fullmatch(name):
            await run(self._pool, (self._staging / name).unlink, True)

    def adopt(self, path: Path) -> str:
        """Give a finished, synced file its second name, the content's, and return the key. Blocks.

        On an error only the first name is there.
        """
        name = secrets.token_hex(16)
        folder = self._objects / name[:2]
        os.link(path, folder / name)
        try:
            if self._sync:
                fsync_folder(folder)
        except OSError:
            os.unlink(folder / name)
            raise
        return "f-" + name

    def forget(self, key: str) -> None:
        """Unlink a content that nobody has been told of."""
        self._path(key).unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self._objects / key[2:4] / key[2:]

    def _read_cached(self, fd: int, offset: int, length: int) -> bytes | None:
        """Read without waiting for the disk; None where that is impossible or brings too little."""
        if length > _INLINE or not self._nowait:
            return None
        buffer = self._buffer[:length]
        try:
            got = os.preadv(fd, [buffer], offset, os.RWF_NOWAIT)
        except OSError as error:
            if error.errno not in _NOT_NOW:
                self._nowait = False  # this file system cannot; a real error shows in the thread
            return None
        return bytes(buffer) if got == length else None

    async def _open_and_read(self, key: str, offset: int, length: int) -> tuple[int, bytes]:
        path = self._path(key)

        def step() -> tuple[int, bytes]:
            try:
                fd = os.open(path, os.O_RDONLY)
            except FileNotFoundError:
                raise KeyMissing(key) from None
            try:
                return fd, _read(fd, offset, length)
            except BaseException:
                os.close(fd)
                raise

        return await run(self._pool, step, undo=lambda result: os.close(result[0]))

    def _list_objects(self) -> Generator[Stored, None, None]:
        with os.scandir(self._objects) as folders:
            for folder in folders:
                yield from _list_folder(Path(folder.path), "f-", _NAME)

    def _list_small(self) -> Generator[Stored, None, None]:
        try:
            for id, size, at in self._small.rows():
                yield Stored("s-" + id.hex(), size, at)
        except sqlite3.DatabaseError as error:
            raise OSError(errno.EIO, f"small.db cannot be listed: {error}") from error

    async def _batches(
        self, listing: Generator[Stored, None, None]
    ) -> AsyncGenerator[Stored, None]:
        """Drive a blocking listing in the pool, a batch at a time."""
        try:
            while batch := await run(self._pool, lambda: list(islice(listing, _LISTING))):
                for stored in batch:
                    yield stored
        finally:
            listing.close()


def _read(fd: int, offset: int, length: int) -> bytes:
    """Return ``length`` bytes at ``offset``, fewer only at the end of the file. Blocks."""
    data = os.pread(fd, length, offset)
    if len(data) == length or not data:
        return data
    parts = [data]
    got = len(data)
    while got < length and (data := os.pread(fd, length - got, offset + got)):
        parts.append(data)
        got += len(data)
    return b"".join(parts)


def _list_folder(folder: Path, prefix: str, name: re.Pattern[str]) -> Generator[Stored, None, None]:
    """Yield the files of a folder that are still there when looked at. Blocks."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if not name.fullmatch(entry.name):
                continue
            try:
                found = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            yield Stored(prefix + entry.name, found.st_size, found.st_mtime_ns // 1_000_000)
