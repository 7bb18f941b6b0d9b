"""Instances are walls: every route without a token, with another instance's, in another version."""

import re
from typing import Any

import httpx
import pytest
from daxium_support import (
    NOBODY,
    Instance,
    client,
    found_instance,
    good,
    log_in,
    new_user,
    refused,
)
from tests.parts.server import KEY, RunningServer, others_forget

from consigne.dialects.daxium.routes import routes
from consigne.settings import Settings


class _Anything:
    def __getattr__(self, name: str) -> "_Anything":
        return self


ALL = sorted((r.method, r.path) for r in routes(_Anything(), Settings()))  # type: ignore[arg-type]
PRIVATE = [(method, path) for method, path in ALL if not path.startswith("/oauth/")]
OF_INSTANCE = [(method, path) for method, path in PRIVATE if "{app_short}" in path]
SECRET = "a title that must not get out"


@pytest.fixture(scope="module")
def victim(server: RunningServer) -> dict[str, str]:
    """Return what is spelled in paths of an instance with one of everything."""
    instance = found_instance(server)
    form = instance.structure(
        {"id": "title", "type": "text", "in_title": True}, {"id": "doc", "type": "file"}
    )
    uuid = instance.upload(b"secret bytes")
    body = form.create(title=SECRET, doc=[uuid])
    return {
        "app_short": instance.short, "submission": body["id"], "structure": str(form.id),
        "uuid": uuid, "worker_unique_id": NOBODY,
    }  # fmt: skip


@pytest.fixture(scope="module")
def foreign(server: RunningServer) -> Instance:
    return found_instance(server)


def spell(path: str, names: dict[str, str]) -> str:
    noun = "structure" if "/structures/" in path else "submission"
    return re.sub(r"\{(\w+)\}", lambda found: names[noun if found[1] == "id" else found[1]], path)


def send(http: httpx.Client, method: str, path: str, **headers: str) -> httpx.Response:
    wish = {"structure_id": 1, "items": {"title": "x"}}
    body: Any = wish if method in ("POST", "PUT", "PATCH") else None
    return http.request(method, path, json=body, headers=headers)


@pytest.mark.parametrize(("method", "path"), PRIVATE)
def test_no_token(server: RunningServer, victim: dict[str, str], method: str, path: str) -> None:
    """DX-03, DX-04: 401 on every route but the token's, whatever else is wrong."""
    for token in (None, "nobody", "cso_nobody", "csr_nobody"):
        got = send(
            client(server.url, token), method, spell(path, victim), **{"X-Accept-Version": "v9"}
        )
        refused(got, 401, "AUT001", [])
        assert got.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(("method", "path"), OF_INSTANCE)
def test_another_instance(
    victim: dict[str, str], foreign: Instance, method: str, path: str
) -> None:
    """DX-02, DX-04, case 10: a stranger's answer is that of an instance which does not exist."""
    person = foreign.person("admin").http
    answers = []
    for http in (foreign.admin, person):
        for short in (victim["app_short"], "no-such-instance"):
            got = send(http, method, spell(path, victim | {"app_short": short}))
            body = refused(got, 404, "APP001", [])
            body.pop("server_time")
            answers.append(body)
    assert all(answer == answers[0] for answer in answers)


@pytest.mark.parametrize(("method", "path"), OF_INSTANCE)
def test_ids_of_another_instance(
    victim: dict[str, str], foreign: Instance, method: str, path: str
) -> None:
    """DX-04, DX-32, C-30: with a right of one's own, another instance's ids name nothing."""
    if "{" not in path.replace("{app_short}", "") or path.endswith("/upload"):
        return
    got = send(foreign.admin, method, spell(path, victim | {"app_short": foreign.short}))
    assert got.status_code == 404, got.text
    assert SECRET not in got.text


@pytest.mark.parametrize(("method", "path"), PRIVATE)
def test_versions(victim: dict[str, str], foreign: Instance, method: str, path: str) -> None:
    """DX-04, DX-08: another version is refused on every route, before the instance is looked at."""
    headers = {"X-Accept-Version": "v2"}
    got = send(foreign.admin, method, spell(path, victim), **headers)
    assert refused(got, 400, "API1000")["infos"][0]["field"] == "X-Accept-Version"


def test_nothing_happened(server: RunningServer, victim: dict[str, str]) -> None:
    """DX-04: after all that the victim's submission is as it was."""
    http = client(server.url, KEY)
    key = good(
        http.post("/consigne/v1/keys", json={"name": "k", "space": victim["app_short"]}), 201
    )
    owner = client(server.url, key["key"])
    path = f"/{victim['app_short']}/submissions/{victim['submission']}"
    body = good(owner.get(path))
    assert body["items"]["title"] == SECRET
    assert owner.get(f"{path}/file/{victim['uuid']}").content == b"secret bytes"


def test_an_operator_is_no_member(server: RunningServer, foreign: Instance) -> None:
    """DX-02, C-01: looking after the installation is no membership."""
    email, number = new_user(server.url)
    operator = client(server.url, KEY)
    good(operator.patch(f"/consigne/v1/users/{number}", json={"is_operator": True}))
    http = client(server.url, log_in(server.url, email)["access_token"])
    refused(http.get(f"/{foreign.short}/structures"), 404, "APP001", [])


def test_a_member_who_leaves(server: RunningServer, foreign: Instance) -> None:
    """DX-04, C-05: roles come from the catalog, not from the token."""
    person = foreign.person("writer")
    foreign.upload(b"1", person.http)
    place = f"/consigne/v1/spaces/{foreign.short}/members/{person.email}"
    operator = client(server.url, KEY)
    good(operator.put(place, json={"role": "reader"}))
    others_forget()
    refused(foreign.send(b"2", person.http), 403, "AUT002")
    assert operator.delete(place).status_code == 204
    others_forget()
    refused(foreign.send(b"2", person.http), 404, "APP001")
