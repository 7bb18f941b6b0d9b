"""Appends at an offset, and joining: what counts, what is left after a failure (C-14, C-23)."""

import asyncio
import hashlib
from collections.abc import AsyncIterator

import pytest
from tests.parts.sites import MIB, Site, chunks, noise

from consigne.catalog import uploads
from consigne.catalog.engine import Tx
from consigne.core.entry import Entry
from consigne.core.resuming import SEGMENT
from consigne.errors import (
    Busy,
    ChunkOutOfOrder,
    DigestMismatch,
    FileTooLarge,
    IncompleteBody,
    UploadIncomplete,
    UploadNotFound,
)


async def _broken(data: bytes) -> AsyncIterator[bytes]:
    async for piece in chunks(data):
        yield piece
    raise IncompleteBody


async def _begin(site: Site, length: int | None, **wishes: object) -> int:
    wish = Entry(name="x.bin", **wishes)  # type: ignore[arg-type]
    return (await site.depot.uploads.expect(site.writer, wish, length=length)).upload.id


async def test_what_came_before_the_cut_counts(site: Site) -> None:
    """Segments and the rest before the error are received; a repetition goes on there (C-23)."""
    data = noise(SEGMENT + 3 * MIB)
    number = await _begin(site, len(data))
    append = site.depot.resuming.append
    with pytest.raises(IncompleteBody):
        await append(site.writer, number, 0, _broken(data[: SEGMENT + MIB]))
    at = (await site.depot.resuming.look(site.writer, number)).upload.received
    assert at == SEGMENT + MIB
    other = await site.again()
    with pytest.raises(ChunkOutOfOrder) as refusal:
        await other.depot.resuming.append(other.writer, number, 0, chunks(data))
    assert refusal.value.details["expected"] == at
    done = await other.depot.resuming.append(other.writer, number, at, chunks(data[at:]))
    assert done.complete
    assert done.file.sha256 == hashlib.sha256(data).digest()
    assert await site.get(done.file) == data
    await other.depot.close()
    await site.audit()


async def test_a_digest_makes_a_body_whole_or_nothing(site: Site) -> None:
    """Neither other bytes nor a cut body count where a digest was announced."""
    data = noise(2 * MIB)
    number = await _begin(site, len(data))
    append = site.depot.resuming.append
    right = {"md5": hashlib.md5(data).digest()}
    with pytest.raises(DigestMismatch):
        await append(
            site.writer, number, 0, chunks(data[::-1]), algorithms=["md5"], wanted=lambda: right
        )
    with pytest.raises(IncompleteBody):
        await append(
            site.writer, number, 0, _broken(data[:MIB]), algorithms=["md5"], wanted=lambda: right
        )
    assert (await site.depot.resuming.look(site.writer, number)).upload.received == 0
    done = await append(
        site.writer, number, 0, chunks(data), algorithms=["md5"], wanted=lambda: right
    )
    assert await site.get(done.file) == data
    await site.audit()


async def test_the_next_writer_takes_over(site: Site) -> None:
    """A writer whose client is lost counts what it has and gives way (C-14)."""
    number = await _begin(site, 10)
    waiting = asyncio.Event()

    async def stalled() -> AsyncIterator[bytes]:
        yield b"abc"
        waiting.set()
        await asyncio.sleep(3600)

    lost = asyncio.create_task(site.depot.resuming.append(site.writer, number, 0, stalled()))
    await waiting.wait()
    assert (await site.depot.resuming.look(site.writer, number)).upload.received == 3
    with pytest.raises(Busy):
        await lost
    done = await site.depot.resuming.append(site.writer, number, 3, chunks(b"defghij"))
    assert await site.get(done.file) == b"abcdefghij"
    await site.audit()


@pytest.mark.parametrize("verb", ["look", "append", "end"])
async def test_the_next_writer_takes_over_from_another_process(site: Site, verb: str) -> None:
    """Issue 6: it gives way over the catalog, too; its bytes count before the next ones come."""
    number = await _begin(site, 10)
    other = await site.again()
    waiting, over = asyncio.Event(), asyncio.Event()

    async def stalled() -> AsyncIterator[bytes]:
        try:
            yield b"abc"
            waiting.set()
            await asyncio.sleep(3600)
        finally:
            over.set()

    async def next_one() -> AsyncIterator[bytes]:
        assert over.is_set()
        yield b"defghij"

    lost = asyncio.create_task(site.depot.resuming.append(site.writer, number, 0, stalled()))
    await waiting.wait()
    resuming = other.depot.resuming
    if verb == "look":
        assert (await resuming.look(other.writer, number)).upload.received == 3
    elif verb == "end":
        await resuming.end(other.writer, number)
    else:
        done = await resuming.append(other.writer, number, 3, next_one())
        assert await site.get(done.file) == b"abcdefghij"
    with pytest.raises(Busy):
        await lost
    assert await site.depot.catalog.look(uploads.asked) == []
    await other.depot.close()
    await site.audit()


