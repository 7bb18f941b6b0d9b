"""Imports on both databases: one at a time, resumed, swept, with the rights of who started them."""

import asyncio

import pytest
from import_support import all_of, codes, ended, imported, importing, new_form, report, start
from sqlalchemy import select
from tests.parts.sites import Site, chunks

from consigne.catalog.engine import Tx
from consigne.catalog.schema import file as files
from consigne.core.access import Seat
from consigne.core.entry import Once
from consigne.core.imports import wishes
from consigne.core.proof import Options, Proof
from consigne.core.records.change import Change, Ref
from consigne.core.records.hooks import Answer, Occasion, Point
from consigne.core.records.layout import Layout
from consigne.errors import AlreadyLinked, Protected, TypeNotFound
from consigne.model.entities import JobState, State
from consigne.model.identity import Kind, to_uuid
from consigne.model.imports import Mode
from consigne.model.records import Acl, RecordType
from consigne.model.rights import Role

HEAD = "userEmail,title,amount\n"
MAIL = "writer@example.org"


def table(count: int, *, bad: int = 0) -> str:
    """Return a CSV of which every ``bad``-th row is refused."""
    rows = (f"{MAIL},row {i},{-1 if bad and i % bad == 0 else i}\n" for i in range(count))
    return HEAD + "".join(rows)


async def test_rows_and_results(site: Site) -> None:
    """DX-44, C-52: each row by itself, in batches."""
    typed = await new_form(site)
    shown = await imported(site, typed, table(250, bad=7))
    assert (shown.job.state, shown.job.total, shown.job.done) == (JobState.DONE, 250, 250)
    assert (shown.run.succeeded, shown.run.failed, shown.has_errors) == (214, 36, True)
    rows = await report(site, shown)
    assert [int(row["#line"]) for row in rows] == [i + 2 for i in range(0, 250, 7)]
    made = await all_of(site, typed)
    assert [full.values["title"] for full in made] == [f"row {i}" for i in range(250) if i % 7]
    assert {full.record.created_by for full in made} == {site.people[Role.WRITER].id}


async def test_a_row_that_fails_late_takes_no_other_along(site: Site) -> None:
    """C-52: what is refused behind the first write is undone alone."""
    typed = await new_form(site)
    scans = [await site.put(b"%PDF-1.4 " + bytes([i]), f"{i}.pdf", hold=True, expires_at=2**50)
             for i in range(3)]  # fmt: skip
    await site.depot.vault.guard(site.admin, scans[1].id, hold_reason="a case")
    uuids = [to_uuid(Kind.FILE, file.id) for file in scans]
    first = await imported(
        site, typed, "userEmail,title,scan\n" + "".join(f"{MAIL},t,{u}\n" for u in uuids)
    )
    assert first.run.succeeded == 3
    numbers = [full.record.number for full in await all_of(site, typed)]
    fresh = [await site.put(b"%PDF-1.4 x" + bytes([i]), hold=True, expires_at=2**50)
             for i in range(3)]  # fmt: skip
    rows = "".join(
        f"{MAIL},{number},u,{to_uuid(Kind.FILE, file.id)}\n"
        for number, file in zip(numbers, fresh, strict=True)
    )
    second = await imported(site, typed, "userEmail,submissionNumber,title,scan\n" + rows)
    assert (second.run.succeeded, second.run.failed) == (2, 1)
    assert [full.values["title"] for full in await all_of(site, typed)] == ["u", "t", "u"]
    assert (await site.depot.vault.look(site.manager, fresh[1].id)).state is State.HELD


