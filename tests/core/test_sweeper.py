"""The sweeper: removes what is due, each kind of it, and never what somebody refers to (C-20)."""

import asyncio
import secrets
from typing import Any

import msgspec
import pytest
from sqlalchemy import select, update
from tests.parts.sites import MIB, Site, chunks, fresh, large, noise

from consigne.catalog import contents, schema
from consigne.core.clock import now_ms
from consigne.core.entry import Entry, Once
from consigne.core.quota import Reservation
from consigne.core.records.change import Change, Ref, Slot
from consigne.core.records.specs import TypeSpec
from consigne.errors import ConsigneError, FileNotFound, UploadExpired
from consigne.jobs.rounds import Rounds
from consigne.jobs.sweeper import Sweeper, Swept
from consigne.model.entities import State
from consigne.model.records import Field, FieldKind

# Everything that is idle goes at once, as if its guard had passed.
NOW: dict[str, Any] = {"purge_guard": -1, "lease": -1}


async def age(site: Site, table: str, column: str, to: int = 1) -> None:
    """Make a time of all rows long ago."""
    found = schema.metadata.tables[table]
    older = update(found).where(found.c[column].is_not(None)).values({column: to})
    await site.run(lambda tx: tx.run(older))


async def test_nothing_due_nothing_done(site: Site) -> None:
    """A fresh space full of everything is left alone."""
    file = await site.put(b"one")
    await site.depot.intake.replace(site.writer, file.id, chunks(b"two"))
    gone = await site.put(large())
    await site.depot.vault.release(site.writer, gone.id)
    await site.put(b"held", hold=True, expires_at=2**50)
    at = await site.depot.uploads.expect(site.writer, Entry(name="a"), length=5)
    await site.depot.uploads.receive_part(site.writer, at.upload.id, chunks(b"part"))
    before = await site.books()
    assert not await site.sweep()
    assert not await site.sweep(purge_guard=0)
    assert await site.books() == before
    await site.audit()


async def test_expired_uploads(site: Site) -> None:
    """Session, parts, stage, reservation and the expected file go; the end is remembered."""
    at = await site.depot.uploads.expect(site.writer, Entry(name="a"), length=2 * MIB)
    await site.depot.uploads.receive_part(site.writer, at.upload.id, chunks(noise(MIB)))
    done = await site.depot.uploads.expect(site.writer, Entry(name="b"))
    await site.depot.uploads.receive_part(site.writer, done.upload.id, chunks(b"x"))
    await site.depot.uploads.finish(site.writer, done.upload.id)
    await age(site, "upload", "expires_at")
    assert (await site.sweep()).uploads == 2
    assert await site.rows("upload") == await site.rows("part") == 0
    assert await site.rows("file") == 1
    assert await site.books() == (1, 0, 0)
    with pytest.raises(UploadExpired):
        await site.depot.uploads.of_file(site.writer, at.file.id)
    assert await site.get(done.file) == b"x"
    await site.audit()


async def test_an_upload_that_is_being_written_is_not_ended(site: Site) -> None:
    """Whoever holds its lease may finish, however late."""
    at = await site.depot.uploads.expect(site.writer, Entry(name="a"), length=4)
    gate = asyncio.Event()

    async def slow():  # type: ignore[no-untyped-def]
        yield b"12"
        await gate.wait()
        yield b"34"

    part = asyncio.create_task(site.depot.uploads.receive_part(site.writer, at.upload.id, slow()))
    await asyncio.sleep(0.1)
    await age(site, "upload", "expires_at")
    assert (await site.sweep()).uploads == 0
    gate.set()
    await part
    assert (await site.depot.uploads.finish(site.writer, at.upload.id)).complete


async def test_a_reservation_of_a_dead_process(site: Site) -> None:
    """Room that nobody renews is given back (C-24)."""
    room = Reservation(site.depot.catalog, site.writer, 2**40, 0.01)
    await room.announce(5 * MIB)
    assert room._renewal is not None
    room._renewal.cancel()
    assert await site.books() == (0, 5 * MIB, 0)
    await asyncio.sleep(0.05)
    assert (await site.sweep()).uploads == 1
    assert await site.books() == (0, 0, 0)


