"""Sessions of pages on the wire: the cookie, its proof, its end."""

from http.cookies import SimpleCookie

import httpx
from console_support import PASSWORD, sign_in
from native_support import API, Client, Space
from tests.parts.server import EMAIL, KEY, RunningServer, ServerStarter
from tests.parts.server import PASSWORD as OPERATOR_PASSWORD

PROOF = "X-Consigne-Csrf"


def test_a_session_is_a_cookie_that_no_script_and_no_other_site_gets(
    server: RunningServer, ines: str
) -> None:
    body = {"login": ines, "password": PASSWORD, "cookie": True}
    got = Client(server.url).call("POST", "/session", json=body)
    assert got.status_code == 201
    assert set(got.json()) == {"csrf", "user"}, "the token itself is for no script"
    assert got.headers["cache-control"] == "no-store"
    (morsel,) = SimpleCookie(got.headers["set-cookie"]).values()
    assert morsel["httponly"]
    assert morsel["samesite"] == "Strict"
    assert morsel["path"] == "/"
    assert not morsel["secure"], "this server is reached without TLS"
    assert int(morsel["max-age"]) == 12 * 3600
    assert morsel.value not in got.text


def test_behind_https_the_cookie_is_secure_and_below_the_prefix(
    start_server: ServerStarter,
) -> None:
    server = start_server(env={"CONSIGNE_PUBLIC_URL": "https://files.example.org/vault"})
    body = {"login": EMAIL, "password": OPERATOR_PASSWORD, "cookie": True}
    got = Client(server.url).call("POST", "/session", json=body)
    (morsel,) = SimpleCookie(got.headers["set-cookie"]).values()
    assert morsel["secure"]
    assert morsel["path"] == "/vault"
    page = httpx.get(f"{server.url}/console")
    assert 'data-prefix="/vault"' in page.text
    assert 'src="/vault/console/static/console-' in page.text


def test_the_cookie_reads_and_changes_only_with_its_proof(
    server: RunningServer, space: Space, ines: str
) -> None:
    client, proof = sign_in(server.url, ines, PASSWORD)
    _, foreign = sign_in(server.url, EMAIL, OPERATOR_PASSWORD)
    before = space.state()
    assert client.ok("GET", "/me")["user"]["email"] == ines
    assert client.ok("GET", "/session")["csrf"] == proof
    for header in ({}, {PROOF: ""}, {PROOF: foreign}, {PROOF: proof[:-1]}, {PROOF: "é" * 43}):
        raw = {name: value.encode() for name, value in header.items()}
        for method, path in (("POST", "/files?name=a"), ("PUT", "/folders?path=a"),
                             ("DELETE", "/files?all=true"), ("DELETE", "/session")):  # fmt: skip
            got = client.call(method, path, headers=raw, content=b"")
            assert (got.status_code, got.json()["code"]) == (403, "origin_refused"), (method, path)
    assert space.state() == before
    client.ok("POST", "/files", 201, params={"name": "a"}, content=b"x", headers={PROOF: proof})


def test_a_method_that_is_overridden_counts_as_what_it_means(
    server: RunningServer, ines: str
) -> None:
    client, proof = sign_in(server.url, ines, PASSWORD)
    common = {"Tus-Resumable": "1.0.0", "Upload-Length": "1"}
    got = client.get("/tus", headers=common | {"X-HTTP-Method-Override": "POST"})
    assert got.status_code == 403, got.text
    got = client.post("/tus", headers=common | {PROOF: proof})
    assert got.status_code == 201, got.text


def test_a_key_goes_before_a_cookie_and_needs_no_proof(server: RunningServer, ines: str) -> None:
    client, _ = sign_in(server.url, ines, PASSWORD)
    headers = {"Authorization": f"Bearer {KEY}"}
    assert client.ok("GET", "/me", headers=headers)["user"]["email"] == EMAIL
    made = client.ok("POST", "/files", 201, content=b"x", headers=headers)
    client.ok("DELETE", f"/files/{made['id']}", 204, headers=headers)
    assert client.call("GET", "/me", headers={"Authorization": "Bearer x"}).status_code == 401


def test_signing_out_ends_the_session_everywhere(server: RunningServer, ines: str) -> None:
    client, proof = sign_in(server.url, ines, PASSWORD)
    kept = dict(client.cookies)
    got = client.call("DELETE", "/session", headers={PROOF: proof})
    assert got.status_code == 204
    assert "Max-Age=0" in got.headers["set-cookie"]
    thief = httpx.Client(base_url=server.url + API, cookies=kept)
    assert thief.get("/me").status_code == 401
    assert thief.get("/session").status_code == 204


def test_a_new_password_ends_every_session(server: RunningServer, space: Space, ines: str) -> None:
    client, proof = sign_in(server.url, ines, PASSWORD)
    number = client.ok("GET", "/me")["user"]["id"]
    change = {"password": "another for tests", "current_password": PASSWORD}
    client.ok("PATCH", f"/users/{number}", json=change, headers={PROOF: proof})
    assert client.call("GET", "/me").status_code == 401


def test_without_a_good_cookie_there_is_no_session(server: RunningServer, ines: str) -> None:
    got = Client(server.url).call("GET", "/session")
    assert (got.status_code, got.content) == (204, b"")
    client, _ = sign_in(server.url, ines, PASSWORD)
    (token,) = client.cookies.values()
    for bad in ("", "x", "a.b.c", token[:-2], "é", "x" * 5000, f"{token}; consigne_session=b"):
        headers = {"Cookie": f"consigne_session={bad}".encode()}
        got = httpx.get(f"{server.url}{API}/me", headers=headers)
        assert got.status_code == 401, bad
        got = httpx.get(f"{server.url}{API}/session", headers=headers)
        assert got.status_code in (204, 401), bad


def test_failed_sign_ins_are_limited_as_everywhere(start_server: ServerStarter) -> None:
    """C-06: a session is one more way of asking the one limiter."""
    server = start_server(env={"CONSIGNE_LOGIN_FAILURES": "3"})
    body = {"login": EMAIL, "password": "not this one", "cookie": True}
    seen = [Client(server.url).call("POST", "/session", json=body).status_code for _ in range(4)]
    assert seen == [401, 401, 401, 429]
    body["password"] = OPERATOR_PASSWORD
    got = Client(server.url).call("POST", "/session", json=body)
    assert got.status_code == 429
    assert int(got.headers["retry-after"]) > 0
    assert "set-cookie" not in got.headers


def test_other_origins_get_no_use_of_a_session(start_server: ServerStarter) -> None:
    """Not even those that may call every dialect with a key: no answer lets cookies through."""
    server = start_server(env={"CONSIGNE_CORS_ORIGINS": "*"})
    client, proof = sign_in(server.url, EMAIL, OPERATOR_PASSWORD)
    got = client.call("GET", "/me", headers={"Origin": "https://evil.example"})
    assert "access-control-allow-credentials" not in got.headers
    preflight = {"Origin": "https://evil.example", "Access-Control-Request-Method": "DELETE",
                 "Access-Control-Request-Headers": PROOF}  # fmt: skip
    got = client.call("OPTIONS", "/files", headers=preflight)
    assert PROOF.lower() not in got.headers.get("access-control-allow-headers", "").lower()
    assert proof


def test_a_session_ends_with_its_time(start_server: ServerStarter) -> None:
    server = start_server(env={"CONSIGNE_SESSION_LIFE": "0"})
    client, _ = sign_in(server.url, EMAIL, OPERATOR_PASSWORD)
    assert client.call("GET", "/me").status_code == 401
