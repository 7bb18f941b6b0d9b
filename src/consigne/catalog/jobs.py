"""Statements about jobs: a lease table (C-54).

A job is enqueued in the transaction of what it is about, claimed by one worker at a time for the
time of a lease, and ended only by the worker whose lease still runs. What a worker that died has
left behind is claimed again when its lease is over.
"""

from typing import Any

from sqlalchemy import bindparam, case, delete, exists, func, literal_column, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from consigne.catalog.engine import Statement, Tx, any_of
from consigne.catalog.rows import params, reader
from consigne.catalog.schema import file, job, lease, space
from consigne.model.entities import Job, JobState

_job = reader(Job)

_QUEUED, _RUNNING = JobState.QUEUED.value, JobState.RUNNING.value
_mine = (
    job.c.id == bindparam("job"),
    job.c.state == _RUNNING,
    job.c.holder == bindparam("by"),
)

_INSERT = Statement(upsert(job).on_conflict_do_nothing())
_BY_ID = Statement(select(job).where(job.c.id == bindparam("id")))
_LOCK = Statement(select(job).where(job.c.id == bindparam("id")).with_for_update())
_UNDER_WAY = Statement(
    select(job).where(job.c.key == bindparam("key"), any_of(job.c.state, (_QUEUED, _RUNNING)))
)
_FAILED = Statement(
    select(job)
    .where(job.c.key == bindparam("key"), job.c.state == JobState.FAILED.value)
    .order_by(job.c.id.desc())
    .limit(bindparam("n"))
)
# A range of keys, so that the index serves it: LIKE would not use it on either database.
_FAILED_BETWEEN = Statement(
    select(job)
    .where(
        job.c.key >= bindparam("first"),
        job.c.key < bindparam("last"),
        job.c.state == JobState.FAILED.value,
    )
    .order_by(job.c.key)
    .limit(bindparam("n"))
)
_WAITING = Statement(
    select(func.count()).select_from(
        select(job.c.id)
        .where(
            # Spelled out: a bound parameter would keep SQLite from using the partial index.
            job.c.state == literal_column("'queued'"),
            job.c.space_id == bindparam("space"),
            job.c.kind == bindparam("kind"),
        )
        .limit(bindparam("n"))
        .subquery()
    )
)
_DONE = Statement(
    select(job)
    .where(job.c.key == bindparam("key"), job.c.state == JobState.DONE.value)
    .order_by(job.c.id.desc())
    .limit(bindparam("n"))
)
_RENEW = Statement(update(job).where(*_mine).values(lease_until=bindparam("until")))
_PROGRESS = Statement(
    update(job)
    .where(*_mine)
    .values(
        done=bindparam("new_done"),
        total=func.coalesce(bindparam("new_total", type_=job.c.total.type), job.c.total),
    )
)
_RETRY = Statement(
    update(job)
    .where(*_mine)
    .values(
        state=_QUEUED,
        run_at=bindparam("again_at"),
        holder=None,
        lease_until=0,
        error=bindparam("why"),
    )
)
_PUT_BACK = Statement(
    update(job)
    .where(*_mine)
    .values(
        state=_QUEUED,
        run_at=bindparam("again_at"),
        holder=None,
        lease_until=0,
        attempts=job.c.attempts - 1,
    )
)
_PUT_ALL_BACK = Statement(
    update(job)
    .where(job.c.state == _RUNNING)
    .values(
        state=_QUEUED,
        holder=None,
        lease_until=0,
        attempts=case((job.c.attempts > 0, job.c.attempts - 1), else_=0),
    )
)
_END = Statement(
    update(job)
    .where(job.c.id == bindparam("job"), job.c.ended_at.is_(None))
    .values(
        state=bindparam("new_state"),
        ended_at=bindparam("now"),
        holder=None,
        lease_until=0,
        error=bindparam("why"),
        result=bindparam("outcome"),
        done=bindparam("new_done"),
        credits=bindparam("new_credits"),
    )
)
_TAKE_CREDITS = Statement(
    update(space)
    .where(space.c.id == bindparam("space"), space.c.ocr_credits >= bindparam("n"))
    .values(ocr_credits=space.c.ocr_credits - bindparam("n"))
)
_GIVE_CREDITS = Statement(
    update(space)
    .where(space.c.id == bindparam("space"))
    .values(ocr_credits=space.c.ocr_credits + bindparam("n"))
)
_NEXT_DUE = Statement(
    select(job.c.run_at).where(job.c.state == _QUEUED).order_by(job.c.run_at).limit(1)
)
_NEXT_LAPSE = Statement(
    select(job.c.lease_until).where(job.c.state == _RUNNING).order_by(job.c.lease_until).limit(1)
)
_FORGET = Statement(
    delete(job).where(
        job.c.ended_at < bindparam("before"),
        # A result that was paid for is given again as long as its file lives.
        or_(
            job.c.key.is_(None),
            job.c.credits == 0,
            ~exists().where(file.c.id == job.c.subject),
        ),
    )
)
_REMOVE = Statement(delete(job).where(job.c.id == bindparam("job")))
_HEARTBEATS = Statement(
    select(lease.c.name)
    .where(
        lease.c.name >= bindparam("first"),
        lease.c.name < bindparam("last"),
        lease.c.until >= bindparam("now"),
    )
    .limit(1)
)
_FORGET_HEARTBEATS = Statement(
    delete(lease).where(
        lease.c.name >= "worker:", lease.c.name < "worker;", lease.c.until < bindparam("now")
    )
)
_STOP_HEARTBEATS = Statement(
    delete(lease).where(
        lease.c.name >= "worker:", lease.c.name < "worker;", lease.c.holder == bindparam("by")
    )
)


