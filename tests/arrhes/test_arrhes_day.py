"""The accountant's day of ``examples/arrhes`` against a fresh server."""

import os
import subprocess
from pathlib import Path

import pytest
from tests.parts.server import KEY, RunningServer

DAY = Path(__file__).parents[2] / "examples/arrhes/day.sh"


def run(server: RunningServer, key: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "CONSIGNE_URL": server.url, "CONSIGNE_KEY": key}
    return subprocess.run(
        ["sh", str(DAY), *arguments], capture_output=True, text=True, env=environment,
        check=False, timeout=100,
    )  # fmt: skip


@pytest.mark.parametrize("size", [None, 0, 700_000])
def test_day(fresh_server: RunningServer, tmp_path: Path, size: int | None) -> None:
    """AR-01, AR-06, AR-70: year, file, PUT, finalize, folders, reading, emptying, by curl."""
    arguments = []
    if size is not None:
        (tmp_path / "scan.pdf").write_bytes(os.urandom(size))
        arguments = [str(tmp_path / "scan.pdf")]
    done = run(fresh_server, KEY, *arguments)
    assert done.returncode == 0, done.stderr + done.stdout
    assert "Relue: identique" in done.stdout
    assert done.stdout.endswith("Fin de journée.\n")
    with fresh_server.client() as http:
        assert http.get("/organizations/me").json()["storageCurrentUsage"] == 0


def test_the_script_ends_where_it_is_refused(fresh_server: RunningServer) -> None:
    """AR-02: a wrong key ends the day at once."""
    done = run(fresh_server, "wrong")
    assert done.returncode != 0
    assert "Fin" not in done.stdout
