"""A site on each catalog, with a worker that a test starts and ends."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Protocol

import pytest
from tests.parts.catalogs import sqlite_catalog
from tests.parts.sites import Site, Store, open_site

from consigne.blobs.memory import MemoryDriver
from consigne.catalog.postgres import PostgresCatalog
from consigne.core.ocr import KIND, Ocr
from consigne.jobs.ocr import OcrHandler, PageProbe
from consigne.jobs.queue import Queue
from consigne.jobs.worker import Handler, Worker
from consigne.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=str(tmp_path), ocr_credits=10, ocr_wait=30, ocr_max_pages=50)


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path, settings: Settings) -> Store:
    memory = MemoryDriver()
    if request.param == "postgres":
        url: str = request.getfixturevalue("migrated_url")
        return Store(settings, lambda: PostgresCatalog(url, pool=6), lambda: memory)
    template: Path = request.getfixturevalue("sqlite_template")
    return Store(settings, lambda: sqlite_catalog(template, tmp_path), lambda: memory)


@pytest.fixture
async def site(store: Store, settings: Settings) -> AsyncIterator[Site]:
    """One process of the service, with the real probe; its books are audited at the end."""
    site = await open_site(store)
    depot = site.depot
    depot.ocr._probe = PageProbe(settings)
    yield site
    await site.audit(tidy=False)
    await depot.close()


class Working(Protocol):
    """Runs a worker for the time of a block, by default the one for OCR."""

    def __call__(
        self, handler: Handler | None = None, *, lease: float = 5
    ) -> AbstractAsyncContextManager[Worker]: ...


@pytest.fixture
def working(site: Site, settings: Settings) -> Working:
    @asynccontextmanager
    async def run(handler: Handler | None = None, *, lease: float = 5) -> AsyncIterator[Worker]:
        ocr: Ocr = site.depot.ocr
        queue = Queue(site.depot.catalog, lease, first_pause=0.05)
        worker = Worker(queue, {KIND: handler or OcrHandler(ocr, settings)}, poll=0.02)
        await worker.start()
        try:
            yield worker
        finally:
            await worker.stop()

    return run
