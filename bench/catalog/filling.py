"""Many files: a block of them, stored by the product, and copies of it, made by the database.

A copy has ids and times of its own, later by the span of a block, names with a number of its own,
and contents of its own. Indexes are taken away meanwhile, and built at the end as the schema says.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg

from bench.catalog.block import MARK, SIZE, SPAN, Place, store
from consigne.catalog import schema
from consigne.catalog.engine import Catalog
from consigne.core.clock import now_ms
from consigne.core.depot import Depot
from consigne.model.identity import last_of

STEP = last_of(SPAN - 1) + 1
"""What is added to an id for a time that is later by ``SPAN``."""
Run = Callable[[str], Any]

_IDS = {"id", "file_id", "content_id", "folder_id", "parent_id", "rowid"}
_TIMES = {"created_at", "completed_at"}
_NAMES = {"name", "name_fold", "reference"}
_DIGESTS = {"sha256", "md5"}
_TABLES = (
    schema.content, schema.folder, schema.file, schema.file_field, schema.file_tag, schema.version
)  # fmt: skip
_TERMS = "file_terms"


class Engine:
    """What differs between the databases in this: a connection, and how some things are said."""

    def __init__(self, url: str) -> None:
        self.is_postgres = url.startswith("postgresql")
        self._place = url if self.is_postgres else url.partition(":///")[2]

    @contextmanager
    def connected(self) -> Iterator[Run]:
        """Run SQL text, each by itself, with nothing synced."""
        if self.is_postgres:
            with psycopg.connect(self._place, autocommit=True) as connection:
                connection.execute("SET maintenance_work_mem = '1GB'")
                yield connection.execute
            return
        with closing(sqlite3.connect(self._place, isolation_level=None)) as file:
            file.executescript("PRAGMA synchronous=OFF; PRAGMA cache_size=-1000000")
            file.create_function("mixed", 2, _mixed, deterministic=True)
            yield file.execute
            file.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def mixed(self, column: str, copy: int) -> str:
        """Return what a digest is in a copy: other bytes in its middle, so that it stays random."""
        if self.is_postgres:
            return f"overlay({column} PLACING decode('{copy:08x}', 'hex') FROM 9)"
        return f"mixed({column}, {copy})"

    def terms(self, copy: int) -> str:
        """Return the terms of the search in a copy."""
        if self.is_postgres:
            return f"CAST(replace(CAST(terms AS text), '{MARK}', '{_mark(copy)}') AS tsvector)"
        return f"replace(terms, '{MARK}', '{_mark(copy)}')"

    def indexes(self, run: Run) -> dict[str, str]:
        """Return the indexes that can be dropped, and how they are made."""
        found = (
            "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
            " AND indexname NOT LIKE 'pk%' AND indexdef NOT LIKE '%(rowid)%'"
            " AND tablename <> 'alembic_version'"
            if self.is_postgres
            else "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        )
        return dict(run(found).fetchall())


async def fill(
    depot: Depot, engine: Engine, count: int, archived: float, *, words: bool = True
) -> list[Place]:
    """Fill an empty catalog with so many files, a multiple of a block, and say how it goes.

    Without ``words`` only the block itself is found by the search.
    """
    copies = count // SIZE
    places = await store(depot, now_ms() - copies * SPAN, archived)
    fixed = ", ".join(str(place.archive) for place in places)
    begun = time.monotonic()
    with engine.connected() as run:
        indexes = {} if copies == 1 else engine.indexes(run)
        for name in indexes:
            run(f"DROP INDEX {name}")
        border = run("SELECT max(id) FROM content").fetchone()[0]
        border = max(border, run("SELECT max(id) FROM file").fetchone()[0])
        for copy in range(1, copies):
            for table in _TABLES:
                columns = [column.name for column in table.c]
                values = [_value(engine, table.name, name, copy, fixed) for name in columns]
                key = "file_id" if "file_id" in columns else "id"
                where = f"{key} <= {border} AND {key} NOT IN ({fixed})"
                run(_copied(table.name, columns, values, where))
            if words:
                values = [f"rowid + {copy * STEP}", engine.terms(copy)]
                run(_copied(_TERMS, ["rowid", "terms"], values, f"rowid <= {border}"))
            if copy % 50 == 0:
                print(f"  {copy * SIZE:,} after {time.monotonic() - begun:.0f} s", flush=True)
        # Sums are the same in each copy.
        run(f"UPDATE space SET used = used * {copies}, undo = undo * {copies}")
        print(f"  {count:,} rows after {time.monotonic() - begun:.0f} s", flush=True)
        for name, made in indexes.items():
            before = time.monotonic()
            run(made)
            if (taken := time.monotonic() - before) > 1:
                print(f"  {name} built in {taken:.0f} s", flush=True)
        if engine.is_postgres:
            run("VACUUM ANALYZE")
    return places


def _copied(table: str, columns: list[str], values: list[str], where: str) -> str:
    into = ", ".join(f'"{name}"' for name in columns)
    return f"INSERT INTO {table} ({into}) SELECT {', '.join(values)} FROM {table} WHERE {where}"


def _value(engine: Engine, table: str, column: str, copy: int, fixed: str) -> str:
    """Return what a column is in a copy."""
    if table == "folder" and column == "id":
        return f'"id" + {copy * STEP}'
    if column == "folder_id":
        moved = f'"folder_id" + {copy * STEP}'
        return f'CASE WHEN "folder_id" IN ({fixed}) THEN "folder_id" ELSE {moved} END'
    if column in _IDS:
        return f'"{column}" + {copy * STEP}'
    if column in _TIMES:
        return f'"{column}" + {copy * SPAN}'
    if column in _NAMES and table != "file_field":
        return f"replace(\"{column}\", '{MARK}', '{_mark(copy)}')"
    if column in _DIGESTS:
        return engine.mixed(column, copy)
    if column == "key":
        return f"substr(\"key\", 1, 30) || '{copy:04x}'"
    return f'"{column}"'


def _mark(copy: int) -> str:
    return f"{copy:04}x"


def _mixed(digest: bytes | None, copy: int) -> bytes | None:
    return digest and digest[:8] + copy.to_bytes(4, "big") + digest[12:]


async def sizes(catalog: Catalog, engine: Engine) -> list[tuple[str, int]]:
    """Return tables and indexes with their bytes, the largest first."""
    found = (
        "SELECT relname, pg_relation_size(oid) FROM pg_class WHERE relkind IN ('r', 'i')"
        " AND relnamespace = 'public'::regnamespace ORDER BY 2 DESC"
        if engine.is_postgres
        else "SELECT name, sum(pgsize) FROM dbstat GROUP BY name ORDER BY 2 DESC"
    )
    rows = await catalog.read(lambda tx: tx.execute(found, {}).fetchall())
    return [(row[0], int(row[1])) for row in rows]
