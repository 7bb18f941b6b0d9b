"""The care for stored bytes as rounds of a process that does jobs: server or worker alike."""

import asyncio

from consigne.core.care.scrub import Scrub
from consigne.jobs.rounds import Work, forever

_LOOK = 30.0


class Caring:
    """Background tasks of one process: ``start`` and ``stop``. Each takes its turn by a lease."""

    def __init__(self, scrub: Scrub) -> None:
        self._works: list[tuple[str, float, Work]] = [("scrub", _LOOK, scrub.look)]
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        self._tasks = [asyncio.create_task(forever(*work)) for work in self._works]

    async def stop(self) -> None:
        """End; what is half done is gone on with by the next process."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
