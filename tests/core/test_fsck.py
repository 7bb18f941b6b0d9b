"""fsck (`core.proof`): every damage made on purpose is found, and repaired where that is safe."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import delete, insert, select, update
from tests.parts.damage import Change, damage, flip
from tests.parts.sites import Site, Store, chunks, large, noise, open_site

from consigne.catalog import contents, schema, uploads
from consigne.core.entry import Entry
from consigne.core.proof import Finding, Kind, Options, Proof, Report, rows
from consigne.errors import Corrupt, Unavailable
from consigne.model.entities import Content, ContentState, File
from consigne.model.identity import new_id

OFFLINE = Options(age=0)
REPAIR = Options(age=0, repair=True)
REHASH = Options(age=0, rehash=True)
SMALL, BIG = noise(1000, 1), large(2)
DAMAGE = pytest.mark.parametrize("data", [SMALL, BIG], ids=["small", "big"])


@pytest.fixture
async def site(store: Store) -> AsyncIterator[Site]:
    """A site that a test may damage for good: nobody audits it at the end."""
    site = await open_site(store)
    yield site
    await site.depot.close()


async def fsck(site: Site, options: Options = OFFLINE) -> Report:
    """Run fsck as a process of its own would."""
    other = await site.again()
    try:
        return await Proof(other.depot.catalog, other.depot.bucket).check(options)
    finally:
        await other.depot.close()


async def only(site: Site, options: Options = OFFLINE) -> Finding:
    """Run fsck and return the one thing that it found."""
    report = await fsck(site, options)
    assert [finding.kind for finding in report.findings] == [
        kind for kind, tally in report.tallies.items() for _ in range(tally.found)
    ]
    assert len(report.findings) == 1, report.findings
    assert report.clean == report.findings[0].repaired
    return report.findings[0]


async def is_clean(site: Site, options: Options = REHASH) -> bool:
    report = await fsck(site, options)
    assert not report.findings, report.findings
    return report.clean


async def content_of(site: Site, file: File) -> Content:
    assert file.content_id is not None
    found = await site.run(lambda tx: contents.by_id(tx, file.content_id or 0))
    assert isinstance(found, Content)
    return found


async def present(site: Site, content: Content) -> Content | None:
    found: Content | None = await site.run(lambda tx: contents.by_id(tx, content.id))
    return found


async def statement(site: Site, sql: Any) -> None:
    await site.run(lambda tx: tx.run(sql))


async def test_a_sound_vault_is_clean(site: Site) -> None:
    """Files, versions, trash, metadata, an open upload and a reservation are nothing to report."""
    file = await site.put(SMALL, fields={"a": "b"}, tags=["x", "y"])
    await site.depot.intake.replace(site.writer, file.id, chunks(BIG))
    await site.depot.vault.copy(site.writer, file.id)
    gone = await site.put(b"gone")
    await site.depot.vault.release(site.writer, gone.id)
    opened = await site.depot.uploads.expect(site.writer, Entry(name="parts"), length=2 << 20)
    await site.depot.uploads.receive_part(site.writer, opened.upload.id, chunks(noise(1 << 20)))
    report = await fsck(site, Options(age=3600, rehash=True))
    assert report.clean
    assert not report.findings
    assert report.bytes_read == len(SMALL) + len(BIG) + len(b"gone")
    wanted = {"files": 4, "versions": 1, "contents": 3, "keys": 3, "uploads": 1, "spaces": 1}
    assert wanted.items() <= report.checked.items()


@DAMAGE
async def test_a_row_without_bytes_is_found_and_no_longer_shared(site: Site, data: bytes) -> None:
    """Bytes that are gone are reported with their files; new uploads do not lean on them (C-20)."""
    file = await site.put(data, "lost.bin")
    content = await content_of(site, file)
    damage(site, content.key, lambda _: None)
    finding = await only(site)
    assert (finding.kind, finding.id) == (Kind.MISSING_BYTES, str(content.id))
    assert not finding.repairable
    assert finding.files[0].endswith(" lost.bin")
    found = await present(site, content)
    assert found
    assert found.state is ContentState.LIVE, "a report alone changes nothing"

    assert not (await only(site, REPAIR)).repaired
    fresh = await site.put(data, "again.bin")
    assert await site.get(fresh) == data
    with pytest.raises(Corrupt):
        await site.get(file)
    # The same bytes have come in again: they stand in for what was lost.
    healed = await only(site, REPAIR)
    assert healed.repaired
    assert await site.get(file) == data
    assert await is_clean(site)
    await site.sweep(purge_guard=0)
    await site.audit()


@DAMAGE
@pytest.mark.parametrize("change", [lambda d: d[:-1], lambda d: b""], ids=["cut", "empty"])
async def test_truncated_bytes_are_found_without_reading_all(
    site: Site, data: bytes, change: Change
) -> None:
    """A wrong length shows in the listing (C-25)."""
    content = await content_of(site, await site.put(data))
    damage(site, content.key, change)
    finding = await only(site)
    assert (finding.kind, finding.id) == (Kind.WRONG_SIZE, str(content.id))
    assert (await only(site, REHASH)).kind is Kind.WRONG_SIZE


async def test_bytes_behind_a_content_do_no_harm(site: Site) -> None:
    """Foreign bytes behind the end are reported; the content is served as before."""
    file = await site.put(BIG)
    content = await content_of(site, file)
    damage(site, content.key, lambda data: data + b"!")
    finding = await only(site, REPAIR)
    assert (finding.kind, finding.repairable) == (Kind.WRONG_SIZE, False)
    assert await site.get(file) == BIG


@DAMAGE
async def test_a_flipped_byte_is_found_by_rehash(site: Site, data: bytes) -> None:
    """Corrupt contents are marked, named with their files, and served again once right (C-25)."""
    file = await site.put(data, "photo.jpg")
    content = await content_of(site, file)
    damage(site, content.key, flip)
    assert await is_clean(site, OFFLINE), "without rehash nothing is read"

    dry = await only(site, msgspec.structs.replace(REHASH, repair=True, dry_run=True))
    found = await present(site, content)
    assert dry.kind is Kind.CORRUPT
    assert found
    assert found.state is ContentState.LIVE

    finding = await only(site, REHASH)
    assert finding.kind is Kind.CORRUPT
    assert "photo.jpg" in finding.files[0]
    found = await present(site, content)
    assert found
    assert found.state is ContentState.CORRUPT
    with pytest.raises(Corrupt):
        await site.get(file)
    assert (await only(site)).kind is Kind.CORRUPT, "what is marked is read at every run"

    damage(site, content.key, flip)
    assert (await only(site)).kind is Kind.SOUND_AGAIN
    assert (await only(site, REPAIR)).repaired
    assert await site.get(file) == data
    assert await is_clean(site)


async def test_a_byte_flipped_inside_the_database_file_is_found(store: Store) -> None:
    """Damage below SQLite, in the file of small contents, is found (C-25)."""
    path = Path(store.settings.data) / "blobs" / "small.db"
    site = await open_site(store)
    file = await site.put(SMALL)
    await site.depot.close()
    if not path.exists():
        pytest.skip("this store has no database of small contents")
    raw = path.read_bytes()
    at = raw.index(SMALL[500:516])
    path.write_bytes(raw[:at] + flip(raw[at : at + 16]) + raw[at + 16 :])
    site = await site.again()
    try:
        finding = await only(site, REHASH)
        assert (finding.kind, finding.id) == (Kind.CORRUPT, str(file.content_id))
    finally:
        await site.depot.close()


async def test_damaged_bytes_that_nobody_needs_are_no_loss(site: Site) -> None:
    """A damaged content without references is left to the sweeper, and not shared any more."""
    file = await site.put(BIG)
    content = await content_of(site, file)
    await site.depot.vault.release(site.writer, file.id)
    await site.depot.vault.purge(site.manager, file.id)
    damage(site, content.key, flip)
    repaired = await only(site, msgspec.structs.replace(REPAIR, rehash=True))
    assert repaired.repaired
    assert await site.get(await site.put(BIG)) == BIG
    await site.sweep(purge_guard=0)
    assert await present(site, content) is None
    await site.audit()


@DAMAGE
async def test_bytes_without_a_row_go_once_they_are_old(site: Site, data: bytes) -> None:
    """The age guard protects what a running server has stored and not named yet (C-20)."""
    async with await site.depot.bucket.draft(chunks(data)) as draft:
        key = await draft.store()
    await asyncio.sleep(0.002)
    assert await is_clean(site, Options(age=3600, repair=True))
    finding = await only(site)
    assert (finding.kind, finding.id, finding.repairable) == (Kind.ORPHAN_BYTES, key, True)
    dry = await only(site, Options(age=0, repair=True, dry_run=True))
    assert (dry.repairable, dry.repaired) == (True, False)
    assert (await only(site, REPAIR)).repaired
    assert not await site.depot.bucket.holds(key)
    assert await is_clean(site)


async def test_wrong_reference_counts_are_counted_again(site: Site) -> None:
    """A count too high would leak bytes, one too low would lose them (C-20)."""
    high, low = await site.put(SMALL), await site.put(BIG)
    await site.depot.vault.copy(site.writer, low.id)
    column = schema.content.c.references
    for file, wrong in ((high, 5), (low, 1)):
        await statement(
            site,
            update(schema.content)
            .where(schema.content.c.id == file.content_id)
            .values({column: wrong}),
        )
    report = await fsck(site, REPAIR)
    assert [f.kind for f in report.findings] == [Kind.WRONG_REFERENCES] * 2
    assert report.clean
    assert await is_clean(site)
    await site.audit()


async def test_counting_goes_by_ranges(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many contents there are, none is left out at the borders, and none counted twice."""
    monkeypatch.setattr(rows, "_RANGE", 2)
    kept = [await site.put(noise(10, seed)) for seed in range(7)]
    await site.depot.vault.copy(site.writer, kept[3].id)
    assert await is_clean(site)
    await statement(site, update(schema.content).values(references=9))
    report = await fsck(site, REPAIR)
    assert report.tallies[Kind.WRONG_REFERENCES].repaired == 7
    assert await is_clean(site)


