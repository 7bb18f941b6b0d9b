"""The outbox of webhooks: sealed events become deliveries, each is sent until it has arrived.

A delivery is a row that is written in one transaction with how far its space's events have been
looked at, so none is lost or made twice; it is sent at least once, always under the same id. After
a failure it waits, three times as long each time, up to six hours; when its time is over the
webhook is disabled, unless others have arrived there meanwhile.
"""

import base64
import hashlib
import hmac
import random
from typing import Any

import msgspec

from consigne.catalog import deliveries, events, followers, record_types, records, spaces, webhooks
from consigne.catalog.engine import Catalog, Tx
from consigne.core.clock import ms, now_ms
from consigne.core.history import record
from consigne.core.seat import Seat
from consigne.core.secrets import Secrets
from consigne.core.telling import data_of, moment, subject_of
from consigne.model.entities import Event
from consigne.model.identity import Kind, new_id, to_uuid
from consigne.model.records import RecordType
from consigne.model.webhooks import (
    PING,
    POINTS,
    POST_STORE,
    Attempt,
    Delivery,
    DeliveryState,
    Webhook,
)
from consigne.settings import Settings

_BATCH = 200
_FACTOR = 3
_LONGEST_PAUSE = 6 * 3600.0
_GONE = 410

_encode = msgspec.json.Encoder().encode


class Outbox:
    """What a sender of webhooks does with the catalog."""

    def __init__(self, catalog: Catalog, secrets: Secrets, settings: Settings) -> None:
        self._catalog = catalog
        self._secrets = secrets
        self._settings = settings

    async def look(self) -> int:
        """Make deliveries of what was sealed since the last look; return how many."""
        total = 0
        for space_id in await self._catalog.look(webhooks.behind):
            more = True
            while more:
                count, more = await self._catalog.write(lambda tx: self._step(tx, space_id))  # noqa: B023
                total += count
        return total

    async def is_due(self) -> bool:
        """Tell whether there may be something to send; costs a point query."""
        return await self._catalog.look(lambda tx: deliveries.is_due(tx, now_ms()))

    async def claim(self, busy: list[int]) -> Delivery | None:
        """Take what has been due for longest, but for ``busy`` webhooks, for one attempt."""
        now = now_ms()
        until = now + ms(2 * self._settings.webhook_time + 5)
        return await self._catalog.write(lambda tx: deliveries.claim(tx, busy, now, until))

    async def target(self, delivery: Delivery) -> Webhook | None:
        """Return the webhook that a delivery is for, None where it is gone or disabled."""
        found = await self._catalog.look(lambda tx: webhooks.by_id(tx, delivery.webhook_id))
        return found if found is not None and found.is_active else None

    def headers(self, target: Webhook, message: str, body: bytes, now: int) -> dict[str, str]:
        """Return the headers of a message that is sent now, signed with each valid secret."""
        name = seal_name(target.space_id)
        sealed = [target.secret]
        if target.old_secret is not None and (target.old_until or 0) > now:
            sealed.append(target.old_secret)
        stamp = now // 1000
        signatures = [
            signature(self._secrets.unseal(name, each), message, stamp, body) for each in sealed
        ]
        return {
            "webhook-id": message,
            "webhook-timestamp": str(stamp),
            "webhook-signature": " ".join(signatures),
        }

    async def settle(self, delivery: Delivery, attempt: Attempt) -> None:
        """Store how an attempt ended, and when the next one is due."""
        await self._catalog.write(lambda tx: self._settle(tx, delivery, attempt))

    async def note(self, target: Webhook, event: str, payload: bytes, attempt: Attempt) -> None:
        """Store a call that failed while a save waited for it, for the log only."""

        def work(tx: Tx) -> None:
            now = now_ms()
            deliveries.add(
                tx,
                msgspec.structs.replace(
                    _delivery(target, event, payload.decode(), now, 0),
                    state=DeliveryState.FAILED,
                    attempts=1,
                    attempted_at=now,
                    ended_at=now,
                    status=attempt.status,
                    error=attempt.error,
                    response=attempt.response,
                    duration=attempt.duration,
                ),
            )
            webhooks.note(tx, target.id, now, success=False)

        await self._catalog.write(work)

    async def asked(self, type: RecordType, point: str) -> list[Webhook]:
        """Return the webhooks that are asked about a save of this type at a point."""
        found = await self._catalog.look(lambda tx: webhooks.active(tx, type.space_id))
        return [each for each in found if _concerns(each, type, point)]

    async def forget(self) -> None:
        """Drop the log of long ago."""
        before = now_ms() - ms(self._settings.job_history)
        await self._catalog.write(lambda tx: deliveries.forget(tx, before))

    def book(self, tx: Tx, type: RecordType, told: dict[str, Any]) -> None:
        """Add deliveries of ``post_store`` in the transaction of a save."""
        now = now_ms()
        for each in webhooks.active(tx, type.space_id):
            if _concerns(each, type, POST_STORE):
                payload = message_of(POST_STORE, told, now)
                new_delivery(tx, each, POST_STORE, payload, now, self._settings.webhook_retry_for)

    def _step(self, tx: Tx, space_id: int) -> tuple[int, bool]:
        """Go through some events; return (deliveries made, whether there may be more)."""
        seen = followers.take(tx, webhooks.FOLLOWER, space_id)
        batch = events.after(tx, space_id, seen, _BATCH)
        if not batch:
            return 0, False
        listening = webhooks.active(tx, space_id)
        space = spaces.by_id(tx, space_id)
        made = 0
        for event in batch:
            wanting = [
                each
                for each in listening
                if event.at >= each.created_at and each.wants(event.action)
            ]
            if not wanting:
                continue
            about = _record_of(tx, event)
            told = {
                "space": space.short if space else "",
                "event": to_uuid(Kind.EVENT, event.id),
                "sequence": event.sequence,
                "actor": event.actor_id,
                "subject": subject_of(event),
                "record": about,
                "facts": data_of(event),
            }
            payload = message_of(event.action, told, event.at)
            for each in wanting:
                if each.covers(about["type"] if about else None):
                    new_delivery(
                        tx, each, event.action, payload, now_ms(),
                        self._settings.webhook_retry_for, message=f"msg_{told['event']}",
                    )  # fmt: skip
                    made += 1
        followers.advance(tx, webhooks.FOLLOWER, space_id, batch[-1].sequence or seen)
        return made, len(batch) == _BATCH

    def _settle(self, tx: Tx, delivery: Delivery, attempt: Attempt) -> None:
        now = now_ms()
        target = webhooks.lock(tx, delivery.webhook_id)
        if target is None:
            return
        if attempt.is_success:
            if deliveries.settle(tx, delivery, attempt, DeliveryState.DELIVERED, now, now):
                webhooks.note(tx, target.id, now, success=True)
            return
        is_over = attempt.status == _GONE or now >= delivery.give_up_at
        state = DeliveryState.FAILED if is_over else DeliveryState.PENDING
        again = min(now + ms(self._pause(delivery.attempts, attempt)), delivery.give_up_at)
        if not deliveries.settle(tx, delivery, attempt, state, now, again):
            return
        webhooks.note(tx, target.id, now, success=False)
        is_silent = (target.succeeded_at or 0) < delivery.created_at
        if is_over and delivery.event != PING and (attempt.status == _GONE or is_silent):
            self._disable(tx, target, delivery, attempt)

    def _disable(self, tx: Tx, target: Webhook, delivery: Delivery, attempt: Attempt) -> None:
        why = attempt.error or f"HTTP {attempt.status}"
        if attempt.status == _GONE:
            reason = "The receiver says that it is gone (HTTP 410)."
        else:
            since = moment(delivery.created_at)
            reason = f"Nothing has arrived since {since}; the last attempt: {why}"
        webhooks.change(tx, target, is_active=False, reason=reason)
        deliveries.pause(tx, target.id)
        record(tx, target.space_id, None, "webhook.disabled", target.id, reason=reason)

    def _pause(self, attempts: int, attempt: Attempt) -> float:
        """Return the seconds before the next attempt; a receiver may ask for more."""
        grown = self._settings.webhook_retry_first * float(_FACTOR ** min(attempts - 1, 20))
        pause = min(_LONGEST_PAUSE, grown) * random.uniform(0.8, 1.2)
        return max(pause, min(attempt.retry_after or 0.0, _LONGEST_PAUSE))


