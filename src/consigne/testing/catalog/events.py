"""``catalog.events``: unchained rows, and one chain per space (C-50)."""

from collections.abc import Callable

from consigne.catalog import events
from consigne.catalog.engine import Catalog, Tx
from consigne.model.entities import Event
from consigne.testing.catalog.base import AT, Base, together


def an_event(space: int, number: int, subject: int | None = None) -> Event:
    """Return an event that is not sealed yet."""
    return Event(number, space, AT, 1, "file.kept", subject, '{"size":1}', None, None)


async def insert(catalog: Catalog, *rows: Event) -> None:
    """Insert events."""

    def work(tx: Tx) -> None:
        for row in rows:
            events.add(tx, row)

    await catalog.write(work)


def sealer(space: int, limit: int = 3) -> Callable[[Tx], int]:
    """Return a unit that chains up to ``limit`` events with a digest that counts them."""

    def work(tx: Tx) -> int:
        sequence, digest = events.head(tx, space)
        assert digest == sequence.to_bytes(32, "big")
        rows = events.unsealed(tx, space, limit)
        sealed = [
            (row.id, sequence + n, (sequence + n).to_bytes(32, "big"))
            for n, row in enumerate(rows, 1)
        ]
        if sealed:
            events.seal(tx, space, sealed)
        return len(sealed)

    return work


class EventTests(Base):
    """What happened."""

    async def test_events_wait_to_be_sealed(self, catalog: Catalog, space: int) -> None:
        """Consumers read sealed rows only; unsealed ones wait by space, oldest first."""
        rows = [an_event(space, n) for n in (5, 1, 3)]
        await insert(catalog, *rows, an_event(space + 1, 9))
        assert set(await catalog.read(events.unsealed_spaces)) == {space, space + 1}
        found = await catalog.read(lambda tx: events.unsealed(tx, space, 2))
        assert found == [rows[1], rows[2]]
        assert await catalog.read(lambda tx: events.after(tx, space, 0, 9)) == []
        assert await catalog.read(lambda tx: events.last_sequence(tx, space)) == 0

    async def test_a_chain_starts_empty(self, catalog: Catalog, space: int) -> None:
        """Sequence 0 and a digest of zeros, for each space."""
        assert await catalog.write(lambda tx: events.head(tx, space)) == (0, bytes(32))
        assert await catalog.write(lambda tx: events.head(tx, space)) == (0, bytes(32))

    async def test_sealed_events(self, catalog: Catalog, space: int) -> None:
        """Sealed rows carry sequence and digest and are read in order, in pages."""
        await insert(catalog, *[an_event(space, n) for n in range(1, 6)])
        assert await catalog.write(sealer(space)) == 3
        assert await catalog.write(sealer(space)) == 2
        assert await catalog.write(sealer(space)) == 0
        rows = await catalog.read(lambda tx: events.after(tx, space, 2, 2))
        assert [(row.id, row.sequence) for row in rows] == [(3, 3), (4, 4)]
        assert rows[0].digest == (3).to_bytes(32, "big")
        assert await catalog.read(lambda tx: events.last_sequence(tx, space)) == 5
        assert await catalog.read(events.unsealed_spaces) == []

    async def test_two_sealers_make_one_chain(
        self, catalog: Catalog, other: Catalog, space: int
    ) -> None:
        """Sealers of two processes at once: every event once, no gap (C-50)."""
        await insert(catalog, *[an_event(space, n) for n in range(1, 101)])
        found = await together([catalog, other], [sealer(space, 5)] * 40)
        assert sum(found) == 100
        rows = await catalog.read(lambda tx: events.after(tx, space, 0, 1000))
        assert [row.sequence for row in rows] == list(range(1, 101))
        assert len({row.id for row in rows}) == 100

    async def test_the_history_of_one_thing(self, catalog: Catalog, space: int) -> None:
        """Sealed or not, oldest first, of this space only."""
        await insert(
            catalog,
            an_event(space, 2, subject=7),
            an_event(space, 1, subject=7),
            an_event(space, 3, subject=8),
            an_event(space + 1, 4, subject=7),
        )
        found = await catalog.read(lambda tx: events.of(tx, space, 7))
        assert [row.id for row in found] == [1, 2]
