"""``catalog.once``: requests that have their effect once, work that one process does."""

from collections.abc import Callable

from consigne.catalog import once
from consigne.catalog.engine import Catalog, Tx
from consigne.testing.catalog.base import AT, Base, call, together


class WorkTests(Base):
    """Idempotency keys and leases."""

    async def test_a_key_is_claimed_once(self, catalog: Catalog, other: Catalog) -> None:
        """Of twenty with one key one is first, and all find what it made."""

        def claim(subject: int) -> Callable[[Tx], tuple[bool, tuple[bytes, int] | None]]:
            def work(tx: Tx) -> tuple[bool, tuple[bytes, int] | None]:
                first = once.remember(tx, 1, 2, "POST /x", "key", bytes([subject]), subject, AT)
                return first, once.recall(tx, 1, 2, "POST /x", "key")

            return work

        found = await together([catalog, other], map(claim, range(20)))
        assert sum(first for first, _ in found) == 1
        assert len({what for _, what in found}) == 1

    async def test_a_key_is_one_of_its_caller_and_route(self, catalog: Catalog) -> None:
        """Other space, principal, route or key: another request; what is over is forgotten."""
        keys = [(1, 2, "r", "k"), (9, 2, "r", "k"), (1, 9, "r", "k"), (1, 2, "q", "k")]
        for number, key in enumerate([*keys, (1, 2, "r", "K")]):
            assert await catalog.write(call(once.remember, *key, b"f", number, AT + number))
        assert await catalog.look(lambda tx: once.recall(tx, 1, 9, "r", "k")) == (b"f", 2)
        assert await catalog.look(lambda tx: once.recall(tx, 1, 2, "r", "other")) is None
        await catalog.write(lambda tx: once.forget(tx, AT + 2))
        assert await catalog.look(lambda tx: once.recall(tx, 1, 2, "r", "k")) is None
        assert await catalog.look(lambda tx: once.recall(tx, 1, 9, "r", "k")) == (b"f", 2)

    async def test_a_work_has_one_holder(self, catalog: Catalog, other: Catalog) -> None:
        """A lease is taken once, kept by its holder, and free when its time is over."""

        def take(holder: str, now: int) -> Callable[[Tx], bool]:
            return lambda tx: once.take_lease(tx, "sweep", holder, now, now + 10)

        found = await together([catalog, other], [take(str(n), AT) for n in range(20)])
        assert found.count(True) == 1
        winner = str(found.index(True))
        assert await catalog.write(take(winner, AT + 5))
        assert not await catalog.write(take("else", AT + 15))
        assert await catalog.write(take("else", AT + 16))
        assert not await catalog.write(take(winner, AT + 17))
        assert await catalog.look(call(once.holder_of, "sweep")) == "else"
        assert not await catalog.write(call(once.take_over, "sweep", winner, "x", AT + 30))
        assert await catalog.write(call(once.take_over, "sweep", "else", "x", AT + 30))
        assert not await catalog.write(take("else", AT + 20))
        assert await catalog.look(call(once.holder_of, "nothing")) is None
        assert await catalog.write(lambda tx: once.take_lease(tx, "other", "x", AT, AT))
