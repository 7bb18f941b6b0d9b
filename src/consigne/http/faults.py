"""From refusals to answers: one table and one middleware per dialect (C-41).

The middleware is the outermost layer of a dialect but for CORS. Inside it use a ``Router`` of
Starlette, not a ``Starlette`` application: that one would answer 404 and 405 in its own words.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from consigne import errors
from consigne.errors import ConsigneError

# What is still read of a body that nobody wants, so that a client which only looks for the answer
# after sending finds it. Beyond either, the connection ends.
LINGER_BYTES = 1024 * 1024
LINGER_SECONDS = 1.0

Row = TypeVar("Row")
Render = Callable[[ConsigneError, Scope], ASGIApp]

_log = structlog.get_logger("consigne.http")


class FaultTable(Generic[Row]):
    """A dialect's rows by class of error. A class without a row takes its nearest ancestor's.

    ``Row`` is whatever the dialect renders from: a status, a status and a code, a function.
    """

    def __init__(self, rows: Mapping[type[ConsigneError], Row]) -> None:
        self._rows = dict(rows)
        self._found: dict[type[ConsigneError], Row] = {}

    def row(self, error: ConsigneError) -> Row:
        """Return the row for an error, or the row of Internal; KeyError where that is missing."""
        kind = type(error)
        try:
            return self._found[kind]
        except KeyError:
            row = self._found[kind] = self._lookup(kind)
            return row

    def missing(self) -> list[type[ConsigneError]]:
        """Return the classes of ``errors.leaves()`` without a row of their own or of a family."""
        return [kind for kind in errors.leaves() if not self._covered(kind)]

    def _covered(self, kind: type[ConsigneError]) -> bool:
        return any(c in self._rows for c in kind.__mro__ if c is not ConsigneError)

    def _lookup(self, kind: type[ConsigneError]) -> Row:
        for ancestor in kind.__mro__:
            if ancestor in self._rows:
                return self._rows[ancestor]
        return self._rows[errors.Internal]


class FaultMiddleware:
    """Answer every exception of a dialect's application in the dialect's own words.

    ``render(error, scope)`` returns an ASGI response. Exceptions that are no ConsigneError are
    logged with the request id and rendered as Internal. Once an answer has begun an exception can
    only end the connection: it is raised again, and the server closes short of Content-Length.
    """

    def __init__(self, app: ASGIApp, render: Render) -> None:
        self._app = app
        self._render = render

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # A router raises its 404 and 405 only where it believes to be inside an application.
        scope.setdefault("app", self)
        exchange = _Exchange(receive, send)
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except Exception as exception:
            error = translate(exception)
            if isinstance(error, errors.Internal):
                _log.error("request.failed", **_about(scope), exc_info=exception)
            if exchange.started:
                raise
            await exchange.answer(self._render(error, scope), scope)


def translate(exception: Exception) -> ConsigneError:
    """Return the refusal that stands for any exception of an application."""
    if isinstance(exception, ConsigneError):
        return exception
    if isinstance(exception, ClientDisconnect):
        return errors.IncompleteBody()
    if isinstance(exception, HTTPException):
        if exception.status_code == 404:
            return errors.RouteNotFound()
        if exception.status_code == 405:
            allow = (exception.headers or {}).get("Allow", "")
            allowed = sorted(name.strip() for name in allow.split(",") if name.strip())
            return errors.MethodNotAllowed(allowed=allowed)
        if 400 <= exception.status_code < 500:
            return errors.BadParameter(str(exception.detail))
    return errors.Internal()


class _Exchange:
    """One request's receive and send, remembering how far each has come."""

    __slots__ = ("_more", "_receive", "_received", "_send", "started")

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._more = True
        self._received = 0
        self.started = False

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._more = message.get("more_body", False)
            self._received += len(message.get("body", b""))
        else:
            self._more = False
        return message

    async def send(self, message: Message) -> None:
        self.started = True
        await self._send(message)

    async def answer(self, response: ASGIApp, scope: Scope) -> None:
        """Send an answer; where much of the body is still to come, make it the last one."""
        closing = self._more and self._is_long(scope)

        async def send(message: Message) -> None:
            if closing and message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
            if closing and message["type"] == "http.response.body" and not message.get("more_body"):
                # The answer is out before its last message: that one makes the server close, and
                # closing on unread bytes would reset the connection under the answer.
                await self._send({**message, "more_body": True})
                await self._linger()
                message = {"type": "http.response.body", "body": b""}
            await self._send(message)

        await response(scope, self._receive, send)

    def _is_long(self, scope: Scope) -> bool:
        """Tell whether the rest of the body is too long, or too unsure, to be read away.

        Short rests are dropped by the server's own guard (``protocol``) and keep the connection. A
        client that waits for 100 Continue may send no body at all, so that its next request could
        not be told from one.
        """
        length: int | None = 0
        for name, value in scope["headers"]:
            if name == b"expect":
                return True
            if name == b"transfer-encoding":
                length = None
            elif name == b"content-length" and length is not None:
                length = int(value) if value.isdigit() else None
        return length is None or length - self._received > LINGER_BYTES

    async def _linger(self) -> None:
        left = LINGER_BYTES
        try:
            async with asyncio.timeout(LINGER_SECONDS):
                while self._more and left > 0:
                    before = self._received
                    await self.receive()
                    left -= self._received - before
        except TimeoutError:
            pass


def _about(scope: Scope) -> dict[str, str]:
    state = scope.get("state") or {}
    return {
        "request_id": state.get("request_id", ""),
        "method": scope["method"],
        "path": scope["path"],
    }
