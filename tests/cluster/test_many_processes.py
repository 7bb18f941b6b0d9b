"""What several processes on one vault owe each other: words, and not for long what is over."""

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.parts.process import free_port
from tests.parts.server import KEY, RunningServer

API = "/consigne/v1"
NOBODY = {"Authorization": "Bearer csg_nobody_has_ever_had_this_key_of_forty_letters"}
SIGNED = (
    "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=CSGKNOBODY%2F20260101%2Fus-east-1%2Fs3%2F"
    "aws4_request&X-Amz-Date=20260101T000000Z&X-Amz-Expires=604800&X-Amz-SignedHeaders=host"
    f"&X-Amz-Signature={'0' * 64}"
)
QUESTIONS = {
    "native": f"{API}/files",
    "appmixer": "/files",
    "arrhes": "/organizations/0000000000000001/years",
    "daxium": "/default/submissions",
    "dynacase": "/api/documents/1.json",
    "dynacase v1": "/api/v1/documents/1",
    "s3": f"/s3/default/organizations/0000000000000001/storage/0000000000000002?{SIGNED}",
    "tus": "/tus/default/0199a3f2-7c1d-4e55-9b0a-5f6c0f1d2e3a",
}
PEOPLE = "api_key, principal, signing_key, oauth_pair, space"


@pytest.fixture
def pair(postgres_url: str, tmp_path: Path) -> Iterator[tuple[RunningServer, RunningServer]]:
    """Run two servers on one database and one folder of bytes."""
    env = {"CONSIGNE_CATALOG": postgres_url, "CONSIGNE_CATALOG_LOCK_TIME": "0.5"}
    with ExitStack() as started:
        servers = [RunningServer(tmp_path / "data", env=env, port=free_port()) for _ in range(2)]
        for server in servers:
            started.callback(server.kill9)
            server.start()
        yield servers[0], servers[1]


