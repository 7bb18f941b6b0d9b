"""Blocks flowing through parallel lanes, with constant memory.

Every lane does its step (write, SHA-256, MD5 …) on every block, in order, beside the other lanes.
At most two blocks wait before a lane; then the reader waits. Steps that compute run in a thread
pool and occupy a thread only while they work: a thousand slow clients need no threads.
"""

import asyncio
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterator,
    Sequence,
)
from concurrent.futures import Executor
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from consigne.blobs.digests import Bytes, Strand
from consigne.blobs.driver import Stage
from consigne.blobs.threads import run

Step = Callable[[Bytes], Awaitable[None]]
Gauge = Callable[[int], Awaitable[None]]

_DEPTH = 2
_MOST = 1 << 20
_LEAST = 64 << 10


class Budget:
    """How large a block may be while so many intakes share ``total`` bytes of memory."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._active = 0

    @contextmanager
    def share(self) -> Iterator[None]:
        """Count one intake as active for the duration of the context."""
        self._active += 1
        try:
            yield
        finally:
            self._active -= 1

    def block(self) -> int:
        """Return the present block size: an equal share, between 64 KiB and 1 MiB."""
        return min(_MOST, max(_LEAST, self._total // max(1, self._active)))


async def regroup(
    source: AsyncIterable[Bytes], size: Callable[[], int], first: int = 0
) -> AsyncGenerator[Bytes, None]:
    """Yield the source's bytes in blocks of ``size()`` bytes; no empty ones.

    Only the last block is shorter; the first is at least ``first`` bytes, too, unless all there is
    comes to less. Chunks may have any size: small ones are gathered in one buffer (a client that
    sends single bytes must not cost an object for each), large ones are cut without a copy.
    """
    goal = max(first, size())
    buffer = bytearray()
    async for chunk in source:
        view = memoryview(chunk)
        while view:
            if not buffer and len(view) >= goal:
                yield view[:goal]
                view = view[goal:]
                goal = size()
                continue
            piece = view[: goal - len(buffer)]
            buffer += piece
            view = view[len(piece) :]
            if len(buffer) == goal:
                yield buffer
                buffer, goal = bytearray(), size()
    if buffer:
        yield buffer


class Lanes:
    """Run every step on every block fed. Use as a context manager: leaving it waits for the lanes.

    An error in a lane is raised by the next ``feed`` or on leaving; an error in the body stops the
    lanes, and nothing of them runs any more when the context is left.
    """

    def __init__(self, steps: Sequence[Step]) -> None:
        self._steps = steps
        self._failure: Exception | None = None

    async def __aenter__(self) -> Self:
        self._queues = [asyncio.Queue[Bytes | None](_DEPTH) for _ in self._steps]
        self._tasks = [
            asyncio.create_task(self._lane(queue, step))
            for queue, step in zip(self._queues, self._steps, strict=True)
        ]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                for queue in self._queues:
                    await queue.put(None)
                await asyncio.gather(*self._tasks)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        if error is None and self._failure is not None:
            raise self._failure

    async def feed(self, block: Bytes) -> None:
        """Hand ``block`` to every lane; wait while one has two waiting."""
        if self._failure is not None:
            raise self._failure
        for queue in self._queues:
            await queue.put(block)

    async def _lane(self, queue: asyncio.Queue[Bytes | None], step: Step) -> None:
        while (block := await queue.get()) is not None:
            # After a failure blocks are taken and dropped, so that ``feed`` never waits for ever.
            if self._failure is None:
                try:
                    await step(block)
                except Exception as error:
                    self._failure = error


async def flow(
    first: Bytes,
    rest: AsyncIterator[Bytes],
    strands: Sequence[Strand],
    write: Step | None,
    pool: Executor,
    gauge: Gauge | None = None,
) -> int:
    """Send ``first`` and the ``rest`` through ``strands`` (in ``pool``) and ``write``.

    Return how many bytes there were. A single block takes one trip to a thread and no lanes.

    ``gauge`` gets the bytes so far before each block but the first is accepted, and at the end;
    what it raises ends the flow.
    """
    second = await anext(rest, None) if first else None
    if second is None:
        if gauge is not None:
            await gauge(len(first))
        await run(pool, _all, strands, first)
        if write is not None and first:
            await write(first)
        return len(first)
    total = len(first)
    steps: list[Step] = [_threaded(pool, strand) for strand in strands]
    if write is not None:
        steps.append(write)
    async with Lanes(steps) as lanes:
        await lanes.feed(first)
        block: Bytes | None = second
        while block is not None:
            total += len(block)
            if gauge is not None:
                await gauge(total)
            await lanes.feed(block)
            block = await anext(rest, None)
        if gauge is not None:
            await gauge(total)
    return total


def writing(stage: Stage, offset: int = 0) -> Step:
    """Return the step that writes block after block to ``stage``, from ``offset`` on."""
    at = offset

    async def step(block: Bytes) -> None:
        nonlocal at
        await stage.write(at, block)
        at += len(block)

    return step


def _all(strands: Sequence[Strand], data: Bytes) -> None:
    for strand in strands:
        strand(data)


def _threaded(pool: Executor, strand: Strand) -> Step:
    async def step(block: Bytes) -> None:
        await run(pool, strand, block)

    return step
