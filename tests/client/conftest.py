"""A client of each kind, in a space of the test's own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from client_support import KINDS
from tests.appmixer.support import Person, Space
from tests.parts.server import RunningServer


@pytest.fixture(params=list(KINDS))
def kind(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """The blocking client, then the asynchronous one."""
    return KINDS[request.param]


@pytest.fixture
def space(server: RunningServer) -> Space:
    """A space of this test's own."""
    return Space(server)


@pytest.fixture
def ines(space: Space) -> Person:
    """A writer with her home in the space."""
    return space.person(name="ines")


@pytest.fixture
def connect(kind: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """Give a function that makes clients; they are closed when the test ends."""
    with ExitStack() as made:

        def connect(*args: Any, **options: Any) -> Any:
            client = kind(*args, **options)
            made.callback(client.close)
            return client

        yield connect


@pytest.fixture
def client(connect: Callable[..., Any], ines: Person) -> Any:
    """A client of hers."""
    return connect(ines.space.server.url, ines.token, page_size=2)
