"""How full a space was, day by day (`usage_every`, `usage_history`)."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from tests.parts.sites import Site

from consigne.catalog import jobs
from consigne.catalog.engine import Tx
from consigne.core import jobs as queue
from consigne.errors import RightMissing
from consigne.model.entities import JobState, UsageDay

EVER = ("1970-01-01", "9999-12-31")
Clock = Callable[[str], int]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Give a function that sets what time it is for these figures, and returns it in ms."""

    def set_to(text: str) -> int:
        now = int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1000
        monkeypatch.setattr("consigne.core.usage.now_ms", lambda: now)
        return now

    return set_to


async def days(site: Site, first: str = EVER[0], last: str = EVER[1]) -> list[UsageDay]:
    return await site.depot.usage.over(site.admin, first, last)


async def read_pages(site: Site, pages: int, at: int) -> None:
    """Let a job that was paid with credits end at a moment."""

    def work(tx: Tx) -> None:
        job, _ = queue.enqueue(tx, site.writer, "ocr", {}, credits=pages)
        jobs.end(tx, job, JobState.DONE, at)

    await site.run(work)


async def test_a_day_is_one_row_that_follows_the_day(site: Site, clock: Clock) -> None:
    """Looked at again it is as it was last; the day before gets the pages that it was read late."""
    clock("2026-03-01T09:00:00")
    await site.put(b"four")
    await site.depot.usage.note()
    await read_pages(site, 7, clock("2026-03-01T23:30:00"))
    await site.put(b"and five")
    await site.depot.usage.note()
    (day,) = await days(site)
    credits = site.settings.ocr_credits - 7
    assert day == UsageDay(site.space.id, "2026-03-01", 12, 0, 2, None, credits, 7)
    await read_pages(site, 2, clock("2026-03-01T23:59:59"))
    await read_pages(site, 1, clock("2026-03-02T00:00:00"))
    await site.set_quota(5000)
    await site.depot.usage.note()
    assert [(each.day, each.ocr_pages) for each in await days(site)] == [
        ("2026-03-01", 9),
        ("2026-03-02", 1),
    ]
    assert [each.quota for each in await days(site)] == [None, 5000]


async def test_today_is_as_it_is_now(site: Site, clock: Clock) -> None:
    """Without waiting for the next look; other days are as they were; who administers may see."""
    clock("2026-03-01T12:00:00")
    await site.depot.usage.note()
    file = await site.put(b"new")
    assert [each.used for each in await days(site)] == [3]
    clock("2026-03-03T12:00:00")
    assert [(each.day, each.used) for each in await days(site)] == [
        ("2026-03-01", 0),
        ("2026-03-03", 3),
    ]
    await site.depot.vault.release(site.writer, file.id)
    assert [(each.used, each.undo, each.files) for each in await days(site)][1:] == [(0, 3, 0)]
    assert await days(site, last="2026-02-28") == []
    with pytest.raises(RightMissing):
        await site.depot.usage.over(site.manager, *EVER)


async def test_one_process_looks_and_old_days_go(site: Site, clock: Clock) -> None:
    """Days are forgotten after ``usage_history``."""
    clock("2026-03-01T12:00:00")
    await site.depot.usage.note()
    another = await site.again()
    await site.put(b"x")
    await another.depot.usage.note()
    await another.depot.close()
    clock("2026-03-02T12:00:00")
    assert [each.used for each in await days(site)] == [0, 1], "the other one has not looked"
    clock("2029-03-04T12:00:00")
    assert [each.day for each in await days(site, last="2029-03-03")] == ["2026-03-01"]
    await site.depot.usage.note()
    assert await days(site, last="2029-03-03") == []
