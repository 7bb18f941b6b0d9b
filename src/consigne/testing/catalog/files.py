"""``catalog.files``: rows of files, versions, fields, tags and tombstones."""

from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from consigne.catalog import files
from consigne.catalog.engine import Catalog, Tx
from consigne.catalog.schema import file_field, file_tag
from consigne.errors import Internal
from consigne.model.entities import Access, Annotations, Guard, Policy, Reason, State, Version
from consigne.testing.catalog.base import AT, Base, a_file, call, insert_files


def a_version(file_id: int, number: int, **fields: Any) -> Version:
    """Return a replaced version."""
    value = Version(
        file_id, number, 1, 5, "old", None, "text/plain", b"s", b"m", 0, AT, None, AT + number
    )
    return msgspec.structs.replace(value, **fields)


class FileTests(Base):
    """Files and what belongs to them."""

    async def test_a_file_comes_back_as_it_went_in(self, catalog: Catalog, space: int) -> None:
        """Every field, with enums, flags, booleans, bytes and absent values as they were."""
        full = a_file(
            space,
            "É.pdf",
            owner_id=3,
            state=State.RELEASED,
            access=Access.PRIVATE,
            policy=Policy.SINGLE,
            reasons=Reason.OWNER | Reason.PIN,
            guards=Guard.HOLD | Guard.LINKED,
            folder_id=4,
            year_id=5,
            parent_id=6,
            reference="R\n'\"%_",
            declared_type="a/b",
            detected_type="c/d",
            is_source=True,
            is_open=True,
            was_linked=True,
            version=7,
            content_id=2**62,
            size=2**62,
            sha256=bytes(range(32)),
            md5=bytes(16),
            client_hash="abc",
            date="2026-02-30",
            completed_at=AT,
            updated_at=AT,
            updated_by=8,
            expires_at=AT,
            released_at=AT,
            retain_until=AT,
            hold_reason="why",
            notes={"k": "v"},
            tags=["t"],
        )
        bare = a_file(space, "")
        await insert_files(catalog, [full, bare])
        for row in (full, bare):
            found = await catalog.look(call(files.by_id, row.id))
            assert found == row
            assert await catalog.write(call(files.lock, row.id)) == row
        assert await catalog.look(lambda tx: files.by_id(tx, 404)) is None

    async def test_change_of_a_file(self, catalog: Catalog, space: int) -> None:
        """Only the columns that are named change; others keep what they have by now."""
        row = a_file(space, notes={"a": "1"}, tags=["x"])
        await insert_files(catalog, [row])

        def work(tx: Tx) -> None:
            present = files.lock(tx, row.id)
            assert present is not None
            files.change(tx, present, size=9)
            new = files.change(tx, present, state=State.HELD, is_open=True, guards=Guard.HOLD)
            assert new.state is State.HELD

        await catalog.write(work)
        found = await catalog.look(lambda tx: files.by_id(tx, row.id))
        assert found == msgspec.structs.replace(
            row, size=9, state=State.HELD, is_open=True, guards=Guard.HOLD
        )

    async def test_fields_and_tags_follow_the_row(self, catalog: Catalog, space: int) -> None:
        """What is searched is what the row says, through changes and to the end."""

        def indexed(tx: Tx) -> tuple[set[Any], set[Any]]:
            fields = tx.all(select(file_field.c.name, file_field.c.value))
            return {tuple(r) for r in fields}, {r[0] for r in tx.all(select(file_tag.c.tag))}

        row = a_file(space, notes={"a": "1", "b": "é"}, tags=["x", "y"])
        await insert_files(catalog, [row])
        assert files.annotations(row) == Annotations({"a": "1", "b": "é"}, ["x", "y"])
        assert await catalog.read(indexed) == ({("a", "1"), ("b", "é")}, {"x", "y"})

        def replace(tx: Tx) -> None:
            present = files.lock(tx, row.id)
            assert present is not None
            files.change(tx, present, meta='{"fields":{"b":"2"},"tags":["y","z"]}')

        await catalog.write(replace)
        assert await catalog.read(indexed) == ({("b", "2")}, {"y", "z"})
        await catalog.write(lambda tx: files.remove(tx, row.id))
        assert await catalog.read(indexed) == (set(), set())
        assert await catalog.look(lambda tx: files.by_id(tx, row.id)) is None

    async def test_an_id_is_taken_once(self, catalog: Catalog, space: int) -> None:
        """An id that exists is refused, and the row that has it stays."""
        row = a_file(space, "first")
        await insert_files(catalog, [row])
        with pytest.raises(Internal):
            await insert_files(catalog, [msgspec.structs.replace(row, name="second")])
        assert await catalog.look(lambda tx: files.by_id(tx, row.id)) == row

    async def test_a_unit_that_met_a_taken_id_is_tried_again(
        self, catalog: Catalog, space: int
    ) -> None:
        """Ids are random: a collision costs a second try and no error (design.md "Identity")."""
        row = a_file(space, "first")
        await insert_files(catalog, [row])
        numbers = iter([row.id, row.id + 1])

        def work(tx: Tx) -> int:
            number = next(numbers)
            files.insert_file(tx, msgspec.structs.replace(row, id=number, name="second"))
            return number

        assert await catalog.write(work) == row.id + 1
        found = await catalog.look(lambda tx: files.by_id(tx, row.id))
        assert found == row

    async def test_versions(self, catalog: Catalog, space: int) -> None:
        """Versions of a file, newest first; each is dropped once."""
        row = a_file(space)
        await insert_files(catalog, [row, a_file(space)])
        values = [a_version(row.id, number) for number in (1, 2, 10)]

        def work(tx: Tx) -> None:
            for value in values:
                files.add_version(tx, value)

        await catalog.write(work)
        assert await catalog.look(lambda tx: files.versions(tx, row.id)) == values[::-1]
        assert await catalog.look(lambda tx: files.version_of(tx, row.id, 2)) == values[1]
        assert await catalog.look(lambda tx: files.version_of(tx, row.id, 3)) is None
        assert await catalog.write(lambda tx: files.drop_version(tx, row.id, 2))
        assert not await catalog.write(lambda tx: files.drop_version(tx, row.id, 2))
        assert await catalog.read(lambda tx: files.versions_page(tx, 0, 10)) == [
            values[0],
            values[2],
        ]

    async def test_old_versions(self, catalog: Catalog, space: int) -> None:
        """Unpinned versions by age, with their space; pinned ones are nobody's to drop."""
        row, elsewhere = a_file(space), a_file(space + 1)
        await insert_files(catalog, [row, elsewhere])

        def work(tx: Tx) -> None:
            files.add_version(tx, a_version(row.id, 1, replaced_at=30))
            files.add_version(tx, a_version(row.id, 2, replaced_at=10, pins=1))
            files.add_version(tx, a_version(row.id, 3, replaced_at=20))
            files.add_version(tx, a_version(elsewhere.id, 1, replaced_at=15))

        await catalog.write(work)
        old = await catalog.read(lambda tx: files.old_versions(tx, 30, 10))
        assert [(v.replaced_at, number) for v, number in old] == [(15, space + 1), (20, space)]
        mine = await catalog.read(lambda tx: files.old_versions_in(tx, space, 10))
        assert [v.replaced_at for v in mine] == [20, 30]
        assert len(await catalog.read(lambda tx: files.old_versions_in(tx, space, 1))) == 1

    async def test_files_that_are_due(self, catalog: Catalog, space: int) -> None:
        """Held and expected files whose time is over; released ones by age, per space too."""
        rows = {
            "held": a_file(space, state=State.HELD, expires_at=10),
            "later": a_file(space, state=State.HELD, expires_at=20),
            "expected": a_file(space, state=State.EXPECTED, expires_at=10),
            "kept": a_file(space, state=State.KEPT, expires_at=10),
            "old": a_file(space, state=State.RELEASED, released_at=5),
            "young": a_file(space, state=State.RELEASED, released_at=50),
            "oldest": a_file(space + 1, state=State.RELEASED, released_at=1),
        }
        await insert_files(catalog, rows.values())
        names = {row.id: name for name, row in rows.items()}

        async def due(find: Any) -> list[str]:
            return [names[row.id] for row in await catalog.read(find)]

        assert set(await due(lambda tx: files.expired(tx, 20, 9))) == {"held", "expected"}
        assert await due(lambda tx: files.released(tx, 50, 9)) == ["oldest", "old"]
        assert await due(lambda tx: files.released_in(tx, space, 9)) == ["old", "young"]

    async def test_tombstones(self, catalog: Catalog) -> None:
        """What has ended is remembered until its time, or for ever (C-15)."""

        def work(tx: Tx) -> None:
            files.bury(tx, "file", 1, 7, 8, "purged", AT, AT + 10)
            files.bury(tx, "file", 2, 7, None, "purged", AT, None)
            files.bury(tx, "upload", 1, 9, 8, "expired", AT, AT + 99)

        await catalog.write(work)
        assert await catalog.look(lambda tx: files.tombstone_of(tx, "file", 1)) == ("purged", 7, 8)
        await catalog.write(lambda tx: files.forget_tombstones(tx, AT + 50))
        assert await catalog.look(lambda tx: files.tombstone_of(tx, "file", 1)) is None
        found = await catalog.look(lambda tx: files.tombstone_of(tx, "file", 2))
        assert found == ("purged", 7, None)
        found = await catalog.look(lambda tx: files.tombstone_of(tx, "upload", 1))
        assert found == ("expired", 9, 8)

    async def test_pages_of_files(self, catalog: Catalog, space: int) -> None:
        """All files in pages by number, for proof."""
        rows = sorted([a_file(space) for _ in range(7)], key=lambda row: row.id)
        await insert_files(catalog, rows)
        first = await catalog.read(lambda tx: files.page(tx, 0, 4))
        rest = await catalog.read(lambda tx: files.page(tx, first[-1].id, 4))
        assert first + rest == rows
