"""Receiving whole bodies: kept or held, shared in a space, charged exactly, or nothing at all."""

import asyncio
import hashlib

import pytest
from tests.parts.sites import MIB, Site, breaking, chunks, fresh, large, noise

from consigne.core.entry import Entry, Once
from consigne.core.quota import INLINE
from consigne.errors import (
    BadName,
    BadParameter,
    DigestMismatch,
    FileNotFound,
    FileTooLarge,
    FolderUnknown,
    IdempotencyConflict,
    QuotaExceeded,
    RightMissing,
)
from consigne.model.entities import Access, State
from consigne.model.rights import Role

SIZES = [0, 1, 4096, 4097, INLINE, INLINE + 1, 3 * MIB + 5]


@pytest.mark.parametrize("size", SIZES)
async def test_a_file_is_kept_with_its_digests(site: Site, size: int) -> None:
    """Every size comes back as it went in, charged its size and no more (C-24)."""
    data = noise(size)
    file = await site.put(data, "photo.bin")
    assert (file.state, file.size, file.version) == (State.KEPT, size, 1)
    assert file.sha256 == hashlib.sha256(data).digest()
    assert file.md5 == hashlib.md5(data).digest()
    assert file.etag == f'"{hashlib.sha256(data).hexdigest()}"'
    assert await site.get(file) == data
    assert await site.books() == (size, 0, 0)
    assert await site.rows("upload") == 0
    await site.audit()


async def test_a_held_file_is_charged_and_ends_at_its_time(site: Site) -> None:
    """``hold`` leaves a file temporary, without a reason to be kept (C-10, C-14, C-24)."""
    file = await site.put(b"held", hold=True, expires_at=2**50)
    assert (file.state, file.reasons, file.expires_at) == (State.HELD, 0, 2**50)
    assert await site.books() == (4, 0, 0)
    over = await site.put(b"gone", hold=True, expires_at=1)
    with pytest.raises(FileNotFound):
        await site.depot.vault.look(site.writer, over.id)
    with pytest.raises(FileNotFound):
        await site.depot.vault.keep(site.writer, over.id)
    kept = await site.depot.vault.keep(site.writer, file.id)
    assert (kept.state, kept.expires_at) == (State.KEPT, None)
    assert await site.depot.vault.keep(site.writer, file.id) == kept


@pytest.mark.parametrize("size", [100, 2 * MIB])
async def test_same_bytes_are_stored_once_in_a_space_and_never_across(
    site: Site, size: int
) -> None:
    """Deduplication is per space; quota ignores it (C-20, C-24, design.md "Bytes")."""
    data = fresh(size)
    first, second = await site.put(data, "a"), await site.put(data, "b")
    assert first.id != second.id
    assert first.content_id == second.content_id
    assert await site.books() == (2 * size, 0, 0)
    elsewhere = await site.other_space()
    third = await site.put(data, "c", elsewhere)
    assert third.content_id != first.content_id
    assert await site.rows("content") == 2
    await site.audit()


async def test_same_bytes_at_once_make_one_content(site: Site) -> None:
    """One wins, the others share; nothing is left over (C-20)."""
    data = fresh(MIB + 1)
    files = await asyncio.gather(*[site.put(data, str(n)) for n in range(12)])
    assert len({file.id for file in files}) == 12
    assert len({file.content_id for file in files}) == 1
    assert await site.books() == (12 * len(data), 0, 0)
    await site.audit()


async def test_a_name_is_cleaned_and_a_missing_one_made_up(site: Site) -> None:
    """One name rule (C-31); a made-up name gets the extension of the detected type."""
    assert (await site.put(b"x", "../../etc/passwd")).name == "passwd"
    assert (await site.put(b"x", "C:\\temp\\CON")).name == "CON"
    assert (await site.put(b"x", "a\u202eb\x00c\n.txt")).name == "abc.txt"
    long = (await site.put(b"x", "漢" * 300 + ".pdf")).name
    assert long.endswith(".pdf")
    assert len(long) <= 256
    assert len(long.encode()) <= 1024
    assert (await site.put(b"\x89PNG\r\n\x1a\n" + bytes(60), "")).name.startswith("file")
    with pytest.raises(BadName):
        await site.put(b"x", "\u202e\x00")


REFUSED = [
    (Entry(name="a", fields={"k" * 65: "v"}), BadParameter),
    (Entry(name="a", fields={"userId": "v"}), BadParameter),
    (Entry(name="a", fields={"k": "v" * 1025}), BadParameter),
    (Entry(name="a", fields={str(n): "v" for n in range(65)}), BadParameter),
    (Entry(name="a", tags=[""]), BadParameter),
    (Entry(name="a", tags=["t" * 65]), BadParameter),
    (Entry(name="a", reference="nul\0"), BadParameter),
    (Entry(name="a", client_hash="nul\0"), BadParameter),
    (Entry(name="a", folder_id=404), FolderUnknown),
]


