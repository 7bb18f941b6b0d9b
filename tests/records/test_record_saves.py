"""Values, versions and rights of records (C-02, C-33, DY-56..60, DX-22..27, DX-37, DX-38)."""

import asyncio
from typing import Any

import pytest
from tests.parts.sites import Site
from tests.records.record_support import FIELDS, PDF, PNG, change, codes, held, make, new_type

from consigne.core.access import Seat
from consigne.core.entry import Once, Precondition
from consigne.core.records.change import Ref, Slot
from consigne.core.records.specs import TypeSpec
from consigne.errors import (
    AlreadyLinked,
    BadParameter,
    ConsigneError,
    ConstraintFailed,
    FileNotFound,
    IdempotencyConflict,
    LinkRefused,
    NameTaken,
    PreconditionFailed,
    RecordLocked,
    RecordNotFound,
    RecordTrashed,
    RightMissing,
    TypeInUse,
    TypeNotFound,
)
from consigne.model.entities import Access, Policy, State
from consigne.model.records import Acl, Field, FieldKind, RecordState
from consigne.model.rights import Role

ONE = pytest.mark.parametrize("store", ["sqlite-memory"], indirect=True)


async def test_everything_that_is_wrong_is_said_at_once(site: Site) -> None:
    """One answer lists all failures; nothing is stored (DY-59, DX-38)."""
    fields = [
        *FIELDS,
        Field("ct_day", FieldKind.DATE, required=True),
        Field("ct_small", FieldKind.FILE, accept=[".pdf"], max_size=10, name_regex="[a-z]+"),
        Field("ct_fixed", FieldKind.INT, editable=False),
    ]
    typed = await new_type(site, fields=fields)
    image, second = await held(site, PNG, "Q.png"), await held(site)
    with pytest.raises(ConstraintFailed) as caught:
        await make(
            site,
            typed,
            values={
                "ct_title": "x" * 41,
                "CT_AMOUNT": -1,
                "ct_state": ["open", "lost"],
                "ct_part": ["a", None, 3],
                "unknown": 1,
                "ct_scan": "text",
            },
            files={"ct_small": Slot(image.id), "ct_photo": Slot(second.id)},
        )
    assert codes(caught.value) == {
        ("ct_title", None, "too_large"),
        ("ct_amount", None, "too_small"),
        ("ct_state", None, "unknown_option"),
        ("ct_state", None, "too_many"),
        ("ct_part", 2, "bad_value"),
        ("unknown", None, "unknown_field"),
        ("ct_scan", None, "bad_value"),
        ("ct_day", None, "required"),
        ("ct_small", None, "type"),
        ("ct_small", None, "size"),
        ("ct_small", None, "name"),
        ("ct_photo", None, "type"),
    }
    assert (await site.rows("record"), await site.rows("link")) == (0, 0)
    full = await make(site, typed, values={"ct_day": "2031-03-04", "ct_fixed": 1})
    with pytest.raises(ConstraintFailed) as caught:
        await change(site, full, values={"ct_fixed": 2, "ct_day": ""})
    assert codes(caught.value) == {
        ("ct_fixed", None, "not_editable"),
        ("ct_day", None, "required"),
    }
    await change(site, full, values={"ct_fixed": 1, "ct_amount": 3})


BAD_VALUES: dict[FieldKind, list[Any]] = {
    FieldKind.TEXT: [1, "a\0b", ["a"]],
    FieldKind.INT: [True, 1.5, "1", 1 << 64],
    FieldKind.DOUBLE: [True, float("nan"), "1"],
    FieldKind.BOOLEAN: [1, "true"],
    FieldKind.DATE: ["2031-02-30", "20310201", 5],
    FieldKind.TIMESTAMP: ["now", 1.5],
    FieldKind.EMAIL: ["a", "a b@c", 1],
    FieldKind.PHONE: ["call me", 1],
    FieldKind.DURATION: ["1s"],
    FieldKind.LOCATION: [{"lat": 91, "lng": 0}, {"lat": 1}, [1, 2], {"lat": 1, "lng": 2, "x": 1}],
    FieldKind.LIST: ["a", [1]],
    FieldKind.USER: [1, ["1"], [True]],
    FieldKind.RELATION: [["a"], {"records": [{"id": "a"}]}, {"records": [{"count": 1}]}],
}