def add(tx: Tx, value: Job) -> bool:
    """Enqueue a job; False where one of the same key is under way."""
    is_new = bool(tx.run(_INSERT, **params(value)))
    if is_new:
        tx.wake()
    return is_new


def by_id(tx: Tx, job_id: int) -> Job | None:
    row = tx.one(_BY_ID, id=job_id)
    return _job(row) if row else None


def put_all_back(tx: Tx) -> int:
    """Queue all jobs that run again, when no worker is left that runs them; return how many."""
    return tx.run(_PUT_ALL_BACK)


def lock(tx: Tx, job_id: int) -> Job | None:
    """Return a job and hold its row until the transaction ends."""
    row = tx.one(_LOCK, id=job_id)
    return _job(row) if row else None


def under_way(tx: Tx, key: str) -> Job | None:
    """Return the job of a key that is queued or running."""
    row = tx.one(_UNDER_WAY, key=key)
    return _job(row) if row else None


def done_with(tx: Tx, key: str, limit: int = 20) -> list[Job]:
    """Return the jobs of a key that are done, newest first."""
    return [_job(row) for row in tx.all(_DONE, key=key, n=limit)]


def failed_with(tx: Tx, key: str, limit: int = 20) -> list[Job]:
    """Return the jobs of a key that have failed, newest first."""
    return [_job(row) for row in tx.all(_FAILED, key=key, n=limit)]


def failed_below(tx: Tx, prefix: str, limit: int = 20) -> list[Job]:
    """Return failed jobs whose key begins with a prefix that ends in a colon."""
    last = prefix.removesuffix(":") + ";"
    return [_job(row) for row in tx.all(_FAILED_BETWEEN, first=prefix, last=last, n=limit)]


def waiting(tx: Tx, space_id: int, kind: str, limit: int) -> int:
    """Return how many jobs of a kind are queued in a space, counting no further than a limit."""
    return int(tx.value(_WAITING, space=space_id, kind=kind, n=limit))


def page(
    tx: Tx,
    space_id: int,
    creator_id: int | None,
    state: str | None,
    before: int,
    limit: int,
    kind: str | None = None,
) -> list[Job]:
    """Return jobs of a space below an id, newest first; None: of every creator, state, kind."""
    statement = select(job).where(job.c.space_id == space_id, job.c.id < before)
    if creator_id is not None:
        statement = statement.where(job.c.created_by == creator_id)
    if state is not None:
        statement = statement.where(job.c.state == state)
    if kind is not None:
        statement = statement.where(job.c.kind == kind)
    return [_job(row) for row in tx.all(statement.order_by(job.c.id.desc()).limit(limit))]


def next_at(tx: Tx) -> int | None:
    """Return the moment (ms) from which there may be something to claim, None where nothing waits:
    what an idle worker asks again and again.
    """
    due, lapse = tx.value(_NEXT_DUE), tx.value(_NEXT_LAPSE)
    moments = (due, None if lapse is None else lapse + 1)
    return min((at for at in moments if at is not None), default=None)


