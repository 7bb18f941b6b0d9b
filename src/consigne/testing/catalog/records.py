"""``catalog.records``, ``record_types`` and ``links``: what both engines must agree on (C-55)."""

from typing import Any
from uuid import uuid4

import msgspec

from consigne.catalog import files, links, record_types, records
from consigne.catalog.engine import Catalog, Tx
from consigne.errors import Internal, NameTaken
from consigne.model.entities import Access, Guard, Reason, State
from consigne.model.names import fold
from consigne.model.records import (
    Field,
    FieldKind,
    Link,
    Record,
    RecordList,
    RecordState,
    RecordType,
    TypeVersion,
)
from consigne.testing.catalog.base import AT, Base, a_file, call, insert_files, together


def a_type(space: int, name: str = "PAPER", **fields: Any) -> RecordType:
    """Return a type to insert."""
    row = RecordType(0, space, "native", name, fold(name), name, 1, "{}", "[]", AT, 1, None)
    return msgspec.structs.replace(row, **fields)


def a_record(type: RecordType, number: int = 1, title: str = "", **fields: Any) -> Record:
    """Return a live record to insert."""
    row = Record(
        id=0,
        space_id=type.space_id,
        type_id=type.id,
        type_version=1,
        uuid=str(uuid4()),
        name=None,
        name_fold=None,
        title=title,
        title_fold=fold(title),
        state=RecordState.LIVE,
        origin=None,
        revision=0,
        number=number,
        type_number=number,
        is_partial=False,
        reference=None,
        is_reference=False,
        body="{}",
        acl=None,
        locked_by=None,
        created_at=AT,
        created_by=1,
        updated_at=AT,
        updated_by=None,
        data_created_at=None,
        data_updated_at=None,
        latitude=1.25,
        longitude=-0.1,
        trashed_at=None,
    )
    return msgspec.structs.replace(row, **fields)


def a_link(record: Record, file_id: int, field: str = "scan", idx: int = -1, **more: Any) -> Link:
    """Return a live link."""
    row = Link(
        record.id, field, idx, record.space_id, file_id, True, 0, "r", None, None, "space", AT, 1
    )
    return msgspec.structs.replace(row, **more)


async def new_type(catalog: Catalog, space: int, **fields: Any) -> RecordType:
    """Insert a type with one version whose only field is ``scan``."""
    wanted = a_type(space, **fields)
    scan = msgspec.json.encode([Field("scan", FieldKind.FILE)]).decode()

    def work(tx: Tx) -> RecordType:
        made = record_types.insert_type(tx, wanted)
        record_types.add_version(tx, TypeVersion(made.id, 1, scan, AT, 1))
        return made

    return await catalog.write(work)


async def insert(catalog: Catalog, *rows: Record) -> list[Record]:
    """Insert records; return them with their numbers."""
    return await catalog.write(lambda tx: [records.insert_record(tx, row) for row in rows])


