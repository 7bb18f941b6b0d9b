"""Statements that count the whole installation, for those who watch it.

Each is served by a partial index or walks the spaces once; where there may be very many rows it
stops counting at ``MOST``.
"""

from collections.abc import Sequence

from sqlalchemy import bindparam, column, func, literal_column, select, table

from consigne.catalog.engine import Statement, Tx
from consigne.catalog.schema import content, delivery, job, lease, space

MOST = 100_000

_queued = (
    select(job.c.kind, job.c.run_at)
    # Spelled out: a bound parameter would keep SQLite from using the partial index.
    .where(job.c.state == literal_column("'queued'"))
    .order_by(job.c.run_at)
    .limit(MOST)
    .subquery()
)
_QUEUED = Statement(
    select(_queued.c.kind, func.count(), func.min(_queued.c.run_at)).group_by(_queued.c.kind)
)
_RUNNING = Statement(
    select(job.c.kind, func.count())
    .where(job.c.state == literal_column("'running'"))
    .group_by(job.c.kind)
)
_SERVED = Statement(
    select(lease.c.name).where(
        lease.c.name >= "worker:", lease.c.name < "worker;", lease.c.until >= bindparam("now")
    )
)
_WAITING = Statement(
    select(func.count()).select_from(
        select(delivery.c.id)
        .where(delivery.c.state == literal_column("'pending'"))
        .limit(MOST)
        .subquery()
    )
)
_CONFINED = Statement(
    select(func.count()).select_from(
        select(content.c.id)
        .where(content.c.state == literal_column("'quarantined'"))
        .limit(MOST)
        .subquery()
    )
)
_SPACES = Statement(
    select(
        func.count(),
        func.coalesce(func.sum(space.c.used), 0),
        func.coalesce(func.sum(space.c.reserved), 0),
    ).select_from(space)
)
_FULLEST = Statement(
    select(space.c.short, space.c.used, space.c.reserved, space.c.quota)
    .order_by(space.c.used.desc(), space.c.id)
    .limit(bindparam("n"))
)
_REVISION = Statement(select(column("version_num")).select_from(table("alembic_version")))


def queued(tx: Tx) -> list[tuple[str, int, int]]:
    """Return for each kind how many jobs wait, and since when the first of them has been due."""
    return [(kind, count, first) for kind, count, first in tx.all(_QUEUED)]


def running(tx: Tx) -> list[tuple[str, int]]:
    """Return for each kind how many jobs run."""
    return [(kind, count) for kind, count in tx.all(_RUNNING)]


def served(tx: Tx, now: int) -> list[str]:
    """Return the kind of job of each live worker, once a worker."""
    return [name.split(":")[1] for (name,) in tx.all(_SERVED, now=now)]


def deliveries(tx: Tx) -> int:
    """Return how many messages to webhooks wait."""
    return int(tx.value(_WAITING))


def quarantined(tx: Tx) -> int:
    """Return how many contents are in quarantine."""
    return int(tx.value(_CONFINED))


def spaces(tx: Tx) -> tuple[int, int, int]:
    """Return how many spaces there are, what they use, and what they have reserved."""
    count, used, reserved = tx.one(_SPACES) or (0, 0, 0)
    return int(count), int(used), int(reserved)


def fullest(tx: Tx, n: int) -> Sequence[tuple[str, int, int, int | None]]:
    """Return name, use, reservations and quota of the ``n`` spaces that use most."""
    return [(short, used, held, quota) for short, used, held, quota in tx.all(_FULLEST, n=n)]


def revision(tx: Tx) -> str | None:
    """Return the revision of the schema, as Alembic has noted it."""
    found = tx.value(_REVISION)
    return None if found is None else str(found)
