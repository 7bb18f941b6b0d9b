"""What a restored vault must not go on with as if nothing had happened.

- Uploads that were under way have lost their bytes: they end, and give their room back.
- Jobs that were running are queued again.
- Messages of webhooks that waited may have been sent after the cut: they are put into the log as
  failed, from where they can be replayed, and are not sent by themselves.
- Each space's history says that, and from which cut, it was restored.
"""

from functools import partial

import msgspec

from consigne.catalog import deliveries, jobs, principals, signing_keys, spaces, uploads, webhooks
from consigne.catalog.engine import Catalog, Tx
from consigne.core.backup.format import Manifest
from consigne.core.clock import ms, now_ms
from consigne.core.history import History, record
from consigne.core.outbox import Outbox
from consigne.core.sessions import LIVE, end, recover
from consigne.settings import Settings

_PAGE = 100
HELD_BACK = "The vault was restored from a backup; it may have arrived before."
FORGOTTEN = "The vault was restored without its master key: remove it and make it anew."


class Settled(msgspec.Struct):
    """How many uploads ended, jobs were put back, messages were held back."""

    uploads: int = 0
    jobs: int = 0
    messages: int = 0


async def settle(
    catalog: Catalog, history: History, outbox: Outbox, manifest: Manifest, settings: Settings
) -> Settled:
    """Do all of it; can be repeated."""
    settled = Settled(jobs=await catalog.write(jobs.put_all_back))
    after = 0
    while page := await catalog.read(partial(uploads.every, after=after, limit=_PAGE)):
        after = page[-1].id
        for each in page:
            if each.state in LIVE:
                await catalog.write(partial(_end, number=each.id, settings=settings))
                settled.uploads += 1
    await history.seal()
    await outbox.look()
    now = now_ms()
    settled.messages = await catalog.write(partial(deliveries.hold_back, now=now, why=HELD_BACK))
    after = 0
    while found := await catalog.read(partial(spaces.page, after=after, limit=_PAGE)):
        after = found[-1].id
        for space in found:
            await catalog.write(partial(_tell, space_id=space.id, manifest=manifest))
    return settled


async def forget_secrets(catalog: Catalog) -> None:
    """Remove what was sealed under a master key that is lost: signing keys and the service's own
    secrets; webhooks are disabled."""

    def work(tx: Tx) -> None:
        principals.forget_secrets(tx)
        signing_keys.forget_all(tx)
        webhooks.disable_all(tx, FORGOTTEN)

    await catalog.write(work)


def _end(tx: Tx, number: int, settings: Settings) -> None:
    recover(tx, number)
    upload = uploads.lock(tx, number)
    if upload is not None:
        end(tx, upload, "expire", now_ms(), ms(settings.tombstones))


def _tell(tx: Tx, space_id: int, manifest: Manifest) -> None:
    record(tx, space_id, None, "vault.restored", None, cut=manifest.cut, taken_at=manifest.taken_at)
