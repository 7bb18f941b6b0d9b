"""PostgreSQL that is slow, locked, full or restarted, and workers that it wakes."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from consigne.catalog import spaces
from consigne.catalog.engine import Catalog, Tx
from consigne.catalog.postgres import Patience, PostgresCatalog
from consigne.core import jobs as core
from consigne.errors import Unavailable
from consigne.jobs.queue import Queue
from consigne.jobs.worker import Run, Worker
from consigne.testing.catalog.base import a_space
from consigne.testing.queue_desk import Desk

SECONDS = 60


@asynccontextmanager
async def opened(url: str, pool: int = 4, **patience: float) -> AsyncIterator[PostgresCatalog]:
    catalog = PostgresCatalog(url, pool, Patience(**patience))
    await catalog.open()
    try:
        yield catalog
    finally:
        await catalog.close()


@contextmanager
def stranger(url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


def ask(tx: Tx) -> int:
    return int(tx.value(text("SELECT 42")))


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something holds."""
    for _ in range(50 * SECONDS):
        if condition():
            return
        await asyncio.sleep(0.02)
    pytest.fail("it did not happen")


def backends(connection: psycopg.Connection[Any], name: str) -> set[int]:
    """Return the processes of the database that serve connections of an application."""
    asked = (
        "SELECT pid FROM pg_stat_activity"
        " WHERE application_name = %s AND datname = current_database() AND state = 'idle'"
        " AND (query LIKE 'LISTEN%%' OR application_name = 'consigne')"
    )
    return {row[0] for row in connection.execute(asked, [name])}


def is_over(connection: psycopg.Connection[Any], process: int) -> bool:
    return process not in backends(connection, "consigne listener")


def waiting(connection: psycopg.Connection[Any], count: int) -> bool:
    """Tell whether so many connections wait for a lock."""
    asked = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'host'::regclass"
    return connection.execute(asked).fetchone() == (count,)


@pytest.mark.parametrize("method", ["write", "look", "read"])
async def test_a_statement_has_a_limit(migrated_url: str, method: str) -> None:
    """What takes too long is refused for now; the connection serves the next."""
    async with opened(migrated_url, 1, statement=0.1) as catalog:
        with pytest.raises(Unavailable, match="too long") as refused:
            await getattr(catalog, method)(lambda tx: tx.value(text("SELECT pg_sleep(600)")))
        assert refused.value.retry_after == 1
        assert await getattr(catalog, method)(ask) == 42


async def test_a_lock_has_a_limit(migrated_url: str) -> None:
    """So is what another transaction holds up, and nothing of it was stored."""
    async with opened(migrated_url, 1, lock=0.1) as catalog:
        made = await catalog.write(lambda tx: spaces.insert_space(tx, a_space()))
        with stranger(migrated_url) as other, other.transaction():
            other.execute("SELECT 1 FROM space FOR UPDATE")
            with pytest.raises(Unavailable, match="too long") as refused:
                await catalog.write(lambda tx: spaces.charge(tx, made.id, undo=5))
            assert refused.value.retry_after == 1
        assert await catalog.write(lambda tx: spaces.lock(tx, made.id)) == made


async def test_a_connection_has_a_limit(migrated_url: str) -> None:
    """Who finds all connections busy for too long is refused; the busy ones go on."""
    async with opened(migrated_url, 2, turn=0.1) as catalog:
        with stranger(migrated_url) as other:
            with other.transaction():
                other.execute("LOCK TABLE host IN ACCESS EXCLUSIVE MODE")
                hosts = text("SELECT count(*) FROM host")
                busy = [asyncio.create_task(catalog.look(lambda tx: tx.value(hosts)))]
                busy.append(asyncio.create_task(catalog.write(lambda tx: tx.value(hosts))))
                with stranger(migrated_url) as eye:
                    await until(partial(waiting, eye, 2))
                with pytest.raises(Unavailable, match="too busy") as refused:
                    await catalog.look(ask)
                assert refused.value.retry_after == 1
            assert await asyncio.gather(*busy) == [0, 0]
        assert await asyncio.gather(*[catalog.look(ask) for _ in range(9)]) == [42] * 9


