"""Health tells the truth, and no more of it than its reader may know."""

import sqlite3
import time
from collections.abc import Callable
from typing import Any

import httpx
from tests.parts.server import EMAIL, KEY, PASSWORD, RunningServer, ServerStarter

STRANGER = {"X-Forwarded-For": "203.0.113.9"}
ADMINISTRATOR = STRANGER | {"Authorization": f"Bearer {KEY}"}


def ask(url: str, headers: dict[str, str] | None = None) -> tuple[int, Any]:
    answer = httpx.get(f"{url}/health/ready", headers=headers, timeout=30)
    assert answer.headers["cache-control"] == "no-store"
    return answer.status_code, answer.json()


def until(url: str, condition: Callable[[int, Any], bool]) -> Any:
    """Ask until the answer is as wanted: an answer is given again for a second."""
    deadline = time.monotonic() + 60
    while not condition(*(got := ask(url))):
        assert time.monotonic() < deadline, got
        time.sleep(0.1)
    return got[1]


def status_of(body: Any, name: str) -> tuple[str, str]:
    (check,) = [check for check in body["checks"] if check["name"] == name]
    return check["status"], check["detail"]


def test_who_is_told_what(server: RunningServer) -> None:
    """Watchers and administrators see the checks, strangers and keys of a space a word."""
    assert ask(server.url, STRANGER) == (200, {"status": "ready"})
    for headers in (None, ADMINISTRATOR):
        status, body = ask(server.url, headers)
        assert (status, body["status"]) == (200, "ready")
        assert {check["name"] for check in body["checks"]} == {
            "catalog", "schema", "store", "disk", "queue"
        }  # fmt: skip
    with server.client() as client:
        key = client.post("/consigne/v1/keys", json={"name": "bound", "space": "default"})
        assert key.status_code == 201, key.text
    bound = STRANGER | {"Authorization": f"Bearer {key.json()['key']}"}
    assert ask(server.url, bound) == (200, {"status": "ready"})
    login = {"login": EMAIL, "password": PASSWORD, "cookie": True}
    began = httpx.post(f"{server.url}/consigne/v1/session", json=login, timeout=30)
    status, body = ask(server.url, STRANGER | {"Cookie": began.headers["set-cookie"].split(";")[0]})
    assert (status, "checks" in body) == (200, True)
    assert ask(server.url, STRANGER | {"Cookie": "consigne_session=nonsense"}) == (
        200, {"status": "ready"}
    )  # fmt: skip
    wrong = STRANGER | {"Authorization": "Bearer nonsense"}
    assert ask(server.url, wrong) == (200, {"status": "ready"})
    assert httpx.get(f"{server.url}/health/live", timeout=30).json() == {"status": "live"}
    assert httpx.get(f"{server.url}/health/other", timeout=30).status_code == 404
    assert httpx.post(f"{server.url}/health/ready", timeout=30).status_code == 405


def test_a_schema_that_is_too_old_is_not_ready(fresh_server: RunningServer) -> None:
    """An older one is a 503, a newer one (the middle of an upgrade) a warning."""
    with sqlite3.connect(fresh_server.data / "catalog.db", timeout=60) as connection:
        (now,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()

    def put(version: str) -> None:
        with sqlite3.connect(fresh_server.data / "catalog.db", timeout=60) as connection:
            connection.execute("UPDATE alembic_version SET version_num = ?", (version,))

    put("0001")
    body = until(fresh_server.url, lambda status, _: status == 503)
    assert body["failed"] == ["schema"]
    assert status_of(body, "schema") == ("failed", f"0001; this version needs {now}")
    assert ask(fresh_server.url, STRANGER)[1] == {"status": "not ready", "failed": ["schema"]}
    put("9999")
    body = until(fresh_server.url, lambda status, _: status == 200)
    assert status_of(body, "schema")[0] == "warning"
    put(now)
    until(fresh_server.url, lambda _, body: status_of(body, "schema")[0] == "ok")


def test_what_fails_and_what_only_needs_somebody(start_server: ServerStarter) -> None:
    """A store that is gone is a 503 until it is back; low disk and an idle queue are warnings."""
    env = {
        "CONSIGNE_DISK_LOW": "900TiB",
        "CONSIGNE_WORKER": "false",
        "CONSIGNE_SMALL_SIZE": "0",
    }
    server = start_server(env=env)
    with server.client() as client:
        sent = client.post("/consigne/v1/files", params={"name": "a.txt"}, content=b"some text")
        assert sent.status_code == 201, sent.text
    body = until(server.url, lambda _, body: status_of(body, "queue")[0] == "warning")
    assert "text: 1 wait" in status_of(body, "queue")[1]
    assert "0 workers" in status_of(body, "queue")[1]
    assert status_of(body, "disk")[0] == "warning"
    assert body["status"] == "ready"

    store, aside = server.data / "blobs", server.data / "aside"
    store.rename(aside)
    body = until(server.url, lambda status, _: status == 503)
    assert body["failed"] == ["store"]
    assert status_of(body, "store")[1]
    aside.rename(store)
    until(server.url, lambda status, _: status == 200)
