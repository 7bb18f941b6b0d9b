"""A place for backups: named objects that are there whole or not at all.

A folder (``FolderArchive``), what is below a prefix of a bucket (``archive_s3``), or a stream that
is only written (``archive_stream``). Unlike a store of bytes (``driver``), an archive takes the
names that it is told, so that somebody else can read it by them. ``open_archive`` chooses by the
address.
"""

import errno
import os
import re
import secrets
from collections.abc import AsyncGenerator, AsyncIterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from consigne.blobs.driver import KeyMissing
from consigne.blobs.threads import run
from consigne.errors import StorageFull, Unavailable

PIECE = 256 << 10
_THREADS = 8
_NAME = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*")
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_PART = ".part-"


@dataclass(frozen=True)
class Entry:
    """An object and how long it is."""

    name: str
    size: int


class Archive(Protocol):
    """Names are steps of letters, digits and ``._-``, joined by slashes."""

    async def open(self, *, make: bool) -> None:
        """Get ready; ``make`` what is missing. Raises Unavailable."""

    async def close(self) -> None:
        """Let go of everything."""

    async def write(self, name: str, pieces: AsyncIterable[bytes]) -> int:
        """Store an object, in place of an earlier one; return its size.

        It is durable after ``settle``, and at no time there in part. Raises StorageFull,
        Unavailable, and what ``pieces`` raises; nothing is stored then.
        """

    async def settle(self) -> None:
        """Return when everything written so far is on stable storage."""

    def read(self, name: str) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of an object. Raises KeyMissing, Unavailable."""

    def list(self, prefix: str) -> AsyncGenerator[Entry, None]:
        """Yield the objects below a prefix that is empty or ends in a slash, in no order."""

    async def delete(self, name: str) -> None:
        """Remove an object; an unknown name is no error."""


class FolderArchive:
    """An archive in a folder; an object is a file."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._touched: set[Path] = set()

    async def open(self, *, make: bool) -> None:
        self._pool = ThreadPoolExecutor(_THREADS, "archive")
        try:
            if make:
                await run(self._pool, _make_folder, self._root)
            elif not self._root.is_dir():
                raise Unavailable(
                    f"There is no folder {self._root}.", hint="Name one that holds a backup."
                )
        except OSError as error:
            raise Unavailable(f"The folder {self._root} cannot be used: {error}") from error

    async def close(self) -> None:
        self._pool.shutdown()

    async def write(self, name: str, pieces: AsyncIterable[bytes]) -> int:
        path = self._path(name)
        fresh = path.with_name(_PART + secrets.token_hex(8))
        size = 0
        try:
            with await run(self._pool, _make, fresh) as file:
                async for piece in pieces:
                    await run(self._pool, file.write, piece)
                    size += len(piece)
                await run(self._pool, os.fsync, file.fileno())
            fresh.rename(path)
        except BaseException as error:
            fresh.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise told(error, str(self._root)) from error
            raise
        self._touched.add(path.parent)
        return size

    async def settle(self) -> None:
        folders, self._touched = self._touched, set()
        for folder in folders | {each.parent for each in folders} | {self._root}:
            await run(self._pool, _sync, folder)

    async def read(self, name: str) -> AsyncGenerator[bytes, None]:
        try:
            file = await run(self._pool, open, self._path(name), "rb")
        except FileNotFoundError:
            raise KeyMissing(name) from None
        except OSError as error:
            raise told(error, str(self._root)) from error
        with file:
            while piece := await run(self._pool, _read, file):
                yield piece

    async def list(self, prefix: str) -> AsyncGenerator[Entry, None]:
        folder = self._root / prefix
        for found in await run(self._pool, _files, folder):
            name = found.relative_to(self._root).as_posix()
            if not found.name.startswith(_PART):
                yield Entry(name, found.stat().st_size)

    async def delete(self, name: str) -> None:
        path = self._path(name)
        await run(self._pool, path.unlink, True)
        for folder in path.parents:
            if folder == self._root or not await run(self._pool, _drop_empty, folder):
                return

    def _path(self, name: str) -> Path:
        if not is_name(name):
            raise ValueError(f"not a name of an archive: {name!r}")
        return self._root / name


def _make_folder(path: Path) -> None:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)


def _drop_empty(folder: Path) -> bool:
    """Remove a folder that has nothing in it; tell whether it is gone."""
    try:
        folder.rmdir()
    except OSError:
        return False
    return True


def _make(path: Path) -> BinaryIO:
    _make_folder(path.parent)
    return path.open("xb")


def _read(file: BinaryIO) -> bytes:
    return file.read(PIECE)


def _sync(folder: Path) -> None:
    if not folder.is_dir():
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()] if folder.is_dir() else []


def told(error: OSError, place: str) -> Exception:
    """Return a failure of the system at a place as one of ours."""
    if error.errno in _FULL:
        return StorageFull(f"The archive {place} is full.")
    return Unavailable(f"The archive {place} cannot be used: {error}")


def is_name(text: str) -> bool:
    """Say whether an archive may have an object of this name."""
    return _NAME.fullmatch(text) is not None and ".." not in text.split("/")
