"""``migrate`` beside a server that is written to and read from, killed again and again."""

import hashlib
import os
import random
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from cli_command import Command
from tests.parts.seaweedfs import ObjectStore
from tests.parts.server import RunningServer, ServerStarter

DEADLINE = 120.0


class Traffic:
    """Uploads and reads that go on meanwhile; every answer has to be right."""

    def __init__(self, server: RunningServer) -> None:
        self.server = server
        self.stored: dict[str, str] = {}
        self.problems: list[str] = []

    def put(self, client: httpx.Client, size: int) -> None:
        data = os.urandom(size)
        made = client.post(f"/consigne/v1/files?name={len(self.stored)}.bin", content=data)
        if made.status_code != 201:
            self.problems.append(f"{made.status_code} {made.text}")
            return
        self.stored[made.json()["id"]] = hashlib.sha256(data).hexdigest()

    def check(self, client: httpx.Client, file_id: str) -> None:
        got = client.get(f"/consigne/v1/files/{file_id}/content")
        if hashlib.sha256(got.content).hexdigest() != self.stored[file_id]:
            self.problems.append(f"{file_id}: {got.status_code}")

    def check_all(self) -> None:
        with self.server.client() as client:
            for file_id in self.stored:
                self.check(client, file_id)
        assert not self.problems, self.problems[:3]

    @contextmanager
    def going_on(self) -> Iterator[None]:
        over = threading.Event()

        def run() -> None:
            with self.server.client() as client:
                while not over.is_set():
                    self.put(client, random.choice((900, 50_000, 400_000)))
                    self.check(client, random.choice(list(self.stored)))
                    over.wait(0.2)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
        assert not self.problems, self.problems[:3]


@pytest.mark.timeout(300)
def test_killed_again_and_again(alone: Command, tmp_path: Path) -> None:
    """Every file is where its row says, whatever was killed; the server never notices (pains 9)."""
    target = tmp_path / "target"
    target.mkdir()
    data, store = ("--data", alone.server.data), f"file://{target}"
    traffic = Traffic(alone.server)
    with alone.server.client() as client:
        for number in range(40):
            traffic.put(client, 700 if number % 2 else 120_000)
    chance = random.Random(5)
    with traffic.going_on(), alone.server.client() as client:
        for _ in range(3):
            before, deadline = _moved(client), time.monotonic() + DEADLINE
            options = ("--to", store, "--rate", "400kB")
            process = alone.start("migrate", *data, *options, stderr=subprocess.DEVNULL)
            try:
                while _moved(client) == before and process.poll() is None:
                    assert time.monotonic() < deadline
                time.sleep(chance.random() / 4)
            finally:
                process.kill()
                process.wait()
    done = alone("migrate", *data, "--to", store, "--json").json
    assert done["target"] == store
    assert (done["left"], done["uploads"]) == (0, 0)
    assert "--finish" in alone("migrate", *data).err
    with alone.server.client() as client:
        shown = client.get("/consigne/v1/migration").json()["migration"]
        assert (shown["target"], shown["left"]) == (store, 0)
        assert shown["moved"] == done["moved"]
        assert client.get("/consigne/v1/mirror").json() == {"mirror": None}
    ended = alone("migrate", *data, "--finish")
    assert f"CONSIGNE_BLOBS={store}" in ended.out
    traffic.check_all()
    alone("fsck", *data, "--rehash", "--repair", "--age", "0")
    alone("migrate", *data, "--finish", exit=2)
    alone("migrate", *data, "--to", store, exit=2)
    alone("migrate", *data, "--to", f"file://{tmp_path / 'nowhere'}", exit=2)
    alone("migrate", *data, "--to", "ftp://x", exit=2)
    alone("migrate", *data, "--to", "local", "--finish", exit=2)


def _moved(client: httpx.Client) -> int:
    shown = client.get("/consigne/v1/migration").json()["migration"]
    return 0 if shown is None else int(shown["moved"])


@pytest.mark.timeout(300)
def test_to_an_object_store_with_a_mirror(
    start_server: ServerStarter, tmp_path: Path, object_store: ObjectStore
) -> None:
    """From a folder to a real object store and its mirror, restarted there, the source emptied."""
    location = f"s3://{object_store.bucket}/moved-{tmp_path.name}"
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    env = object_store.env("unused") | {
        "CONSIGNE_BLOBS": "",
        "CONSIGNE_MIRROR": f"file://{mirror}",
        "CONSIGNE_PURGE_GUARD": "0",
    }
    server = start_server(env=env)
    command = Surrounded(server, tmp_path, env)
    traffic = Traffic(server)
    with server.client() as client:
        for number in range(12):
            traffic.put(client, 700 if number % 2 else 600_000)
    data = ("--data", server.data)
    with traffic.going_on():
        status = command("migrate", *data, "--to", location, "--json").json
    assert status["moved"] >= 12
    command("migrate", *data, "--to", location)
    command("migrate", *data, "--finish")
    server.terminate()
    env["CONSIGNE_BLOBS"] = location
    server = start_server(server.data, env=env)
    traffic.server = command.server = server
    assert command("migrate", *data, "--remove-source", "--json").json["removed"] >= 12
    assert not [path for path in (server.data / "blobs" / "objects").rglob("*") if path.is_file()]
    with server.client() as client:
        traffic.put(client, 700_000)
        deadline = time.monotonic() + DEADLINE
        while (shown := client.get("/consigne/v1/mirror").json()["mirror"])["behind"]:
            assert time.monotonic() < deadline, shown
            time.sleep(0.1)
    assert shown["location"] == f"file://{mirror}"
    traffic.check_all()
    command("fsck", *data, "--rehash", "--mirror")
    # What the object store loses comes back from the mirror.
    lost = object_store.client().list_objects_v2(
        Bucket=object_store.bucket, Prefix=location.partition(f"{object_store.bucket}/")[2] + "/obj"
    )["Contents"][0]["Key"]
    object_store.client().delete_object(Bucket=object_store.bucket, Key=lost)
    done = command("scrub", *data, "--now", "--rate", "0", "--json").json["pass"]
    assert (done["found"], done["repaired"]) == (1, 1)
    traffic.check_all()
    command("fsck", *data, "--rehash", "--mirror")


class Surrounded(Command):
    """The command with the environment of its server."""

    def __init__(self, server: RunningServer, home: Path, more: dict[str, str]) -> None:
        super().__init__(server, home)
        self.more = more

    @property
    def env(self) -> dict[str, str]:
        return super().env | self.more
