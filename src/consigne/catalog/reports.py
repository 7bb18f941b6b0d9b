"""Statements about reports: what jobs leave to be downloaded, each with a content of its own."""

from sqlalchemy import bindparam, delete, insert, select

from consigne.catalog import contents
from consigne.catalog.engine import Statement, Tx
from consigne.catalog.rows import params, reader
from consigne.catalog.schema import content, job, report
from consigne.model.entities import Content, ContentState, Report

_report = reader(Report)
_content = reader(Content)
_WIDTH = len(report.c)

_INSERT = Statement(insert(report))
_OF = Statement(
    select(report, content)
    .join(content, content.c.id == report.c.content_id)
    .where(
        report.c.job_id == bindparam("job"),
        content.c.state == ContentState.DERIVED.value,
    )
)
_OF_CONTENT = Statement(select(report.c.job_id).where(report.c.content_id == bindparam("content")))
_DROP = Statement(
    delete(report).where(report.c.job_id == bindparam("job")).returning(report.c.content_id)
)
_FORGOTTEN = Statement(
    select(report.c.job_id)
    .outerjoin(job, job.c.id == report.c.job_id)
    .where(job.c.id.is_(None) | (job.c.ended_at < bindparam("before")))
    .order_by(report.c.job_id)
    .limit(bindparam("n"))
)


def add(tx: Tx, value: Report) -> None:
    """Store the report of a job; the caller has stored its content."""
    tx.run(_INSERT, **params(value))


def of(tx: Tx, job_id: int) -> tuple[Report, Content] | None:
    """Return the report of a job with its bytes; None where there is none, or they are bad."""
    row = tx.one(_OF, job=job_id)
    return (_report(row[:_WIDTH]), _content(row[_WIDTH:])) if row else None


def is_report(tx: Tx, content_id: int) -> bool:
    """Tell whether a content has the bytes of a report."""
    return tx.one(_OF_CONTENT, content=content_id) is not None


def drop(tx: Tx, job_id: int, now: int) -> None:
    """Forget the report of a job; its bytes go with it."""
    for row in tx.all(_DROP, job=job_id):
        contents.drop(tx, row[0], now)


def forgotten(tx: Tx, before: int, limit: int) -> list[int]:
    """Return jobs that ended before a moment, or are gone, and have a report still."""
    return [row[0] for row in tx.all(_FORGOTTEN, before=before, n=limit)]
