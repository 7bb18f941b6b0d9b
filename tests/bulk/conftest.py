"""Spaces and sites for the tests of jobs over many files."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.native.native_support import Space, make_space
from tests.parts.catalogs import sqlite_catalog
from tests.parts.server import KEY, RunningServer
from tests.parts.sites import Site, Store, open_site

from consigne.blobs.memory import MemoryDriver
from consigne.catalog.postgres import PostgresCatalog
from consigne.settings import Settings


@pytest.fixture
def space(server: RunningServer) -> Space:
    """An empty space of this test's own."""
    return make_space(server.url, KEY)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=str(tmp_path), bulk_sync=10, export_max_files=500)


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
