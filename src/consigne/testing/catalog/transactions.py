"""Transactions: what ``engine.Catalog`` promises."""

import asyncio
import threading

import pytest
from sqlalchemy import text

from consigne.catalog import spaces
from consigne.catalog.engine import Catalog, Tx
from consigne.errors import BadParameter, ConsigneError, Internal, NameTaken
from consigne.model.entities import Space
from consigne.testing.catalog.base import Base, a_space, call, together


class Odd(Exception):
    """An error that no catalog knows."""


def insert(short: str) -> Space:
    return a_space(short=short)


def insert_one(tx: Tx, short: str) -> Space:
    return spaces.insert_space(tx, insert(short))


class Pledge:
    """A promise that is kept, or broken, when ``over`` is set."""

    def __init__(self, error: Exception | None = None) -> None:
        self.over = threading.Event()
        self._error = error

    def wait(self) -> None:
        assert self.over.wait(30)
        if self._error is not None:
            raise self._error


class TransactionTests(Base):
    """``write``, ``look`` and ``read``."""

    async def test_what_a_write_returns_is_there(self, catalog: Catalog) -> None:
        """The result of a unit comes back, and every way of reading sees its rows at once."""
        made = await catalog.write(lambda tx: spaces.insert_space(tx, insert("one")))
        assert made.id > 0
        for method in (catalog.look, catalog.read, catalog.write):
            assert await method(lambda tx: spaces.by_short(tx, "one")) == made

    async def test_another_process_sees_what_was_acknowledged(
        self, catalog: Catalog, other: Catalog
    ) -> None:
        """Rows are common to all catalogs on the same data."""
        for number in range(5):
            short = f"space-{number}"
            made = await catalog.write(call(spaces.insert_space, insert(short)))
            assert await other.look(call(spaces.by_short, short)) == made
            assert await other.read(call(spaces.by_short, short)) == made

    async def test_a_unit_that_raises_leaves_nothing(self, catalog: Catalog) -> None:
        """What the work raises comes out as it is and undoes the unit."""

        def work(tx: Tx) -> None:
            spaces.insert_space(tx, insert("gone"))
            raise Odd("on purpose")

        with pytest.raises(Odd, match="on purpose"):
            await catalog.write(work)
        assert await catalog.look(lambda tx: spaces.by_short(tx, "gone")) is None

    async def test_a_unit_waits_for_what_must_be_durable_before(self, catalog: Catalog) -> None:
        """Nobody sees a unit before its promise is kept; a broken one undoes this unit alone."""
        kept, broken = Pledge(), Pledge(Odd("not durable"))
        waiting = asyncio.ensure_future(catalog.write(call(insert_one, "kept"), kept))
        failing = asyncio.ensure_future(catalog.write(call(insert_one, "broken"), broken))
        await asyncio.sleep(0.05)
        assert await catalog.look(lambda tx: spaces.by_short(tx, "kept")) is None
        broken.over.set()
        kept.over.set()
        assert (await waiting).short == "kept"
        with pytest.raises(Odd, match="not durable"):
            await failing
        assert await catalog.look(lambda tx: spaces.by_short(tx, "kept")) is not None
        assert await catalog.look(lambda tx: spaces.by_short(tx, "broken")) is None

    async def test_a_failing_unit_does_not_take_its_neighbours_along(
        self, catalog: Catalog
    ) -> None:
        """Units that run together stand and fall alone, whatever makes them fail (C-51)."""

        def unit(tx: Tx, number: int) -> int:
            spaces.insert_space(tx, insert(f"space-{number}"))
            if number % 3 == 1:
                raise Odd(str(number))
            if number % 3 == 2:
                tx.execute("SELECT nothing FROM nowhere", {})
            return number

        found = await together([catalog], [call(unit, number) for number in range(60)])
        for number, result in enumerate(found):
            expected = (int, Odd, Internal)[number % 3]
            assert isinstance(result, expected), (number, result)
        page = await catalog.read(lambda tx: spaces.page(tx, 0, 1000))
        assert {each.short for each in page} == {f"space-{n}" for n in range(0, 60, 3)}

    async def test_many_writers_lose_no_update(self, catalog: Catalog, other: Catalog) -> None:
        """Units of several processes that change one row all count (C-51)."""
        made = await catalog.write(lambda tx: spaces.insert_space(tx, insert("sum")))
        found = await together(
            [catalog, other], [lambda tx: spaces.charge(tx, made.id, undo=1) for _ in range(100)]
        )
        assert found == [None] * 100
        space = await catalog.look(lambda tx: spaces.by_id(tx, made.id))
        assert space is not None
        assert space.undo == 100

    async def test_check_and_write_are_one_step(self, catalog: Catalog, other: Catalog) -> None:
        """A unit that locks a row and decides by it is never overtaken."""
        made = await catalog.write(lambda tx: spaces.insert_space(tx, insert("lock")))

        def take_one(tx: Tx) -> bool:
            present = spaces.lock(tx, made.id)
            if present.undo >= 10:
                return False
            spaces.charge(tx, made.id, undo=1)
            return True

        found = await together([catalog, other], [take_one] * 40)
        assert found.count(True) == 10
        assert found.count(False) == 30

    async def test_a_cancelled_caller_does_not_stop_a_unit(self, catalog: Catalog) -> None:
        """A unit that was handed over is carried out, and the catalog goes on."""
        task = asyncio.create_task(
            catalog.write(lambda tx: spaces.insert_space(tx, insert("cancelled")))
        )
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        for _ in range(200):
            if await catalog.look(lambda tx: spaces.by_short(tx, "cancelled")):
                break
            await asyncio.sleep(0.01)
        else:
            pytest.fail("the unit was dropped")
        with pytest.raises(NameTaken):
            await catalog.write(lambda tx: spaces.insert_space(tx, insert("cancelled")))

    async def test_read_is_one_snapshot(self, catalog: Catalog, other: Catalog) -> None:
        """A reading unit sees one state, whatever is committed meanwhile, and may not write."""
        made = await catalog.write(lambda tx: spaces.insert_space(tx, insert("snap")))
        loop = asyncio.get_running_loop()

        def change() -> None:
            work = other.write(lambda tx: spaces.charge(tx, made.id, undo=5))
            asyncio.run_coroutine_threadsafe(work, loop).result(20)

        def work(tx: Tx) -> tuple[Space | None, Space | None]:
            before = spaces.by_id(tx, made.id)
            change()
            return before, spaces.by_id(tx, made.id)

        before, after = await catalog.read(work)
        assert before == after
        now = await catalog.read(lambda tx: spaces.by_id(tx, made.id))
        assert now is not None
        assert now.undo == 5

    async def test_reads_raise_what_the_work_raises(self, catalog: Catalog) -> None:
        """Errors of reading units come out as they are; those of the database are ours."""

        def odd(tx: Tx) -> None:
            raise Odd

        for method in (catalog.look, catalog.read):
            with pytest.raises(Odd):
                await method(odd)
            with pytest.raises(ConsigneError):
                await method(lambda tx: tx.value(text("SELECT nothing FROM nowhere")))
            assert await method(lambda tx: tx.value(text("SELECT 41 + 1"))) == 42

    @pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 2**200])
    async def test_a_number_that_no_column_holds(self, catalog: Catalog, number: int) -> None:
        """A value that the database cannot take is a bad parameter, not an accident."""
        for method in (catalog.look, catalog.read, catalog.write):
            with pytest.raises(BadParameter):
                await method(lambda tx: spaces.by_id(tx, number))
        assert await catalog.look(lambda tx: spaces.by_id(tx, 2**63 - 1)) is None

    async def test_a_text_that_is_none(self, catalog: Catalog) -> None:
        """So is half a character."""
        for method in (catalog.look, catalog.read, catalog.write):
            with pytest.raises(BadParameter):
                await method(lambda tx: spaces.by_short(tx, "\ud800"))

    async def test_a_unit_that_ends_the_transaction(self, catalog: Catalog) -> None:
        """Whatever a unit does, the next ones are carried out."""

        def rude(tx: Tx) -> None:
            tx.execute("ROLLBACK", {})
            raise Odd

        with pytest.raises((Odd, ConsigneError)):
            await catalog.write(rude)
        assert (await catalog.write(lambda tx: spaces.insert_space(tx, insert("next")))).id
