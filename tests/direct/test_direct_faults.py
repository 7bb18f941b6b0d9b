"""Finalize of what came to the object store, failing or killed in between, and what is left."""

import asyncio
import hashlib
import os
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import httpx
import pytest
from arrhes_support import found_organization, good
from direct_support import DIRECT
from s3_support import place
from sqlalchemy import update
from tests.parts.catalogs import sqlite_catalog
from tests.parts.fault_proxy import Fault, FaultProxy, fault_proxy
from tests.parts.seaweedfs import ObjectStore
from tests.parts.server import ServerStarter
from tests.parts.sites import Site, Store, open_site

from consigne.blobs.s3 import S3Driver
from consigne.catalog import schema
from consigne.catalog.engine import Tx
from consigne.core.entry import Entry
from consigne.core.proof import Options, Proof
from consigne.errors import Unavailable, UploadMissing
from consigne.model.entities import File, Upload, Year
from consigne.settings import Settings

SWEEPING = {"purge_guard": -60.0, "lease": -60.0}


@dataclass
class Shop:
    """A site on an object store, with a proxy between the two, and a year in it."""

    site: Site
    proxy: FaultProxy
    year: Year

    async def announced(self, length: int, file: File | None = None) -> tuple[File, Upload, str]:
        """Make an entry, or take one, and ask for a URL."""
        site, year = self.site, self.year.id
        if file is None:
            file = await site.depot.shelf.create(site.writer, year, Entry(name="a.pdf"))
        file, upload = await site.depot.incoming.announce(
            site.writer, year, file.id, length=length, declared_type="", limit=10**9
        )
        return file, upload, await site.depot.objects.upload_url(site.writer, upload)

    async def sent(self, data: bytes) -> tuple[File, str]:
        """Send a body to the store."""
        file, _, url = await self.announced(len(data))
        await put(url, data)
        return file, url

    async def finalize(self, file: File) -> File:
        return await self.site.depot.incoming.finalize(self.site.writer, self.year.id, file.id)

    async def arrivals(self) -> list[str]:
        return [each.key async for each in self.site.depot.bucket.direct.arrivals()]


async def put(url: str, data: bytes) -> None:
    """Do as a client does."""
    async with httpx.AsyncClient(timeout=60) as client:
        answer = await client.put(url, content=data)
    assert answer.status_code == 200, answer.text


@pytest.fixture
async def shop(
    object_store: ObjectStore, sqlite_template: Path, tmp_path: Path
) -> AsyncIterator[Shop]:
    """A site whose clients reach the store itself."""
    prefix = f"{secrets.token_hex(8)}/"
    settings = Settings(data=str(tmp_path), s3_direct_uploads=True)
    async with fault_proxy(object_store.endpoint) as proxy:
        there = place(
            object_store, endpoint=proxy.url, public_endpoint=object_store.endpoint, retries=0
        )
        store = Store(
            settings,
            lambda: sqlite_catalog(sqlite_template, tmp_path),
            lambda: S3Driver(there, prefix),
        )
        site = await open_site(store)
        year = await site.depot.years.create(
            site.manager, label="2026", starting_at="2026-01-01", ending_at="2026-12-31"
        )
        try:
            yield Shop(site, proxy, year)
        finally:
            await site.depot.close()


async def test_a_request_fails_anywhere(shop: Shop) -> None:
    """C-21, AR-19: whichever request to the store fails, nothing is kept, nothing is charged, and
    finalize can be repeated; when it is through, nothing is left over."""
    site, failures = shop.site, 0
    for number in count():
        data = os.urandom(300_000)
        file, url = await shop.sent(data)
        assert shop.proxy.url not in url
        before, seen = await site.books(), count()
        shop.proxy.plan = lambda m, t, n=number, s=seen: (  # type: ignore[misc]
            Fault("answer", 500) if next(s) == n else None
        )
        try:
            done = await shop.finalize(file)
        except Unavailable:
            failures += 1
            assert await site.books() == before
            shop.proxy.plan = lambda m, t: None
            done = await shop.finalize(file)
        assert done.sha256 == hashlib.sha256(data).digest()
        used, reserved, undo = before
        assert await site.books() == (used + len(data), reserved - len(data), undo)
        if next(seen) <= number:
            break
    assert failures >= 6, failures  # size, copy, size, reading, copy to the content …
    shop.proxy.plan = lambda m, t: None
    await site.sweep(**SWEEPING)
    assert await shop.arrivals() == []
    await site.audit()


