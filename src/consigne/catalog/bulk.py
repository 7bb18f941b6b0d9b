"""Statements about jobs over many files: how far they are, what they left alone."""

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from consigne.catalog.engine import Statement, Tx
from consigne.catalog.rows import params, reader
from consigne.catalog.schema import bulk_refusal, bulk_run, job
from consigne.model.bulk import BulkRefusal, BulkRun

_run = reader(BulkRun)
_refusal = reader(BulkRefusal)

_ADD = Statement(insert(bulk_run))
_REFUSE = Statement(upsert(bulk_refusal).on_conflict_do_nothing())
_OF = Statement(select(bulk_run).where(bulk_run.c.job_id == bindparam("job")))
_ADVANCE = Statement(
    update(bulk_run)
    .where(bulk_run.c.job_id == bindparam("job"))
    .values(
        last_id=bindparam("last"),
        count=bindparam("done"),
        size=bindparam("bytes"),
        failed=bindparam("bad"),
    )
)
_REFUSALS = Statement(
    select(bulk_refusal)
    .where(bulk_refusal.c.job_id == bindparam("job"), bulk_refusal.c.file_id > bindparam("after"))
    .order_by(bulk_refusal.c.file_id)
    .limit(bindparam("n"))
)
_FORGOTTEN = Statement(
    select(bulk_run.c.job_id)
    .outerjoin(job, job.c.id == bulk_run.c.job_id)
    .where(job.c.id.is_(None) | (job.c.ended_at < bindparam("before")))
    .order_by(bulk_run.c.job_id)
    .limit(bindparam("n"))
)
_DROP = Statement(delete(bulk_run).where(bulk_run.c.job_id == bindparam("job")))
_DROP_REFUSALS = Statement(delete(bulk_refusal).where(bulk_refusal.c.job_id == bindparam("job")))


def add(tx: Tx, job_id: int) -> None:
    tx.run(_ADD, **params(BulkRun(job_id, 0, 0, 0, 0)))


def of(tx: Tx, job_id: int) -> BulkRun | None:
    row = tx.one(_OF, job=job_id)
    return _run(row) if row else None


def advance(tx: Tx, run: BulkRun, refused: list[BulkRefusal]) -> None:
    """Store how far a job is, and what it left alone on the way."""
    tx.many(_REFUSE, [params(each) for each in refused])
    tx.run(
        _ADVANCE, job=run.job_id, last=run.last_id, done=run.count, bytes=run.size, bad=run.failed
    )


def refusals(tx: Tx, job_id: int, after: int, limit: int) -> list[BulkRefusal]:
    """Return what a job left alone, by file."""
    return [_refusal(row) for row in tx.all(_REFUSALS, job=job_id, after=after, n=limit)]


def drop_refusals(tx: Tx, job_id: int) -> None:
    tx.run(_DROP_REFUSALS, job=job_id)


def forget(tx: Tx, before: int, limit: int) -> int:
    """Forget jobs that ended before a moment; return how many."""
    due = [row[0] for row in tx.all(_FORGOTTEN, before=before, n=limit)]
    for job_id in due:
        tx.run(_DROP_REFUSALS, job=job_id)
        tx.run(_DROP, job=job_id)
    return len(due)
