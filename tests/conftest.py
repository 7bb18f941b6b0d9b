"""Fixtures for every test; the parts they start are in `tests.parts`."""

import os

import hypothesis
import pytest

from tests.parts.browser import browser
from tests.parts.catalogs import migrated_url, postgres_template, sqlite_template
from tests.parts.ceph import ceph_store
from tests.parts.cluster import cluster
from tests.parts.postgres import postgres_cluster, postgres_url
from tests.parts.seaweedfs import object_store
from tests.parts.server import fresh_server, server, start_server, vault

__all__ = [
    "browser",
    "ceph_store",
    "cluster",
    "fresh_server",
    "migrated_url",
    "object_store",
    "postgres_cluster",
    "postgres_template",
    "postgres_url",
    "server",
    "soak_rounds",
    "sqlite_template",
    "start_server",
]

# Speed is shown by the benchmark; a test that fails because the machine was busy says nothing.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leave out, on a cluster, what says that it can only be shown on the embedded vault."""
    marker = item.get_closest_marker("embedded")
    if marker is not None and vault() != "embedded":
        pytest.skip(f"embedded only: {marker.args[0]}")


@pytest.fixture
def soak_rounds() -> int:
    """Say how often to repeat a crash test: a few times in `make test`, more in `make soak`."""
    return int(os.environ.get("SOAK_ROUNDS", "10"))