async def test_who_has_lost_the_lease_writes_no_more(site: Site) -> None:
    """C-14: a holder that somebody else has taken for dead is stopped, whatever it waits for."""
    number = await _begin(site, 10)
    waiting = asyncio.Event()

    async def stalled() -> AsyncIterator[bytes]:
        yield b"abc"
        waiting.set()
        await asyncio.sleep(3600)

    lost = asyncio.create_task(site.depot.resuming.append(site.writer, number, 0, stalled()))
    await waiting.wait()

    def seize(tx: Tx) -> None:
        row = uploads.by_id(tx, number)
        assert row is not None
        uploads.change(tx, row, holder="another", lease_until=0)

    await site.depot.catalog.write(seize)
    with pytest.raises(Busy):
        await lost
    done = await site.depot.resuming.append(site.writer, number, 0, chunks(b"0123456789"))
    assert await site.get(done.file) == b"0123456789"
    await site.audit()


async def test_a_length_that_comes_late(site: Site) -> None:
    """Without a length room is reserved as bytes come; with it, at once (C-24)."""
    number = await _begin(site, None)
    append = site.depot.resuming.append
    grown = await append(site.writer, number, 0, chunks(noise(3 * MIB)))
    assert grown.upload.reserved == 3 * MIB
    with pytest.raises(FileTooLarge):
        await append(site.writer, number, 3 * MIB, chunks(b"abc"), total=3 * MIB + 2)
    told = await site.depot.resuming.look(site.writer, number)
    assert (told.upload.length, told.upload.reserved) == (3 * MIB + 2, 3 * MIB + 2)
    done = await append(site.writer, number, 3 * MIB, chunks(b"ab"))
    assert done.file.size == 3 * MIB + 2
    await site.audit()


async def test_a_crash_before_completion(site: Site) -> None:
    """All bytes counted and no file yet: whoever asks where it stands gets it completed (C-23)."""
    number = await _begin(site, 3)
    counted = await site.depot.uploads.receive_part(site.writer, number, chunks(b"abc"))
    assert not counted.complete
    done = await site.depot.resuming.look(site.writer, number)
    assert done.complete
    assert await site.get(done.file) == b"abc"
    await site.audit()


async def test_sessions_with_places_are_not_ours(site: Site) -> None:
    """Where parts of one size lie at places of their own, there is no offset to append at."""
    made = await site.depot.uploads.expect(site.writer, Entry(name="x"), length=10, part_size=5)
    with pytest.raises(UploadNotFound):
        await site.depot.resuming.append(site.writer, made.upload.id, 0, chunks(b"abcde"))


async def test_joining(site: Site) -> None:
    """Pieces become one file in the order told; their sessions, rows and stages go."""
    pieces = [noise(n, n) for n in (2 * MIB, 7, 3 * MIB)]
    numbers = []
    for data in pieces:
        number = await _begin(site, len(data), is_partial=True)
        sent = await site.depot.resuming.append(site.writer, number, 0, chunks(data))
        numbers.append(sent.file.id)
    done = await site.depot.joining.join(site.writer, Entry(name="all.bin"), numbers)
    assert done.complete
    assert await site.get(done.file) == b"".join(pieces)
    assert done.file.sha256 == hashlib.sha256(b"".join(pieces)).digest()
    again = await site.depot.joining.join(site.writer, Entry(name="all.bin"), numbers)
    assert again.file.id == done.file.id
    assert await site.depot.uploads.page(site.writer) == []
    await site.audit()


async def test_joining_what_is_not_ready(site: Site) -> None:
    """An unfinished piece refuses the join and all pieces stay as they were."""
    ready, started = [await _begin(site, 3, is_partial=True) for _ in range(2)]
    first = await site.depot.resuming.append(site.writer, ready, 0, chunks(b"abc"))
    other = await site.depot.resuming.append(site.writer, started, 0, chunks(b""))
    files = [other.file.id, first.file.id]
    with pytest.raises(UploadIncomplete):
        await site.depot.joining.join(site.writer, Entry(name="x"), files)
    await site.depot.resuming.append(site.writer, started, 0, chunks(b"def"))
    done = await site.depot.joining.join(site.writer, Entry(name="x"), files)
    assert await site.get(done.file) == b"defabc"
    await site.audit()
