"""A cut of an earlier schema comes back in the present one."""

import asyncio
import gzip
import sqlite3
from pathlib import Path

import msgspec
from vaults import run

from consigne.blobs.archive import FolderArchive
from consigne.catalog import migrate
from consigne.catalog.dump import Counting
from consigne.core.backup.format import Amounts, Manifest, Part, Summary, TableHead, fingerprint
from consigne.core.backup.repository import Repository, once
from consigne.core.backup.sealing import Seal

OLD = "0004"
CUT = "20250101T000000.000Z-000000"


def test_an_earlier_schema(tmp_path: Path) -> None:
    """Rows go into the tables that they were saved from, which are then brought up to date."""
    before = tmp_path / "before.db"
    migrate.upgrade(f"sqlite:///{before}", OLD)
    with sqlite3.connect(before) as database:
        database.execute(
            "INSERT INTO space VALUES (1, 'old', 'Old', NULL, 0, 0, 0, 100, 0, 1700000000000)"
        )
        asyncio.run(_save(database, tmp_path / "archive"))
    database.close()
    home = tmp_path / "home"
    home.mkdir()
    (home / "master.key").write_text("22" * 32)
    back = run("restore", tmp_path / "archive", "--data", home, "--json")
    assert back["fsck"]["found"] == 0
    assert migrate.current(f"sqlite:///{home}/catalog.db") == migrate.newest()
    (space,) = [run("space", "list", "--data", home, "--json")]
    assert (space["short"], space["name"]) == ("old", "Old")
    tables = tmp_path / "tables"
    tables.mkdir()
    (tables / "master.key").write_text("22" * 32)
    migrate.upgrade(f"sqlite:///{tables}/catalog.db")
    other = run("restore", tmp_path / "archive", "--data", tables, "--json", exit=1)
    assert "without tables" in other["hint"]
    unknown = tmp_path / "archive" / "cuts" / CUT / "manifest.json"
    unknown.write_text(unknown.read_text().replace(f'"{OLD}"', '"9999"'))
    refused = run("restore", tmp_path / "archive", "--data", tmp_path / "x", "--json", exit=1)
    assert "does not know" in refused["error"]


async def _save(database: sqlite3.Connection, folder: Path) -> None:
    """Write what a version with this schema would have written."""
    archive = FolderArchive(folder)
    await archive.open(make=True)
    repository = Repository(archive, Seal())
    heads: list[TableHead] = []
    files: list[Part] = []
    tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    for (name,) in tables:
        if name in ("alembic_version", "lease") or name.startswith("sqlite_"):
            continue
        columns = [row[1] for row in database.execute(f"PRAGMA table_info({name})")]
        counting = Counting()
        lines = [counting.add(row) for row in database.execute(f"SELECT * FROM {name}")]
        tally = counting.tally()
        heads.append(TableHead(name, columns, [], tally.rows, tally.sha256))
        files.append(await _store(repository, f"tables/{name}.jsonl.gz", b"".join(lines)))
    for path in ("contents.jsonl.gz", "objects.gz"):
        files.append(await _store(repository, path, b""))
    summary = msgspec.json.encode(Summary(heads, {}, [], None))
    files.append(await repository.store(CUT, "catalog.json", once(summary), len(summary)))
    await repository.commit(
        Manifest(
            cut=CUT,
            vault="0" * 16,
            taken_at="2025-01-01T00:00:00+00:00",
            finished_at="2025-01-01T00:00:00+00:00",
            consigne="0",
            schema=OLD,
            engine="sqlite",
            recipients=[],
            master_key=fingerprint(bytes.fromhex("22" * 32)),
            carries_master_key=False,
            files=files,
            contents=Amounts(0, 0, 0, 0, 0),
        )
    )
    await archive.close()


async def _store(repository: Repository, path: str, data: bytes) -> Part:
    packed = gzip.compress(data)
    return await repository.store(CUT, path, once(packed), len(packed))
