"""A site on each catalog for tests of jobs, with a worker that a test starts and ends."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from consigne.blobs.memory import MemoryDriver
from consigne.catalog.postgres import PostgresCatalog
from consigne.core.invoices import KIND as INVOICE
from consigne.core.previews import KIND as PREVIEW
from consigne.jobs.invoices import InvoiceHandler
from consigne.jobs.previews import PreviewHandler
from consigne.jobs.queue import Queue
from consigne.jobs.worker import Handler, Worker
from consigne.settings import Settings

from .catalogs import sqlite_catalog
from .sites import Site, Store


def store_on(request: pytest.FixtureRequest, tmp_path: Path, settings: Settings) -> Store:
    """Return a store in memory with a catalog on the engine that the fixture's parameter names."""
    memory = MemoryDriver()
    if request.param == "postgres":
        url: str = request.getfixturevalue("migrated_url")
        return Store(settings, lambda: PostgresCatalog(url, pool=6), lambda: memory)
    template: Path = request.getfixturevalue("sqlite_template")
    return Store(settings, lambda: sqlite_catalog(template, tmp_path), lambda: memory)


@asynccontextmanager
async def worker_of(
    site: Site, handlers: Mapping[str, Handler] | None = None, *, lease: float = 5
) -> AsyncIterator[Worker]:
    """Run a worker for the time of a block, by default one for pictures and invoices."""
    depot = site.depot
    own: dict[str, Handler] = {
        PREVIEW: PreviewHandler(depot.derived, site.settings),
        INVOICE: InvoiceHandler(depot.invoices, depot.derived, site.settings),
    }
    queue = Queue(depot.catalog, lease, first_pause=0.05)
    worker = Worker(queue, own | dict(handlers or {}), poll=0.02)
    await worker.start()
    try:
        yield worker
    finally:
        await worker.stop()
