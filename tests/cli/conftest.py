"""The command against a real server: in this process, or in its own where it is interrupted."""

import contextlib
import json
import os
import secrets
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_support import Gate
from click.testing import CliRunner
from tests.parts.process import bound_to_us
from tests.parts.server import COMMAND, KEY, RunningServer

from consigne.cli import main


class Command:
    """Runs ``consigne`` with the settings of a server; ``url`` may lead through a gate."""

    def __init__(self, server: RunningServer, home: Path) -> None:
        self.server = server
        self.home = home
        self.url = server.url
        self.key = KEY

    @property
    def env(self) -> dict[str, str]:
        """What the command finds in its environment beside what we have in ours."""
        return {
            "CONSIGNE_URL": self.url,
            "CONSIGNE_KEY": self.key,
            "XDG_STATE_HOME": str(self.home / "state"),
        }

    def start(self, *args: object, stderr: int = subprocess.PIPE) -> subprocess.Popen[bytes]:
        """Start the command as a process of its own and return it."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("CONSIGNE_")}
        return subprocess.Popen(
            bound_to_us([*COMMAND, *map(str, args)]),
            env=inherited | self.env,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
        )

    def __call__(self, *args: object, exit: int = 0, given: bytes | None = None) -> "Done":
        """Run the command to its end in this process; it has to exit with this status."""
        ours: dict[str, str | None] = {k: None for k in os.environ if k.startswith("CONSIGNE_")}
        with contextlib.chdir(self.home):
            result = CliRunner(env=ours | self.env).invoke(main, [*map(str, args)], input=given)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        done = Done(result.stdout_bytes, result.stderr)
        assert result.exit_code == exit, (result.exit_code, done)
        return done


class Done:
    """What a command wrote."""

    def __init__(self, raw: bytes, err: str) -> None:
        self.raw = raw
        self.err = err

    @property
    def out(self) -> str:
        return self.raw.decode()

    @property
    def lines(self) -> list[list[str]]:
        """The lines of standard output, cell by cell."""
        return [line.split("\t") for line in self.out.splitlines()]

    @property
    def json(self) -> Any:
        """The one JSON document of standard output."""
        return json.loads(self.raw)

    @property
    def jsons(self) -> list[Any]:
        """The JSON documents of standard output, one a line."""
        return [json.loads(line) for line in self.raw.splitlines()]

    def __repr__(self) -> str:
        return f"out: {self.raw!r}\nerr: {self.err}"


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
