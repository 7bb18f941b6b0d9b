"""OAuth grants without HTTP: pairs of tokens and their lives, on both databases."""

import asyncio
from collections.abc import Callable

import msgspec
import pytest
from sqlalchemy import select
from tests.parts.sites import Site

from consigne.catalog import oauth, schema
from consigne.core import grants as grants_module
from consigne.core.clock import ms, now_ms
from consigne.core.grants import Grants
from consigne.errors import BadCredentials, NameTaken, Unauthenticated
from consigne.model.entities import Principal
from consigne.model.rights import Role

# Nothing here depends on where the bytes are.
pytestmark = pytest.mark.parametrize("store", ["sqlite-memory", "postgres-memory"], indirect=True)

DAY = 86_400
PassBy = Callable[[float], None]


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> PassBy:
    """Let seconds pass for tokens."""

    def pass_by(seconds: float) -> None:
        clock = grants_module.now_ms
        monkeypatch.setattr(grants_module, "now_ms", lambda: clock() + ms(seconds))

    return pass_by


@pytest.fixture
def grants(site: Site) -> Grants:
    return site.depot.accounts.grants


@pytest.fixture
def writer(site: Site) -> Principal:
    return site.people[Role.WRITER]


async def is_dead(grants: Grants, token: str) -> bool:
    try:
        await grants.refresh(token, "app")
    except BadCredentials:
        return True
    return False


async def test_a_pair_names_its_principal(site: Site, grants: Grants, writer: Principal) -> None:
    """DX-05, C-05: the access token stands for the user; neither token is stored."""
    pair = await grants.issue(writer, "app")
    caller = await site.depot.accounts.by_bearer(pair.access)
    assert (caller.principal, caller.space_id, caller.methods) == (writer, None, None)
    for token in (pair.refresh, pair.access + "x", "cso_"):
        with pytest.raises(Unauthenticated):
            await site.depot.accounts.by_bearer(token)
    rows = await site.run(lambda tx: tx.all(select(schema.oauth_pair)))
    stored = msgspec.msgpack.encode([list(row) for row in rows])
    assert pair.access.encode() not in stored
    assert pair.refresh.encode() not in stored


async def test_lives(grants: Grants, writer: Principal, later: PassBy) -> None:
    """DX-05: an hour for an access token, 30 days for a refresh token."""
    pair = await grants.issue(writer, "app")
    assert pair.expires_in == 3600
    later(3595)
    await grants.check(pair.access)
    later(10)
    with pytest.raises(Unauthenticated):
        await grants.check(pair.access)
    later(30 * DAY - 3700)
    again = await grants.refresh(pair.refresh, "app")
    await grants.check(again.access)
    later(200)
    assert await is_dead(grants, pair.refresh)


@pytest.mark.parametrize("use", ["access", "refresh"])
async def test_an_old_token_dies_after_its_successor_is_used(
    grants: Grants, writer: Principal, later: PassBy, use: str
) -> None:
    """DX-06: 60 s after the first use of the new pair, however often it is used."""
    old = await grants.issue(writer, "app")
    new = await grants.refresh(old.refresh, "app")
    later(3 * DAY)
    other = await grants.refresh(old.refresh, "app")  # nobody has used its successor
    if use == "access":
        fresh = await grants.refresh(new.refresh, "app")
        await grants.check(fresh.access)
        fresh_dead = False
    else:
        await grants.refresh(other.refresh, "app")
        fresh_dead = True
    later(50)
    assert not await is_dead(grants, old.refresh)
    if not fresh_dead:
        await grants.check(other.access)
    later(20)
    assert await is_dead(grants, old.refresh)
    assert not await is_dead(grants, other.refresh)


async def test_a_token_is_of_its_client_and_its_password(
    site: Site, grants: Grants, writer: Principal
) -> None:
    """DX-05: another client cannot refresh it; a new password, and deactivation, end it."""
    pair = await grants.issue(writer, "app")
    with pytest.raises(BadCredentials):
        await grants.refresh(pair.refresh, "other")
    await site.depot.accounts.change_user(writer.id, password="another password")
    assert await is_dead(grants, pair.refresh)
    with pytest.raises(Unauthenticated):
        await grants.check(pair.access)
    present = await site.depot.accounts.user(writer.id)
    pair = await grants.issue(present, "app")
    await site.depot.accounts.change_user(writer.id, is_active=False)
    assert await is_dead(grants, pair.refresh)


async def test_a_clients_secret_cannot_be_guessed(site: Site) -> None:
    """DX-05, C-05: a client in use brings its secret along, whatever it is; a made one is long."""
    accounts = site.depot.accounts
    await accounts.create_client("app", client_id="app", secret="from before")
    assert await accounts.check_client("app", "from before")
    client_id, secret = await accounts.create_client("app")
    assert len(secret) >= 32
    assert await accounts.check_client(client_id, secret)
    for wrong in ((client_id, secret + "x"), (client_id, ""), ("nobody", secret)):
        assert not await accounts.check_client(*wrong)
    with pytest.raises(NameTaken):
        await accounts.create_client("again", client_id=client_id)


async def test_a_client_that_logs_in_before_each_call(
    site: Site, grants: Grants, writer: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DX-53: the oldest pairs go, so that the catalog does not grow without end."""
    monkeypatch.setattr(grants_module, "MAX_PAIRS", 3)
    other = await grants.issue(site.people[Role.READER], "app")
    pairs = []
    for _ in range(5):
        pairs.append(await grants.issue(writer, "app"))
        await asyncio.sleep(0.003)  # ids are in order of time from one millisecond to the next
    assert await site.rows("oauth_pair") == 4
    for pair in pairs[:2]:
        with pytest.raises(Unauthenticated):
            await grants.check(pair.access)
    for pair in (*pairs[2:], other):
        await grants.check(pair.access)


async def test_what_is_good_for_nothing_is_swept(
    site: Site, grants: Grants, writer: Principal, later: PassBy
) -> None:
    """DX-05: pairs of which both tokens have expired."""
    await grants.issue(writer, "app")
    later(-40 * DAY)
    await grants.issue(writer, "app")
    assert await site.rows("oauth_pair") == 2
    await site.run(lambda tx: oauth.forget(tx, now_ms()))
    assert await site.rows("oauth_pair") == 1
