"""Spaces and people for the tests of the Dynacase dialect."""

import pytest
from dynacase_support import Person, Space, found_space
from tests.parts.server import RunningServer


@pytest.fixture
def space(server: RunningServer) -> Space:
    """An empty space of this test's own."""
    return found_space(server)


@pytest.fixture
def stranger(server: RunningServer) -> Space:
    """Another space."""
    return found_space(server)


@pytest.fixture
def ana(space: Space) -> Person:
    """A writer of the space."""
    return space.member("writer")


@pytest.fixture
def ben(space: Space) -> Person:
    """Another writer of the space."""
    return space.member("writer")
