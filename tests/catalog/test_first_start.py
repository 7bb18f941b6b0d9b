"""Several servers that start at once on an empty database: one prepares it, the others wait."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PREPARE = """
from consigne.app import prepare
from consigne.settings import load
first = prepare(load())
print("first" if first else "later")
"""


@pytest.mark.parametrize("store", ["sqlite", "postgres"])
def test_one_of_many_prepares_the_database(
    store: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """C-51: migrations and the first user are made once, however many start at the same time."""
    environment = os.environ | {"CONSIGNE_DATA": str(tmp_path / "data")}
    if store == "postgres":
        environment["CONSIGNE_CATALOG"] = request.getfixturevalue("postgres_url")
    started = [
        subprocess.Popen(
            [sys.executable, "-c", PREPARE],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(4)
    ]  # fmt: skip
    ended = [each.communicate(timeout=120) for each in started]
    assert sorted(out.split()[-1] for out, _ in ended) == ["first", "later", "later", "later"], (
        ended
    )
    assert [each.returncode for each in started] == [0] * 4
