"""The end of users and spaces, on each pair of catalog and store (C-56)."""

import asyncio

import msgspec
import pytest
from tests.parts.sites import Site, chunks
from tests.parts.working import worker_of
from tests.records.record_support import held, make, new_type

from consigne.core import departures
from consigne.core.access import Caller, Seat
from consigne.core.departures import CLEAR_SPACE, HAND_OVER
from consigne.core.entry import Entry
from consigne.core.proof import Proof
from consigne.core.proof.report import Options
from consigne.core.records.change import Ref, Slot
from consigne.core.webhooks import Wish
from consigne.errors import (
    FileNotFound,
    NotMember,
    Protected,
    SpaceNotFound,
    Unauthenticated,
    UserNotFound,
    WrongState,
)
from consigne.jobs.departures import ClearSpaceHandler, HandOverHandler
from consigne.model.entities import Access, Job
from consigne.model.rights import Role

WORK_OF_A_SPACE = (
    "file", "version", "file_tag", "file_field", "folder", "year", "record", "record_type",
    "type_version", "record_counter", "link", "upload", "part", "webhook", "delivery", "once",
    "label_due",
)  # fmt: skip


def actor(site: Site) -> Caller:
    return Caller(msgspec.structs.replace(site.admin.caller.principal, is_operator=True))


async def done(site: Site, job: Job) -> Job:
    """Have a worker do a job; return it as it ended."""
    handlers = {
        HAND_OVER: HandOverHandler(site.depot.clearing),
        CLEAR_SPACE: ClearSpaceHandler(site.depot.clearing),
    }
    seat = Seat(site.admin.caller, await site.depot.tenancy.numbered(job.space_id), Role.ADMIN)
    async with worker_of(site, handlers), asyncio.timeout(60):
        while True:
            present = await site.depot.jobs.look(seat, job.id)
            if present.is_over:
                return present
            await asyncio.sleep(0.02)


async def filled(site: Site, short: str = "bureau") -> Seat:
    """Return the manager's seat in a space with everything in it that a space can have."""
    depot = site.depot
    await site.other_space(short)
    space = await depot.tenancy.named(short)
    boss = Seat(site.admin.caller, space, Role.ADMIN)
    await depot.tenancy.set_member(boss, boss.caller.principal.email, Role.ADMIN)
    folder = await depot.folders.create(boss, "Invoices")
    kept = await site.put(b"one" * 2000, "kept.txt", boss, folder_id=folder.id, tags=["a"],
                          fields={"n": "1"})  # fmt: skip
    await depot.intake.replace(boss, kept.id, chunks(b"two" * 3000))
    await site.put(b"temporary", "held.txt", boss, hold=True, expires_at=2**50)
    gone = await site.put(b"trash", "gone.txt", boss)
    await depot.vault.release(boss, gone.id)
    year = await depot.years.create(
        boss, label="2026", starting_at="2026-01-01T00:00:00Z", ending_at="2026-12-31T00:00:00Z"
    )
    await depot.shelf.create(boss, year.id, Entry(name="expected.pdf"))
    typed = await new_type(site, seat=boss)
    scan = await held(site, seat=boss)
    full = await make(site, typed, seat=boss, files={"ct_scan": Slot(scan.id)})
    await depot.records.freeze(boss, Ref.number(full.record.id))
    await make(site, typed, seat=boss)
    upload = await depot.uploads.expect(
        boss, Entry(name="parts.bin"), length=20_000, part_size=8192
    )
    await depot.uploads.receive_part(boss, upload.upload.id, chunks(bytes(8192)), number=1)
    await depot.webhooks.create(boss, Wish("hook", "https://example.org/", ["*"]))
    return boss


async def clean(site: Site) -> None:
    """fsck finds nothing."""
    report = await Proof(site.depot.catalog, site.depot.bucket).check(Options(rehash=True))
    assert not report.findings, report.findings


