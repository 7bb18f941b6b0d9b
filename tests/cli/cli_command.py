"""The command against a real server: in this process, or in its own where it is interrupted."""

import contextlib
import json
import os
import subprocess
from pathlib import Path
from typing import Any

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
