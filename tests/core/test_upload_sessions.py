"""Upload sessions: crashes, processes, leases, keys, expiry; one writer at a time (C-14, C-23)."""

import asyncio
import hashlib
from collections.abc import AsyncIterator

import msgspec
import pytest
from sqlalchemy import update
from tests.parts.sending import expect, finish, send
from tests.parts.sites import MIB, Site, chunks, noise

from consigne.catalog import schema
from consigne.core.clock import now_ms
from consigne.core.entry import Entry
from consigne.core.sessions import Progress
from consigne.errors import (
    Busy,
    DigestMismatch,
    FileNotFound,
    FileTooLarge,
    NameTaken,
    TooManyUploads,
    UploadExpired,
    UploadNotFound,
)
from consigne.model.entities import UploadState
from consigne.settings import Settings


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return msgspec.structs.replace(settings, uploads_per_user=5, upload_wait=0.6, lease=3)


@pytest.mark.parametrize("how", ["forgotten", "another process"])
async def test_an_upload_goes_on_after_a_restart(site: Site, how: str) -> None:
    """Staged bytes are read again where the running digest is lost (C-23)."""
    parts = [noise(400_000, number) for number in range(4)]
    at = await expect(site, parts_total=4)
    await send(site, at, parts[0])
    await send(site, at, parts[1])
    if how == "forgotten":
        site.depot.bucket.forget(at.upload.stage)
        await send(site, at, parts[2])
        site.depot.bucket.forget(at.upload.stage)
        done = await send(site, at, parts[3])
    else:
        other = await site.again()
        await send(other, at, parts[2])
        done = await send(site, at, parts[3])
        await other.depot.close()
    assert done.file.sha256 == hashlib.sha256(b"".join(parts)).digest()
    assert await site.get(done.file) == b"".join(parts)
    await site.audit()


async def test_a_part_repeated_elsewhere_with_other_bytes(site: Site) -> None:
    """Digests that one process remembers of bytes that another wrote over are not used (C-23)."""
    other = await site.again()
    at = await expect(site)
    await send(site, at, noise(200_000, 1))
    bad = b"x" * 32
    with pytest.raises(DigestMismatch):
        await send(site, at, noise(200_000, 2), expected={"sha-256": bad})
    await send(other, at, noise(200_000, 3))
    done = await finish(site, at)
    whole = noise(200_000, 1) + noise(200_000, 3)
    assert done.file.sha256 == hashlib.sha256(whole).digest()
    assert await site.get(done.file) == whole
    await other.depot.close()


