"""A backup as one stream: a tar of what a folder would have, in the order in which it is made."""

import asyncio
import tarfile
import time
from collections.abc import AsyncGenerator, AsyncIterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, BinaryIO

from consigne.blobs.archive import Entry, told
from consigne.blobs.driver import KeyMissing
from consigne.blobs.threads import run

_IN_MEMORY = 1 << 20
_THREADS = 8


class StreamArchive:
    """An archive that is only written to.

    A tar says how long a member is before its bytes: each object is complete in ``scratch`` before
    it goes into the stream, so that one that turns out to be damaged leaves nothing there.
    """

    def __init__(self, sink: BinaryIO, scratch: Path) -> None:
        self._sink = sink
        self._scratch = scratch
        self._turn = asyncio.Lock()
        self._is_broken = False

    async def open(self, *, make: bool) -> None:
        self._pool = ThreadPoolExecutor(_THREADS, "archive")
        self._tar = tarfile.open(  # noqa: SIM115 (``close`` does)
            mode="w|", fileobj=self._sink, format=tarfile.PAX_FORMAT
        )

    async def close(self) -> None:
        try:
            if self._is_broken:
                with suppress(OSError):
                    self._tar.close()
            else:
                await run(self._pool, self._end)
        finally:
            self._pool.shutdown()

    async def write(self, name: str, pieces: AsyncIterable[bytes]) -> int:
        size = 0
        with SpooledTemporaryFile(_IN_MEMORY, dir=str(self._scratch)) as file:
            async for piece in pieces:
                try:
                    await run(self._pool, file.write, piece)
                except OSError as error:
                    raise told(error, str(self._scratch)) from error
                size += len(piece)
            file.seek(0)
            async with self._turn:
                await run(self._pool, self._add, name, file, size)
        return size

    async def settle(self) -> None:
        """Do nothing: whoever reads the stream has what was written when it has ended."""

    async def read(self, name: str) -> AsyncGenerator[bytes, None]:
        raise KeyMissing(name)
        yield b""

    async def list(self, prefix: str) -> AsyncGenerator[Entry, None]:
        for _ in ():
            yield Entry("", 0)

    async def delete(self, name: str) -> None:
        """Do nothing: there is nothing that could be removed."""

    def _add(self, name: str, file: IO[bytes], size: int) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mode, member.mtime = size, 0o600, int(time.time())
        try:
            self._tar.addfile(member, file)
        except OSError as error:
            self._is_broken = True
            raise told(error, "stream") from error

    def _end(self) -> None:
        try:
            self._tar.close()
            self._sink.flush()
        except OSError as error:
            raise told(error, "stream") from error
