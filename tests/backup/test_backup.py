"""`consigne backup` and `restore`: a cut under load comes back whole, wherever it goes."""

import contextlib
import hashlib
import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pyrage
import pytest
from tests.parts.seaweedfs import ObjectStore
from tests.parts.server import RunningServer, ServerStarter
from vaults import API, call, digest_of, env_of, fill, hits, logged_in, put, run, start


class Load:
    """Clients that upload and delete until told to stop; what was acknowledged, and when."""

    def __init__(self, server: RunningServer) -> None:
        self.files: dict[str, str] = {}
        self._server = server
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._work) for _ in range(3)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def wait(self, count: int) -> None:
        """Wait until so many files were acknowledged."""
        deadline = time.monotonic() + 60
        while len(self.files) < count:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def _work(self) -> None:
        with logged_in(self._server) as api:
            while not self._stop.is_set():
                data = os.urandom(secrets.choice((10, 5_000, 50_000, 400_000)))
                number = put(api, data, "load.bin")
                self.files[number] = hashlib.sha256(data).hexdigest()
                gone = put(api, os.urandom(2_000), "gone.bin")
                call(api, "DELETE", f"/files/{gone}")


@pytest.fixture
def identity(tmp_path: Path) -> tuple[Path, str]:
    """Give the file of a secret key, and its recipient."""
    made = pyrage.x25519.Identity.generate()
    path = tmp_path / "key.txt"
    path.write_text(f"# a key\n{made}\n")
    return path, str(made.to_public())


@contextlib.contextmanager
def stuck(path: Path) -> Iterator[None]:
    """Let whoever reads a file wait for ever, until the block is left."""
    aside = path.with_name("aside")
    path.rename(aside)
    os.mkfifo(path)
    yield
    aside.replace(path)


def counted(data: Path, where: str = "1") -> int:
    """Return how many contents the catalog in a data folder has; none while it has no tables."""
    place = f"file:{data}/catalog.db?mode=ro"
    try:
        with contextlib.closing(sqlite3.connect(place, uri=True)) as database:
            found = database.execute(f"SELECT count(*) FROM content WHERE {where}").fetchone()
    except sqlite3.OperationalError:
        return 0
    return int(found[0])


EAGER = {"CONSIGNE_SWEEP_EVERY": "0.2", "CONSIGNE_PURGE_GUARD": "0", "CONSIGNE_GRACE": "0"}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("place", ["folders", "servers"])
def test_a_drill_under_load(
    request: pytest.FixtureRequest,
    start_server: ServerStarter,
    tmp_path: Path,
    identity: tuple[Path, str],
    place: str,
) -> None:
    """C-05, C-20: SQLite and a folder, plain; PostgreSQL and an object store, encrypted. Clients
    write while a cut is taken, the sweeper removes what it may; the cut comes back on the other
    engine with every file that was acknowledged before it, byte for byte, and fsck is clean.
    """
    env = dict(EAGER)
    target = tmp_path / "archive"
    dest, source_args, back_args = str(target), [], []
    if place == "servers":
        store: ObjectStore = request.getfixturevalue("object_store")
        prefix = secrets.token_hex(8)
        env |= store.env(f"{prefix}/vault")
        env["CONSIGNE_CATALOG"] = request.getfixturevalue("postgres_url")
        dest = f"s3://{store.bucket}/{prefix}/archive"
        source_args = ["--encrypt", identity[1], "--with-master-key"]
        back_args = ["--identity", str(identity[0])]
    server = start_server(env=env)
    files = fill(server, tmp_path)
    run("reindex", "--data", server.data, env=env_of(server))
    with logged_in(server) as api:
        found = hits(api)
    with Load(server) as load:
        load.wait(10)
        before = dict(load.files)
        made = run("backup", dest, "--data", server.data, *source_args, "--json",
                   env=env_of(server))  # fmt: skip
        load.wait(len(load.files) + 3)
    assert made["contents"]["damaged"] == 0
    assert made["contents"]["copied"] == made["contents"]["objects"] >= len(before)
    again = run("backup", dest, "--data", server.data, *source_args, "--keep", 1, "--json",
                env=env_of(server))  # fmt: skip
    assert again["contents"]["copied"] < again["contents"]["objects"]
    assert again["pruned"]["cuts"] == [made["cut"]]
    checked = run("backup", "verify", dest, *back_args, "--json", env=env_of(server))
    assert checked["is_complete"]
    assert checked["objects"] == again["contents"]["objects"]

    # The other way round: folders to PostgreSQL and the object store, and back.
    key = (server.data / "master.key").read_bytes()
    server.terminate()
    home = tmp_path / "restored"
    there = {k: v for k, v in env_of(server).items() if "S3" in k}
    if place == "folders":
        home.mkdir()
        (home / "master.key").write_bytes(key)
        new = ["--catalog", request.getfixturevalue("postgres_url")]
    else:
        new = ["--catalog", f"sqlite:///{home}/catalog.db", "--blobs", "local"]
    back = run("restore", dest, "--data", home, *new, *back_args, "--json", env=there)
    assert back["fsck"] == {"found": 0, "left": 0, "clean": True, "tallies": {}}, back
    assert back["cut"] == again["cut"]
    assert back["uploads_ended"] == 1
    assert (home / "master.key").read_bytes() == key
    env = dict(zip(["CONSIGNE_CATALOG", "CONSIGNE_BLOBS"], new[1::2], strict=False))
    revived = start_server(home, env=env)
    with logged_in(revived) as api:
        for number, digest in (files | load.files).items():
            assert digest_of(api, number) == digest
        assert hits(api) == found
        assert call(api, "GET", "/uploads")["uploads"] == []
        put(api, b"new", "new.txt")
        assert "vault.restored" in [each["action"] for each in call(
            api, "GET", "/events", params={"limit": 1000})["events"]]  # fmt: skip
    revived.terminate()
    final = run("fsck", "--rehash", "--age", "0", "--data", home, "--json", env=env)
    assert final["found"] == 0, final
    assert run("audit", "verify", "--data", home, "--json", env=env)[0]["whole"]