async def test_deleted_user(site: Site) -> None:
    """C-56: locked out at once; the files go over to their spaces, private ones too."""
    depot = site.depot
    leaver = await site.newcomer("leaver", Role.WRITER)
    there = await site.other_space("other")
    away = Seat(leaver.caller, there.space, Role.WRITER)
    await depot.tenancy.set_member(
        Seat(site.admin.caller, there.space, Role.ADMIN), "leaver@example.org", Role.WRITER
    )
    mine = [await site.put(bytes([n]), f"{n}", leaver, access=Access.PRIVATE) for n in range(5)]
    other = await site.put(b"elsewhere", "e", away)
    theirs = await site.put(b"theirs")
    _, key = await depot.accounts.create_key(leaver.caller.principal, "key")
    token = await depot.accounts.tokens.issue(leaver.caller.principal, 3600)
    jobs = await depot.departures.delete_user(actor(site), leaver.principal_id)
    assert [(job.space_id, job.total) for job in jobs] == [(site.space.id, 5), (there.space_id, 1)]
    for secret in (key, token):
        with pytest.raises(Unauthenticated):
            await depot.accounts.by_bearer(secret)
    for call in (
        depot.accounts.user(leaver.principal_id),
        depot.accounts.user_named("leaver@example.org"),
        depot.accounts.change_user(leaver.principal_id, is_active=True),
        depot.departures.delete_user(actor(site), leaver.principal_id),
    ):
        with pytest.raises(UserNotFound):
            await call
    assert leaver.principal_id not in {user.id for user in await depot.accounts.users()}
    members = await depot.tenancy.members(site.admin)
    assert leaver.principal_id not in {user.id for _, user in members}
    for job in jobs:
        assert (await done(site, job)).result == f'{{"files":{job.total}}}'
    assert {(await depot.vault.look(site.manager, f.id)).owner_id for f in mine} == {None}
    assert (await depot.vault.look_anywhere(site.manager, theirs.id)).owner_id is not None
    boss = Seat(site.admin.caller, there.space, Role.MANAGER)
    assert (await depot.vault.look(boss, other.id)).owner_id is None
    # Private files without an owner are the managers' business.
    with pytest.raises(FileNotFound):
        await depot.vault.look(site.writer, mine[0].id)
    assert await site.get(mine[0]) == b"\0"
    again = await depot.accounts.create_user("leaver@example.org")
    assert again.id != leaver.principal_id
    await clean(site)


async def test_the_last_operator_stays(site: Site) -> None:
    """C-56: somebody must be there to look after the installation."""
    accounts = site.depot.accounts
    one = await accounts.create_user("one@example.org", is_operator=True)
    for attempt in (
        site.depot.departures.delete_user(actor(site), one.id),
        accounts.change_user(one.id, is_active=False),
        accounts.change_user(one.id, is_operator=False),
    ):
        with pytest.raises(WrongState):
            await attempt
    two = await accounts.create_user("two@example.org", is_operator=True)
    ended = await asyncio.gather(
        site.depot.departures.delete_user(actor(site), one.id),
        site.depot.departures.delete_user(actor(site), two.id),
        return_exceptions=True,
    )
    assert [type(each) for each in ended if isinstance(each, Exception)] == [WrongState]