async def test_a_content_that_a_wrong_count_has_doomed_is_saved(site: Site) -> None:
    """What the sweeper has been misled to remove, and has not removed yet, is served again."""
    file = await site.put(BIG)
    await statement(
        site,
        update(schema.content).values(references=0, idle_since=1, state=ContentState.DOOMED.value),
    )
    report = await fsck(site, REPAIR)
    assert {finding.kind for finding in report.findings} == {
        Kind.WRONG_REFERENCES,
        Kind.SOUND_AGAIN,
    }
    assert report.clean
    assert await site.get(file) == BIG
    assert await is_clean(site)
    await site.audit()


async def test_a_content_without_references_or_time_is_given_to_the_sweeper(site: Site) -> None:
    """Nothing that nobody refers to stays for ever."""
    file = await site.put(BIG)
    await site.depot.vault.release(site.writer, file.id)
    await site.depot.vault.purge(site.manager, file.id)
    await statement(site, update(schema.content).values(idle_since=None))
    assert (await only(site, REPAIR)).kind is Kind.WRONG_REFERENCES
    assert await is_clean(site)
    assert (await site.sweep(purge_guard=0)).contents == 1


async def test_interrupted_removals_are_ended(site: Site) -> None:
    """A doomed content whose sweeper died goes, bytes first; a fresh one is left alone."""
    file = await site.put(BIG)
    content = await content_of(site, file)
    await site.depot.vault.release(site.writer, file.id)
    await site.depot.vault.purge(site.manager, file.id)
    await statement(site, update(schema.content).values(state=ContentState.DOOMED.value))
    await asyncio.sleep(0.002)
    assert await is_clean(site, Options(age=60, repair=True))
    assert (await only(site, REPAIR)).kind is Kind.DOOMED_LEFT
    assert await present(site, content) is None
    assert not await site.depot.bucket.holds(content.key)
    assert await is_clean(site)


