"""`consigne catalog copy`: the same vault on another database."""

from pathlib import Path

import psycopg
import pytest
from tests.parts.catalogs import sqlite_catalog
from tests.parts.server import ServerStarter
from vaults import API, WORDS, call, digest_of, fill, hits, logged_in, put, run, start

from consigne import app
from consigne.catalog import dump, migrate
from consigne.catalog.postgres import PostgresCatalog
from consigne.core import copying
from consigne.core.texts import Texts
from consigne.settings import Settings


def test_there_and_back(start_server: ServerStarter, postgres_url: str, tmp_path: Path) -> None:
    """C-55: the copy has the same rows, files, hits and numbers, and goes on from there; a copy of
    the copy is the first one.
    """
    server = start_server(env={"CONSIGNE_INVOICE_EVERY": "3600"})
    files = fill(server, tmp_path)
    data = ("--data", server.data)
    run("reindex", *data)
    with logged_in(server) as api:
        before, listed = hits(api), call(api, "GET", "/files", params={"state": "kept,released"})
    assert [name for name, _ in before["machine"]] == ["notes.txt", "report.txt"]

    # While the server runs nothing is copied, and nothing is left behind.
    refused = run("catalog", "copy", "--to", postgres_url, *data, "--json", exit=5)
    assert refused["rule"] == "busy"
    server.terminate()
    copied = run("catalog", "copy", "--to", postgres_url, *data, "--json")
    assert copied["tables"]["file"]["rows"] >= len(files) + 2
    assert copied["tables"]["passage"]["rows"] >= len(WORDS)
    assert "not empty" in run(
        "catalog", "copy", "--to", postgres_url, *data, "--json", exit=1)["error"]  # fmt: skip

    moved = {"CONSIGNE_CATALOG": postgres_url}
    back = tmp_path / "back.db"
    there = run("catalog", "copy", "--to", f"sqlite:///{back}", *data, "--json", env=moved)
    assert there["tables"] == copied["tables"]
    server._env |= moved
    server.start()
    with logged_in(server) as api:
        assert hits(api) == before
        assert call(api, "GET", "/files", params={"state": "kept,released"}) == listed
        assert {number: digest_of(api, number) for number in files} == files
        call(api, "POST", "/records", json={"type": "CONTRACT"})
        put(api, b"une autre machine", "more.txt")
        assert api.post(f"{API}/spaces", json={"short": "third"}).status_code == 201
    server.terminate()
    found = run("fsck", *data, "--rehash", "--age", "0", "--json", env=moved)
    assert found["found"] == 0, found
    assert run("audit", "verify", *data, "--json", env=moved)[0]["whole"]


async def test_numbers_of_what_is_gone(
    sqlite_template: Path, migrated_url: str, tmp_path: Path
) -> None:
    """The number of a record that was deleted is not given out again after a copy."""
    source, target = sqlite_catalog(sqlite_template, tmp_path), PostgresCatalog(migrated_url)
    await source.open()
    await source.write(
        lambda tx: tx.execute("INSERT INTO sqlite_sequence VALUES ('record', 41)", {})
    )
    settings = Settings(data=str(tmp_path))
    await copying.copy(source, target, Texts(target, app.open_bucket(settings), settings))
    given = await target.read(dump.last_numbers)
    assert given["record"] == 41
    assert given["space"] == 0
    await source.close()
    await target.close()


def test_killed_in_the_middle(
    start_server: ServerStarter, postgres_url: str, tmp_path: Path
) -> None:
    """A half copy serves nobody; the same command begins it anew."""
    server = start_server()
    with logged_in(server) as api:
        put(api, b"1", "one.txt")
    server.terminate()
    data = ("--data", server.data)
    migrate.upgrade(postgres_url)
    with psycopg.connect(postgres_url, autocommit=True) as holding:
        # A table that is held makes the copy wait in its middle.
        holding.execute("BEGIN")
        holding.execute("LOCK TABLE file IN SHARE MODE")
        process = start("catalog", "copy", "--to", postgres_url, *data)
        while not holding.execute("SELECT count(*) FROM event").fetchone()[0]:  # type: ignore[index]
            assert process.poll() is None
        process.kill()
        process.wait()
        holding.execute("ROLLBACK")
    moved = {"CONSIGNE_CATALOG": postgres_url}
    server._env |= moved
    with pytest.raises(AssertionError, match="has not ended"):
        server.start()
    assert "has not ended" in run("space", "list", *data, "--json", env=moved, exit=5)["error"]
    run("catalog", "copy", "--to", postgres_url, *data)
    server.start()


def test_wrong_targets(start_server: ServerStarter) -> None:
    """What is no database, not there, or the same one is refused."""
    server = start_server()
    server.terminate()
    targets = {
        "mysql://x/y": 5,
        "postgresql://127.0.0.1:1/none": 5,
        "": 1,
        f"sqlite:///{server.data / 'catalog.db'}": 1,
        "sqlite:////nowhere/x.db": 5,
    }
    for target, status in targets.items():
        wrong = ("catalog", "copy", "--to", target, "--data", server.data, "--json")
        assert run(*wrong, exit=status)["error"]