async def test_a_body_whose_reservation_was_taken_back(site: Site) -> None:
    """It is charged all the same when it is kept, or refused: never wrong (C-24)."""

    async def source():  # type: ignore[no-untyped-def]
        yield noise(MIB, 1)
        await age(site, "upload", "expires_at")
        await age(site, "upload", "lease_until")
        await site.sweep()
        yield noise(MIB, 2)

    file = await site.depot.intake.receive(site.writer, source(), Entry(name="a"), length=2 * MIB)
    assert file.size == 2 * MIB
    assert await site.books() == (2 * MIB, 0, 0)
    with pytest.raises(ConsigneError):
        await site.depot.intake.receive(site.writer, _endless(site), Entry(name="b"))
    assert await site.books() == (2 * MIB, 0, 0)
    await site.audit()


async def _endless(site: Site):  # type: ignore[no-untyped-def]
    for number in range(40):
        yield noise(MIB, number)
        if number == 2:
            await age(site, "upload", "expires_at")
            await age(site, "upload", "lease_until")
            await site.sweep()


async def test_held_files_expire_into_the_trash(site: Site) -> None:
    """Nobody claimed them: released, uncharged, purged after the grace (C-14, C-16)."""
    file = await site.put(b"held", hold=True, expires_at=1)
    kept = await site.put(b"kept")
    assert (await site.sweep()).expired == 1
    gone = await site.depot.vault.look_anywhere(site.writer, file.id)
    assert (gone.state, gone.expires_at) == (State.RELEASED, None)
    assert await site.books() == (4, 0, 4)
    assert (await site.sweep(grace=-1)).purged == 1
    with pytest.raises(FileNotFound):
        await site.depot.vault.look_anywhere(site.writer, file.id)
    await site.depot.vault.look(site.writer, kept.id)
    assert await site.books() == (4, 0, 0)
    await site.audit()


async def test_released_files_are_purged_after_their_grace(site: Site) -> None:
    """With all their versions; the bytes follow."""
    file = await site.put(b"one")
    await site.depot.intake.replace(site.writer, file.id, chunks(b"two22"))
    await site.depot.vault.release(site.writer, file.id)
    assert not await site.sweep(**NOW)
    swept = await site.sweep(grace=-1, **NOW)
    assert (swept.purged, swept.contents) == (1, 2)
    assert await site.books() == (0, 0, 0)
    for table in ("file", "version", "content", "file_field", "file_tag"):
        assert await site.rows(table) == 0
    assert await site.rows("tombstone") == 1
    await site.audit()


async def test_old_versions_go_by_age(site: Site) -> None:
    """Unpinned ones; the present version never."""
    file = await site.put(b"one", hold=True, expires_at=2**50)
    records = site.depot.records
    spec = TypeSpec("PAPER", fields=[Field("scan", FieldKind.FILE)])
    kind = (await site.depot.types.create(site.manager, spec)).type.id
    made = await records.create(site.writer, kind, Change(files={"scan": Slot(file.id)}))
    ref = Ref.number(made.record.id)
    await records.freeze(site.writer, ref)
    for data in (b"two", b"three"):
        await records.replace_file(site.writer, ref, "scan", -1, chunks(data))
    assert (await site.sweep(undo_age=-1)).versions == 1
    _, versions = await site.depot.vault.versions(site.writer, file.id)
    assert [version.number for version in versions] == [1]
    assert await site.books() == (5 + 3, 0, 0)
    assert await site.get(file) == b"three"
    await site.audit()
    await records.delete(site.manager, ref)
    await site.depot.vault.purge(site.manager, file.id)
    assert await site.books() == (0, 0, 0)