def test_a_cut_is_one_moment(start_server: ServerStarter, tmp_path: Path) -> None:
    """What is deleted, swept and added while bytes are copied changes nothing in the cut: its files
    are all there and verify, and what came later is not in it.
    """
    server = start_server(env=EAGER)
    with logged_in(server) as api:
        early = {}
        for number in range(60):
            data = os.urandom(120_000)
            early[put(api, data, f"{number}.bin")] = hashlib.sha256(data).hexdigest()
        process = start("backup", tmp_path / "archive", "--data", server.data, "--json")
        while not list((tmp_path / "archive").glob("contents/*/*")):
            assert process.poll() is None, process.communicate()
        for number in early:
            call(api, "DELETE", f"/files/{number}")
        late = put(api, b"late", "late.txt")
        _out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
    run("backup", "verify", tmp_path / "archive")
    # When it is done the sweeper goes on.
    deadline = time.monotonic() + 60
    while len(list(server.data.glob("blobs/objects/*/*"))) > 0:
        assert time.monotonic() < deadline, "the hold was not given back"
        time.sleep(0.05)
    key = (server.data / "master.key").read_bytes()
    server.terminate()
    home = tmp_path / "restored"
    home.mkdir()
    (home / "master.key").write_bytes(key)
    assert run("restore", tmp_path / "archive", "--data", home, "--json")["fsck"]["found"] == 0
    with logged_in(start_server(home)) as api:
        assert {number: digest_of(api, number) for number in early} == early
        assert api.get(f"{API}/files/{late}").status_code == 404


def test_killed_and_given_again(start_server: ServerStarter, tmp_path: Path) -> None:
    """`kill -9` in the middle of a backup and of a restore: given again, both end well; a half
    restored vault serves nobody; what was copied is not copied again.
    """
    server = start_server()
    with logged_in(server) as api:
        files = {}
        for number in range(80):
            data = os.urandom(150_000)
            files[put(api, data, f"{number}.bin")] = hashlib.sha256(data).hexdigest()
    archive, data = tmp_path / "archive", ("--data", server.data)
    with stuck(next(server.data.glob("blobs/objects/*/*"))):
        process = start("backup", archive, *data)
        while len(list(archive.glob("contents/*/*"))) < 5:
            assert process.poll() is None, process.communicate()
        process.kill()
        process.wait()
    assert run("backup", "list", archive, *data).stdout == ""
    made = run("backup", archive, *data, "--keep", 5, "--json")
    assert made["contents"]["copied"] < made["contents"]["objects"] == 80
    assert not list(archive.rglob(".part-*")) or made["pruned"] is not None
    assert not (server.data / "backup.part").exists()
    server.terminate()

    home = tmp_path / "restored"
    home.mkdir()
    (home / "master.key").write_bytes((server.data / "master.key").read_bytes())
    with stuck(next(archive.glob("contents/*/*"))):
        process = start("restore", archive, "--data", home)
        while counted(home, "key NOT LIKE 'r-%'") < 5:
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        process.kill()
        process.wait()
    with pytest.raises(AssertionError, match="has not ended"):
        start_server(home)
    back = run("restore", archive, "--data", home, "--json")
    assert back["contents"] < 80
    assert back["fsck"]["clean"]
    assert set(back["fsck"]["tallies"]) <= {"orphan_bytes", "stray_stage"}
    with logged_in(start_server(home)) as api:
        assert {number: digest_of(api, number) for number in files} == files


