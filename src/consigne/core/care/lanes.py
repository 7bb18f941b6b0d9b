"""Several things at a time, of which none goes on when one has failed."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any


async def side_by_side(works: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Return when all are done; when one raises, cancel the others, then raise it."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
