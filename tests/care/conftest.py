"""A site on each catalog, over folders of the test's own, whose bytes it may damage for good."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.parts.catalogs import sqlite_catalog
from tests.parts.sites import Site, Store, open_site

from consigne.blobs.driver import Driver
from consigne.blobs.local import LocalDriver
from consigne.blobs.stores import Stores
from consigne.catalog.engine import Catalog
from consigne.catalog.postgres import PostgresCatalog
from consigne.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A module may override this; stores are names of folders."""
    return Settings(data=str(tmp_path), blobs="blobs", purge_guard=0, scrub_rate=0)


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path, settings: Settings) -> Store:
    """A place for the data, opened as often as a test likes."""

    def driver(location: str = "blobs") -> Driver:
        return LocalDriver(tmp_path / location, small_limit=4096, sync=False)

    if request.param == "postgres":
        url: str = request.getfixturevalue("migrated_url")

        def catalog_of() -> Catalog:
            return PostgresCatalog(url, pool=6)
    else:
        template: Path = request.getfixturevalue("sqlite_template")

        def catalog_of() -> Catalog:
            return sqlite_catalog(template, tmp_path)

    return Store(settings, catalog_of, driver, lambda: Stores("blobs", driver))


@pytest.fixture
async def site(store: Store) -> AsyncIterator[Site]:
    """One process of the service."""
    site = await open_site(store)
    yield site
    await site.depot.close()
