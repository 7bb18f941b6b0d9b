"""The worker: claims jobs and runs their handlers, a few at a time.

A handler is a coroutine; what is heavy it does in child processes (``sandbox``). While it runs its
lease is renewed; when the lease is lost (a cancelled job, a machine that slept) it is stopped. An
error that may pass puts the job back with a growing pause, any other fails it.
"""

import asyncio
import os
import secrets
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from typing import Any

import structlog
from structlog.contextvars import bound_contextvars

from consigne import tracing
from consigne.core import jobs as core
from consigne.errors import ConsigneError, Internal, WrongState
from consigne.jobs.queue import Queue
from consigne.meters import known
from consigne.model.entities import Job

log = structlog.get_logger()


class Later(Exception):
    """A handler's answer where something else must come first: try again after a pause."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Run:
    """One attempt at a job, as its handler sees it."""

    def __init__(self, job: Job, queue: Queue) -> None:
        self.job = job
        self._queue = queue

    async def progress(self, done: int, total: int | None = None) -> None:
        """Say how far it is. Raises WrongState where the lease is lost."""
        if not await self._queue.progress(self.job, done, total):
            raise WrongState("The lease on the job is lost.", state="lost", verb="progress")


Handler = Callable[[Run], Awaitable[Any]]
"""Does a job; returns its result (anything that is JSON). A handler whose effect must happen once
ends the job itself, in the transaction of the effect (``core.jobs.finish``), and may say so by
returning ``ENDED``."""

ENDED = object()


class Worker:
    """``start`` and ``stop``; ``slots`` jobs at a time, ``poll`` seconds between looks, or ``idle``
    where nothing is due and the catalog tells of new jobs by itself.

    ``quick`` kinds have one slot more to themselves: they do not wait behind a job of half an hour.
    ``patient`` kinds are done when nothing else waits; ``apart`` ones, which may take hours, have a
    slot to themselves and no other.
    """

    def __init__(
        self,
        queue: Queue,
        handlers: Mapping[str, Handler],
        *,
        slots: int = 1,
        poll: float = 0.25,
        idle: float = 5.0,
        quick: Collection[str] = (),
        patient: Collection[str] = (),
        apart: Collection[str] = (),
    ) -> None:
        self._queue = queue
        self._handlers = handlers
        first = [kind for kind in handlers if kind not in patient and kind not in apart]
        groups = [group for group in (first, list(patient)) if group]
        self._lanes = [groups] * slots
        if quick:
            self._lanes.append([list(quick)])
        if apart:
            self._lanes.append([list(apart)])
        self._poll = poll
        self._idle = idle
        self.holder = f"{os.getpid()}-{secrets.token_hex(6)}"
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        await self._beat()
        self._tasks = [asyncio.create_task(self._heartbeat())]
        self._tasks += [asyncio.create_task(self._slot(groups)) for groups in self._lanes]

    async def stop(self) -> None:
        """Put back what is under way and end."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        with suppress(ConsigneError):
            await self._queue.still(self.holder)

    async def _heartbeat(self) -> None:
        while True:
            await asyncio.sleep(self._queue.lease / 3)
            try:
                await self._beat()
            except Exception as error:
                log.warning("heartbeat_failed", error=str(error))

    async def _beat(self) -> None:
        await self._queue.beat(list(self._handlers), self.holder, self._queue.lease)

    async def _slot(self, groups: list[list[str]]) -> None:
        bell = self._queue.bell()
        while True:
            try:
                due_in = await self._queue.due_in()
                job = await self._claim(groups) if due_in <= 0 else None
                if job is not None:
                    await self._do(job)
                elif due_in <= 0 or not bell.is_live:
                    await asyncio.sleep(self._poll)
                else:
                    await bell.wait(min(due_in, self._idle))
            except Exception as error:  # whatever it is, the next job must not wait for ever
                log.warning("worker_failed", error=str(error))
                await asyncio.sleep(max(1.0, self._poll))

    async def _claim(self, groups: list[list[str]]) -> Job | None:
        """Take a job of the first group of kinds in which one is due."""
        for kinds in groups:
            job = await self._queue.claim(kinds, self.holder)
            if job is not None:
                return job
        return None

    async def _do(self, job: Job) -> None:
        """Do a claimed job; everything that is logged meanwhile names it."""
        outcome, about = "put back", {"job": str(job.id), "kind": job.kind}
        span = tracing.span(f"job {job.kind}")
        with bound_contextvars(**about), known.JOB_SECONDS.timed(job.kind), span:
            try:
                outcome = await self._outcome(job)
            finally:
                known.JOBS.add(1, job.kind, outcome)
                about |= {"outcome": outcome, "attempt": str(job.attempts)}
                span.note(f"job {job.kind}", about, failed=outcome == "failed")

    async def _outcome(self, job: Job) -> str:
        """Run the handler beside the renewal of the lease, and settle it; return how it ended."""
        handling = asyncio.ensure_future(self._handlers[job.kind](Run(job, self._queue)))
        renewal = asyncio.create_task(self._renew(job, handling))
        try:
            result = await handling
        except asyncio.CancelledError:
            handling.cancel()
            await asyncio.gather(handling, return_exceptions=True)
            told = asyncio.current_task()
            if told is not None and told.cancelling():
                with suppress(ConsigneError):
                    await self._queue.put_back(job)
                raise
            log.info("job_lost")
            return "lost"
        except Later as later:
            await self._queue.put_back(job, later.seconds)
            return "put back"
        except Exception as error:
            return await self._settle(job, error)
        else:
            if result is not ENDED:
                await self._queue.finish(job, result)
            log.info("job_done")
            return "done"
        finally:
            renewal.cancel()

    async def _renew(self, job: Job, handling: "asyncio.Future[Any]") -> None:
        """Prolong the lease until the handler ends; stop the handler where it is lost."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._queue.lease
        while True:
            await asyncio.sleep(self._queue.lease / 4)
            asked_at = loop.time()
            try:
                held = await self._queue.renew(job)
            except ConsigneError:
                held = asked_at < until
            else:
                until = asked_at + self._queue.lease
            if not held:
                handling.cancel()
                return

    async def _settle(self, job: Job, error: Exception) -> str:
        if isinstance(error, WrongState) and error.details.get("state") == "lost":
            log.info("job_lost")
            return "lost"
        if isinstance(error, ConsigneError):
            refusal, again = error, core.may_pass(error)
        else:
            log.error("job_crashed", exc_info=error)
            refusal, again = Internal("The job failed unexpectedly."), True
        failure = core.failure_of(refusal)
        log.warning("job_failed", code=failure.code, error=failure.message, attempt=job.attempts,
                    again=again)  # fmt: skip
        if again:
            await self._queue.retry(job, failure)
            return "failed" if job.attempts >= job.max_attempts else "put back"
        await self._queue.fail(job, failure)
        return "failed"