async def test_files_and_versions_without_their_content_are_named(site: Site) -> None:
    """A lost row of ``content`` cannot be made up, and is never called repaired."""
    file = await site.put(SMALL, "first.txt")
    await site.depot.intake.replace(site.writer, file.id, chunks(BIG))
    await statement(site, delete(schema.content))
    report = await fsck(site, Options(age=3600, repair=True))
    kinds = {finding.kind: finding for finding in report.findings}
    assert set(kinds) == {Kind.BROKEN_FILE, Kind.BROKEN_VERSION}
    assert report.left == 2
    assert "first.txt" in kinds[Kind.BROKEN_FILE].detail


async def test_a_file_that_disagrees_with_its_content_is_named(site: Site) -> None:
    """Size, digest and space of a file are those of its content."""
    file = await site.put(SMALL)
    await statement(site, update(schema.file).values(sha256=bytes(32)))
    assert (await only(site)).kind is Kind.BROKEN_FILE
    assert file.sha256


async def test_a_version_without_a_file_goes(site: Site) -> None:
    """A version that belongs to nothing would keep its bytes for ever."""
    file = await site.put(SMALL)
    await site.depot.intake.replace(site.writer, file.id, chunks(BIG))
    await statement(site, delete(schema.file))
    report = await fsck(site, REPAIR)
    assert {f.kind for f in report.findings} == {
        Kind.STRAY_VERSION,
        Kind.WRONG_REFERENCES,
        Kind.WRONG_COUNTERS,
    }
    assert report.clean
    assert await is_clean(site)
    assert (await site.sweep(purge_guard=0)).contents == 2


