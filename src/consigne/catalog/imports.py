"""Statements about imports: the run, beside its job, and what became of each row (C-52, DX-44)."""

from sqlalchemy import bindparam, delete, func, insert, select, update

from consigne.catalog.engine import Statement, Tx
from consigne.catalog.rows import params, reader
from consigne.catalog.schema import import_row, import_run, job, report
from consigne.model.entities import Job
from consigne.model.imports import ImportRow, ImportRun

_run = reader(ImportRun)
_row = reader(ImportRow)
_job = reader(Job)
_WIDTH = len(import_run.c)

_ADD = Statement(insert(import_run))
_ADD_ROW = Statement(insert(import_row))
_BY_JOB = Statement(select(import_run).where(import_run.c.job_id == bindparam("job")))
_SHOWN = (
    select(*import_run.c, *job.c, report.c.job_id)
    .join(job, job.c.id == import_run.c.job_id)
    .outerjoin(report, report.c.job_id == import_run.c.job_id)
)
_LOOK = Statement(
    _SHOWN.where(
        import_run.c.job_id == bindparam("job"), import_run.c.space_id == bindparam("space")
    )
)
_PAGE = Statement(
    _SHOWN.where(import_run.c.space_id == bindparam("space"))
    .order_by(import_run.c.job_id.desc())
    .limit(bindparam("n"))
    .offset(bindparam("skip"))
)
_COUNT = Statement(
    select(func.count()).select_from(import_run).where(import_run.c.space_id == bindparam("space"))
)
_COUNT_UP = Statement(
    update(import_run)
    .where(import_run.c.job_id == bindparam("job"))
    .values(
        succeeded=import_run.c.succeeded + bindparam("good"),
        failed=import_run.c.failed + bindparam("bad"),
    )
)
_LAST = Statement(
    select(func.max(import_row.c.line)).where(import_row.c.job_id == bindparam("job"))
)
_FAULTY = Statement(
    select(import_row)
    .where(
        import_row.c.job_id == bindparam("job"),
        import_row.c.line > bindparam("after"),
        import_row.c.faults.is_not(None),
    )
    .order_by(import_row.c.line)
    .limit(bindparam("n"))
)
_BORDER = Statement(
    select(import_row.c.line)
    .where(import_row.c.job_id == bindparam("job"))
    .order_by(import_row.c.line)
    .offset(bindparam("n"))
    .limit(1)
)
_DROP_ROWS = Statement(
    delete(import_row).where(
        import_row.c.job_id == bindparam("job"), import_row.c.line <= bindparam("upto")
    )
)
_DROP_ALL_ROWS = Statement(delete(import_row).where(import_row.c.job_id == bindparam("job")))
_DROP = Statement(delete(import_run).where(import_run.c.job_id == bindparam("job")))
_FORGOTTEN = Statement(
    select(import_run)
    .outerjoin(job, job.c.id == import_run.c.job_id)
    .where(job.c.id.is_(None) | (job.c.ended_at < bindparam("before")))
    .order_by(import_run.c.job_id)
    .limit(bindparam("n"))
)


def add(tx: Tx, value: ImportRun) -> None:
    tx.run(_ADD, **params(value))


def by_job(tx: Tx, job_id: int) -> ImportRun | None:
    row = tx.one(_BY_JOB, job=job_id)
    return _run(row) if row else None


def look(tx: Tx, space_id: int, job_id: int) -> tuple[ImportRun, Job, bool] | None:
    """Return an import of a space, its job, and whether it has left a report."""
    row = tx.one(_LOOK, job=job_id, space=space_id)
    return _shown(row) if row else None


def page(tx: Tx, space_id: int, limit: int, offset: int) -> list[tuple[ImportRun, Job, bool]]:
    """Return the imports of a space as ``look`` does, newest first."""
    return [_shown(row) for row in tx.all(_PAGE, space=space_id, n=limit, skip=offset)]


def count(tx: Tx, space_id: int) -> int:
    return int(tx.value(_COUNT, space=space_id))


def add_rows(tx: Tx, rows: list[ImportRow]) -> None:
    """Store what became of rows of one import; counts them, too."""
    tx.many(_ADD_ROW, [params(row) for row in rows])
    bad = sum(row.faults is not None for row in rows)
    if rows:
        tx.run(_COUNT_UP, job=rows[0].job_id, good=len(rows) - bad, bad=bad)


def last_line(tx: Tx, job_id: int) -> int:
    """Return the last line with a result, 0 where there is none: lines are done in their order."""
    return int(tx.value(_LAST, job=job_id) or 0)


def faulty(tx: Tx, job_id: int, after: int, limit: int) -> list[ImportRow]:
    """Return the refused rows behind a line, in their order."""
    return [_row(row) for row in tx.all(_FAULTY, job=job_id, after=after, n=limit)]


def drop_rows(tx: Tx, job_id: int, limit: int) -> bool:
    """Delete up to ``limit`` results of an import that is over; True where more are left."""
    border = tx.value(_BORDER, job=job_id, n=limit)
    if border is None:
        tx.run(_DROP_ALL_ROWS, job=job_id)
        return False
    tx.run(_DROP_ROWS, job=job_id, upto=border)
    return True


def drop(tx: Tx, job_id: int) -> None:
    tx.run(_DROP, job=job_id)


def forgotten(tx: Tx, before: int, limit: int) -> list[ImportRun]:
    """Return imports that ended before a moment, or whose job is gone."""
    return [_run(row) for row in tx.all(_FORGOTTEN, before=before, n=limit)]


def _shown(row: object) -> tuple[ImportRun, Job, bool]:
    values = list(row)  # type: ignore[call-overload]
    return _run(values[:_WIDTH]), _job(values[_WIDTH:-1]), values[-1] is not None
