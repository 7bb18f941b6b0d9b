"""A server that may send to this machine, and somebody who listens there."""

from collections.abc import Iterator

import pytest
from hook_office import ENV
from receiver import Receiver
from tests.parts.server import RunningServer, ServerStarter


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def host(start_server: ServerStarter) -> RunningServer:
    """A server of the test's own."""
    return start_server(env=ENV)
