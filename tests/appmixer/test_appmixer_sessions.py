"""Who is calling: log-in, tokens, sign-up, spaces (AM-02 … AM-06)."""

import base64
import json
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.appmixer.support import PASSWORD, Person, Space, bearer, ok, refused
from tests.parts.server import EMAIL, KEY, RunningServer, ServerStarter, others_forget, vault
from tests.parts.server import PASSWORD as ADMIN_PASSWORD

DAYS_30 = 2_592_000


def claims(token: str) -> dict[str, object]:
    payload = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))))


@pytest.mark.parametrize("by", ["email", "username"])
def test_log_in(ines: Person, by: str) -> None:
    """AM-04, AM-06, case 1: either name; the user, and a token for 30 days."""
    login = {by: getattr(ines, by), "password": PASSWORD}
    answer = ok(httpx.post(f"{ines.space.server.url}/user/auth", json=login))
    assert answer["user"] == {
        "id": ines.id,
        "username": ines.username,
        "isActive": True,
        "email": ines.email,
        "plan": "free",
    }
    found = claims(answer["token"])
    assert found["id"] == ines.id
    assert found["scope"] == ["user"]
    assert found["exp"] - found["iat"] == DAYS_30  # type: ignore[operator]
    assert found["jti"]
    header = json.loads(base64.urlsafe_b64decode(answer["token"].split(".")[0] + "=="))
    assert header["alg"] == "HS256"
    assert ok(ines.http.get("/user", headers=bearer(answer["token"])))["id"] == ines.id


def test_admins_have_the_scope_admin(space: Space) -> None:
    """AM-04, AM-05: admins of the space carry both scopes."""
    admin = space.person("admin")
    assert claims(admin.token)["scope"] == ["user", "admin"]
    assert ok(admin.http.get("/user"))["scope"] == ["user", "admin"]


def test_claims_never_authorise(space: Space) -> None:
    """AM-04, C-05: the scope in a token is a copy; the role is looked up."""
    boss = space.person("admin")
    space.welcome(boss.email, "reader")
    others_forget()
    refused(boss.post(b"x"), 403, "forbidden")
    assert ok(boss.http.get("/user"))["scope"] == ["user"]


def test_user_ids(space: Space) -> None:
    """AM-06: 24 hex digits: the second of the creation, then the number."""
    before = int(time.time())
    person = space.person()
    assert len(person.id) == 24
    assert before <= int(person.id[:8], 16) <= time.time()
    with space.catalog() as db:
        row = db.execute("SELECT id FROM principal WHERE email = ?", (person.email,)).fetchone()
    assert int(person.id[8:], 16) == row[0]


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "{",
        '{"email":"a@example.org"}',
        '{"password":"x"}',
        '{"email":1,"password":"x"}',
        '{"email":"\\ud800","password":"x"}',
        "[" * 5000,
    ],
)
def test_log_in_needs_json(server: RunningServer, body: str) -> None:
    """AM-34: what is no log-in is 400 bad_json."""
    refused(httpx.post(f"{server.url}/user/auth", content=body), 400, "bad_json")


@pytest.mark.parametrize("name", ["nobody@example.org", "no\0body", "é" * 300])
def test_unknown_names_and_wrong_passwords_look_the_same(ines: Person, name: str) -> None:
    """AM-04, AM-34: 401 bad_credentials, with nothing that tells them apart."""
    url = f"{ines.space.server.url}/user/auth"
    wrong = httpx.post(url, json={"email": ines.email, "password": "not hers"})
    unknown = httpx.post(url, json={"email": name, "password": "not hers"})
    refused(wrong, 401, "bad_credentials")
    assert wrong.json()["message"] == "Wrong user name or password"
    assert unknown.json() == wrong.json()
    assert wrong.headers["www-authenticate"] == "Bearer"


def test_failures_are_limited(ines: Person) -> None:
    """AM-04, C-06, case 1: the 11th try is 429, by whichever name, the right password too."""
    url = f"{ines.space.server.url}/user/auth"
    for turn in range(10):
        by = "email" if turn % 2 else "username"
        wrong = {by: getattr(ines, by), "password": f"wrong {turn}"}
        refused(httpx.post(url, json=wrong), 401, "bad_credentials")
    for password in ("wrong again", PASSWORD):
        answer = httpx.post(url, json={"email": ines.email, "password": password})
        refused(answer, 429, "too_many_requests")
        assert 1 <= int(answer.headers["retry-after"]) <= 900
    assert ok(ines.http.get("/user"))["id"] == ines.id  # tokens go on


