"""The scrub (`core.care.scrub`): all that is stored is read again, by one process at a time."""

import asyncio

import msgspec
import pytest
from care_support import actions, content_of
from tests.parts.damage import Change, damage, flip
from tests.parts.sites import Site, large, noise

from consigne.blobs.bucket import Bucket
from consigne.catalog import once
from consigne.core.care.scrub import Scrub
from consigne.core.holders import new_holder
from consigne.core.proof import Options, Proof
from consigne.errors import Busy, Corrupt, Unavailable
from consigne.model.care import Place, ScrubPass
from consigne.model.entities import ContentState
from consigne.settings import Settings

SMALL, BIG = noise(1000, 1), large(2)


async def scrubbed(site: Site) -> ScrubPass:
    done = await site.depot.scrub.run(now=True)
    assert done is not None
    return done


async def test_everything_is_read_once(site: Site) -> None:
    """Files, versions, trash and small contents; a pass knows how much there was and is over."""
    file = await site.put(SMALL)
    await site.put(BIG, "big")
    gone = await site.put(b"gone", "gone")
    await site.depot.vault.release(site.writer, gone.id)
    before = await site.depot.scrub.status()
    assert (before.latest, before.due_at) == (None, 0)
    done = await scrubbed(site)
    assert (done.total, done.checked, done.size) == (3, 3, len(SMALL) + len(BIG) + 4)
    assert (done.found, done.repaired) == (0, 0)
    status = await site.depot.scrub.status()
    assert status.latest == done
    assert not status.is_running
    assert status.due_at == done.started_at + 30 * 86_400_000
    assert await site.depot.scrub.run(now=False) is None, "the next one is not due"
    assert (await scrubbed(site)).number == done.number + 1
    assert await site.get(file) == SMALL


@pytest.mark.parametrize(
    ("change", "problem"),
    [(flip, "block"), (lambda data: data[:-1], "truncated"), (lambda _: None, "missing")],
)
@pytest.mark.parametrize("data", [SMALL, BIG], ids=["small", "big"])
async def test_damage(site: Site, data: bytes, change: Change, problem: str) -> None:
    """What is damaged is not served and not shared any more, with an event; healed by the same
    bytes (C-25)."""
    file = await site.put(data)
    content = await content_of(site, file)
    damage(site, content.key, change)
    done = await scrubbed(site)
    assert (done.checked, done.found, done.repaired) == (1, 1, 0)
    (found,) = await site.depot.scrub.findings(done.number, 0, 10)
    assert (found.content_id, found.place, found.problem) == (content.id, Place.STORE, problem)
    assert not found.is_repaired
    with pytest.raises(Corrupt):
        await site.get(file)
    assert (await actions(site)).count("content.corrupt") == 1

    again = await site.put(data, "again")
    assert await site.get(again) == data
    done = await scrubbed(site)
    assert (done.found, done.repaired) == (1, 1)
    assert await site.get(file) == data
    assert (await actions(site)).count("content.healed") == 1
    assert (await actions(site)).count("content.corrupt") == 1
    await site.sweep()
    assert (await scrubbed(site)).found == 0
    await site.audit()


async def test_bytes_that_come_back(site: Site) -> None:
    """A content that was marked and is right after all is served again."""
    file = await site.put(BIG)
    content = await content_of(site, file)
    damage(site, content.key, flip)
    await scrubbed(site)
    damage(site, content.key, flip)
    done = await scrubbed(site)
    assert (done.checked, done.found) == (1, 0)
    assert await site.get(file) == BIG
    await site.audit()


async def test_a_disk_that_is_not_mounted_is_no_loss(site: Site) -> None:
    """Where nothing is in the store, nothing is called lost."""
    kept = [await site.put(noise(5000, seed), str(seed)) for seed in range(12)]
    for file in kept:
        damage(site, (await content_of(site, file)).key, lambda _: None)
    with pytest.raises(Unavailable):
        await scrubbed(site)
    states = {(await content_of(site, file)).state for file in kept}
    assert states == {ContentState.LIVE}


async def test_a_pass_goes_on_where_it_was_cut(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a crash another process reads the rest, and only the rest (C-20)."""
    for seed in range(120):
        await site.put(noise(100, seed), str(seed))
    verify, seen = Bucket.verify, list[str]()

    async def dies(self: Bucket, key: str, *args: object) -> object:
        if len(seen) >= 110:
            raise asyncio.CancelledError
        seen.append(key)
        return await verify(self, key, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(Bucket, "verify", dies)
    with pytest.raises(asyncio.CancelledError):
        await scrubbed(site)
    monkeypatch.setattr(Bucket, "verify", verify)
    status = await site.depot.scrub.status()
    assert status.latest
    assert status.latest.ended_at is None
    assert status.latest.checked == 100, "the first page is noted"
    other = await site.again()
    try:
        done = await other.depot.scrub.run(now=False)
    finally:
        await other.depot.close()
    assert done
    assert (done.number, done.checked, done.found) == (status.latest.number, 120, 0)


async def test_one_at_a_time(site: Site) -> None:
    """While a live process is at it nobody else is; a dead one is not waited for."""
    await site.put(SMALL)
    holder = new_holder()
    await site.run(lambda tx: once.take_lease(tx, "scrub", holder, 0, 1 << 60))
    with pytest.raises(Busy):
        await scrubbed(site)
    await site.depot.scrub.look()
    status = await site.depot.scrub.status()
    assert status.latest is None
    assert status.is_running
    place, _, _ = holder.rpartition("/")
    dead = f"{place.rpartition(':')[0]}:1/00"  # this process, begun at another time
    await site.run(lambda tx: once.take_over(tx, "scrub", holder, dead, 1 << 60))
    assert (await scrubbed(site)).checked == 1


async def test_off(site: Site, settings: Settings) -> None:
    """0 switches the rounds off; asked for, a pass is made all the same."""
    await site.put(SMALL)
    off = msgspec.structs.replace(settings, scrub_every=0)
    scrub = Scrub(site.depot.catalog, site.depot.bucket, off)
    await scrub.look()
    status = await scrub.status()
    assert (status.latest, status.due_at) == (None, None)
    assert await scrub.run(now=True)


async def test_beside_uploads_and_the_sweeper(site: Site) -> None:
    """What goes while it is read is no finding; fsck agrees afterwards."""
    files = [await site.put(noise(3000, seed), str(seed)) for seed in range(60)]
    going = asyncio.create_task(scrubbed(site))
    for number, file in enumerate(files):
        await site.depot.vault.release(site.writer, file.id)
        await site.put(noise(2000, 100 + number), f"new {number}")
        await site.sweep(grace=0)
    done = await going
    assert done.found == 0
    proof = Proof(site.depot.catalog, site.depot.bucket)
    assert (await proof.check(Options(age=0, rehash=True))).clean
