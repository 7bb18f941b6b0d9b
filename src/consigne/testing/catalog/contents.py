"""``catalog.contents``: one winner per digest, references that are never wrong (C-20)."""

from collections.abc import Callable

import msgspec

from consigne.catalog import contents
from consigne.catalog.engine import Catalog, Tx
from consigne.model.entities import Content, ContentState
from consigne.testing.catalog.base import AT, Base, a_content, call, together


class ContentTests(Base):
    """Immutable bytes and who refers to them."""

    async def test_a_content_comes_back_as_it_went_in(self, catalog: Catalog, space: int) -> None:
        """All fields, by number, key and digest; bytes stay bytes."""
        value = a_content(space, blocks=bytes(range(256)), size=2**62)
        assert await catalog.write(lambda tx: contents.add(tx, value))
        for find in (
            lambda tx: contents.by_id(tx, value.id),
            lambda tx: contents.by_key(tx, value.key),
            lambda tx: contents.find(tx, space, value.sha256),
            lambda tx: contents.page(tx, 0, 10)[0],
        ):
            found = await catalog.look(find)
            assert found == value
            assert type(found.blocks) is bytes
        assert await catalog.look(lambda tx: contents.find(tx, space + 1, value.sha256)) is None
        assert await catalog.look(lambda tx: contents.by_key(tx, "f-unknown")) is None

    async def test_one_winner_per_space_and_digest(
        self, catalog: Catalog, other: Catalog, space: int
    ) -> None:
        """Of fifty that bring the same bytes one stores them and the others share (C-20)."""

        def bring(value: Content) -> Callable[[Tx], tuple[bool, int]]:
            def work(tx: Tx) -> tuple[bool, int]:
                found = contents.adopt(tx, space, value.sha256)
                if found is not None:
                    return False, found.id
                if contents.add(tx, value):
                    return True, value.id
                found = contents.adopt(tx, space, value.sha256)
                assert found is not None
                return False, found.id

            return work

        values = [a_content(space) for _ in range(50)]
        found = await together([catalog, other], map(bring, values))
        assert sum(stored for stored, _ in found) == 1
        assert len({number for _, number in found}) == 1
        row = await catalog.look(lambda tx: contents.find(tx, space, values[0].sha256))
        assert row is not None
        assert row.references == 50
        elsewhere = a_content(space + 1)
        assert await catalog.write(lambda tx: contents.add(tx, elsewhere))

    async def test_references(self, catalog: Catalog, space: int) -> None:
        """A content without references is idle from then on, and no longer once it has one."""
        value = a_content(space)
        await catalog.write(lambda tx: contents.add(tx, value))

        async def state() -> tuple[int, int | None]:
            row = await catalog.look(lambda tx: contents.by_id(tx, value.id))
            assert row is not None
            return row.references, row.idle_since

        assert await catalog.write(lambda tx: contents.share(tx, value.id))
        assert await state() == (2, None)
        await catalog.write(lambda tx: contents.drop(tx, value.id, AT))
        assert await state() == (1, None)
        await catalog.write(lambda tx: contents.drop(tx, value.id, AT + 1))
        assert await state() == (0, AT + 1)
        adopted = await catalog.write(lambda tx: contents.adopt(tx, space, value.sha256))
        assert adopted == msgspec.structs.replace(value, references=1)
        assert await state() == (1, None)

    async def test_idle_contents(self, catalog: Catalog, space: int) -> None:
        """Only what nobody refers to, and only after the guard."""
        values = [a_content(space, bytes([n])) for n in range(3)]

        def work(tx: Tx) -> None:
            for at, value in enumerate(values):
                contents.add(tx, value)
                contents.drop(tx, value.id, AT + at)
            contents.share(tx, values[0].id)

        await catalog.write(work)
        found = await catalog.read(lambda tx: contents.idle(tx, AT + 2, 10))
        assert [each.id for each in found] == [values[1].id]
        assert len(await catalog.read(lambda tx: contents.idle(tx, AT + 9, 1))) == 1

    async def test_a_doomed_content_is_nobodys(self, catalog: Catalog, space: int) -> None:
        """Doomed: not adopted, not shared, not in the way of the same bytes; deleted at last."""
        value = a_content(space)

        def idle(tx: Tx) -> None:
            contents.add(tx, value)
            contents.drop(tx, value.id, AT)

        await catalog.write(idle)
        assert not await catalog.write(lambda tx: contents.doom(tx, value.id, AT))
        await catalog.write(lambda tx: contents.delete_doomed(tx, value.id))
        assert await catalog.look(lambda tx: contents.by_id(tx, value.id))
        assert await catalog.write(lambda tx: contents.doom(tx, value.id, AT + 1))
        assert await catalog.write(lambda tx: contents.adopt(tx, space, value.sha256)) is None
        assert not await catalog.write(lambda tx: contents.share(tx, value.id))
        assert await catalog.look(lambda tx: contents.find(tx, space, value.sha256)) is None
        again = a_content(space)
        assert await catalog.write(lambda tx: contents.add(tx, again))
        assert [c.id for c in await catalog.read(lambda tx: contents.idle(tx, AT + 9, 9))] == [
            value.id
        ]
        await catalog.write(lambda tx: contents.delete_doomed(tx, value.id))
        assert await catalog.look(lambda tx: contents.by_id(tx, value.id)) is None
        assert await catalog.look(lambda tx: contents.by_id(tx, again.id)) == again

    async def test_doom_against_adopt(self, catalog: Catalog, other: Catalog, space: int) -> None:
        """Of a sweeper and an upload that meet, one wins and the other knows (C-20)."""
        outcomes = set()
        for number in range(40):
            value = a_content(space, number.to_bytes(4, "big"))

            def idle(tx: Tx, value: Content = value) -> None:
                contents.add(tx, value)
                contents.drop(tx, value.id, AT)

            def doom(tx: Tx, value: Content = value) -> bool:
                return contents.doom(tx, value.id, AT + 1)

            def adopt(tx: Tx, value: Content = value) -> bool:
                return contents.adopt(tx, space, value.sha256) is not None

            await catalog.write(idle)
            works = [doom, adopt] if number % 2 else [adopt, doom]
            found = await together([catalog, other], works)
            assert sorted(found) == [False, True]
            row = await catalog.look(call(contents.by_id, value.id))
            assert row is not None
            adopted = found[works.index(adopt)]
            assert (row.state is ContentState.LIVE) == adopted
            assert row.references == int(adopted)
            outcomes.add(adopted)
        assert outcomes

    async def test_damaged_contents_are_not_shared(self, catalog: Catalog, space: int) -> None:
        """Corrupt or quarantined bytes are kept for their files and given to nobody else (C-25)."""
        for state in (ContentState.CORRUPT, ContentState.QUARANTINED):
            value = a_content(space, state.encode())
            await catalog.write(call(contents.add, value))
            await catalog.write(call(contents.mark, value.id, state))
            found = await catalog.write(call(contents.adopt, space, value.sha256))
            assert found is None
            row = await catalog.look(call(contents.by_id, value.id))
            assert row is not None
            assert (row.state, row.references) == (state, 1)
            fresh = a_content(space, state.encode())
            assert await catalog.write(call(contents.add, fresh))

    async def test_pages_of_contents(self, catalog: Catalog, space: int) -> None:
        """All contents in pages by number, for proof and scrub."""
        values = sorted([a_content(space, bytes([n])) for n in range(7)], key=lambda c: c.id)

        def work(tx: Tx) -> None:
            for value in values:
                contents.add(tx, value)

        await catalog.write(work)
        first = await catalog.read(lambda tx: contents.page(tx, 0, 4))
        rest = await catalog.read(lambda tx: contents.page(tx, first[-1].id, 4))
        assert first + rest == values
