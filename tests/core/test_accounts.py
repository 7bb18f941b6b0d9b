"""Who is calling: keys, passwords, tokens, spaces of a caller, the limiter (C-01, C-05, C-06)."""

import asyncio
import time
from typing import Any

import jwt
import msgspec
import pytest
from sqlalchemy import select, update
from tests.parts.sites import Site

from consigne.catalog import schema
from consigne.core import accounts as accounts_module
from consigne.core.access import Caller
from consigne.core.accounts import FRESH
from consigne.core.passwords import WINDOW
from consigne.errors import (
    BadCredentials,
    BadParameter,
    KeyNotFound,
    LoginThrottled,
    NameTaken,
    NotMember,
    SpaceNotFound,
    Unauthenticated,
    UserNotFound,
)
from consigne.model.entities import Principal
from consigne.model.rights import Role
from consigne.settings import Settings

# Nothing here depends on where the bytes are.
pytestmark = pytest.mark.parametrize("store", ["sqlite-memory", "postgres-memory"], indirect=True)

PASSWORD = "correct horse battery"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return msgspec.structs.replace(settings, login_failures=3, login_failures_wide=6)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let what is remembered of credentials grow old."""

    def pass_by(seconds: float) -> None:
        now = time.monotonic
        monkeypatch.setattr(accounts_module.time, "monotonic", lambda: now() + seconds)

    return pass_by


async def person(site: Site, name: str = "ann", **more: Any) -> Principal:
    return await site.depot.accounts.create_user(f"{name}@example.org", PASSWORD, **more)


async def test_a_key_opens_what_its_owner_may(site: Site) -> None:
    """A key stands for its owner; only its SHA-256 is stored (C-05)."""
    accounts = site.depot.accounts
    user = site.people[Role.WRITER]
    key, secret = await accounts.create_key(user, "ci")
    caller = await accounts.by_bearer(secret)
    assert (caller.principal, caller.space_id, caller.key_id) == (user, None, key.id)
    assert len(secret) >= 32
    assert secret.endswith(key.hint)
    columns = await site.run(lambda tx: tx.all(select(schema.api_key)))
    assert secret not in repr(columns)
    assert secret.encode() not in b"".join(v for row in columns for v in row if type(v) is bytes)
    for wrong in ("", "csg_", secret + "x", secret[:-1], secret.upper(), "a.b.c", "é"):
        with pytest.raises(Unauthenticated):
            await accounts.by_bearer(wrong)


async def test_two_keys_are_never_the_same(site: Site) -> None:
    """At least 128 random bits each (C-05)."""
    made = [await site.depot.accounts.create_key(site.people[Role.WRITER], "k") for _ in range(20)]
    assert len({secret for _, secret in made}) == 20
    with pytest.raises(BadParameter):
        await site.depot.accounts.create_key(site.people[Role.WRITER], "k", value="x" * 31)


async def test_a_bound_key_is_a_ceiling(site: Site) -> None:
    """Used for another space it acts as a non-member, whatever its owner is there (C-01)."""
    accounts = site.depot.accounts
    elsewhere = await site.other_space()
    user = site.people[Role.WRITER]
    _, secret = await accounts.create_key(user, "bound", space=elsewhere.space)
    bound = await accounts.by_bearer(secret)
    assert (await accounts.seat(bound)).space_id == elsewhere.space_id
    assert (await accounts.seat(bound, short="other")).role is Role.WRITER
    with pytest.raises(NotMember):
        await accounts.seat(bound, short="lobby")
    assert [space.id for _, space in await accounts.spaces_of(bound)] == [elsewhere.space_id]
    operator = await accounts.change_user(user.id, is_operator=True)
    _, secret = await accounts.create_key(operator, "bound", space=elsewhere.space)
    bound = await accounts.by_bearer(secret)
    with pytest.raises(NotMember):
        await accounts.seat(bound, short="lobby")


async def test_the_space_of_a_caller(site: Site) -> None:
    """Named, of the host, the key's own, home; home does not imply membership (C-01)."""
    accounts = site.depot.accounts
    elsewhere = await site.other_space()
    await site.depot.tenancy.change(site.admin.caller, elsewhere.space, hosts=["files.example"])
    caller = Caller(site.people[Role.WRITER])
    assert (await accounts.seat(caller)).space_id == site.space.id
    assert (await accounts.seat(caller, short="other")).space_id == elsewhere.space_id
    assert (await accounts.seat(caller, host="files.example")).space_id == elsewhere.space_id
    with pytest.raises(SpaceNotFound):
        await accounts.seat(caller, short="nowhere")
    stranger = Caller(await person(site, "homeless", home=site.space))
    with pytest.raises(NotMember):
        await accounts.seat(stranger)
    with pytest.raises(NotMember):
        await accounts.seat(Caller(await person(site, "nobody")))
    operator = Caller(await person(site, "root", is_operator=True, home=site.space))
    assert (await accounts.seat(operator)).role is None