async def test_resumed_behind_the_last_result(site: Site) -> None:
    """DX-44, C-52: another worker goes on; what the first one does afterwards has no effect."""
    typed = await new_form(site)
    shown = await start(site, typed, table(1000, bad=10))
    async with importing(site) as worker:
        while (await site.depot.imports.look(site.manager, shown.job.id)).run.succeeded < 200:  # noqa: ASYNC110
            await asyncio.sleep(0)
        for task in worker._tasks:  # as if the machine had stopped: nobody puts the job back
            task.cancel()
        await asyncio.sleep(0)
    async with importing(site):
        now = await ended(site, shown)
    assert (now.run.succeeded, now.run.failed) == (900, 100)
    titles = [full.values["title"] for full in (await _everything(site, typed.type.id))]
    assert sorted(titles) == sorted(f"row {i}" for i in range(1000) if i % 10)


async def _everything(site: Site, type_id: int) -> list[object]:
    found, after = [], None
    while True:
        page = await site.depot.records.page(site.manager, type_id, after=after, limit=500)
        found += page.records
        if page.after is None or not page.records:
            return found  # type: ignore[return-value]
        after = page.after


async def test_one_at_a_time(site: Site) -> None:
    """DX-44: the second import of a space waits, without an attempt of it being used up."""
    typed = await new_form(site)
    first, second = [await start(site, typed, table(300)) for _ in range(2)]
    async with importing(site), importing(site):
        one, two = await ended(site, first), await ended(site, second)
    assert one.job.ended_at is not None
    assert two.job.attempts == 1
    numbers = [full.record.number for full in await _everything(site, typed.type.id)]
    assert numbers == list(range(1, 601))


async def test_who_started_it_loses_the_right(site: Site) -> None:
    """C-02, C-56, DX-04: an import has the rights that its owner has at that moment."""
    typed = await new_form(site)
    seat = await site.newcomer("boss", Role.MANAGER)
    shown = await start(site, typed, table(3), seat=seat)
    await site.depot.tenancy.set_member(site.admin, "boss@example.org", Role.READER)
    async with importing(site):
        now = await ended(site, shown)
    assert (now.job.state, now.run.succeeded, now.has_errors) == (JobState.FAILED, 0, False)
    assert await all_of(site, typed) == []


async def test_rights_of_records(site: Site) -> None:
    """DX-40, C-04: an ACL and a lock hold for imports, too."""
    typed = await new_form(site, acl=Acl(create=["user:nobody@example.org"]))
    with pytest.raises(Exception) as refusal:
        await start(site, typed, table(1))
    assert refusal.value.details["right"] == "create"
    assert await site.rows("file") == 0 or (await site.books())[0] == 0
    typed = await new_form(site, "OTHER")
    full = await site.depot.records.create(
        site.writer, typed.type.id, Change(values={"title": "a"})
    )
    await site.depot.records.lock(site.writer, Ref.number(full.record.id))
    text = f"userEmail,submissionNumber,title\n{MAIL},{full.record.number},b\n"
    shown = await imported(site, typed, text, mode=Mode.UPDATE)
    (row,) = await report(site, shown)
    assert (row["#field"], codes(row)) == ("submissionNumber", ["BAD_VALUE"])


