"""The migrated schema is the one of the code, and the structs are its rows."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text
from tests.parts.catalogs import sqlite_catalog

from consigne.catalog import (
    contents,
    files,
    finding,
    folders,
    links,
    migrate,
    record_types,
    schema,
    terms,
    uploads,
    usage,
)
from consigne.catalog import records as recs
from consigne.catalog.engine import Catalog, Tx
from consigne.catalog.sqlite import SqliteCatalog
from consigne.model import bulk, entities, imports, records
from consigne.model.query import Query, Scope
from consigne.model.records import RecordList
from consigne.testing.catalog.base import a_file, insert_files, new_space

# Trigrams, for names that contain something (PostgreSQL), and of an expression: reflection knows
# neither.
BESIDE = ("ix_file_name_letters", "ix_file_type")
ROWS = [
    struct
    for module in (bulk, entities, imports, records)
    for struct in vars(module).values()
    if isinstance(struct, type)
    and issubclass(struct, msgspec.Struct)
    and re.match(r"Row of ``(\w+)``", struct.__doc__ or "")
]


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the address of an empty database on each engine."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'catalog.db'}"
    found: str = request.getfixturevalue("postgres_url")
    return found


def test_migrations_make_the_schema(url: str) -> None:
    """After all migrations nothing differs from ``schema.metadata``; running them again is safe."""
    migrate.upgrade(url)
    migrate.upgrade(url)
    engine = create_engine(migrate.sqlalchemy_url(url))
    with engine.connect() as connection:
        options = {"compare_type": True, "include_name": _is_in_metadata}
        context = MigrationContext.configure(connection, opts=options)
        assert context.get_current_revision() == migrate.newest()
        assert compare_metadata(context, schema.metadata) == []
        found = inspect(connection)
        for table in schema.metadata.sorted_tables:
            columns = [column["name"] for column in found.get_columns(table.name)]
            assert columns == list(table.c.keys()), f"order of columns of {table.name}"
            keys = found.get_pk_constraint(table.name)["constrained_columns"]
            assert keys == list(table.primary_key.columns.keys())
            _compare_indexes(table, found.get_indexes(table.name))
    engine.dispose()


def test_revisions_are_numbered_in_their_order() -> None:
    """Which of two schemas is newer is told by these numbers (``migrate.upgrade``)."""
    assert migrate.revisions() == sorted(migrate.revisions(), reverse=True)


def _is_in_metadata(name: str | None, kind: str, parents: Any) -> bool:
    """Leave out the full-text indexes, which are other things on each engine (``terms``)."""
    if kind == "index" and name in BESIDE:
        return False
    indexes = (terms.passage_terms.name, terms.file_terms.name)
    return kind != "table" or name is None or not name.startswith(indexes)


def _compare_indexes(table: Any, found: list[dict[str, Any]]) -> None:
    """Compare what Alembic does not: uniqueness, order of columns, and which are partial."""
    expected = {
        index.name: (
            [column.name for column in index.columns],
            index.unique,
            index.dialect_options["sqlite"]["where"] is not None,
        )
        for index in table.indexes
    }
    actual = {}
    for index in found:
        if index["name"] in BESIDE:
            continue
        options = index.get("dialect_options") or {}
        partial = any(key.endswith("_where") for key in options)
        actual[index["name"]] = (index["column_names"], bool(index["unique"]), partial)
    assert actual == expected


def test_text_is_compared_byte_by_byte(url: str) -> None:
    """Order and equality do not depend on a locale (C-55)."""
    migrate.upgrade(url)
    engine = create_engine(migrate.sqlalchemy_url(url))
    words = ["é", "Z", "a", "z", "e\u0301", "B"]
    with engine.begin() as connection:
        for number, word in enumerate(words):
            connection.execute(schema.host.insert(), {"name": word, "space_id": number})
        rows = connection.execute(text("SELECT name FROM host ORDER BY name"))
        assert [row[0] for row in rows] == sorted(words)
    engine.dispose()


@pytest.mark.parametrize("struct", ROWS, ids=lambda struct: struct.__name__)
def test_a_struct_has_the_columns_of_its_table(struct: type[msgspec.Struct]) -> None:
    """Field for column, in the same order: rows become structs by position."""
    found = re.match(r"Row of ``(\w+)``", struct.__doc__ or "")
    assert found
    table = schema.metadata.tables[found[1]]
    fields = msgspec.structs.fields(struct)
    assert [field.name for field in fields] == list(table.c.keys())
    for field, column in zip(fields, table.columns, strict=True):
        optional = type(None) in getattr(field.type, "__args__", ())
        assert optional == column.nullable, field.name


def test_every_row_struct_is_found() -> None:
    """The pattern above does not silently match nothing."""
    assert {struct.__name__ for struct in ROWS} >= {"File", "Content", "Upload", "Event", "Space"}
    assert len(ROWS) >= 12


class Explainer(Tx):
    """A transaction that asks for plans instead of rows."""

    def __init__(self, tx: Tx) -> None:
        self.dialect = tx.dialect
        self._tx = tx
        self.plans: list[str] = []

    def execute(self, sql: str, params: Any) -> Any:
        self.plans += [row[3] for row in self._tx.execute(f"EXPLAIN QUERY PLAN {sql}", params)]
        return self._tx.execute(sql, params)

    def execute_many(self, sql: str, rows: Any) -> None:
        raise NotImplementedError


LISTS = {
    "owner": lambda tx: finding.page(tx, Query(Scope(1, owner=2))),
    "owner, next page": lambda tx: finding.page(tx, Query(Scope(1, owner=2), after=(5,))),
    "owner, count": lambda tx: finding.count(tx, Scope(1, owner=2)),
    "space": lambda tx: finding.page(tx, Query(Scope(1))),
    "seen": lambda tx: finding.page(tx, Query(Scope(1, sees=2))),
    "folder": lambda tx: finding.page(tx, Query(Scope(1, folder_id=3))),
    "trash": lambda tx: finding.page(tx, Query(Scope(1, states=(entities.State.RELEASED,)))),
    "trash to purge": lambda tx: files.released(tx, 9, 9),
    "trash to shorten": lambda tx: files.released_in(tx, 1, 9),
    "expiry": lambda tx: files.expired(tx, 9, 9),
    "old versions": lambda tx: files.old_versions(tx, 9, 9),
    "uploads": lambda tx: uploads.page(tx, 1, 2, 0, 9),
    "upload expiry": lambda tx: uploads.expired(tx, 9, 9),
    "uploads that others ask for": uploads.asked,
    "upload of a stage": lambda tx: uploads.stage_is_known(tx, "x"),
    "folders at the top": lambda tx: folders.children(tx, 1, None),
    "folders below": lambda tx: folders.children(tx, 1, 2),
    "records": lambda tx: recs.page(tx, RecordList(1), None, 9),
    "records of a type": lambda tx: recs.page(tx, RecordList(1, 2), (3,), 9),
    "records, newest first": lambda tx: recs.page(tx, RecordList(1, descending=True), (3,), 9),
    "records by title": lambda tx: recs.page(tx, RecordList(1, 2, by_title=True), ("a", 3), 9),
    "reference records": lambda tx: recs.page(tx, RecordList(1, is_reference=True), None, 9),
    "one record": lambda tx: recs.by_id(tx, 1),
    "record by uuid": lambda tx: recs.by_uuid(tx, 1, "x"),
    "record by name": lambda tx: recs.by_name(tx, 1, "x"),
    "record by number": lambda tx: recs.by_number(tx, 1, 2),
    "frozen revision": lambda tx: recs.revision_of(tx, 1, 2),
    "links of a record": lambda tx: links.with_files(tx, 1),
    "links of a file": lambda tx: links.sight(tx, 1),
    "pins": lambda tx: links.pins(tx, 1, 2),
    "own ACLs": lambda tx: recs.overrides(tx, 1),
    "trash of records": lambda tx: recs.trashed(tx, 9, 0, 9),
    "files of a space, counted": lambda tx: usage.files_in(tx, 1),
    "pages that were read": lambda tx: usage.pages_read(tx, 1, 0, 9),
    "types": lambda tx: record_types.page(tx, 1, 0, 9),
}


async def plan(catalog: Catalog, work: Any) -> list[str]:
    """Return the plan of the statements of a unit of work."""

    def explain(tx: Tx) -> list[str]:
        explainer = Explainer(tx)
        work(explainer)
        return explainer.plans

    return await catalog.read(explain)


@pytest.mark.parametrize("name", LISTS)
async def test_lists_are_served_by_an_index(
    sqlite_template: Path, tmp_path: Path, name: str
) -> None:
    """No list reads a table from end to end; the default order needs no sorting."""
    catalog: SqliteCatalog = sqlite_catalog(sqlite_template, tmp_path)
    await catalog.open()
    space = await new_space(catalog)
    await insert_files(catalog, [a_file(space, f"{n}", owner_id=n % 3) for n in range(50)])
    steps = await plan(catalog, LISTS[name])
    assert steps
    for step in steps:
        assert not step.startswith("SCAN"), steps
        ordered = ("owner", "owner, next page", "space", "folder", "trash")
        if name in ordered or name.startswith("records"):
            assert "TEMP B-TREE" not in step, steps
    await catalog.close()


async def test_idle_contents_are_served_by_an_index(sqlite_template: Path, tmp_path: Path) -> None:
    """The sweeper does not look at contents that are in use."""
    catalog = sqlite_catalog(sqlite_template, tmp_path)
    await catalog.open()
    steps = await plan(catalog, lambda tx: contents.idle(tx, 9, 9))
    assert any("ix_content_idle" in step for step in steps), steps
    await catalog.close()