def test_what_is_refused(start_server: ServerStarter, tmp_path: Path) -> None:
    """Nothing is ever written over, no vault goes into another's archive, and no key is guessed."""
    server = start_server()
    with logged_in(server) as api:
        put(api, b"1", "one.txt")
    archive, data = tmp_path / "archive", ("--data", server.data)
    run("backup", archive, *data, "--encrypt", "nobody", "--json", exit=1)
    run("backup", archive, *data, "--with-master-key", exit=2)
    run("backup", "list", tmp_path / "nothing", exit=5)
    run("restore", tmp_path / "nothing", "--data", tmp_path / "x", exit=5)
    assert not (tmp_path / "nothing").exists()
    run("backup", archive, *data)
    assert "not empty" in run("restore", archive, *data, "--json", exit=1)["error"]
    run("restore", archive, "--cut", "20200101T000000Z-000000", *data, exit=3)
    bare = tmp_path / "bare"
    refused = run("restore", archive, "--data", bare, "--json", exit=4)
    assert refused["rule"] == "master_key"
    (bare / "master.key").write_text("11" * 32)
    assert run("restore", archive, "--data", bare, "--json", exit=4)["rule"] == "master_key"
    assert not (bare / "catalog.db").exists()
    other = start_server(tmp_path / "other")
    wrong = run("backup", archive, "--data", other.data, "--json", exit=1)
    assert "another vault" in wrong["error"]
    other.terminate()
    # A key that is lost is forgotten when told to: the server starts and people log in.
    back = run("restore", archive, "--data", bare, "--new-master-key", "--json")
    assert back["fsck"]["clean"]
    with logged_in(start_server(bare)) as api:
        assert call(api, "GET", "/files")["files"]
    process = sqlite3.connect(server.data / "catalog.db")
    process.execute(
        "INSERT INTO lease VALUES ('backup', 'elsewhere', ?)", (int(time.time() * 1000) + 60_000,)
    )
    process.commit()
    process.close()
    assert run("backup", archive, *data, "--json", exit=5)["rule"] == "busy"


DAMAGES = ["object", "object gone", "table", "index", "manifest", "summary", "objects list"]


@pytest.mark.parametrize("sealed", [False, True])
def test_damage_is_found(
    start_server: ServerStarter, tmp_path: Path, identity: tuple[Path, str], sealed: bool
) -> None:
    """Whatever is changed in an archive, reading it back says so; what can be saved is."""
    server = start_server()
    with logged_in(server) as api:
        kept = put(api, b"kept", "kept.txt")
        lost = put(api, os.urandom(40_000), "lost.bin")
    archive, data = tmp_path / "archive", ("--data", server.data)
    how = ["--encrypt", identity[1]] if sealed else []
    back = ["--identity", str(identity[0])] if sealed else []
    cut = run("backup", archive, *data, *how, "--json")["cut"]
    run("backup", "verify", archive, *back)
    if sealed:
        looked = run("backup", "verify", archive, "--json")
        assert not looked["is_complete"]
        stranger = tmp_path / "stranger.txt"
        stranger.write_text(str(pyrage.x25519.Identity.generate()))
        run("backup", "verify", archive, "-i", stranger, exit=1)
        for path in archive.rglob("*"):
            assert not path.is_file() or b"kept" not in path.read_bytes()
    here = archive / "cuts" / cut
    large = max(archive.glob("contents/*/*"), key=lambda path: path.stat().st_size)
    suffix = ".age" if sealed else ""
    victims = {
        "object": large,
        "table": here / f"tables/file.jsonl.gz{suffix}",
        "index": here / f"contents.jsonl.gz{suffix}",
        "summary": here / f"catalog.json{suffix}",
        "objects list": here / "objects.gz",
        "manifest": here / "manifest.json",
    }
    for path in victims.values():
        whole = path.read_bytes()
        half = len(whole) // 2
        for bad in (whole[:half] + bytes([whole[half] ^ 1]) + whole[half + 1 :], whole[:half], b""):
            path.write_bytes(bad)
            run("backup", "verify", archive, *back, exit=6)
        path.write_bytes(whole)
    run("backup", "verify", archive, *back)
    server.terminate()
    large.unlink()
    run("backup", "verify", archive, *back, exit=6)
    home = tmp_path / "restored"
    home.mkdir()
    (home / "master.key").write_bytes((server.data / "master.key").read_bytes())
    done = run("restore", archive, "--data", home, *back, "--json", exit=6)
    assert done["damaged"] == 1
    with logged_in(start_server(home)) as api:
        assert digest_of(api, kept)
        assert api.get(f"{API}/files/{lost}/content").status_code >= 500


