"""A site on each catalog, with a worker that reads texts, and what the search says."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from search_support import Finder, idle
from tests.parts.catalogs import sqlite_catalog
from tests.parts.sites import Site, Store, open_site

from consigne.blobs.memory import MemoryDriver
from consigne.catalog.postgres import PostgresCatalog
from consigne.core.texts import KIND
from consigne.jobs.queue import Queue
from consigne.jobs.texts import TextHandler
from consigne.jobs.worker import Worker
from consigne.settings import Settings

Working = Callable[[], AbstractAsyncContextManager[Worker]]
Reading = Callable[[], Awaitable[None]]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=str(tmp_path), purge_guard=0, grace=0, text_max_length=100_000)


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path, settings: Settings) -> Store:
    memory = MemoryDriver()
    if request.param == "postgres":
        url: str = request.getfixturevalue("migrated_url")
        return Store(settings, lambda: PostgresCatalog(url, pool=6), lambda: memory)
    template: Path = request.getfixturevalue("sqlite_template")
    return Store(settings, lambda: sqlite_catalog(template, tmp_path), lambda: memory)


@pytest.fixture
async def site(store: Store) -> AsyncIterator[Site]:
    """One process of the service; its books are audited at the end."""
    site = await open_site(store)
    yield site
    await site.audit(tidy=False)
    await site.depot.close()


@pytest.fixture
def working(site: Site) -> Working:
    @asynccontextmanager
    async def run() -> AsyncIterator[Worker]:
        queue = Queue(site.depot.catalog, 5, first_pause=0.05)
        worker = Worker(queue, {KIND: TextHandler(site.depot.texts, site.settings)}, poll=0.02)
        await worker.start()
        try:
            yield worker
        finally:
            await worker.stop()

    return run


@pytest.fixture
def reading(site: Site, working: Working) -> Reading:
    """Let a worker read all texts that wait."""

    async def run() -> None:
        async with working():
            await idle(site)

    return run


@pytest.fixture
def find(site: Site) -> Finder:
    return Finder(site)
