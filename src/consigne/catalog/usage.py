"""Statements about how full spaces were, day by day."""

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from consigne.catalog.engine import Statement, Tx, any_of
from consigne.catalog.rows import params, reader
from consigne.catalog.schema import file, job, usage_day
from consigne.model.entities import JobState, State, UsageDay

_day = reader(UsageDay)

_PUT = Statement(
    upsert(usage_day)
    .values({column: bindparam(column.name) for column in usage_day.c})
    .on_conflict_do_update(
        index_elements=[usage_day.c.space_id, usage_day.c.day],
        set_={c: bindparam(c.name) for c in usage_day.c if not c.primary_key},
    )
)
_SET_PAGES = Statement(
    update(usage_day)
    .where(usage_day.c.space_id == bindparam("space"), usage_day.c.day == bindparam("on"))
    .values(ocr_pages=bindparam("pages"))
)
_SPAN = Statement(
    select(usage_day)
    .where(
        usage_day.c.space_id == bindparam("space"),
        usage_day.c.day >= bindparam("first"),
        usage_day.c.day <= bindparam("last"),
    )
    .order_by(usage_day.c.day)
)
_FORGET = Statement(delete(usage_day).where(usage_day.c.day < bindparam("before")))
# From an index alone: no row of a file is read.
_FILES = Statement(
    select(func.count())
    .select_from(file)
    .where(
        file.c.space_id == bindparam("space"),
        any_of(file.c.state, (State.HELD.value, State.KEPT.value)),
    )
)
_PAGES_READ = Statement(
    select(func.coalesce(func.sum(job.c.credits), 0)).where(
        job.c.space_id == bindparam("space"),
        job.c.state == JobState.DONE.value,
        job.c.ended_at >= bindparam("since"),
        job.c.ended_at < bindparam("before"),
    )
)


def put(tx: Tx, value: UsageDay) -> None:
    """Store a day; what was stored for it before is replaced."""
    tx.run(_PUT, **params(value))


def set_pages(tx: Tx, space_id: int, day: str, pages: int) -> None:
    """Correct how many pages were read on a day, if the day is there."""
    tx.run(_SET_PAGES, space=space_id, on=day, pages=pages)


def span(tx: Tx, space_id: int, first: str, last: str) -> list[UsageDay]:
    """Return the days of a space that are there, both ends included, in their order."""
    return [_day(row) for row in tx.all(_SPAN, space=space_id, first=first, last=last)]


def forget(tx: Tx, before: str) -> int:
    """Delete the days of all spaces before a day."""
    return tx.run(_FORGET, before=before)


def files_in(tx: Tx, space_id: int) -> int:
    """Return how many files a space holds or keeps."""
    return int(tx.value(_FILES, space=space_id))


def pages_read(tx: Tx, space_id: int, since: int, before: int) -> int:
    """Return how many pages were paid for by jobs that ended between two moments (ms)."""
    return int(tx.value(_PAGES_READ, space=space_id, since=since, before=before))