@pytest.mark.parametrize("counter", ["used", "reserved", "undo"])
async def test_broken_counters_are_counted_again(site: Site, counter: str) -> None:
    """The counters of a space are what its files, versions and uploads add up to (C-24)."""
    file = await site.put(SMALL)
    await site.depot.intake.replace(site.writer, file.id, chunks(BIG))
    books = await site.books()
    column = schema.space.c[counter]
    await statement(site, update(schema.space).values({column: column + 7}))
    finding = await only(site, REPAIR)
    assert finding.kind is Kind.WRONG_COUNTERS
    assert counter in finding.detail
    assert finding.repaired
    assert await site.books() == books
    assert await is_clean(site)


async def test_the_metadata_index_is_written_anew(site: Site) -> None:
    """Search finds by index rows what the file says, and nothing else."""
    lost = await site.put(b"1", fields={"a": "b"}, tags=["t"])
    false = await site.put(b"2", fields={"a": "b"}, tags=["t"])
    bare = await site.put(b"3")
    await statement(site, delete(schema.file_tag).where(schema.file_tag.c.file_id == lost.id))
    await statement(
        site,
        update(schema.file_field)
        .where(schema.file_field.c.file_id == false.id)
        .values(value="wrong"),
    )
    for file_id in (bare.id, new_id()):
        await statement(
            site,
            insert(schema.file_tag).values(file_id=file_id, tag="x", space_id=site.space.id),
        )
    report = await fsck(site, REPAIR)
    assert [finding.kind for finding in report.findings] == [Kind.WRONG_INDEX] * 4
    assert report.clean
    assert await is_clean(site)
    rows = await site.run(lambda tx: tx.all(select(schema.file_tag.c.file_id)))
    assert {row[0] for row in rows} == {lost.id, false.id}


async def test_stages_of_nobody_go_once_they_are_old(site: Site) -> None:
    """Incoming bytes that a crash left behind are removed, young ones are not."""
    await site.depot.bucket.append("ab" * 16, 0, chunks(BIG))
    await asyncio.sleep(0.002)
    assert await is_clean(site, Options(age=3600, repair=True))
    finding = await only(site)
    assert (finding.kind, finding.id) == (Kind.STRAY_STAGE, "ab" * 16)
    assert (await only(site, REPAIR)).repaired
    assert [stored async for stored in site.depot.bucket.stages()] == []
    assert await is_clean(site)


async def test_an_upload_whose_bytes_are_lost_ends(site: Site) -> None:
    """Acknowledged parts that are gone are reported; the upload ends and its room is free."""
    opened = await site.depot.uploads.expect(site.writer, Entry(name="x"), length=4 << 20)
    upload = opened.upload
    await site.depot.uploads.receive_part(site.writer, upload.id, chunks(BIG))
    other = await site.again()  # whose driver has no handle on the stage
    await other.depot.bucket.drop_stage(upload.stage)
    await other.depot.close()
    finding = await only(site, Options(age=3600))
    assert finding.kind is Kind.LOST_PARTS
    assert f"Of {len(BIG)} bytes" in finding.detail
    assert (await only(site, Options(age=3600, repair=True))).repaired
    assert await is_clean(site)
    assert await site.books() == (0, 0, 0)
    await site.audit()


async def test_an_upload_that_is_being_written_to_is_left_alone(site: Site) -> None:
    """Whoever holds the lease is at work (C-23)."""
    opened = await site.depot.uploads.expect(site.writer, Entry(name="x"), length=4 << 20)
    upload = opened.upload
    await site.depot.uploads.receive_part(site.writer, upload.id, chunks(BIG))
    until = int(time.time() * 1000) + 60_000
    await site.run(lambda tx: uploads.take_lease(tx, upload.id, "me", until - 60_000, until))
    other = await site.again()
    await other.depot.bucket.drop_stage(upload.stage)
    await other.depot.close()
    assert await is_clean(site, Options(age=3600, repair=True))
    assert await site.run(lambda tx: uploads.by_id(tx, upload.id)) is not None


