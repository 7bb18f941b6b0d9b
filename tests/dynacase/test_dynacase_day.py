"""The working day of ``examples/dynacase`` against a fresh server."""

import os
import subprocess
from pathlib import Path

import pytest
from dynacase_support import PDF
from tests.parts.server import KEY, RunningServer

DAY = Path(__file__).parents[2] / "examples/dynacase/day.sh"


def run(server: RunningServer, key: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "CONSIGNE_URL": server.url, "CONSIGNE_KEY": key}
    return subprocess.run(
        ["sh", str(DAY), *arguments], capture_output=True, text=True,
        env=environment, check=False, timeout=100,
    )  # fmt: skip


@pytest.mark.parametrize("size", [None, 700_000])
def test_day(fresh_server: RunningServer, tmp_path: Path, size: int | None) -> None:
    """DY-20, DY-24, DY-25, DY-29, DY-42, DY-64: a day by curl, from temporary file to trash."""
    arguments = []
    if size is not None:
        (tmp_path / "scan.pdf").write_bytes(PDF + os.urandom(size))
        arguments = [str(tmp_path / "scan.pdf")]
    done = run(fresh_server, KEY, *arguments)
    assert done.returncode == 0, done.stderr + done.stdout
    assert "Relu: identique" in done.stdout
    assert "Refus: CRUD0610 Index needed" in done.stdout
    assert done.stdout.endswith("Fin de journée.\n")


def test_the_script_ends_where_it_is_refused(fresh_server: RunningServer) -> None:
    """DY-04: a wrong key ends the day at once."""
    done = run(fresh_server, "wrong")
    assert done.returncode != 0
    assert "Fin" not in done.stdout