def test_a_burst_does_not_pass_the_limit(ines: Person) -> None:
    """AM-04, C-06: tries at the same moment are counted as tries one after the other."""
    url = f"{ines.space.server.url}/user/auth"

    def attempt(turn: int) -> int:
        wrong = {"email": ines.email, "password": f"wrong {turn}"}
        return httpx.post(url, json=wrong, timeout=60).status_code

    with ThreadPoolExecutor(20) as pool:
        statuses = list(pool.map(attempt, range(20)))
    assert set(statuses) == {401, 429}
    # Each process checks two passwords at a time.
    assert 10 <= statuses.count(401) <= (11 if vault() == "embedded" else 13)


def test_a_new_password_voids_tokens(ines: Person) -> None:
    """AM-04: a password change voids older tokens."""
    number = int(ines.id[8:], 16)
    change = {"password": "another password", "current_password": PASSWORD}
    done = ines.http.patch(f"/consigne/v1/users/{number}", json=change)
    assert done.status_code == 200, done.text
    others_forget()
    refused(ines.http.get("/files"), 401, "unauthorized")


def test_a_token_can_be_revoked(ines: Person) -> None:
    """AM-04: every token has a jti and can be revoked by it."""
    assert ines.http.delete("/consigne/v1/session").status_code == 204
    others_forget()
    refused(ines.http.get("/files"), 401, "unauthorized")


def test_tokens_expire(start_server: ServerStarter) -> None:
    """AM-03: an expired token is no token."""
    running = start_server(env={"CONSIGNE_TOKEN_LIFE": "1"})
    login = {"email": EMAIL, "password": ADMIN_PASSWORD}
    token = ok(httpx.post(f"{running.url}/user/auth", json=login))["token"]
    time.sleep(2.1)
    refused(httpx.get(f"{running.url}/user", headers=bearer(token)), 401, "unauthorized")


ROUTES = [
    ("GET", "/files"),
    ("POST", "/files"),
    ("DELETE", "/files"),
    ("GET", "/files/count"),
    ("GET", "/files/metadata/x"),
    ("GET", "/files/x"),
    ("DELETE", "/files/x"),
    ("GET", "/user"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize(
    "authorization", [None, "Bearer", "Bearer nonsense", "Bearer a.b.c", "Basic YTpi", "Token x"]
)
def test_all_routes_need_a_token(
    server: RunningServer, method: str, path: str, authorization: str | None
) -> None:
    """AM-03, AM-34, case 24: 401 with a challenge, whatever is wrong with the token."""
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = httpx.request(method, server.url + path, headers=headers)
    refused(answer, 401, "unauthorized")
    assert answer.json()["message"] == "Missing or invalid token"
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
@pytest.mark.parametrize("credential", ["token", "key"])
def test_tokens_and_keys(ines: Person, scheme: str, credential: str) -> None:
    """AM-03: the scheme in any case; an API key of the native API is a token too."""
    token = ines.token if credential == "token" else KEY
    headers = {"Authorization": f"{scheme} {token}"}
    assert httpx.get(f"{ines.space.server.url}/files", headers=headers).status_code == 200


def test_a_key_for_reading_only_reads(ines: Person) -> None:
    """AM-03, AM-34: what a key may not do is 403 forbidden."""
    made = ines.http.post("/consigne/v1/keys", json={"name": "eyes", "methods": ["GET"]}).json()
    ines.http.headers.update(bearer(made["key"]))
    assert ines.files() == []
    assert ines.http.head("/files").status_code == 200
    refused(ines.post(b"x"), 403, "forbidden")
    assert ines.files() == []


def test_profile(ines: Person) -> None:
    """AM-05: GET /user."""
    assert ok(ines.http.get("/user")) == {
        "id": ines.id,
        "username": ines.username,
        "isActive": True,
        "email": ines.email,
        "scope": ["user"],
        "plan": "free",
        "metadata": {},
    }


NEW = {"username": "", "email": "", "password": PASSWORD}


def newcomer(space: Space, name: str) -> dict[str, str]:
    return NEW | {"username": f"{name}-{space.short}", "email": f"{name}@{space.short}.example"}


def test_sign_up_is_closed(space: Space, ines: Person) -> None:
    """AM-05: 403 signup_closed for nobody and for a plain user; nobody is made."""
    for headers in ({}, dict(ines.http.headers)):
        wish = newcomer(space, "max")
        answer = httpx.post(f"{space.server.url}/user", json=wish, headers=headers)
        refused(answer, 403, "signup_closed")
        login = {"email": wish["email"], "password": PASSWORD}
        refused(httpx.post(f"{space.server.url}/user/auth", json=login), 401, "bad_credentials")


def test_an_admin_signs_others_up(space: Space) -> None:
    """AM-05: 201 with the token of a new writer of the admin's space."""
    boss = space.person("admin")
    answer = boss.http.post("/user", json=newcomer(space, "max"))
    assert answer.status_code == 201, answer.text
    assert set(answer.json()) == {"token"}
    own = bearer(answer.json()["token"])
    assert ok(httpx.get(f"{space.server.url}/user", headers=own))["scope"] == ["user"]
    sent = httpx.post(f"{space.server.url}/files", files={"file": b"x"}, headers=own)
    assert ok(sent)["length"] == 1
    assert space.usage() == (1, 0)


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"password": "short"}, 400, "bad_parameter"),
        ({"email": "no address", "username": ""}, 400, "bad_parameter"),
        ({"username": EMAIL}, 400, "bad_parameter"),
        ({"email": EMAIL}, 409, "name_taken"),
        ({"password": 5}, 400, "bad_json"),
    ],
)
def test_sign_up_refusals(space: Space, change: dict[str, object], status: int, code: str) -> None:
    """AM-05, AM-34: what is wrong with a newcomer, said in Boom."""
    boss = space.person("admin")
    refused(boss.http.post("/user", json=newcomer(space, "max") | change), status, code)