async def test_a_restart_between_two_units_is_not_noticed(migrated_url: str) -> None:
    """Connections that the database has ended are replaced before anything is lost."""
    async with opened(migrated_url, 3) as catalog:
        await asyncio.gather(*[catalog.look(ask) for _ in range(12)])
        with stranger(migrated_url) as other:
            ended = backends(other, "consigne")
            assert ended
            for pid in ended:
                other.execute("SELECT pg_terminate_backend(%s)", [pid])
            await until(lambda: not backends(other, "consigne") & ended)
        methods = (catalog.look, catalog.read, catalog.write) * 4
        assert await asyncio.gather(*[method(ask) for method in methods]) == [42] * 12


class Errands:
    """A worker that looks for jobs only when it is woken, and what it has done."""

    def __init__(self, catalog: Catalog) -> None:
        self.done: list[int] = []
        self._queue = Queue(catalog, 3600)
        self._worker = Worker(self._queue, {"test": self}, poll=0.02, idle=3600)

    async def __call__(self, run: Run) -> None:
        self.done.append(run.job.id)

    async def __aenter__(self) -> "Errands":
        await self._worker.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._worker.stop()


async def test_a_job_wakes_the_workers_of_other_processes(migrated_url: str) -> None:
    """A worker that would look in an hour does at once what another process has added (C-54)."""
    async with opened(migrated_url) as catalog, opened(migrated_url) as other:
        desk = Desk(other)
        await desk.furnish()
        async with Errands(catalog) as errands:
            with stranger(migrated_url) as eye:
                await until(lambda: bool(backends(eye, "consigne listener")))
            added = []
            for _ in range(3):
                added.append((await desk.add()).id)
                await until(lambda: errands.done == added)


async def test_a_job_of_later_is_done_when_its_time_comes(migrated_url: str) -> None:
    """An idle worker sleeps no longer than until the next job is due."""
    async with opened(migrated_url) as catalog:
        desk = Desk(catalog)
        await desk.furnish()
        async with Errands(catalog) as errands:
            job = await desk.add(later=0.3)
            await until(lambda: errands.done == [job.id])


async def test_a_lost_listener_comes_back(migrated_url: str) -> None:
    """What is added while nobody listens is found by looking, and then by listening again."""
    async with opened(migrated_url) as catalog, opened(migrated_url) as other:
        desk = Desk(other)
        await desk.furnish()
        async with Errands(catalog) as errands:
            added = []
            with stranger(migrated_url) as eye:
                for _ in range(2):
                    await until(lambda: bool(backends(eye, "consigne listener")))
                    (first,) = backends(eye, "consigne listener")
                    eye.execute("SELECT pg_terminate_backend(%s)", [first])
                    added.append((await desk.add()).id)
                    await until(lambda: errands.done == added)
                    await until(partial(is_over, eye, first))
                await until(lambda: bool(backends(eye, "consigne listener")))
            added.append((await desk.add()).id)
            await until(lambda: errands.done == added)


async def test_a_unit_that_fails_wakes_nobody(migrated_url: str) -> None:
    """Who hears of work finds it: the notification follows the commit."""
    async with opened(migrated_url) as catalog:
        desk = Desk(catalog)
        await desk.furnish()
        with stranger(migrated_url) as ear:
            ear.execute("LISTEN consigne_work")

            def fails(tx: Tx) -> None:
                core.enqueue(tx, desk.seat, "test", {})
                raise Unavailable

            with pytest.raises(Unavailable):
                await catalog.write(fails)
            job = await desk.add()
            heard = list(ear.notifies(timeout=SECONDS, stop_after=1))
            assert len(heard) == 1
            assert await catalog.look(lambda tx: core.jobs.by_id(tx, job.id)) is not None
            assert list(ear.notifies(timeout=0.1)) == []