def signature(key: bytes, message: str, stamp: int, body: bytes) -> str:
    """Return the signature of a message (Standard Webhooks, symmetric).

    >>> signature(b"key", "msg_1", 1, b"{}")
    'v1,jKGHVBDuJf5ZbCMVrrutoMHDN1OlFFCE9iogVIO9MLQ='
    """
    content = b".".join([message.encode(), str(stamp).encode(), body])
    return "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()


def seal_name(space_id: int) -> str:
    """Return the name under which the secrets of a space's webhooks are sealed."""
    return f"webhook:{space_id}"


def message_of(event: str, told: dict[str, Any], at: int) -> str:
    """Return the body of a message."""
    return _encode({"type": event, "timestamp": moment(at), "data": told}).decode()


def ping_of(seat: Seat, target: Webhook, now: int) -> str:
    """Return the body of a test message."""
    return message_of(PING, {"space": seat.space.short, "webhook": target.name}, now)


def new_delivery(
    tx: Tx,
    target: Webhook,
    event: str,
    payload: str,
    now: int,
    seconds: float,
    *,
    message: str | None = None,
) -> Delivery:
    """Add a delivery that is tried for some seconds; ``message`` is its id, else a fresh one."""
    made = _delivery(target, event, payload, now, seconds, message)
    deliveries.add(tx, made)
    return made


def _delivery(
    target: Webhook, event: str, payload: str, now: int, seconds: float, message: str | None = None
) -> Delivery:
    number = new_id(now)
    return Delivery(
        id=number,
        space_id=target.space_id,
        webhook_id=target.id,
        message=message or f"msg_{to_uuid(Kind.EVENT, number)}",
        event=event,
        payload=payload,
        state=DeliveryState.PENDING,
        attempts=0,
        next_at=now,
        give_up_at=now + ms(seconds),
        created_at=now,
        attempted_at=None,
        ended_at=None,
        status=None,
        error=None,
        response=None,
        duration=None,
    )


def _concerns(target: Webhook, type: RecordType, point: str) -> bool:
    names = type.hook_names
    chosen = not names or target.name_fold in {name.casefold() for name in names}
    return point in POINTS and chosen and target.wants(point) and target.covers(type.name)


def _record_of(tx: Tx, event: Event) -> dict[str, Any] | None:
    """Return the record that an event is about, as far as it is still known."""
    family = event.action.partition(".")[0]
    number = event.subject if family == "record" else data_of(event).get("record")
    if not isinstance(number, int):
        return None
    found = records.by_id(tx, number)
    if found is not None and found.space_id == event.space_id:
        type = record_types.by_id(tx, found.type_id)
        return {"id": number, "uuid": found.uuid, "type": type.name if type else None}
    for past in events.of(tx, event.space_id, number):
        if past.action == "record.created":
            facts = data_of(past)
            return {"id": number, "uuid": facts.get("uuid"), "type": facts.get("type")}
    return {"id": number, "uuid": None, "type": None}
