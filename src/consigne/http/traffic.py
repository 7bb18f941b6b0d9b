"""What passes in one exchange: its status, its bytes and its time, for the meters and the log."""

import time

from starlette.types import Message, Receive, Scope, Send

from consigne.http.fields import Header
from consigne.meters import known

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
