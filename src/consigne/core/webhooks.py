"""Webhooks: who is told of a space's events, and asked about its saves (DY-58).

Messages are signed as Standard Webhooks asks for (standardwebhooks.com): HMAC-SHA256 over id, time
and body, under a secret that is sealed here and shown once. Whom an address really belongs to is
looked at when it is connected to, not here. All verbs need the right ``admin``.
"""

import base64
import binascii
import re
import secrets as random
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from consigne.catalog import deliveries, events, followers, record_types, webhooks
from consigne.catalog.engine import Catalog, Tx
from consigne.core.clock import ms, now_ms
from consigne.core.history import record
from consigne.core.outbox import new_delivery, ping_of, seal_name
from consigne.core.seat import Seat
from consigne.core.secrets import Secrets
from consigne.core.telling import EVENTS
from consigne.core.tenancy import require_admin
from consigne.errors import BadParameter, WebhookNotFound, WrongState
from consigne.model.identity import MAX
from consigne.model.names import fold
from consigne.model.webhooks import (
    PING,
    POINTS,
    Delivery,
    DeliveryState,
    OnFailure,
    Webhook,
)
from consigne.settings import Settings

PREFIX = "whsec_"
_SECRET_SIZES = range(24, 65)
_MOST = 100
_LONGEST_URL = 2048
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}")
_URL = re.compile(r"[\x21-\x7e]+")
_FAMILIES = frozenset(event.partition(".")[0] for event in EVENTS)
BY_HAND = "Disabled by hand."


class Wish(msgspec.Struct, frozen=True):
    """A webhook to be. ``secret`` None: one is made up."""

    name: str
    url: str
    events: Sequence[str]
    types: Sequence[str] = ()
    on_failure: OnFailure = OnFailure.REFUSE
    secret: str | None = None