async def test_a_revoked_key_is_refused(site: Site, later: Any) -> None:
    """At once in the process that revoked it, within five seconds in every other (C-05)."""
    other = await site.again()
    user = site.people[Role.WRITER]
    key, secret = await site.depot.accounts.create_key(user, "k")
    for one in (site, other):
        await one.depot.accounts.by_bearer(secret)
    with pytest.raises(KeyNotFound):
        await site.depot.accounts.revoke_key(Caller(site.people[Role.READER]), key.id)
    await site.depot.accounts.revoke_key(Caller(user), key.id)
    with pytest.raises(Unauthenticated):
        await site.depot.accounts.by_bearer(secret)
    assert FRESH <= 5
    later(FRESH)
    with pytest.raises(Unauthenticated):
        await other.depot.accounts.by_bearer(secret)
    with pytest.raises(KeyNotFound):
        await site.depot.accounts.revoke_key(Caller(user), key.id)
    await other.depot.close()


async def test_a_changed_role_counts_soon(site: Site, later: Any) -> None:
    """Roles come from the catalog, never from a credential; at most five seconds old (C-05)."""
    other = await site.again()
    caller = Caller(site.people[Role.WRITER])
    for one in (site, other):
        assert (await one.depot.accounts.seat(caller)).role is Role.WRITER
    await site.depot.tenancy.set_member(site.admin, "writer@example.org", Role.READER)
    assert (await site.depot.accounts.seat(caller)).role is Role.READER
    later(FRESH)
    assert (await other.depot.accounts.seat(caller)).role is Role.READER
    await site.depot.tenancy.drop_member(site.admin, caller.id)
    with pytest.raises(NotMember):
        await site.depot.accounts.seat(caller)
    await other.depot.close()


async def test_keys_end(site: Site) -> None:
    """By their time, and with their owner's activity."""
    accounts = site.depot.accounts
    user = await person(site)
    _, old = await accounts.create_key(user, "old", expires_at=1)
    with pytest.raises(Unauthenticated):
        await accounts.by_bearer(old)
    _, good = await accounts.create_key(user, "good", expires_at=2**50)
    await accounts.by_bearer(good)
    await accounts.change_user(user.id, is_active=False)
    with pytest.raises(Unauthenticated):
        await accounts.by_bearer(good)


async def test_passwords(site: Site) -> None:
    """argon2id; by e-mail in any case or by user name; one answer to every mistake (C-05)."""
    user = await person(site, username="ann")
    assert user.password_hash is not None
    assert user.password_hash.startswith("$argon2id$")
    assert PASSWORD not in user.password_hash
    by_password = site.depot.accounts.by_password
    for login in ("ann@example.org", "ANN@Example.Org", "ann", " ann "):
        for _ in range(2):
            assert (await by_password(login, PASSWORD, "::1")).id == user.id
    messages = set()
    for number, (login, password) in enumerate(
        [("ann", "wrong"), ("nobody", PASSWORD), ("writer@example.org", ""), ("a\0", PASSWORD)]
    ):
        with pytest.raises(BadCredentials) as caught:
            await by_password(login, password, f"10.0.0.{number}")
        messages.add(caught.value.message)
    assert len(messages) == 1
    for bad in ("short", "x" * 1025):
        with pytest.raises(BadParameter):
            await site.depot.accounts.create_user("eve@example.org", bad)
    await site.depot.accounts.change_user(user.id, is_active=False)
    with pytest.raises(BadCredentials):
        await by_password("ann", PASSWORD, "10.0.1.1")


