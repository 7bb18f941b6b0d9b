"""Uploads in parts: any order, repeats, crashes, several processes; a part counts wholly or not."""

import asyncio
import hashlib
from itertools import permutations

import msgspec
import pytest
from tests.parts.sending import expect, finish, send
from tests.parts.sites import MIB, Site, breaking, large, noise

from consigne.core.entry import Entry
from consigne.core.sessions import Progress
from consigne.errors import (
    BadParameter,
    ChunkConflict,
    ChunkOutOfOrder,
    DigestMismatch,
    FileNotFound,
    FileTooLarge,
    QuotaExceeded,
    RightMissing,
    SizeMismatch,
    UploadComplete,
    UploadIncomplete,
)
from consigne.model.entities import State, UploadState
from consigne.model.rights import Role
from consigne.settings import Settings


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return msgspec.structs.replace(settings, uploads_per_user=5, upload_wait=0.6, lease=3)


@pytest.mark.parametrize("size", [1, 5000, MIB, MIB + 1])
async def test_parts_in_order_make_the_file(site: Site, size: int) -> None:
    """Each part is durable when it is answered; the last one completes the file (AM-15, C-23)."""
    parts = [noise(size, number) for number in range(3)]
    at = await expect(site, parts_total=3)
    assert (at.file.state, at.upload.state) == (State.EXPECTED, UploadState.OPEN)
    with pytest.raises(FileNotFound):
        await site.depot.vault.look(site.writer, at.file.id)
    for number, part in enumerate(parts, 1):
        now = await send(site, at, part)
        assert (now.upload.parts_received, now.upload.received) == (number, number * size)
        assert now.complete == (number == 3)
        used, reserved, _ = await site.books()
        assert used + reserved == number * size
    whole = b"".join(parts)
    assert now.file.id == at.file.id
    assert (now.file.state, now.file.size, now.file.version) == (State.KEPT, 3 * size, 1)
    assert now.file.sha256 == hashlib.sha256(whole).digest()
    assert now.file.md5 == hashlib.md5(whole).digest()
    assert await site.get(now.file) == whole
    assert await site.books() == (3 * size, 0, 0)
    await site.audit()


async def test_a_length_is_reserved_at_once(site: Site) -> None:
    """Declared: the room is there until the end, whatever others do (C-24)."""
    await site.set_quota(3 * MIB)
    at = await expect(site, length=2 * MIB)
    assert await site.books() == (0, 2 * MIB, 0)
    with pytest.raises(QuotaExceeded):
        await expect(site, "b", length=MIB + 1)
    with pytest.raises(QuotaExceeded):
        await site.put(large())
    await site.put(noise(MIB))
    await send(site, at, noise(MIB, 1))
    await send(site, at, noise(MIB, 2))
    assert await site.books() == (MIB, 2 * MIB, 0)
    assert (await finish(site, at)).complete
    assert await site.books() == (3 * MIB, 0, 0)
    await site.audit()


async def test_without_a_length_each_part_needs_room(site: Site) -> None:
    """A part that does not fit is refused and changes nothing; the rest can go on (C-24)."""
    await site.set_quota(100)
    at = await expect(site)
    await send(site, at, noise(60))
    for part in (noise(41), large()):
        with pytest.raises(QuotaExceeded):
            await send(site, at, part)
        with pytest.raises(QuotaExceeded):
            await send(site, at, part, length=len(part))
    assert await site.books() == (0, 60, 0)
    await send(site, at, noise(40, 1))
    done = await finish(site, at)
    assert await site.get(done.file) == noise(60) + noise(40, 1)
    assert await site.books() == (100, 0, 0)
    await site.audit()


@pytest.mark.parametrize("order", list(permutations([1, 2, 3])))
async def test_parts_of_a_known_size_come_in_any_order(
    site: Site, order: tuple[int, int, int]
) -> None:
    """With a part size, part n lies at (n - 1) * part_size; the last one may be shorter."""
    size = 300_000
    data = noise(2 * size + 7)
    at = await expect(site, length=len(data), part_size=size)
    for number in order:
        part = data[(number - 1) * size : number * size]
        await send(site, at, part, number=number)
        with pytest.raises(UploadIncomplete if number != order[-1] else UploadComplete):
            await _finish_early(site, at, number == order[-1])
    done = await site.depot.uploads.progress(site.writer, at.upload.id)
    assert done.file.sha256 == hashlib.sha256(data).digest()
    assert await site.get(done.file) == data
    await site.audit()


async def _finish_early(site: Site, at: Progress, last: bool) -> None:
    await finish(site, at)
    if last:
        raise UploadComplete


