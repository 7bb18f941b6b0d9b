"""Jobs over many files on both databases: rights, crashes, and large deletions (C-55, C-56)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.parts.sites import Site

from consigne.core.bulk.desk import KIND
from consigne.core.seat import Seat
from consigne.errors import BadParameter, JobNotFound, RightMissing
from consigne.jobs.bulk import BulkHandler
from consigne.jobs.queue import Queue
from consigne.jobs.worker import Worker
from consigne.model.bulk import Action, Order
from consigne.model.entities import Job, JobState
from consigne.model.query import Field, Op, Scope, Term
from consigne.model.rights import Role


@asynccontextmanager
async def working(site: Site) -> AsyncIterator[Worker]:
    queue = Queue(site.depot.catalog, 5, first_pause=0.05)
    worker = Worker(queue, {KIND: BulkHandler(site.depot.bulk_runner)}, poll=0.02, apart=(KIND,))
    await worker.start()
    try:
        yield worker
    finally:
        await worker.stop()


async def ended(site: Site, job: Job) -> Job:
    while not (now := await site.depot.jobs.look(site.manager, job.id)).is_over:  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    return now


def order(site: Site, action: Action = Action.DELETE, **wishes: object) -> Order:
    return Order(action, Scope(site.space.id), **wishes)  # type: ignore[arg-type]


async def left(site: Site) -> int:
    return await site.depot.finding.count(site.manager, Scope(site.space.id))


async def test_only_what_was_there(site: Site) -> None:
    """C-55: what comes in after the start is none of the job's; digests are filters, too."""
    data = b"the same"
    first = [await site.put(data, f"{i}") for i in range(3)]
    await site.put(b"another")
    assert first[0].sha256 is not None
    terms = (Term(Field.SHA256, Op.EQUAL, first[0].sha256),)
    job = await site.depot.bulk.start(site.manager, order(site, terms=terms))
    await asyncio.sleep(0.005)
    late = await site.put(data, "late")
    async with working(site):
        now = await ended(site, job)
    assert (now.state, now.total, now.done) == (JobState.DONE, 3, 3)
    assert (await site.depot.vault.look(site.manager, late.id)).id == late.id
    assert await left(site) == 2


async def test_rights(site: Site) -> None:
    """C-02, C-56: a writer's own files only; readers none; the rights of the moment count."""
    await site.put(b"mine", seat=site.writer)
    await site.put(b"theirs", seat=site.manager)
    with pytest.raises(RightMissing):
        await site.depot.bulk.start(site.seat(Role.READER), order(site))
    assert (await site.depot.bulk.foresee(site.writer, order(site))).count == 1
    job = await site.depot.bulk.start(site.writer, order(site))
    async with working(site):
        await ended(site, job)
    assert await left(site) == 1
    stranger = await site.other_space()
    with pytest.raises(JobNotFound):
        await site.depot.bulk.error_file(stranger, job.id)
    boss = await site.newcomer("boss", Role.MANAGER)
    job = await site.depot.bulk.start(boss, order(site))
    await site.depot.tenancy.set_member(site.admin, "boss@example.org", Role.READER)
    async with working(site):
        now = await ended(site, job)
    assert now.result is None or b'"count":0' in now.result.encode()
    assert await left(site) == 1


async def test_a_crash_in_between(site: Site) -> None:
    """C-55: another worker goes on behind the last page; each file is counted once."""
    await _fill(site, 900)
    wish = order(site, Action.TAG, add=("x",))
    job = await site.depot.bulk.start(site.manager, wish)
    async with working(site) as worker:
        while (await site.depot.jobs.look(site.manager, job.id)).done < 200:  # noqa: ASYNC110
            await asyncio.sleep(0)
        for task in worker._tasks:
            task.cancel()
        await asyncio.sleep(0)
    async with working(site):
        now = await ended(site, job)
    assert now.result == '{"count":900,"size":900,"failed":0,"file":null}'


async def test_a_large_deletion_is_a_job(site: Site) -> None:
    """C-55: up to a size it is one statement, beyond it a job."""
    await _fill(site, 10)
    bulk, scope = site.depot.bulk, Scope(site.space.id)
    assert await bulk.if_large(site.manager, scope, ()) is None
    await _fill(site, 1)
    job = await bulk.if_large(site.manager, scope, ())
    assert job is not None
    async with working(site):
        await ended(site, job)
    assert await left(site) == 0


async def test_a_zip_has_a_bound(site: Site) -> None:
    """C-55: beyond it a list is made instead."""
    await _fill(site, 501)
    with pytest.raises(BadParameter, match="501 files"):
        await site.depot.bulk.start(site.manager, order(site, Action.EXPORT))


async def test_a_job_of_an_export_is_repeated(site: Site) -> None:
    """C-56: a worker that dies behind the file's commit does not make a second one."""
    await site.put(b"one", "a.txt")
    job = await site.depot.bulk.start(site.manager, order(site, Action.EXPORT))
    queue = Queue(site.depot.catalog, 0.05)
    claimed = await queue.claim([KIND], "first")
    assert claimed is not None
    made = await site.depot.bulk_runner._export(claimed, order(site, Action.EXPORT))
    await asyncio.sleep(0.1)
    async with working(site):
        now = await ended(site, job)
    assert now.result is not None
    assert '"count":1' in now.result
    assert await left(site) == 2
    assert made.owner_id == site.manager.principal_id


async def test_it_is_forgotten(site: Site) -> None:
    """C-55: with its job what it left alone goes, too."""
    file = await site.put(b"one")
    await site.depot.vault.guard(site.admin, file.id, hold_reason="a case")
    job = await site.depot.bulk.start(site.manager, order(site))
    async with working(site):
        await ended(site, job)
    reading = await site.depot.bulk.error_file(site.manager, job.id)
    assert b"file_protected" in await reading.small()
    await asyncio.sleep(0.005)
    await site.sweep(job_history=0, purge_guard=0)
    for name in ("report", "bulk_run", "bulk_refusal"):
        assert await site.rows(name) == 0


async def _fill(site: Site, count: int) -> None:
    seat: Seat = site.manager
    await asyncio.gather(*(site.put(b"x", f"{i}", seat=seat) for i in range(count)))
