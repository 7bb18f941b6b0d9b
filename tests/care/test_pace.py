"""The pace (`core.care.pace`) by a clock of the test's own: nothing here waits."""

import asyncio

import pytest

from consigne.core.care.pace import Pace

MIB = 1 << 20


class Clock:
    """A loop's clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def time(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: clock)
    monkeypatch.setattr(asyncio, "sleep", clock.sleep)
    return clock


async def test_no_more_than_the_rate(clock: Clock) -> None:
    """Whatever the pieces, a hundred MiB at ten a second take ten seconds, less a short burst."""
    pace = Pace(10 * MIB)
    for piece in [MIB] * 50 + [5 * MIB] * 10:
        await pace(piece)
    assert 9.5 <= clock.now - 100 <= 10


async def test_what_was_not_used_is_not_saved_up(clock: Clock) -> None:
    """After a long rest the rate is the same."""
    pace = Pace(MIB)
    await pace(MIB)
    clock.now += 3600
    begun = clock.now
    for _ in range(10):
        await pace(MIB)
    assert clock.now - begun >= 9.5


async def test_no_limit(clock: Clock) -> None:
    """0 never waits."""
    await Pace(0)(1 << 50)
    assert clock.now == 100
