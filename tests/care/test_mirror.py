"""The mirror (`core.care.mirror`): copies after the answer, reads and repairs from them."""

import shutil
from pathlib import Path

import msgspec
import pytest
from care_support import actions, content_of, copy_of, damage_at, fsck, reopen, require_clean, start
from sqlalchemy import update
from tests.parts.damage import Change, flip
from tests.parts.sites import Site, Store, chunks, large, noise, open_site

from consigne.blobs.driver import NoSpace
from consigne.blobs.local import LocalDriver
from consigne.blobs.memory import MemoryDriver
from consigne.blobs.stores import Stores
from consigne.catalog import schema
from consigne.core.care.mirror import Mirror
from consigne.core.proof.report import Kind
from consigne.errors import Corrupt, StorageFull, Unavailable
from consigne.model.care import Place
from consigne.model.entities import ContentState
from consigne.settings import Settings

SMALL, BIG = noise(1000, 1), large(2)
BOTH = pytest.mark.parametrize("data", [SMALL, BIG], ids=["small", "big"])
CHANGES = pytest.mark.parametrize(
    ("change", "problem"),
    [(flip, "block"), (lambda data: data[:-1], "truncated"), (lambda _: None, "missing")],
    ids=["flipped", "cut", "gone"],
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=str(tmp_path), blobs="blobs", mirror="mirror", purge_guard=0, scrub_rate=0)


def mirror_of(site: Site) -> Mirror:
    assert site.depot.mirror is not None
    return site.depot.mirror


async def test_everything_is_copied_once(site: Site) -> None:
    """Files, replaced versions and trash; the lag is told before and is nothing afterwards."""
    file = await site.put(SMALL)
    await site.depot.intake.replace(site.writer, file.id, chunks(BIG))
    gone = await site.put(b"gone", "gone")
    await site.depot.vault.release(site.writer, gone.id)
    before = await mirror_of(site).status()
    assert (before.behind, before.behind_size) == (3, len(SMALL) + len(BIG) + 4)
    assert before.behind_since
    assert await mirror_of(site).look() == 3
    status = await mirror_of(site).status()
    assert (status.copied, status.size) == (3, before.behind_size)
    assert (status.behind, status.behind_size, status.behind_since) == (0, 0, None)
    assert await mirror_of(site).look() == 0
    await require_clean(site, mirror=True)


@CHANGES
@BOTH
async def test_a_damaged_block_is_read_from_the_mirror(
    site: Site, data: bytes, change: Change, problem: str
) -> None:
    """The reader gets every byte; the content is mended under a fresh key, with an event (C-25)."""
    file = await site.put(data)
    await mirror_of(site).look()
    content = await content_of(site, file)
    damage_at(site, "blobs", content.key, change)
    await reopen(site)
    assert await site.get(file) == data
    assert (await content_of(site, file)).state is ContentState.CORRUPT
    assert await site.get(file) == data, "also while it is marked"
    again = await site.put(data, "again") if problem == "block" else None
    await mirror_of(site).look()
    mended = await content_of(site, file)
    assert mended.state in (ContentState.LIVE, ContentState.CORRUPT)
    assert mended.key != content.key
    assert await site.get(file) == data
    assert "content.repaired" in await actions(site)
    if again is not None:
        assert await site.get(again) == data
    await site.sweep()
    await mirror_of(site).look()
    await require_clean(site, mirror=True)
    await site.audit()


@CHANGES
async def test_the_scrub_repairs(site: Site, change: Change, problem: str) -> None:
    """Damage on either side is found, told and put right from the other one."""
    one, two = await site.put(BIG, "one"), await site.put(SMALL, "two")
    lacking = await site.put(b"no copy yet", "three")
    await mirror_of(site).copy(one.content_id or 0)
    await mirror_of(site).copy(two.content_id or 0)
    copy = await copy_of(site, two)
    assert copy
    damage_at(site, "blobs", (await content_of(site, one)).key, change)
    damage_at(site, "mirror", copy.key, change)
    await reopen(site)
    done = await site.depot.scrub.run(now=True)
    assert done
    assert (done.found, done.repaired, done.copied) == (2, 2, 1)
    found = await site.depot.scrub.findings(done.number, 0, 10)
    assert {(each.place, each.content_id) for each in found} == {
        (Place.STORE, one.content_id),
        (Place.MIRROR, two.content_id),
    }
    assert {each.problem for each in found} == {problem}
    assert await site.get(one) == BIG
    assert await site.get(lacking) == b"no copy yet"
    await require_clean(site, mirror=True)
    again = await site.depot.scrub.run(now=True)
    assert again
    assert (again.found, again.copied) == (0, 0)
    await site.audit()