async def test_what_nobody_waits_for_is_swept(shop: Shop) -> None:
    """C-21, AR-33: objects of voided, removed and finalized sessions go, fsck names them, and one
    that a session waits for stays."""
    site = shop.site
    voided, _ = await shop.sent(b"voided")
    await shop.announced(5, voided)
    late, url = await shop.sent(b"in time")
    await shop.finalize(late)
    await put(url, b"is late")
    removed, _ = await shop.sent(b"removed")
    await site.depot.shelf.release(site.writer, shop.year.id, removed.id)
    waiting, _ = await shop.sent(b"waiting")
    assert len(await shop.arrivals()) == 4
    bucket = site.depot.bucket
    report = await Proof(site.depot.catalog, bucket).check(Options(age=-60, rehash=True))
    assert [each.kind for each in report.findings] == ["stray_stage"] * 3
    assert (await site.sweep()).arrivals == 0  # too young
    assert (await site.sweep(**SWEEPING)).arrivals == 3
    assert (await shop.finalize(waiting)).size == 7
    with pytest.raises(UploadMissing):
        await shop.finalize(voided)
    assert await site.get(late) == b"in time"
    assert await shop.arrivals() == []


async def test_the_end_of_a_session(shop: Shop) -> None:
    """AR-50: what was sent and never finalized ends with its session; the room is free again."""
    file, _ = await shop.sent(b"never finalized")
    assert (await shop.site.books())[1] == 15

    await shop.site.run(_end_all)
    with pytest.raises(UploadMissing):
        await shop.finalize(file)
    assert (await shop.site.sweep(**SWEEPING)).arrivals == 1
    assert await shop.site.books() == (0, 0, 0)
    await shop.site.audit()


def _end_all(tx: Tx) -> None:
    tx.run(update(schema.upload).values(expires_at=1))


async def test_killed_in_between(
    start_server: ServerStarter, object_store: ObjectStore, tmp_path: Path
) -> None:
    """C-21: kill -9 after the store has copied and before a row says so; finalize again."""
    async with fault_proxy(object_store.endpoint) as proxy:
        env = DIRECT | object_store.env(secrets.token_hex(8)) | {"CONSIGNE_S3_PUT_EXPIRY": "900"}
        env |= {
            "CONSIGNE_S3_ENDPOINT": proxy.url,
            "CONSIGNE_S3_PUBLIC_ENDPOINT": object_store.endpoint,
        }
        server = await asyncio.to_thread(lambda: start_server(tmp_path / "data", env=env))
        year = await asyncio.to_thread(lambda: found_organization(server).year())
        body, reached, copies = os.urandom(300_000), asyncio.Event(), count()
        entry = (await asyncio.to_thread(year.entry))["id"]
        await asyncio.to_thread(year.send, entry, body)

        def plan(method: str, target: str) -> Fault | None:
            if reached.is_set() or (method == "PUT" and next(copies) == 1):
                reached.set()
                return Fault("silent")
            return None

        proxy.plan = plan
        async with httpx.AsyncClient(headers=year.http.headers, timeout=60) as client:
            path = f"{server.url}{year.path}/files/{entry}/finalize"
            finalizing = asyncio.create_task(client.post(path, json={}))
            async with asyncio.timeout(60):
                await reached.wait()
            await asyncio.to_thread(server.kill9)
            await asyncio.gather(finalizing, return_exceptions=True)
        proxy.plan = lambda m, t: None
        await asyncio.to_thread(server.start)
        done = good(await asyncio.to_thread(year.post, entry, "finalize"))
        assert done["hash"] == hashlib.sha256(body).hexdigest()
        assert await asyncio.to_thread(year.organization.books) == (len(body), 0)
        await asyncio.to_thread(server.terminate)
