"""Held files: how many, for how long, and dropped again (DY-21, DY-53, DY-65); bytes received
straight into a field of a record (DY-24, DY-51)."""

import asyncio

import pytest
from tests.parts.sites import MIB, Site, chunks, large, noise

from consigne.core.clock import now_ms
from consigne.core.entry import Entry, Precondition
from consigne.core.records.change import Change, Ref
from consigne.core.records.specs import TypeSpec
from consigne.errors import (
    ConstraintFailed,
    FileNotFound,
    FileTooLarge,
    PreconditionFailed,
    QuotaExceeded,
    RecordLocked,
    RightMissing,
    TooManyUploads,
)
from consigne.model.entities import File, State
from consigne.model.records import Field, FieldKind
from consigne.model.rights import Role

LATER = 2**45


async def held(site: Site, data: bytes = b"held", **more: object) -> File:
    entry = Entry(name="h.txt", hold=True, expires_at=LATER)
    return await site.depot.intake.receive(site.writer, chunks(data), entry, **more)  # type: ignore[arg-type]


async def test_a_new_content_starts_the_time_again(site: Site) -> None:
    """DY-21, DY-53: with ``held_until`` the file expires then; without, when it did."""
    file = await held(site)
    intake = site.depot.intake
    kept_time = await intake.replace(site.writer, file.id, chunks(b"1"))
    assert kept_time.expires_at == LATER
    until = now_ms() + 60_000
    renewed = await intake.replace(site.writer, file.id, chunks(b"2"), held_until=until)
    assert (renewed.expires_at, renewed.state) == (until, State.HELD)


async def test_only_a_held_file_is_there_to_be_prolonged(site: Site) -> None:
    """DY-52: what was kept meanwhile is no temporary file, also where it is kept while the bytes
    arrive."""
    file = await held(site)

    async def slow():  # type: ignore[no-untyped-def]
        yield noise(MIB)
        await site.depot.vault.keep(site.writer, file.id)
        yield b"end"

    intake = site.depot.intake
    for source in (slow(), chunks(b"late")):
        with pytest.raises(FileNotFound):
            await intake.replace(site.writer, file.id, source, held_until=LATER)
    assert await site.get(file) == b"held"
    assert await site.books() == (4, 0, 0)


async def test_how_many(site: Site) -> None:
    """DY-65: many at once do not get past the limit; others' and kept ones do not count."""
    await site.put(b"kept")
    tries = [held(site, b"%d" % n, most_held=3) for n in range(8)]
    found = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(each, File) for each in found) == 3
    assert sum(isinstance(each, TooManyUploads) for each in found) == 5
    assert await site.rows("file") == 4


async def test_discard(site: Site) -> None:
    """DY-58: what was held for nothing goes for good; what is not held, or another's, stays."""
    mine, kept = await held(site, large()), await site.put(b"kept")
    vault = site.depot.vault
    await vault.discard(site.manager, mine.id)
    assert await site.get(mine) == large()
    for _ in range(2):
        await vault.discard(site.writer, mine.id)
    await vault.discard(site.writer, kept.id)
    assert await site.books() == (4, 0, 0)
    assert await site.rows("file") == 1
    with pytest.raises(FileNotFound):
        await vault.look(site.manager, mine.id)


async def test_this_very_file(site: Site) -> None:
    """DY-28: a precondition may name the identity."""
    file = await held(site)
    anything = frozenset({"*"})
    with pytest.raises(PreconditionFailed):
        await site.depot.vault.release(site.writer, file.id, Precondition(anything, file.id + 1))
    await site.depot.vault.release(site.writer, file.id, Precondition(anything, file.id))


async def number_of(site: Site, *fields: Field) -> Ref:
    """Make a type and a record of it."""
    listed = list(fields) or [Field("f", FieldKind.FILE), Field("g", FieldKind.FILE, multiple=True)]
    typed = await site.depot.types.create(site.manager, TypeSpec("PAPER", fields=listed))
    made = await site.depot.records.create(site.writer, typed.type.id, Change())
    return Ref.number(made.record.id)


@pytest.mark.parametrize("size", [10, 2 * MIB])
async def test_received_into_a_field(site: Site, size: int) -> None:
    """DY-24, DY-51: one step makes, keeps and links the file; the one before is released."""
    ref, records = await number_of(site), site.depot.records
    for data in (noise(size), noise(size + 1)):
        entry = Entry(fallback="scan", hold=True)
        full, placed = await records.receive_file(
            site.writer, ref, "F", None, chunks(data), entry, length=len(data)
        )
        assert (placed.file.state, placed.link.field, placed.link.idx) == (State.KEPT, "f", -1)
        assert placed.file.name.startswith("scan")
        assert full.placed("f") == placed
        assert await site.get(placed.file) == data
    assert await site.books() == (size + 1, 0, size)
    for row in (0, 1):
        _, placed = await records.receive_file(
            site.writer, ref, "g", None, chunks(b"x"), Entry(hold=True)
        )
        assert placed.link.idx == row


async def test_what_is_refused_leaves_nothing(site: Site) -> None:
    """DY-24, DY-61: rights, lock, constraints, limit, room: neither row nor bytes nor room."""
    small = Field("f", FieldKind.FILE, max_size=5)
    ref, records = await number_of(site, small), site.depot.records

    async def send(seat, data: bytes, **more: object):  # type: ignore[no-untyped-def]
        entry = Entry(name="a.txt", hold=True)
        return await records.receive_file(seat, ref, "f", None, chunks(data), entry, **more)

    with pytest.raises(RightMissing):
        await send(site.seat(Role.READER), b"x")
    with pytest.raises(ConstraintFailed):
        await send(site.writer, b"too long")
    with pytest.raises(ConstraintFailed):
        await send(site.writer, large())
    with pytest.raises(FileTooLarge):
        await send(site.writer, b"12345", limit=4)
    await site.set_quota(3)
    with pytest.raises(QuotaExceeded):
        await send(site.writer, b"12345")
    await site.set_quota(None)
    await records.lock(site.manager, ref)
    with pytest.raises(RecordLocked):
        await send(site.writer, b"12345")
    assert await site.rows("file") == 0
    assert await site.rows("content") == 0
    assert await site.books() == (0, 0, 0)