async def test_parts_of_a_known_size_at_once(site: Site) -> None:
    """Many requests for one upload wait for each other and all are accepted."""
    size = 50_000
    data = noise(8 * size)
    at = await expect(site, length=len(data), part_size=size, parts_total=8)
    await asyncio.gather(
        *[
            send(site, at, data[(n - 1) * size : n * size], number=n)
            for n in (8, 1, 7, 2, 6, 3, 5, 4)
        ]
    )
    done = await site.depot.uploads.progress(site.writer, at.upload.id)
    assert done.complete
    assert await site.get(done.file) == data


async def test_a_part_that_is_too_long_damages_no_other(site: Site) -> None:
    """What is refused has not been written over what was accepted."""
    size = 70_000
    data = noise(3 * size)
    at = await expect(site, length=len(data), part_size=size)
    await send(site, at, data[size : 2 * size], number=2)
    await send(site, at, data[2 * size :], number=3)
    for wrong in (noise(size + 1, 5), noise(2 * size, 6), noise(2 * MIB, 7), noise(size - 1, 8)):
        with pytest.raises(SizeMismatch):
            await send(site, at, wrong, number=1)
    with pytest.raises(ConnectionError):
        await site.depot.uploads.receive_part(
            site.writer, at.upload.id, breaking(noise(size), ConnectionError()), number=1
        )
    await send(site, at, data[:size], number=1)
    done = await finish(site, at)
    assert await site.get(done.file) == data
    await site.audit()


async def test_a_repeated_part_changes_nothing(site: Site) -> None:
    """The same bytes again are the same answer; other bytes are a conflict (AM-10)."""
    at = await expect(site, parts_total=3)
    first = await send(site, at, b"one", number=1)
    again = await send(site, at, b"one", number=1)
    assert (again.upload.parts_received, again.upload.received) == (1, 3)
    assert again.upload.expires_at == first.upload.expires_at
    for other in (b"two", b"on", b"one more", b"", noise(2 * MIB)):
        with pytest.raises(ChunkConflict):
            await send(site, at, other, number=1)
    assert await site.books() == (0, 3, 0)
    await send(site, at, b"two", number=2)
    done = await send(site, at, b"three", number=3)
    assert done.complete
    repeated = await send(site, at, b"two", number=2)
    assert repeated.file == done.file
    with pytest.raises(ChunkConflict):
        await send(site, at, b"TWO", number=2)
    assert await site.get(done.file) == b"onetwothree"


async def test_the_same_part_many_times_at_once(site: Site) -> None:
    """A retry that overtakes its first try counts once (pain 3)."""
    at = await expect(site, parts_total=2)
    await asyncio.gather(*[send(site, at, b"first", number=1) for _ in range(6)])
    results = await asyncio.gather(*[send(site, at, b"last!", number=2) for _ in range(6)])
    assert all(each.complete for each in results)
    assert len({each.file.id for each in results}) == 1
    assert await site.books() == (10, 0, 0)
    assert await site.rows("file") == 1
    await site.audit()


async def test_numbers_are_checked(site: Site) -> None:
    """Gaps, zero, more than announced: refused; the announced number cannot change."""
    at = await expect(site)
    with pytest.raises(ChunkOutOfOrder) as caught:
        await send(site, at, b"x", number=2)
    assert caught.value.details["expected"] == 1
    for bad in (0, -1, 100_001):
        with pytest.raises(BadParameter):
            await send(site, at, b"x", number=bad)
    await send(site, at, b"x", number=1, parts_total=2)
    with pytest.raises(BadParameter):
        await send(site, at, b"x", number=2, parts_total=3)
    with pytest.raises(BadParameter):
        await send(site, at, b"x", number=3)
    sized = await expect(site, length=10, part_size=4)
    for data in (b"", b"x", b"xx"):
        with pytest.raises(BadParameter):
            await send(site, sized, data, number=4)
    assert (await site.depot.uploads.progress(site.writer, sized.upload.id)).upload.received == 0
    assert await site.books() == (0, 1 + 10, 0)


async def test_wishes_that_cannot_come_true(site: Site) -> None:
    """Refused at the start, and nothing is left."""
    for wish, error in (
        ({"part_size": 5}, BadParameter),
        ({"part_size": 0, "length": 5}, BadParameter),
        ({"parts_total": 0}, BadParameter),
        ({"parts_total": 100_001}, BadParameter),
        ({"length": 10, "part_size": 4, "parts_total": 2}, BadParameter),
        ({"length": 10**6, "part_size": 1}, BadParameter),
        ({"length": 2**60}, FileTooLarge),
    ):
        with pytest.raises(error):
            await expect(site, **wish)  # type: ignore[arg-type]
    with pytest.raises(RightMissing):
        await site.depot.uploads.expect(site.seat(Role.READER), Entry(name="a"))
    assert await site.rows("upload") == await site.rows("file") == 0
    assert await site.books() == (0, 0, 0)


