"""`consigne backup -` and `restore -`: one stream through a pipe, which is whole or is refused."""

import hashlib
import json
import os
import pty
import subprocess
import tarfile
from pathlib import Path

import pyrage
import pytest
from tests.parts.server import COMMAND, RunningServer, ServerStarter
from vaults import digest_of, logged_in, put, run


def piped(*args: object, source: bytes = b"", exit: int = 0) -> subprocess.CompletedProcess[bytes]:
    """Run the command with bytes at its standard input."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("CONSIGNE_")}
    done = subprocess.run([*COMMAND, *map(str, args)], input=source, env=env, capture_output=True)
    assert done.returncode == exit, (done.returncode, done.stderr)
    return done


def filled(server: RunningServer) -> dict[str, str]:
    with logged_in(server) as api:
        files = {}
        for size in (0, 10, 5_000, 2_500_000):
            data = os.urandom(size)
            files[put(api, data, f"{size}.bin")] = hashlib.sha256(data).hexdigest()
        return files


@pytest.mark.parametrize("sealed", [False, True])
def test_through_a_pipe(start_server: ServerStarter, tmp_path: Path, sealed: bool) -> None:
    """C-05, C-20: a stream comes back byte for byte, plain or encrypted; it is a tar of what a
    folder would have; cut off anywhere it is refused by name, and nothing is made of it.
    """
    server = start_server()
    files = filled(server)
    key = tmp_path / "key.txt"
    made = pyrage.x25519.Identity.generate()
    key.write_text(f"{made}\n")
    how = ["--encrypt", made.to_public(), "--with-master-key"] if sealed else []
    back = ["--identity", key] if sealed else []
    saved = piped("backup", "-", "--data", server.data, *how, "--json")
    stream, told = saved.stdout, json.loads(saved.stderr)
    assert told["contents"]["objects"] == told["contents"]["copied"] == 4
    assert told["encrypted"] is sealed
    assert not list(server.data.glob("*.part"))
    checked = json.loads(piped("backup", "verify", "-", *back, "--json", source=stream).stdout)
    assert (checked["cut"], checked["wrong"], checked["is_complete"]) == (told["cut"], 0, True)

    home = tmp_path / "restored"
    home.mkdir()
    if not sealed:
        (home / "master.key").write_bytes((server.data / "master.key").read_bytes())
    for length in (0, 300, len(stream) // 2, stream.rindex(b"manifest.json") - 1):
        cut = piped("restore", "-", "--data", home, *back, source=stream[:length], exit=6)
        assert b"cut off" in cut.stderr or b"no backup" in cut.stderr, cut.stderr
        assert {path.name for path in home.iterdir()} <= {"master.key"}
    server.terminate()
    found = json.loads(piped("restore", "-", "--data", home, *back, "--json", source=stream).stdout)
    assert (found["cut"], found["fsck"]["clean"]) == (told["cut"], True)
    assert not (home / "restore.part").exists()
    with logged_in(start_server(home)) as api:
        assert {number: digest_of(api, number) for number in files} == files

    (tmp_path / "stream").write_bytes(stream)
    with tarfile.open(tmp_path / "stream") as tar:
        assert tar.getnames()[-1].endswith("/manifest.json")
        tar.extractall(tmp_path / "archive", filter="data")
    run("backup", "verify", tmp_path / "archive", *back)


def test_damaged_bytes_are_not_in_the_stream(start_server: ServerStarter) -> None:
    """C-25: a damaged content is named and left out; the stream is whole without it."""
    server = start_server()
    filled(server)
    for path in server.data.glob("blobs/objects/*/*"):
        with path.open("r+b") as file:
            file.seek(2_400_000)
            file.write(b"?!")
    saved = piped("backup", "-", "--data", server.data, exit=6)
    assert b"1 content could not be saved" in saved.stderr
    checked = json.loads(piped("backup", "verify", "-", "--json", source=saved.stdout).stdout)
    assert (checked["objects"], checked["wrong"]) == (3, 0)


def test_what_a_stream_is_not_for(start_server: ServerStarter, tmp_path: Path) -> None:
    """Not for terminals, nor for keeping several cuts; one that nobody reads is a failure; what is
    no stream of ours writes nowhere."""
    server = start_server()
    filled(server)
    run("backup", "-", "--keep", 3, "--data", server.data, exit=2)
    run("backup", "list", "-", exit=2)
    ours, theirs = pty.openpty()
    try:
        done = subprocess.run(
            [*COMMAND, "backup", "-", "--data", str(server.data)],
            stdout=theirs, stderr=subprocess.PIPE, check=False,
        )  # fmt: skip
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.returncode == 2
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*COMMAND, "backup", "-", "--data", str(server.data)],
            stdout=full, stderr=subprocess.PIPE, check=False,
        )  # fmt: skip
    assert done.returncode not in (0, 2)
    assert b"full" in done.stderr
    with tarfile.open(tmp_path / "bad.tar", "w") as tar:
        member = tarfile.TarInfo("../outside")
        tar.addfile(member)
    bad = (tmp_path / "bad.tar").read_bytes()
    piped("restore", "-", "--data", tmp_path / "home", source=bad, exit=6)
    assert not (tmp_path / "outside").exists()
    assert not (tmp_path / "home/outside").exists()
