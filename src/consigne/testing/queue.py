"""Conformance suite for the queue of jobs: subclass, name a migrated catalog, run pytest.

::

    class TestMine(QueueSuite):
        @pytest.fixture
        def url(self) -> str:
            return "postgresql://…"

Each test stands for a sentence of ``consigne.jobs.queue`` or ``consigne.core.jobs`` (C-54, C-56).
"""

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest
import pytest_asyncio
from sqlalchemy import func, select

from consigne.app import open_catalog
from consigne.catalog import jobs, schema
from consigne.catalog.engine import Tx
from consigne.core import jobs as core
from consigne.core.clock import now_ms
from consigne.errors import CreditsExhausted, JobNotFound, WrongState
from consigne.model.entities import Failure, JobState
from consigne.model.rights import Role
from consigne.settings import Settings
from consigne.testing import queue_worker
from consigne.testing.queue_desk import CREDITS, LEASE, Desk

WHY = Failure("internal", "It broke.")


class QueueSuite(ABC):
    """What the queue must do on every catalog."""

    @abstractmethod
    @pytest.fixture
    def url(self) -> str:
        """The address of a migrated, empty catalog."""

    @pytest_asyncio.fixture
    async def desk(self, url: str) -> AsyncIterator[Desk]:
        desk = Desk(open_catalog(Settings(catalog=url)))
        await desk.catalog.open()
        await desk.furnish()
        yield desk
        await desk.catalog.close()

    async def test_due_first(self, desk: Desk) -> None:
        """Jobs are claimed by the time from which they may run, and not before it (C-54)."""
        late = await desk.add(later=-1)
        early = await desk.add(later=-5)
        future = await desk.add(later=60)
        assert [(await desk.take()).id for _ in range(2)] == [early.id, late.id]
        assert await desk.queue.claim(["test"], "me") is None
        assert 0 < await desk.queue.due_in() <= LEASE + 1
        desk.clock.ahead = 61
        assert await desk.queue.due_in() <= 0
        # The leases of the first two are over by now: they have been due for longer.
        assert {(await desk.take()).id for _ in range(3)} == {early.id, late.id, future.id}

    async def test_only_known_kinds(self, desk: Desk) -> None:
        """A worker gets jobs of the kinds that it knows."""
        await desk.add("other")
        assert await desk.queue.claim(["test"], "me") is None
        assert (await desk.take(kind="other")).kind == "other"

    async def test_each_once(self, desk: Desk) -> None:
        """Of many workers that claim at once, each job goes to one (C-54)."""
        wanted = {(await desk.add()).id for _ in range(24)}
        claims = [desk.queue.claim(["test"], f"w{number}") for number in range(40)]
        got = [job.id for job in await asyncio.gather(*claims) if job]
        got += [job.id for job in [await desk.queue.claim(["test"], "x") for _ in wanted] if job]
        assert sorted(got) == sorted(wanted)

    async def test_lease(self, desk: Desk) -> None:
        """A lease that is renewed holds; one that is over goes to another worker, and what the
        first one does then has no effect (C-54).
        """
        await desk.add()
        first = await desk.take("first")
        assert (first.state, first.attempts, first.holder) == (JobState.RUNNING, 1, "first")
        desk.clock.ahead = LEASE - 1
        assert await desk.queue.renew(first)
        desk.clock.ahead = LEASE + 5
        assert await desk.queue.claim(["test"], "second") is None
        desk.clock.ahead = 3 * LEASE
        second = await desk.take("second")
        assert (second.id, second.attempts) == (first.id, 2)
        assert not await desk.queue.renew(first)
        assert not await desk.queue.progress(first, 1, 1)
        assert not await desk.queue.retry(first, WHY)
        assert not await desk.queue.fail(first, WHY)
        assert not await desk.queue.put_back(first)
        assert not await desk.queue.finish(first, {"by": "first"})
        assert await desk.queue.finish(second, {"by": "second"})
        assert not await desk.queue.finish(second, {"by": "again"})
        assert (await desk.now(first)).result == '{"by":"second"}'

    async def test_progress(self, desk: Desk) -> None:
        """Progress is seen while the job runs; a job that is done is done in full."""
        job = await desk.add()
        mine = await desk.take()
        assert await desk.queue.progress(mine, 2, 5)
        assert await desk.queue.progress(mine, 3)
        seen = await desk.now(job)
        assert (seen.done, seen.total, seen.is_over) == (3, 5, False)
        await desk.queue.finish(mine)
        over = await desk.now(job)
        assert (over.done, over.total, over.state) == (5, 5, JobState.DONE)
        assert over.ended_at is not None
        assert over.holder is None

    async def test_back_off(self, desk: Desk) -> None:
        """The pause before a new attempt doubles, varies by half, and ends with the attempts."""
        job = await desk.add(credits=3, attempts=3)
        for attempt, pause in ((1, 10), (2, 20)):
            mine = await desk.take()
            assert mine.attempts == attempt
            before = desk.clock()
            assert await desk.queue.retry(mine, WHY)
            waiting = await desk.now(job)
            assert waiting.state is JobState.QUEUED
            assert waiting.failure == WHY
            assert 500 * pause <= waiting.run_at - before <= 1500 * pause + 1000
            assert await desk.queue.claim(["test"], "me") is None
            desk.clock.ahead += 1.5 * pause + 1
        mine = await desk.take()
        assert await desk.queue.retry(mine, WHY)
        assert (await desk.now(job)).state is JobState.FAILED
        assert await desk.credits() == CREDITS

    async def test_put_back(self, desk: Desk) -> None:
        """A worker that is told to stop gives its job up without an attempt counted."""
        await desk.add(attempts=1)
        assert await desk.queue.put_back(await desk.take())
        assert (await desk.take()).attempts == 1

    async def test_lost_workers(self, desk: Desk) -> None:
        """A job whose workers die again and again fails, and gives back its credits (AR-22)."""
        job = await desk.add(credits=4, attempts=2)
        for _ in range(2):
            await desk.take()
            desk.clock.ahead += LEASE + 1
        assert await desk.queue.claim(["test"], "me") is None
        over = await desk.now(job)
        assert over.state is JobState.FAILED
        assert over.failure is not None
        assert over.failure.code == "internal"
        assert await desk.credits() == CREDITS

    async def test_credits(self, desk: Desk) -> None:
        """Credits are reserved with the job, spent when it is done, given back once otherwise;
        who asks for more than there are gets neither job nor event (AR-22).
        """
        await desk.add(credits=5)
        assert await desk.queue.finish(await desk.take())
        assert await desk.credits() == CREDITS - 5
        await desk.add(credits=6)
        mine = await desk.take()
        assert await desk.credits() == CREDITS - 11
        assert await desk.queue.fail(mine, WHY)
        assert not await desk.queue.fail(mine, WHY)
        assert await desk.credits() == CREDITS - 5
        before = await desk.catalog.read(_rows)
        with pytest.raises(CreditsExhausted):
            await desk.add(credits=CREDITS - 4)
        assert await desk.catalog.read(_rows) == before
        assert await desk.credits() == CREDITS - 5

    async def test_credits_race(self, desk: Desk) -> None:
        """Reserving is atomic: many at once never take more than there is (AR-22)."""
        wishes = [desk.add(credits=3) for _ in range(12)]
        outcomes = await asyncio.gather(*wishes, return_exceptions=True)
        refused = [o for o in outcomes if isinstance(o, CreditsExhausted)]
        assert len(outcomes) - len(refused) == CREDITS // 3
        assert await desk.credits() == CREDITS % 3

    async def test_join(self, desk: Desk) -> None:
        """Of the same work one job is under way; after its end there may be another (AR-20)."""
        wishes = [desk.add(key="same", credits=2) for _ in range(8)]
        assert len({job.id for job in await asyncio.gather(*wishes)}) == 1
        assert await desk.credits() == CREDITS - 2
        mine = await desk.take()
        assert (await desk.add(key="same", credits=2)).id == mine.id
        await desk.queue.finish(mine)
        assert (await desk.add(key="same")).id != mine.id

    async def test_rollback(self, desk: Desk) -> None:
        """A job is enqueued in its caller's transaction: if that fails, there is none (C-54)."""
        before = await desk.catalog.read(_rows)

        def work(tx: Tx) -> None:
            core.enqueue(tx, desk.seat, "test", {}, credits=1)
            raise WrongState

        with pytest.raises(WrongState):
            await desk.catalog.write(work)
        assert await desk.catalog.read(_rows) == before
        assert await desk.credits() == CREDITS

    async def test_cancel(self, desk: Desk) -> None:
        """A waiting or running job can be cancelled, once; its worker's lease is lost by that."""
        verbs = core.Jobs(desk.catalog)
        waiting, running = await desk.add(credits=2), await desk.add(credits=3, later=-9)
        mine = await desk.take()
        assert mine.id == running.id
        for job in (waiting, running):
            assert (await verbs.cancel(desk.seat, job.id)).state is JobState.CANCELLED
            with pytest.raises(WrongState):
                await verbs.cancel(desk.seat, job.id)
        assert not await desk.queue.renew(mine)
        assert not await desk.queue.finish(mine)
        assert await desk.queue.claim(["test"], "me") is None
        assert await desk.credits() == CREDITS

    async def test_owners(self, desk: Desk) -> None:
        """A job belongs to who started it; managers see and cancel all of a space (C-56, C-02)."""
        verbs = core.Jobs(desk.catalog)
        job = await desk.add()
        stranger, manager = desk.member(2, Role.WRITER), desk.member(3, Role.MANAGER)
        assert job.created_by == desk.seat.principal_id
        assert await verbs.page(stranger) == []
        with pytest.raises(JobNotFound):
            await verbs.look(stranger, job.id)
        with pytest.raises(JobNotFound):
            await verbs.cancel(stranger, job.id)
        assert [each.id for each in await verbs.page(manager)] == [job.id]
        assert [each.id for each in await verbs.page(desk.seat)] == [job.id]
        assert await verbs.page(desk.seat, before=job.id) == []
        assert await verbs.page(desk.seat, state=JobState.DONE) == []
        assert (await verbs.cancel(manager, job.id)).state is JobState.CANCELLED
        other = Desk(desk.catalog)
        await other.furnish()
        with pytest.raises(JobNotFound):
            await verbs.look(other.seat, job.id)

    async def test_heartbeat(self, desk: Desk) -> None:
        """A kind is served while a worker for it lives (C-54)."""

        async def served(kind: str) -> bool:
            return await desk.catalog.look(lambda tx: jobs.is_served(tx, kind, desk.clock()))

        assert not await served("test")
        await desk.queue.beat(["test"], "one", 10)
        await desk.queue.beat(["test", "more"], "two", 10)
        assert await served("test")
        assert await served("more")
        assert not await served("tes")
        await desk.queue.still("two")
        assert await served("test")
        assert not await served("more")
        desk.clock.ahead = 11
        assert not await served("test")

    async def test_forget(self, desk: Desk) -> None:
        """Ended jobs are forgotten after a while, unfinished ones never."""
        ended, waiting = await desk.add(), await desk.add(later=60)
        await desk.queue.finish(await desk.take())
        assert await desk.catalog.write(lambda tx: jobs.forget(tx, now_ms() - 60_000)) == 0
        assert await desk.catalog.write(lambda tx: jobs.forget(tx, now_ms() + 60_000)) == 1
        assert await desk.catalog.look(lambda tx: jobs.by_id(tx, ended.id)) is None
        assert (await desk.now(waiting)).state is JobState.QUEUED

    @pytest.mark.timeout(180)
    async def test_killed_workers(self, desk: Desk, url: str) -> None:
        """No job is lost, and none has its effect twice, whatever happens to workers (C-54)."""
        wanted = [await desk.add(queue_worker.KIND, attempts=1000) for _ in range(100)]
        deadline = time.monotonic() + 120
        kills = 0
        with _processes(url) as workers:
            while await desk.catalog.read(_unfinished):
                assert time.monotonic() < deadline, "jobs are stuck"
                await asyncio.sleep(random.uniform(0.05, 0.25))
                if kills < 6:
                    victim = random.randrange(len(workers))
                    workers[victim].send_signal(signal.SIGKILL)
                    workers[victim].wait()
                    workers[victim] = _process(url)
                    kills += 1
        effects = await desk.catalog.read(_effects)
        assert effects == {job.id: 1 for job in wanted}
        states = {(await desk.now(job)).state for job in wanted}
        assert states == {JobState.DONE}


def _process(url: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", queue_worker.__name__, url, "1"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("CONSIGNE_")}
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)


@contextmanager
def _processes(url: str) -> Iterator[list["subprocess.Popen[bytes]"]]:
    workers = [_process(url) for _ in range(2)]
    try:
        yield workers
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()


def _unfinished(tx: Tx) -> int:
    table = schema.job
    return int(tx.value(select(func.count()).select_from(table).where(table.c.ended_at.is_(None))))


def _rows(tx: Tx) -> tuple[int, int]:
    """Return how many jobs and events there are."""
    tables = (schema.job, schema.event)
    counts = [int(tx.value(select(func.count()).select_from(table))) for table in tables]
    return counts[0], counts[1]


def _effects(tx: Tx) -> dict[int, int]:
    """Return how often each job has had its effect."""
    subject = schema.event.c.subject
    written = schema.event.c.action == queue_worker.ACTION
    rows = tx.all(select(subject, func.count()).where(written).group_by(subject))
    return {row[0]: row[1] for row in rows}
