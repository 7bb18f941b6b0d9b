"""Jobs: work for later, enqueued in the transaction of what it is about.

The core enqueues, shows and cancels jobs; who does them is nobody's business here (a worker reads
the table). A job belongs to who started it (C-56). Its end gives back what it had reserved, unless
it is done.
"""

from typing import Any

import msgspec

from consigne import errors
from consigne.catalog import files, jobs
from consigne.catalog.engine import Catalog, Tx
from consigne.core.access import Seat, can_read
from consigne.core.clock import now_ms
from consigne.core.history import record
from consigne.errors import ConsigneError, CreditsExhausted, Internal, JobNotFound, WrongState
from consigne.model.entities import Failure, Job, JobState, State
from consigne.model.identity import MAX, new_id
from consigne.model.rights import Right

MAX_ATTEMPTS = 3
_CLASSES = {kind.code: kind for kind in errors.leaves()}
# What may be gone at the next attempt; every other refusal is final.
_PASSING = (errors.Unavailable, errors.Busy, errors.TimedOut, errors.Internal, errors.StorageFull)


class Jobs:
    """The verbs on jobs. All raise JobNotFound where the caller may not see the job."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def page(
        self,
        seat: Seat,
        *,
        state: JobState | None = None,
        kind: str | None = None,
        before: int = MAX,
        limit: int = 100,
    ) -> list[Job]:
        """Return jobs with ids below ``before``, newest first: one's own, and all to managers."""
        seat.require(Right.READ)
        creator = None if seat.has(Right.MANAGE) else seat.principal_id
        wanted = state.value if state else None
        return await self._catalog.read(
            lambda tx: jobs.page(tx, seat.space_id, creator, wanted, before, limit, kind)
        )

    async def look(self, seat: Seat, job_id: int) -> Job:
        """Return a job as it is now, to its owner, a manager, or who sees the file it is about."""
        seat.require(Right.READ)
        return await self._catalog.look(lambda tx: _visible(tx, seat, jobs.by_id(tx, job_id)))

    async def cancel(self, seat: Seat, job_id: int) -> Job:
        """End a job that is not over; a worker that is at it stops by itself.

        Raises RightMissing (another's job), WrongState (it is over).
        """
        seat.require(Right.WRITE)

        def work(tx: Tx) -> Job:
            job = _visible(tx, seat, jobs.lock(tx, job_id))
            if job.created_by != seat.principal_id:
                seat.require(Right.MANAGE)
            if not end(tx, job, JobState.CANCELLED, actor=seat.principal_id):
                raise WrongState(f"The job is {job.state} already.", state=job.state, verb="cancel")
            return _still(tx, job_id)

        return await self._catalog.write(work)


def enqueue(
    tx: Tx,
    seat: Seat,
    kind: str,
    payload: Any,
    *,
    subject: int | None = None,
    key: str | None = None,
    credits: int = 0,
    total: int | None = None,
    run_at: int | None = None,
    max_attempts: int = MAX_ATTEMPTS,
) -> tuple[Job, bool]:
    """Add a job of a caller in his transaction; see ``enqueue_for``."""
    return enqueue_for(
        tx, seat.space_id, seat.principal_id, kind, payload, subject=subject, key=key,
        credits=credits, total=total, run_at=run_at, max_attempts=max_attempts,
    )  # fmt: skip


def enqueue_for(
    tx: Tx,
    space_id: int,
    creator_id: int | None,
    kind: str,
    payload: Any,
    *,
    subject: int | None = None,
    key: str | None = None,
    credits: int = 0,
    total: int | None = None,
    run_at: int | None = None,
    max_attempts: int = MAX_ATTEMPTS,
) -> tuple[Job, bool]:
    """Add a job in the caller's transaction; return it, and whether it is new.

    ``payload`` is anything that is JSON; ``run_at`` (ms) the earliest moment. Where a job of the
    same ``key`` is under way, that one is returned and nothing is reserved. Raises
    CreditsExhausted where the space has fewer than ``credits`` OCR pages left.
    """
    job = _queued(
        space_id, kind, payload, key, creator_id=creator_id, subject=subject, credits=credits,
        total=total, run_at=run_at, max_attempts=max_attempts,
    )  # fmt: skip
    if not jobs.add(tx, job):
        earlier = jobs.under_way(tx, key) if key else None
        if earlier is None:
            raise errors.Busy("The same work ended at this very moment.", retry_after=1)
        return earlier, False
    if credits and not jobs.take_credits(tx, space_id, credits):
        raise CreditsExhausted(
            f"The work needs {credits} OCR page credits, and the space has fewer left.",
            hint="Ask an administrator for more credits.",
            needed=credits,
        )
    record(
        tx, space_id, creator_id, "job.queued", job.id,
        kind=kind, file=str(subject) if subject is not None else None, credits=credits,
    )  # fmt: skip
    return job, True


