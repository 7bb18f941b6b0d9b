"""``catalog.uploads``: sessions, parts and the leases on them (C-14, C-23)."""

from collections.abc import Callable

import msgspec
import pytest

from consigne.catalog import uploads
from consigne.catalog.engine import Catalog, Tx
from consigne.errors import Internal
from consigne.model.entities import Part, Upload, UploadState
from consigne.testing.catalog.base import AT, Base, an_upload, together


async def insert(catalog: Catalog, *values: Upload) -> None:
    """Insert sessions."""

    def work(tx: Tx) -> None:
        for value in values:
            assert uploads.insert_upload(tx, value)

    await catalog.write(work)


class UploadTests(Base):
    """Sessions in which bytes arrive."""

    async def test_a_session_comes_back_as_it_went_in(self, catalog: Catalog, space: int) -> None:
        """All fields; by number, file, client key and stage."""
        value = an_upload(
            space,
            client_key="k",
            length=2**50,
            part_size=5,
            parts_total=9,
            stage="ab" * 16,
            intent=bytes(range(256)),
        )
        await insert(catalog, value)
        for find in (
            lambda tx: uploads.by_id(tx, value.id),
            lambda tx: uploads.by_file(tx, 7),
            lambda tx: uploads.by_client_key(tx, space, 1, "k"),
            lambda tx: uploads.lock(tx, value.id),
        ):
            assert await catalog.write(find) == value
        assert await catalog.look(lambda tx: uploads.by_client_key(tx, space, 2, "k")) is None
        assert await catalog.look(lambda tx: uploads.stage_is_known(tx, "ab" * 16))
        assert not await catalog.look(lambda tx: uploads.stage_is_known(tx, "cd" * 16))

    async def test_the_newest_session_of_a_file(self, catalog: Catalog, space: int) -> None:
        """A file may have had several."""
        await insert(catalog, an_upload(space, id=1), an_upload(space, id=3))
        found = await catalog.look(lambda tx: uploads.by_file(tx, 7))
        assert found is not None
        assert found.id == 3

    async def test_a_client_key_opens_one_session(
        self, catalog: Catalog, other: Catalog, space: int
    ) -> None:
        """Of twenty with one key one wins; without a key, or of others, all do."""
        found = await together(
            [catalog, other],
            [
                lambda tx: uploads.insert_upload(tx, an_upload(space, client_key="k"))
                for _ in range(20)
            ],
        )
        assert found.count(True) == 1
        assert found.count(False) == 19
        await insert(
            catalog,
            an_upload(space),
            an_upload(space),
            an_upload(space, client_key="k", principal_id=2),
            an_upload(space + 1, client_key="k"),
        )

    async def test_unfinished_sessions(self, catalog: Catalog, space: int) -> None:
        """Counted and listed: the principal's own, unfinished, not bare reservations."""
        mine = [an_upload(space, id=n, state=state) for n, state in enumerate(UploadState, 1)]
        await insert(
            catalog,
            *mine,
            an_upload(space, file_id=None),
            an_upload(space, principal_id=2),
            an_upload(space + 1),
        )
        assert await catalog.look(lambda tx: uploads.count(tx, space, 1)) == 3
        page = await catalog.read(lambda tx: uploads.page(tx, space, 1, 0, 2))
        rest = await catalog.read(lambda tx: uploads.page(tx, space, 1, page[-1].id, 9))
        assert [each.state for each in page + rest] == [
            UploadState.OPEN,
            UploadState.RECEIVING,
            UploadState.VERIFYING,
        ]

    async def test_change_of_a_session(self, catalog: Catalog, space: int) -> None:
        """Named columns change; the value returned is the one stored."""
        value = an_upload(space)
        await insert(catalog, value)
        new = await catalog.write(
            lambda tx: uploads.change(tx, value, state=UploadState.DONE, received=9, holder="h")
        )
        assert new == msgspec.structs.replace(value, state=UploadState.DONE, received=9, holder="h")
        assert await catalog.look(lambda tx: uploads.by_id(tx, value.id)) == new

    async def test_one_lease_at_a_time(self, catalog: Catalog, other: Catalog, space: int) -> None:
        """Thirty at once, in two processes: one gets it."""
        value = an_upload(space)
        await insert(catalog, value)

        def take(holder: str) -> Callable[[Tx], bool]:
            return lambda tx: uploads.take_lease(tx, value.id, holder, AT, AT + 10)

        found = await together([catalog, other], [take(str(n)) for n in range(30)])
        assert found.count(True) == 1
        row = await catalog.look(lambda tx: uploads.by_id(tx, value.id))
        assert row is not None
        assert (row.holder, row.lease_until) == (str(found.index(True)), AT + 10)

    async def test_leases_run_out_and_are_renewed(self, catalog: Catalog, space: int) -> None:
        """A lease holds until its moment is over; only its holder prolongs it."""
        value = an_upload(space)
        await insert(catalog, value)

        async def taken(holder: str, now: int, until: int) -> bool:
            return await catalog.write(
                lambda tx: uploads.take_lease(tx, value.id, holder, now, until)
            )

        async def renewed(holder: str, until: int) -> bool:
            return await catalog.write(lambda tx: uploads.renew_lease(tx, value.id, holder, until))

        assert await taken("a", AT, AT + 10)
        assert not await taken("b", AT + 10, AT + 20)
        assert await renewed("a", AT + 30)
        assert not await renewed("b", AT + 99)
        assert not await taken("b", AT + 20, AT + 40)
        assert await taken("b", AT + 31, AT + 40)
        assert not await renewed("a", AT + 99)

    async def test_a_holder_is_asked_to_give_way(self, catalog: Catalog, space: int) -> None:
        """What is asked belongs to one lease: the next one begins without it."""
        value, quiet = an_upload(space), an_upload(space)
        await insert(catalog, value, quiet)
        await catalog.write(lambda tx: uploads.take_lease(tx, value.id, "a", AT, AT + 10))
        await catalog.write(lambda tx: uploads.change(tx, value, asked_at=AT))
        assert await catalog.look(uploads.asked) == [(value.id, "a")]
        await catalog.write(lambda tx: uploads.take_lease(tx, value.id, "b", AT + 11, AT + 20))
        assert await catalog.look(uploads.asked) == []

    async def test_parts(self, catalog: Catalog, space: int) -> None:
        """A part is counted once; it goes with its session."""
        value = an_upload(space)
        await insert(catalog, value)
        parts = [Part(value.id, n, n * 10, 10, bytes([n])) for n in (2, 1, 3)]

        def work(tx: Tx) -> None:
            for part in parts:
                uploads.add_part(tx, part)

        await catalog.write(work)
        with pytest.raises(Internal):
            await catalog.write(lambda tx: uploads.add_part(tx, parts[0]))
        found = await catalog.look(lambda tx: uploads.parts(tx, value.id))
        assert [part.number for part in found] == [1, 2, 3]
        assert await catalog.look(lambda tx: uploads.part_of(tx, value.id, 2)) == parts[0]
        assert await catalog.look(lambda tx: uploads.part_of(tx, value.id, 9)) is None
        assert await catalog.write(lambda tx: uploads.remove(tx, value.id))
        assert not await catalog.write(lambda tx: uploads.remove(tx, value.id))
        assert await catalog.look(lambda tx: uploads.parts(tx, value.id)) == []

    async def test_sessions_that_are_due(self, catalog: Catalog, space: int) -> None:
        """Sessions whose time is over and that nobody is writing to, the longest overdue first."""
        await insert(
            catalog,
            an_upload(space, id=1, expires_at=AT - 1),
            an_upload(space, id=2, expires_at=AT),
            an_upload(space, id=3, expires_at=AT - 5, holder="h", lease_until=AT + 1),
            an_upload(space, id=4, expires_at=AT - 5, holder="h", lease_until=AT - 1),
        )
        found = await catalog.read(lambda tx: uploads.expired(tx, AT, 9))
        assert [each.id for each in found] == [4, 1]
