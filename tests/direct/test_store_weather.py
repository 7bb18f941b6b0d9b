"""What lies between us and the object store fails: late, in part, full, gone (C-20, C-23)."""

import asyncio
import os
import random
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from s3_support import place
from tests.parts.catalogs import sqlite_catalog
from tests.parts.fault_proxy import Fault, FaultProxy, fault_proxy
from tests.parts.seaweedfs import ObjectStore
from tests.parts.server import KEY, ServerStarter
from tests.parts.sites import Site, Store, chunks, open_site

from consigne.blobs.s3 import S3Driver
from consigne.core.entry import Entry
from consigne.core.proof import Options, Proof
from consigne.errors import Unavailable
from consigne.settings import Settings

MIB = 1 << 20
SIZES = (100, 70_000, 300_000, 6 * MIB)
FULL = Fault("answer", 507, "InsufficientStorage")
DOWN = Fault("answer", 503, "ServiceUnavailable")

V1 = "/api/v1/temporaryFiles/"

Send = Callable[[bytes], Awaitable[httpx.Response]]


@pytest.fixture
async def proxy(object_store: ObjectStore) -> AsyncIterator[FaultProxy]:
    async with fault_proxy(object_store.endpoint) as proxy:
        yield proxy


async def test_late_and_lossy(
    proxy: FaultProxy, object_store: ObjectStore, sqlite_template: Path, tmp_path: Path
) -> None:
    """C-20, C-23, C-24: 300 ms to each answer, and of a hundred requests five fail or lose theirs:
    what is acknowledged is there to the byte, what is refused is not charged, and after the sweep
    and a repair nothing is left over."""
    prefix, dice = f"{secrets.token_hex(8)}/", random.Random(20261121)

    def plan(method: str, target: str) -> Fault | None:
        luck = dice.random()
        return Fault("answer", 500) if luck < 0.03 else Fault("cut", 0) if luck < 0.05 else None

    there = place(
        object_store, endpoint=proxy.url, retries=1, connect_time=30, idle_time=60, total_time=120
    )
    store = Store(
        Settings(data=str(tmp_path), s3_direct_uploads=True),
        lambda: sqlite_catalog(sqlite_template, tmp_path),
        lambda: S3Driver(there, prefix),
    )
    site = await open_site(store)
    kept: dict[int, bytes] = {}
    refused, numbers = 0, iter(range(16))
    proxy.plan, proxy.latency = plan, 0.3

    async def worker() -> None:
        nonlocal refused
        for number in numbers:
            data = os.urandom(SIZES[number % len(SIZES)])
            try:
                if number % 3:
                    file = await site.put(data, str(number))
                else:
                    file = await in_parts(site, data)
            except Unavailable:
                refused += 1
            else:
                kept[file.id] = data

    async def read(number: int, data: bytes) -> None:
        with suppress(Unavailable):
            assert await site.get(number) == data

    await asyncio.gather(*(worker() for _ in range(16)))
    await asyncio.gather(*(read(number, data) for number, data in kept.items()))
    proxy.plan, proxy.latency = lambda m, t: None, 0
    assert len(kept) >= 8, refused
    used, _, _ = await site.books()
    assert used == sum(map(len, kept.values()))
    for number, data in kept.items():
        assert await site.get(number) == data
    await site.audit(tidy=False)
    await site.sweep(purge_guard=-60.0, lease=-60.0)
    await Proof(site.depot.catalog, site.depot.bucket).check(Options(age=-60, repair=True))
    await site.audit()
    await site.depot.close()