async def test_a_new_password_ends_the_old_one(site: Site) -> None:
    """At once, although a verified password is remembered for a moment."""
    user = await person(site)
    await site.depot.accounts.by_password("ann@example.org", PASSWORD, "::1")
    await site.depot.accounts.change_user(user.id, password="another good one")
    with pytest.raises(BadCredentials):
        await site.depot.accounts.by_password("ann@example.org", PASSWORD, "::1")
    await site.depot.accounts.by_password("ann@example.org", "another good one", "::1")


async def fail(site: Site, login: str, address: str) -> type[Exception] | None:
    """Try a wrong password; return the error."""
    try:
        await site.depot.accounts.by_password(login, "wrong", address)
    except (BadCredentials, LoginThrottled) as error:
        return type(error)
    return None


async def test_failed_log_ins_are_limited(site: Site) -> None:
    """Account and address together first, then each alone; failures only (C-06)."""
    await person(site)
    await person(site, "bob")
    login = site.depot.accounts.by_password
    for _ in range(20):
        await login("ann@example.org", PASSWORD, "10.0.0.1")
    assert [await fail(site, "ann@example.org", "10.0.0.1") for _ in range(4)] == [
        BadCredentials,
        BadCredentials,
        BadCredentials,
        LoginThrottled,
    ]
    with pytest.raises(LoginThrottled) as caught:
        await login("ann@example.org", PASSWORD, "10.0.0.1")
    assert caught.value.retry_after
    assert 0 < caught.value.retry_after <= WINDOW / 1000
    await login("ann@example.org", PASSWORD, "10.0.0.2")
    await login("bob@example.org", PASSWORD, "10.0.0.1")
    # The account alone, from ever new addresses.
    for number in range(3):
        assert await fail(site, "ann@example.org", f"10.0.1.{number}") is BadCredentials
    assert await fail(site, "ann@example.org", "10.0.2.1") is LoginThrottled
    # The address alone, for ever new accounts.
    for number in range(3):
        assert await fail(site, f"guess{number}", "10.0.0.1") is BadCredentials
    assert await fail(site, "bob@example.org", "10.0.0.1") is LoginThrottled
    assert await fail(site, "bob@example.org", "10.0.3.1") is BadCredentials


async def test_all_names_of_an_account_are_one_to_the_limiter(site: Site) -> None:
    """Changing case or spelling wins no further tries (C-06)."""
    await person(site, username="Ann")
    for login in ("ann@example.org", "ANN@example.org", "Ann"):
        assert await fail(site, login, "10.0.0.1") is BadCredentials
    for login in ("ann@example.org", " Ann", "aNN@example.org"):
        assert await fail(site, login, "10.0.0.1") is LoginThrottled


async def test_a_burst_does_not_pass_the_limiter(site: Site) -> None:
    """Thirty wrong tries at once, in two processes: hardly more than the limit are checked."""
    await person(site)
    other = await site.again()
    tries = [fail(one, "ann@example.org", "10.0.0.1") for _ in range(15) for one in (site, other)]
    found = await asyncio.gather(*tries)
    assert found.count(BadCredentials) <= 3 + 4
    assert found.count(LoginThrottled) >= 23
    await other.depot.close()