async def test_undo_gives_way_to_what_is_kept(site: Site) -> None:
    """When space is needed the oldest undo goes first, and no further than needed (C-16, C-24)."""
    await site.set_quota(1000)
    file = await site.put(noise(200, 0))
    for number in (1, 2):
        await site.depot.intake.replace(site.writer, file.id, chunks(noise(200, number)))
    trash = []
    for number in (3, 4):
        each = await site.put(noise(200, number), f"t{number}")
        await site.depot.vault.release(site.writer, each.id)
        trash.append(each)
        await asyncio.sleep(0.002)
    assert await site.books() == (200, 0, 800)
    assert not await site.sweep()
    await site.put(noise(350, 9))
    assert await site.books() == (550, 0, 800)
    await site.sweep()
    assert await site.books() == (550, 0, 400)
    _, versions = await site.depot.vault.versions(site.writer, file.id)
    assert versions == []
    await site.put(noise(300, 10))
    await site.sweep()
    assert await site.books() == (850, 0, 0)
    await site.audit()


async def test_undo_has_a_ceiling_of_its_own(site: Site) -> None:
    """A setting bounds trash and undo, quota or not (C-24)."""
    for number in range(5):
        each = await site.put(noise(100, number), str(number))
        await site.depot.vault.release(site.writer, each.id)
        await asyncio.sleep(0.002)
    await site.sweep(undo_max_size=250)
    assert await site.books() == (0, 0, 200)
    left = await site.run(lambda tx: [row[0] for row in tx.all(select(schema.file.c.name))])
    assert sorted(left) == ["3", "4"]


async def test_a_full_trash_never_makes_a_write_fail(site: Site) -> None:
    """Undo is not charged: the whole quota is there for what is kept (C-24)."""
    await site.set_quota(1000)
    for number in range(5):
        file = await site.put(noise(1000, number))
        await site.depot.vault.release(site.writer, file.id)
    assert await site.books() == (0, 0, 5000)
    await site.put(noise(1000, 9))
    await site.sweep()
    assert await site.books() == (1000, 0, 0)


async def test_idle_contents_wait_for_their_guard(site: Site) -> None:
    """Readers in flight finish; after the guard the bytes go (C-20)."""
    file = await site.put(large())
    reading = await site.depot.reader.open(site.writer, file.id)
    await site.depot.vault.release(site.writer, file.id)
    await site.depot.vault.purge(site.manager, file.id)
    assert (await site.sweep(purge_guard=60)).contents == 0
    assert b"".join([piece async for piece in reading.stream(0, reading.size)]) == large()
    assert (await site.sweep(**NOW)).contents == 1
    assert await site.rows("content") == 0
    await site.audit()


async def test_a_dedup_hit_saves_an_idle_content(site: Site) -> None:
    """Bytes that come again before they are swept are simply shared again (C-20)."""
    data = large()
    file = await site.put(data)
    await site.depot.vault.release(site.writer, file.id)
    await site.depot.vault.purge(site.manager, file.id)
    again = await site.put(data)
    assert again.content_id == file.content_id
    assert (await site.sweep(**NOW)).contents == 0
    assert await site.get(again) == data
    await site.audit()


async def test_a_content_that_was_doomed_by_a_process_that_died(site: Site) -> None:
    """Its removal is taken up again; the same bytes are stored anew meanwhile (C-20)."""
    data = large()
    file = await site.put(data)
    await site.depot.vault.release(site.writer, file.id)
    await site.depot.vault.purge(site.manager, file.id)
    assert file.content_id
    doomed = file.content_id
    assert await site.run(lambda tx: contents.doom(tx, doomed, now_ms() + 1))
    again = await site.put(data)
    assert again.content_id != doomed
    assert (await site.sweep(**NOW)).contents == 1
    assert await site.get(again) == data
    assert await site.rows("content") == 1
    await site.audit()


async def test_uploads_of_bytes_that_are_being_swept(site: Site) -> None:
    """Deposits of the same bytes against a sweeper without a guard: all files whole (C-20)."""
    data = fresh(5000)
    sweeper = Sweeper(
        site.depot.catalog,
        site.depot.bucket,
        msgspec.structs.replace(site.settings, purge_guard=-1, grace=-1),
    )
    stop = False

    async def sweep() -> None:
        while not stop:
            await sweeper._remove_contents()
            await asyncio.sleep(0)

    async def come_and_go(number: int) -> None:
        for _ in range(15):
            file = await site.put(data, str(number))
            assert await site.get(file) == data
            await site.depot.vault.release(site.writer, file.id)
            await site.depot.vault.purge(site.manager, file.id)

    sweeping = asyncio.create_task(sweep())
    await asyncio.gather(*map(come_and_go, range(4)))
    stop = True
    await sweeping
    await site.audit()


