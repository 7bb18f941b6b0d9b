"""A catalog that writes down how the database finds what it is asked, beside the answers."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

from consigne.catalog.engine import Catalog, Promise, Tx

T = TypeVar("T")
_NOISE = re.compile(r"  \(cost=.*?\)")


class Planner(Tx):
    """A transaction that asks for the plan of each statement before it runs it."""

    def __init__(self, tx: Tx, plans: dict[str, str]) -> None:
        self.dialect = tx.dialect
        self._tx = tx
        self._plans = plans

    def execute(self, sql: str, params: Any) -> Any:
        if sql.lstrip().startswith(("SELECT", "WITH", "UPDATE", "DELETE")):
            self._plans[sql] = self._plan(sql, params)
        return self._tx.execute(sql, params)

    def execute_many(self, sql: str, rows: Any) -> None:
        self._tx.execute_many(sql, rows)

    def _plan(self, sql: str, params: Any) -> str:
        if self.dialect.name == "sqlite":
            rows = self._tx.execute(f"EXPLAIN QUERY PLAN {sql}", params).fetchall()
            return "\n".join(row[3] for row in rows)
        rows = self._tx.execute(f"EXPLAIN {sql}", params).fetchall()
        return "\n".join(_NOISE.sub("", row[0]) for row in rows)


class PlannedCatalog(Catalog):
    """A catalog on another one. ``plans``: by statement, of what ran since it was cleared."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self.plans: dict[str, str] = {}

    async def open(self) -> None:
        await self._catalog.open()

    async def close(self) -> None:
        await self._catalog.close()

    async def write(self, work: Callable[[Tx], T], after: Promise | None = None) -> T:
        return await self._catalog.write(lambda tx: work(Planner(tx, self.plans)), after)

    async def look(self, work: Callable[[Tx], T]) -> T:
        return await self._catalog.look(lambda tx: work(Planner(tx, self.plans)))

    async def read(self, work: Callable[[Tx], T]) -> T:
        return await self._catalog.read(lambda tx: work(Planner(tx, self.plans)))
