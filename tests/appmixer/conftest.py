"""People and a space for each test, on the server that all tests share."""

import pytest

from tests.appmixer.support import Person, Space
from tests.parts.server import RunningServer


@pytest.fixture
def space(server: RunningServer) -> Space:
    """Make a space of this test's own."""
    return Space(server)


@pytest.fixture
def ines(space: Space) -> Person:
    """Make a writer, logged in, with her home in the space."""
    return space.person(name="ines")


@pytest.fixture
def zoe(space: Space) -> Person:
    """Make another writer of the same space."""
    return space.person(name="zoe")
