"""``CONSIGNE_READ_ONLY``: everything is read as before, and nothing changes, in any dialect."""

import base64
import re
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from tests.parts.server import (
    CLIENT_ID,
    CLIENT_SECRET,
    COMMAND,
    EMAIL,
    PASSWORD,
    RunningServer,
)

import consigne.dialects

API = "/consigne/v1"
DOCUMENTS = sorted(Path(consigne.dialects.__file__).parent.glob("*/openapi.yaml"))
# Signing in goes on; nothing of the vault is in these tables.
SIGNING_IN = {"login_failure", "oauth_token", "revoked_token", "secret", "lease"}
STRUCTURE = {
    "name": "VISIT",
    "dialect": "daxium",
    "fields": [{"id": "title", "type": "text"}, {"id": "photo", "type": "file"}],
}
NOBODY = "11111111-1111-4111-8111-111111111111"


class Closed:
    """A vault with one of everything, served read-only; ``names``: what paths are spelled with."""

    def __init__(self, data: Path) -> None:
        self.server = RunningServer(data)
        self.names: dict[str, str] = {
            "app_short": "default",
            "short": "default",
            "space": "default",
        }
        self.put_url, self.structure = "", 0
        self.open: dict[str, int] = {}

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        with self.server.client() as http:
            return http.request(method, path, **options)

    def made(self, method: str, path: str, **options: Any) -> Any:
        got = self.ask(method, path, **options)
        assert got.is_success, f"{method} {path}: {got.status_code} {got.text}"
        return got.json()

    def fill(self) -> None:
        """Put something of everything into the vault, while it is open."""
        names = self.names
        names["file"] = self.made("POST", f"{API}/files?name=a.txt", content=b"abc")["id"]
        self.made("PUT", f"{API}/files/{names['file']}/content", content=b"abcd")
        names["token"] = self.made("POST", f"{API}/files?hold=true", content=b"held")["id"]
        names["folder"] = self.made("POST", f"{API}/folders", json={"name": "f"})["id"]
        names["upload"] = self.made("POST", f"{API}/uploads", json={"length": 9})["id"]
        made = self.made("POST", f"{API}/types", json=STRUCTURE)
        names["type"], self.structure = "VISIT", made["number"]
        wish = {"type": "VISIT", "values": {"title": "x"}, "files": {"photo": names["token"]}}
        names["record"] = self.made("POST", f"{API}/records", json=wish)["id"]
        hook = {"name": "x", "url": "https://x.example/", "events": ["year.opened"]}
        names["webhook"] = str(self.made("POST", f"{API}/webhooks", json=hook)["id"])
        names["key"] = self.made("POST", f"{API}/keys", json={"name": "k"})["id"]
        year = {"startingAt": "2026-01-01", "endingAt": "2026-12-31"}
        names["idOrganization"] = "me"
        names["idYear"] = self.made("POST", "/organizations/me/years", json=year)["id"]
        years = f"/organizations/me/years/{names['idYear']}"
        names["idFolder"] = self.made("POST", f"{years}/folders", json={"name": "g"})["id"]
        names["idFile"] = self.made("POST", f"{years}/files", json={"name": "b.txt"})["id"]
        sent = {"type": "text/plain", "size": 5}
        self.put_url = self.made("POST", f"{years}/files/{names['idFile']}/upload-url", json=sent)[
            "url"
        ]

    def spell(self, path: str) -> str:
        """Fill in a path of an OpenAPI document."""
        noun = {"files": "file", "folders": "folder", "uploads": "upload", "keys": "key",
                "records": "record", "types": "type", "webhooks": "webhook",
                "submissions": "record"}  # fmt: skip

        def found(variable: re.Match[str]) -> str:
            before = path[: variable.start()].rstrip("/").rpartition("/")[2]
            name = {"id": noun.get(before, ""), "file_id": "file", "field": "", "n": ""}.get(
                variable[1], variable[1]
            )
            known = {"field": "photo", "n": "1", "attrid": "photo", "fam": "VISIT", "name": "legal"}
            return self.names.get(name) or known.get(variable[1], NOBODY)

        return re.sub(r"\{(\w+)\}", found, path)


def routes(*methods: str) -> list[tuple[str, str]]:
    return [
        (method, path)
        for each in DOCUMENTS
        for path, item in yaml.safe_load(each.read_text())["paths"].items()
        for method in methods
        if method.lower() in item
    ]


READING = [path for _, path in routes("GET") if "stream" not in path]
WRITING = routes("POST", "PUT", "PATCH", "DELETE")


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Closed]:
    made = Closed(tmp_path_factory.mktemp("closed") / "data")
    try:
        made.server.start()
        made.fill()
        made.open = {path: made.ask("GET", made.spell(path)).status_code for path in READING}
        made.server.terminate()
        made.server._env["CONSIGNE_READ_ONLY"] = "true"  # type: ignore[index]
        made.server.start()
        yield made
        made.server.terminate()
    finally:
        made.server.kill9()


def rows(data: Path) -> dict[str, list[Any]]:
    """Return everything that the catalog says of the vault."""
    place = f"file:{data}/catalog.db?mode=ro"
    with closing(sqlite3.connect(place, uri=True)) as database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {
            name: database.execute(f'SELECT * FROM "{name}"').fetchall()
            for (name,) in tables
            if name not in SIGNING_IN
        }


def bytes_in(data: Path) -> set[Path]:
    return {path for path in (data / "blobs").rglob("*") if path.is_file()}


