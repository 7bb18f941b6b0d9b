"""OAuth at the Daxium dialect: both grants, pairs and their lives, refusals, the limiter."""

import re
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from daxium_support import (
    PASSWORD,
    Instance,
    client,
    found_instance,
    good,
    grant,
    log_in,
    new_user,
    refused,
)
from tests.parts.server import (
    CLIENT_ID,
    CLIENT_SECRET,
    KEY,
    RunningServer,
    ServerStarter,
    others_forget,
)


def refresh(url: str, token: str) -> httpx.Response:
    return grant(url, grant_type="refresh_token", refresh_token=token)


def works(url: str, token: str) -> bool:
    got = client(url, token).get("/apps")
    if got.status_code != 200:
        refused(got, 401, "AUT001")
        return False
    return True


def test_password_grant(instance: Instance) -> None:
    """DX-05: the answer of a log-in, key by key; nobody may store it on the way."""
    email = instance.person().email
    got = grant(instance.url, grant_type="password", username=email, password=PASSWORD)
    body = good(got)
    assert list(body) == ["access_token", "refresh_token", "expires_in", "token_type", "scope"]
    assert (body["expires_in"], body["token_type"], body["scope"]) == (3600, "bearer", "user")
    for name in ("access_token", "refresh_token"):
        assert re.fullmatch(r"[A-Za-z0-9_-]{26,}", body[name])
    assert got.headers["cache-control"] == "no-store"
    assert works(instance.url, body["access_token"])
    assert not works(instance.url, body["refresh_token"])


def test_tokens_are_not_stored(server: RunningServer, instance: Instance) -> None:
    """DX-05, C-05: the database has a digest of each token, not the token."""
    pair = log_in(instance.url, instance.person().email)
    for path in server.data.glob("catalog.db*"):
        stored = path.read_bytes()
        for name in ("access_token", "refresh_token"):
            assert pair[name].encode() not in stored


def test_a_token_stands_for_its_principal(instance: Instance, stranger: Instance) -> None:
    """DX-05, C-05: the same token serves every instance that its owner is a member of."""
    person = instance.person()
    place = f"/consigne/v1/spaces/{stranger.short}/members/{person.email}"
    operator = client(instance.url, KEY)
    good(operator.put(place, json={"role": "reader"}))
    assert {a["short"] for a in good(person.http.get("/apps"))["apps"]} == {
        instance.short,
        stranger.short,
    }
    stranger.short, short = instance.short, stranger.short
    refused(instance.send(http=client(instance.url, None)), 401, "AUT001")
    good(person.http.post(f"/{instance.short}/files/upload", content=b"x"))
    refused(person.http.post(f"/{short}/files/upload", content=b"x"), 403, "AUT002")


def test_refresh_rotates(start_server: ServerStarter) -> None:
    """DX-06: an old token gives new pairs until a while after one of them is first used."""
    server = start_server(env={"CONSIGNE_OAUTH_OVERLAP": "1"})
    instance = found_instance(server)
    url, first = server.url, log_in(server.url, instance.person().email)
    second = good(refresh(url, first["refresh_token"]))
    third = good(refresh(url, first["refresh_token"]))
    tokens = {pair[name] for pair in (first, second, third) for name in list(pair)[:2]}
    assert len(tokens) == 6
    time.sleep(1.5)
    fourth = good(refresh(url, first["refresh_token"]))  # no successor was used yet
    assert works(url, third["access_token"])
    good(refresh(url, first["refresh_token"]))  # within the overlap
    time.sleep(1.5)
    body = refused(refresh(url, first["refresh_token"]), 400, "AUT003", [])
    assert body["error"] == "invalid_grant"
    # The pairs that it gave live on, and the old access token until its own end.
    assert all(works(url, pair["access_token"]) for pair in (first, second, third, fourth))
    for pair in (second, third, fourth):
        good(refresh(url, pair["refresh_token"]))


def test_refreshing_again_is_a_use(start_server: ServerStarter) -> None:
    """DX-06: a pair is also used by its refresh token."""
    server = start_server(env={"CONSIGNE_OAUTH_OVERLAP": "0"})
    url = server.url
    first = log_in(url, found_instance(server).person().email)
    second = good(refresh(url, first["refresh_token"]))
    good(refresh(url, second["refresh_token"]))
    assert refused(refresh(url, first["refresh_token"]), 400, "AUT003")["error"] == "invalid_grant"


