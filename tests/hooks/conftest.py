"""A site whose saves are looked at by plug-ins."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from plugin_support import Hooked, hook_up, write_plugin
from tests.jobs.conftest import store
from tests.parts.sites import Store, open_site

from consigne.settings import Settings

__all__ = ["store"]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("TEST_DIARY", str(tmp_path / "diary"))
    return Settings(
        data=str(tmp_path),
        plugin_path=[str(write_plugin(tmp_path / "plugins"))],
        plugin_env=["TEST_DIARY"],
        hook_time=2,
        job_poll=0.02,
    )


@pytest.fixture
async def hooked(store: Store, tmp_path: Path) -> AsyncIterator[Hooked]:
    site = await open_site(store)
    desk = hook_up(site)
    try:
        yield Hooked(site, desk, tmp_path / "diary")
        await site.audit(tidy=False)
    finally:
        await desk.close()
        await site.depot.close()
