"""Spaces and people for the tests of the native dialect."""

import pytest
from native_support import Client, Login, Space, make_login, make_space
from tests.parts.server import KEY, RunningServer


@pytest.fixture
def operator(server: RunningServer) -> Client:
    """A client with the bootstrap key: operator, unbound."""
    return Client(server.url, KEY)


@pytest.fixture
def space(server: RunningServer) -> Space:
    """An empty space of this test's own."""
    return make_space(server.url, KEY)


@pytest.fixture(scope="session")
def logins(server: RunningServer) -> list[Login]:
    """Three users without any space; tests give them roles in spaces of their own."""
    return [make_login(server.url, KEY) for _ in range(3)]


@pytest.fixture
def api(space: Space) -> Client:
    """The admin of the test's space."""
    return space.admin