def test_damaged_bytes_do_not_stop_a_backup(start_server: ServerStarter, tmp_path: Path) -> None:
    """A content that is damaged in the vault is named, and everything else is saved; where an
    earlier backup has its bytes, they come back (C-25).
    """
    server = start_server()
    with logged_in(server) as api:
        first = put(api, os.urandom(100_000), "first.bin")
        digest = digest_of(api, first)
        archive, data = tmp_path / "archive", ("--data", server.data)
        run("backup", archive, *data)
        put(api, os.urandom(100_000), "second.bin")
    for path in server.data.glob("blobs/objects/*/*"):
        with path.open("r+b") as file:
            file.seek(50_000)
            file.write(b"?!")
    made = run("backup", archive, *data, exit=6)
    assert "1 content" in made.stderr
    server.terminate()
    home = tmp_path / "restored"
    home.mkdir()
    (home / "master.key").write_bytes((server.data / "master.key").read_bytes())
    assert run("restore", archive, "--data", home, "--json", exit=6)["damaged"] == 1
    with logged_in(start_server(home)) as api:
        assert digest_of(api, first) == digest


def test_old_cuts_go(start_server: ServerStarter, tmp_path: Path) -> None:
    """--keep removes cuts and the objects that only they name, and nothing else."""
    server = start_server(env=EAGER)
    archive, data = tmp_path / "archive", ("--data", server.data)

    def objects() -> int:
        return len(list(archive.glob("contents/*/*")))

    cuts = []
    with logged_in(server) as api:
        put(api, b"stays", "stays.txt")
        for number in range(3):
            last = put(api, b"%d" % number, f"{number}.txt")
            cuts.append(run("backup", archive, *data, "--json")["cut"])
            call(api, "DELETE", f"/files/{last}")
            # A content that nothing refers to is saved until the sweeper has removed it.
            deadline = time.monotonic() + 60
            while counted(server.data) > 1:
                assert time.monotonic() < deadline
                time.sleep(0.02)
    assert objects() == 4
    made = run("backup", archive, *data, "--keep", 2, "--json")
    assert made["pruned"]["cuts"] == cuts[:2]
    listed = [each["cut"] for each in run("backup", "list", archive, "--json")]
    assert listed == [cuts[2], made["cut"]]
    assert objects() == 2
    for cut in listed:
        run("backup", "verify", archive, "--cut", cut)
    assert len(list((archive / "cuts").iterdir())) == 2


def test_messages_are_held_back(start_server: ServerStarter, tmp_path: Path) -> None:
    """What waited for a webhook at the cut is in the log and is not sent by itself; jobs go on."""
    server = start_server(env={"CONSIGNE_WEBHOOK_ALLOW_PRIVATE": "127.0.0.1"})
    with logged_in(server) as api:
        hook = {"name": "x", "url": "http://127.0.0.1:9/x", "events": ["file.kept"]}
        made = call(api, "POST", "/webhooks", json=hook)
        put(api, b"1", "one.txt")
        put(api, b"2", "two.txt")
    archive, data = tmp_path / "archive", ("--data", server.data)
    server.terminate()
    with contextlib.closing(sqlite3.connect(server.data / "catalog.db")) as database:
        database.execute("UPDATE job SET state = 'running', holder = 'x', lease_until = 1")
        database.commit()
    run("backup", archive, *data)
    home = tmp_path / "restored"
    home.mkdir()
    (home / "master.key").write_bytes((server.data / "master.key").read_bytes())
    back = run("restore", archive, "--data", home, "--json")
    assert back["messages_held_back"] == 2
    revived = start_server(home, env={"CONSIGNE_WEBHOOK_ALLOW_PRIVATE": "127.0.0.1"})
    with logged_in(revived) as api:
        log = call(api, "GET", f"/webhooks/{made['id']}/deliveries")["deliveries"]
        assert {each["state"] for each in log} == {"failed"}
        assert len(log) == 2
        assert "restored" in log[0]["error"]