class RecordTests(Base):
    """Records, their types and their links."""

    async def test_what_goes_in_comes_out(self, catalog: Catalog, space: int) -> None:
        """Types and records by number, name and UUID; a changed column leaves the others."""
        type = await new_type(catalog, space)
        (record,) = await insert(catalog, a_record(type, name="Ab", name_fold="ab", acl="{}"))
        for find in (
            call(records.by_id, record.id),
            call(records.lock, record.id),
            call(records.by_uuid, space, record.uuid),
            call(records.by_name, space, "ab"),
            call(records.by_number, type.id, 1),
        ):
            assert await catalog.write(find) == record
        changed = await catalog.write(
            lambda tx: records.change(tx, record, title="é", latitude=None, is_partial=True)
        )
        assert await catalog.look(call(records.by_id, record.id)) == changed
        assert changed.body == record.body
        assert await catalog.look(call(record_types.by_name, space, "paper")) == type
        assert await catalog.look(call(record_types.by_name, space + 1, "paper")) is None

    async def test_names_are_taken_once(self, catalog: Catalog, space: int) -> None:
        """Of a type and of a record, per space, without regard to case."""
        type = await new_type(catalog, space)
        other = await new_type(catalog, space + 1)
        named: dict[str, Any] = {"name": "N", "name_fold": "n"}
        (first,) = await insert(catalog, a_record(type, **named))
        await insert(catalog, a_record(other, **named))
        for work in (
            call(record_types.insert_type, a_type(space, "paper")),
            call(records.insert_record, a_record(type, **named)),
        ):
            assert isinstance((await together([catalog], [work]))[0], NameTaken)
        (free,) = await insert(catalog, a_record(type, 2))
        taken = await together([catalog], [lambda tx: records.change(tx, free, **named)])
        assert isinstance(taken[0], NameTaken)
        twice = await together([catalog], [call(records.insert_record, first)])
        assert isinstance(twice[0], NameTaken | Internal)

    async def test_numbers_are_given_out_once(
        self, catalog: Catalog, other: Catalog, space: int
    ) -> None:
        """Per space and per type, from 1, also to processes that ask at the same time."""
        work = call(records.count_up, space, 7)
        given = await together([catalog, other], [work] * 40)
        assert sorted(given) == [(number, number) for number in range(1, 41)]
        assert await catalog.write(call(records.count_up, space, 8)) == (41, 1)
        assert await catalog.write(call(records.count_up, space + 1, 7)) == (1, 1)

    async def test_pages(self, catalog: Catalog, space: int) -> None:
        """By number or title, both ways, behind a place; by state, type and kind."""
        type, other = (
            await new_type(catalog, space),
            await new_type(catalog, space, name="B", name_fold="b"),
        )
        rows = await insert(
            catalog,
            a_record(type, 1, "b"),
            a_record(type, 2, "a", is_reference=True),
            a_record(type, 3, "é"),
            a_record(type, 4, "a", acl='{"view":[]}'),
            a_record(type, 5, state=RecordState.TRASHED, trashed_at=AT),
            a_record(other, 6, "a"),
        )

        async def numbers(after: Any = None, limit: int = 9, **query: Any) -> list[int]:
            wanted = RecordList(space, **query)
            page = await catalog.read(call(records.page, wanted, after, limit))
            return [row.number for row in page]

        assert await numbers() == [1, 2, 3, 4, 6]
        assert await numbers((2,), 2) == [3, 4]
        assert await numbers((3,), descending=True) == [2, 1]
        assert await numbers(type_id=type.id, by_title=True) == [2, 4, 1, 3]
        assert await numbers(("a", 2), 2, type_id=type.id, by_title=True) == [4, 1]
        assert await numbers(state=RecordState.TRASHED) == [5]
        assert await numbers(is_reference=True) == [2]
        assert await numbers(is_reference=False, type_id=other.id) == [6]
        counted = await catalog.read(call(records.count, RecordList(space)))
        assert counted == {(type.id, None): 3, (type.id, '{"view":[]}'): 1, (other.id, None): 1}
        assert await catalog.read(call(records.overrides, space)) == [(type.id, '{"view":[]}')]
        assert await catalog.read(call(records.trashed, AT + 1, 0, 9)) == [rows[4]]
        assert await catalog.read(call(records.trashed, AT, 0, 9)) == []

    async def test_a_file_has_one_live_link(
        self, catalog: Catalog, other: Catalog, space: int
    ) -> None:
        """Of processes that link it at the same time one does; frozen links do not count."""
        type = await new_type(catalog, space)
        rows = await insert(catalog, *[a_record(type, number) for number in range(1, 11)])
        file = a_file(space)
        await insert_files(catalog, [file])
        works = [call(links.insert_link, a_link(row, file.id)) for row in rows]
        results = await together([catalog, other], works)
        assert results.count(None) == 1
        frozen = [
            call(
                links.insert_link, a_link(row, file.id, "copy", is_live=False, version=number // 2)
            )
            for number, row in enumerate(rows)
        ]
        assert await together([catalog, other], frozen) == [None] * 10
        assert await catalog.look(call(links.pins, file.id, 1)) == 2
        assert await catalog.look(call(links.count_frozen, file.id)) == 10
        seen = await catalog.look(call(links.sight, file.id))
        assert len(seen) == 11
        assert {(field, type.id) for field, _, _, type in seen} == {
            ("scan", type.id), ("copy", type.id)
        }  # fmt: skip

    async def test_linking_and_stamping(self, catalog: Catalog, space: int) -> None:
        """What linking makes of a file, and its access as ACLs of type and record change."""
        type = await new_type(catalog, space)
        own, plain, trashed = await insert(
            catalog, a_record(type, 1, acl="{}"), a_record(type, 2),
            a_record(type, 3, state=RecordState.TRASHED, trashed_at=AT),
        )  # fmt: skip
        held = [a_file(space, state=State.HELD, reasons=Reason(0), expires_at=AT) for _ in range(4)]
        await insert_files(catalog, held)

        def work(tx: Tx) -> None:
            for file, row, field in zip(
                held, (own, plain, trashed, plain), ("scan", "scan", "scan", "closed"), strict=True
            ):
                links.take(
                    tx, file, access=Access.SPACE, reasons=int(Reason.LINK),
                    guards=int(Guard.LINKED),
                )  # fmt: skip
                links.insert_link(tx, a_link(row, file.id, field))

        async def accesses() -> list[Access]:
            found = [await catalog.look(call(files.by_id, file.id)) for file in held]
            return [file.access for file in found if file is not None]

        await catalog.write(work)
        taken = await catalog.look(call(files.by_id, held[0].id))
        assert taken is not None
        assert (taken.state, taken.was_linked, taken.expires_at) == (State.KEPT, True, None)
        shut, free = Access.RECORD, Access.SPACE
        for acl, restricted, expected in (
            (None, True, [free, shut, free, shut]),
            ("{}", True, [shut, shut, free, shut]),
            (None, False, [shut, free, free, shut]),
        ):
            await catalog.write(
                lambda tx, acl=acl, restricted=restricted: links.stamp_type(  # type: ignore[misc]
                    tx, type.id, acl, restricted=restricted, hidden=["closed"]
                )
            )
            assert await accesses() == expected
        await catalog.write(lambda tx: links.stamp_record(tx, own.id, restricted=False, hidden=()))
        assert await accesses() == [free, free, free, shut]
