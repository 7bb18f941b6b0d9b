"""``space``, ``user`` and ``key`` on the data folder of a server that runs."""

import secrets
import time
from pathlib import Path

import httpx
import pytest
from cli_command import Command


@pytest.fixture
def short() -> str:
    return f"s-{secrets.token_hex(6)}"


def status(consigne: Command, key: str, space: str | None = None) -> int:
    """Return what the server answers to a key."""
    headers = {"Authorization": f"Bearer {key}"} | ({"X-Consigne-Space": space} if space else {})
    return httpx.get(f"{consigne.server.url}/consigne/v1/files", headers=headers).status_code


def becomes(consigne: Command, key: str, wanted: int, space: str | None = None) -> bool:
    """Wait for an answer as long as caches may live (C-05)."""
    deadline = time.monotonic() + 60
    while status(consigne, key, space) != wanted:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def test_from_nothing_to_a_key_that_works(consigne: Command, short: str) -> None:
    """A space, a user in it and a bound key: the running server serves them at once (C-01)."""
    data = ("--data", consigne.server.data)
    made = consigne("space", "create", short, "--quota", "1MiB", *data, "--json").json
    assert (made["short"], made["quota"]) == (short, 1 << 20)
    email = f"{short}@example.org"
    user = consigne("user", "create", email, "--space", short, "--role", "writer", *data, "--json")
    password = user.json["password"]
    login = httpx.get(f"{consigne.server.url}/consigne/v1/me", auth=(email, password))
    assert login.status_code == 200
    shown = consigne("key", "create", "--user", email, "--space", short, *data)
    key = shown.out.strip()
    assert status(consigne, key) == 200
    assert status(consigne, key, "default") == 404, "a bound key is no member elsewhere"

    members = consigne("space", "show", short, *data, "--json").json["members"]
    assert members == [{"user": email, "role": "writer"}]
    (listed,) = consigne("key", "list", "--user", email, *data, "--json").jsons
    assert "secret" not in listed
    assert key.endswith(listed["hint"])
    consigne("key", "revoke", listed["id"], *data)
    assert becomes(consigne, key, 401)
    consigne("key", "revoke", listed["id"], *data, exit=3)


def test_usage_day_by_day(consigne: Command, short: str) -> None:
    """How full a space was, as a table and as a line of JSON for each day."""
    data = ("--data", consigne.server.data)
    consigne("space", "create", short, "--quota", "1MiB", *data)
    *_, today = consigne("space", "usage", short, *data, "--json").jsons
    assert (today["used"], today["files"], today["quota"]) == (0, 0, 1 << 20)
    assert consigne("space", "usage", short, "--until", "2026-01-01", *data, "--json").jsons == []
    assert today["day"] in consigne("space", "usage", short, "--since", today["day"], *data).out


def test_roles_and_locks_take_effect(consigne: Command, short: str) -> None:
    """A running server knows of a change within five seconds (C-05)."""
    data = ("--data", consigne.server.data)
    email = f"{short}@example.org"
    consigne("space", "create", short, *data)
    consigne("user", "create", email, "--space", short, *data)
    key = consigne("key", "create", "--user", email, *data).out.strip()
    assert status(consigne, key, short) == 200
    consigne("user", "role", email, short, "none", *data)
    assert becomes(consigne, key, 404, short)
    consigne("user", "role", email, short, "reader", *data)
    assert becomes(consigne, key, 200, short)
    consigne("user", "deactivate", email, *data)
    assert becomes(consigne, key, 401, short)
    consigne("user", "activate", email, *data)
    assert becomes(consigne, key, 200, short)


def test_passwords(consigne: Command, short: str) -> None:
    """A new password replaces the old one; one from standard input is not shown."""
    data = ("--data", consigne.server.data)
    email = f"{short}@example.org"
    old = consigne("user", "create", email, "--space", "default", *data, "--json").json["password"]
    done = consigne("user", "passwd", email, "--password-stdin", *data, given=b"fresh secret\n")
    assert "fresh secret" not in done.out
    me = f"{consigne.server.url}/consigne/v1/me"
    assert httpx.get(me, auth=(email, "fresh secret")).status_code == 200
    assert httpx.get(me, auth=(email, old)).status_code == 401
    consigne("user", "passwd", email, "--password-stdin", *data, given=b"short\n", exit=1)


def test_quotas(consigne: Command, short: str, tmp_path: Path) -> None:
    """A quota that is set holds for the next upload; 0 takes it away (C-24)."""
    data = ("--data", consigne.server.data)
    consigne("space", "create", short, *data)
    email = f"{short}@example.org"
    consigne("user", "create", email, "--space", short, *data)
    consigne.key = consigne("key", "create", "--user", email, *data).out.strip()
    (tmp_path / "x.bin").write_bytes(bytes(2000))
    consigne("space", "set", short, "--quota", "1KiB", *data)
    refused = consigne("put", "x.bin", exit=1)
    assert "quota_exceeded" in refused.err
    consigne("space", "set", short, "--quota", "0", *data)
    consigne("put", "x.bin")
    rows = {line[0]: line for line in consigne("space", "list", *data).lines}
    assert rows[short][2] == "2.0 KiB"
    assert rows[short][5] == "none"


def test_refusals(consigne: Command, short: str, tmp_path: Path) -> None:
    """Rules of the core are rules of the command."""
    data = ("--data", consigne.server.data)
    consigne("space", "create", "files", *data, exit=1)
    consigne("space", "create", "default", *data, exit=1)
    consigne("space", "set", "default", *data, exit=2)
    consigne("space", "show", short, *data, exit=3)
    consigne("user", "create", "nonsense", *data, exit=1)
    consigne("user", "role", f"{short}@example.org", "default", "writer", *data, exit=3)
    consigne("key", "revoke", "nonsense", *data, exit=3)
    missing = consigne("space", "list", "--data", tmp_path / "nowhere", exit=3)
    assert "consigne serve" in missing.err
    assert not (tmp_path / "nowhere").exists(), "a look makes nothing"


def test_departures(consigne: Command, short: str) -> None:
    """C-56: users and spaces are deleted only when that is confirmed; a space comes back."""
    data = ("--data", consigne.server.data)
    consigne("space", "create", short, *data)
    email = f"{short}@example.org"
    consigne("user", "create", email, "--space", short, *data)
    for command in (("user", "delete", email), ("space", "delete", short)):
        refused = consigne(*command, *data, exit=2)
        assert "Nothing was deleted" in refused.err
    gone = consigne("user", "delete", email, "--yes", *data, "--json").json
    assert (gone["email"], gone["files"]) == (email, 0)
    consigne("user", "delete", email, "--yes", *data, exit=3)
    closed = consigne("space", "delete", short, "--grace", "1h", "--yes", *data, "--json").json
    assert (closed["short"], closed["files"]) == (short, 0)
    consigne("space", "show", short, *data, exit=3)
    assert short in consigne("space", "restore", short, *data).out
    assert consigne("space", "show", short, *data, "--json").json["members"] == []