async def test_old_failures_do_not_count(site: Site) -> None:
    """The window moves on, and the sweeper forgets what is behind it."""
    await person(site)
    for _ in range(3):
        await fail(site, "ann@example.org", "10.0.0.1")
    older = update(schema.login_failure).values(at=schema.login_failure.c.at - WINDOW - 1000)
    await site.run(lambda tx: tx.run(older))
    await site.depot.accounts.by_password("ann@example.org", PASSWORD, "10.0.0.1")
    await site.sweep()
    assert await site.run(lambda tx: tx.all(select(schema.login_failure))) == []


async def test_tokens(site: Site) -> None:
    """They name a person and never a right; algorithm and signature are checked (C-05)."""
    accounts = site.depot.accounts
    user = await person(site)
    token = await accounts.tokens.issue(user, 60, role="admin")
    caller = await accounts.by_bearer(token)
    assert (caller.principal, caller.space_id) == (user, None)
    other = await site.again()
    assert (await other.depot.accounts.by_bearer(token)).principal == user
    await other.depot.close()
    head, body, signature = token.split(".")
    forged = [
        f"{head}.{body}.",
        f"{head}.{body}.{signature[:-2]}AA",
        jwt.encode({"sub": str(user.id), "jti": "x", "exp": 2**33}, "guess" * 10, "HS256"),
        jwt.encode({"sub": str(user.id), "jti": "x", "exp": 2**33}, "", "none"),
        await accounts.tokens.issue(user, -1),
    ]
    for each in forged:
        with pytest.raises(Unauthenticated):
            await accounts.by_bearer(each)


@pytest.mark.parametrize("how", ["revoked", "password", "inactive"])
async def test_tokens_are_voided(site: Site, later: Any, how: str) -> None:
    """Revoked, by a new password, by deactivation; everywhere within five seconds (C-05)."""
    other = await site.again()
    accounts = site.depot.accounts
    user = await person(site)
    token = await accounts.tokens.issue(user, 60)
    for one in (site, other):
        await one.depot.accounts.by_bearer(token)
    if how == "revoked":
        await accounts.tokens.revoke(token)
        await accounts.tokens.revoke(token)
    elif how == "password":
        await accounts.change_user(user.id, password="another good one")
    else:
        await accounts.change_user(user.id, is_active=False)
    later(FRESH)
    for one in (site, other):
        with pytest.raises(Unauthenticated):
            await one.depot.accounts.by_bearer(token)
    await other.depot.close()
    if how == "password":
        fresh = await accounts.user(user.id)
        await accounts.by_bearer(await accounts.tokens.issue(fresh, 60))


async def test_users(site: Site) -> None:
    """Unique e-mail and name; sign-up makes a writer in one step (C-01)."""
    accounts = site.depot.accounts
    await person(site, username="ann")
    for email, username in (
        ("ann@example.org", "x"),
        ("ANN@example.org", "y"),
        ("new@example.org", "ann"),
    ):
        with pytest.raises(NameTaken):
            await accounts.create_user(email, username=username)
    for bad in ("", "x", "@", "a@", "@b", "a b@c", "a@\nb", "a" * 65 + "@b", "a\0@b"):
        with pytest.raises(BadParameter):
            await accounts.create_user(bad)
    user = await accounts.sign_up(site.space, "New@Example.org", PASSWORD)
    assert (user.email, user.home_space_id) == ("new@example.org", site.space.id)
    assert (await accounts.seat(Caller(user))).role is Role.WRITER
    with pytest.raises(NameTaken):
        await accounts.sign_up(site.space, "new@example.org", PASSWORD)
    with pytest.raises(UserNotFound):
        await accounts.user(404)
    with pytest.raises(UserNotFound):
        await accounts.change_user(404, name="x")


async def test_a_secret_is_the_same_in_every_process(site: Site) -> None:
    """Sealed under the master key; read by all; useless without it (C-05)."""
    other = await site.again()
    found = await asyncio.gather(
        site.depot.secrets.get("tokens"), other.depot.secrets.get("tokens")
    )
    assert found[0] == found[1]
    rows = await site.run(lambda tx: tx.all(select(schema.secret)))
    assert found[0] not in b"".join(row[1] for row in rows)
    await other.depot.close()
