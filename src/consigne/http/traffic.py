"""What passes in one exchange: its status, its bytes and its time, for the meters and the log."""

import time

from starlette.types import Message, Receive, Scope, Send

from consigne.http.fields import Header
from consigne.meters import known
from consigne.tracing import Span

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Traffic:
    """Stands between an application and the server; ``stamp`` is a header for the answer.

    ``status`` is 0 until an answer begins, ``received`` and ``sent`` are bytes of bodies,
    ``seconds`` is known after ``end``.
    """

    __slots__ = (
        "_dialect",
        "_receive",
        "_scope",
        "_send",
        "_stamp",
        "_started",
        "received",
        "seconds",
        "sent",
        "status",
    )

    def __init__(self, scope: Scope, receive: Receive, send: Send, stamp: Header) -> None:
        self._scope, self._receive, self._send, self._stamp = scope, receive, send, stamp
        self._dialect = scope["state"]["dialect"] or "none"
        self.status = self.received = self.sent = 0
        self.seconds = 0.0
        known.REQUESTS_UNDER_WAY.add(1, self._dialect)
        self._started = time.perf_counter()

    async def receive(self) -> Message:
        message = await self._receive()
        self.received += len(message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), self._stamp]
        else:
            self.sent += len(message.get("body", b""))
        await self._send(message)

    def describe(self, span: Span) -> None:
        """Tell a trace what has passed; without the query, where signed URLs carry their secret."""
        state = self._scope["state"]
        route = state.get("route", "")
        attributes: dict[str, str | int] = {
            "http.request.method": self._scope["method"],
            "http.response.status_code": self.status,
            "http.request.body.size": self.received,
            "http.response.body.size": self.sent,
            "url.path": self._scope["path"],
            "client.address": state["client"],
            "consigne.dialect": self._dialect,
            "consigne.request_id": state["request_id"],
        }
        if route:
            attributes["http.route"] = route
        failed = self.status == 0 or self.status >= 500
        span.note(f"{self._scope['method']} {route}".rstrip(), attributes, failed=failed)

    def end(self) -> None:
        """Count what has passed."""
        self.seconds = time.perf_counter() - self._started
        method = self._scope["method"]
        if method not in _METHODS:
            method = "other"
        route = self._scope["state"].get("route", "other")
        status = f"{self.status // 100}xx" if self.status else "none"
        known.REQUESTS_UNDER_WAY.add(-1, self._dialect)
        known.REQUESTS.add(1, self._dialect, route, method, status)
        known.REQUEST_SECONDS.observe(self.seconds, self._dialect, route, method)
        if self.received:
            known.RECEIVED.add(self.received, self._dialect)
        if self.sent:
            known.SENT.add(self.sent, self._dialect)
