"""Contents that arrive in parts, over many requests and perhaps many processes (C-23).

A running digest of every upload's start stays in process, so that parts that come in order are
never read again. It is only a shortcut: what it does not cover is read back from the stage in the
end.
"""

from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterable, Iterable
from concurrent.futures import Executor
from contextlib import aclosing
from dataclasses import dataclass

from consigne.blobs.digests import ALWAYS, HEAD, Bytes, Digester
from consigne.blobs.draft import Assembled, Draft
from consigne.blobs.driver import DirectDriver, Driver, Stage
from consigne.blobs.lanes import Budget, Gauge, flow, regroup, writing
from consigne.errors import Corrupt

READ = 1 << 20
"""Bytes that are read back at a time, where a store is near."""


@dataclass(frozen=True)
class Receipt:
    """Measures of one part that is on stable storage. ``extra`` as in ``Draft``."""

    size: int
    sha256: bytes
    md5: bytes
    extra: dict[str, bytes]


class Assemblies:
    """Stages that fill up in parts. ``read_bytes`` are read back at a time; ``limit`` running
    digests are remembered."""

    def __init__(
        self,
        driver: Driver,
        pool: Executor,
        budget: Budget,
        *,
        read_bytes: int = READ,
        limit: int = 1000,
    ) -> None:
        self._driver = driver
        self._pool = pool
        self._budget = budget
        self._read_bytes = max(READ, read_bytes)
        self._limit = limit
        self._running: OrderedDict[str, Digester] = OrderedDict()

    async def append(
        self,
        name: str,
        offset: int,
        source: AsyncIterable[Bytes],
        extra: Iterable[str],
        gauge: Gauge | None,
    ) -> Receipt:
        """Write the source's bytes at ``offset`` and return when they are durable."""
        part = Digester(extra, head=0)
        whole = self._continued(name, offset)
        strands = part.strands() + (whole.strands() if whole is not None else [])
        stage = await self._driver.stage(name)
        try:
            with self._budget.share():
                async with aclosing(regroup(source, self._budget.block)) as blocks:
                    first = await anext(blocks, b"")
                    await flow(first, blocks, strands, writing(stage, offset), self._pool, gauge)
            await stage.flush()
        finally:
            await stage.close()
        if not offset:
            whole = part.copy(extra=False)
        if whole is not None:
            self._remember(name, whole)
        return Receipt(part.size, part.sha256, part.md5, part.extra)

    async def take(
        self, driver: DirectDriver, arrival: str, name: str, offset: int, length: int
    ) -> Receipt | int:
        """Let the driver copy an arrived body to ``offset``, and measure the copy.

        Return how many bytes have arrived where they are not ``length``. Raises KeyMissing.
        """
        size = await driver.take(arrival, name, offset, length)
        if size != length:
            return size
        part = Digester((), head=0)
        whole = self._continued(name, offset)
        strands = part.strands() + (whole.strands() if whole is not None else [])
        stage = await driver.stage(name)
        try:
            async with aclosing(self._staged(stage, offset, offset + length)) as blocks:
                first = await anext(blocks, b"")
                await flow(first, blocks, strands, None, self._pool)
        finally:
            await stage.close()
        if part.size != length:
            raise Corrupt("The staged bytes are truncated.", problem="truncated")
        if not offset:
            whole = part.copy(extra=False)
        if whole is not None:
            self._remember(name, whole)
        return Receipt(part.size, part.sha256, part.md5, part.extra)

    async def finish(self, name: str, size: int, extra: Iterable[str]) -> Draft:
        """Return the draft of the first ``size`` bytes of the stage."""
        stage = await self._driver.stage(name)
        try:
            names = tuple(extra)
            running = self._running.get(name)
            if running is None or running.size > size or not ALWAYS.issuperset(names):
                digester = Digester(names, head=0)
            else:
                digester = running.copy().asked_for(names)
            if digester.size < size:
                async with aclosing(self._staged(stage, digester.size, size)) as blocks:
                    first = await anext(blocks, b"")
                    await flow(first, blocks, digester.strands(), None, self._pool)
                self._remember(name, digester.copy(extra=False))
            head = await stage.read(0, min(size, HEAD))
            if digester.size != size or len(head) != min(size, HEAD):
                raise Corrupt("The staged bytes are truncated.", problem="truncated")
            return Draft(Assembled(self._driver, stage, size), digester, head)
        except BaseException:
            await stage.close()
            raise

    async def staged(self, name: str, size: int) -> AsyncGenerator[Bytes, None]:
        """Yield the first ``size`` bytes of the stage."""
        at, stage = 0, await self._driver.stage(name)
        try:
            async with aclosing(self._staged(stage, 0, size)) as pieces:
                async for piece in pieces:
                    at += len(piece)
                    yield piece
        finally:
            await stage.close()
        if at != size:
            raise Corrupt("The staged bytes are truncated.", problem="truncated")

    async def abandon(self, name: str) -> None:
        """Drop the stage and all that is known of it."""
        self.forget(name)
        await self._driver.drop_stage(name)

    def forget(self, name: str) -> None:
        """Drop the running digest, not the bytes."""
        self._running.pop(name, None)

    async def _staged(self, stage: Stage, at: int, end: int) -> AsyncGenerator[Bytes, None]:
        """Yield what a stage has from ``at`` to ``end``."""
        while at < end and (data := await stage.read(at, min(self._read_bytes, end - at))):
            yield data
            at += len(data)

    def _continued(self, name: str, offset: int) -> Digester | None:
        """Return a snapshot to carry on with if the known start ends exactly at ``offset``.

        The known start survives a part that begins behind it (it may be continued later) and is
        forgotten at once when a part begins before its end: those bytes change, even if it fails.
        """
        running = self._running.get(name)
        if running is None or offset > running.size:
            return None
        if offset < running.size or not offset:
            del self._running[name]
            return None
        return running.copy()

    def _remember(self, name: str, digester: Digester) -> None:
        self._running[name] = digester
        self._running.move_to_end(name)
        if len(self._running) > self._limit:
            self._running.popitem(last=False)
