"""Servers whose clients send to the object store themselves, on both stores."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.parts.seaweedfs import ObjectStore
from tests.parts.server import RunningServer

sys.path.append(str(Path(__file__).parents[1] / "arrhes"))
sys.path.append(str(Path(__file__).parents[1] / "blobs"))

from arrhes_support import Year, found_organization
from direct_support import DIRECT, Site


@pytest.fixture(scope="session", params=["seaweedfs", "ceph"])
def store(request: pytest.FixtureRequest) -> ObjectStore:
    """A store, one implementation after the other."""
    name = {"seaweedfs": "object_store", "ceph": "ceph_store"}[request.param]
    found: ObjectStore = request.getfixturevalue(name)
    return found


@pytest.fixture(scope="session")
def site(
    request: pytest.FixtureRequest, store: ObjectStore, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """A server over the store for the tests of this process."""
    data = tmp_path_factory.mktemp("direct") / "data"
    prefix = data.parent.name
    running = RunningServer(data, env=DIRECT | store.env(prefix)).start()
    try:
        yield Site(running, store, prefix)
        running.terminate()
    finally:
        running.kill9()


@pytest.fixture
def year(site: Site) -> Year:
    """An open year of an organization of the test's own."""
    return found_organization(site.server).year()