@pytest.mark.parametrize(("entry", "error"), REFUSED)
async def test_a_refused_entry_leaves_nothing(
    site: Site, entry: Entry, error: type[Exception]
) -> None:
    """No row, no bytes, no reservation, whatever is wrong with the wish."""
    for data in (b"small", large()):
        with pytest.raises(error):
            await site.depot.intake.receive(site.writer, chunks(data), entry, length=len(data))
    assert await site.books() == (0, 0, 0)
    assert await site.rows("file") == await site.rows("upload") == 0
    await site.audit()


@pytest.mark.parametrize("size", [0, 10, 2 * MIB])
@pytest.mark.parametrize("algorithm", ["sha-256", "md5", "sha-512", "crc32"])
async def test_a_wrong_digest_leaves_nothing(site: Site, size: int, algorithm: str) -> None:
    """A mismatch stores nothing (design.md "Digests end to end")."""
    with pytest.raises(DigestMismatch) as caught:
        await site.depot.intake.receive(
            site.writer,
            chunks(noise(size)),
            Entry(name="a"),
            length=size,
            expected={algorithm: b"wrong"},
        )
    assert caught.value.details["algorithm"] == algorithm
    assert await site.books() == (0, 0, 0)
    assert await site.rows("content") == await site.rows("upload") == 0
    await site.audit()


async def test_right_digests_are_accepted(site: Site) -> None:
    """Several digests at once are all checked."""
    data = noise(2 * MIB)
    expected = {
        "sha-256": hashlib.sha256(data).digest(),
        "md5": hashlib.md5(data).digest(),
        "sha-512": hashlib.sha512(data).digest(),
    }
    file = await site.depot.intake.receive(
        site.writer, chunks(data), Entry(name="a"), expected=expected
    )
    assert await site.get(file) == data


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize("size", [500, 1000, 1001, INLINE + 5])
async def test_quota_is_exact_to_the_byte(site: Site, size: int, declared: bool) -> None:
    """``used`` may reach the quota and never pass it, with or without a length (C-24)."""
    await site.set_quota(size + 500)
    await site.put(noise(500, 9))
    length = {"length": size} if declared else {}
    await site.depot.intake.receive(site.writer, chunks(noise(size)), Entry(name="fits"), **length)
    assert await site.books() == (size + 500, 0, 0)
    with pytest.raises(QuotaExceeded) as caught:
        await site.put(b"1")
    assert caught.value.details["quota"] == size + 500
    assert caught.value.details["needed"] == 1
    await site.put(b"")
    await site.audit()


@pytest.mark.parametrize("size", [1001, 3 * MIB])
@pytest.mark.parametrize("declared", [True, False])
async def test_what_does_not_fit_is_refused_and_leaves_nothing(
    site: Site, size: int, declared: bool
) -> None:
    """A declared length is refused before the first byte, an undeclared one when it grows over."""
    await site.set_quota(1000 if size < MIB else 2 * MIB)
    taken = 0

    async def source():  # type: ignore[no-untyped-def]
        nonlocal taken
        async for chunk in chunks(noise(size)):
            taken += len(chunk)
            yield chunk

    length = {"length": size} if declared else {}
    with pytest.raises(QuotaExceeded):
        await site.depot.intake.receive(site.writer, source(), Entry(name="a"), **length)
    assert taken == 0 if declared else taken <= size
    assert await site.books() == (0, 0, 0)
    assert await site.rows("upload") == await site.rows("file") == 0
    await site.audit()


async def test_an_endless_body_is_stopped_at_the_quota(site: Site) -> None:
    """A body of unknown length gets room in steps and is cut off when there is no more (C-24)."""
    await site.set_quota(10 * MIB)
    taken = 0

    async def endless():  # type: ignore[no-untyped-def]
        nonlocal taken
        while True:
            taken += MIB
            yield bytes(MIB)

    with pytest.raises(QuotaExceeded):
        await site.depot.intake.receive(site.writer, endless(), Entry(name="a"))
    assert taken <= 16 * MIB
    assert await site.books() == (0, 0, 0)
    await site.audit()


async def test_a_limit_of_the_dialect_counts(site: Site) -> None:
    """``limit`` and the setting bound a file, declared or not."""
    for more in ({"length": 1001}, {}):
        with pytest.raises(FileTooLarge) as caught:
            await site.depot.intake.receive(
                site.writer, chunks(noise(1001)), Entry(name="a"), limit=1000, **more
            )
        assert caught.value.details["limit"] == 1000
    file = await site.depot.intake.receive(
        site.writer, chunks(noise(1000)), Entry(name="a"), limit=1000
    )
    assert file.size == 1000
    await site.audit()


