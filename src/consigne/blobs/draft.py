"""A content that has been received and measured and is not stored yet."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import suppress
from types import TracebackType
from typing import Protocol, Self

from consigne import tracing
from consigne.blobs.digests import Digester
from consigne.blobs.driver import Driver, Promise, Stage
from consigne.blobs.faults import telling_storage_full
from consigne.errors import Corrupt
from consigne.meters import known

_PIECE = 1 << 20


class Holding(Protocol):
    """Where a draft's bytes are until they are stored."""

    def promise(self) -> tuple[str, Promise] | None:
        """Begin to store small bytes (``Driver.promise``); None where ``store`` must do it."""

    async def store(self) -> str:
        """Make the bytes durable under a fresh key and return it."""

    async def read(self, offset: int, length: int) -> bytes:
        """Return up to ``length`` bytes, not checked; only before they are stored."""

    async def discard(self) -> None:
        """Let go of the bytes. May be called more than once."""


class Stowing:
    """A promise whose failure is one of ``consigne.errors``."""

    def __init__(self, promise: Promise) -> None:
        self._promise = promise
        self._trace = tracing.here()

    def wait(self) -> None:
        """Return when the bytes are durable. Raises StorageFull. Blocks."""
        span = tracing.span("store.write", within=self._trace)
        with telling_storage_full(), known.STORE_SECONDS.timed("write"), span:
            self._promise.wait()


class Draft:
    """A content's measures, and the bytes on hold.

    ``sha256``, ``md5``: digests. ``blocks``: XXH3-64 of every ``block_size`` bytes, 8 bytes each.
    ``head``: up to 64 KiB of the start. ``extra``: digests of the extra algorithms asked for.

    Use as a context manager: what has not been stored on leaving is discarded.
    """

    def __init__(self, holding: Holding, digester: Digester, head: bytes | None = None) -> None:
        self.size = digester.size
        self.sha256 = digester.sha256
        self.md5 = digester.md5
        self.block_size = digester.block_size
        self.blocks = digester.blocks
        self.head = digester.head if head is None else head
        self.extra = digester.extra
        self._holding = holding
        self._key: str | None = None

    def promise(self) -> tuple[str, Stowing] | None:
        """Return the key of small bytes before they are stored; None where ``store`` must do it.

        The caller lets no row that names the key become durable before the promise is kept.
        """
        made = self._holding.promise()
        if made is None:
            return None
        self._key, promise = made
        return self._key, Stowing(promise)

    async def store(self) -> str:
        """Return the content's key once its bytes are on stable storage. Raises StorageFull.

        A second call returns the same key.
        """
        if self._key is None:
            span = tracing.span("store.write", {"consigne.bytes": self.size})
            with telling_storage_full(), known.STORE_SECONDS.timed("write"), span:
                self._key = await self._holding.store()
        return self._key

    async def stream(self) -> AsyncIterator[bytes]:
        """Yield the bytes, which must not have been stored yet. Raises Corrupt."""
        digest, at = hashlib.sha256(), 0
        while at < self.size:
            piece = await self._holding.read(at, min(_PIECE, self.size - at))
            if not piece:
                break
            digest.update(piece)
            at += len(piece)
            yield piece
        if digest.digest() != self.sha256:
            raise Corrupt("The bytes on hold are damaged.", problem="digest")

    async def discard(self) -> None:
        """Drop the bytes, unless they have been stored. May be called more than once."""
        if self._key is None:
            await self._holding.discard()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.discard()


class InMemory:
    """The bytes of a small content."""

    def __init__(self, driver: Driver, data: bytes) -> None:
        self._driver = driver
        self._data = data

    def promise(self) -> tuple[str, Promise] | None:
        """Ask the driver."""
        return self._driver.promise(self._data)

    async def store(self) -> str:
        """Put the bytes."""
        return await self._driver.put(self._data)

    async def read(self, offset: int, length: int) -> bytes:
        """Return a piece."""
        return self._data[offset : offset + length]

    async def discard(self) -> None:
        """Do nothing: the bytes go with the draft."""


class Staged:
    """A stage of our own making."""

    def __init__(self, driver: Driver, stage: Stage, size: int) -> None:
        self._driver = driver
        self._stage = stage
        self._size = size

    def promise(self) -> None:
        """Return None: a commit takes its time."""

    async def store(self) -> str:
        """Commit the stage and drop it. Cancelled in between, take the content back."""
        key = await self._stage.commit(self._size)
        try:
            with suppress(Exception):  # stored is stored; the sweeper finds the stage
                await self._stage.discard()
        except asyncio.CancelledError:
            with suppress(Exception):
                await self._driver.delete(key)
            raise
        return key

    async def read(self, offset: int, length: int) -> bytes:
        """Read from the stage."""
        return await self._stage.read(offset, length)

    async def discard(self) -> None:
        """Drop the stage."""
        await self._stage.discard()


class Assembled:
    """A stage that was filled in parts and belongs to an upload session.

    Discarding the draft only lets go of it: the session's bytes stay until ``Bucket.abandon``, so
    that whatever prevented the store can be tried again.
    """

    def __init__(self, driver: Driver, stage: Stage, size: int) -> None:
        self._driver = driver
        self._stage = stage
        self._size = size

    def promise(self) -> None:
        """Return None: the bytes have to be read first."""

    async def store(self) -> str:
        """Commit the stage, or put the bytes of a small one; the stage stays (``Stage.commit``)."""
        if self._size > self._driver.capabilities.small:
            return await self._stage.commit(self._size)
        data = await self._stage.read(0, self._size)
        if len(data) != self._size:
            raise Corrupt("The staged bytes are truncated.", problem="truncated")
        return await self._driver.put(data)

    async def read(self, offset: int, length: int) -> bytes:
        """Read from the stage."""
        return await self._stage.read(offset, length)

    async def discard(self) -> None:
        """Close the stage."""
        await self._stage.close()