@ONE
@pytest.mark.parametrize("kind", BAD_VALUES)
async def test_each_kind_refuses_what_it_is_not(site: Site, kind: FieldKind) -> None:
    """A value of another kind is a failure of its field, never an error of ours (DX-23, DY-60)."""
    typed = await new_type(site, fields=[Field("f", kind)])
    for value in BAD_VALUES[kind]:
        with pytest.raises(ConstraintFailed) as caught:
            await make(site, typed, values={"f": value})
        assert codes(caught.value) == {("f", None, "bad_value")}, value


@ONE
async def test_unknown_files_come_before_linked_ones(site: Site) -> None:
    """All of the worst class, none of another space's; the good ones stay held (DX-32, DX-38)."""
    typed = await new_type(site)
    good, used = await held(site), await held(site, policy=Policy.SINGLE)
    await make(site, typed, files={"ct_scan": Slot(used.id)})
    elsewhere = await held(site, seat=await site.other_space())
    private = await held(site, seat=site.manager, access=Access.PRIVATE)
    over = await site.put(PDF, "late.pdf", hold=True, expires_at=1)
    wrong = [elsewhere.id, private.id, over.id, 404]
    slots = [Slot(number) for number in [good.id, used.id, *wrong]]
    with pytest.raises(LinkRefused) as caught:
        await make(site, typed, files={"ct_notes": slots})
    refused = caught.value.details["files"]
    assert [(each.file, each.index) for each in refused] == list(
        zip(wrong, range(2, 6), strict=True)
    )
    with pytest.raises(AlreadyLinked) as linked:
        await make(site, typed, files={"ct_notes": slots[:2]})
    assert [each.file for each in linked.value.details["files"]] == [used.id]
    assert (await site.depot.vault.look(site.writer, good.id)).state is State.HELD
    assert await site.rows("record") == 1


async def test_numbers_count_up_and_a_repeated_create_makes_one(site: Site) -> None:
    """Per space and per type; a repeat answers with the record, other content is refused (DX-24,
    DX-37)."""
    first, second = await new_type(site, "A"), await new_type(site, "B")
    ids = ["7c1e0b52-93d4-4f0a-8a6e-2b51c09d77e3", "0b9c0b52-93d4-4f0a-8a6e-2b51c09d77e3"]
    file = await held(site, policy=Policy.SINGLE)
    wish: dict[str, Any] = {"values": {"ct_title": "x"}, "files": {"ct_scan": Slot(file.id)}}
    again = await site.again()
    made = await asyncio.gather(
        *[
            make(place, first, uuid=ids[0], share=False, once=Once("k", "r"), **wish)
            for place in (site, again) * 4
        ]
    )
    await again.depot.close()
    assert {each.record.id for each in made} == {made[0].record.id}
    assert sorted(each.is_repeat for each in made) == [False] + [True] * 7
    other = await make(site, second, uuid=ids[1])
    assert (other.record.number, other.record.type_number) == (2, 1)
    for repeat in ({"uuid": ids[0]}, {"once": Once("k", "r")}):
        with pytest.raises(IdempotencyConflict):
            await make(site, first, values={"ct_title": "y"}, **repeat)
    await site.depot.records.delete(site.writer, Ref.uuid(ids[0].upper()))
    with pytest.raises(IdempotencyConflict):
        await make(site, first, uuid=ids[0], share=False, once=Once("k", "r"), **wish)
    with pytest.raises(BadParameter):
        await make(site, first, uuid="x")


async def test_what_is_not_named_stays_or_goes(site: Site) -> None:
    """A change keeps it; a replacement clears what the client's version had (DX-26)."""
    typed = await new_type(site, fields=FIELDS[:4])
    scan, photo = await held(site), await held(site, PNG, "p.png")
    full = await make(
        site, typed, values={"ct_title": "a", "ct_amount": 2}, files={"ct_scan": Slot(scan.id)}
    )
    await site.depot.types.change(site.manager, "contract", TypeSpec("CONTRACT", fields=FIELDS[:5]))
    full = await change(site, full, files={"ct_photo": Slot(photo.id)}, values={"ct_amount": 5})
    assert full.values == {"ct_title": "a", "ct_amount": 5}
    old = {"type_version": 1, "replace": True}
    full = await change(site, full, values={"ct_title": "b"}, **old)
    assert full.values == {"ct_title": "b"}
    assert [each.link.field for each in full.links] == ["ct_photo"]
    assert full.record.title == "b"
    full = await change(site, full, values={}, replace=True)
    assert (full.values, full.links) == ({}, [])
    with pytest.raises(BadParameter):
        await change(site, full, type_version=3)