@pytest.mark.embedded("looks into the files of the vault")
def test_nothing_changes(closed: Closed) -> None:
    """C-41: every writing route of every dialect, with the ids of what is there."""
    before, files = rows(closed.server.data), bytes_in(closed.server.data)
    assert len(WRITING) > 100
    for method, path in WRITING:
        got = closed.ask(method, closed.spell(path), json={})
        assert not got.is_success or path in ("/user/auth", f"{API}/session"), (path, got.text)
    assert rows(closed.server.data) == before
    assert bytes_in(closed.server.data) == files


def test_everything_is_read(closed: Closed) -> None:
    """C-41: every reading route answers as it did while the vault was open."""
    assert list(closed.open.values()).count(200) > 20
    now = {path: closed.ask("GET", closed.spell(path)).status_code for path in READING}
    assert now == closed.open


def changes(closed: Closed) -> list[tuple[str, str, dict[str, Any]]]:
    """Return changes that an open vault would make."""
    names = closed.names
    file, record = f"{API}/files/{names['file']}", f"{API}/records/{names['record']}"
    years = f"/organizations/me/years/{names['idYear']}"
    tus = {"Tus-Resumable": "1.0.0", "Upload-Length": "3"}
    basic = {"Authorization": "Basic " + base64.b64encode(f"{EMAIL}:{PASSWORD}".encode()).decode()}
    return [
        ("POST", f"{API}/files?name=b.txt", {"content": b"b"}),
        ("POST", f"{API}/files", {"content": b"b", "headers": {"Upload-Complete": "?1"}}),
        ("PATCH", file, {"json": {"name": "c.txt"}}),
        ("PUT", f"{file}/content", {"content": b"c"}),
        ("POST", f"{file}/copy", {"json": {}}),
        ("PUT", f"{file}/hold", {"json": {"reason": "r"}}),
        ("DELETE", file, {}),
        ("POST", f"{API}/uploads", {"json": {"name": "u"}}),
        ("PUT", f"{API}/uploads/{names['upload']}/parts/1", {"content": b"123456789"}),
        ("DELETE", f"{API}/uploads/{names['upload']}", {}),
        ("POST", f"{API}/folders", {"json": {"name": "h"}}),
        ("POST", f"{API}/records", {"json": {"type": "VISIT", "values": {"title": "y"}}}),
        ("DELETE", record, {}),
        ("POST", f"{API}/keys", {"json": {"name": "l"}}),
        ("POST", f"{API}/spaces", {"json": {"short": "second"}}),
        ("POST", "/files", {"files": {"file": b"b"}}),
        ("DELETE", f"/files/{names['file']}", {}),
        ("POST", "/organizations/me/years",
         {"json": {"startingAt": "2027-01-01", "endingAt": "2027-12-31"}}),
        ("POST", f"{years}/files", {"json": {"name": "b"}}),
        ("PATCH", f"{years}/files/{names['idFile']}", {"json": {"name": "c"}}),
        ("PUT", closed.put_url, {"content": b"12345", "headers": {"Content-Type": "text/plain"}}),
        ("POST", "/api/file", {"content": b"b", "headers": basic}),
        ("POST", "/default/files/upload", {"content": b"b"}),
        ("POST", "/default/submissions",
         {"json": {"structure_id": closed.structure, "items": {"title": "y"}}}),
        ("POST", "/tus", {"headers": tus}),
    ]  # fmt: skip


def test_the_refusal(closed: Closed) -> None:
    """C-41: a 503 that says when to try again; where a dialect has words for it, also why."""
    for method, path, options in changes(closed):
        if "Authorization" in options.get("headers", {}):
            got = httpx.request(method, closed.server.url + path, **options)
        else:
            got = closed.ask(method, path, **options)
        assert got.status_code == 503, (method, path, got.status_code, got.text)
        assert got.headers["retry-after"] == "60", (method, path)
    problem = closed.ask("POST", f"{API}/folders", json={"name": "h"}).json()
    assert "read-only" in problem["detail"]
    assert problem["rule"] == "read_only"
    assert "CONSIGNE_READ_ONLY" in problem["hint"]


def test_people_sign_in(closed: Closed) -> None:
    """C-05, C-06: tokens are given out, and work; wrong passwords are counted."""
    answer = httpx.post(
        f"{closed.server.url}/oauth/v2/token",
        data={"grant_type": "password", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET,
              "username": EMAIL, "password": PASSWORD},
    )  # fmt: skip
    token = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    uuid = closed.names["record"]
    got = httpx.get(f"{closed.server.url}/default/submissions/{uuid}", headers=token)
    assert got.status_code == 200, got.text
    wrong = {"login": EMAIL, "password": "wrong"}
    tries = [
        httpx.post(f"{closed.server.url}{API}/session", json=wrong).status_code for _ in range(30)
    ]
    assert tries[0] == 401
    assert tries[-1] == 429


def test_health_and_greeting_say_so(closed: Closed) -> None:
    """C-41: ready, and read-only."""
    health = httpx.get(f"{closed.server.url}/health/ready")
    assert health.status_code == 200
    assert {"status": "ready", "read_only": True}.items() <= health.json().items()
    assert "Read-only: every change is refused." in closed.server.log


def test_what_does_not_start(closed: Closed, tmp_path: Path) -> None:
    """C-57: a worker would change things; where there is no vault, none is made."""
    env = {"CONSIGNE_READ_ONLY": "true", "PATH": "/usr/bin:/bin"}
    for command, data, said in (
        ("worker", closed.server.data, "CONSIGNE_READ_ONLY is set"),
        ("serve", tmp_path / "nothing", "The catalog cannot be opened"),
    ):
        done = subprocess.run(
            [*COMMAND, command, "--data", str(data)], env=env, capture_output=True, text=True
        )
        assert done.returncode == 5, done.stderr
        assert said in done.stderr
    assert not (tmp_path / "nothing").exists()