@contextmanager
def locked(url: str, tables: str) -> Iterator[None]:
    """Hold tables so that nobody reads them."""
    with psycopg.connect(url) as connection:
        connection.execute(f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE")
        yield
        connection.rollback()


def until_refused(client: httpx.Client) -> None:
    """Ask until a credential is refused; a minute is far more than it may last."""
    deadline = time.monotonic() + 60
    while client.get(f"{API}/me").status_code != 401:
        assert time.monotonic() < deadline, "a revoked credential is served for ever"
        time.sleep(0.2)


def test_a_revoked_key_is_refused_by_the_other_server(
    pair: tuple[RunningServer, RunningServer],
) -> None:
    """C-05: at once where it was revoked, within seconds where it was remembered."""
    here, there = pair
    with here.client() as operator:
        made = operator.post(f"{API}/keys", json={"name": "brief"})
        assert made.status_code == 201, made.text
        headers = {"Authorization": f"Bearer {made.json()['key']}"}
        with (
            httpx.Client(base_url=here.url, headers=headers, timeout=30) as near,
            httpx.Client(base_url=there.url, headers=headers, timeout=30) as far,
        ):
            assert near.get(f"{API}/me").status_code == far.get(f"{API}/me").status_code == 200
            gone = operator.delete(f"{API}/keys/{made.json()['id']}")
            assert gone.status_code == 204, gone.text
            assert near.get(f"{API}/me").status_code == 401
            until_refused(far)


def test_a_catalog_that_is_held_up_is_503_in_every_dialect(
    pair: tuple[RunningServer, RunningServer], postgres_url: str
) -> None:
    """Each says so in its own words, with Retry-After, and goes on afterwards."""
    server, _ = pair

    async def ask() -> dict[str, httpx.Response]:
        async with httpx.AsyncClient(base_url=server.url, headers=NOBODY, timeout=60) as client:
            headers = {"tus": {"Tus-Resumable": "1.0.0"}}
            asked = [
                client.request("HEAD" if name == "tus" else "GET", path, headers=headers.get(name))
                for name, path in QUESTIONS.items()
            ]
            return dict(zip(QUESTIONS, await asyncio.gather(*asked), strict=True))

    with locked(postgres_url, PEOPLE):
        for name, answer in asyncio.run(ask()).items():
            assert answer.status_code == 503, f"{name}: {answer.status_code} {answer.text}"
            assert int(answer.headers["retry-after"]) >= 1, name
    for name, answer in asyncio.run(ask()).items():
        assert answer.status_code in (401, 403, 404), f"{name}: {answer.status_code} {answer.text}"


def test_sigterm_finishes_an_upload_and_hands_back_leases(
    pair: tuple[RunningServer, RunningServer], postgres_url: str
) -> None:
    """What has begun is acknowledged; nobody waits for the lease of a server that left."""
    server, other = pair
    head = (
        f"POST {API}/files?name=slow.bin HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: Bearer {KEY}\r\nContent-Length: 2000000\r\n\r\n"
    )

    async def upload() -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(head.encode() + bytes(1_000_000))
        await writer.drain()
        await until(lambda: count(postgres_url, "SELECT count(*) FROM upload") == 1)
        ending = asyncio.create_task(asyncio.to_thread(server.terminate))
        await until(lambda: not listens(server.port))
        writer.write(bytes(1_000_000))
        await writer.drain()
        answer = await reader.read()
        writer.close()
        await ending  # it ends with 0
        return answer

    answer = asyncio.run(upload())
    assert answer.startswith(b"HTTP/1.1 201"), answer
    with other.client() as client:
        (file,) = client.get(f"{API}/files").json()["files"]
        assert file["size"] == 2_000_000
        read = client.get(f"{API}/files/{file['id']}/content")
        assert read.content == bytes(2_000_000)
    other.terminate()
    now = int(time.time() * 1000)
    assert count(postgres_url, f"SELECT count(*) FROM lease WHERE until >= {now}") == 0
    assert count(postgres_url, "SELECT count(*) FROM upload WHERE holder IS NOT NULL") == 0


def test_an_upload_goes_on_at_the_other_server(
    pair: tuple[RunningServer, RunningServer], postgres_url: str
) -> None:
    """Issue 6: where the old request of a lost client still waits, it gives way to the new one at
    another server; what it had brought is there, and it is told."""
    here, there = pair
    tus = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}
    data = bytes(range(256)) * 4000
    with there.client() as client:
        length = {"Tus-Resumable": "1.0.0", "Upload-Length": str(len(data))}
        made = client.post("/tus/default", headers=length)
        assert made.status_code == 201, made.text
        url = made.headers["location"]
        head = (
            f"PATCH {url} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {KEY}\r\n"
            + "".join(f"{name}: {value}\r\n" for name, value in tus.items())
            + f"Upload-Offset: 0\r\nContent-Length: {len(data)}\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", here.port), timeout=60) as lost:
            lost.sendall(head.encode() + data[:300_000])
            while not count(postgres_url, "SELECT count(*) FROM upload WHERE holder IS NOT NULL"):
                time.sleep(0.05)
            asked = client.head(url, headers=tus)
            at = int(asked.headers["upload-offset"])
            assert at <= 300_000
            done = client.patch(url, headers=tus | {"Upload-Offset": str(at)}, content=data[at:])
            assert done.status_code == 204, done.text
            assert b" 423 " in lost.recv(1000).split(b"\r\n")[0]
        (file,) = client.get(f"{API}/files").json()["files"]
        assert client.get(f"{API}/files/{file['id']}/content").content == data


def count(url: str, sql: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(sql.encode()).fetchone()
    assert row is not None
    return int(row[0])


def listens(port: int) -> bool:
    try:
        httpx.get(f"http://127.0.0.1:{port}/health/live", timeout=5)
    except httpx.TransportError:
        return False
    return True


async def until(condition: Callable[[], bool]) -> None:
    """Wait until something holds."""
    for _ in range(600):
        if await asyncio.to_thread(condition):
            return
        await asyncio.sleep(0.1)
    pytest.fail("it did not happen")
