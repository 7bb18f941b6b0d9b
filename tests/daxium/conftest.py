"""Instances for the tests of the Daxium dialect."""

import pytest
from daxium_support import Instance, found_instance
from tests.parts.server import RunningServer


@pytest.fixture
def instance(server: RunningServer) -> Instance:
    """An empty instance of this test's own."""
    return found_instance(server)


@pytest.fixture
def stranger(server: RunningServer) -> Instance:
    """Another instance."""
    return found_instance(server)