@ONE
async def test_rows_of_an_array_belong_together(site: Site) -> None:
    """Appending goes behind the last row of the array; empty rows at the end go (DY-24, DY-27)."""
    typed = await new_type(site)
    full = await make(site, typed, values={"ct_part": ["a", "", None, "d", "", None]})
    assert full.values["ct_part"] == ["a", None, None, "d"]
    plan = await held(site)
    ref = Ref.number(full.record.id)
    full = await site.depot.records.put_file(site.writer, ref, "ct_plan", None, plan.id)
    assert await site.depot.records.place_of(site.writer, ref, plan.id) == ("ct_plan", 4)
    field = full.layout.find("ct_part")
    assert field is not None
    assert full.rows(field) == 5
    for bad in (-1, 1000):
        with pytest.raises(BadParameter):
            await site.depot.records.drop_file(site.writer, ref, "ct_plan", bad)
    with pytest.raises(BadParameter):
        await site.depot.records.put_file(site.writer, ref, "ct_scan", 0, plan.id)


async def test_a_type_keeps_the_fields_that_have_values(site: Site) -> None:
    """A field with values neither goes nor changes its kind; each change is a version (DY-60)."""
    typed = await new_type(site)
    file = await held(site)
    full = await make(
        site, typed, values={"ct_title": "a", "ct_part": ['say "ct_amount":']},
        files={"ct_scan": Slot(file.id)},
    )  # fmt: skip
    ref = Ref.number(full.record.id)
    await site.depot.records.freeze(site.writer, ref)
    await change(site, full, values={"ct_title": None, "ct_part": None}, files={"ct_scan": None})
    kept = [field for field in FIELDS if field.id not in ("ct_amount", "ct_photo")]
    for gone in ("ct_title", "ct_part", "ct_scan"):
        fields = [field for field in kept if field.id != gone]
        with pytest.raises(TypeInUse):
            await site.depot.types.apply(site.manager, [TypeSpec("Contract", fields=fields)])
    applied = await site.depot.types.apply(site.manager, [TypeSpec("CONTRACT", fields=kept)])
    assert (applied[0].outcome, applied[0].typed.type.version) == ("changed", 2)
    applied = await site.depot.types.apply(site.manager, [TypeSpec("CONTRACT", fields=kept)])
    assert (applied[0].outcome, applied[0].typed.type.version) == ("unchanged", 2)
    with pytest.raises(TypeInUse):
        await site.depot.types.delete(site.manager, "contract")
    with pytest.raises(NameTaken):
        await new_type(site, "contract")
    with pytest.raises(RightMissing):
        await new_type(site, "other", seat=site.writer)


BAD_SPECS = {
    "name": TypeSpec("1st"),
    "dialect": TypeSpec("A", dialect="latin"),
    "field": TypeSpec("A", fields=[Field("Upper", FieldKind.TEXT)]),
    "reserved": TypeSpec("A", dialect="daxium", fields=[Field("userEmail", FieldKind.TEXT)]),
    "kind": TypeSpec("A", dialect="dynacase", fields=[Field("a", FieldKind.LOCATION)]),
    "twice": TypeSpec("A", dialect="daxium", fields=[Field(n, FieldKind.INT) for n in ("a", "A")]),
    "parent": TypeSpec("A", fields=[Field("a", FieldKind.INT, parent="b")]),
    "cycle": TypeSpec(
        "A", fields=[Field(a, FieldKind.FRAME, parent=b) for a, b in (("a", "b"), ("b", "a"))]
    ),
    "both": TypeSpec(
        "A",
        fields=[Field("a", FieldKind.ARRAY), Field("b", FieldKind.INT, parent="a", multiple=True)],
    ),
    "regex": TypeSpec("A", fields=[Field("a", FieldKind.FILE, name_regex="(a+)+b")]),
    "broken regex": TypeSpec("A", fields=[Field("a", FieldKind.FILE, name_regex="(")]),
    "accept": TypeSpec("A", fields=[Field("a", FieldKind.FILE, accept=["pdf"])]),
    "visibility": TypeSpec("A", fields=[Field("a", FieldKind.INT, visibility="X")]),
    "acl": TypeSpec("A", acl=Acl(view=["somebody"])),
    "role": TypeSpec("A", acl=Acl(view=["role:king"])),
}


@ONE
@pytest.mark.parametrize("name", BAD_SPECS)
async def test_a_malformed_type_is_refused(site: Site, name: str) -> None:
    """Each dialect's grammar holds for its types, the strictest for native ones (C-33, DX-22)."""
    with pytest.raises(BadParameter):
        await site.depot.types.apply(site.manager, [TypeSpec("GOOD"), BAD_SPECS[name]])
    assert await site.rows("record_type") == 0


