"""The outbox on both databases: what is claimed, settled, given up, put aside (DY-58, C-55)."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from tests.jobs.conftest import store
from tests.parts.sites import Site, Store, open_site

from consigne.catalog import deliveries
from consigne.core.clock import now_ms
from consigne.core.outbox import Outbox
from consigne.core.webhooks import Wish
from consigne.errors import BadParameter, NameTaken, RightMissing, WebhookNotFound
from consigne.model.webhooks import Attempt, DeliveryState, Webhook
from consigne.settings import Settings

__all__ = ["store"]

URL = "https://ledger.example/hook"
GOOD, BAD = Attempt(204, None, None, 3), Attempt(500, "HTTP 500", "oops", 4)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=str(tmp_path), webhook_retry_first=100)


@pytest.fixture
async def site(store: Store) -> AsyncIterator[Site]:
    site = await open_site(store)
    yield site
    await site.audit(tidy=False)
    await site.depot.close()


async def made(site: Site, name: str = "ledger", *events: str) -> Webhook:
    wish = Wish(name, URL, events or ["file.*"])
    webhook, _ = await site.depot.webhooks.create(site.admin, wish)
    return webhook


async def sealed(site: Site) -> int:
    await site.depot.history.seal()
    return await site.depot.outbox.look()


async def test_events_become_deliveries_once(site: Site) -> None:
    """In order, for who wants them, from then on; two followers do not make them twice."""
    await site.put(b"before")
    await asyncio.sleep(0.005)  # what happens in the millisecond of a webhook's birth is told, too
    one = await made(site, "one", "file.kept")
    two = await made(site, "two", "*")
    other = await site.again()
    for index in range(3):
        await site.put(b"%d" % index)
    await site.depot.history.seal()
    total = await site.depot.outbox.look() + await other.depot.outbox.look()
    assert await sealed(site) == 0
    mine = await site.depot.webhooks.deliveries(site.admin, one.id)
    assert [each.event for each in mine] == ["file.kept"] * 3
    all_of_it = await site.depot.webhooks.deliveries(site.admin, two.id)
    assert len(mine) + len(all_of_it) == total
    assert {each.message for each in mine} <= {each.message for each in all_of_it}
    await other.depot.close()


async def test_claims_and_their_ends(site: Site) -> None:
    """A claim is one attempt; what another says about an older one does not count."""
    webhook = await made(site)
    await site.put(b"x")
    await sealed(site)
    outbox = site.depot.outbox
    assert await outbox.is_due()
    assert await outbox.claim([webhook.id]) is None
    first = await outbox.claim([])
    assert first is not None
    assert first.attempts == 1
    assert await outbox.claim([]) is None
    await outbox.settle(first, BAD)
    (waiting,) = await site.depot.webhooks.deliveries(site.admin, webhook.id)
    assert (waiting.state, waiting.status, waiting.response) == ("pending", 500, "oops")
    assert 79_000 < waiting.next_at - now_ms() <= 120_000
    assert not await outbox.is_due()
    again = await site.depot.webhooks.replay(site.admin, webhook.id, first.id)
    assert (again.attempts, again.message) == (0, first.message)
    second = await outbox.claim([])
    assert second is not None
    await outbox.settle(msgspec.structs.replace(second, attempts=7), GOOD)
    assert (await site.depot.webhooks.delivery(site.admin, webhook.id, first.id)).attempts == 1
    await outbox.settle(second, GOOD)
    done = await site.depot.webhooks.delivery(site.admin, webhook.id, first.id)
    assert (done.state, done.status) == (DeliveryState.DELIVERED, 204)
    await site.run(lambda tx: deliveries.forget(tx, now_ms() + 1))
    assert await site.depot.webhooks.deliveries(site.admin, webhook.id) == []


async def test_given_up(site: Site) -> None:
    """At the end of its time a delivery fails; the webhook only where nothing else arrived."""
    outbox = Outbox(
        site.depot.catalog, site.depot.secrets,
        msgspec.structs.replace(site.settings, webhook_retry_for=0),
    )  # fmt: skip
    webhook = await made(site)
    for body in (b"1", b"2", b"3"):
        await site.put(body)
    await site.depot.history.seal()
    await outbox.look()
    claimed = [await outbox.claim([]) for _ in range(3)]
    assert all(claimed)
    await outbox.settle(claimed[1], GOOD)
    await outbox.settle(claimed[0], BAD)
    assert (await site.depot.webhooks.look(site.admin, webhook.id)).is_active
    await site.run(lambda tx: _never_arrived(tx, webhook.id))
    await outbox.settle(claimed[2], BAD)
    look = await site.depot.webhooks.look(site.admin, webhook.id)
    assert (look.is_active, look.reason[-8:]) == (False, "HTTP 500")
    await site.put(b"4")
    assert await sealed(site) == 0
    await site.depot.webhooks.change(site.admin, webhook.id, is_active=True)
    assert await sealed(site) == 0, "what happened while it was disabled"
    await site.put(b"5")
    assert await sealed(site) >= 1


def _never_arrived(tx, number: int) -> None:
    from sqlalchemy import update

    from consigne.catalog.schema import webhook

    tx.run(update(webhook).where(webhook.c.id == number).values(succeeded_at=None))


async def test_names_rights_and_walls(site: Site) -> None:
    """Unique names, admins only, nothing across spaces (C-01, C-02)."""
    webhook = await made(site)
    with pytest.raises(NameTaken):
        await made(site, "LEDGER")
    second = await made(site, "second")
    with pytest.raises(NameTaken):
        await site.depot.webhooks.change(site.admin, second.id, name="Ledger")
    renamed = await site.depot.webhooks.change(site.admin, webhook.id, name="LEDGER")
    assert renamed.name == "LEDGER"
    with pytest.raises(RightMissing):
        await site.depot.webhooks.page(site.manager)
    stranger = await site.other_space()
    admin = await site.newcomer("boss", site.admin.role, stranger.space)
    for verb in (
        site.depot.webhooks.look, site.depot.webhooks.delete, site.depot.webhooks.ping,
        site.depot.webhooks.rotate, site.depot.webhooks.deliveries, site.depot.webhooks.change,
    ):  # fmt: skip
        with pytest.raises(WebhookNotFound):
            await verb(admin, webhook.id)
    assert await site.depot.webhooks.page(admin) == []
    for index in range(98):
        await made(site, f"n{index}")
    with pytest.raises(BadParameter, match="at most 100"):
        await made(site, "one-too-many")
    await site.depot.webhooks.delete(site.admin, webhook.id)
    assert await site.rows("webhook") == 99


async def test_secrets_are_sealed(site: Site) -> None:
    """The row has no secret that works without the master key (C-05)."""
    wish = Wish("ledger", URL, ["*"])
    webhook, secret = await site.depot.webhooks.create(site.admin, wish)
    import base64

    assert base64.b64decode(secret.removeprefix("whsec_")) not in webhook.secret
    headers = site.depot.outbox.headers(webhook, "msg_1", b"{}", 1_000)
    assert headers["webhook-timestamp"] == "1"
    assert headers["webhook-signature"].startswith("v1,")
