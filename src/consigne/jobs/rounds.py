"""The rounds: what a server does again and again beside its requests (embedded default).

The sweeper runs in one process at a time, by a lease in the catalog; the audit sealer may run in
several, as the head of a chain decides who wins; so may the worker, as the lease on each job does.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog
from structlog.contextvars import bind_contextvars

from consigne.catalog.engine import Catalog
from consigne.core.care.turn import Turn
from consigne.core.history import History
from consigne.errors import ConsigneError
from consigne.jobs.sweeper import Sweeper
from consigne.jobs.worker import Worker
from consigne.meters import known
from consigne.settings import Settings

log = structlog.get_logger()

Work = Callable[[], Awaitable[object]]


class Rounds:
    """Background tasks of one server process: ``start`` and ``stop``."""

    def __init__(
        self,
        catalog: Catalog,
        sweeper: Sweeper,
        history: History,
        settings: Settings,
        worker: Worker | None = None,
    ) -> None:
        self._sweeper = sweeper
        self._history = history
        self._worker = worker
        self._turn = Turn(catalog, "sweep", 2 * settings.sweep_every + 5)
        self._tasks: list[asyncio.Task[None]] = []
        self._works: list[tuple[str, float, Work]] = []
        if not settings.read_only:
            self.every("sweep", settings.sweep_every, self._sweep)
            self.every("seal", settings.seal_every, self._history.seal)

    def every(self, name: str, pause: float, work: Work) -> None:
        """Add a work that is done every ``pause`` seconds, from ``start`` on."""
        self._works.append((name, pause, work))

    async def start(self) -> None:
        if self._worker is not None:
            await self._worker.start()
        self._tasks = [asyncio.create_task(forever(*work)) for work in self._works]

    async def stop(self) -> None:
        """End what is under way and hand the lease back: another process sweeps at once."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with suppress(ConsigneError):
            await self._turn.give_back()
        if self._worker is not None:
            await self._worker.stop()

    async def _sweep(self) -> None:
        if await self._turn.take():
            await self._sweeper.sweep()


async def forever(name: str, pause: float, work: Work) -> None:
    """Do a work again and again, ``pause`` seconds after it ended, until the task is cancelled."""
    bind_contextvars(round=name)
    while True:
        outcome = "failed"
        try:
            await work()
            outcome = "done"
            known.ROUND_DONE.now(name)
        except ConsigneError as error:
            log.warning("round_failed", error=error.message)
        except OSError as error:
            log.warning("round_failed", error=str(error))
        except Exception:  # a round must outlive whatever goes wrong in it
            log.exception("round_failed")
        known.ROUNDS.add(1, name, outcome)
        await asyncio.sleep(pause)