class Webhooks:
    """The verbs of those who administer a space. All raise RightMissing, WebhookNotFound."""

    def __init__(self, catalog: Catalog, secrets: Secrets, settings: Settings) -> None:
        self._catalog = catalog
        self._secrets = secrets
        self._settings = settings

    async def create(self, seat: Seat, wish: Wish) -> tuple[Webhook, str]:
        """Make a webhook; return it with its secret. Raises BadParameter, NameTaken."""
        require_admin(seat)
        key = _key(wish.secret)
        now = now_ms()
        checked = _checked(
            name=wish.name, url=wish.url, events=wish.events, types=wish.types,
            on_failure=wish.on_failure,
        )  # fmt: skip
        new = Webhook(
            id=0,
            space_id=seat.space_id,
            **checked,
            is_active=True,
            reason=None,
            secret=self._secrets.seal(seal_name(seat.space_id), key),
            old_secret=None,
            old_until=None,
            created_at=now,
            created_by=seat.principal_id,
            updated_at=None,
            succeeded_at=None,
            failed_at=None,
        )

        def work(tx: Tx) -> Webhook:
            if webhooks.count(tx, seat.space_id) >= _MOST:
                raise BadParameter(f"A space has at most {_MOST} webhooks.", parameter="name")
            _require_types(tx, seat, wish.types)
            _follow(tx, seat.space_id)
            made = webhooks.insert_webhook(tx, new)
            record(tx, seat.space_id, seat.principal_id, "webhook.created", made.id, url=made.url)
            return made

        return await self._catalog.write(work), _spelled(key)

    async def page(self, seat: Seat, after: int = 0, limit: int = 100) -> list[Webhook]:
        """Return webhooks with numbers above ``after``."""
        require_admin(seat)
        return await self._catalog.look(lambda tx: webhooks.page(tx, seat.space_id, after, limit))

    async def look(self, seat: Seat, number: int) -> Webhook:
        """Return a webhook."""
        require_admin(seat)
        return await self._catalog.look(lambda tx: _mine(seat, webhooks.by_id(tx, number)))

    async def change(
        self, seat: Seat, number: int, *, is_active: bool | None = None, **wishes: Any
    ) -> Webhook:
        """Change what is named: name, url, events, types, on_failure, is_active.

        What waits for a webhook is put aside while it is not active. Raises BadParameter,
        NameTaken.
        """
        require_admin(seat)

        def work(tx: Tx) -> Webhook:
            present = _mine(seat, webhooks.lock(tx, number))
            changes = _checked(**wishes) if wishes else {}
            _require_types(tx, seat, wishes.get("types", ()))
            if is_active is not None and is_active != present.is_active:
                changes |= {"is_active": is_active, "reason": None if is_active else BY_HAND}
                if is_active:
                    _follow(tx, seat.space_id)
                    now = now_ms()
                    until = now + ms(self._settings.webhook_retry_for)
                    deliveries.resume(tx, number, now, until)
                else:
                    deliveries.pause(tx, number)
            changed = webhooks.change(tx, present, **changes, updated_at=now_ms())
            named = sorted({*wishes, *(["is_active"] if is_active is not None else [])})
            record(tx, seat.space_id, seat.principal_id, "webhook.changed", number, changed=named)
            return changed

        return await self._catalog.write(work)

    async def delete(self, seat: Seat, number: int) -> None:
        """Delete a webhook with its log; what waits for it is dropped."""
        require_admin(seat)

        def work(tx: Tx) -> None:
            gone = _mine(seat, webhooks.lock(tx, number))
            deliveries.remove_of(tx, number)
            webhooks.remove(tx, number)
            record(tx, seat.space_id, seat.principal_id, "webhook.deleted", number, url=gone.url)

        await self._catalog.write(work)

    async def rotate(
        self, seat: Seat, number: int, *, secret: str | None = None, overlap: float = 86_400
    ) -> tuple[Webhook, str]:
        """Give a webhook another secret; the old one signs, too, for ``overlap`` seconds."""
        require_admin(seat)
        key = _key(secret)
        sealed = self._secrets.seal(seal_name(seat.space_id), key)

        def work(tx: Tx) -> Webhook:
            present, now = _mine(seat, webhooks.lock(tx, number)), now_ms()
            old = present.secret if overlap else None
            until = now + ms(overlap) if overlap else None
            rotated = webhooks.change(
                tx, present, secret=sealed, old_secret=old, old_until=until, updated_at=now
            )
            record(tx, seat.space_id, seat.principal_id, "webhook.rotated", number)
            return rotated

        return await self._catalog.write(work), _spelled(key)

    async def ping(self, seat: Seat, number: int) -> Delivery:
        """Send a test message, also to a webhook that does not listen to it.

        Raises WrongState where it is disabled.
        """
        require_admin(seat)

        def work(tx: Tx) -> Delivery:
            target = _mine(seat, webhooks.lock(tx, number))
            if not target.is_active:
                raise WrongState("The webhook is disabled.", state="disabled", verb="ping")
            now = now_ms()
            return new_delivery(
                tx, target, PING, ping_of(seat, target, now), now, self._settings.webhook_time
            )

        return await self._catalog.write(work)

    async def deliveries(
        self,
        seat: Seat,
        number: int,
        *,
        state: DeliveryState | None = None,
        before: int = MAX,
        limit: int = 100,
    ) -> list[Delivery]:
        """Return deliveries of a webhook with ids below ``before``, newest first."""
        require_admin(seat)

        def work(tx: Tx) -> list[Delivery]:
            _mine(seat, webhooks.by_id(tx, number))
            return deliveries.page(tx, number, state.value if state else None, before, limit)

        return await self._catalog.read(work)

    async def delivery(self, seat: Seat, number: int, delivery_id: int) -> Delivery:
        """Return a delivery. Raises WebhookNotFound, also for an unknown delivery."""
        require_admin(seat)
        return await self._catalog.look(lambda tx: _delivery(tx, seat, number, delivery_id))

    async def replay(self, seat: Seat, number: int, delivery_id: int) -> Delivery:
        """Send a message once more, under the same id, with all attempts that a new one has.

        Raises WrongState where the webhook is disabled.
        """
        require_admin(seat)

        def work(tx: Tx) -> Delivery:
            target = _mine(seat, webhooks.lock(tx, number))
            _delivery(tx, seat, number, delivery_id)
            if not target.is_active:
                raise WrongState("The webhook is disabled.", state="disabled", verb="replay")
            now = now_ms()
            deliveries.replay(tx, delivery_id, now, now + ms(self._settings.webhook_retry_for))
            return _delivery(tx, seat, number, delivery_id)

        return await self._catalog.write(work)


