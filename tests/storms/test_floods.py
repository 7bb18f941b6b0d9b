"""What a hostile or broken client may do, on a real server with raw sockets.

After each attack the counters of the space are what they were, nothing is listed, no stage is left,
and the server still answers.
"""

import asyncio
import contextlib
import http.client
import json
import socket
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.parts.server import KEY, RunningServer

MIB = 1 << 20
HEADERS = {"Authorization": f"Bearer {KEY}"}
Start = Callable[..., RunningServer]


@pytest.fixture
def small_space(start_server: Start) -> RunningServer:
    """A server whose first space has a quota of 10 MiB."""
    env = {"CONSIGNE_QUOTA": "10MiB", "CONSIGNE_BODY_IDLE": "2", "CONSIGNE_LEASE": "2"}
    return start_server(env=env)


def usage(server: RunningServer) -> dict[str, int]:
    with server.client() as client:
        body: dict[str, int] = client.get("/consigne/v1/spaces/default/usage").json()
    return {name: body[name] for name in ("used", "reserved", "undo", "files")}


def stages(server: RunningServer) -> list[Path]:
    return list((server.data / "blobs" / "staging").iterdir())


NOTHING = {"used": 0, "reserved": 0, "undo": 0, "files": 0}


@pytest.mark.parametrize("path", ["/consigne/v1/files?name=flood.bin"])
def test_endless_chunked_body_stops_at_the_quota(small_space: RunningServer, path: str) -> None:
    """A 1 GiB body without length against 10 MiB: 507 long before its end (C-24, AM-32)."""
    sent = 0

    def body() -> object:
        nonlocal sent
        block = b"\0" * MIB
        for _ in range(1024):
            sent += len(block)
            yield block

    with httpx.Client(base_url=small_space.url, headers=HEADERS, timeout=60) as client:
        try:
            answer = client.post(path, content=body())  # type: ignore[arg-type]
            assert answer.status_code == 507, answer.text
            assert answer.json()["code"] == "quota_exceeded"
        except httpx.WriteError:
            pass  # the server had answered and closed while we were still sending
    assert sent < 64 * MIB
    assert usage(small_space) == NOTHING
    assert stages(small_space) == []


def test_declared_length_beyond_the_quota_is_refused_unread(small_space: RunningServer) -> None:
    """With ``Expect: 100-continue`` the answer comes before any byte of the body."""
    with socket.create_connection(("127.0.0.1", small_space.port), timeout=10) as raw:
        raw.sendall(
            f"POST /consigne/v1/files?name=x HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Authorization: Bearer {KEY}\r\nContent-Length: {20 * MIB}\r\n"
            "Expect: 100-continue\r\n\r\n".encode()
        )
        answer = http.client.HTTPResponse(raw)
        answer.begin()
        assert answer.status == 507
    assert usage(small_space) == NOTHING


@pytest.mark.parametrize("length", [100, 3 * MIB])
def test_body_that_stops_half_way(small_space: RunningServer, length: int) -> None:
    """Half a body and a closed connection: no row, no bytes, no reservation."""
    with socket.create_connection(("127.0.0.1", small_space.port), timeout=10) as raw:
        raw.sendall(
            f"POST /consigne/v1/files?name=half HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Authorization: Bearer {KEY}\r\nContent-Length: {length}\r\n\r\n".encode()
        )
        raw.sendall(b"x" * (length // 2))
    deadline = 50
    while usage(small_space) != NOTHING and deadline:
        deadline -= 1
        asyncio.run(asyncio.sleep(0.1))
    assert usage(small_space) == NOTHING
    assert stages(small_space) == []


def test_body_that_falls_silent(small_space: RunningServer) -> None:
    """A client that sends nothing for longer than the limit is answered, not waited for."""
    with socket.create_connection(("127.0.0.1", small_space.port), timeout=20) as raw:
        raw.sendall(
            f"POST /consigne/v1/files?name=slow HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Authorization: Bearer {KEY}\r\nContent-Length: 1000\r\n\r\nabc".encode()
        )
        answer = http.client.HTTPResponse(raw)
        answer.begin()
        assert answer.status == 408
        assert json.loads(answer.read())["code"] == "timed_out"
    assert usage(small_space) == NOTHING


async def _slow_client(port: int, number: int, gate: asyncio.Event) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = f"{number:08d}".encode() * 128
    writer.write(
        f"POST /consigne/v1/files?name=slow-{number} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: Bearer {KEY}\r\nContent-Length: {len(body)}\r\n"
        "Connection: close\r\n\r\n".encode()
    )
    writer.write(body[:512])
    await writer.drain()
    await gate.wait()
    writer.write(body[512:])
    await writer.drain()
    status = int((await reader.readline()).split()[1])
    with contextlib.suppress(ConnectionError):
        await reader.read()
    writer.close()
    return status


async def test_a_thousand_slow_clients(start_server: Start) -> None:
    """1,000 uploads that hang half-way at once: others are served meanwhile, all are then kept."""
    server = start_server(env={"CONSIGNE_BODY_IDLE": "60"})
    gate = asyncio.Event()
    tasks = [asyncio.create_task(_slow_client(server.port, n, gate)) for n in range(1000)]
    await asyncio.sleep(1)
    async with httpx.AsyncClient(base_url=server.url, headers=HEADERS, timeout=20) as client:
        quick = await client.post("/consigne/v1/files?name=quick", content=b"quick")
        assert quick.status_code == 201
        got = await client.get(f"/consigne/v1/files/{quick.json()['id']}/content")
        assert got.content == b"quick"
        gate.set()
        statuses = await asyncio.gather(*tasks)
        assert statuses.count(201) == 1000
        count = await client.get("/consigne/v1/files/count", params={"filter": "name~slow-"})
        assert count.json()["count"] == 1000
    assert usage(server)["used"] == 1000 * 1024 + 5
