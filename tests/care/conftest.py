"""A site on each catalog, over a folder or memory, whose bytes a test may damage for good."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.parts.catalogs import sqlite_catalog
from tests.parts.sites import Site, Store, open_site

from consigne.blobs.driver import Driver
from consigne.blobs.local import LocalDriver
from consigne.catalog.postgres import PostgresCatalog
from consigne.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=str(tmp_path), purge_guard=0, scrub_rate=0)


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path, settings: Settings) -> Store:
    """A place for the data, opened as often as a test likes."""

    def driver() -> Driver:
        return LocalDriver(tmp_path / "blobs", small_limit=4096, sync=False)

    if request.param == "postgres":
        url: str = request.getfixturevalue("migrated_url")
        return Store(settings, lambda: PostgresCatalog(url, pool=6), driver)
    template: Path = request.getfixturevalue("sqlite_template")
    return Store(settings, lambda: sqlite_catalog(template, tmp_path), driver)


@pytest.fixture
async def site(store: Store) -> AsyncIterator[Site]:
    """One process of the service."""
    site = await open_site(store)
    yield site
    await site.depot.close()
