"""People and a space for each test, on the server that all tests share."""

import pytest
from tests.appmixer.support import Space
from tests.parts.server import RunningServer
from tus_support import Tus


@pytest.fixture
def space(server: RunningServer) -> Space:
    """Make a space of this test's own."""
    return Space(server)


@pytest.fixture
def ines(space: Space) -> Tus:
    """Make a writer, logged in, with her home in the space."""
    return Tus(space.person(name="ines"))


@pytest.fixture
def zoe(space: Space) -> Tus:
    """Make another writer of the same space."""
    return Tus(space.person(name="zoe"))
