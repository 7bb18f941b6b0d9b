"""``catalog.spaces``: counters that are never wrong, names, hosts, members."""

import pytest

from consigne.catalog import files, spaces, uploads
from consigne.catalog.engine import Catalog, Tx
from consigne.errors import NameTaken, QuotaExceeded, SpaceNotFound
from consigne.model.entities import Member, Principal, State, Version
from consigne.model.rights import Role
from consigne.testing.catalog.base import (
    AT,
    Base,
    a_file,
    a_space,
    an_upload,
    insert_files,
    new_space,
    together,
)
from consigne.testing.catalog.people import new_person


class SpaceTests(Base):
    """Spaces and who is in them."""

    async def test_a_space_comes_back_as_it_went_in(self, catalog: Catalog) -> None:
        """All fields, by number, by name and in a page."""
        wish = a_space(short="a-b_1", quota=2**62, signup_open=True, name="É ß")
        made = await catalog.write(lambda tx: spaces.insert_space(tx, wish))
        assert made == a_space(id=made.id, short="a-b_1", quota=2**62, signup_open=True, name="É ß")
        for find in (
            lambda tx: spaces.by_id(tx, made.id),
            lambda tx: spaces.by_short(tx, "a-b_1"),
            lambda tx: spaces.page(tx, 0, 10)[0],
            lambda tx: spaces.lock(tx, made.id),
        ):
            assert await catalog.write(find) == made
        assert await catalog.look(lambda tx: spaces.by_short(tx, "A-B_1")) is None

    async def test_a_name_is_taken_once(self, catalog: Catalog, other: Catalog) -> None:
        """Ten at once: one space."""
        found = await together(
            [catalog, other], [lambda tx: spaces.insert_space(tx, a_space(short="x"))] * 10
        )
        assert sum(isinstance(each, NameTaken) for each in found) == 9
        assert len(await catalog.read(lambda tx: spaces.page(tx, 0, 100))) == 1

    async def test_pages_of_spaces(self, catalog: Catalog) -> None:
        """Pages follow each other by number."""
        numbers = [await new_space(catalog, short=f"s{n}") for n in range(7)]
        first = await catalog.read(lambda tx: spaces.page(tx, 0, 3))
        rest = await catalog.read(lambda tx: spaces.page(tx, first[-1].id, 100))
        assert [each.id for each in first + rest] == sorted(numbers)

    async def test_fifty_at_once_never_pass_the_quota(
        self, catalog: Catalog, other: Catalog
    ) -> None:
        """The check and the charge are one statement (C-24)."""
        space = await new_space(catalog, quota=205)
        found = await together(
            [catalog, other], [lambda tx: spaces.charge(tx, space, used=10)] * 25
        )
        found += await together(
            [catalog, other], [lambda tx: spaces.charge(tx, space, reserved=10)] * 25
        )
        assert found.count(None) == 20
        assert sum(isinstance(each, QuotaExceeded) for each in found) == 30
        present = await catalog.look(lambda tx: spaces.by_id(tx, space))
        assert present is not None
        assert present.used + present.reserved == 200

    async def test_what_a_charge_counts(self, catalog: Catalog) -> None:
        """Only growth of ``used + reserved`` is held against the quota; undo is not."""
        space = await new_space(catalog, quota=100)

        async def charge(used: int = 0, reserved: int = 0, undo: int = 0) -> None:
            more = {"used": used, "reserved": reserved, "undo": undo}
            await catalog.write(lambda tx: spaces.charge(tx, space, **more))

        await charge(reserved=100)
        await charge(used=60, reserved=-100)
        await charge(undo=10**12)
        with pytest.raises(QuotaExceeded) as caught:
            await charge(used=41)
        assert caught.value.details["used"] == 60
        assert caught.value.details["quota"] == 100
        assert caught.value.details["needed"] == 41
        await catalog.write(
            lambda tx: spaces.change(tx, a_space(id=space, quota=10, name="smaller"))
        )
        await charge(used=-10)
        await charge(used=5, reserved=-5)
        with pytest.raises(QuotaExceeded):
            await charge(used=1)
        with pytest.raises(SpaceNotFound):
            await catalog.write(lambda tx: spaces.charge(tx, 404, used=1))

    async def test_change_leaves_the_counters_alone(self, catalog: Catalog) -> None:
        """Settable fields are set; a stale value does not bring old counters back."""
        space = await new_space(catalog)
        old = await catalog.look(lambda tx: spaces.by_id(tx, space))
        assert old is not None
        await catalog.write(lambda tx: spaces.charge(tx, space, used=7))
        await catalog.write(
            lambda tx: spaces.change(tx, a_space(id=space, name="new", ocr_credits=3))
        )
        new = await catalog.look(lambda tx: spaces.by_id(tx, space))
        assert new == a_space(id=space, name="new", ocr_credits=3, used=7)

    async def test_lock_of_a_space_that_is_not_there(self, catalog: Catalog) -> None:
        """No space, no lock."""
        with pytest.raises(SpaceNotFound):
            await catalog.write(lambda tx: spaces.lock(tx, 404))

    async def test_hosts(self, catalog: Catalog) -> None:
        """A host name belongs to one space, in lower case."""
        one, two = await new_space(catalog, short="one"), await new_space(catalog, short="two")
        await catalog.write(lambda tx: spaces.set_hosts(tx, one, ["B.example", "a.example"]))
        assert await catalog.look(lambda tx: spaces.hosts(tx, one)) == ["a.example", "b.example"]
        found = await catalog.look(lambda tx: spaces.by_host(tx, "b.example"))
        assert found is not None
        assert found.id == one
        with pytest.raises(NameTaken):
            await catalog.write(lambda tx: spaces.set_hosts(tx, two, ["c.example", "a.example"]))
        assert await catalog.look(lambda tx: spaces.hosts(tx, two)) == []
        await catalog.write(lambda tx: spaces.set_hosts(tx, one, ["c.example"]))
        assert await catalog.look(spaces.all_hosts) == ["c.example"]

    async def test_members(self, catalog: Catalog, space: int) -> None:
        """A membership is set, changed and dropped; lists go by number."""
        people: list[Principal] = [await new_person(catalog, f"p{n}") for n in range(4)]

        def join(tx: Tx) -> None:
            for person in people:
                spaces.set_member(tx, Member(space, person.id, Role.READER, AT))
            spaces.set_member(tx, Member(space, people[0].id, Role.ADMIN, AT + 1))

        await catalog.write(join)
        found = await catalog.look(lambda tx: spaces.member_of(tx, space, people[0].id))
        assert found == Member(space, people[0].id, Role.ADMIN, AT)
        listed = await catalog.read(lambda tx: spaces.members(tx, space, people[0].id, 2))
        assert listed == [(Role.READER, people[1]), (Role.READER, people[2])]
        mine = await catalog.read(lambda tx: spaces.spaces_of(tx, people[0].id))
        assert [(role, each.id) for role, each in mine] == [(Role.ADMIN, space)]
        assert await catalog.write(lambda tx: spaces.drop_member(tx, space, people[0].id))
        assert not await catalog.write(lambda tx: spaces.drop_member(tx, space, people[0].id))
        assert await catalog.look(lambda tx: spaces.member_of(tx, space, people[0].id)) is None

    async def test_counted_adds_up_the_rows(self, catalog: Catalog, space: int) -> None:
        """What the counters must equal, by state and by kind of row (C-24)."""
        rows = {state: a_file(space, state=state, size=10**n) for n, state in enumerate(State)}
        await insert_files(catalog, [*rows.values(), a_file(99, size=5)])
        kept = rows[State.KEPT]

        def work(tx: Tx) -> None:
            for number, (size, pins) in enumerate([(7, 0), (9, 1)]):
                files.add_version(
                    tx,
                    Version(kept.id, number, 1, size, "v", None, None, b"", b"", pins, AT, 1, AT),
                )
            uploads.insert_upload(tx, an_upload(space, reserved=33))
            uploads.insert_upload(tx, an_upload(space, reserved=11, file_id=None))
            uploads.insert_upload(tx, an_upload(98, reserved=1))

        await catalog.write(work)
        used, reserved, undo = await catalog.read(lambda tx: spaces.counted(tx, space))
        sizes = {state: row.size for state, row in rows.items()}
        assert used == sizes[State.HELD] + sizes[State.KEPT] + 9
        assert reserved == 44
        assert undo == sizes[State.RELEASED] + 7
        assert await catalog.read(lambda tx: spaces.counted(tx, 404)) == (0, 0, 0)