async def test_stages_that_no_upload_knows(site: Site) -> None:
    """What a crash left in the staging place goes; what an upload needs stays."""
    bucket = site.depot.bucket
    stray = secrets.token_hex(16)
    await bucket.append(stray, 0, chunks(b"left behind"))
    at = await site.depot.uploads.expect(site.writer, Entry(name="a"))
    await site.depot.uploads.receive_part(site.writer, at.upload.id, chunks(b"part"))
    assert (await site.sweep()).stages == 0
    assert (await site.sweep(**NOW)).stages == 1
    assert [stage.key async for stage in bucket.stages()] == [at.upload.stage]
    done = await site.depot.uploads.finish(site.writer, at.upload.id)
    assert await site.get(done.file) == b"part"
    await site.audit()


async def test_what_is_remembered_is_forgotten(site: Site) -> None:
    """Tombstones, idempotency keys, revoked tokens: to their time and no longer (C-15)."""
    once = Once(key="k", route="r")
    file = await site.depot.intake.receive(
        site.writer, chunks(b"x"), Entry(name="a"), idempotency=once
    )
    await site.depot.vault.release(site.writer, file.id)
    await site.depot.vault.purge(site.manager, file.id)
    token = await site.depot.accounts.tokens.issue(site.people[next(iter(site.people))], 60)
    await site.depot.accounts.tokens.revoke(token)
    await site.sweep()
    tables = ("tombstone", "once", "revoked_token")
    assert [await site.rows(table) for table in tables] == [1, 1, 1]
    await age(site, "tombstone", "keep_until")
    await age(site, "once", "expires_at")
    await age(site, "revoked_token", "expires_at")
    await site.sweep()
    assert [await site.rows(table) for table in tables] == [0, 0, 0]


async def test_more_than_a_batch(site: Site) -> None:
    """However much is due, one run removes it."""
    for number in range(120):
        await site.put(b"same", str(number), hold=True, expires_at=1)
    swept = await site.sweep(grace=-1, **NOW)
    assert (swept.expired, swept.purged, swept.contents) == (120, 120, 1)
    assert await site.books() == (0, 0, 0)
    await site.audit()


async def test_sweepers_at_once_do_no_harm(site: Site) -> None:
    """Several runs of several processes beside each other: everything goes once."""
    other = await site.again()
    for number in range(30):
        file = await site.put(noise(100, number), str(number))
        await site.depot.intake.replace(site.writer, file.id, chunks(noise(100, number + 100)))
        if number % 2:
            await site.depot.vault.release(site.writer, file.id)
    await site.set_quota(1)
    await asyncio.gather(
        *[one.sweep(grace=-1, undo_age=-1, **NOW) for one in (site, other) for _ in range(3)]
    )
    assert await site.books() == (1500, 0, 0)
    assert await site.rows("file") == 15
    assert await site.rows("version") == 0
    await site.sweep(**NOW)
    await site.audit()
    await other.depot.close()


async def test_one_process_sweeps(site: Site) -> None:
    """A lease decides which; the rounds go on when one of them fails (design "sweeper")."""
    other = await site.again()
    runs: list[int] = []

    class Counting(Sweeper):
        def __init__(self, number: int) -> None:
            self.number = number

        async def sweep(self) -> Swept:
            runs.append(self.number)
            if len(runs) == 2:
                raise OSError("on purpose")
            return Swept()

    quick = msgspec.structs.replace(site.settings, sweep_every=0.02, seal_every=0.02)
    rounds = [
        Rounds(one.depot.catalog, Counting(number), one.depot.history, quick)
        for number, one in enumerate((site, other))
    ]
    for each in rounds:
        await each.start()
    for _ in range(200):
        if len(runs) >= 5:
            break
        await asyncio.sleep(0.02)
    for each in rounds:
        await each.stop()
    assert len(runs) >= 5
    assert len(set(runs)) == 1
    assert await site.depot.history.page(site.space.id, 0)
    await other.depot.close()
