"""Which index serves a filter on PostgreSQL, with enough files for its planner to care (C-55)."""

from collections.abc import Callable
from typing import Any

import pytest

from consigne.catalog import finding, schema
from consigne.catalog.engine import Tx
from consigne.catalog.postgres import PostgresCatalog
from consigne.core.entry import encode_annotations
from consigne.model.entities import Annotations
from consigne.model.query import Field, Op, Query, Scope, Term
from consigne.testing.catalog.base import a_file, insert_files, new_space

FILES = 8_000
NUMBERED = {"name": "'bill-' || n || '.pdf'", "value": "'v' || n", "tag": "'t' || n"}
NUMBERED |= {"name_fold": NUMBERED["name"], "value_fold": NUMBERED["value"]}
TABLES = {schema.file: "id", schema.file_field: "file_id", schema.file_tag: "file_id"}

FILTERS = {
    "ix_file_name": Term(Field.NAME, Op.EQUAL, "bill-77.pdf"),
    "ix_file_name_letters": Term(Field.NAME, Op.CONTAINS, "l-777"),
    "ix_file_tag_tag": Term(Field.TAG, Op.EQUAL, "t77"),
    "ix_file_field_value": Term(None, Op.EQUAL, "v77", key="client"),
}


class Planner(Tx):
    """A transaction that asks for plans beside rows."""

    def __init__(self, tx: Tx) -> None:
        self.dialect = tx.dialect
        self._tx = tx
        self.plan = ""

    def execute(self, sql: str, params: Any) -> Any:
        rows = self._tx.execute(f"EXPLAIN {sql}", params).fetchall()
        self.plan += "\n".join(row[0] for row in rows)
        return self._tx.execute(sql, params)

    def execute_many(self, sql: str, rows: Any) -> None:
        raise NotImplementedError


def multiply(tx: Tx) -> None:
    """Make many files, labels and tags of the one that is there."""
    for table, key in TABLES.items():
        own = {key: f"{key} + n"} | {
            name: text for name, text in NUMBERED.items() if name in table.c and name != key
        }
        if table is not schema.file:
            own.pop("name", None)
        values = ", ".join(own.get(name, f'"{name}"') for name in table.c.keys())  # noqa: SIM118
        made = f"SELECT {values} FROM {table.name}, generate_series(1, {FILES}) n"
        tx.execute(f"INSERT INTO {table.name} {made}", {})
        tx.execute(f"ANALYZE {table.name}", {})
    # What the autovacuum does: letters that wait to be sorted in make the index look dear.
    tx.execute("SELECT gin_clean_pending_list('ix_file_name_letters')", {})


@pytest.fixture
async def catalog(migrated_url: str) -> Any:
    catalog = PostgresCatalog(migrated_url, 2)
    await catalog.open()
    yield catalog
    await catalog.close()


async def test_each_filter_has_its_index(catalog: PostgresCatalog) -> None:
    """Names, parts of names, tags and metadata; each finds what it should."""
    space = await new_space(catalog)
    notes = encode_annotations(Annotations(fields={"client": "v"}, tags=["t"]))
    await insert_files(catalog, [a_file(space, "bill.pdf", meta=notes)])
    await catalog.write(multiply)
    scope = Scope(space)

    def ask(term: Term) -> Callable[[Tx], tuple[str, int]]:
        def work(tx: Tx) -> tuple[str, int]:
            planner = Planner(tx)
            found = finding.page(planner, Query(scope, terms=(term,), limit=100))
            return planner.plan, len(found)

        return work

    for index, term in FILTERS.items():
        plan, found = await catalog.read(ask(term))
        assert f"{index} " in plan, plan
        assert found == (11 if term.op is Op.CONTAINS else 1), plan
