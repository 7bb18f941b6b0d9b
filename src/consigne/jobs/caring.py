"""The care for stored bytes as rounds of a process that does jobs: server or worker alike."""

import asyncio

from consigne.core.care.mirror import Mirror
from consigne.core.care.places import Places
from consigne.core.care.scrub import Scrub
from consigne.jobs.rounds import Work, forever

LEARN = 1.0
"""Seconds between two looks at where new bytes go."""

_LOOK = 30.0
_FOLLOW = 1.0


class Caring:
    """Background tasks of one process: ``start`` and ``stop``. Each takes its turn by a lease."""

    def __init__(self, scrub: Scrub, mirror: Mirror | None, places: Places | None) -> None:
        self._works: list[tuple[str, float, Work]] = [("scrub", _LOOK, scrub.look)]
        if mirror is not None:
            self._works.append(("mirror", _FOLLOW, mirror.look))
        if places is not None:
            self._works.append(("stores", LEARN, places.learn))
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        self._tasks = [asyncio.create_task(forever(*work)) for work in self._works]

    async def stop(self) -> None:
        """End; what is half done is gone on with by the next process."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
