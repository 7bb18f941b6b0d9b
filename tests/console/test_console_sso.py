"""Single sign-on: a trusted proxy says who somebody is."""

import httpx
import pytest
from tests.parts.server import KEY, RunningServer, ServerStarter

SESSION = "/consigne/v1/session"
USER = {"email": "ines@example.org", "password": "a-password-of-some-length", "username": "ines"}


@pytest.fixture
def ask(start_server: ServerStarter):
    """Return a function that asks for a session, with headers, at a server with settings."""

    def start(**settings: str) -> tuple[RunningServer, httpx.Client]:
        found = start_server(env={f"CONSIGNE_{key}": value for key, value in settings.items()})
        headers = {"Authorization": f"Bearer {KEY}"}
        made = httpx.post(f"{found.url}/consigne/v1/users", json=USER, headers=headers)
        assert made.status_code == 201, made.text
        return found, httpx.Client(base_url=found.url)

    return start


def test_whom_the_proxy_names_is_signed_in(ask) -> None:
    """The session is a full one, changes with the name, and ends with the user (C-07)."""
    server, page = ask(TRUSTED_PROXIES="127.0.0.1", SSO_HEADER="X-Forwarded-Email")
    assert page.get(SESSION).status_code == 204

    got = page.get(SESSION, headers={"X-Forwarded-Email": "Ines@example.org"})
    assert (got.status_code, got.json()["user"]["email"]) == (200, "ines@example.org")
    assert "HttpOnly" in got.headers["set-cookie"]
    # From here on the cookie speaks, with its proof, and the header is looked at nowhere else.
    again = page.get(SESSION, headers={"X-Forwarded-Email": "ines"})
    assert again.json() == got.json()
    assert "set-cookie" not in again.headers
    assert page.get("/consigne/v1/me").json()["user"]["email"] == "ines@example.org"
    other = {"X-Forwarded-Email": "admin@example.org"}
    assert page.get("/consigne/v1/me", headers=other).json()["user"]["email"] == "ines@example.org"
    body = {"name": "laptop"}
    assert page.post("/consigne/v1/keys", json=body).status_code == 403
    proof = {"X-Consigne-Csrf": got.json()["csrf"]}
    assert page.post("/consigne/v1/keys", json=body, headers=proof).status_code == 201

    for named in ("nobody@example.org", "", "x" * 5000):
        other = httpx.get(f"{server.url}{SESSION}", headers={"X-Forwarded-Email": named.encode()})
        assert other.status_code == 204, named
        assert "set-cookie" not in other.headers
    twice = [("X-Forwarded-Email", "ines"), ("X-Forwarded-Email", "admin")]
    assert httpx.get(f"{server.url}{SESSION}", headers=twice).status_code == 204

    headers = {"Authorization": f"Bearer {KEY}"}
    number = got.json()["user"]["id"]
    locked = httpx.patch(
        f"{server.url}/consigne/v1/users/{number}", json={"is_active": False}, headers=headers
    )
    assert locked.status_code == 200, locked.text
    assert page.get(SESSION, headers={"X-Forwarded-Email": "ines"}).status_code == 204


@pytest.mark.parametrize(
    "settings",
    [
        {"TRUSTED_PROXIES": "127.0.0.1"},
        {"TRUSTED_PROXIES": "10.0.0.0/8", "SSO_HEADER": "X-Forwarded-Email"},
    ],
)
def test_nobody_else_names_a_user(ask, settings: dict[str, str]) -> None:
    """The header means nothing without the setting, and from an address that is not trusted."""
    _, page = ask(**settings)
    got = page.get(SESSION, headers={"X-Forwarded-Email": "ines", "X-Forwarded-For": "127.0.0.1"})
    assert got.status_code == 204
    assert "set-cookie" not in got.headers