def enqueue_quietly(
    tx: Tx, space_id: int, kind: str, payload: Any, key: str, *, run_at: int | None = None
) -> bool:
    """Add a job of the service itself: nobody's, and no news for the audit trail.

    For work of which the many do not matter to anybody, only the effect; ``run_at`` (ms) is the
    earliest moment. False where a job of the same ``key`` is under way.
    """
    return jobs.add(tx, _queued(space_id, kind, payload, key, run_at=run_at))


def _queued(
    space_id: int,
    kind: str,
    payload: Any,
    key: str | None,
    *,
    creator_id: int | None = None,
    subject: int | None = None,
    credits: int = 0,
    total: int | None = None,
    run_at: int | None = None,
    max_attempts: int = MAX_ATTEMPTS,
) -> Job:
    """Return the row of a job that nobody has begun."""
    now = now_ms()
    return Job(
        id=new_id(now),
        space_id=space_id,
        kind=kind,
        state=JobState.QUEUED,
        subject=subject,
        key=key,
        payload=msgspec.json.encode(payload).decode(),
        done=0,
        total=total,
        attempts=0,
        max_attempts=max_attempts,
        run_at=now if run_at is None else run_at,
        holder=None,
        lease_until=0,
        credits=credits,
        created_at=now,
        created_by=creator_id,
        started_at=None,
        ended_at=None,
        error=None,
        result=None,
    )


def end(
    tx: Tx,
    job: Job,
    state: JobState,
    *,
    actor: int | None = None,
    failure: Failure | None = None,
    result: Any = None,
) -> bool:
    """End a job that this transaction has locked; False where it is over already."""
    ended = jobs.end(
        tx,
        job,
        state,
        now_ms(),
        error=msgspec.json.encode(failure).decode() if failure else None,
        result=msgspec.json.encode(result).decode() if result is not None else None,
    )
    if ended:
        record(
            tx, job.space_id, actor, f"job.{state.value}", job.id,
            kind=job.kind, error=failure.code if failure else None,
        )  # fmt: skip
    return ended


def finish(tx: Tx, job: Job, result: Any = None) -> None:
    """End a job as done, in the transaction of its effect. Raises WrongState.

    It does so only for the worker whose lease still runs, so that what two workers did has one
    effect: the other's transaction fails as a whole.
    """
    end(tx, require_lease(tx, job), JobState.DONE, actor=job.created_by, result=result)


def require_lease(tx: Tx, job: Job) -> Job:
    """Return the job as it is, its row held, where its worker still has it; raise WrongState."""
    present = jobs.lock(tx, job.id)
    mine = (
        present is not None
        and present.state is JobState.RUNNING
        and present.holder == job.holder
        and present.attempts == job.attempts
    )
    if present is None or not mine:
        raise WrongState("The lease on the job is lost.", state="lost", verb="finish")
    return present


def failure_of(error: ConsigneError) -> Failure:
    """Return an error as the job's row keeps it."""
    return Failure(error.code, error.message)


def error_of(job: Job) -> ConsigneError:
    """Return the error that a job failed with, as if it had been raised here."""
    if job.state is JobState.CANCELLED:
        return WrongState("The job was cancelled.", state=job.state.value, verb="wait")
    failure = job.failure
    if failure is None:
        return Internal("The job failed.")
    return _CLASSES.get(failure.code, Internal)(failure.message)


def may_pass(error: ConsigneError) -> bool:
    """Tell whether trying again may help."""
    return isinstance(error, _PASSING) and not isinstance(error, errors.EngineMissing)


def _visible(tx: Tx, seat: Seat, job: Job | None) -> Job:
    if job is None or job.space_id != seat.space_id:
        raise JobNotFound
    if job.created_by == seat.principal_id or seat.has(Right.MANAGE):
        return job
    file = files.by_id(tx, job.subject) if job.subject is not None else None
    if file is None or file.state not in (State.HELD, State.KEPT) or not can_read(tx, seat, file):
        raise JobNotFound
    return job


def _still(tx: Tx, job_id: int) -> Job:
    job = jobs.by_id(tx, job_id)
    if job is None:
        raise JobNotFound
    return job
