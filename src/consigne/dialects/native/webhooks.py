"""Webhooks of a space, what was delivered to them, and delivering it again."""

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType
from starlette.requests import Request
from starlette.types import ASGIApp

from consigne.core.webhooks import Wish
from consigne.dialects.native.bodies import Text, body_of, given
from consigne.dialects.native.desk import API, Desk
from consigne.dialects.native.listing import DEFAULT_LIMIT, MAX_LIMIT
from consigne.dialects.native.parameters import whole
from consigne.dialects.native.replies import created, location, page_reply
from consigne.dialects.native.wire import iso, uuid_of
from consigne.errors import BadCursor, BadParameter, WebhookNotFound
from consigne.http.answers import empty_response, json_response
from consigne.http.routing import Route
from consigne.model.identity import MAX, Kind, from_uuid
from consigne.model.webhooks import Delivery, DeliveryState, OnFailure, Webhook

_PATH = f"{API}/webhooks"
_MAX_NUMBER = (1 << 53) - 1
_DAY = 86_400

Url = Annotated[str, Meta(max_length=2048)]
Names = Annotated[list[Annotated[str, Meta(max_length=256)]], Meta(max_length=100)]
Secret = Annotated[str, Meta(max_length=256)]


class NewWebhook(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """``POST /webhooks``. ``secret``: ``whsec_`` and base64; one is made up where none is given."""

    name: Text
    url: Url
    events: Names
    types: Names = []
    on_failure: OnFailure = OnFailure.REFUSE
    secret: Secret | None = None


class WebhookChange(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """``PATCH /webhooks/{n}``: only what is named changes."""

    name: Text | UnsetType = UNSET
    url: Url | UnsetType = UNSET
    events: Names | UnsetType = UNSET
    types: Names | UnsetType = UNSET
    on_failure: OnFailure | UnsetType = UNSET
    active: bool | UnsetType = UNSET


class Rotation(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """``POST /webhooks/{n}/rotate``; ``overlap``: seconds in which the old secret signs, too."""

    secret: Secret | None = None
    overlap: Annotated[int, Meta(ge=0, le=30 * _DAY)] = _DAY


class WebhookRoutes:
    """The routes of ``/webhooks``."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._webhooks = desk.depot.webhooks

    def routes(self) -> list[Route]:
        one = f"{_PATH}/{{id}}"
        log = f"{one}/deliveries"
        return [
            Route("POST", _PATH, self.create),
            Route("GET", _PATH, self.list),
            Route("GET", one, self.look),
            Route("PATCH", one, self.change),
            Route("DELETE", one, self.delete),
            Route("POST", f"{one}/rotate", self.rotate),
            Route("POST", f"{one}/ping", self.ping),
            Route("GET", log, self.deliveries),
            Route("GET", f"{log}/{{n}}", self.delivery),
            Route("POST", f"{log}/{{n}}/replay", self.replay),
        ]

    async def create(self, request: Request) -> ASGIApp:
        """Make a webhook; its secret is shown only now."""
        seat = await self._desk.seat(request)
        body: NewWebhook = await body_of(request, NewWebhook)
        wish = Wish(body.name, body.url, body.events, body.types, body.on_failure, body.secret)
        made, secret = await self._webhooks.create(seat, wish)
        return created(self._desk, webhook_document(made, secret), "webhooks", str(made.id))

    async def list(self, request: Request) -> ASGIApp:
        """Return the webhooks of the space."""
        seat, asked = await self._desk.seat(request), request.query_params
        limit = whole(asked.get("limit") or str(DEFAULT_LIMIT), "limit", 1, MAX_LIMIT)
        after = whole(asked.get("cursor") or "0", "cursor", 0, _MAX_NUMBER)
        found = await self._webhooks.page(seat, after, limit + 1)
        page = found[:limit]
        following = str(page[-1].id) if len(found) > limit else None
        documents = [webhook_document(each) for each in page]
        return page_reply(self._desk, request, "webhooks", documents, "cursor", following)

    async def look(self, request: Request) -> ASGIApp:
        """Return a webhook, without its secret."""
        seat = await self._desk.seat(request)
        return json_response(webhook_document(await self._webhooks.look(seat, _number(request))))

    async def change(self, request: Request) -> ASGIApp:
        """Change a webhook; ``active`` true takes up again what was put aside."""
        seat, number = await self._desk.seat(request), _number(request)
        body: WebhookChange = await body_of(request, WebhookChange)
        changes = given(
            name=body.name, url=body.url, events=body.events, types=body.types,
            on_failure=body.on_failure, is_active=body.active,
        )  # fmt: skip
        return json_response(webhook_document(await self._webhooks.change(seat, number, **changes)))

    async def delete(self, request: Request) -> ASGIApp:
        """Delete a webhook with its log."""
        seat = await self._desk.seat(request)
        await self._webhooks.delete(seat, _number(request))
        return empty_response()

    async def rotate(self, request: Request) -> ASGIApp:
        """Give a webhook another secret; it is shown only now."""
        seat, number = await self._desk.seat(request), _number(request)
        body: Rotation = await body_of(request, Rotation)
        rotated, secret = await self._webhooks.rotate(
            seat, number, secret=body.secret, overlap=body.overlap
        )
        return json_response(webhook_document(rotated, secret))

    async def ping(self, request: Request) -> ASGIApp:
        """Send a test message: 202 with the delivery, which tells what comes of it."""
        seat, number = await self._desk.seat(request), _number(request)
        sent = await self._webhooks.ping(seat, number)
        return self._under_way(sent)

    async def deliveries(self, request: Request) -> ASGIApp:
        """Return what was sent, or is to be, newest first."""
        seat, asked = await self._desk.seat(request), request.query_params
        limit = whole(asked.get("limit") or str(DEFAULT_LIMIT), "limit", 1, MAX_LIMIT)
        cursor = asked.get("cursor")
        before = from_uuid(Kind.EVENT, cursor) if cursor else MAX
        if before is None:
            raise BadCursor(parameter="cursor")
        found = await self._webhooks.deliveries(
            seat, _number(request), state=_state(asked.get("state")), before=before,
            limit=limit + 1,
        )  # fmt: skip
        page = found[:limit]
        following = uuid_of(Kind.EVENT, page[-1].id) if len(found) > limit else None
        documents = [delivery_document(each) for each in page]
        return page_reply(self._desk, request, "deliveries", documents, "cursor", following)

    async def delivery(self, request: Request) -> ASGIApp:
        """Return a delivery with the body that is sent."""
        seat = await self._desk.seat(request)
        found = await self._webhooks.delivery(seat, _number(request), _delivery(request))
        payload = msgspec.Raw(found.payload.encode())
        return json_response(delivery_document(found) | {"payload": payload})

    async def replay(self, request: Request) -> ASGIApp:
        """Send a message once more: 202 with the delivery."""
        seat = await self._desk.seat(request)
        again = await self._webhooks.replay(seat, _number(request), _delivery(request))
        return self._under_way(again)

    def _under_way(self, delivery: Delivery) -> ASGIApp:
        place = location(
            self._desk, "webhooks", str(delivery.webhook_id), "deliveries",
            uuid_of(Kind.EVENT, delivery.id),
        )  # fmt: skip
        return json_response(delivery_document(delivery), 202, [("Location", place)])


def webhook_document(webhook: Webhook, secret: str | None = None) -> dict[str, Any]:
    """Return a webhook; its secret only when it was just made."""
    document: dict[str, Any] = {
        "id": webhook.id,
        "name": webhook.name,
        "url": webhook.url,
        "events": webhook.event_names,
        "types": webhook.type_names,
        "on_failure": webhook.on_failure,
        "active": webhook.is_active,
        "reason": webhook.reason,
        "old_secret_until": _maybe(webhook.old_until),
        "created_by": webhook.created_by,
        "created_at": iso(webhook.created_at),
        "updated_at": _maybe(webhook.updated_at),
        "succeeded_at": _maybe(webhook.succeeded_at),
        "failed_at": _maybe(webhook.failed_at),
    }
    if secret is not None:
        document["secret"] = secret
    return document


def delivery_document(delivery: Delivery) -> dict[str, Any]:
    """Return a delivery and how its last attempt went."""
    waits = delivery.state is DeliveryState.PENDING
    return {
        "id": uuid_of(Kind.EVENT, delivery.id),
        "message": delivery.message,
        "event": delivery.event,
        "state": delivery.state,
        "attempts": delivery.attempts,
        "next_at": iso(delivery.next_at) if waits else None,
        "created_at": iso(delivery.created_at),
        "attempted_at": _maybe(delivery.attempted_at),
        "ended_at": _maybe(delivery.ended_at),
        "status": delivery.status,
        "error": delivery.error,
        "response": delivery.response,
        "duration": delivery.duration,
    }


def _number(request: Request) -> int:
    """Return the webhook of the path. Raises WebhookNotFound."""
    text = request.path_params["id"]
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise WebhookNotFound
    return int(text)


def _delivery(request: Request) -> int:
    number = from_uuid(Kind.EVENT, request.path_params["n"])
    # Nobody's number: that of an unknown webhook is told first.
    return -1 if number is None else number


def _state(text: str | None) -> DeliveryState | None:
    try:
        return DeliveryState(text) if text else None
    except ValueError:
        names = ", ".join(DeliveryState)
        raise BadParameter(f"state must be one of {names}.", parameter="state") from None


def _maybe(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else iso(milliseconds)
