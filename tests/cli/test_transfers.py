"""``put`` and ``get``: what goes in comes out, whatever it is called and whoever pulls the plug."""

import hashlib
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cli_command import Command
from cli_support import Gate

from consigne.model.names import clean_name

MIB = 1 << 20
BIG = 20 * MIB  # goes up in parts of 8 MiB
ODD = [
    "plain.txt",
    "two words.txt",
    "Füße größer & 100%.txt",
    "発注書 2026年.pdf",
    "emoji 🧳🎫.png",
    "quotes \" ' `.txt",
    "hash # question ? plus + amp & eq =.txt",
    "percent %2F %00 %.txt",
    "-rf",
    ".hidden",
    "semi;colon:star*.txt",
    "עברית.txt",
    "a" * 240 + ".txt",
    "CON",
    "no extension",
]

Api = Callable[..., Any]


def make_tree(top: Path) -> dict[str, bytes]:
    """Make files with odd names in folders with odd names; return path → bytes."""
    contents: dict[str, bytes] = {}
    for place in ("", "sub", "sub/ünter ordner", "100% [x]"):
        for number, name in enumerate(ODD[: 15 if not place else 3]):
            contents[os.path.join(place, name)] = f"{place}:{name}".encode() * (number + 1)
    contents["sub/empty"] = b""
    contents["sub/big.bin"] = os.urandom(BIG + 1)
    for path, data in contents.items():
        target = top / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    (top / "nothing in here").mkdir()
    return contents


def read_tree(top: Path) -> dict[str, bytes]:
    files = (path for path in top.rglob("*") if path.is_file())
    return {str(path.relative_to(top)): path.read_bytes() for path in files}


def test_a_folder_comes_back_as_it_went(
    consigne: Command, folder: str, tmp_path: Path, api: Api
) -> None:
    """Names are data (C-31, C-32), bytes are what they were, and doing it again sends nothing."""
    contents = make_tree(tmp_path / "tree")
    sent = consigne("put", "tree", "--to", folder)
    assert {line[0] for line in sent.lines} == {"stored"}
    assert len(sent.lines) == len(contents)
    again = consigne("put", "tree", "--to", folder)
    assert sorted(line[1:] for line in again.lines) == sorted(line[1:] for line in sent.lines)
    assert {line[0] for line in again.lines} == {"skipped"}

    fetched = consigne("get", f"{folder}/tree", "--to", "back")
    assert {line[0] for line in fetched.lines} == {"stored"}
    assert read_tree(tmp_path / "back" / "tree") == contents
    assert (tmp_path / "back" / "tree" / "nothing in here").is_dir()
    once_more = consigne("get", f"{folder}/tree", "--to", "back", "--json")
    assert {each["status"] for each in once_more.jsons} == {"skipped"}
    assert {each["sha256"] for each in once_more.jsons} == {
        hashlib.sha256(data).hexdigest() for data in contents.values()
    }
    assert not list((tmp_path / "state" / "consigne").iterdir()), "no state is left behind"


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        (b"line\nbreak.txt", "linebreak.txt"),
        (b"tab\tbell\x07.txt", "tabbell.txt"),
        ("right‮to left.txt".encode(), "rightto left.txt"),
        (b"not \xff utf-8.txt", "not ? utf-8.txt"),
        (b"back\\slash.txt", "slash.txt"),
        ("decomposed e\u0301.txt".encode(), "decomposed \u00e9.txt"),
    ],
)
def test_names_are_cleaned_and_not_refused(
    consigne: Command, folder: str, tmp_path: Path, name: bytes, kept: str
) -> None:
    """The core's rule for names holds for the command too (C-31), and output stays one line."""
    path = tmp_path / "in" / os.fsdecode(name)
    path.parent.mkdir()
    path.write_bytes(b"x")
    done = consigne("put", "in/", "--to", folder, "--json")
    assert done.json["name"] == kept == clean_name(path.name)
    assert len(consigne("put", "in/", "--to", folder).lines) == 1
    consigne("get", f"{folder}/in", "--to", "out")
    assert [file.name for file in (tmp_path / "out" / "in").iterdir()] == [kept]


def test_two_names_that_would_become_one_are_not_mixed_up(
    consigne: Command, folder: str, tmp_path: Path
) -> None:
    """The second of them is refused with a reason; the rest of the folder is sent."""
    top = tmp_path / "in"
    top.mkdir()
    for name in ("ab", "a\nb", "other"):
        (top / name).write_text(name)
    (top / "link").symlink_to("other")
    done = consigne("put", "in", "--to", folder, "--json", exit=1)
    outcomes = sorted((each["status"], each.get("rule", "")) for each in done.jsons)
    assert outcomes == [("failed", "name_taken"), ("ignored", ""), ("stored", ""), ("stored", "")]


