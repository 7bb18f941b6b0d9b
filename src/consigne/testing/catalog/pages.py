"""``catalog.finding``, order and pages: keyset pages equal offset pages equal the oracle (C-55)."""

from functools import cmp_to_key
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from consigne.catalog import files, finding
from consigne.catalog.engine import Catalog
from consigne.model.entities import File
from consigne.model.query import Field, Op, Order, Query, Scope, Term
from consigne.testing.catalog.base import Base, insert_files
from consigne.testing.catalog.filters import corpus, value_of

ORDERS: list[tuple[Order, ...]] = [
    (),
    *[(Order(field, descending),) for field in Field for descending in (False, True)],
    (Order(None, False, "k"),),
    (Order(None, True, "k"),),
    (Order(Field.SIZE), Order(Field.NAME, True)),
    (Order(Field.OWNER, True), Order(Field.COMPLETED), Order(None, True, "k")),
    (Order(Field.TYPE), Order(Field.DATE, True), Order(Field.SIZE, True)),
]


def ordered(rows: list[File], orders: tuple[Order, ...]) -> list[int]:
    """Return the ids in order: absent values first in either direction, ties by id."""

    def key(row: File, order: Order) -> Any:
        if order.field in (Field.TAG, Field.NOTHING):
            return None
        return value_of(row, Term(order.field, Op.EQUAL, "", order.key))

    def compare(a: File, b: File) -> int:
        for order in orders:
            one, two = key(a, order), key(b, order)
            if one == two:
                continue
            if one is None or two is None:
                return -1 if one is None else 1
            return (1 if one > two else -1) * (-1 if order.descending else 1)
        return (a.id > b.id) - (a.id < b.id)

    return [row.id for row in sorted(rows, key=cmp_to_key(compare))]


def _label(orders: tuple[Order, ...]) -> str:
    names = [f"{'-' if o.descending else ''}{o.field or 'meta.' + o.key}" for o in orders]
    return ",".join(names) or "default"


class PageTests(Base):
    """Order, cursors and offsets."""

    @pytest_asyncio.fixture
    async def listed(self, catalog: Catalog, space: int) -> list[File]:
        """The corpus, stored."""
        rows = corpus(space)
        await insert_files(catalog, rows)
        return rows

    @pytest.mark.parametrize("orders", ORDERS, ids=_label)
    async def test_order_and_pages(
        self, catalog: Catalog, listed: list[File], orders: tuple[Order, ...]
    ) -> None:
        """Whatever the order, cursors and offsets give the whole list, each file once."""
        expected = ordered(listed, orders)
        query = Query(Scope(listed[0].space_id), (), orders, limit=None)

        async def page(**changes: Any) -> list[File]:
            wish = msgspec.structs.replace(query, **changes)
            return await catalog.read(lambda tx: finding.page(tx, wish))

        assert [row.id for row in await page()] == expected
        for limit in (1, 7):
            by_offset: list[int] = []
            while found := await page(limit=limit, offset=len(by_offset)):
                by_offset += [row.id for row in found]
            assert by_offset == expected
            by_cursor: list[int] = []
            after = None
            while found := await page(limit=limit, after=after):
                by_cursor += [row.id for row in found]
                assert len(by_cursor) <= len(expected), "the cursor does not move on"
                fields = files.annotations(found[-1]).fields
                after = finding.sort_values(query, found[-1], fields)
            assert by_cursor == expected

    async def test_an_empty_page(self, catalog: Catalog, listed: list[File]) -> None:
        """Behind the end, before a limit of none: nothing."""
        query = Query(Scope(listed[0].space_id), limit=0)
        assert await catalog.read(lambda tx: finding.page(tx, query)) == []
        beyond = Query(Scope(listed[0].space_id), offset=10_000)
        assert await catalog.read(lambda tx: finding.page(tx, beyond)) == []
