"""A server whose bytes are in an object store: as good as one on a folder (C-20 to C-25)."""

import asyncio
import hashlib
import json
import os
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from s3_support import opened, place
from tests.parts.fault_proxy import Fault, fault_proxy
from tests.parts.seaweedfs import ObjectStore
from tests.parts.server import COMMAND, KEY, RunningServer, ServerStarter

from consigne.blobs.s3 import S3Driver
from consigne.testing.blobs import listed

MIB = 1 << 20
FILES = "/consigne/v1/files"
UPLOADS = "/consigne/v1/uploads"
SETTINGS = {"CONSIGNE_WORKER": "0", "CONSIGNE_LEASE": "1", "CONSIGNE_SWEEP_EVERY": "3600"}
SWEEPING = {"CONSIGNE_SWEEP_EVERY": "0.2", "CONSIGNE_PURGE_GUARD": "0.2", "CONSIGNE_GRACE": "0.2"}


@pytest.fixture
def prefix() -> str:
    """A prefix of the test's own."""
    return secrets.token_hex(8)


@pytest.fixture(params=["sqlite", "postgres"])
def env(request: pytest.FixtureRequest, object_store: ObjectStore, prefix: str) -> dict[str, str]:
    """The settings of a server over the object store, with either catalog."""
    found = SETTINGS | object_store.env(prefix)
    if request.param == "postgres":
        found["CONSIGNE_CATALOG"] = request.getfixturevalue("postgres_url")
    return found


def post(client: httpx.Client, data: bytes, name: str = "a.bin") -> str:
    """Store a file; return its id."""
    answer = client.post(FILES, params={"name": name}, content=data)
    assert answer.status_code == 201, answer.text
    found: str = answer.json()["id"]
    return found


def content(client: httpx.Client, id: str, span: str = "") -> bytes:
    """Return a file's bytes, or a range of them."""
    headers = {"Range": f"bytes={span}"} if span else {}
    answer = client.get(f"{FILES}/{id}/content", headers=headers)
    assert answer.status_code == (206 if span else 200), answer.text
    return answer.content