def test_nothing_at_the_other_end_can_write_outside(
    consigne: Command, folder: str, tmp_path: Path, api: Api
) -> None:
    """Folders called .. or a/b, and files of one name, stay inside the target (pains 4)."""
    outer = api("PUT", "/folders", params={"path": folder})
    for name in ("..", "a/b", "same"):
        inner = api("POST", "/folders", json={"name": name, "parent": outer["id"]})
        api("POST", "/files", params={"name": "f", "folder": inner["id"]}, content=name.encode())
    for data in (b"1", b"2"):
        api("POST", "/files", params={"name": "Same", "folder": outer["id"]}, content=data)
    consigne("get", folder, "--to", "out")
    top = tmp_path / "out" / folder
    found = read_tree(tmp_path / "out")
    assert set(found.values()) == {b"..", b"a/b", b"same", b"1", b"2"}
    assert all(path.startswith(f"{folder}/") for path in found)
    assert sorted(path.name for path in top.iterdir()) == [
        "Same (2)", "Same (3)", "_", "a_b", "same",
    ]  # fmt: skip
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "state"]


def test_other_bytes_under_a_taken_name(consigne: Command, folder: str, tmp_path: Path) -> None:
    """Nothing is overwritten unasked, on either side; a version keeps the old bytes as undo."""
    path = tmp_path / "a.txt"
    path.write_text("one")
    first = consigne("put", path, "--to", folder, "--json").json
    path.write_text("two")
    refused = consigne("put", path, "--to", folder, exit=1)
    assert "--replace" in refused.err
    replaced = consigne("put", path, "--to", folder, "--replace", "--json").json
    assert (replaced["status"], replaced["id"]) == ("replaced", first["id"])
    path.write_text("three")
    twin = consigne("put", path, "--to", folder, "--duplicate", "--json").json
    assert twin["id"] != first["id"]

    assert "--overwrite" in consigne("get", first["id"], "--to", tmp_path, exit=1).err
    assert path.read_text() == "three"
    consigne("get", first["id"], "--to", tmp_path, "--overwrite")
    assert path.read_text() == "two"
    assert "ids" not in consigne("get", f"{folder}/a.txt", exit=1).out


def test_pipes(consigne: Command, folder: str, tmp_path: Path) -> None:
    """Standard input and output carry bytes unchanged, of a length nobody knows before."""
    data = os.urandom(3 * MIB + 7)
    stored = consigne("put", "-", "--name", "p.bin", "--to", folder, "--json", given=data).json
    assert stored["sha256"] == hashlib.sha256(data).hexdigest()
    assert consigne("get", f"{folder}/p.bin", "-o", "-").raw == data
    assert list(tmp_path.glob("p.bin*")) == []


def test_wishes_reach_the_file(consigne: Command, folder: str, tmp_path: Path, api: Api) -> None:
    """Tags, metadata, type and access are those that were asked for, big or small."""
    for size in (10, BIG):
        path = tmp_path / f"{size}.bin"
        path.write_bytes(os.urandom(size))
        asked = ("--tag", "x", "--meta", "k=v=w", "--type", "image/x-odd", "--access", "private")
        file = consigne("put", path, "--to", folder, "--json", *asked).json
        found = api("GET", f"/files/{file['id']}")
        assert (found["tags"], found["meta"]) == (["x"], {"k": "v=w"})
        assert (found["type"], found["access"]) == ("image/x-odd", "private")