async def slow(data: bytes, gate: asyncio.Event) -> AsyncIterator[bytes]:
    """Yield half, wait for the gate, yield the rest."""
    yield data[: len(data) // 2]
    await gate.wait()
    yield data[len(data) // 2 :]


@pytest.mark.parametrize("where", ["here", "in another process"])
async def test_one_writer_at_a_time(site: Site, where: str) -> None:
    """Who has to wait too long is told that the upload is busy; then it goes on (C-23)."""
    other = await site.again() if where != "here" else site
    at = await expect(site, parts_total=2)
    gate = asyncio.Event()
    first = asyncio.create_task(
        site.depot.uploads.receive_part(site.writer, at.upload.id, slow(b"first", gate))
    )
    await asyncio.sleep(0.1)
    for attempt in (
        lambda: send(other, at, b"second"),
        lambda: finish(other, at),
        lambda: other.depot.uploads.abort(other.writer, at.upload.id),
    ):
        with pytest.raises(Busy) as caught:
            await attempt()
        assert caught.value.retry_after
    gate.set()
    await first
    done = await send(other, at, b"second")
    assert await site.get(done.file) == b"firstsecond"
    if other is not site:
        await other.depot.close()


async def test_a_lease_is_kept_while_a_long_part_arrives(site: Site) -> None:
    """Renewed for as long as its process works; lost only when that stops."""
    short = msgspec.structs.replace(site.settings, lease=0.3)
    site.depot.uploads._settings = short
    other = await site.again()
    other.depot.uploads._settings = short
    at = await expect(site, parts_total=2)
    gate = asyncio.Event()
    first = asyncio.create_task(
        site.depot.uploads.receive_part(site.writer, at.upload.id, slow(b"first", gate))
    )
    await asyncio.sleep(0.5)
    with pytest.raises(Busy):
        await send(other, at, b"second")
    gate.set()
    assert (await first).upload.parts_received == 1
    await other.depot.close()


async def test_a_lease_of_a_process_that_died_runs_out(site: Site) -> None:
    """A holder that nobody renews is followed by the next writer."""
    at = await expect(site, parts_total=1)
    held = (
        update(schema.upload)
        .where(schema.upload.c.id == at.upload.id)
        .values(holder="somebody", lease_until=now_ms() + 300, state=UploadState.VERIFYING.value)
    )
    await site.run(lambda tx: tx.run(held))
    done = await send(site, at, b"after all")
    assert done.complete


async def test_a_writer_that_lost_its_lease_counts_nothing(site: Site) -> None:
    """A process that was taken for dead finds that another goes on, and gives way."""
    at = await expect(site)
    gate = asyncio.Event()
    late = asyncio.create_task(
        site.depot.uploads.receive_part(site.writer, at.upload.id, slow(b"late part", gate))
    )
    await asyncio.sleep(0.1)
    stolen = (
        update(schema.upload)
        .where(schema.upload.c.id == at.upload.id)
        .values(holder="another", lease_until=2**50)
    )
    await site.run(lambda tx: tx.run(stolen))
    gate.set()
    with pytest.raises(Busy):
        await late
    now = await site.depot.uploads.progress(site.writer, at.upload.id)
    assert (now.upload.received, now.upload.holder) == (0, "another")


async def test_abort_leaves_nothing(site: Site) -> None:
    """Row, bytes, reservation and the expected file go (C-14)."""
    at = await expect(site, length=3 * MIB)
    await send(site, at, noise(MIB))
    await site.depot.uploads.abort(site.writer, at.upload.id)
    with pytest.raises(UploadNotFound):
        await site.depot.uploads.progress(site.writer, at.upload.id)
    with pytest.raises(FileNotFound):
        await site.depot.vault.look_anywhere(site.writer, at.file.id)
    assert await site.rows("upload") == await site.rows("part") == await site.rows("file") == 0
    assert await site.books() == (0, 0, 0)
    await site.audit()


async def test_an_expired_upload_is_gone(site: Site) -> None:
    """It ends a while after its last part, and is remembered as expired (pain 16, C-15)."""
    at = await expect(site, length=100)
    await send(site, at, b"x")
    past = update(schema.upload).values(expires_at=1)
    await site.run(lambda tx: tx.run(past))
    for attempt in (
        lambda: send(site, at, b"x"),
        lambda: finish(site, at),
        lambda: site.depot.uploads.progress(site.writer, at.upload.id),
    ):
        with pytest.raises(UploadExpired):
            await attempt()
    assert (await site.sweep()).uploads == 1
    with pytest.raises(UploadExpired):
        await site.depot.uploads.of_file(site.writer, at.file.id)
    assert await site.books() == (0, 0, 0)
    await site.audit()


async def test_each_part_prolongs_the_session(site: Site) -> None:
    """The time counts from the last part."""
    at = await expect(site)
    soon = update(schema.upload).values(expires_at=at.upload.expires_at - 1000)
    await site.run(lambda tx: tx.run(soon))
    now = await send(site, at, b"x")
    assert now.upload.expires_at >= at.upload.expires_at


async def test_client_keys(site: Site) -> None:
    """A key of the client's own finds his session; it is taken once, per person (AM-04)."""
    at = await expect(site, client_key="k-1")
    found = await site.depot.uploads.by_client_key(site.writer, "k-1")
    assert found is not None
    assert found.upload.id == at.upload.id
    assert await site.depot.uploads.by_client_key(site.manager, "k-1") is None
    assert await site.depot.uploads.by_client_key(site.writer, "k-2") is None
    with pytest.raises(NameTaken):
        await expect(site, client_key="k-1")
    opened = await asyncio.gather(
        *[expect(site, client_key="k-3") for _ in range(4)], return_exceptions=True
    )
    assert sum(isinstance(each, Progress) for each in opened) == 1
    await site.depot.uploads.expect(site.manager, Entry(name="a"), client_key="k-1")
    await site.audit()


async def test_a_session_is_its_owners(site: Site) -> None:
    """Nobody else sees it: not a manager, not the same person in another space."""
    at = await expect(site)
    elsewhere = await site.other_space()
    uploads = site.depot.uploads
    for seat in (site.manager, site.admin, elsewhere):
        for attempt in (
            lambda s=seat: uploads.progress(s, at.upload.id),
            lambda s=seat: uploads.receive_part(s, at.upload.id, chunks(b"x")),
            lambda s=seat: uploads.finish(s, at.upload.id),
            lambda s=seat: uploads.abort(s, at.upload.id),
            lambda s=seat: uploads.parts(s, at.upload.id),
        ):
            with pytest.raises(UploadNotFound):
                await attempt()
    assert await uploads.page(site.manager) == []
    assert [each.id for each in await uploads.page(site.writer)] == [at.upload.id]


async def test_unfinished_uploads_are_limited(site: Site) -> None:
    """So many per person and space; finished ones make room (C-24)."""
    opened = [await expect(site, str(number)) for number in range(5)]
    with pytest.raises(TooManyUploads) as caught:
        await expect(site, "one more")
    assert caught.value.retry_after
    await site.depot.uploads.expect(site.manager, Entry(name="another's"))
    await send(site, opened[0], b"x")
    await finish(site, opened[0])
    await site.depot.uploads.abort(site.writer, opened[1].upload.id)
    await expect(site, "a")
    await expect(site, "b")
    with pytest.raises(TooManyUploads):
        await expect(site, "c")


async def test_a_limit_counts_over_all_parts(site: Site) -> None:
    """A dialect's bound is one of the file, not of the part."""
    at = await expect(site)
    await send(site, at, noise(60), limit=100)
    with pytest.raises(FileTooLarge):
        await send(site, at, noise(41), limit=100)
    await send(site, at, noise(40), limit=100)
    assert await site.books() == (0, 100, 0)


async def test_the_same_bytes_in_parts_share_the_content(site: Site) -> None:
    """However bytes come in, they are stored once in a space (C-20)."""
    data = noise(2 * MIB + 5)
    file = await site.put(data)
    at = await expect(site)
    await send(site, at, data[:MIB])
    await send(site, at, data[MIB:])
    done = await finish(site, at)
    assert done.file.content_id == file.content_id
    assert await site.books() == (2 * len(data), 0, 0)
    await site.audit()
