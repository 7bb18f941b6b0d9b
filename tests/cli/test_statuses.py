"""Exit statuses and refusals: scripts can tell them apart, people know what to do."""

import contextlib
import json
import os
import pty
from pathlib import Path
from typing import Any

import pytest
from cli_command import Command
from tests.parts.process import free_port

MISSING_ID = "0b0c8bd8-6d9c-4d6a-8f5e-000000000000"


def test_version_and_help(consigne: Command) -> None:
    """Every command explains itself and its statuses."""
    assert consigne("--version").out.startswith("consigne, version ")
    listed = consigne("--help").out
    for command in ("serve", "put", "get", "ls", "find", "rm", "space", "user", "key", "fsck",
                    "doctor"):  # fmt: skip
        assert f"\n  {command} " in listed
        assert "Exit status:" in consigne(command, "--help").out


@pytest.mark.parametrize(
    ("status", "args"),
    [
        (2, ["get"]),
        (2, ["nonsense"]),
        (2, ["rm"]),
        (2, ["find", "size>=lots"]),
        (2, ["fsck", "--age", "soon"]),
        (3, ["get", "no/such/file.txt"]),
        (3, ["get", MISSING_ID]),
        (3, ["ls", "no-such-folder"]),
        (3, ["rm", "--yes", "no-such-file"]),
        (3, ["ls", "--space", "no-such-space"]),
        (1, ["find", "nofield=1"]),
        (1, ["put", "no-such-file-here"]),
        (4, ["ls", "--key", "wrong"]),
        (4, ["ls", "--key", ""]),
    ],
)
def test_statuses(consigne: Command, status: int, args: list[str]) -> None:
    """Each family of refusals has its status."""
    consigne(*args, exit=status)


def test_nobody_answers(consigne: Command) -> None:
    """A server that is not there is status 5 after a few tries."""
    consigne.url = f"http://127.0.0.1:{free_port()}"
    failed = consigne("ls", exit=5)
    assert "consigne serve" in failed.err


def test_refusals_are_readable(consigne: Command) -> None:
    """What was refused, by which rule, what to do; and the same as JSON."""
    said = consigne("ls", "--key", "wrong", exit=4).err
    assert "rule: unauthenticated" in said
    assert "  do:   " in said
    document: Any = json.loads(consigne("ls", "--key", "wrong", "--json", exit=4).err)
    assert document["rule"] == "unauthenticated"
    assert document["exit"] == 4
    assert document["hint"]


def test_one_refusal_does_not_stop_the_others(
    consigne: Command, tmp_path: Path, folder: str
) -> None:
    """Of several files those that can be sent are; the status tells of the worst."""
    (tmp_path / "good.txt").write_text("x")
    done = consigne("put", "missing.txt", "good.txt", "--to", folder, "--json", exit=1)
    assert sorted(each["status"] for each in done.jsons) == ["failed", "stored"]


def test_bars_on_a_terminal(consigne: Command, tmp_path: Path, folder: str) -> None:
    """Who watches sees how far it is, and the bars leave the results alone."""
    for number in range(3):
        (tmp_path / f"{number} [x].bin").write_bytes(bytes(20 << 20))
    ours, theirs = pty.openpty()
    process = consigne.start("put", *tmp_path.glob("*.bin"), "--to", folder, stderr=theirs)
    os.close(theirs)
    seen = b""
    with contextlib.suppress(OSError):  # the terminal's end
        while data := os.read(ours, 65_536):
            seen += data
    os.close(ours)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0, seen
    assert b"in all (3 files)" in seen
    assert len(out.splitlines()) == 3
    assert b"\x1b" not in out


def test_silence_without_a_terminal(consigne: Command, tmp_path: Path, folder: str) -> None:
    """No bars, no colours: one line a file, and nothing else."""
    (tmp_path / "a.txt").write_text("x")
    done = consigne("put", "a.txt", "--to", folder)
    assert done.err == ""
    assert "\x1b" not in done.out
    assert [len(line) for line in done.lines] == [3]
