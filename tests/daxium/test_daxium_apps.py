"""``GET /apps``, and with it what all lists of the dialect share: pages, keys, versions."""

import time
from typing import Any

import pytest
from daxium_support import Instance, client, found_instance, good, log_in, new_user, refused
from tests.parts.server import KEY, RunningServer, ServerStarter


@pytest.fixture(scope="module")
def member(server: RunningServer) -> tuple[Any, list[Instance]]:
    """A client of someone who is a member of three instances, and these."""
    instances = [found_instance(server) for _ in range(3)]
    email, _ = new_user(server.url)
    operator = client(server.url, KEY)
    for instance in instances:
        place = f"/consigne/v1/spaces/{instance.short}/members/{email}"
        good(operator.put(place, json={"role": "reader"}))
    return client(server.url, log_in(server.url, email)["access_token"]), instances


def test_apps(member: tuple[Any, list[Instance]]) -> None:
    """DX-10, DX-11: the caller's spaces, with id, name and short name."""
    http, instances = member
    body = good(http.get("/apps"))
    assert list(body) == ["apps", "total_count", "total_pages", "server_time"]
    assert [app["short"] for app in body["apps"]] == [each.short for each in instances]
    for app in body["apps"]:
        assert list(app) == ["id", "name", "short"]
        assert isinstance(app["id"], int)
        assert app["name"] == app["short"]
    assert (body["total_count"], body["total_pages"]) == (3, 1)
    assert isinstance(body["server_time"], int)
    assert abs(body["server_time"] - time.time()) < 100


def test_pages(member: tuple[Any, list[Instance]]) -> None:
    """DX-10: pages from 1; past the end they are empty, and the totals stay."""
    http, instances = member
    for limit, page, expected in ((2, 1, [0, 1]), (2, 2, [2]), (2, 3, []), (1, 2, [1]),
                                  (500, 1, [0, 1, 2]), (2, 2**31, [])):  # fmt: skip
        body = good(http.get("/apps", params={"limit": limit, "page": page}))
        assert [a["short"] for a in body["apps"]] == [instances[n].short for n in expected]
        assert body["total_count"] == 3
        assert body["total_pages"] == -(-3 // limit)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("page", "0"), ("page", "-1"), ("page", "x"), ("page", ""), ("page", "1.5"),
        ("page", "9" * 30), ("page", "²"), ("limit", "0"), ("limit", "501"), ("limit", " 1"),
    ],
)  # fmt: skip
def test_bad_pages(member: tuple[Any, list[Instance]], name: str, value: str) -> None:
    """DX-10: a page or a limit that is none is told by name."""
    body = refused(member[0].get("/apps", params={name: value}), 400, "API1000")
    assert body["infos"][0]["field"] == name


@pytest.mark.parametrize(
    ("fields", "keys"),
    [
        ("id,short", ["id", "short"]),
        (" short , id ", ["id", "short"]),
        ("nothing,name", ["name"]),
        ("", []),
    ],
)
def test_fields(member: tuple[Any, list[Instance]], fields: str, keys: list[str]) -> None:
    """DX-09: the keys of members are restricted; unknown names are ignored."""
    body = good(member[0].get("/apps", params={"fields": fields, "nonsense": "x"}))
    assert [list(app) for app in body["apps"]] == [keys] * 3
    assert body["total_count"] == 3


def test_version(member: tuple[Any, list[Instance]]) -> None:
    """DX-01, DX-04, DX-08: v1.3 or nothing; the token is looked at first."""
    http, instances = member
    good(http.get("/apps", headers={"X-Accept-Version": "v1.3"}))
    for wanted in ("v1.2", "1.3", "V1.3", "v1.4", ""):
        headers = {"X-Accept-Version": wanted}
        for path in ("/apps", f"/{instances[0].short}/files/upload", "/no-such-short/files/upload"):
            method = "GET" if path == "/apps" else "POST"
            body = refused(http.request(method, path, headers=headers), 400, "API1000")
            assert body["infos"][0]["field"] == "X-Accept-Version"
        refused(client(str(http.base_url), None).get("/apps", headers=headers), 401, "AUT001")


def test_pages_of_other_origins(start_server: ServerStarter) -> None:
    """C-57: origins that the one setting names may call this dialect, with its headers."""
    server = start_server(env={"CONSIGNE_CORS_ORIGINS": "https://app.example"})
    http = client(server.url, None)
    asked = {
        "Origin": "https://app.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,x-accept-version",
    }
    got = http.options("/default/files/upload", headers=asked)
    assert got.status_code == 204
    assert got.headers["access-control-allow-origin"] == "https://app.example"
    assert "POST" in got.headers["access-control-allow-methods"]
    assert "X-Accept-Version" in got.headers["access-control-allow-headers"]
    got = http.get("/apps", headers={"Origin": "https://app.example"})
    refused(got, 401, "AUT001")
    assert "X-Consigne-SHA256" in got.headers["access-control-expose-headers"]
    got = http.options("/apps", headers={**asked, "Origin": "https://evil.example"})
    assert got.status_code == 403


def test_a_bound_key_sees_its_own(server: RunningServer, instance: Instance) -> None:
    """DX-11: a key that is bound to a space is no member of any other."""
    assert [a["short"] for a in good(instance.admin.get("/apps"))["apps"]] == [instance.short]
    refused(client(server.url, None).get("/apps"), 401, "AUT001")
    assert client(server.url, KEY).head("/apps").status_code == 200
