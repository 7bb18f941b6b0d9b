"""``scrub`` as a command beside a running server, and what operators read of it."""

import json
import os
import sqlite3
import subprocess
from pathlib import Path

import httpx
from cli_command import Command
from cli_support import only_object

from consigne.core.holders import new_holder

MIB = 1 << 20


def test_a_pass(alone: Command, tmp_path: Path) -> None:
    """Status 0 and one document while all is sound, 1 with the finding once it is not."""
    path = tmp_path / "big.bin"
    path.write_bytes(os.urandom(20 * MIB))
    (tmp_path / "small.txt").write_text("x")
    alone("put", path, "small.txt")
    data = ("--data", alone.server.data)
    done = alone("scrub", *data, "--now", "--rate", "0", "--json").json
    assert done["pass"]["checked"] == 2
    assert done["pass"]["bytes_read"] == 20 * MIB + 1
    assert done["pass"]["ended_at"]
    assert done["findings"] == []
    assert "Nothing is damaged" in alone("scrub", *data).out, "none is due: it only tells"

    with only_object(alone.server.data).open("r+b") as file:
        file.seek(9 * MIB)
        file.write(b"?")
    failed = alone("scrub", *data, "--now", "--rate", "0", exit=1)
    assert "1 content damaged" in failed.out
    (finding,) = alone("scrub", *data, "--status", "--json", exit=1).json["findings"]
    assert (finding["problem"], finding["is_repaired"]) == ("block", False)
    alone("put", path, "--duplicate")
    alone("scrub", *data, "--now", "--rate", "0")
    alone("fsck", *data, "--rehash")


def test_operators_read_the_same(alone: Command, tmp_path: Path) -> None:
    """The native API shows the pass and its findings page by page, to operators only.

    The command ends with status 2 where there is nothing to scrub, or somebody is at it.
    """
    for number in range(3):
        (tmp_path / str(number)).write_bytes(os.urandom(MIB))
    alone("put", "0", "1", "2")
    folder = alone.server.data / "blobs" / "objects"
    for each in (p for p in folder.rglob("*") if p.is_file()):
        each.unlink()
    data = ("--data", alone.server.data)
    alone("scrub", *data, "--now", exit=1)
    with alone.server.client() as client:
        status = client.get("/consigne/v1/scrub").json()
        assert (status["pass"]["checked"], status["pass"]["found"]) == (3, 3)
        assert status["due_at"]
        assert not status["is_running"]
        first = client.get("/consigne/v1/scrub/findings?limit=2").json()
        rest = client.get(first["next"] and f"/consigne/v1/scrub/findings?cursor={first['next']}")
        found = first["findings"] + rest.json()["findings"]
        assert {each["problem"] for each in found} == {"missing"}
        assert len({each["content"] for each in found}) == 3
        assert rest.json()["next"] is None
        assert client.get("/consigne/v1/scrub/findings?cursor=x").status_code == 400
        assert client.get("/consigne/v1/scrub/findings?limit=0").status_code == 400
        made = client.post(
            "/consigne/v1/users", json={"email": "a@example.org", "password": "long enough"}
        )
        assert made.status_code == 201
    stranger = ("a@example.org", "long enough")
    for path in ("scrub", "scrub/findings"):
        url = f"{alone.server.url}/consigne/v1/{path}"
        assert httpx.get(url, auth=stranger).status_code == 403
        assert httpx.get(url).status_code == 401

    with sqlite3.connect(alone.server.data / "catalog.db", timeout=30) as database:
        database.execute(
            "UPDATE lease SET holder = ?, until = ? WHERE name = 'scrub'", (new_holder(), 1 << 60)
        )
    database.close()
    failed = alone("scrub", *data, "--now", exit=2)
    assert "Another process" in failed.err
    alone("scrub", *data, "--rate", "fast", exit=2)
    assert alone("scrub", *data, "--status", "--json", exit=1).json["is_running"]
    alone("scrub", "--data", tmp_path / "nowhere", exit=2)


def test_killed_and_gone_on_with(alone: Command, tmp_path: Path) -> None:
    """A pass that is killed at a low rate is finished by the next command."""
    for number in range(60):
        (tmp_path / f"{number}.bin").write_bytes(os.urandom(40_000))
    alone("put", *sorted(path.name for path in tmp_path.glob("*.bin")))
    data = ("--data", alone.server.data)
    process = alone.start("scrub", *data, "--now", "--rate", "100kB", stderr=subprocess.DEVNULL)
    try:
        while True:
            seen = alone("scrub", *data, "--status", "--json").json["pass"]
            if seen and seen["contents"] == 60 and seen["checked"]:
                break
            assert process.poll() is None
    finally:
        process.kill()
        process.wait()
    before = alone("scrub", *data, "--status", "--json").json
    assert before["pass"]["ended_at"] is None
    assert not before["is_running"], "the dead are not waited for"
    done = json.loads(alone("scrub", *data, "--rate", "0", "--json").raw)
    assert done["pass"]["number"] == before["pass"]["number"]
    assert done["pass"]["checked"] >= 60
    assert done["pass"]["ended_at"]