def test_tokens_expire(start_server: ServerStarter) -> None:
    """DX-05: an access token ends after its life, a refresh token after its own."""
    server = start_server(
        env={"CONSIGNE_OAUTH_ACCESS_LIFE": "1", "CONSIGNE_OAUTH_REFRESH_LIFE": "3"}
    )
    instance = found_instance(server)
    pair = log_in(server.url, instance.person().email)
    assert pair["expires_in"] == 1
    time.sleep(1.1)
    assert not works(server.url, pair["access_token"])
    good(refresh(server.url, pair["refresh_token"]))
    time.sleep(2)
    body = refused(refresh(server.url, pair["refresh_token"]), 400, "AUT003")
    assert body["error"] == "invalid_grant"


def test_a_new_password_ends_all_tokens(instance: Instance) -> None:
    """DX-05, C-05: tokens from before are worth nothing, access and refresh alike."""
    email, number = new_user(instance.url)
    pair = log_in(instance.url, email)
    assert works(instance.url, pair["access_token"])
    operator = client(instance.url, KEY)
    good(operator.patch(f"/consigne/v1/users/{number}", json={"password": "another one of ours"}))
    others_forget()
    assert not works(instance.url, pair["access_token"])
    body = refused(refresh(instance.url, pair["refresh_token"]), 400, "AUT003")
    assert body["error"] == "invalid_grant"


def test_parallel_refreshes(instance: Instance) -> None:
    """DX-06: two at once both get a pair that works."""
    first = log_in(instance.url, instance.person().email)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: refresh(instance.url, first["refresh_token"]), range(8)))
    pairs = [good(answer) for answer in answers]
    assert len({pair["access_token"] for pair in pairs}) == 8
    assert all(works(instance.url, pair["access_token"]) for pair in pairs)


GOOD = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
LOGIN = {**GOOD, "grant_type": "password", "username": "nobody@example.org", "password": "x" * 9}
REFRESH = {**GOOD, "grant_type": "refresh_token", "refresh_token": "csr_nothing"}


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "invalid_request"),
        ({**LOGIN, "grant_type": ""}, "invalid_request"),
        ({**LOGIN, "grant_type": "client_credentials"}, "unsupported_grant_type"),
        *[({k: v for k, v in LOGIN.items() if k != name}, "invalid_request") for name in LOGIN],
        *[({k: v for k, v in REFRESH.items() if k != name}, "invalid_request") for name in REFRESH],
        ({**LOGIN, "client_id": "nobody"}, "invalid_client"),
        ({**LOGIN, "client_secret": "wrong"}, "invalid_client"),
        ({**REFRESH, "client_secret": CLIENT_SECRET + "x"}, "invalid_client"),
        (LOGIN, "invalid_grant"),
        (REFRESH, "invalid_grant"),
        ({**REFRESH, "refresh_token": "é\u0000"}, "invalid_request"),
        ({**LOGIN, "client_id": "a\u0000"}, "invalid_request"),
        ({**LOGIN, "username": ["a@example.org", "b@example.org"]}, "invalid_request"),
        ({**LOGIN, "password": "x" * 20_000}, "invalid_request"),
    ],
)
def test_refusals(server: RunningServer, form: dict[str, Any], error: str) -> None:
    """DX-07: status, code, and OAuth's own two members."""
    got = httpx.post(f"{server.url}/oauth/v2/token", data=form)
    body = refused(got, 400, "AUT003", [])
    assert body["error"] == error
    assert body["error_description"]
    assert body["message"] == "Token request refused."
    assert got.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b'{"grant_type":"password"}', "application/json"),
        (b"grant_type=password", "text/plain"),
        (b"\xff\xfe=1", "application/x-www-form-urlencoded"),
        (b"&".join(b"a%d=1" % n for n in range(99)), "application/x-www-form-urlencoded"),
        (b"", ""),
    ],
)
def test_bodies_that_are_no_form(server: RunningServer, content: bytes, kind: str) -> None:
    """DX-07: whatever is no form is an invalid request."""
    headers = {"Content-Type": kind} if kind else {}
    got = httpx.post(f"{server.url}/oauth/v2/token", content=content, headers=headers)
    assert refused(got, 400, "AUT003")["error"] == "invalid_request"