def claim(tx: Tx, kinds: list[str], holder: str, now: int, until: int) -> Job | None:
    """Take the job that has been due for longest, or one whose worker's lease is over."""
    ready = or_(
        (job.c.state == _QUEUED) & (job.c.run_at <= now),
        (job.c.state == _RUNNING) & (job.c.lease_until < now),
    )
    chosen = (
        select(job.c.id)
        .where(ready, job.c.kind.in_(kinds))
        .order_by(job.c.run_at, job.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    taken = (
        update(job)
        .where(job.c.id == chosen)
        .values(
            state=_RUNNING,
            holder=holder,
            lease_until=until,
            attempts=job.c.attempts + 1,
            started_at=func.coalesce(job.c.started_at, now),
        )
        .returning(*job.c)
    )
    rows = tx.all(taken)
    return _job(rows[0]) if rows else None


def renew(tx: Tx, job_id: int, holder: str, until: int) -> bool:
    """Prolong a lease; False where it was lost."""
    return bool(tx.run(_RENEW, job=job_id, by=holder, until=until))


def progress(tx: Tx, job_id: int, holder: str, done: int, total: int | None) -> bool:
    """Say how far a job is; False where the lease was lost."""
    return bool(tx.run(_PROGRESS, job=job_id, by=holder, new_done=done, new_total=total))


def retry(tx: Tx, job_id: int, holder: str, again_at: int, error: str) -> bool:
    """Put a job back into the queue; False where the lease was lost."""
    return bool(tx.run(_RETRY, job=job_id, by=holder, again_at=again_at, why=error))


def put_back(tx: Tx, job_id: int, holder: str, again_at: int) -> bool:
    """Put a job back as if it had not been claimed; False where the lease was lost."""
    is_back = bool(tx.run(_PUT_BACK, job=job_id, by=holder, again_at=again_at))
    if is_back:
        tx.wake()
    return is_back


def end(
    tx: Tx,
    value: Job,
    state: JobState,
    now: int,
    *,
    error: str | None = None,
    result: str | None = None,
) -> bool:
    """End a job that this transaction has locked; False where it is over already.

    Credits that it had reserved are spent by ``done`` and given back by every other end.
    """
    is_done = state is JobState.DONE
    ended = tx.run(
        _END,
        job=value.id,
        new_state=state.value,
        now=now,
        why=error,
        outcome=result,
        new_done=value.total if is_done and value.total is not None else value.done,
        new_credits=value.credits if is_done else 0,
    )
    if ended and value.credits and not is_done:
        tx.run(_GIVE_CREDITS, space=value.space_id, n=value.credits)
    return bool(ended)


def remove(tx: Tx, job_id: int) -> None:
    """Delete a job of which only the effect is to remain."""
    tx.run(_REMOVE, job=job_id)


def take_credits(tx: Tx, space_id: int, count: int) -> bool:
    """Reserve OCR pages of a space; False where it has fewer."""
    return bool(tx.run(_TAKE_CREDITS, space=space_id, n=count))


def is_served(tx: Tx, kind: str, now: int) -> bool:
    """Tell whether a live worker does jobs of this kind."""
    return (
        tx.value(_HEARTBEATS, first=f"worker:{kind}:", last=f"worker:{kind};", now=now) is not None
    )


def heartbeat_name(kind: str, holder: str) -> str:
    """Return the name of the lease by which a worker shows that it lives."""
    return f"worker:{kind}:{holder}"


def forget_heartbeats(tx: Tx, before: int) -> None:
    tx.run(_FORGET_HEARTBEATS, now=before)


def stop_heartbeats(tx: Tx, holder: str) -> None:
    tx.run(_STOP_HEARTBEATS, by=holder)


def forget(tx: Tx, before: int) -> int:
    """Delete jobs that ended before a moment, unless their result may still be asked for."""
    return tx.run(_FORGET, before=before)


def count(tx: Tx, **where: Any) -> int:
    """Return how many jobs have these values in these columns."""
    conditions = [job.c[name] == value for name, value in where.items()]
    return int(tx.value(select(func.count()).select_from(job).where(*conditions)))
