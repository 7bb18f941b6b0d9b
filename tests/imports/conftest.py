"""Instances and sites for the tests of imports."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from import_support import Desk
from tests.daxium.daxium_support import Instance, found_instance
from tests.parts.catalogs import sqlite_catalog
from tests.parts.server import RunningServer
from tests.parts.sites import Site, Store, open_site

from consigne.blobs.memory import MemoryDriver
from consigne.catalog.postgres import PostgresCatalog
from consigne.settings import Settings


@pytest.fixture
def instance(server: RunningServer) -> Instance:
    """An empty instance of this test's own."""
    return found_instance(server)


@pytest.fixture
def stranger(server: RunningServer) -> Instance:
    """Another instance."""
    return found_instance(server)


@pytest.fixture
def desk(instance: Instance) -> Desk:
    """An instance with a structure and people to import for."""
    return Desk.open(instance)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=str(tmp_path), import_fetch_hosts=["files.example"])


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