async def test_while_a_body_arrives_its_room_is_reserved(site: Site) -> None:
    """Reservations count from the request on: room is not promised twice (C-24)."""
    await site.set_quota(10 * MIB)
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def slow():  # type: ignore[no-untyped-def]
        yield noise(MIB)
        arrived.set()
        await go_on.wait()
        async for chunk in chunks(noise(5 * MIB, 2)):
            yield chunk

    first = asyncio.create_task(
        site.depot.intake.receive(site.writer, slow(), Entry(name="slow"), length=6 * MIB)
    )
    await arrived.wait()
    assert await site.books() == (0, 6 * MIB, 0)
    with pytest.raises(QuotaExceeded):
        await site.depot.intake.receive(
            site.writer, chunks(large(3)), Entry(name="b"), length=5 * MIB
        )
    await site.put(noise(4 * MIB, 5))
    go_on.set()
    assert (await first).size == 6 * MIB
    assert await site.books() == (10 * MIB, 0, 0)
    await site.audit()


@pytest.mark.parametrize("size", [10, 3 * MIB])
async def test_a_source_that_breaks_leaves_nothing(site: Site, size: int) -> None:
    """A client that goes away half-way: no row, no bytes, no reservation."""
    with pytest.raises(ConnectionError):
        await site.depot.intake.receive(
            site.writer, breaking(noise(size), ConnectionError()), Entry(name="a"), length=size + 1
        )
    assert await site.books() == (0, 0, 0)
    assert await site.rows("upload") == await site.rows("file") == 0
    await site.audit()


async def test_a_request_that_is_cancelled_leaves_no_reservation(site: Site) -> None:
    """However early or late the cancellation comes, the counters stay exact (C-24)."""
    data = large(7, 3 * MIB)
    for delay in range(25):
        task = asyncio.create_task(
            site.depot.intake.receive(
                site.writer, chunks(data), Entry(name=str(delay)), length=len(data)
            )
        )
        await asyncio.sleep(0.001 * delay)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await asyncio.sleep(0.3)  # what was under way when the last request was cancelled
    await site.run(lambda tx: None)
    assert (await site.books())[1] == 0
    assert await site.rows("upload") == 0
    await site.audit(tidy=False)


async def test_only_who_may_write_uploads(site: Site) -> None:
    """The source is not even read for a reader (C-02)."""
    with pytest.raises(RightMissing):
        await site.put(b"x", seat=site.seat(Role.READER))
    assert await site.rows("file") == 0


ONCE = Once(key="order-7", route="POST /files")


async def receive_once(site: Site, data: bytes, once: Once = ONCE, name: str = "a") -> int:
    file = await site.depot.intake.receive(
        site.writer, chunks(data), Entry(name=name), idempotency=once
    )
    return file.id


@pytest.mark.parametrize("size", [10, 2 * MIB])
async def test_a_repeated_request_gets_the_first_answer(site: Site, size: int) -> None:
    """Same key, same body: the same file, charged once (C-15: for 30 days)."""
    data = noise(size)
    first = await receive_once(site, data)
    assert await receive_once(site, data) == first
    assert await site.books() == (size, 0, 0)
    assert await site.rows("file") == 1
    await site.audit()


async def test_a_key_with_another_body_is_a_conflict(site: Site) -> None:
    """Same key, other body: refused, nothing stored; other route or person: another key."""
    first = await receive_once(site, b"one")
    with pytest.raises(IdempotencyConflict):
        await receive_once(site, b"two")
    assert await site.books() == (3, 0, 0)
    assert await receive_once(site, b"two", Once(key="order-7", route="POST /other")) != first
    other = await site.depot.intake.receive(
        site.manager, chunks(b"two"), Entry(name="a"), idempotency=ONCE
    )
    assert other.id != first
    await site.audit()


@pytest.mark.parametrize("size", [10, 2 * MIB])
async def test_simultaneous_repeats_make_one_file(site: Site, size: int) -> None:
    """Ten requests with one key at once: one file, ten equal answers."""
    data = noise(size)
    numbers = await asyncio.gather(*[receive_once(site, data) for _ in range(10)])
    assert len(set(numbers)) == 1
    assert await site.books() == (size, 0, 0)
    await site.audit()


async def test_a_key_whose_request_failed_is_free(site: Site) -> None:
    """A request that was refused has claimed nothing."""
    await site.set_quota(5)
    with pytest.raises(QuotaExceeded):
        await receive_once(site, b"123456")
    await site.set_quota(None)
    await receive_once(site, b"another body")
    assert await site.rows("once") == 1


async def test_visibility_is_what_the_entry_says(site: Site) -> None:
    """``private`` or ``space``, set by the entry (C-03)."""
    assert (await site.put(b"1")).access is Access.SPACE
    assert (await site.put(b"2", access=Access.PRIVATE)).access is Access.PRIVATE


async def test_many_at_once_never_pass_the_quota(site: Site) -> None:
    """Fifty at once for the room of twenty: exactly twenty are in (C-24)."""
    await site.set_quota(20 * 100)

    async def one(number: int) -> bool:
        try:
            await site.put(noise(100, number), str(number))
        except QuotaExceeded:
            return False
        return True

    done = await asyncio.gather(*map(one, range(50)))
    assert sum(done) == 20
    assert await site.books() == (2000, 0, 0)
    await site.audit()
