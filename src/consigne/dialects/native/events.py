"""What happens in a space: as a list, and as server-sent events (WHATWG HTML §9.2)."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

import msgspec
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from consigne.core.access import Seat
from consigne.core.history import History
from consigne.dialects.native.desk import API, Desk
from consigne.dialects.native.listing import DEFAULT_LIMIT, MAX_LIMIT
from consigne.dialects.native.parameters import whole
from consigne.dialects.native.replies import page_reply
from consigne.dialects.native.wire import event_document
from consigne.errors import BadParameter, ConsigneError
from consigne.http.answers import json_response
from consigne.http.routing import Route
from consigne.model.entities import Event
from consigne.model.rights import Right

HEARTBEAT = 15.0
RECHECK = 5.0
_RETRY_MS = 2000
_MAX_SEQUENCE = (1 << 53) - 1
_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]
_encode = msgspec.json.Encoder().encode


class Events:
    """``/events`` and ``/events/stream``."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._history = desk.depot.history

    def routes(self) -> list[Route]:
        return [
            Route("GET", f"{API}/events", self.list),
            Route("GET", f"{API}/events/stream", self.stream),
            Route("GET", f"{API}/events/check", self.check),
        ]

    async def list(self, request: Request) -> ASGIApp:
        """Return sealed events after a sequence number; or before one, newest first."""
        seat, asked = await self._desk.seat(request), request.query_params
        limit = whole(asked.get("limit") or str(DEFAULT_LIMIT), "limit", 1, MAX_LIMIT)
        after = whole(asked.get("after") or "0", "after", 0, _MAX_SEQUENCE)
        if (text := asked.get("before")) is not None:
            if "after" in asked:
                raise BadParameter("Either `after` or `before`, not both.", parameter="before")
            before = whole(text, "before", 0, _MAX_SEQUENCE)
            batch = await self._history.latest(seat.space_id, before, limit)
        else:
            batch = await self._history.page(seat.space_id, after, limit)
        seen = await self._history.seen_by(seat, batch)
        following = str(batch[-1].sequence) if len(batch) == limit else None
        documents = [event_document(event) for event in seen]
        side = "after" if text is None else "before"
        return page_reply(self._desk, request, "events", documents, side, following)

    async def check(self, request: Request) -> ASGIApp:
        """Recompute the chain of the space; for managers."""
        broken, last = await self._history.check(await self._desk.seat(request))
        document = {"broken": broken, "last": None if last is None else event_document(last)}
        return json_response(document, headers=[("Cache-Control", "no-store")])

    async def stream(self, request: Request) -> ASGIApp:
        """Send events as they are sealed, from now on or behind ``Last-Event-ID``."""
        seat = await self._desk.seat(request)
        seat.require(Right.READ)
        text = request.headers.get("last-event-id") or request.query_params.get("after")
        if text:
            after = whole(text, "Last-Event-ID", 0, _MAX_SEQUENCE)
        else:
            after = await self._history.last_sequence(seat.space_id)
        return EventStream(self._history, seat, after, lambda: self._desk.seat(request))


class EventStream:
    """An ASGI response without an end of its own.

    It ends when the client goes, when the server drains (``scope["state"]["draining"]``), and when
    the caller has lost the right: ``recheck`` is asked every few seconds and raises then.
    """

    def __init__(
        self,
        history: History,
        seat: Seat,
        after: int,
        recheck: Callable[[], Awaitable[Seat]],
    ) -> None:
        self._history = history
        self._seat = seat
        self._after = after
        self._recheck = recheck

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        if scope["method"] != "HEAD":
            await self._flow(scope, receive, send)
        await send({"type": "http.response.body", "body": b""})

    async def _flow(self, scope: Scope, receive: Receive, send: Send) -> None:
        draining: asyncio.Event = scope["state"].get("draining") or asyncio.Event()
        gone = asyncio.ensure_future(_disconnected(receive))
        follower = self._history.follow(self._seat.space_id, self._after)
        checked = sent = time.monotonic()
        try:
            await _send_text(send, f"retry: {_RETRY_MS}\n\n")
            async for batch in follower:
                now = time.monotonic()
                if gone.done() or draining.is_set():
                    return
                if now - checked >= RECHECK:
                    if not await self._still_allowed():
                        return
                    checked = now
                text = await self._rendered(batch)
                if not text and now - sent >= HEARTBEAT:
                    text = ": still here\n\n"
                if text:
                    await _send_text(send, text)
                    sent = now
        finally:
            gone.cancel()
            if isinstance(follower, AsyncGenerator):
                await follower.aclose()

    async def _still_allowed(self) -> bool:
        try:
            self._seat = await self._recheck()
            return self._seat.has(Right.READ)
        except ConsigneError:
            return False

    async def _rendered(self, batch: Sequence[Event]) -> str:
        """Return the events that the caller may see, as the stream spells them.

        The last id of the batch is told even where nothing of it may be seen, so that a client that
        comes back does not ask for it again.
        """
        if not batch:
            return ""
        seen = await self._history.seen_by(self._seat, batch)
        lines = [
            f"id: {event.sequence}\ndata: {_encode(event_document(event)).decode()}\n\n"
            for event in seen
        ]
        if not seen or seen[-1] is not batch[-1]:
            lines.append(f"id: {batch[-1].sequence}\n\n")
        return "".join(lines)


async def _send_text(send: Send, text: str) -> None:
    await send({"type": "http.response.body", "body": text.encode(), "more_body": True})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
