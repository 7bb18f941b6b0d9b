"""A site on each catalog; its books are audited at the end."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.parts.sites import Site, Store, open_site
from tests.parts.working import store_on

from consigne.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=str(tmp_path), preview_wait=60)


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path, settings: Settings) -> Store:
    return store_on(request, tmp_path, settings)


@pytest.fixture
async def site(store: Store) -> AsyncIterator[Site]:
    """One process of the service."""
    site = await open_site(store)
    yield site
    await site.audit()
    await site.depot.close()
