"""The day on a building site of ``examples/daxium`` against a fresh server."""

import os
import subprocess
from pathlib import Path

import pytest
from daxium_support import Instance
from tests.parts.server import CLIENT_ID, CLIENT_SECRET, EMAIL, KEY, PASSWORD, RunningServer

DAY = Path(__file__).parents[2] / "examples/daxium/day.sh"


def run(server: RunningServer, password: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "CONSIGNE_URL": server.url,
        "CONSIGNE_USER": EMAIL,
        "CONSIGNE_PASSWORD": password,
        "CONSIGNE_CLIENT": f"{CLIENT_ID}:{CLIENT_SECRET}",
        "CONSIGNE_KEY": KEY,
    }
    return subprocess.run(
        ["sh", str(DAY), *arguments], capture_output=True, text=True, env=environment,
        check=False, timeout=100,
    )  # fmt: skip


@pytest.mark.parametrize("size", [None, 2_000_000])
def test_day(fresh_server: RunningServer, tmp_path: Path, size: int | None) -> None:
    """DX-05, DX-12, DX-25, DX-26, DX-27, DX-29, DX-31: a report with a photo, by curl."""
    arguments = []
    if size is not None:
        png = b"\x89PNG\r\n\x1a\n" + os.urandom(size)
        (tmp_path / "photo.png").write_bytes(png)
        arguments = [str(tmp_path / "photo.png")]
    done = run(fresh_server, PASSWORD, *arguments)
    assert done.returncode == 0, done.stderr + done.stdout
    assert "Seconde utilisation refusée: DAERR-FIL005" in done.stdout
    assert "Relue: identique" in done.stdout
    assert done.stdout.endswith("Fin de journée.\n")
    assert Instance(fresh_server, "default", fresh_server.client()).books() == (0, 0)


def test_the_script_ends_where_it_is_refused(fresh_server: RunningServer) -> None:
    """DX-07: a wrong password ends the day at once."""
    done = run(fresh_server, "wrong one")
    assert done.returncode != 0
    assert "Fin" not in done.stdout