async def test_announced_sizes_are_held_against_the_part(site: Site) -> None:
    """What the client says of a part, and of the whole, must be so."""
    at = await expect(site, length=10)
    with pytest.raises(SizeMismatch):
        await send(site, at, b"12345", announced=6)
    with pytest.raises(SizeMismatch):
        await send(site, at, b"12345678901")
    await send(site, at, b"12345", announced=5)
    with pytest.raises(UploadIncomplete) as caught:
        await finish(site, at)
    assert caught.value.details["missing"] == 5
    await send(site, at, b"67890")
    assert (await finish(site, at)).complete


async def test_finish_wants_all_announced_parts(site: Site) -> None:
    """Nothing yet, or fewer parts than announced: incomplete; then the rest may still come."""
    at = await expect(site, parts_total=3)
    with pytest.raises(UploadIncomplete):
        await finish(site, at)
    await send(site, at, b"one")
    with pytest.raises(UploadIncomplete):
        await finish(site, at)
    await send(site, at, b"two")
    await send(site, at, b"three")
    assert (await finish(site, at)).file.size == 11


async def test_an_empty_file(site: Site) -> None:
    """A declared length of zero needs no part."""
    at = await expect(site, length=0)
    done = await finish(site, at)
    assert (done.complete, done.file.size) == (True, 0)
    assert await site.get(done.file) == b""


async def test_finish_is_idempotent(site: Site) -> None:
    """Again, and many at once: the same file, charged once."""
    at = await expect(site)
    await send(site, at, large())
    results = await asyncio.gather(*[finish(site, at) for _ in range(6)])
    assert len({each.file.id for each in results}) == 1
    assert (await finish(site, at)).file == results[0].file
    with pytest.raises(UploadComplete):
        await send(site, at, b"more")
    with pytest.raises(UploadComplete):
        await site.depot.uploads.abort(site.writer, at.upload.id)
    assert await site.books() == (len(large()), 0, 0)
    await site.audit()


@pytest.mark.parametrize("algorithm", ["sha-256", "md5", "sha-512"])
async def test_digests_of_parts_and_of_the_whole(site: Site, algorithm: str) -> None:
    """A wrong digest refuses the part, or the file, and leaves what was accepted (C-43)."""
    name = algorithm.replace("-", "")
    at = await expect(site)
    with pytest.raises(DigestMismatch):
        await send(site, at, b"part", expected={algorithm: b"wrong"})
    assert await site.books() == (0, 0, 0)
    good = hashlib.new(name, b"part").digest()
    await send(site, at, b"part", expected={algorithm: good})
    await send(site, at, large())
    with pytest.raises(DigestMismatch):
        await finish(site, at, expected={algorithm: good})
    whole = hashlib.new(name, b"part" + large()).digest()
    done = await finish(site, at, expected={algorithm: whole})
    assert await site.get(done.file) == b"part" + large()
    await site.audit()


async def test_a_part_that_breaks_can_be_sent_again(site: Site) -> None:
    """A client that goes away in the middle of a part: the part counts for nothing."""
    at = await expect(site, parts_total=2)
    await send(site, at, b"first")
    for size in (10, 3 * MIB):
        with pytest.raises(ConnectionError):
            await site.depot.uploads.receive_part(
                site.writer, at.upload.id, breaking(noise(size), ConnectionError())
            )
    assert await site.books() == (0, 5, 0)
    done = await send(site, at, b"second")
    assert await site.get(done.file) == b"firstsecond"
    await site.audit()


async def test_a_part_that_is_cancelled_can_be_sent_again(site: Site) -> None:
    """Whenever a request is cancelled, the next one is not kept waiting and nothing is lost."""
    at = await expect(site)
    whole = b""
    for number in range(12):
        data = noise(MIB + 100_000, number)
        task = asyncio.create_task(send(site, at, data))
        await asyncio.sleep(0.002 * number)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        now = await site.depot.uploads.progress(site.writer, at.upload.id)
        if now.upload.received == len(whole):
            now = await send(site, at, data)
        whole += data
    assert now.upload.received == len(whole)
    done = await finish(site, at)
    assert await site.get(done.file) == whole
    assert await site.books() == (len(whole), 0, 0)
    await site.audit(tidy=False)