async def in_parts(site: Site, data: bytes) -> Any:
    """Send a file in three parts, each as often as it takes, and give the upload up in the end."""
    size = max(1, -(-len(data) // 3))
    uploads, seat = site.depot.uploads, site.writer
    opened = await uploads.expect(seat, Entry(name="parts"), length=len(data), part_size=size)
    number = opened.upload.id
    for tries in count(1):
        try:
            for part in range(-(-len(data) // size)):
                piece = data[part * size : (part + 1) * size]
                await uploads.receive_part(seat, number, chunks(piece), number=part + 1)
            return (await uploads.finish(seat, number)).file
        except Unavailable:
            if tries == 3:
                await uploads.abort(seat, number)
                raise
    raise AssertionError


async def test_each_dialect_says_it(
    start_server: ServerStarter, proxy: FaultProxy, object_store: ObjectStore
) -> None:
    """C-41: a store that is full is 507 (or what a dialect's own words have for it), one that is
    down 503 with Retry-After, in every dialect; nothing is kept, charged or left, and afterwards
    the same request succeeds."""
    prefix = secrets.token_hex(8)
    env = object_store.env(prefix) | {
        "CONSIGNE_S3_ENDPOINT": proxy.url,
        "CONSIGNE_S3_RETRIES": "0",
        "CONSIGNE_S3_PUT_EXPIRY": "3600",
        "CONSIGNE_SWEEP_EVERY": "3600",
        "CONSIGNE_WORKER": "0",
    }
    server = await asyncio.to_thread(lambda: start_server(env=env))
    operator = {"Authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(base_url=server.url, timeout=60) as http:
        short = f"w{secrets.token_hex(6)}"
        await http.post("/consigne/v1/spaces", json={"short": short}, headers=operator)
        wish = {"name": short, "space": short}
        made = await http.post("/consigne/v1/keys", json=wish, headers=operator)
        bound = {"Authorization": f"Bearer {made.json()['key']}"}
        named = {"Content-Disposition": 'attachment; filename="a.bin"'}
        tus = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}
        day = {"startingAt": "2026-01-01", "endingAt": "2026-12-31"}
        year = await http.post("/organizations/me/years", json=day, headers=bound)
        files = f"/organizations/me/years/{year.json()['id']}/files"

        async def send_s3(data: bytes) -> httpx.Response:
            entry = (await http.post(files, json={"name": "a"}, headers=bound)).json()["id"]
            order = {"type": "", "size": len(data)}
            url = await http.post(f"{files}/{entry}/upload-url", json=order, headers=bound)
            return await http.put(url.json()["url"], content=data)

        async def post(path: str, more: dict[str, str], **body: Any) -> httpx.Response:
            return await http.post(path, headers=bound | more, **body)

        senders: dict[str, tuple[int, Send]] = {
            "native": (507, lambda d: post("/consigne/v1/files?name=a", {}, content=d)),
            "appmixer": (507, lambda d: post("/files", {}, files={"file": ("a", d)})),
            "dynacase": (507, lambda d: post("/api/file", named, content=d)),
            "dynacase, level 2": (400, lambda d: post(V1, {}, files={"f": ("a", d)})),
            "daxium": (507, lambda d: post(f"/{short}/files/upload", {}, content=d)),
            "tus": (507, lambda d: post("/tus", tus | {"Upload-Length": str(len(d))}, content=d)),
            "s3": (503, send_s3),
        }
        for name, (full, send) in senders.items():
            for fault, status in ((FULL, full), (DOWN, 503)):
                proxy.plan = lambda m, t, f=fault: f if m != "GET" or f is DOWN else None
                for size in (1000, 300_000):
                    got = await send(os.urandom(size))
                    assert got.status_code == status, f"{name}: {got.status_code} {got.text}"
                    if status == 503:
                        assert int(got.headers["retry-after"]) >= 1, name
                    told = got.text.lower()
                    assert "traceback" not in told, name
                    assert object_store.endpoint not in told, name
        proxy.plan = lambda m, t: None
        usage = (await http.get(f"/consigne/v1/spaces/{short}/usage", headers=bound)).json()
        assert usage["used"] == 0, usage
        page = object_store.client().list_objects_v2(Bucket=object_store.bucket, Prefix=prefix)
        assert [each["Key"] for each in page.get("Contents", ()) if each["Size"] > 1] == []
        for name, (_, send) in senders.items():
            got = await send(os.urandom(1000))
            assert got.status_code in (200, 201), f"{name}: {got.text}"
