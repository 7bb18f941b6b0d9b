"""Users, log-ins, keys, spaces and members through the native API."""

import secrets
import time

import pytest
from native_support import Client, Login, Space
from tests.parts.server import EMAIL, KEY, PASSWORD, RunningServer, ServerStarter, others_forget


def refusal(got: object) -> tuple[int, str]:
    return got.status_code, got.json()["code"]  # type: ignore[attr-defined]


def test_me(space: Space, logins: list[Login]) -> None:
    """C-01, C-05: who calls, what the credential is limited to, and only the spaces within."""
    bound = space.admin.ok("GET", "/me")
    assert [each["short"] for each in bound["spaces"]] == [space.short]
    assert bound["credential"]["space"] == bound["spaces"][0]["id"]
    assert bound["spaces"][0]["role"] == "admin"
    writer = space.member(logins[0], "writer")
    mine = writer.ok("GET", "/me")
    assert mine["user"]["email"] == logins[0].email
    assert mine["credential"] == {"space": None, "methods": None}
    assert {"short": space.short, "role": "writer"}.items() <= mine["spaces"][-1].items()


def test_basic_and_tokens(server: RunningServer) -> None:
    """C-05: user name and password as Basic, and as a token that can be revoked."""
    basic = Client(server.url)
    basic.auth = (EMAIL.upper(), PASSWORD)
    assert basic.ok("GET", "/me")["user"]["email"] == EMAIL
    body = {"login": EMAIL, "password": PASSWORD}
    got = Client(server.url).call("POST", "/session", json=body)
    assert got.status_code == 201
    assert got.headers["cache-control"] == "no-store"
    assert got.json()["token_type"] == "Bearer"
    client = Client(server.url, got.json()["token"])
    assert client.ok("GET", "/me")["user"]["email"] == EMAIL
    client.ok("DELETE", "/session", 204)
    others_forget()
    assert refusal(client.call("GET", "/me")) == (401, "unauthenticated")
    assert refusal(Client(server.url, KEY).call("DELETE", "/session")) == (400, "bad_parameter")


def test_log_ins_are_limited(server: RunningServer, operator: Client) -> None:
    """C-06: failures only, one answer for unknown names and wrong passwords, 429 at every door."""
    email = f"u{secrets.token_hex(6)}@example.org"
    operator.ok("POST", "/users", 201, json={"email": email, "password": PASSWORD})
    anyone = Client(server.url)
    good = {"login": email, "password": PASSWORD}
    for _ in range(12):
        assert anyone.call("POST", "/session", json=good).status_code == 201
    wrong = anyone.call("POST", "/session", json=good | {"password": "not this one"})
    unknown = anyone.call("POST", "/session", json=good | {"login": "nobody@example.org"})
    assert refusal(wrong) == (401, "bad_credentials")
    assert wrong.content == unknown.content
    for _ in range(9):
        anyone.call("POST", "/session", json=good | {"password": "not this one"})
    got = anyone.call("POST", "/session", json=good)
    assert refusal(got) == (429, "login_throttled")
    assert int(got.headers["retry-after"]) > 0
    anyone.auth = (email, PASSWORD)
    assert anyone.call("GET", "/me").status_code == 429
    for body in ({}, {"login": email}, {"login": "", "password": "x"}, {"login": 1}, []):
        assert Client(server.url).call("POST", "/session", json=body).status_code == 400, body