def clean_url(url: str) -> str:
    """Return a URL that messages may be sent to. Raises BadParameter."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, parts, port = None, urlsplit(""), None
    if (
        len(url) > _LONGEST_URL
        or not _URL.fullmatch(url)
        or parts.scheme not in ("http", "https")
        or not host
        or port == 0
        or "@" in parts.netloc
        or parts.fragment
    ):
        raise BadParameter(
            "This is not the URL of a webhook.",
            hint="Use http or https, a host, no user name and no fragment, in ASCII.",
            parameter="url",
        )
    return url


def _checked(**wishes: Any) -> dict[str, Any]:
    """Return what is named as columns. Raises BadParameter."""
    columns: dict[str, Any] = {}
    if "name" in wishes:
        name = wishes["name"]
        if not _NAME.fullmatch(name):
            raise BadParameter(
                f"{name!r} cannot name a webhook: A-Z, a-z, 0-9, _, - and ., a letter first.",
                parameter="name",
            )
        columns |= {"name": name, "name_fold": fold(name)}
    if "url" in wishes:
        columns["url"] = clean_url(wishes["url"])
    if "events" in wishes:
        names = list(dict.fromkeys(wishes["events"]))
        for name in names:
            _require_event(name)
        if not names:
            raise BadParameter("Name at least one event or point.", parameter="events")
        columns["events"] = msgspec.json.encode(names).decode()
        columns["is_hook"] = any(name in POINTS for name in names)
    if "types" in wishes:
        columns["types"] = msgspec.json.encode(list(dict.fromkeys(wishes["types"]))).decode()
    if "on_failure" in wishes:
        columns["on_failure"] = OnFailure(wishes["on_failure"])
    return columns


def _require_event(name: str) -> None:
    family, _, rest = name.partition(".")
    known = name in EVENTS or name in POINTS or name == "*"
    if not known and not (rest == "*" and family in _FAMILIES):
        raise BadParameter(
            f"There is no event {name[:64]!r}.",
            hint="Names are such as file.kept, file.*, pre_store; docs/webhooks.md lists them.",
            parameter="events",
        )


def _require_types(tx: Tx, seat: Seat, names: Sequence[str]) -> None:
    for name in names:
        if record_types.by_name(tx, seat.space_id, fold(name)) is None:
            raise BadParameter(f"There is no record type {name[:64]!r}.", parameter="types")


def _follow(tx: Tx, space_id: int) -> None:
    """Begin with what happens from now on, where nobody listened until now."""
    if not webhooks.active(tx, space_id):
        followers.take(tx, webhooks.FOLLOWER, space_id)
        followers.advance(tx, webhooks.FOLLOWER, space_id, events.last_sequence(tx, space_id))


def _mine(seat: Seat, found: Webhook | None) -> Webhook:
    if found is None or found.space_id != seat.space_id:
        raise WebhookNotFound
    return found


def _delivery(tx: Tx, seat: Seat, number: int, delivery_id: int) -> Delivery:
    _mine(seat, webhooks.by_id(tx, number))
    found = deliveries.by_id(tx, number, delivery_id)
    if found is None:
        raise WebhookNotFound("The webhook has no such delivery.")
    return found


def _key(secret: str | None) -> bytes:
    """Return the bytes of a secret, of a new one by default. Raises BadParameter."""
    if secret is None:
        return random.token_bytes(32)
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) not in _SECRET_SIZES:
        raise BadParameter(
            "A secret is whsec_ and the base64 of 24 to 64 random bytes.", parameter="secret"
        )
    return key


def _spelled(key: bytes) -> str:
    return PREFIX + base64.b64encode(key).decode()
