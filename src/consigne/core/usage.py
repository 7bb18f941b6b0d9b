"""How full spaces are, day by day: figures for charts, looked at again and again (``usage_every``).

A day is one row, so that nothing has to be thinned out; days are forgotten after ``usage_history``.
"""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial

from consigne.catalog import spaces, usage
from consigne.catalog.engine import Catalog, Tx
from consigne.core.access import Seat
from consigne.core.care.turn import Turn
from consigne.core.clock import now_ms
from consigne.core.tenancy import require_admin
from consigne.errors import ConsigneError
from consigne.model.entities import Space, UsageDay
from consigne.settings import Settings

_BATCH = 20
_DAY = timedelta(days=1)


class UsageHistory:
    """The verbs ``note``, which one process at a time does, and ``over``."""

    def __init__(self, catalog: Catalog, settings: Settings) -> None:
        self._catalog = catalog
        self._keep = timedelta(seconds=settings.usage_history)
        self._turn = Turn(catalog, "usage", 2 * settings.usage_every + 5)
        self._is_ours = False

    async def close(self) -> None:
        """Leave the work to another process."""
        if self._is_ours:
            with suppress(ConsigneError):
                await self._turn.give_back()

    async def note(self) -> None:
        """Write down how full each space is today, and forget what is old."""
        self._is_ours = await self._turn.take()
        if not self._is_ours:
            return
        now, after = datetime.fromtimestamp(now_ms() / 1000, UTC), 0
        while page := await self._catalog.read(partial(spaces.page, after=after, limit=_BATCH)):
            for space in page:
                # One space a transaction: counting the files of a large one takes a while.
                found = await self._catalog.read(partial(_looked_at, number=space.id, now=now))
                if found is not None:
                    await self._catalog.write(partial(_store, today=found[0], pages=found[1]))
            after = page[-1].id
        before = (now - self._keep).date().isoformat()
        await self._catalog.write(partial(usage.forget, before=before))

    async def over(self, seat: Seat, first: str, last: str) -> list[UsageDay]:
        """Return the days from ``first`` to ``last`` (``2026-01-31``, UTC) that are known.

        Today is as it is at this moment. Needs the right ``admin``, as the usage does (C-02).
        """
        require_admin(seat)
        now = datetime.fromtimestamp(now_ms() / 1000, UTC)
        today = now.date().isoformat()

        def work(tx: Tx) -> list[UsageDay]:
            days = usage.span(tx, seat.space_id, first, last)
            if not first <= today <= last:
                return days
            found = _looked_at(tx, seat.space_id, now)
            return [day for day in days if day.day < today] + ([found[0]] if found else [])

        return await self._catalog.read(work)


def _looked_at(tx: Tx, number: int, now: datetime) -> tuple[UsageDay, int] | None:
    """Return how full an open space is, and how many pages were read the day before."""
    space: Space | None = spaces.by_id(tx, number)
    if space is None or space.deleted_at is not None:
        return None
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    day = UsageDay(
        space_id=number,
        day=midnight.date().isoformat(),
        used=space.used,
        undo=space.undo,
        files=usage.files_in(tx, number),
        quota=space.quota,
        ocr_credits=space.ocr_credits,
        ocr_pages=_pages(tx, number, midnight),
    )
    return day, _pages(tx, number, midnight - _DAY)


def _pages(tx: Tx, number: int, midnight: datetime) -> int:
    since = int(midnight.timestamp()) * 1000
    return usage.pages_read(tx, number, since, since + 86_400_000)


def _store(tx: Tx, today: UsageDay, pages: int) -> None:
    """Store today, and what was read of yesterday after it was last looked at."""
    usage.put(tx, today)
    yesterday = (datetime.fromisoformat(today.day) - _DAY).date().isoformat()
    usage.set_pages(tx, today.space_id, yesterday, pages)