def interrupt_put(consigne: Command, gate: Gate, path: Path, to: str, how: signal.Signals) -> str:
    """Start to send a file, pull the plug in its second part, and return what was said."""
    gate.open(up=12 * MIB)
    process = consigne.start("put", path, "--to", to)
    gate.wait_until_shut("up")
    process.send_signal(how)
    try:
        _, err = process.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    gate.cut()
    assert process.returncode == (130 if how is signal.SIGINT else -how)
    return str(err.decode())


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["kill", "ctrl-c"])
def test_an_interrupted_upload_goes_on(
    consigne: Command, gate: Gate, folder: str, tmp_path: Path, api: Api, how: signal.Signals
) -> None:
    """What was acknowledged is not sent again; until it is complete there is no file (pains 3)."""
    path = tmp_path / "big.bin"
    path.write_bytes(os.urandom(BIG))
    said = interrupt_put(consigne, gate, path, folder, how)
    if how is signal.SIGINT:
        assert "Run the same command again" in said
    listed = api("GET", "/files", params={"folder": folder})
    assert listed["files"] == []
    gate.open()
    done = consigne("put", path, "--to", folder, "--json").json
    assert done["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert gate.passed["up"] < 13 * MIB, "the first part was not sent again"
    assert not list((tmp_path / "state" / "consigne").iterdir())
    assert consigne("put", path, "--to", folder, "--json").json["status"] == "skipped"


def test_a_file_that_changed_meanwhile_is_sent_anew(
    consigne: Command, gate: Gate, folder: str, tmp_path: Path, api: Api
) -> None:
    """Parts of old and new bytes are never joined; the old upload is given up."""
    path = tmp_path / "big.bin"
    path.write_bytes(os.urandom(BIG))
    before = {each["id"] for each in api("GET", "/uploads")["uploads"]}
    interrupt_put(consigne, gate, path, folder, signal.SIGKILL)
    path.write_bytes(os.urandom(BIG))
    gate.open()
    done = consigne("put", path, "--to", folder, "--json").json
    assert done["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert {each["id"] for each in api("GET", "/uploads")["uploads"]} == before


def test_an_upload_that_has_expired_is_sent_anew(
    consigne: Command, gate: Gate, folder: str, tmp_path: Path, api: Api
) -> None:
    """State that the server no longer knows of is worth nothing, and does no harm."""
    path = tmp_path / "big.bin"
    path.write_bytes(os.urandom(BIG))
    before = {each["id"] for each in api("GET", "/uploads")["uploads"]}
    interrupt_put(consigne, gate, path, folder, signal.SIGKILL)
    for each in api("GET", "/uploads")["uploads"]:
        if each["id"] not in before:
            api("DELETE", f"/uploads/{each['id']}")
    gate.open()
    assert consigne("put", path, "--to", folder, "--json").json["status"] == "stored"


def interrupt_get(consigne: Command, gate: Gate, ident: str, how: signal.Signals) -> None:
    gate.open(down=12 * MIB)
    process = consigne.start("get", ident)
    gate.wait_until_shut("down")
    process.send_signal(how)
    process.communicate(timeout=30)
    gate.cut()
    assert process.returncode == (130 if how is signal.SIGINT else -how)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["kill", "ctrl-c"])
def test_an_interrupted_download_goes_on(
    consigne: Command, gate: Gate, folder: str, tmp_path: Path, api: Api, how: signal.Signals
) -> None:
    """A half file never has the file's name; the rest is asked for by range."""
    data = os.urandom(BIG)
    file = api("POST", "/files", params={"name": "big.bin"}, content=data)
    interrupt_get(consigne, gate, file["id"], how)
    assert not (tmp_path / "big.bin").exists()
    part = (tmp_path / "big.bin.part").read_bytes()
    assert len(part) > MIB
    assert data.startswith(part)
    gate.open()
    done = consigne("get", file["id"], "--json").json
    assert done["status"] == "resumed"
    assert (tmp_path / "big.bin").read_bytes() == data
    assert gate.passed["down"] < BIG - len(part) + MIB
    assert not (tmp_path / "big.bin.part").exists()


def test_a_download_of_a_replaced_file_begins_anew(
    consigne: Command, gate: Gate, tmp_path: Path, api: Api
) -> None:
    """The start of one version never gets the end of another (RFC 9110 §13.1.5)."""
    file = api("POST", "/files", params={"name": "big.bin"}, content=os.urandom(BIG))
    interrupt_get(consigne, gate, file["id"], signal.SIGKILL)
    data = os.urandom(BIG)
    api("PUT", f"/files/{file['id']}/content", content=data)
    gate.open()
    assert consigne("get", file["id"], "--json").json["status"] == "stored"
    assert (tmp_path / "big.bin").read_bytes() == data


def test_a_part_file_that_was_damaged_is_noticed(
    consigne: Command, gate: Gate, tmp_path: Path, api: Api
) -> None:
    """The checksum of the whole decides, whatever the parts were: status 6, and no file."""
    data = os.urandom(BIG)
    file = api("POST", "/files", params={"name": "big.bin"}, content=data)
    interrupt_get(consigne, gate, file["id"], signal.SIGKILL)
    with (tmp_path / "big.bin.part").open("r+b") as part:
        part.write(bytes([data[0] ^ 1]))
    gate.open()
    consigne("get", file["id"], exit=6)
    assert not (tmp_path / "big.bin").exists()
    assert consigne("get", file["id"], "--json").json["status"] == "stored"
    assert (tmp_path / "big.bin").read_bytes() == data


def test_bytes_that_are_damaged_on_the_server_get_no_name(alone: Command, tmp_path: Path) -> None:
    """A corrupt block cuts the download short: status 6, and the file does not appear (C-25)."""
    path = tmp_path / "big.bin"
    path.write_bytes(os.urandom(BIG))
    stored = alone("put", path, "--json").json
    objects = (alone.server.data / "blobs" / "objects").rglob("*")
    (stored_at,) = (each for each in objects if each.is_file())
    with stored_at.open("r+b") as file:
        file.seek(17 * MIB)
        file.write(b"?")
    failed = alone("get", stored["id"], "--to", "out", "--json", exit=6)
    assert failed.json["rule"] == "corrupt"
    assert not (tmp_path / "out" / "big.bin").exists()
