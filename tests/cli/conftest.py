"""The command and the servers that it talks to."""

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_command import Command
from cli_support import Gate
from tests.parts.server import RunningServer


@pytest.fixture
def consigne(server: RunningServer, tmp_path: Path) -> Command:
    """The command, talking to the server that tests share."""
    return Command(server, tmp_path)


@pytest.fixture
def alone(fresh_server: RunningServer, tmp_path: Path) -> Command:
    """The command, talking to a server of this test's own."""
    return Command(fresh_server, tmp_path)


@pytest.fixture
def folder() -> str:
    """The name of a folder that no other test uses."""
    return f"test-{secrets.token_hex(6)}"


@pytest.fixture
def gate(consigne: Command) -> Iterator[Gate]:
    """A gate in front of the server; the command goes through it."""
    gate = Gate(consigne.server.port)
    consigne.url = gate.url
    yield gate
    gate.close()


@pytest.fixture
def api(server: RunningServer) -> Iterator[Callable[..., Any]]:
    """The native API, without the command: returns the JSON of a successful answer."""
    with server.client() as client:

        def call(method: str, path: str, **options: Any) -> Any:
            answer = client.request(method, f"/consigne/v1{path}", **options)
            assert answer.is_success, answer.text
            return answer.json() if answer.content else None

        yield call
