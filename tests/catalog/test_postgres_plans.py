"""Which index serves a list or a filter on PostgreSQL, with enough files for its planner."""

from typing import Any

import pytest
from tests.catalog.plans import FILTERS, SORTED, SPACE, Planner

from consigne.catalog import contents, finding, schema
from consigne.catalog.engine import Tx
from consigne.catalog.postgres import PostgresCatalog
from consigne.core.entry import encode_annotations
from consigne.model.entities import Annotations
from consigne.model.query import Field, Op, Query, Scope, Term
from consigne.testing.catalog.base import a_content, a_file, insert_files, new_space

FILES = 8_000
NUMBERED = {
    "name": "'bill-' || n || '.pdf'",
    "name_fold": "'bill-' || n || '.pdf'",
    "value": "'v' || n",
    "value_fold": "'v' || n",
    "tag": "'t' || n",
    "reference": "'v' || n",
    "date": "'d' || n",
    "declared_type": "'text/x-' || n",
    "key": "'f-' || n",
    "sha256": "decode(lpad(n::text, 6, '0'), 'hex')",
    "md5": "decode(lpad(n::text, 6, '0'), 'hex')",
}
NUMBERED |= dict.fromkeys(("size", "created_at", "completed_at", "updated_at"), "n")
TABLES = {
    schema.content: "id",
    schema.file: "id",
    schema.file_field: "file_id",
    schema.file_tag: "file_id",
}
LETTERS = Term(Field.NAME, Op.CONTAINS, "l-777")
DIGEST = bytes.fromhex("000077")


def multiply(tx: Tx) -> None:
    """Make many contents, files, labels and tags of the one that is there."""
    for table, key in TABLES.items():
        own = {key: f"{key} + n"} | {
            name: text for name, text in NUMBERED.items() if name in table.c and name != key
        }
        if table is schema.file:
            own |= {"content_id": "content_id + n", "folder_id": "mod(n, 40)"}
        elif table is schema.file_field:
            own.pop("name")
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
    space = await new_space(catalog)
    assert space == SPACE
    content = a_content(space)
    await catalog.write(lambda tx: contents.add(tx, content))
    notes = encode_annotations(Annotations(fields={"client": "v"}, tags=["t"]))
    one = a_file(space, "bill.pdf", meta=notes, content_id=content.id, sha256=b"x", md5=b"x")
    await insert_files(catalog, [one])
    await catalog.write(multiply)
    yield catalog
    await catalog.close()


async def test_lists_and_filters_have_their_index(catalog: PostgresCatalog) -> None:
    """Names, parts of names, digests, labels, ranges (C-55); each finds what it should."""

    async def ask(query: Query) -> tuple[str, int]:
        def work(tx: Tx) -> tuple[str, int]:
            planner = Planner(tx)
            found = finding.page(planner, query)
            return planner.plan, len(found)

        return await catalog.read(work)

    for name, (index, terms) in FILTERS.items():
        terms = tuple(
            Term(each.field, each.op, DIGEST) if isinstance(each.value, bytes) else each
            for each in terms
        )
        plan, found = await ask(Query(Scope(SPACE), terms, limit=100))
        assert f"{index} " in plan, (name, plan)
        assert found, (name, plan)
    for name, (index, query) in SORTED.items():
        plan, _ = await ask(query)
        assert f"{index} " in plan, (name, plan)
        assert "->  Sort " not in plan, (name, plan)  # an incremental one is of ties
    plan, found = await ask(Query(Scope(SPACE), (LETTERS,)))
    assert "ix_file_name_letters " in plan, plan
    assert found == 11
