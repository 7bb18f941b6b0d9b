"""``fsck`` and ``doctor`` as commands: what they print, and their statuses."""

import os
import sqlite3
import time
from pathlib import Path

from cli_command import Command
from cli_support import Gate, only_object

MIB = 1 << 20


def test_clean_beside_a_running_server(alone: Command, tmp_path: Path) -> None:
    """Status 0, one JSON document, every byte read (pains 1)."""
    (tmp_path / "big.bin").write_bytes(os.urandom(20 * MIB))
    (tmp_path / "small.txt").write_text("x")
    alone("put", "big.bin", "small.txt")
    data = ("--data", alone.server.data)
    assert "Everything agrees" in alone("fsck", *data).out
    report = alone("fsck", *data, "--rehash", "--json").json
    assert report["clean"]
    assert report["bytes_read"] == 20 * MIB + 1
    assert report["checked"]["contents"] == report["checked"]["keys"] == 2


def test_damage_and_repair(alone: Command, tmp_path: Path) -> None:
    """Status 1 while something is left, 0 once all of it is repaired."""
    path = tmp_path / "big.bin"
    path.write_bytes(os.urandom(20 * MIB))
    alone("put", path)
    data = ("--data", alone.server.data)
    orphan = alone.server.data / "blobs" / "objects" / "ab" / ("ab" * 16)
    orphan.write_bytes(b"nobody's")
    assert alone("fsck", *data, "--json").json["clean"], "it is too young"
    os.utime(orphan, (time.time() - 7200,) * 2)
    report = alone("fsck", *data, "--json", exit=1).json
    assert [each["kind"] for each in report["findings"]] == ["orphan_bytes"]
    assert "--repair" in alone("fsck", *data, exit=1).out
    alone("fsck", *data, "--repair", "--dry-run", exit=1)
    assert orphan.exists()
    alone("fsck", *data, "--repair")
    assert not orphan.exists()
    alone("fsck", *data)

    with only_object(alone.server.data).open("r+b") as file:
        file.seek(9 * MIB)
        file.write(b"?")
    alone("fsck", *data)
    report = alone("fsck", *data, "--rehash", "--repair", "--json", exit=1).json
    (finding,) = report["findings"]
    assert (finding["kind"], finding["repaired"]) == ("corrupt", False)
    assert finding["files"][0].endswith(" big.bin")
    # The same bytes come in again, and stand in for the damaged ones.
    alone("put", path, "--duplicate")
    alone("fsck", *data, "--repair")
    alone("fsck", *data, "--rehash")
    alone("get", finding["files"][0].split()[0], "--to", "out")
    assert (tmp_path / "out" / "big.bin").read_bytes() == path.read_bytes()


def test_counters_broken_by_hand(alone: Command, tmp_path: Path) -> None:
    """A counter that somebody changed in the database is put right."""
    (tmp_path / "x").write_bytes(bytes(1000))
    alone("put", "x")
    with sqlite3.connect(alone.server.data / "catalog.db", timeout=10) as database:
        database.execute("UPDATE space SET used = 5")
    database.close()
    data = ("--data", alone.server.data)
    assert "used is 5 and should be 1000" in alone("fsck", *data, exit=1).out
    alone("fsck", *data, "--repair")
    alone("fsck", *data)


def test_an_upload_under_way_is_left_alone(alone: Command, tmp_path: Path) -> None:
    """Repairing beside a server takes nothing away from what is arriving (C-23)."""
    gate = Gate(alone.server.port)
    alone.url = gate.url
    path = tmp_path / "big.bin"
    path.write_bytes(os.urandom(20 * MIB))
    gate.open(up=12 * MIB)
    process = alone.start("put", path, "--json")
    gate.wait_until_shut("up")
    report = alone("fsck", "--data", alone.server.data, "--repair", "--json").json
    assert report["findings"] == []
    assert report["checked"]["uploads"] == 1
    gate.open()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert b'"stored"' in out
    gate.close()
    assert alone("fsck", "--data", alone.server.data, "--rehash", "--json").json["clean"]


def test_fsck_that_cannot_run(consigne: Command, tmp_path: Path) -> None:
    """Status 2 is neither clean nor damaged."""
    failed = consigne("fsck", "--data", tmp_path / "nowhere", exit=2)
    assert "no installation" in failed.err
    assert not (tmp_path / "nowhere").exists()


def test_doctor(alone: Command, tmp_path: Path) -> None:
    """A fit machine is status 0, a readable master key status 1 with the command that helps."""
    data = ("--data", alone.server.data)
    report = alone("doctor", *data, "--json").json
    assert report["fit"]
    checks = {each["name"]: each for each in report["checks"]}
    for name in ("python", "sqlite", "data folder", "fsync", "links and locks", "catalog"):
        assert checks[name]["health"] == "ok", checks[name]
    assert checks["file system"]["detail"]
    key = alone.server.data / "master.key"
    key.chmod(0o644)
    done = alone("doctor", *data, exit=1)
    assert f"chmod 600 {key}" in done.out
    alone("doctor", "--data", tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()
