"""Held files whose time is over are gone at once, in lists too (DY-53, C-14)."""

import time

import httpx
from tests.parts.server import ServerStarter


def test_expired_held_files_are_in_no_list(start_server: ServerStarter) -> None:
    """C-14: the sweeper may come later; nobody sees the file meanwhile."""
    server = start_server(env={"CONSIGNE_SWEEP_EVERY": "3600"})
    with server.client() as client:
        made = client.post("/consigne/v1/files?name=brief&hold=true&expires_in=1", content=b"x")
        assert made.status_code == 201, made.text
        assert _held(client) == ["brief"]
        time.sleep(1.2)
        assert client.get(f"/consigne/v1/files/{made.json()['id']}").status_code == 404
        assert _held(client) == []


def _held(client: httpx.Client) -> list[str]:
    page = client.get("/consigne/v1/files", params={"state": "held"}).json()
    return [file["name"] for file in page["files"]]