def command(env: dict[str, str], *args: object) -> tuple[int, Any]:
    """Run a command with these settings; return its status and its JSON."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("CONSIGNE_")}
    done = subprocess.run(
        [*COMMAND, *map(str, args), "--json"],
        env=inherited | env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def begin_body(server: RunningServer, size: int, part: bytes) -> socket.socket:
    """Send the head of an upload and the first bytes of its body."""
    sock = socket.create_connection(("127.0.0.1", server.port))
    head = f"POST {FILES}?name=half HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
    head += f"Authorization: Bearer {KEY}\r\nContent-Length: {size}\r\n\r\n"
    sock.sendall(head.encode() + part)
    return sock


def objects(store: ObjectStore, prefix: str, below: str) -> list[dict[str, Any]]:
    """Look into the bucket with another client."""
    page = store.client().list_objects_v2(Bucket=store.bucket, Prefix=f"{prefix}/{below}/")
    return list(page.get("Contents", ()))


def until_swept(store: ObjectStore, prefix: str, *, contents: int) -> None:
    """Wait until there are no stages, and so many contents."""
    deadline = time.monotonic() + 30
    while objects(store, prefix, "staging") or len(objects(store, prefix, "objects")) != contents:
        assert time.monotonic() < deadline, objects(store, prefix, "")
        time.sleep(0.1)


def test_a_day_and_a_crash(
    start_server: ServerStarter,
    object_store: ObjectStore,
    prefix: str,
    env: dict[str, str],
    tmp_path: Path,
) -> None:
    """C-20, C-22, C-23: what was acknowledged is there after kill -9 in the middle of a body, an
    upload in parts goes on, and the sweeper removes what nobody was promised."""
    data = tmp_path / "data"
    server = start_server(data, env=env)
    sizes = (0, 10, 300_000, 21 * MIB + 5)
    bodies = [os.urandom(size) for size in sizes]
    with server.client() as client:
        ids = [post(client, body) for body in bodies]
        for id, body in zip(ids, bodies, strict=True):
            assert content(client, id) == body
        large = bodies[-1]
        for low, high in ((0, 0), (5 * MIB - 1, 5 * MIB + 1), (262_143, 9 * MIB)):
            assert content(client, ids[-1], f"{low}-{high}") == large[low : high + 1]
        assert content(client, ids[-1], "-77") == large[-77:]
        assert len(objects(object_store, prefix, "objects")) == len(bodies)
        assert objects(object_store, prefix, "staging") == []
        parts = [os.urandom(6 * MIB), os.urandom(6 * MIB), os.urandom(1000)]
        order = {"name": "parts", "length": sum(map(len, parts)), "part_size": 6 * MIB}
        upload = client.post(UPLOADS, json=order).json()["id"]
        for number in (3, 1):
            sent = client.put(f"{UPLOADS}/{upload}/parts/{number}", content=parts[number - 1])
            assert sent.status_code == 200, sent.text

    sock = begin_body(server, 30 * MIB, os.urandom(20 * MIB))
    deadline = time.monotonic() + 30
    while len(objects(object_store, prefix, "staging")) < 3:  # two parts, and one of the body
        assert time.monotonic() < deadline, "nothing of the body has arrived"
        time.sleep(0.05)
    server.kill9()
    sock.close()

    status, report = command(env, "fsck", "--data", data, "--rehash", "--age", "0")
    assert status == 1, report
    # The half body: its parts, and the room that was reserved for it. Nothing else.
    assert {each["kind"] for each in report["findings"]} == {"stray_stage", "overdue_upload"}

    server = start_server(data, env=env | SWEEPING)
    with server.client() as client:
        for id, body in zip(ids, bodies, strict=True):
            assert content(client, id) == body
        sent = client.put(f"{UPLOADS}/{upload}/parts/2", content=parts[1])
        assert sent.status_code == 200, sent.text
        done = client.post(f"{UPLOADS}/{upload}/finish")
        assert done.status_code == 201, done.text
        assert content(client, done.json()["id"]) == b"".join(parts)
        until_swept(object_store, prefix, contents=len(bodies) + 1)
        assert client.delete(f"{FILES}/{ids[-1]}").status_code == 204
        until_swept(object_store, prefix, contents=len(bodies))
    server.terminate()
    status, report = command(env, "fsck", "--data", data, "--rehash", "--age", "0")
    assert (status, report["findings"]) == (0, [])


def test_fsck_finds_what_the_store_lost(
    start_server: ServerStarter, object_store: ObjectStore, prefix: str, tmp_path: Path
) -> None:
    """C-22, C-25: lost, cut and changed objects are found and are never sent; nobody's go."""
    env, data = SETTINGS | object_store.env(prefix), tmp_path / "data"
    server = start_server(data, env=env)
    with server.client() as client:
        ids = {name: post(client, os.urandom(400_000), name) for name in ("lost", "cut", "changed")}
        kept = post(client, b"kept" * 100_000)
    bucket, s3 = object_store.bucket, object_store.client()
    by_name = {}
    with server.client() as client:
        for each in objects(object_store, prefix, "objects"):
            body = s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read()
            digest = hashlib.sha256(body).digest()
            for name, id in ids.items():
                if hashlib.sha256(content(client, id)).digest() == digest:
                    by_name[name] = (each["Key"], body)
    s3.delete_object(Bucket=bucket, Key=by_name["lost"][0])
    key, body = by_name["cut"]
    s3.put_object(Bucket=bucket, Key=key, Body=body[:300_000])
    key, body = by_name["changed"]
    s3.put_object(Bucket=bucket, Key=key, Body=body[:-1] + bytes([body[-1] ^ 1]))
    s3.put_object(Bucket=bucket, Key=f"{prefix}/objects/{'ab' * 16}", Body=b"nobody's")
    s3.put_object(Bucket=bucket, Key=f"{prefix}/objects/readme.txt", Body=b"not ours")

    with server.client() as client:
        assert client.get(f"{FILES}/{ids['lost']}/content").status_code == 500
        assert content(client, kept) == b"kept" * 100_000
    server.terminate()
    options = ("--data", data, "--rehash", "--age", "0")
    status, report = command(env, "fsck", *options, "--repair")
    assert status == 1
    found = sorted(each["kind"] for each in report["findings"])
    assert found.count("orphan_bytes") == 1
    assert len(found) == 4, report["findings"]
    _, report = command(env, "fsck", *options)
    assert "orphan_bytes" not in {each["kind"] for each in report["findings"]}
    left = {each["Key"].rpartition("/")[2] for each in objects(object_store, prefix, "objects")}
    assert "ab" * 16 not in left
    assert "readme.txt" in left


