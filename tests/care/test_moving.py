"""Moving all bytes to another store (`core.care.moving`), while processes read and write."""

import asyncio
from pathlib import Path

import msgspec
import pytest
from care_support import content_of, damage_at, fsck, reopen, require_clean
from tests.parts.damage import flip
from tests.parts.sites import Site, Store, chunks, large, noise, open_site

from consigne.blobs.driver import Driver
from consigne.blobs.local import LocalDriver
from consigne.blobs.stores import Stores
from consigne.catalog import contents
from consigne.core.care.moving import Moving
from consigne.core.entry import Entry
from consigne.errors import ConsigneError, Corrupt, Unavailable, WrongState
from consigne.model.entities import ContentState
from consigne.testing.flaky import FlakyDriver, When

SMALL, BIG = noise(1000, 1), large(2)


def moving_of(site: Site) -> Moving:
    assert site.depot.moving is not None
    return site.depot.moving


def names(site: Site, location: str) -> set[str]:
    folder = Path(site.settings.data) / location / "objects"
    return {path.name for path in folder.rglob("*") if path.is_file()}


async def keys(site: Site) -> set[str]:
    rows = await site.run(lambda tx: contents.page(tx, 0, 1_000_000))
    return {row.key for row in rows}


async def test_everything_moves(site: Site) -> None:
    """Files, versions, trash, small and large; another process needs to be told nothing."""
    file = await site.put(SMALL)
    await site.depot.intake.replace(site.writer, file.id, chunks(BIG))
    gone = await site.put(b"gone", "gone")
    await site.depot.vault.release(site.writer, gone.id)
    left = await site.put(b"", "empty")
    old = names(site, "blobs")
    other = await site.again()
    reading = await other.depot.reader.open(other.manager, file.id)
    status = await moving_of(site).run("second")
    assert (status.source, status.target) == ("blobs", "second")
    assert (status.moved, status.left, status.uploads) == (4, 0, 0)
    assert all(key.startswith("1/") for key in await keys(site))
    assert names(site, "blobs") == old, "nothing goes before it is asked for"
    assert b"".join([p async for p in reading.stream(0, reading.size)]) == BIG
    assert await other.get(file) == BIG, "a key says where it is"
    late = await other.put(b"by a process that knew of nothing", "late")
    assert (await other.depot.bucket.holds((await content_of(site, late)).key)) is True
    fresh = await site.put(noise(9000, 9), "fresh")
    assert (await content_of(site, fresh)).key.startswith("1/")
    assert (await moving_of(site).run("second")).left == 0
    with pytest.raises(WrongState):
        await moving_of(site).remove_source()
    done = await moving_of(site).finish()
    assert done.left == 0
    assert await moving_of(site).status() is None
    await require_clean(site)
    assert await moving_of(site).remove_source() > 0
    assert not names(site, "blobs")
    for process in (site, other):
        assert await process.get(file) == BIG
        assert await process.get(left) == b""
        assert await process.get(late) == b"by a process that knew of nothing"
    await other.depot.close()
    await require_clean(site)
    await site.sweep()
    await site.audit()


async def test_the_setting_has_to_follow(site: Site, store: Store) -> None:
    """The old name will do, with a warning; a name that nobody knows is refused."""
    file = await site.put(SMALL)
    await moving_of(site).run("second")
    await reopen(site)
    await moving_of(site).finish()
    await reopen(site)
    assert await site.get(file) == SMALL
    store.settings = msgspec.structs.replace(site.settings, blobs="third")
    with pytest.raises(Unavailable) as refused:
        await site.again()
    assert "CONSIGNE_BLOBS=second" in refused.value.hint
    store.settings = msgspec.structs.replace(site.settings, blobs="second")
    data = Path(site.settings.data)
    store.stores = lambda: Stores(
        "second", lambda name: LocalDriver(data / name, small_limit=4096, sync=False)
    )
    await reopen(site)
    assert await site.get(file) == SMALL
    with pytest.raises(WrongState):
        await moving_of(site).run("second")
    # And back again, to the folder that everything came from.
    assert (await moving_of(site).run("blobs")).moved == 1
    await moving_of(site).finish()
    assert {key[:2] for key in await keys(site)} == {"2/"}
    assert await site.get(file) == SMALL