def test_users(operator: Client, server: RunningServer) -> None:
    """C-01: operators make and change users; e-mail addresses are unique."""
    email = f"u{secrets.token_hex(6)}@example.org"
    body = {"email": email.upper(), "password": PASSWORD, "name": "A", "home": "default"}
    got = operator.call("POST", "/users", json=body)
    assert got.status_code == 201
    user = got.json()
    assert got.headers["location"] == f"/consigne/v1/users/{user['id']}"
    assert (user["email"], user["username"], user["is_operator"]) == (email, email, False)
    assert "password" not in got.text
    assert operator.ok("GET", f"/users/{user['id']}") == user
    assert refusal(operator.call("POST", "/users", json=body)) == (409, "name_taken")
    for wrong in (
        {"email": "none"}, {}, {"email": "a@b", "password": "short"}, {"email": "a@b", "x": 1},
        {"email": "a\0@b"}, {"email": "a@b.example", "home": "no-such"},
    ):  # fmt: skip
        assert operator.call("POST", "/users", json=wrong).status_code in (400, 404), wrong
    url = f"/users/{user['id']}"
    session = {"login": email, "password": PASSWORD}
    token = Client(server.url).ok("POST", "/session", 201, json=session)["token"]
    own = Client(server.url, token)
    assert own.ok("PATCH", url, json={"name": "B"})["name"] == "B"
    assert refusal(own.call("PATCH", url, json={"is_operator": True})) == (403, "forbidden")
    assert refusal(own.call("GET", "/users")) == (403, "forbidden")
    assert own.call("GET", "/users/1").content == own.call("GET", "/users/999999").content
    new = {"password": "another password"}
    assert refusal(own.call("PATCH", url, json=new)) == (400, "bad_parameter")
    bad = own.call("PATCH", url, json=new | {"current_password": "wrong one"})
    assert refusal(bad) == (401, "bad_credentials")
    own.ok("PATCH", url, json=new | {"current_password": PASSWORD})
    others_forget()
    assert own.call("GET", "/me").status_code == 401, "a new password voids tokens"
    operator.ok("PATCH", url, json={"is_active": False})
    login = {"login": email, "password": "another password"}
    assert Client(server.url).call("POST", "/session", json=login).status_code == 401
    first = operator.ok("GET", "/users", params={"limit": 1})
    second = operator.ok("GET", "/users", params={"limit": 1, "cursor": first["next"]})
    assert first["users"][0]["id"] < second["users"][0]["id"]
    operator.ok("PATCH", url, json={"name": f"ÉLAN {email}"})
    for text in (email.upper(), f"élan {email}"):
        found = operator.ok("GET", "/users", params={"having": text, "limit": 1})
        assert ([each["id"] for each in found["users"]], found["next"]) == ([user["id"]], None)
    assert operator.ok("GET", "/users", params={"having": f"no {email}"})["users"] == []
    assert refusal(operator.call("GET", "/users/x")) == (404, "user_not_found")


def test_keys(space: Space, logins: list[Login]) -> None:
    """C-01, C-05: a key is shown once, and never makes a wider one."""
    member = space.member(logins[0], "writer")
    got = member.call(
        "POST", "/keys", json={"name": "k", "space": space.short, "methods": ["get", "POST"]}
    )
    assert got.status_code == 201
    assert got.headers["cache-control"] == "no-store"
    key = got.json()
    assert (key["methods"], key["hint"]) == (["GET", "POST"], key["key"][-4:])
    narrow = Client(space.url, key["key"])
    file = narrow.upload()
    assert narrow.call("HEAD", f"/files/{file['id']}").status_code == 200
    assert refusal(narrow.call("DELETE", f"/files/{file['id']}")) == (403, "method_refused")
    for wider in (
        {"name": "w"}, {"space": space.short}, {"space": space.short, "methods": ["DELETE"]},
        {"space": space.short, "methods": []},
    ):  # fmt: skip
        assert refusal(narrow.call("POST", "/keys", json=wider)) == (403, "forbidden"), wider
    same = {"space": space.short, "methods": ["GET"], "expires_in": 3600}
    child = narrow.ok("POST", "/keys", 201, json=same)
    grandchild = Client(space.url, child["key"])
    assert refusal(grandchild.call("POST", "/keys", json=same)) == (403, "method_refused")
    listed = member.ok("GET", "/keys")["keys"]
    assert {key["id"], child["id"]} <= {each["id"] for each in listed}
    assert all("key" not in each for each in listed)
    assert refusal(member.call("GET", "/keys", params={"all": "1"})) == (403, "right_missing")
    everyone = space.admin.ok("GET", "/keys", params={"all": "1"})["keys"]
    assert key["id"] in {each["id"] for each in everyone}
    space.admin.ok("DELETE", f"/keys/{key['id']}", 204)
    others_forget()
    assert narrow.call("GET", "/me").status_code == 401
    assert refusal(space.admin.call("DELETE", f"/keys/{key['id']}")) == (404, "key_not_found")
    for wrong in (
        {"space": "no-such"}, {"methods": ["TRACE"]}, {"expires_in": 0}, {"name": "a\0"},
    ):  # fmt: skip
        assert member.call("POST", "/keys", json=wrong).status_code in (400, 404), wrong


def test_a_key_outlives_no_other(space: Space) -> None:
    """C-05: a key that expires makes none that outlives it, and is refused when it has expired."""
    body = {"space": space.short, "expires_in": 2}
    short = space.admin.ok("POST", "/keys", 201, json=body)
    client = Client(space.url, short["key"])
    child = client.ok("POST", "/keys", 201, json={"space": space.short, "expires_in": 9999})
    assert child["expires_at"] == short["expires_at"]
    time.sleep(2.1)
    fresh = Client(space.url, child["key"])
    assert fresh.call("GET", "/me").status_code == 401


