"""When hooks and constraints are asked, and what their answers do (C-53, DY-58, DY-59)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from tests.parts.sites import Site
from tests.records.record_support import PDF, PNG, codes, held, make, new_type

from consigne.catalog.engine import Tx
from consigne.core.history import record
from consigne.core.records.change import Change, Full, Ref, Slot
from consigne.core.records.desk import Records
from consigne.core.records.hooks import Answer, Occasion, Point
from consigne.core.records.layout import Layout
from consigne.errors import Busy, ConstraintFailed, HookRefused
from consigne.model.entities import State
from consigne.model.records import Field, FieldKind, RecordType

pytestmark = pytest.mark.parametrize("store", ["sqlite-memory"], indirect=True)

FIELDS = [
    Field("word", FieldKind.TEXT, "Word", in_title=True, constraints=["polite"]),
    Field("scan", FieldKind.FILE, constraints=["clean"]),
    Field("rows", FieldKind.TEXT, multiple=True, constraints=["polite"]),
]


@dataclass
class Panel:
    """Hooks that note what they are asked and answer what a test wants."""

    answers: dict[Point, list[Answer]] = field(default_factory=dict)
    asked: list[tuple[Point, Occasion]] = field(default_factory=list)
    during: Callable[[Point], Awaitable[None]] | None = None
    silent: bool = False

    def concern(self, tx: Tx, type: RecordType, layout: Layout) -> bool:
        return not self.silent

    async def close(self) -> None:
        return None

    async def run(self, point: Point, occasion: Occasion) -> list[Answer]:
        self.asked.append((point, occasion))
        if self.during is not None:
            await self.during(point)
        return self.answers.get(point, [])

    def book(self, tx: Tx, occasion: Occasion) -> None:
        assert occasion.record is not None
        record(tx, occasion.seat.space_id, None, "hook.due", occasion.record.id)

    @property
    def points(self) -> list[Point]:
        return [point for point, _ in self.asked]


@pytest.fixture
def panel() -> Panel:
    return Panel()


@pytest.fixture
def desk(site: Site, panel: Panel) -> Records:
    return Records(site.depot.catalog, site.depot.intake, site.settings, panel)


async def create(site: Site, desk: Records, type_id: int, **change: object) -> Full:
    return await desk.create(site.writer, type_id, Change(**change))  # type: ignore[arg-type]


async def events(site: Site, action: str) -> int:
    await site.depot.history.seal()
    found = await site.depot.history.page(site.space.id, 0, 1000)
    return sum(event.action == action for event in found)


async def test_the_order_of_a_save(site: Site, desk: Records, panel: Panel) -> None:
    """pre_store, constraints, pre_insert, commit, post_store, whose text comes back; that it is
    due is written in the commit."""
    typed = await new_type(site, fields=FIELDS)
    file = await held(site)
    panel.answers[Point.POST_STORE] = [Answer("well done"), Answer(None), Answer(None, failed=True)]
    full = await create(
        site, desk, typed.type.id, values={"word": "a", "rows": ["b", None, "c"]},
        files={"scan": Slot(file.id)},
    )  # fmt: skip
    assert panel.points == list(Point)
    assert (full.messages, full.warnings) == (["well done"], ["Hook error"])
    before, checks = panel.asked[0][1], panel.asked[1][1].checks
    assert (before.record, before.action) == (None, "create")
    assert before.files[("scan", -1)].sha256 == file.sha256
    assert [(each.name, each.field.id, each.index) for each in checks] == [
        ("polite", "word", None), ("polite", "rows", 0), ("polite", "rows", 1),
        ("polite", "rows", 2), ("clean", "scan", None),
    ]  # fmt: skip
    after = panel.asked[-1][1].record
    assert after is not None
    assert after.id == full.record.id
    assert await events(site, "hook.due") == 1
    panel.asked.clear()
    ref = Ref.number(full.record.id)
    await desk.change(site.writer, ref, Change(values={"word": "b"}))
    assert panel.points == [Point.PRE_STORE, Point.CONSTRAINT, Point.POST_STORE]
    panel.asked.clear()
    await desk.replace_file(site.writer, ref, "scan", None, _bytes(PNG))
    assert panel.points == list(Point)
    assert panel.asked[0][1].files[("scan", -1)].detected_type == "image/png"
    panel.asked.clear()
    await desk.trash(site.writer, ref)
    await desk.delete(site.writer, ref)
    assert panel.points == [Point.PRE_STORE, Point.POST_STORE] * 2


@pytest.mark.parametrize("point", [Point.PRE_STORE, Point.PRE_INSERT])
async def test_a_veto_stores_nothing(site: Site, desk: Records, panel: Panel, point: Point) -> None:
    """Text or failure refuses; a temporary file stays one, new bytes are gone, quota is back."""
    typed = await new_type(site, fields=FIELDS)
    file = await held(site)
    full = await make(site, typed, files={"scan": Slot((await held(site, PNG)).id)})
    used = await site.books()
    for answer, text in ((Answer("not on Sundays"), "not on Sundays"),
                         (Answer(None, failed=True), "Hook error")):  # fmt: skip
        panel.answers[point] = [Answer(None), answer]
        ref = Ref.number(full.record.id)
        for attempt in (
            lambda: create(site, desk, typed.type.id, files={"scan": Slot(file.id)}),
            lambda ref=ref: desk.put_file(site.writer, ref, "scan", None, file.id),
            lambda ref=ref: desk.replace_file(site.writer, ref, "scan", None, _bytes(PDF)),
        ):
            with pytest.raises(HookRefused) as caught:
                await attempt()
            assert (caught.value.message, caught.value.details["point"]) == (text, point.value)
    assert (await site.depot.vault.look(site.writer, file.id)).state is State.HELD
    assert (await site.rows("record"), await site.rows("link")) == (1, 1)
    assert await site.books() == used
    await site.audit()


async def test_constraints_join_the_other_failures(site: Site, desk: Records, panel: Panel) -> None:
    """What plug-ins and fields find wrong comes in one answer, with suggestions (DY-59)."""
    fields = [*FIELDS, Field("number", FieldKind.INT, max=3)]
    typed = await new_type(site, fields=fields)
    panel.answers[Point.CONSTRAINT] = [
        Answer("rude", check=2, suggests=["please"]), Answer(None, check=0),
        Answer(None, failed=True, check=0),
    ]  # fmt: skip
    with pytest.raises(ConstraintFailed) as caught:
        await create(
            site, desk, typed.type.id,
            values={"word": "a", "number": 4, "rows": ["b", "c"]}, files={"scan": Slot(1)},
        )  # fmt: skip
    assert codes(caught.value) == {
        ("number", None, "too_large"), ("rows", 1, "constraint"), ("word", None, "constraint"),
    }  # fmt: skip
    rude = [each for each in caught.value.details["failures"] if each.field == "rows"]
    assert (rude[0].message, rude[0].suggests) == ("rude", ["please"])
    assert panel.points == [Point.PRE_STORE, Point.CONSTRAINT]


async def test_what_changes_meanwhile_is_asked_about_again(
    site: Site, desk: Records, panel: Panel
) -> None:
    """The commit saves what was shown, never something else; endless change ends in Busy (C-53)."""
    typed = await new_type(site, fields=FIELDS)
    file = await held(site)
    full = await make(site, typed, values={"word": "a"})
    ref = Ref.number(full.record.id)
    left = [1]

    async def meddle(point: Point) -> None:
        if point is Point.PRE_STORE and left[0] > 0:
            left[0] -= 1
            other = Change(values={"rows": [str(left[0])]})
            await site.depot.records.change(site.writer, ref, other)

    panel.during = meddle
    await desk.change(site.writer, ref, Change(values={"word": "b"}))
    assert panel.points.count(Point.PRE_STORE) == 2
    assert panel.points.count(Point.POST_STORE) == 1

    async def swap(point: Point) -> None:
        if point is Point.PRE_INSERT and left[0] > -1:
            left[0] -= 1
            await site.depot.intake.replace(site.writer, file.id, _bytes(PNG), held_until=2**50)

    panel.asked.clear()
    panel.during = swap
    await desk.put_file(site.writer, ref, "scan", None, file.id)
    shown = [told.files[("scan", -1)].version for _, told in panel.asked]
    assert (shown[0], shown[-1]) == (1, 2)
    left[0] = 1000
    panel.during = meddle
    with pytest.raises(Busy):
        await desk.change(site.writer, ref, Change(values={"word": "c"}))


async def test_a_type_that_nobody_cares_for_is_saved_at_once(
    site: Site, desk: Records, panel: Panel
) -> None:
    """No hook, no question; refusals are those of the core."""
    typed = await new_type(site, fields=FIELDS)
    panel.silent = True
    await create(site, desk, typed.type.id, values={"word": "a"})
    with pytest.raises(ConstraintFailed):
        await create(site, desk, typed.type.id, values={"word": 1})
    assert panel.asked == []


async def _bytes(data: bytes):  # type: ignore[no-untyped-def]
    yield data
