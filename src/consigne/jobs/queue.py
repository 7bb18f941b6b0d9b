"""The queue as a worker sees it: claim, renew, report, end. The table is ``catalog.jobs``.

Every verb but ``claim`` names the worker that holds the lease and does nothing for another: what a
worker does after it has lost its lease has no effect.
"""

import math
import random
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from consigne.catalog import jobs, once
from consigne.catalog.engine import Bell, Catalog, Tx
from consigne.core import jobs as core
from consigne.core.clock import ms, now_ms
from consigne.errors import WrongState
from consigne.model.entities import Failure, Job, JobState

_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 600.0
_LOST = Failure("internal", "The worker was lost again and again while it did this job.")


class Queue:
    """Jobs of a catalog; ``lease`` (seconds) is how long a silent worker keeps one."""

    def __init__(
        self,
        catalog: Catalog,
        lease: float,
        *,
        first_pause: float = _FIRST_PAUSE,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        self._catalog = catalog
        self.lease = lease
        self._first_pause = first_pause
        self._clock = clock

    async def due_in(self) -> float:
        """Return in how many seconds there may be something to claim, 0 or less: now; infinity
        where nothing waits. Costs two point queries.
        """
        at = await self._catalog.look(jobs.next_at)
        return math.inf if at is None else (at - self._clock()) / 1000

    def bell(self) -> Bell:
        """Return a bell that rings when a job has been added somewhere."""
        return self._catalog.bell()

    async def claim(self, kinds: Sequence[str], holder: str) -> Job | None:
        """Take the job that has been due for longest, if there is one.

        A job whose worker went silent is taken over. One that has used up its attempts in that way
        fails here, with what it had reserved given back.
        """

        def work(tx: Tx) -> Job | None:
            while True:
                now = self._clock()
                job = jobs.claim(tx, list(kinds), holder, now, now + ms(self.lease))
                if job is None or job.attempts <= job.max_attempts:
                    return job
                core.end(tx, job, JobState.FAILED, failure=_LOST)

        return await self._catalog.write(work)

    async def renew(self, job: Job) -> bool:
        """Prolong the lease; False where it is lost: the work must stop then."""
        until = self._clock() + ms(self.lease)
        return await self._catalog.write(lambda tx: jobs.renew(tx, job.id, job.holder or "", until))

    async def progress(self, job: Job, done: int, total: int | None = None) -> bool:
        """Say how far the job is; False where the lease is lost."""
        return await self._catalog.write(
            lambda tx: jobs.progress(tx, job.id, job.holder or "", done, total)
        )

    async def finish(self, job: Job, result: Any = None) -> bool:
        """End the job as done; False where the lease is lost."""
        try:
            await self._catalog.write(lambda tx: core.finish(tx, job, result))
        except WrongState:
            return False
        return True

    async def retry(self, job: Job, failure: Failure) -> bool:
        """Put the job back for a later attempt, or fail it where none is left.

        The pause doubles with each attempt and varies by half, so that jobs that failed together do
        not come back together. False where the lease is lost.
        """
        if job.attempts >= job.max_attempts:
            return await self.fail(job, failure)
        pause = min(_LONGEST_PAUSE, self._first_pause * 2 ** (job.attempts - 1))
        again_at = self._clock() + ms(pause * random.uniform(0.5, 1.5))
        why = msgspec.json.encode(failure).decode()
        return await self._catalog.write(
            lambda tx: jobs.retry(tx, job.id, job.holder or "", again_at, why)
        )

    async def put_back(self, job: Job, pause: float = 0) -> bool:
        """Give the job up without an attempt counted, for ``pause`` seconds at least."""
        again_at, holder = self._clock() + ms(pause), job.holder or ""
        return await self._catalog.write(lambda tx: jobs.put_back(tx, job.id, holder, again_at))

    async def fail(self, job: Job, failure: Failure) -> bool:
        """End the job as failed and give back what it had reserved; False without the lease."""

        def work(tx: Tx) -> bool:
            present = jobs.lock(tx, job.id)
            if (
                present is None
                or present.state is not JobState.RUNNING
                or present.holder != job.holder
                or present.attempts != job.attempts
            ):
                return False
            return core.end(tx, present, JobState.FAILED, failure=failure)

        return await self._catalog.write(work)

    async def beat(self, kinds: Sequence[str], holder: str, seconds: float) -> None:
        """Show for the next ``seconds`` that a worker for these kinds is alive."""
        now = self._clock()
        until = now + ms(seconds)

        def work(tx: Tx) -> None:
            jobs.forget_heartbeats(tx, now)
            for kind in kinds:
                once.take_lease(tx, jobs.heartbeat_name(kind, holder), holder, now, until)

        await self._catalog.write(work)

    async def still(self, holder: str) -> None:
        """Say that a worker is gone."""
        await self._catalog.write(lambda tx: jobs.stop_heartbeats(tx, holder))