def test_secrets_in_the_address_count_for_nothing(server: RunningServer) -> None:
    """DX-05: what must not be logged is not taken from the query."""
    got = httpx.post(f"{server.url}/oauth/v2/token", params=LOGIN, data={"a": "b"})
    assert refused(got, 400, "AUT003")["error"] == "invalid_request"


def test_unknown_and_wrong_look_the_same(instance: Instance) -> None:
    """DX-07: nobody learns from a refusal which e-mails there are."""
    known = instance.person().email
    told = []
    for email in (known, "nobody-at-all@example.org"):
        got = grant(instance.url, grant_type="password", username=email, password="wrong one")
        body = refused(got, 400, "AUT003")
        body.pop("server_time")
        told.append(body)
    assert told[0] == told[1]


def test_a_refresh_token_belongs_to_its_client(instance: Instance) -> None:
    """DX-05: another client of the installation cannot use it."""
    pair = log_in(instance.url, instance.person().email)
    form = {"grant_type": "refresh_token", "refresh_token": pair["refresh_token"]}
    other = {**form, "client_id": "other", "client_secret": "x" * 40}
    got = httpx.post(f"{instance.url}/oauth/v2/token", data=other)
    assert refused(got, 400, "AUT003")["error"] == "invalid_client"


def test_failures_are_limited_and_successes_are_not(start_server: ServerStarter) -> None:
    """DX-07, C-06, case 1: the 11th wrong password is 429; good ones never are."""
    server = start_server(env={"CONSIGNE_LOGIN_FAILURES_WIDE": "15"})
    url = server.url
    email, _ = new_user(url)
    form = {**GOOD, "grant_type": "password", "username": email, "password": PASSWORD}
    with httpx.Client(base_url=url, timeout=30) as http, ThreadPoolExecutor(4) as pool:
        answers = pool.map(lambda _: http.post("/oauth/v2/token", data=form), range(1000))
        assert {answer.status_code for answer in answers} == {200}
    for _ in range(10):
        got = grant(url, grant_type="password", username=email, password="wrong one")
        assert refused(got, 400, "AUT003")["error"] == "invalid_grant"
    got = grant(url, grant_type="password", username=email, password="wrong one")
    refused(got, 429, "LOG013", [])
    assert 0 < int(got.headers["retry-after"]) <= 900
    # The right password neither, and the limiter is the one of all dialects.
    refused(grant(url, grant_type="password", username=email, password=PASSWORD), 429, "LOG013")
    login = {"login": email, "password": PASSWORD}
    assert httpx.post(f"{url}/consigne/v1/session", json=login).status_code == 429
    # The address alone has its own, wider limit.
    for number in range(5):
        name = f"nobody{number}@example.org"
        got = grant(url, grant_type="password", username=name, password="wrong one")
        refused(got, 400, "AUT003")
    other, _ = new_user(url)
    got = grant(url, grant_type="password", username=other, password=PASSWORD)
    refused(got, 429, "LOG013")


@pytest.mark.embedded("looks into the files of the embedded vault")
def test_old_pairs_are_swept(start_server: ServerStarter) -> None:
    """DX-05: what is good for nothing any more does not stay in the catalog."""
    env = {"CONSIGNE_OAUTH_ACCESS_LIFE": "0.5", "CONSIGNE_OAUTH_REFRESH_LIFE": "0.5"}
    server = start_server(env={**env, "CONSIGNE_SWEEP_EVERY": "0.3"})
    email, _ = new_user(server.url)
    for _ in range(3):
        log_in(server.url, email)

    def rows() -> int:
        with sqlite3.connect(server.data / "catalog.db") as database:
            count: int = database.execute("SELECT count(*) FROM oauth_pair").fetchone()[0]
            return count

    deadline = time.monotonic() + 20
    while rows() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert rows() == 0
