"""Spaces are walls: every route with another space's key, and with no key at all."""

from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from native_routes import API_ROUTES, OPEN_ROUTES
from native_support import Client, Space, make_space
from tests.parts.papers import text_pdf
from tests.parts.server import KEY, RunningServer

SECRET = "a name that must not get out"


@dataclass
class Victim:
    """A space with one of everything, and what is spelled in paths."""

    space: Space
    names: dict[str, str]


@pytest.fixture(scope="module")
def victim(server: RunningServer) -> Victim:
    space = make_space(server.url, KEY)
    api = space.admin
    file = api.upload(b"secret bytes", params={"name": SECRET, "folder": ""})
    folder = api.ok("POST", "/folders", 201, json={"name": SECRET})
    upload = api.ok("POST", "/uploads", 201, json={"name": SECRET})
    key = api.ok("POST", "/keys", 201, json={"name": SECRET, "space": space.short})
    paper = api.upload(text_pdf([SECRET]), params={"name": SECRET})
    reading = api.ok("POST", f"/files/{paper['id']}/ocr")
    fields = [{"id": "scan", "type": "file"}, {"id": "word", "type": "text", "in_title": True}]
    api.ok("POST", "/types", 201, json={"name": "PAPER", "fields": fields})
    linked = api.upload(b"linked", params={"hold": "true", "name": SECRET})
    wish = {"type": "PAPER", "values": {"word": SECRET}, "files": {"scan": linked["id"]}}
    record = api.ok("POST", "/records", 201, json=wish)
    hook = {"name": "SECRET", "url": f"http://{SECRET.replace(' ', '-')}.example/", "events": ["*"]}
    hook = api.ok("POST", "/webhooks", 201, json=hook)
    names = {
        "webhook": str(hook["id"]),
        "type": "PAPER", "record": record["id"], "field": "scan", "name": "legal",
        "file": file["id"], "folder": folder["id"], "upload": upload["id"], "key": key["id"],
        "job": reading["job"]["id"], "short": space.short, "member": "1", "n": "1",
    }  # fmt: skip
    return Victim(space, names)


@pytest.fixture(scope="module")
def stranger(server: RunningServer) -> Space:
    return make_space(server.url, KEY)


NOBODY = "11111111-1111-4111-8111-111111111111"


def spell(path: str, names: dict[str, str]) -> str:
    """Fill the variables of a path with the victim's ids."""
    noun = path.split("/")[3].removesuffix("s") if len(path.split("/")) > 3 else ""
    return path.replace("{id}", names.get(noun, NOBODY)).format(**names)


UNKNOWN = {
    "webhook": "999999999",
    "type": "NOTHING",
    "record": NOBODY,
    "field": "scan",
    "name": "legal",
    "file": NOBODY,
    "folder": NOBODY,
    "upload": NOBODY,
    "key": NOBODY,
    "job": NOBODY,
    "short": "no-such-space",
    "member": "1",
    "n": "1",
}
BODIES: dict[str, dict[str, Any]] = {
    "hold": {"reason": "r"},
    "quarantine": {"reason": "r"},
    "retention": {"until": "2100-01-01"},
    "{member}": {"role": "admin"},
    "{field}": {"file": NOBODY},
    "urls": {"parts": [{"number": 1}]},
}
ABOUT_ONE = [(m, p) for m, p in API_ROUTES if "{id}" in p or "{short}" in p]
ABOUT_MANY = [(m, p) for m, p in API_ROUTES if "{" not in p]


def body_for(path: str) -> dict[str, Any]:
    return BODIES.get(path.rsplit("/", 1)[-1], {})


def send(client: Client, method: str, path: str, names: dict[str, str]) -> httpx.Response:
    return client.request(method, spell(path, names), json=body_for(path))


@pytest.mark.parametrize(("method", "path"), ABOUT_ONE)
def test_another_spaces_things_do_not_exist(
    victim: Victim, stranger: Space, method: str, path: str
) -> None:
    """C-01, C-02, C-30: the answer to another space's id is that to an unknown one, to the byte."""
    got = send(stranger.admin, method, path, victim.names)
    unknown = send(stranger.admin, method, path, UNKNOWN)
    assert got.status_code == 404
    assert got.status_code == unknown.status_code
    mine = got.content.replace(victim.space.short.encode(), b"no-such-space")
    assert mine == unknown.content
    assert SECRET not in got.text


@pytest.mark.parametrize(("method", "path"), ABOUT_ONE)
def test_naming_the_space_does_not_help(
    victim: Victim, stranger: Space, method: str, path: str
) -> None:
    """C-01: a key that is bound to a space acts as a non-member in every other."""
    names = victim.names
    headers = {"X-Consigne-Space": victim.space.short}
    got = stranger.admin.request(
        method, spell(path, names), json=body_for(path), headers=headers,
        params={"space": victim.space.short},
    )  # fmt: skip
    assert got.status_code == 404
    assert SECRET not in got.text


@pytest.mark.parametrize(("method", "path"), ABOUT_MANY)
def test_lists_hold_ones_own_only(victim: Victim, stranger: Space, method: str, path: str) -> None:
    """C-01, C-03: no list, count or deletion reaches into another space."""
    if method == "GET" and not path.endswith("/stream"):
        got = stranger.admin.request(method, path, params={"all": "true", "q": "name"})
        assert SECRET not in got.text
        assert victim.space.short not in got.text
        assert victim.names["file"] not in got.text
    before = victim.space.state()
    named = stranger.admin.request(
        method, path, params={"space": victim.space.short, "all": "true", "path": "x"}, json={},
    ) if "session" not in path else None  # fmt: skip
    assert victim.space.state() == before
    if named is not None and path in SPACED and (method, path) not in OPEN_ROUTES:
        assert (named.status_code, named.json()["code"]) == (404, "space_not_found")


SPACED = {
    f"/consigne/v1/{noun}"
    for noun in ("files", "files/count", "search", "uploads", "folders", "events", "events/stream")
}


@pytest.mark.parametrize(("method", "path"), API_ROUTES)
def test_credentials_are_needed(victim: Victim, method: str, path: str) -> None:
    """C-05: without credentials, and with wrong ones, nothing but a challenge."""
    for token in (None, "csg_0123456789012345678901234567890123456789", "a.b.c"):
        client = Client(victim.space.url, token)
        got = client.request(method, spell(path, victim.names), json=body_for(path))
        if (method, path) in OPEN_ROUTES:
            assert got.status_code != 401 or path.endswith("session")
            continue
        assert got.status_code == 401, token
        assert got.headers["www-authenticate"] == 'Bearer realm="consigne"'
        assert got.json()["code"] == "unauthenticated"


def test_the_victim_is_untouched(victim: Victim) -> None:
    """C-12: after all that, everything is there as it was."""
    assert victim.space.admin.content(victim.names["file"]) == b"secret bytes"
    assert victim.space.admin.ok("GET", f"/uploads/{victim.names['upload']}")["state"] == "open"


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(
            ["Bearer x", "Bearer y"], marks=pytest.mark.embedded("nginx answers this by itself")
        ),
        ["Basic !!!"],
        ["Digest x"],
        ["Bearer"],
        ["Bearer a b"],
    ],
)
def test_malformed_credentials(server: RunningServer, values: list[str]) -> None:
    """C-05: several headers, other schemes and broken Basic are refused without a trace."""
    headers = [("Authorization", value) for value in values]
    got = Client(server.url).request("GET", "/consigne/v1/me", headers=headers)
    assert (got.status_code, got.json()["code"]) == (401, "unauthenticated")
