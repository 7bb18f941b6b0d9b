"""Run blocking steps in threads without losing sight of them when the caller is cancelled."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar

T = TypeVar("T")


async def run(
    pool: Executor,
    step: Callable[..., T],
    *args: object,
    undo: Callable[[T], object] | None = None,
) -> T:
    """Return ``step(*args)``, run in ``pool``; on cancellation wait for the thread, then go.

    A thread cannot be stopped. If the caller went on while it still runs, a file descriptor could
    be closed, and its number reused, under a write. So a cancelled caller is held until the step
    has ended; ``undo`` (quick, run in the loop) then gets the result that nobody will fetch.
    """
    future = asyncio.get_running_loop().run_in_executor(pool, step, *args)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        await _outlast(future)
        if undo is not None and not future.cancelled() and future.exception() is None:
            undo(future.result())
        raise


async def _outlast(future: asyncio.Future[T]) -> None:
    """Wait until ``future`` is done, however often the waiting task is cancelled."""
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError:
            continue
    if not future.cancelled():
        future.exception()
