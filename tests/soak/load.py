"""Mixed load on a server that will be killed, and a record of what it acknowledged."""

import asyncio
import hashlib
import os
import random
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import httpx

from tests.parts.server import KEY

MIB = 1 << 20
SIZES = (0, 1, 4_000, 20_000, 40_000, 300_000, 2 * MIB, 4 * MIB)
GONE = "gone"
API = "/consigne/v1"
# Bytes that come again and again, so that uploads, deletions and the sweeper meet over them.
SHARED = [os.urandom(size) for size in (500, 30_000, 120_000, 2 * MIB)]


def digest_of(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


@dataclass
class Post:
    """An upload with an ``Idempotency-Key`` whose answer was lost."""

    key: str
    name: str
    body: bytes


@dataclass
class Session:
    """An upload in parts: all of them, how many were acknowledged, and by which dialect."""

    id: str
    parts: list[bytes]
    is_native: bool
    acknowledged: int = 0


@dataclass
class Ledger:
    """What the server has said, by file id.

    ``files``: what may be there, as SHA-256 or ``GONE``; more than one while an answer is awaited
    or after it was lost. ``touched``: ids of this round.
    """

    files: dict[str, set[str]] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)
    posts: dict[str, Post] = field(default_factory=dict)
    sessions: dict[str, Session] = field(default_factory=dict)
    acknowledged: int = 0

    def say(self, file_id: str, *possible: str) -> None:
        """Note what may be there from now on."""
        self.files[file_id] = set(possible)
        self.touched.add(file_id)

    def acknowledge(self, file_id: str, is_now: str) -> None:
        """Note that the server has said what is there."""
        self.say(file_id, is_now)
        self.acknowledged += 1


class Load:
    """Clients that upload, replace, delete, send parts and read until the server is gone."""

    def __init__(self, url: str, ledger: Ledger, seed: int) -> None:
        self._url = url
        self._ledger = ledger
        self._random = random.Random(seed)
        self._claimed: set[str] = set()

    async def run(self, clients: int) -> None:
        """Work until the connection breaks, which it does when the server is killed."""
        works = [self._post, self._native, self._replace, self._delete, self._appmixer, self._read]
        limits = httpx.Limits(max_connections=clients * 2)
        async with (
            httpx.AsyncClient(
                base_url=self._url,
                headers={"Authorization": f"Bearer {KEY}"},
                timeout=30,
                limits=limits,
            ) as client,
            asyncio.TaskGroup() as group,
        ):
            for number in range(clients):
                group.create_task(self._forever(client, works[number % len(works)]))

    async def _forever(
        self, client: httpx.AsyncClient, work: Callable[[httpx.AsyncClient], Awaitable[None]]
    ) -> None:
        while True:
            try:
                await work(client)
            except httpx.TransportError:
                return

    def _body(self) -> bytes:
        if self._random.random() < 0.4:
            return self._random.choice(SHARED)
        return os.urandom(self._random.choice(SIZES))

    async def _post(self, client: httpx.AsyncClient) -> None:
        post = Post(secrets.token_hex(8), secrets.token_hex(8), self._body())
        self._ledger.posts[post.key] = post
        await send_post(client, self._ledger, post)

    async def _replace(self, client: httpx.AsyncClient) -> None:
        body = self._body()
        file_id, before = await self._claim(client)
        self._ledger.say(file_id, before, digest_of(body))
        answer = await client.put(f"{API}/files/{file_id}/content", content=body)
        assert answer.status_code == 200, answer.text
        self._ledger.acknowledge(file_id, digest_of(body))
        self._claimed.discard(file_id)

    async def _delete(self, client: httpx.AsyncClient) -> None:
        file_id, before = await self._claim(client)
        self._ledger.say(file_id, before, GONE)
        answer = await client.delete(f"{API}/files/{file_id}")
        assert answer.status_code == 204, answer.text
        self._ledger.acknowledge(file_id, GONE)

    async def _read(self, client: httpx.AsyncClient) -> None:
        file_id, before = await self._claim(client)
        answer = await client.get(f"{API}/files/{file_id}/content")
        assert answer.status_code == 200, answer.text
        assert digest_of(answer.content) == before
        self._claimed.discard(file_id)

    async def _claim(self, client: httpx.AsyncClient) -> tuple[str, str]:
        """Choose a file that is there and nobody else works on; make one if there is none."""
        while True:
            free = [
                (file_id, next(iter(possible)))
                for file_id, possible in self._ledger.files.items()
                if len(possible) == 1 and GONE not in possible and file_id not in self._claimed
            ]
            if free:
                found = self._random.choice(free)
                self._claimed.add(found[0])
                return found
            await self._post(client)

    async def _appmixer(self, client: httpx.AsyncClient) -> None:
        """Send an Appmixer file in chunks."""
        parts = self._parts(self._random.choice((900, 70_000, 400_000)))
        files = {"file": ("part", parts[0], "application/octet-stream")}
        headers = {"uploader-chunk-number": "1", "uploader-chunks-total": str(len(parts))}
        answer = await client.post("/files", files=files, headers=headers)
        assert answer.status_code == 200, answer.text
        session = Session(answer.json()["fileId"], parts, is_native=False, acknowledged=1)
        self._ledger.sessions[session.id] = session
        self._ledger.acknowledged += 1
        await send_chunks(client, self._ledger, session)

    async def _native(self, client: httpx.AsyncClient) -> None:
        """Send a file in parts of one size, in any order."""
        parts = self._parts(self._random.choice((1_000, 100_000, MIB)))
        body = {"name": "n", "length": sum(map(len, parts)), "part_size": len(parts[0])}
        answer = await client.post(f"{API}/uploads", json=body)
        assert answer.status_code == 201, answer.text
        session = Session(answer.json()["id"], parts, is_native=True)
        self._ledger.sessions[session.id] = session
        self._random.shuffle(order := list(range(1, len(parts) + 1)))
        for number in order:
            await put_part(client, session, number)
            session.acknowledged += 1
            self._ledger.acknowledged += 1
        await finish_parts(client, self._ledger, session)

    def _parts(self, size: int) -> list[bytes]:
        parts = [os.urandom(size) for _ in range(self._random.randint(2, 4))]
        parts[-1] = parts[-1][: self._random.randint(1, size)]
        return parts