def test_spaces(operator: Client, space: Space, logins: list[Login]) -> None:
    """C-01, C-02, C-40: operators make spaces; names of routes are reserved; admins change a few
    things, operators the rest."""
    for short in ("files", "consigne", "docs", "user", "A", "x" * 64, "", "a/b", "é", "health"):
        got = operator.call("POST", "/spaces", json={"short": short})
        assert got.status_code == 400, short
    taken = operator.call("POST", "/spaces", json={"short": space.short})
    assert refusal(taken) == (409, "name_taken")
    assert refusal(space.admin.call("POST", "/spaces", json={"short": "abc"})) == (
        403, "forbidden",
    )  # fmt: skip
    url = f"/spaces/{space.short}"
    changed = space.admin.ok("PATCH", url, json={"name": "N", "signup_open": True})
    assert (changed["name"], changed["signup_open"]) == ("N", True)
    for ruled in ({"quota": 5}, {"quota": None}, {"hosts": ["a.example"]}):
        assert refusal(space.admin.call("PATCH", url, json=ruled)) == (403, "forbidden")
    host = f"{space.short}.example"
    changed = operator.ok("PATCH", url, json={"quota": 5000, "hosts": [host.upper()]})
    assert (changed["quota"], changed["hosts"]) == (5000, [host])
    assert space.admin.ok("GET", url)["quota"] == 5000
    for wrong in ({"quota": -1}, {"name": ""}, {"hosts": ["a b"]}, {"short": "x"}):
        assert operator.call("PATCH", url, json=wrong).status_code == 400, wrong
    writer = space.member(logins[0], "writer")
    shown = writer.ok("GET", url)
    assert (shown["role"], "quota" in shown, "hosts" in shown) == ("writer", False, False)
    assert refusal(writer.call("PATCH", url, json={"name": "x"})) == (403, "right_missing")
    assert refusal(writer.call("GET", f"{url}/usage")) == (403, "right_missing")
    mine = space.admin.ok("GET", "/spaces")["spaces"]
    assert [(each["short"], "usage" in each) for each in mine] == [(space.short, False)]
    seen, cursor = [], "0"
    while cursor:
        page = operator.ok("GET", "/spaces", params={"limit": 2, "cursor": cursor})
        seen += [each["short"] for each in page["spaces"]]
        full = {each["short"]: each["usage"] for each in page["spaces"]}
        if space.short in full:
            assert full[space.short] == space.usage() | {"files": None}
        cursor = page["next"]
    assert space.short in seen
    assert len(seen) == len(set(seen))


def test_members(space: Space, logins: list[Login], operator: Client) -> None:
    """C-01, C-02: admins invite existing users and take them out; others cannot."""
    url = f"/spaces/{space.short}/members"
    one, two = logins[:2]
    set_role = space.admin.ok("PUT", f"{url}/{one.email}", json={"role": "reader"})
    assert (set_role["user"], set_role["role"]) == (one.number, "reader")
    space.admin.ok("PUT", f"{url}/{two.number}", json={"role": "manager"})
    listed = space.admin.ok("GET", url)["members"]
    assert {(m["user"], m["role"]) for m in listed} >= {
        (one.number, "reader"), (two.number, "manager"),
    }  # fmt: skip
    manager = Client(space.url, two.token, **{"X-Consigne-Space": space.short})
    for method, body in (("PUT", {"role": "admin"}), ("DELETE", None)):
        for whom in (one.email, str(two.number), "nobody@example.org"):
            got = manager.call(method, f"{url}/{whom}", json=body)
            assert refusal(got) == (403, "right_missing"), (method, whom)
    for wrong in ({"role": "owner"}, {}, {"role": "admin", "x": 1}):
        assert space.admin.call("PUT", f"{url}/{one.email}", json=wrong).status_code == 400
    nobody = space.admin.call("PUT", f"{url}/nobody@example.org", json={"role": "reader"})
    assert refusal(nobody) == (404, "user_not_found")
    space.admin.ok("DELETE", f"{url}/{one.email}", 204)
    space.admin.ok("DELETE", f"{url}/{two.number}", 204)
    assert refusal(space.admin.call("DELETE", f"{url}/{two.number}")) == (404, "user_not_found")
    assert manager.call("GET", "/files").status_code == 404


def test_an_operator_is_no_member(operator: Client, server: RunningServer) -> None:
    """C-02: looking after the installation does not open a space's files."""
    short, owner = f"s{secrets.token_hex(6)}", f"u{secrets.token_hex(6)}@example.org"
    operator.ok("POST", "/users", 201, json={"email": owner})
    operator.ok("POST", "/spaces", 201, json={"short": short, "owner": owner})
    for method, path in (("GET", "/files"), ("POST", "/files"), ("GET", "/events"),
                         ("GET", "/files/count"), ("GET", "/folders")):  # fmt: skip
        got = operator.call(method, path, params={"space": short})
        assert refusal(got) == (403, "right_missing"), path
    usage = operator.ok("GET", f"/spaces/{short}/usage")
    assert (usage["used"], usage["files"]) == (0, None)
    days = operator.ok("GET", f"/spaces/{short}/usage", params={"from": "2026-01-01"})["days"]
    assert {(day["used"], day["files"]) for day in days} == {(0, None)}


