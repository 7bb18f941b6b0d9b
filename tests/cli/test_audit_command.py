"""`consigne audit`: the sealed trail as a file, checked with and without the server (C-50)."""

import hashlib
import json
import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from cli_command import Command

PAGE = Path(__file__).parents[2] / "docs" / "audit.md"


def events(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def trail(alone: Command, tmp_path: Path) -> Path:
    """Give the exported trail of a space in which some files came in."""
    for number in range(3):
        (tmp_path / f"né {number}.txt").write_text(f"{number}")
        alone("put", f"né {number}.txt")
    target = tmp_path / "trail.jsonl"
    done = alone("audit", "export", "--space", "default", "-o", target, *data(alone))
    assert "whole" in done.err
    return target


def data(command: Command) -> tuple[object, ...]:
    return "--data", command.server.data


def test_an_export_is_checked_anywhere(alone: Command, trail: Path) -> None:
    """C-50: by the command without a catalog, and by the few lines that the page shows."""
    lines = events(trail)
    kept = [each for each in lines[1:-1] if each["action"] == "file.kept"]
    assert len(kept) == 3
    assert "né 0.txt" in kept[0]["data"]
    assert lines[-1]["events"] == len(lines) - 2
    found = alone("audit", "verify", trail, "--data", "/nowhere", "--json").json
    assert found["whole"]
    assert (found["space"], found["sequence"]) == ("default", len(lines) - 2)
    assert found["digest"] == lines[-1]["digest"]
    snippet = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)[0]
    exec(snippet.replace("acme.jsonl", str(trail)), {"hashlib": hashlib, "json": json})
    alone("audit", "verify", trail, "--catalog", *data(alone))


def test_ranges(alone: Command, trail: Path) -> None:
    """Each range is checked by itself; what is out of range or of another time is refused."""
    whole = events(trail)
    last = whole[-1]["sequence"]

    def lines(*options: object) -> list[Any]:
        done = alone("audit", "export", "--space", "default", *options, *data(alone))
        return [json.loads(line) for line in done.out.splitlines()]

    part = lines("--after", 2, "--until", 4)
    assert [each["sequence"] for each in part[1:-1]] == [3, 4]
    assert part[1:-1] == whole[3:5]
    assert part[0]["previous"] == whole[2]["digest"]
    copy = trail.with_name("part.jsonl")
    copy.write_text("".join(json.dumps(each) + "\n" for each in part))
    alone("audit", "verify", copy)
    assert lines("--since", "2020-01-01")[1:-1] == whole[1:-1]
    assert lines("--after", last)[1:-1] == []
    alone("audit", "export", "--space", "default", "--after", last + 1, *data(alone), exit=1)
    alone("audit", "export", "--space", "default", "--before", "2020-01-01", *data(alone), exit=3)
    alone("audit", "export", "--space", "nowhere", *data(alone), exit=3)
    both = ("--after", 1, "--since", "2020-01-01")
    alone("audit", "export", "--space", "default", *both, *data(alone), exit=2)
    alone("audit", "export", "--space", "default", "-o", trail, *data(alone), exit=1)


def damaged(lines: list[Any], how: str) -> tuple[list[Any], int]:
    """Return the lines after a change, and the event at which it shows."""
    at = 3
    if how == "data":
        lines[at]["data"] = '{"size":9}'
    elif how == "actor":
        lines[at]["actor"] = 77
    elif how == "time":
        lines[at]["time"] = "2020-01-01T00:00:00.000Z"
    elif how == "subject":
        lines[at]["subject"] = str(int(lines[at]["subject"] or 0) + 1)
    elif how == "digest":
        lines[at]["digest"] = "00" * 32
    elif how == "member":
        lines[at]["more"] = 1
    elif how == "gone":
        del lines[at]
    elif how == "twice":
        lines.insert(at, lines[at - 1])
    elif how == "cut off":
        del lines[at:]
    elif how == "shortened":
        lines[at:-1] = []
    elif how == "space":
        lines[0]["space_id"], at = "99", 1
    elif how == "behind":
        lines.append(lines[at])
        at = lines[-2]["sequence"]
    return lines, at


@pytest.mark.parametrize(
    "how",
    ["data", "actor", "time", "subject", "digest", "member", "gone", "twice", "cut off",
     "shortened", "space", "behind"],
)  # fmt: skip
def test_a_changed_file_is_found_out(consigne: Command, tmp_path: Path, how: str) -> None:
    """The first event that is not what was sealed is named; the status tells of it."""
    for number in range(4):
        (tmp_path / f"{number}").write_text(how)
        consigne("put", number, "--duplicate")
    target = tmp_path / "trail.jsonl"
    consigne("audit", "export", "--space", "default", "-o", target, *data(consigne))
    lines, at = damaged(events(target), how)
    target.write_text("".join(json.dumps(each) + "\n" for each in lines))
    done = consigne("audit", "verify", target, "--json", exit=6)
    assert done.json["broken"] == at, done
    assert not done.json["whole"]


@pytest.mark.parametrize(
    "text", ["", "\n", "{}", "[]\n", '{"format":"consigne-audit"}', "\xff\xfe"]
)
def test_another_file_is_refused(consigne: Command, tmp_path: Path, text: str) -> None:
    """What is no trail is told apart from a broken one."""
    (tmp_path / "x").write_text(text, encoding="latin-1")
    assert "not an exported audit trail" in consigne("audit", "verify", "x", exit=1).err


def test_a_changed_catalog_is_found_out(alone: Command, trail: Path) -> None:
    """A row that somebody changes breaks its chain there; a chain that is sealed anew does not,
    and is found by the export that was kept (C-50).
    """
    alone.server.terminate()
    assert "whole" in alone("audit", "verify", *data(alone)).out
    with sqlite3.connect(alone.server.data / "catalog.db") as database:
        database.execute("UPDATE event SET actor_id = 77 WHERE sequence = 2")
    database.close()
    done = alone("audit", "verify", "--space", "default", *data(alone), "--json", exit=6)
    assert done.json["broken"] == 2
    assert "broken at 2" in alone("audit", "export", "--space", "default", *data(alone), exit=6).err
    with sqlite3.connect(alone.server.data / "catalog.db") as database:
        database.execute("UPDATE event SET sequence = NULL, digest = NULL")
        database.execute("DELETE FROM chain")
    database.close()
    alone("audit", "export", "--space", "default", *data(alone))
    assert "whole" in alone("audit", "verify", *data(alone)).out
    done = alone("audit", "verify", trail, "--catalog", *data(alone), "--json", exit=6)
    assert "another one" in done.json["problem"]
