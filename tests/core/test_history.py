"""Events: one per change, in its transaction; sealed into a chain that shows tampering (C-50)."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import delete, select, update
from tests.parts.sites import Site, chunks, large

from consigne.catalog import events
from consigne.catalog.schema import chain, event
from consigne.core.entry import Entry
from consigne.errors import QuotaExceeded

# Nothing here depends on where the bytes are.
pytestmark = pytest.mark.parametrize("store", ["sqlite-memory", "postgres-memory"], indirect=True)


async def actions(site: Site, subject: int) -> list[str]:
    return [each.action for each in await site.depot.history.of(site.space.id, subject)]


async def test_every_change_is_an_event(site: Site) -> None:
    """One event row per state change, with who did it and what it was about."""
    vault = site.depot.vault
    file = await site.put(b"12345", "a.txt")
    await vault.change(site.manager, file.id, name="b.txt")
    await site.depot.intake.replace(site.writer, file.id, chunks(b"67"))
    await vault.restore_version(site.writer, file.id, 1)
    await vault.guard(site.admin, file.id, hold_reason="why")
    await vault.guard(site.admin, file.id, hold_reason=None)
    await vault.release(site.writer, file.id)
    await vault.restore(site.writer, file.id)
    await vault.release(site.writer, file.id)
    await vault.purge(site.manager, file.id)
    assert await actions(site, file.id) == [
        "file.kept",
        "file.changed",
        "file.replaced",
        "file.replaced",
        "file.guarded",
        "file.guarded",
        "file.released",
        "file.restored",
        "file.released",
        "file.purged",
    ]
    rows = await site.depot.history.of(site.space.id, file.id)
    assert [row.actor_id for row in rows[:2]] == [
        site.writer.principal_id,
        site.manager.principal_id,
    ]
    assert json.loads(rows[0].data or "") == {"size": 5, "name": "a.txt"}
    held = await site.put(b"x", hold=True, expires_at=2**50)
    await vault.keep(site.writer, held.id)
    copy = await vault.copy(site.writer, held.id)
    assert await actions(site, held.id) == ["file.held", "file.kept"]
    assert await actions(site, copy.id) == ["file.copied"]


async def test_what_did_not_happen_leaves_no_event(site: Site) -> None:
    """An event is in the transaction of its change: refused together (outbox)."""
    file = await site.put(b"12345")
    await site.set_quota(5)

    async def count() -> int:
        return len(await site.run(lambda tx: tx.all(select(event.c.id))))

    before = await count()
    for attempt in (
        lambda: site.put(b"x"),
        lambda: site.put(large()),
        lambda: site.depot.vault.copy(site.writer, file.id),
        lambda: site.depot.intake.replace(site.writer, file.id, chunks(b"123456")),
        lambda: site.depot.uploads.expect(site.writer, Entry(name="a"), length=1),
    ):
        with pytest.raises(QuotaExceeded):
            await attempt()
    await site.depot.vault.change(site.writer, file.id, name=file.name)
    assert await count() == before


async def test_consumers_see_sealed_events_in_order(site: Site) -> None:
    """Nothing before it is sealed; then every event once, numbered without a gap."""
    files = [await site.put(str(n).encode()) for n in range(5)]
    assert await site.depot.history.page(site.space.id, 0) == []
    sealed = await site.depot.history.seal()
    assert sealed >= 5
    rows = await site.depot.history.page(site.space.id, 0, 1000)
    assert [row.sequence for row in rows] == list(range(1, len(rows) + 1))
    assert {file.id for file in files} <= {row.subject for row in rows}
    assert await site.depot.history.last_sequence(site.space.id) == len(rows)
    assert await site.depot.history.seal() == 0
    assert await site.depot.history.page(site.space.id, len(rows)) == []


async def test_each_space_has_a_chain_of_its_own(site: Site) -> None:
    """The numbers of one space tell nothing of another's."""
    elsewhere = await site.other_space()
    await site.put(b"here")
    await site.put(b"there", seat=elsewhere)
    await site.depot.history.seal()
    for number in (site.space.id, elsewhere.space_id):
        rows = await site.depot.history.page(number, 0, 1000)
        assert [row.sequence for row in rows] == list(range(1, len(rows) + 1))
        assert {row.space_id for row in rows} == {number}
        assert await site.depot.history.verify(number) is None