async def test_an_upload_that_has_begun(site: Site) -> None:
    """Its parts stay where they are, whoever receives them; it is moved when it is complete."""
    data = noise(3 << 20, 5)
    upload = (
        await site.depot.uploads.expect(site.writer, Entry(name="parts"), length=len(data))
    ).upload
    await site.depot.uploads.receive_part(site.writer, upload.id, chunks(data[: 1 << 20]))
    other = await site.again()
    status = await moving_of(site).run("second")
    assert status.uploads == 1
    with pytest.raises(WrongState):
        await moving_of(site).finish()
    # One process knows of the move and one does not.
    await other.depot.uploads.receive_part(other.writer, upload.id, chunks(data[1 << 20 : 2 << 20]))
    await site.depot.uploads.receive_part(site.writer, upload.id, chunks(data[2 << 20 :]))
    file = upload.file_id or 0
    await site.depot.uploads.finish(site.writer, upload.id)
    later = await site.depot.uploads.expect(site.writer, Entry(name="more"), length=10)
    assert later.upload.stage.startswith("1/")
    await site.depot.uploads.receive_part(site.writer, later.upload.id, chunks(b"0123456789"))
    await site.depot.uploads.finish(site.writer, later.upload.id)
    assert (await moving_of(site).run("second")).left == 0
    await moving_of(site).finish()
    assert await other.get(file) == data
    assert await other.get(later.upload.file_id or 0) == b"0123456789"
    await other.depot.close()
    await require_clean(site)


async def test_damage_in_the_source(site: Site) -> None:
    """It is marked and stays where it is, also when the source is emptied; the rest moves."""
    file, bad = await site.put(BIG), await site.put(large(3), "bad")
    content = await content_of(site, bad)
    damage_at(site, "blobs", content.key, flip)
    status = await moving_of(site).run("second")
    assert (status.moved, status.left, status.damaged) == (1, 0, 1)
    assert (await content_of(site, bad)).state is ContentState.CORRUPT
    await moving_of(site).finish()
    assert await moving_of(site).remove_source() == 1
    assert names(site, "blobs") == {content.key[2:]}
    assert await site.get(file) == BIG
    with pytest.raises(Corrupt):
        await site.get(bad)
    again = await site.put(large(3), "again")
    assert (await fsck(site, repair=True)).clean
    assert await site.get(bad) == await site.get(again) == large(3)


async def test_beside_users_and_the_sweeper(site: Site) -> None:
    """What comes, goes and is read meanwhile: nothing is lost and nothing is left over."""
    kept = {(await site.put(noise(6000, seed), f"{seed}")).id: seed for seed in range(40)}
    going = [await site.put(noise(6000, 100 + seed), f"g{seed}") for seed in range(40)]
    other = await site.again()
    task = asyncio.create_task(moving_of(site).run("second"))
    for number, file in enumerate(going):
        await other.depot.vault.release(other.writer, file.id)
        made = await other.put(noise(6000, 200 + number), f"n{number}")
        kept[made.id] = 200 + number
        await other.sweep(grace=0)
        for each in list(kept)[:3]:
            assert await other.get(each) == noise(6000, kept[each])
    await task
    await other.depot.close()
    assert (await moving_of(site).run("second")).left == 0
    await moving_of(site).finish()
    await moving_of(site).remove_source()
    await require_clean(site)
    assert not names(site, "blobs")
    for number, seed in kept.items():
        assert await site.get(number) == noise(6000, seed)
    await site.audit()


@pytest.mark.parametrize("when", ["before", "after"])
async def test_wherever_the_target_fails(store: Store, tmp_path: Path, when: When) -> None:
    """A call that fails, each in turn: the next run goes on, and nothing is lost on the way."""
    runs = 0

    def make(location: str) -> Driver:
        driver = LocalDriver(tmp_path / location, small_limit=4096, sync=False)
        if location == "blobs":
            return driver
        return FlakyDriver(driver, fail_at=runs, error=OSError("flaky"), when=when)

    store.stores = lambda: Stores("blobs", make)
    site = await open_site(store)
    kept = {(await site.put(noise(size, size), str(size))).id: size for size in (100, 5000, 90_000)}
    left = -1
    while left:
        runs += 1
        await reopen(site)
        try:
            left = (await moving_of(site).run("second")).left
        except (ConsigneError, OSError):
            left = -1
        for number, size in kept.items():
            assert await site.get(number) == noise(size, size)
        found = await fsck(site, repair=True)
        assert found.clean, found.findings
    assert runs > 3
    await moving_of(site).finish()
    assert all(key.startswith("1/") for key in await keys(site))
    await require_clean(site)
    await site.depot.close()
