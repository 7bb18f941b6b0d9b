"""The one dispatcher: host check, client address, request id, exact first segment (C-07, C-40).

It stands before all dialects and knows none of them: a dialect declares its first segments and,
optionally, host names of its own. Everything that no dialect claims goes to the fallback.
"""

import itertools
import re
import secrets
from collections.abc import Awaitable, Callable, Container, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import structlog
from starlette.types import ASGIApp, Receive, Scope, Send

from consigne import tracing
from consigne.errors import BadHeader, ConsigneError, HostUnknown
from consigne.http.answers import Answer, problem
from consigne.http.proxies import TrustedProxies
from consigne.http.traffic import Traffic

Hook = Callable[[], Awaitable[None]]

LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "[::1]"})

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:+/=@-]{1,128}")
_TRACE = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?"
)
_HOST = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]{1,255}?)\.?(?::\d{0,5})?")

_access = structlog.get_logger("consigne.access")
_log = structlog.get_logger("consigne.http")


@dataclass(frozen=True)
class Dialect:
    """One language of the service. ``segments``: first path segments that are its own (``""`` is
    the root path); ``hosts``: host names, without port, on which it answers every path."""

    name: str
    segments: frozenset[str]
    app: ASGIApp
    hosts: frozenset[str] = frozenset()


class Dispatcher:
    """The ASGI application of a server process.

    ``allowed_hosts``: anything that says whether a lower-case host without port is in it (``*``
    allows all); hosts of dialects are allowed by themselves. ``trusted_proxies``: networks.
    ``startup`` runs in order, ``shutdown`` in reverse. Each request's ``scope["state"]`` gets
    ``request_id``, ``client`` (address as text), ``host`` (without port) and ``dialect`` (name).

    Raises ValueError where two dialects claim one segment or host.
    """

    def __init__(
        self,
        dialects: Sequence[Dialect],
        fallback: Dialect,
        *,
        allowed_hosts: Container[str] = LOOPBACK_HOSTS,
        trusted_proxies: Iterable[str] = (),
        startup: Sequence[Hook] = (),
        shutdown: Sequence[Hook] = (),
        access_log: bool = True,
    ) -> None:
        self._by_segment: dict[str, Dialect] = {}
        self._by_host: dict[str, Dialect] = {}
        for dialect in dict.fromkeys([*dialects, fallback]):
            _claim(self._by_segment, dialect.segments, dialect)
            _claim(self._by_host, dialect.hosts, dialect)
        self._fallback = fallback
        self._allowed_hosts = allowed_hosts
        self._any_host = "*" in allowed_hosts
        self._proxies = TrustedProxies(trusted_proxies)
        self._startup = startup
        self._shutdown = shutdown
        self._access_log = access_log
        # Request ids of our own: this process, then a running number.
        self._prefix, self._count = f"{secrets.token_hex(6)}-", itertools.count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._request(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        state = scope.setdefault("state", {})
        request_id = _sent_id(scope) or f"{self._prefix}{next(self._count):x}"
        id_header = (b"x-request-id", request_id.encode("ascii"))
        state["request_id"] = request_id
        peer = scope.get("client")
        state["client"] = self._proxies.client(peer[0], scope["headers"]) if peer else ""
        parent, trace = _trace_of(scope)
        with tracing.span(scope["method"], traceparent=parent) as span:
            about = {"request_id": request_id}
            if trace := span.trace_id or trace:
                about["trace_id"] = trace
            structlog.contextvars.bind_contextvars(**about)
            app, state["dialect"] = self._app_for(scope)
            traffic = Traffic(scope, receive, send, id_header)
            try:
                await app(scope, traffic.receive, traffic.send)
            finally:
                traffic.end()
                traffic.describe(span)
                if self._access_log:
                    _note(scope, traffic)

    def _app_for(self, scope: Scope) -> tuple[ASGIApp, str]:
        try:
            host = host_of(scope)
        except BadHeader as error:
            return _refusal(400, error), ""
        scope["state"]["host"] = host
        dialect = self._by_host.get(host)
        if dialect is None:
            if not self._any_host and host not in self._allowed_hosts:
                return _refusal(421, HostUnknown()), ""
            dialect = self._by_segment.get(first_segment(scope["path"]), self._fallback)
        return dialect.app, dialect.name

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        """Run the start-up hooks, wait, run the shut-down hooks; each side reports its failure."""
        await receive()
        if not await self._run(self._startup, "lifespan.startup", send):
            return
        await receive()
        await self._run(tuple(reversed(self._shutdown)), "lifespan.shutdown", send)

    async def _run(self, hooks: Sequence[Hook], phase: str, send: Send) -> bool:
        failure: Exception | None = None
        for hook in hooks:
            try:
                await hook()
            except Exception as error:
                _log.error(f"{phase}.failed", exc_info=error)
                failure = error
                if phase == "lifespan.startup":
                    break  # what comes next relies on it; a shut-down still tries the rest
        if failure is not None:
            await send({"type": f"{phase}.failed", "message": str(failure)})
            return False
        await send({"type": f"{phase}.complete"})
        return True


def _claim(table: dict[str, Dialect], words: Iterable[str], dialect: Dialect) -> None:
    for word in words:
        if table.setdefault(word, dialect) is not dialect:
            raise ValueError(f"{word!r} belongs to {table[word].name} already")


def first_segment(path: str) -> str:
    """Return what stands between the first slash and the second.

    >>> first_segment("/files"), first_segment("/files/1"), first_segment("/filesystem")
    ('files', 'files', 'filesystem')
    """
    end = path.find("/", 1)
    return path[1:] if end < 0 else path[1:end]


def host_of(scope: Scope) -> str:
    """Return the request's host in lower case, without port and final dot.

    Raises BadHeader where the header is missing, repeated or malformed (RFC 9112 §3.2).
    """
    values = [value for name, value in scope["headers"] if name == b"host"]
    host = _host_name(values[0]) if len(values) == 1 else None
    if host is None:
        raise BadHeader("The Host header is missing or malformed.", parameter="Host")
    return host


@lru_cache(maxsize=1024)
def _host_name(value: bytes) -> str | None:
    found = _HOST.fullmatch(value)
    return found[1].decode("ascii").lower() if found else None


def _sent_id(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            return str(value, "ascii")
    return None


def _trace_of(scope: Scope) -> tuple[str, str]:
    """Return the ``traceparent`` of a request (W3C Trace Context §3.2) and the trace that it names;
    both empty where there is none."""
    for name, value in scope["headers"]:
        if name == b"traceparent" and (found := _TRACE.fullmatch(value)):
            return str(value, "ascii", "replace"), str(found[1], "ascii")
    return "", ""


def _note(scope: Scope, traffic: Traffic) -> None:
    """Write the line of a request; its path alone: signed URLs carry their secret in the query."""
    state = scope["state"]
    _access.info(
        "request",
        client=state["client"],
        method=scope["method"],
        path=scope["path"],
        route=state.get("route", ""),
        status=traffic.status,
        dialect=state["dialect"],
        received=traffic.received,
        sent=traffic.sent,
        milliseconds=round(traffic.seconds * 1000, 1),
    )


def _refusal(status: int, error: ConsigneError) -> Answer:
    title = "Misdirected Request" if status == 421 else "Bad Request"
    return problem(status, title, detail=error.message, extensions={"code": error.code})