async def send_post(client: httpx.AsyncClient, ledger: Ledger, post: Post) -> str:
    """Upload a file once, however often it is sent; return its id."""
    answer = await client.post(
        f"{API}/files",
        params={"name": post.name},
        content=post.body,
        headers={"Idempotency-Key": post.key},
    )
    assert answer.status_code == 201, answer.text
    file_id: str = answer.json()["id"]
    ledger.posts.pop(post.key, None)
    ledger.acknowledge(file_id, digest_of(post.body))
    return file_id


async def send_chunks(client: httpx.AsyncClient, ledger: Ledger, session: Session) -> None:
    """Send the chunks from the last that was acknowledged on; that one again changes nothing."""
    total = len(session.parts)
    for number in range(max(1, session.acknowledged), total + 1):
        headers = {
            "uploader-file-id": session.id,
            "uploader-chunk-number": str(number),
            "uploader-chunks-total": str(total),
        }
        files = {"file": ("part", session.parts[number - 1], "application/octet-stream")}
        answer = await client.post("/files", files=files, headers=headers)
        assert answer.status_code == 200, answer.text
        session.acknowledged = number
        ledger.acknowledged += 1
    del ledger.sessions[session.id]
    ledger.acknowledge(session.id, digest_of(b"".join(session.parts)))


async def put_part(client: httpx.AsyncClient, session: Session, number: int) -> None:
    """Send a part of a native upload; one that is there already changes nothing."""
    path = f"{API}/uploads/{session.id}/parts/{number}"
    answer = await client.put(path, content=session.parts[number - 1])
    assert answer.status_code == 200, answer.text


async def finish_parts(client: httpx.AsyncClient, ledger: Ledger, session: Session) -> None:
    """Complete a native upload."""
    answer = await client.post(f"{API}/uploads/{session.id}/finish")
    assert answer.status_code == 201, answer.text
    del ledger.sessions[session.id]
    ledger.acknowledge(answer.json()["id"], digest_of(b"".join(session.parts)))