async def test_a_row_that_breaks(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """DX-47: a fault inside is one of its row alone, and says nothing of what went wrong."""
    honest = wishes._member

    def breaking(hand: wishes.Hand, login: str) -> int | None:
        if login == "boom@example.org":
            raise RuntimeError("secret")
        return honest(hand, login)

    monkeypatch.setattr(wishes, "_member", breaking)
    typed = await new_form(site)
    text = HEAD + f"{MAIL},a,1\nboom@example.org,b,2\n{MAIL},c,3\n"
    shown = await imported(site, typed, text)
    (row,) = await report(site, shown)
    assert codes(row) == ["INTERNAL"]
    assert "secret" not in row["#error"]
    assert [full.values["title"] for full in await all_of(site, typed)] == ["a", "c"]


async def test_the_file_and_its_end(site: Site) -> None:
    """DX-31, DX-39, DX-54: linked and guarded while the job is listed, then let go."""
    typed = await new_form(site)
    shown = await imported(site, typed, table(3, bad=2))
    file = await site.depot.vault.look(site.manager, shown.run.file_id)
    assert (file.state, file.was_linked) == (State.KEPT, True)
    with pytest.raises(Protected):
        await site.depot.vault.release(site.manager, file.id)
    with pytest.raises(AlreadyLinked):
        await site.depot.imports.start(site.manager, typed.type.id, Mode.ADD, file.id)
    found = await Proof(site.depot.catalog, site.depot.bucket, 0).check(Options())
    assert found.findings == []
    await site.sweep(job_history=3600)
    assert await site.rows("report") == 1
    await asyncio.sleep(0.002)
    await site.sweep(job_history=0, purge_guard=0)
    left = [await site.rows(name) for name in ("report", "import_run", "import_row")]
    assert left == [0, 0, 0]
    gone = await site.depot.vault.look_anywhere(site.manager, file.id)
    assert gone.state is State.RELEASED
    assert (await site.books())[0] == 0


async def test_the_same_key_twice_at_once(site: Site) -> None:
    """DX-37: of simultaneous starts one makes the job; the others answer it."""
    typed = await new_form(site)
    key = Once("k", "import")
    starts = [
        site.depot.imports.receive(
            site.manager, typed.type.id, Mode.ADD, chunks(table(2).encode()), key=key
        )
        for _ in range(4)
    ]
    told = await asyncio.gather(*starts)
    assert len({shown.job.id for shown in told}) == 1
    assert await site.rows("import_run") == 1
    states = await site.depot.catalog.read(_states)
    assert states.count("kept") == 1
    assert "held" not in states


def _states(tx: Tx) -> list[str]:
    return [row[0] for row in tx.all(select(files.c.state))]


async def test_another_space(site: Site) -> None:
    """DX-49, C-01: a structure or an import of another space is not there."""
    typed = await new_form(site)
    stranger = await site.other_space()
    boss = Seat(stranger.caller, stranger.space, Role.MANAGER)
    with pytest.raises(TypeNotFound):
        await start(site, typed, table(1), seat=boss)


class Asked:
    """A plug-in that refuses a title, and remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[tuple[Point, str]] = []
        self.booked = 0

    def concern(self, tx: Tx, type: RecordType, layout: Layout) -> bool:
        return True

    async def run(self, point: Point, occasion: Occasion) -> list[Answer]:
        title = str(occasion.values.get("title"))
        self.told.append((point, title))
        refused = point is Point.PRE_STORE and title == "bad"
        return [Answer("No such title.")] if refused else []

    def book(self, tx: Tx, occasion: Occasion) -> None:
        self.booked += 1


async def test_plug_ins_are_asked(site: Site) -> None:
    """C-53: whichever way a record is saved; who refuses, refuses one row."""
    hooks = site.depot.importing._taking._hooks = Asked()
    typed = await new_form(site)
    text = HEAD + f"{MAIL},a,1\n{MAIL},bad,2\n{MAIL},c,-3\n{MAIL},d,4\nx@example.org,e,5\n"
    shown = await imported(site, typed, text)
    assert (shown.run.succeeded, shown.run.failed, shown.job.done) == (2, 3, 5)
    rows = await report(site, shown)
    assert [(row["#line"], codes(row)) for row in rows] == [
        ("3", ["BAD_VALUE"]), ("4", ["BAD_VALUE"]), ("6", ["USER_NOT_FOUND"]),
    ]  # fmt: skip
    assert "No such title." in rows[0]["#error"]
    assert hooks.booked == 2
    assert [title for point, title in hooks.told if point is Point.POST_STORE] == ["a", "d"]
    (first, last) = await all_of(site, typed)
    text = f"userEmail,submissionNumber,title\n{MAIL},{last.record.number},new\n"
    shown = await imported(site, typed, text)
    assert shown.run.succeeded == 1
    assert [full.values["title"] for full in await all_of(site, typed)] == ["a", "new"]
    assert first.record.number == 1