def test_usage_day_by_day(space: Space, logins: list[Login]) -> None:
    """C-02: who administers sees how full the space was in a time; today is as it is now."""
    url = f"/spaces/{space.short}/usage"
    assert "days" not in space.admin.ok("GET", url)
    space.admin.upload(b"12345")
    *_, day = space.admin.ok("GET", url, params={"from": "2026-01-01"})["days"]
    found = space.usage()
    assert {name: day[name] for name in ("used", "undo", "files", "quota", "ocr_credits")} == {
        name: found[name] for name in ("used", "undo", "files", "quota", "ocr_credits")
    }
    assert (day["used"], day["ocr_pages"]) == (5, 0)
    assert space.admin.ok("GET", url, params={"to": "2026-01-01T12:00:00Z"})["days"] == []
    wrong = space.admin.call("GET", url, params={"from": "yesterday"})
    assert refusal(wrong) == (400, "bad_parameter")
    reader = space.member(logins[0], "reader")
    assert refusal(reader.call("GET", url, params={"from": day["day"]})) == (403, "right_missing")


@pytest.mark.parametrize("way", ["query", "header", "own"])
def test_which_space_is_meant(space: Space, way: str) -> None:
    """C-01: the parameter, else the header, else the key's own space; the parameter wins."""
    file = space.admin.upload()
    headers, params = {}, {}
    if way == "query":
        params, headers = {"space": space.short}, {"X-Consigne-Space": "default"}
    if way == "header":
        headers = {"X-Consigne-Space": space.short}
    client = space.admin if way == "own" else space.operator
    url = f"/files/{file['id']}"
    assert client.ok("GET", url, headers=headers, params=params)["id"] == file["id"]
    if way != "own":
        assert client.call("GET", url).status_code == 404


def test_a_space_by_its_host(space: Space, operator: Client) -> None:
    """C-01, C-07: a host name of a space chooses it, and unknown hosts are not served at all."""
    host = f"{space.short}.example"
    file = space.admin.upload()
    url, headers = f"/files/{file['id']}", {"Host": f"{host}:8080"}
    assert refusal(operator.call("GET", url, headers=headers)) == (421, "host_unknown")
    operator.ok("PATCH", f"/spaces/{space.short}", json={"hosts": [host]})
    deadline = time.monotonic() + 15
    while (got := operator.call("GET", url, headers=headers)).status_code == 421:
        assert time.monotonic() < deadline, "the host name is not learned"
        time.sleep(0.1)
    assert got.json()["id"] == file["id"]
    assert operator.call("GET", url).status_code == 404


def test_behind_a_proxy_and_from_a_page(start_server: ServerStarter) -> None:
    """C-42, C-57: places are told under the public path; pages of allowed origins may call."""
    server = start_server(
        env={
            "CONSIGNE_PUBLIC_URL": "https://files.example/base",
            "CONSIGNE_CORS_ORIGINS": "https://app.example",
        }
    )
    client, page = Client(server.url, KEY), {"Origin": "https://app.example"}
    got = client.call("POST", "/files", content=b"x", headers=page)
    file = got.json()["id"]
    assert got.headers["location"] == f"/base/consigne/v1/files/{file}"
    assert got.headers["access-control-allow-origin"] == "https://app.example"
    assert "Repr-Digest" in got.headers["access-control-expose-headers"]
    client.upload(b"y")
    listed = client.call("GET", "/files", params={"limit": 1})
    assert listed.headers["link"].startswith("</base/consigne/v1/files?limit=1&cursor=")
    problem = client.call("GET", "/files/x", headers=page)
    assert problem.json()["type"] == "https://files.example/base/docs/errors#file_not_found"
    assert problem.headers["access-control-allow-origin"] == "https://app.example"
    asked = {"Access-Control-Request-Method": "PATCH", **page}
    preflight = Client(server.url).call("OPTIONS", f"/files/{file}", headers=asked)
    assert preflight.status_code == 204
    assert "PATCH" in preflight.headers["access-control-allow-methods"]
    assert "X-Consigne-Space" in preflight.headers["access-control-allow-headers"]
    stranger = {"Access-Control-Request-Method": "PATCH", "Origin": "https://evil.example"}
    assert Client(server.url).call("OPTIONS", "/files", headers=stranger).status_code == 403
    assert 'href="/base/docs' in client.get("/").text