async def test_an_acl_decides_within_the_role(site: Site) -> None:
    """Entries name users, roles, groups; readers only view; the file follows its record through
    every door (C-02, C-04, DY-56)."""
    legal = await site.newcomer("legal", Role.WRITER)
    await site.depot.types.set_group(site.admin, "legal", [legal.caller.principal.email])
    acl = Acl(view=["group:legal", "role:reader"], edit=["group:legal", "role:reader"])
    typed = await new_type(site, acl=acl)
    file = await held(site, seat=legal)
    full = await make(site, typed, seat=legal, files={"ct_scan": Slot(file.id)})
    ref = Ref.number(full.record.id)
    reader = site.seat(Role.READER)
    for seat, sees in ((legal, True), (reader, True), (site.admin, True), (site.writer, False)):
        outcomes = [
            await outcome(site.depot.records.get(seat, ref)),
            await outcome(site.depot.vault.look(seat, file.id)),
            await outcome(site.depot.reader.open(seat, file.id)),
        ]
        assert outcomes == ([None] * 3 if sees else [RightMissing, FileNotFound, FileNotFound])
        page = await site.depot.records.page(seat)
        assert len(page.records) == await site.depot.records.count(seat) == int(sees)
    with pytest.raises(RightMissing):
        await change(site, full, seat=reader, values={"ct_title": "x"})
    await site.depot.types.set_group(site.admin, "legal", [])
    assert await outcome(site.depot.vault.look(legal, file.id)) is FileNotFound
    await site.depot.types.change(site.manager, "CONTRACT", TypeSpec("CONTRACT", fields=FIELDS))
    assert (await site.depot.vault.look(site.writer, file.id)).access is Access.SPACE
    await site.depot.records.set_acl(site.manager, ref, Acl(view=["user:nobody@example.org"]))
    assert await outcome(site.depot.records.get(site.writer, ref)) is RightMissing
    assert await outcome(site.depot.vault.look(site.writer, file.id)) is FileNotFound
    assert await site.depot.records.count(site.writer) == 0
    await site.depot.records.set_acl(site.admin, ref, None)
    assert await outcome(site.depot.vault.look(site.writer, file.id)) is None


async def test_history_shows_what_one_may_view(site: Site) -> None:
    """Events of a record, and of its files, go to those whom it lets view it (C-04, C-50)."""
    typed = await new_type(site, acl=Acl(view=["role:admin", "user:legal@example.org"]))
    legal = await site.newcomer("legal", Role.WRITER)
    file = await held(site, access=Access.PRIVATE)
    await make(site, typed, seat=site.admin, files={"ct_scan": Slot(file.id)})
    await site.depot.history.seal()
    told = await site.depot.history.page(site.space.id, 0, 100)

    async def seen(seat: Seat) -> set[str]:
        shown = await site.depot.history.seen_by(seat, told)
        return {event.action for event in shown} & {"record.created", "file.linked"}

    assert await seen(site.manager) == await seen(legal) == {"record.created", "file.linked"}
    assert await seen(site.writer) == await seen(site.seat(Role.READER)) == set()


async def test_a_frozen_revision_keeps_others_out(site: Site) -> None:
    """A file that only a frozen revision shows is seen by whom that lets view it (C-04, DY-55)."""
    typed = await new_type(site)
    file = await held(site)
    full = await make(site, typed, files={"ct_scan": Slot(file.id)})
    await site.depot.records.freeze(site.writer, Ref.number(full.record.id))
    await change(site, full, files={"ct_scan": None})
    assert await outcome(site.depot.vault.look(site.seat(Role.READER), file.id)) is None
    closed = TypeSpec("CONTRACT", acl=Acl(view=[]), fields=FIELDS)
    await site.depot.types.change(site.manager, "CONTRACT", closed)
    assert await outcome(site.depot.vault.look(site.writer, file.id)) is FileNotFound
    with pytest.raises(AlreadyLinked):
        await make(site, typed, seat=site.admin, files={"ct_scan": Slot(file.id)}, share=False)