async def test_sealers_of_several_processes_make_one_chain(site: Site) -> None:
    """However many seal while events come in (C-50)."""
    other = await site.again()

    async def seal(one: Site) -> None:
        for _ in range(8):
            await one.depot.history.seal()
            await asyncio.sleep(0)

    writes = [site.put(str(n).encode(), str(n)) for n in range(60)]
    await asyncio.gather(seal(site), seal(other), *writes)
    await site.depot.history.seal()
    rows = await site.depot.history.page(site.space.id, 0, 1000)
    assert [row.sequence for row in rows] == list(range(1, len(rows) + 1))
    assert len({row.id for row in rows}) == len(rows)
    assert sum(row.action == "file.kept" for row in rows) == 60
    assert await site.depot.history.verify(site.space.id) is None
    await other.depot.close()


async def test_the_chain_is_checked_while_it_grows(site: Site) -> None:
    """A check beside a busy sealer raises no false alarm."""

    async def grow() -> None:
        for number in range(25):
            await site.put(str(number).encode(), str(number))
            await site.depot.history.seal()

    growing = asyncio.create_task(grow())
    while not growing.done():
        assert await site.depot.history.verify(site.space.id) is None
    await growing


Tampering = Callable[[int], list[Any]]
TAMPERINGS: dict[str, Tampering] = {
    "other data": lambda n: [update(event).where(event.c.id == n).values(data='{"size":9}')],
    "other actor": lambda n: [update(event).where(event.c.id == n).values(actor_id=77)],
    "other time": lambda n: [update(event).where(event.c.id == n).values(at=1)],
    "other subject": lambda n: [update(event).where(event.c.id == n).values(subject=1)],
    "other action": lambda n: [update(event).where(event.c.id == n).values(action="x")],
    "other digest": lambda n: [update(event).where(event.c.id == n).values(digest=bytes(32))],
    "row gone": lambda n: [delete(event).where(event.c.id == n)],
    "row moved": lambda n: [update(event).where(event.c.id == n).values(sequence=999)],
    "row hidden": lambda n: [update(event).where(event.c.id == n).values(space_id=999)],
    "end cut off": lambda n: [delete(event).where(event.c.id >= n)],
    "head moved": lambda n: [update(chain).values(digest=bytes(32))],
}


@pytest.mark.parametrize("how", TAMPERINGS)
async def test_tampering_shows(site: Site, how: str) -> None:
    """Any change of a sealed row, or of the head, is found, and where (C-50)."""
    for number in range(6):
        await site.put(str(number).encode())
    await site.depot.history.seal()
    rows = await site.depot.history.page(site.space.id, 0, 1000)
    victim = rows[len(rows) // 2]

    def tamper(tx: Any) -> None:
        for statement in TAMPERINGS[how](victim.id):
            tx.run(statement)

    await site.run(tamper)
    found = await site.depot.history.verify(site.space.id)
    assert found == (len(rows) + 1 if how == "head moved" else victim.sequence)


async def test_following(site: Site) -> None:
    """Events come to who listens as they are sealed; without any an empty batch (C-50)."""
    stream = site.depot.history.follow(site.space.id, 0)
    first: list[int | None] = []
    await site.depot.history.seal()
    first += [each.id for each in await anext(stream)]
    waiting = asyncio.create_task(anext(stream))
    await asyncio.sleep(0.05)
    file = await site.put(b"news")
    await site.depot.history.seal()
    batch = await asyncio.wait_for(waiting, 5)
    assert [each.subject for each in batch] == [file.id]
    assert await asyncio.wait_for(anext(stream), 5) == ()
    assert first


async def test_events_of_a_file_stay_after_its_end(site: Site) -> None:
    """Only the audit rows remain of what was purged."""
    file = await site.put(b"x")
    await site.depot.vault.release(site.writer, file.id)
    await site.sweep(grace=-1)
    assert (await actions(site, file.id))[-1] == "file.purged"
    rows = await site.run(lambda tx: events.of(tx, site.space.id, file.id))
    assert rows[-1].actor_id is None