async def test_closed_and_opened_again(site: Site) -> None:
    """C-56: a deleted space is there for nobody, and as it was when it is restored in time."""
    depot = site.depot
    boss = await filled(site)
    before = await depot.tenancy.usage(boss)
    files = await site.rows("file")
    space, job = await depot.departures.delete_space(actor(site), "bureau", grace=3600)
    assert space.deleted_at is not None
    assert (job.kind, job.total) == (CLEAR_SPACE, 6)
    for short in ("bureau", None):
        caller = Caller(boss.caller.principal, space.id)
        with pytest.raises((SpaceNotFound, NotMember)):
            await depot.accounts.seat(caller, short=short)
    with pytest.raises(SpaceNotFound):
        await site.put(b"late", seat=boss)
    assert "bureau" not in {each.short for each in await depot.tenancy.page()}
    assert [each.short for each, _ in await depot.departures.closed()] == ["bureau"]
    # Again: the time is set anew, by another job.
    _, second = await depot.departures.delete_space(actor(site), "bureau", grace=7200)
    assert second.id != job.id
    opened = await depot.departures.restore_space(actor(site), "bureau")
    assert opened == before
    assert await site.rows("file") == files
    assert (await depot.accounts.seat(boss.caller, short="bureau")).role is Role.ADMIN
    with pytest.raises(SpaceNotFound):
        await depot.departures.restore_space(actor(site), "bureau")


async def test_cleared(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """C-56: when the time is over nothing is left but events and tombstones; the name is free."""
    monkeypatch.setattr(departures, "_BATCH", 2)
    depot = site.depot
    theirs = await site.put(b"of another space" * 1000)
    boss = await filled(site)
    _, job = await depot.departures.delete_space(actor(site), "bureau", grace=0)
    ended = await done(site, job)
    assert (ended.error, ended.result) == (None, '{"files":5}')
    for table in WORK_OF_A_SPACE:
        assert await site.rows(table) == (table in ("file", "label_due")), table
    left = await depot.tenancy.numbered(boss.space_id)
    assert (left.short, left.used, left.reserved, left.undo) == (f"~{left.id}", 0, 0, 0)
    assert [job for _, job in await depot.departures.closed()] == [None]
    await site.sweep(purge_guard=-1)
    assert await site.rows("content") == 1
    assert await site.get(theirs) == b"of another space" * 1000
    await site.audit()
    await clean(site)
    made = await depot.tenancy.create("bureau")
    assert made.id != boss.space_id
    with pytest.raises(SpaceNotFound):
        await depot.departures.restore_space(actor(site), "~2")


async def test_killed_while_clearing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """C-56: what was begun goes on where it was, and cannot be called back."""
    monkeypatch.setattr(departures, "_BATCH", 1)
    depot = site.depot
    await filled(site)
    _, job = await depot.departures.delete_space(actor(site), "bureau", grace=0)
    real, calls, begun = departures.keeping.purge, 0, asyncio.Event()

    def purge(*arguments: object) -> None:
        nonlocal calls
        calls += 1
        loop.call_soon_threadsafe(begun.set)
        if calls == 3:
            raise RuntimeError("killed")
        real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(departures.keeping, "purge", purge)
    refused: list[Exception] = []
    loop = asyncio.get_running_loop()

    async def call_back() -> None:
        await begun.wait()
        for verb in (depot.departures.restore_space, depot.departures.delete_space):
            with pytest.raises((WrongState, SpaceNotFound)) as caught:
                await verb(actor(site), "bureau")
            refused.append(caught.value)

    ended, _ = await asyncio.gather(done(site, job), call_back())
    assert ended.attempts == 2
    assert ended.result == '{"files":5}'
    assert len(refused) == 2
    await site.sweep(purge_guard=-1)
    await clean(site)


async def test_refused(site: Site) -> None:
    """C-56, C-12: not the only space, none that is unknown, none with a file that must stay."""
    depot = site.depot
    with pytest.raises(WrongState):
        await depot.departures.delete_space(actor(site), "lobby")
    boss = await filled(site)
    with pytest.raises(SpaceNotFound):
        await depot.departures.delete_space(actor(site), "nowhere")
    file = await site.put(b"evidence", seat=boss)
    await depot.vault.guard(boss, file.id, hold_reason="case 7")
    with pytest.raises(Protected) as caught:
        await depot.departures.delete_space(actor(site), "bureau")
    assert caught.value.details["guards"] == ["retention", "hold"]
    assert (await depot.tenancy.named("bureau")).deleted_at is None
    assert await depot.departures.closed() == []