async def test_visibility_i_hides_and_refuses(site: Site) -> None:
    """Own or from above; its file is a manager's only (DY-57)."""
    typed = await new_type(site, fields=[*FIELDS[:4]])
    file = await held(site)
    full = await make(site, typed, files={"ct_scan": Slot(file.id)})
    hidden = [Field("tab", FieldKind.TAB, visibility="I"), *FIELDS[:3]]
    hidden.append(Field("ct_scan", FieldKind.FILE, "Scan", parent="tab"))
    await site.depot.types.change(site.manager, "CONTRACT", TypeSpec("CONTRACT", fields=hidden))
    full = await site.depot.records.get(site.writer, Ref.number(full.record.id))
    assert (full.links, "ct_scan" in {field.id for field in full.fields}) == ([], False)
    assert await outcome(site.depot.vault.look(site.writer, file.id)) is FileNotFound
    assert await outcome(site.depot.vault.look(site.manager, file.id)) is None
    for attempt in (
        change(site, full, files={"ct_scan": None}),
        site.depot.records.put_file(site.writer, Ref.uuid(full.record.uuid), "ct_scan", None, 1),
    ):
        with pytest.raises(RightMissing) as caught:
            await attempt
        assert caught.value.details["right"] == "modify"
    await change(site, full, values={"ct_title": "x"}, replace=True)
    assert (await site.depot.vault.look(site.manager, file.id)).state is State.KEPT


async def test_another_space_sees_nothing(site: Site) -> None:
    """Number, UUID, name, type and files of another space are not there (C-04, DX-04)."""
    typed = await new_type(site)
    file = await held(site)
    full = await make(site, typed, name="Main-1", files={"ct_scan": Slot(file.id)})
    seat = await site.other_space()
    records = site.depot.records
    for ref in (Ref.number(full.record.id), Ref.uuid(full.record.uuid), Ref.name("main-1")):
        assert (await records.get(site.writer, ref)).record.id == full.record.id
        for attempt in (
            lambda ref=ref: records.get(seat, ref),
            lambda ref=ref: change(site, full, seat=seat, values={}),
            lambda ref=ref: records.put_file(seat, ref, "ct_scan", None, file.id),
            lambda ref=ref: records.drop_file(seat, ref, "ct_scan"),
            lambda ref=ref: records.trash(seat, ref),
            lambda ref=ref: records.delete(seat, ref),
            lambda ref=ref: records.freeze(seat, ref),
            lambda ref=ref: records.lock(seat, ref),
        ):
            assert await outcome(attempt()) is RecordNotFound
    for name in ("CONTRACT", typed.type.id):
        assert await outcome(site.depot.types.get(seat, name)) is TypeNotFound
    assert await outcome(make(site, typed, seat=seat)) is TypeNotFound
    assert (await records.page(seat)).records == []


async def test_lock_trash_and_end(site: Site) -> None:
    """Another's lock refuses writes; the trash keeps files, charged; the end releases them
    (C-16, DY-56, DX-36)."""
    typed = await new_type(site)
    file = await held(site)
    full = await make(site, typed, files={"ct_scan": Slot(file.id)})
    ref = Ref.number(full.record.id)
    records, other = site.depot.records, await site.newcomer("other", Role.WRITER)
    await records.lock(other, ref)
    for attempt in (
        change(site, full, values={"ct_title": "x"}),
        records.trash(site.writer, ref),
        records.unlock(site.writer, ref),
    ):
        with pytest.raises(RecordLocked):
            await attempt
    assert (await records.unlock(site.manager, ref)).record.locked_by is None
    with pytest.raises(PreconditionFailed):
        await records.trash(site.writer, ref, Precondition(frozenset({'"old"'})))
    now = await records.get(site.writer, ref)
    await records.trash(site.writer, ref, Precondition(frozenset({now.record.etag})))
    assert await outcome(records.get(site.writer, ref)) is RecordTrashed
    assert await outcome(change(site, full, values={})) is RecordTrashed
    assert await outcome(site.depot.vault.look(site.writer, file.id)) is FileNotFound
    assert (await site.books())[0] == len(PDF)
    trash = await records.page(site.writer, state=RecordState.TRASHED)
    assert [each.record.id for each in trash.records] == [full.record.id]
    await records.restore(site.writer, ref)
    assert await outcome(site.depot.vault.look(site.writer, file.id)) is None
    await site.depot.vault.guard(site.admin, file.id, hold_reason="trial")
    await records.trash(site.writer, ref)
    await site.sweep(grace=-1)
    assert await site.rows("record") == 1
    await site.depot.vault.guard(site.admin, file.id, hold_reason=None)
    swept = await site.sweep(grace=-1)
    assert swept.records == 1
    assert (await site.rows("record"), await site.rows("link")) == (0, 0)
    assert (await site.books())[0] == 0


async def outcome(attempt: Any) -> type[ConsigneError] | None:
    """Return the class of what a verb raises."""
    try:
        await attempt
    except ConsigneError as error:
        return type(error)
    return None