async def test_uploads_beyond_their_time_end(site: Site) -> None:
    """What the sweeper should have ended keeps no room and no bytes (C-15, C-24)."""
    opened = await site.depot.uploads.expect(site.writer, Entry(name="x"), length=4 << 20)
    await site.depot.uploads.receive_part(site.writer, opened.upload.id, chunks(BIG))
    await statement(site, update(schema.upload).values(expires_at=1))
    assert (await only(site, REPAIR)).kind is Kind.OVERDUE_UPLOAD
    assert await site.books() == (0, 0, 0)
    assert await is_clean(site)
    await site.audit()


async def test_reservations_of_dead_processes_go_when_no_server_runs(site: Site) -> None:
    """A body cut off by a crash leaves its reservation: offline it is ended at once (C-24)."""
    opened = await site.depot.uploads.expect(site.writer, Entry(name="x"), length=4 << 20)
    row = msgspec.structs.replace(
        opened.upload,
        id=new_id(),
        file_id=None,
        stage="",
        reserved=0,
        lease_until=2**50,
        expires_at=2**50,
        created_at=1,
    )
    await site.run(lambda tx: uploads.insert_upload(tx, row))
    assert await is_clean(site, Options(age=3600, repair=True))
    assert (await only(site, REPAIR)).kind is Kind.OVERDUE_UPLOAD
    assert await is_clean(site)
    assert await site.books() == (0, 4 << 20, 0), "the open upload is none of that"


async def test_a_report_keeps_a_bounded_number_of_findings(site: Site) -> None:
    """Memory does not grow with the damage; the counts are complete."""
    for number in range(1030):
        await site.run(
            lambda tx, n=number: tx.run(
                insert(schema.file_tag).values(file_id=n + 1, tag="x", space_id=1)
            )
        )
    report = await fsck(site, REPAIR)
    assert len(report.findings) == 1000
    assert report.tallies[Kind.WRONG_INDEX].repaired == 1030
    assert await is_clean(site)


async def test_a_store_that_is_not_there_is_no_loss(site: Site) -> None:
    """A disk that is not mounted stops the check, before anything is marked corrupt."""
    kept = [await content_of(site, await site.put(noise(100, seed))) for seed in range(12)]
    for content in kept:
        damage(site, content.key, lambda _: None)
    with pytest.raises(Unavailable, match="None of 12 contents"):
        await fsck(site, REPAIR)
    for content in kept:
        found = await present(site, content)
        assert found
        assert found.state is ContentState.LIVE


async def test_no_false_alarm_beside_a_busy_server(site: Site) -> None:
    """Uploads, versions, deletions and sweeps under way are nothing to report (C-20)."""
    stop = asyncio.Event()
    done = 0

    async def work(worker: int) -> None:
        nonlocal done
        turn = 0
        while not stop.is_set():
            turn += 1
            seed = (worker * 7 + turn) % 5
            data = large(seed) if turn % 4 == 0 else noise(3000, seed)
            file = await site.put(data, fields={"turn": str(turn)}, tags=["busy"])
            await site.depot.intake.replace(site.writer, file.id, chunks(noise(2000, turn % 3)))
            opened = await site.depot.uploads.expect(site.writer, Entry(name="p"), length=2 << 20)
            await site.depot.uploads.receive_part(site.writer, opened.upload.id, chunks(data))
            await site.depot.uploads.abort(site.writer, opened.upload.id)
            await site.depot.vault.release(site.writer, file.id)
            await site.depot.vault.purge(site.manager, file.id)
            done += 1

    async def sweep() -> None:
        while not stop.is_set():
            await site.sweep(purge_guard=0)
            await asyncio.sleep(0.01)

    busy = [asyncio.create_task(work(number)) for number in range(4)]
    busy.append(asyncio.create_task(sweep()))
    options = Options(age=3600, rehash=True, repair=True)
    reports = [await fsck(site, options) for _ in range(12)]
    stop.set()
    await asyncio.gather(*busy)
    assert done > 4
    assert [finding for report in reports for finding in report.findings] == []
    assert await is_clean(site)
    await site.audit()
