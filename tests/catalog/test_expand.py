"""Migrations that run while the previous version serves (decision 0020)."""

import ast
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import create_engine, text
from tests.parts.server import ServerStarter

from consigne.catalog import migrate, schema

FIRST = 12  # nothing was released before
API = "/consigne/v1"
HARMLESS = {"create_table", "create_index", "add_column", "execute", "get_bind", "get_context"}
# In a table that already has rows, or statements of the old version.
HARMFUL_SQL = re.compile(r"\b(DROP|RENAME|TRUNCATE|SET\s+NOT\s+NULL|TYPE\s+\w+\s+USING)\b", re.I)


def objections(source: str) -> Iterator[str]:
    """Yield what a migration does that the previous version would notice."""
    tree = ast.parse(source)
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "contracts":
            return
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = ast.unparse(call.func)
        if not name.startswith(("op.", "batch.")):
            continue
        verb = name.partition(".")[2]
        if verb.partition(".")[0].removesuffix("()") not in HARMLESS:
            yield f"{verb} in line {call.lineno}"
        elif verb == "execute" and HARMFUL_SQL.search(ast.unparse(call)):
            yield f"SQL in line {call.lineno}"
        elif verb == "add_column":
            told = ast.unparse(call)
            if "nullable=False" in told and "server_default=" not in told:
                yield f"a column without a default in line {call.lineno}"


@pytest.mark.parametrize(
    "path",
    [p for p in sorted((migrate.MIGRATIONS / "versions").glob("*.py")) if int(p.name[:4]) >= FIRST]
    or [None],
    ids=lambda path: path.stem if path else "none yet",
)
def test_migrations_only_add(path: Path | None) -> None:
    """Each is an expansion, or says what it contracts and since when nobody uses that."""
    assert path is None or list(objections(path.read_text())) == []


def test_migrations_are_in_one_row() -> None:
    """One after the other by their numbers: a higher one in a database is a newer version's."""
    found = migrate.revisions()
    assert found == sorted(found, reverse=True)


@pytest.mark.parametrize(
    ("line", "is_fine"),
    [
        ('op.add_column("file", sa.Column("colour", _TEXT, nullable=True))', True),
        ('op.add_column("file", sa.Column("n", sa.Integer(), nullable=False))', False),
        (
            'op.add_column("f", sa.Column("n", sa.Integer(), nullable=False, server_default="0"))',
            True,
        ),
        ('op.create_index("ix_file_colour", "file", ["colour"])', True),
        ('op.execute("CREATE TABLE more (id INT)")', True),
        ('op.execute("ALTER TABLE file DROP COLUMN name")', False),
        ('op.execute("alter table file rename to files")', False),
        ('op.drop_column("file", "name")', False),
        ('op.alter_column("file", "name", new_column_name="label")', False),
        ('op.rename_table("file", "files")', False),
        ('op.drop_index("ix_file_name")', False),
    ],
)
def test_the_guard_knows_what_it_forbids(line: str, is_fine: bool) -> None:
    source = f"def upgrade():\n    {line}\n"
    assert (list(objections(source)) == []) == is_fine
    contracting = 'contracts = "file.name; unused since 2.0"\n' + source
    assert list(objections(contracting)) == []


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_a_server_serves_while_its_schema_grows(
    request: pytest.FixtureRequest, start_server: ServerStarter, tmp_path: Path, engine: str
) -> None:
    """Every table gets a column, an index and a neighbour under a running server; it goes on, and
    starts again on what is newer than it knows."""
    url = f"sqlite:///{tmp_path / 'data/catalog.db'}"
    env = {}
    if engine == "postgres":
        url = env["CONSIGNE_CATALOG"] = request.getfixturevalue("postgres_url")
    server = start_server(env=env)
    with server.client() as client:
        before = [round_trip(client) for _ in range(6)]  # often enough for prepared statements
        grown = create_engine(migrate.sqlalchemy_url(url))
        for table in schema.metadata.sorted_tables:
            with grown.begin() as connection:  # holding several, it might wait for the server
                connection.execute(text(_grow(table.name)))
        with grown.begin() as connection:
            connection.execute(text("CREATE TABLE of_the_future (id BIGINT PRIMARY KEY)"))
            connection.execute(text("CREATE INDEX ix_future ON file (colour)"))
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        grown.dispose()
        after = [round_trip(client) for _ in range(6)]
        server.restart()
        after.append(round_trip(client))
        listed = client.get(f"{API}/files", params={"limit": 100}).json()["files"]
        assert {file["id"] for file in listed} == {*before, *after}
    assert migrate.current(url) == "9999"


def _grow(table: str) -> str:
    quoted = f'"{table}"'
    return textwrap.dedent(f"ALTER TABLE {quoted} ADD COLUMN colour TEXT NULL")


def round_trip(client: httpx.Client) -> str:
    """Upload, replace, read, tag and delete; return the file that is left."""
    kept, gone = (client.post(f"{API}/files?name={n}", content=b"one") for n in ("a", "b"))
    assert (kept.status_code, gone.status_code) == (201, 201), kept.text + gone.text
    file_id: str = kept.json()["id"]
    place = f"{API}/files/{file_id}"
    assert client.put(f"{place}/content", content=b"two").status_code == 200
    assert client.get(f"{place}/content").content == b"two"
    assert client.patch(place, json={"tags": ["x"]}).status_code == 200
    assert client.delete(f"{API}/files/{gone.json()['id']}").status_code == 204
    return file_id
