"""The census: figures of the whole installation, for metrics and health. No caller, no rights."""

import time

import msgspec

from consigne.catalog import census, migrate
from consigne.catalog.engine import Catalog, Tx
from consigne.core.clock import now_ms

_FRESH = 5.0


class Queue(msgspec.Struct, frozen=True):
    """Jobs of one kind. ``age``: seconds for which the first one has been due, 0 if none is."""

    queued: int = 0
    running: int = 0
    age: float = 0.0
    workers: int = 0


class SpaceUse(msgspec.Struct, frozen=True):
    """What a space uses; bytes. ``quota`` None: unlimited."""

    short: str
    used: int
    reserved: int
    quota: int | None


class Figures(msgspec.Struct, frozen=True):
    """One count of everything; bytes. Very long lists are counted to ``catalog.census.MOST``."""

    queues: dict[str, Queue]
    deliveries: int
    quarantined: int
    spaces: int
    used: int
    reserved: int
    fullest: list[SpaceUse]


class Schema(msgspec.Struct, frozen=True):
    """The revision of the catalog (None: no tables), the one that this code needs, and whether the
    catalog is ahead of this code."""

    present: str | None
    needed: str
    is_newer: bool


class Census:
    """The verb ``figures``; an answer is given again for five seconds, so that asking is cheap."""

    def __init__(self, catalog: Catalog, named_spaces: int) -> None:
        self._catalog = catalog
        self._named = named_spaces
        self._taken_at = float("-inf")
        self._figures: Figures | None = None
        self._revisions = migrate.revisions()

    async def figures(self) -> Figures:
        """Count. Raises Unavailable."""
        if self._figures is None or time.monotonic() - self._taken_at > _FRESH:
            self._figures = await self._catalog.read(self._count)
            self._taken_at = time.monotonic()
        return self._figures

    async def schema(self) -> Schema:
        """Say which schema the catalog has. Raises Unavailable."""
        present = await self._catalog.read(census.revision)
        return Schema(present, self._revisions[0], bool(present) and present not in self._revisions)

    def _count(self, tx: Tx) -> Figures:
        count, used, reserved = census.spaces(tx)
        return Figures(
            queues=_queues(tx),
            deliveries=census.deliveries(tx),
            quarantined=census.quarantined(tx),
            spaces=count,
            used=used,
            reserved=reserved,
            fullest=[SpaceUse(*row) for row in census.fullest(tx, self._named)],
        )


def _queues(tx: Tx) -> dict[str, Queue]:
    now = now_ms()
    served = census.served(tx, now)
    running = dict(census.running(tx))
    queued = {kind: (count, first) for kind, count, first in census.queued(tx)}
    found = {}
    for kind in sorted({*served, *running, *queued}):
        count, first = queued.get(kind, (0, now))
        age = max(0, now - first) / 1000
        found[kind] = Queue(count, running.get(kind, 0), age, served.count(kind))
    return found