async def test_both_are_damaged(site: Site) -> None:
    """Then nothing is served, and nothing is called repaired."""
    file = await site.put(BIG)
    await mirror_of(site).look()
    copy = await copy_of(site, file)
    assert copy
    damage_at(site, "blobs", (await content_of(site, file)).key, flip)
    damage_at(site, "mirror", copy.key, flip)
    with pytest.raises(Corrupt):
        await site.get(file)
    await mirror_of(site).look()
    done = await site.depot.scrub.run(now=True)
    assert done
    assert done.found > done.repaired
    with pytest.raises(Corrupt):
        await site.get(file)


async def test_deletions_follow(site: Site, settings: Settings) -> None:
    """The copy goes after its content, behind the age guard, and nothing else goes."""
    file, kept = await site.put(BIG), await site.put(SMALL, "kept")
    await mirror_of(site).look()
    await site.depot.vault.release(site.writer, file.id)
    await site.sweep(grace=0)
    copy = await copy_of(site, file)
    assert copy
    guarded = msgspec.structs.replace(settings, purge_guard=3600)
    places = site.depot.places
    assert places
    await Mirror(site.depot.catalog, site.depot.bucket, places, guarded).look()
    assert await site.depot.bucket.holds(copy.key)
    await mirror_of(site).look()
    assert not await site.depot.bucket.holds(copy.key)
    assert await copy_of(site, file) is None
    assert await copy_of(site, kept)
    await require_clean(site, mirror=True)


async def test_fsck_knows_the_mirror(site: Site) -> None:
    """What lacks, is damaged, is left over or is nobody's: each is found and repaired."""
    files = [await site.put(noise(9000, seed), str(seed)) for seed in range(4)]
    await mirror_of(site).look()
    lacking, damaged, stray, corrupt = files
    copy = await copy_of(site, lacking)
    assert copy
    damage_at(site, "mirror", copy.key, lambda _: None)
    copy = await copy_of(site, damaged)
    assert copy
    damage_at(site, "mirror", copy.key, flip)
    await site.depot.vault.release(site.writer, stray.id)
    await site.sweep(grace=0)
    await site.run(lambda tx: tx.run(update(schema.copy).values(idle_since=None)))
    damage_at(site, "blobs", (await content_of(site, corrupt)).key, flip)
    nobodys = Path(site.settings.data) / "mirror" / "objects" / "ab" / ("ab" * 16)
    nobodys.write_bytes(b"?")
    report = await fsck(site, rehash=True, mirror=True, dry_run=True)
    assert sorted(each.kind for each in report.findings) == sorted(
        [Kind.MISSING_COPY, Kind.BROKEN_COPY, Kind.STRAY_COPY, Kind.ORPHAN_COPY, Kind.CORRUPT]
    )
    assert all(each.repairable for each in report.findings)
    assert (await fsck(site, rehash=True, mirror=True, repair=True)).clean
    assert not nobodys.exists()
    await mirror_of(site).look()
    await require_clean(site, mirror=True)
    assert await site.get(corrupt) == noise(9000, 3)


async def test_the_store_is_lost(site: Site) -> None:
    """A new, empty disk is filled again from the mirror: what was lost is one store, no file."""
    kept = [(await site.put(noise(5000, seed), str(seed)), noise(5000, seed)) for seed in range(15)]
    await mirror_of(site).look()
    await site.depot.close()
    shutil.rmtree(Path(site.settings.data) / "blobs")
    with pytest.raises(Unavailable):
        await fsck(site, repair=True)
    report = await fsck(site, repair=True, mirror=True)
    assert report.clean, report.findings
    await require_clean(site, mirror=True)
    await start(site)
    for file, data in kept:
        assert await site.get(file) == data
    await site.audit()


class Full(MemoryDriver):
    """A mirror without room."""

    async def put(self, data: bytes) -> str:
        raise NoSpace("full")


async def test_a_mirror_that_fails_harms_nobody(
    store: Store, tmp_path: Path, settings: Settings
) -> None:
    """Uploads and reads go on; once it works again it catches up."""
    full = True

    def make(location: str) -> object:
        if location == "mirror" and full:
            return Full()
        return LocalDriver(tmp_path / location, small_limit=4096, sync=False)

    store.stores = lambda: Stores("blobs", make)  # type: ignore[arg-type]
    site = await open_site(store)
    try:
        file = await site.put(SMALL)
        with pytest.raises(StorageFull):
            await mirror_of(site).look()
        done = await site.depot.scrub.run(now=True)
        assert done
        assert (done.checked, done.found) == (1, 0)
        assert await site.get(file) == SMALL
        assert (await mirror_of(site).status()).behind == 1
    finally:
        await site.depot.close()
    full = False
    other = await site.again()
    try:
        assert await mirror_of(other).look() == 1
        await require_clean(other, mirror=True)
    finally:
        await other.depot.close()