def test_doctor(object_store: ObjectStore, prefix: str, tmp_path: Path) -> None:
    """The store is tried; wrong credentials, address and bucket are said with what to do."""
    env = object_store.env(prefix)

    def store_check(**other: str) -> tuple[str, str]:
        _, report = command(env | other, "doctor", "--data", tmp_path)
        (check,) = (each for each in report["checks"] if each["name"] == "store")
        assert check["health"] == "ok" or "CONSIGNE_S3" in check["advice"]
        return check["health"], check["detail"]

    assert store_check()[0] == "ok"
    assert objects(object_store, prefix, "") == []
    for other, told in (
        ({"CONSIGNE_S3_SECRET_KEY": "wrong"}, "refuses our credentials"),
        ({"CONSIGNE_BLOBS": "s3://elsewhere"}, "no bucket 'elsewhere'"),
        ({"CONSIGNE_S3_ENDPOINT": "http://127.0.0.1:9", "CONSIGNE_S3_RETRIES": "0"}, "not answer"),
        ({"CONSIGNE_BLOBS": "s3:vault"}, "is not known"),
    ):
        health, detail = store_check(**other)
        assert (health, told in detail) == ("failed", True), detail


async def test_the_store_fails_and_comes_back(
    start_server: ServerStarter, object_store: ObjectStore, prefix: str
) -> None:
    """503 with Retry-After while it is down, 507 while it is full; nothing is left, and the server
    recovers by itself."""
    async with fault_proxy(object_store.endpoint) as proxy:
        env = SETTINGS | object_store.env(prefix)
        env |= {"CONSIGNE_S3_ENDPOINT": proxy.url, "CONSIGNE_S3_RETRIES": "1"}
        server = await asyncio.to_thread(lambda: start_server(env=env))
        headers = {"Authorization": f"Bearer {KEY}"}
        async with httpx.AsyncClient(base_url=server.url, headers=headers, timeout=60) as client:
            first = await client.post(FILES, params={"name": "a"}, content=b"x" * 500_000)
            path = f"{FILES}/{first.json()['id']}/content"
            for fault, status in (
                (Fault("answer", 500), 503),
                (Fault("answer", 507, "InsufficientStorage"), 507),
            ):
                proxy.plan = lambda m, t, f=fault: f if m == "PUT" else None  # type: ignore[misc]
                for size in (100, 500_000, 9 * MIB):
                    answer = await client.post(FILES, params={"name": "b"}, content=bytes(size))
                    assert answer.status_code == status, answer.text
                    assert status != 503 or int(answer.headers["Retry-After"]) > 0
            proxy.plan = lambda m, t: Fault("answer", 500)
            answer = await client.get(path)
            assert answer.status_code == 503, answer.text
            proxy.plan = lambda m, t: None
            assert (await client.get(path)).content == b"x" * 500_000
            shown = (await client.get(FILES)).json()["files"]
            assert [each["name"] for each in shown] == ["a"]
            again = await client.post(FILES, params={"name": "b"}, content=b"y" * 500_000)
            assert again.status_code == 201
    async with opened(S3Driver(place(object_store), f"{prefix}/")) as driver:
        assert len([each for each in await listed(driver.keys()) if each.size > 1]) == 2
        assert await listed(driver.stages()) == []


def test_memory(start_server: ServerStarter, object_store: ObjectStore, prefix: str) -> None:
    """C-23: a content of 300 MiB of unknown length goes in and out in constant memory."""
    server = start_server(env=SETTINGS | object_store.env(prefix))
    block = os.urandom(MIB)

    def body() -> Iterator[bytes]:
        for _ in range(300):
            yield block

    with server.client() as client:
        post(client, block * 20)  # what is loaded on the first use
        before = peak(server.pid)
        answer = client.post(FILES, params={"name": "large"}, content=body(), timeout=100)
        assert answer.status_code == 201, answer.text
        whole, read = hashlib.sha256(), hashlib.sha256()
        for _ in range(300):
            whole.update(block)
        with client.stream("GET", f"{FILES}/{answer.json()['id']}/content") as found:
            for piece in found.iter_bytes():
                read.update(piece)
        assert read.digest() == whole.digest()
    assert peak(server.pid) - before < 64 << 10


def peak(pid: int) -> int:
    """Return the most memory that a process has had, in KiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1])
