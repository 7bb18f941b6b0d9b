"""A site on each pair of catalog and store that a server may run on."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.parts.catalogs import sqlite_catalog
from tests.parts.sites import Site, Store, open_site

from consigne.blobs.driver import Driver
from consigne.blobs.local import LocalDriver
from consigne.blobs.memory import MemoryDriver
from consigne.catalog.postgres import PostgresCatalog
from consigne.settings import Settings

PAIRS = ["sqlite-local", "sqlite-memory", "postgres-memory"]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of the site; a module may override this fixture."""
    return Settings(data=str(tmp_path), upload_wait=2, lease=5)


@pytest.fixture(params=PAIRS)
def store(request: pytest.FixtureRequest, tmp_path: Path, settings: Settings) -> Store:
    """A place for the data, opened as often as a test likes."""
    engine, _, kind = request.param.partition("-")
    memory = MemoryDriver()

    def driver() -> Driver:
        if kind == "memory":
            return memory
        return LocalDriver(tmp_path / "blobs", small_limit=4096, sync=False)

    if engine == "postgres":
        url: str = request.getfixturevalue("migrated_url")
        return Store(settings, lambda: PostgresCatalog(url, pool=6), driver)
    template: Path = request.getfixturevalue("sqlite_template")
    return Store(settings, lambda: sqlite_catalog(template, tmp_path), driver)


@pytest.fixture
async def site(store: Store) -> AsyncIterator[Site]:
    """One process of the service; its books are audited when the test is over."""
    site = await open_site(store)
    try:
        yield site
        await site.audit(tidy=False)
    finally:
        await site.depot.close()