def test_hosts_name_spaces(start_server: ServerStarter) -> None:
    """AM-02: the space of the host, else of the key, else the home; strangers are not_member."""
    running = start_server(env={"CONSIGNE_ALLOWED_HOSTS": "*"})
    first, second = Space(running), Space(running)
    first.change(hosts=["api.first.example"])
    ines = second.person()
    first.welcome(ines.email, "writer")
    zoe = second.person()

    ines.http.headers["Host"] = "API.first.example:8080"
    ines.keep(b"four")
    assert (first.usage(), second.usage()) == ((4, 0), (0, 0))
    del ines.http.headers["Host"]
    assert ines.files() == []
    ines.keep(b"sixsix")
    assert second.usage() == (6, 0)

    made = ines.http.post("/consigne/v1/keys", json={"name": "k", "space": first.short}).json()
    bound = bearer(made["key"])
    assert [file["length"] for file in ok(httpx.get(f"{running.url}/files", headers=bound))] == [4]

    zoe.http.headers["Host"] = "api.first.example"
    for answer in (zoe.http.get("/files"), zoe.post(b"x"), zoe.http.delete("/files")):
        refused(answer, 403, "not_member")
    assert first.usage() == (4, 0)


def test_an_open_space_lets_anyone_in(start_server: ServerStarter) -> None:
    """AM-05, AM-02: the host names the space that a newcomer joins, else it is the first one."""
    running = start_server(env={"CONSIGNE_ALLOWED_HOSTS": "*"})
    space = Space(running)
    space.change(signup_open=True, hosts=["api.open.example"])
    wish = newcomer(space, "max")
    refused(httpx.post(f"{running.url}/user", json=wish), 403, "signup_closed")
    host = {"Host": "api.open.example"}
    answer = httpx.post(f"{running.url}/user", json=wish, headers=host)
    assert answer.status_code == 201, answer.text
    own = bearer(answer.json()["token"])
    files = {"file": b"four"}
    assert ok(httpx.post(f"{running.url}/files", files=files, headers=own))["length"] == 4
    assert space.usage() == (4, 0)


def test_hosts_of_the_dialect(start_server: ServerStarter) -> None:
    """AM-01: on a host of its own the dialect answers every path."""
    running = start_server(env={"CONSIGNE_APPMIXER_HOSTS": "api.flows.example"})
    host = {"Host": "api.flows.example"}
    assert ok(httpx.get(f"{running.url}/files", headers=host | bearer())) == []
    for path in ("/", "/flows", "/consigne/v1/me", "/public-files"):
        answer = httpx.get(running.url + path, headers=host | bearer())
        refused(answer, 404, "route_not_found")
