"""Uvicorn's HTTP protocol with the limits that it lacks.

Rules:

* header lines together at most ``header_bytes`` and ``header_count`` lines: 431, close
* request target at most ``url_bytes``: 414, close
* a request's head arrives within ``head_seconds`` of its first byte (and the first one of a
  connection within that time): 408, close; a silent connection is closed without a word
* bytes that make the parser say nothing (an endless header, trailer or chunk extension) count as
  header bytes
* an offer to upgrade is ignored (RFC 9110 §7.8), CONNECT is refused
* interim responses can be sent (``INTERIM``), which ASGI does not know; not through a proxy, as
  common ones (nginx) take the first they hear for the answer
* trailers are kept apart (``TRAILERS``): they must not pass for header fields after all checks are
  done
* what a client still sends after its answer is dropped up to ``linger_bytes`` and for
  ``linger_seconds``, then the connection ends
* a client that takes none of its answer for ``stall_seconds`` is cut off

And the head of an answer leaves together with the first bytes of its body.
"""

import asyncio
import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)
from uvicorn.server import ServerState

from consigne.http.fields import Header
from consigne.http.proxies import BY_PROXY

TRAILERS = "trailers"
"""Key of ``scope["state"]`` under which the fields after a chunked body stand once it has ended: a
list of (lower-case name, value)."""

INTERIM = "interim"
"""Key of ``scope["state"]`` under which an ``Interim`` stands, where there can be one."""

Interim = Callable[[int, bytes, Iterable[Header]], bool]
"""Sends an interim response (RFC 9110 §15.2): status, phrase, fields. False where none can be sent:
to HTTP/1.0, after the answer has begun, to a client that does not read."""

_CONTINUE = b"HTTP/1.1 100 "
_UPGRADING = (b"upgrade", b"http2-settings")


@dataclass(frozen=True)
class Limits:
    """Bounds of one connection; bytes, lines and seconds."""

    header_bytes: int = 64 * 1024
    header_count: int = 100
    url_bytes: int = 16 * 1024
    head_seconds: float = 30.0
    linger_bytes: int = 1024 * 1024
    linger_seconds: float = 2.0
    stall_seconds: float = 60.0


class _Refused(Exception):
    """Raised in a parser callback; ``args[0]`` is the status."""


def limited_protocol(limits: Limits) -> type[HttpToolsProtocol]:
    """Return the protocol class with these limits, for uvicorn's ``http`` setting."""

    class Protocol(LimitedProtocol):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, limits=limits, **kwargs)

    return Protocol


class _Together:
    """A transport for one exchange that keeps the head of its answer until the first bytes of the
    body come, or until the event loop's next turn: a small answer is then one system call, and one
    packet, where uvicorn makes two."""

    __slots__ = ("_head", "_loop", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._head: bytes | None = None  # empty once it is sent

    def write(self, data: bytes) -> None:
        if self._head:
            head, self._head = self._head, b""
            self._transport.writelines((head, data))
        elif self._head is None and not data.startswith(_CONTINUE):
            self._head = data
            self._loop.call_soon(self._flush)
        else:
            self._transport.write(data)

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._head:
            head, self._head = self._head, b""
            if not self._transport.is_closing():
                self._transport.write(head)


class LimitedProtocol(HttpToolsProtocol):
    """One connection. The state added to uvicorn's: are we in a head, and how much came in it."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        limits: Limits,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._limits = limits
        self._in_head = True
        self._head_bytes = 0
        self._silent_bytes = 0  # received since a head or a piece of a body was complete
        self._surplus_bytes = 0
        self._refusal = 400
        self._deadline: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._deadline = self.loop.call_later(self._limits.head_seconds, self._head_overdue)

    def connection_lost(self, exc: Exception | None) -> None:
        self._clear_deadline()
        self.resume_writing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._silent_bytes += len(data)
        self._unset_keepalive_if_required()
        self._feed(data)
        if self.transport.is_closing():
            return
        if self._silent_bytes > self._limits.header_bytes:
            self._refuse(431)
        elif self._deadline is None and (self.cycle is None or self.cycle.response_complete):
            # No answer is being made and yet bytes arrive: a head, or a body that nobody reads.
            # Uvicorn has just stopped its keep-alive timer, so without this one nothing ends it.
            if self._in_head:
                self._set_deadline(self._limits.head_seconds, self._head_overdue)
            else:
                self._set_deadline(self._limits.linger_seconds, self.transport.close)

    def _feed(self, data: bytes) -> None:
        """Parse; where a request offers an upgrade, parse it again as one that does not.

        The parser takes what follows such a head for another protocol and ends the request there,
        so that its body would be lost. Java's HttpClient offers h2c with every request.
        """
        rest: memoryview | None = memoryview(data)
        try:
            while rest is not None:
                rest = self._parse(rest)
        except httptools.HttpParserError:
            self._refuse(self._refusal)

    def _parse(self, data: memoryview) -> memoryview | None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._replay_head()
            return data[upgrade.args[0] :]
        return None

    def _replay_head(self) -> None:
        version = self.parser.get_http_version().encode("ascii")
        lines = [b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, version)]
        for name, value in self.headers:
            if name == b"connection":
                tokens = (token.strip() for token in value.split(b","))
                value = b", ".join(token for token in tokens if token.lower() not in _UPGRADING)
            if name not in _UPGRADING:
                lines.append(name + b": " + value)
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self.parser.feed_data(b"\r\n".join([*lines, b"", b""]))

    # Parser callbacks

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_bytes = 0
        self._surplus_bytes = 0

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > self._limits.url_bytes:
            self._refusal = 414
            raise _Refused(414)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_bytes += len(name) + len(value) + 4
        if self._head_bytes > self._limits.header_bytes or (
            self._in_head and len(self.headers) >= self._limits.header_count
        ):
            self._refusal = 431
            raise _Refused(431)
        if self._in_head:
            super().on_header(name, value)
        else:
            self.scope["state"].setdefault(TRAILERS, []).append((name.lower(), value))

    def on_headers_complete(self) -> None:
        if self.parser.should_upgrade():
            if self.parser.get_method() == b"CONNECT":
                raise _Refused(400)
            return  # ``_feed`` comes again without the offer
        self._in_head = False
        self._silent_bytes = 0
        self._clear_deadline()
        super().on_headers_complete()
        if not any(name in BY_PROXY for name, _ in self.headers):
            # Weak, or every exchange would be a circle that only the garbage collector ends.
            self.scope["state"][INTERIM] = partial(self._send_interim, weakref.ref(self.cycle))
        together = _Together(self.transport, self.loop)
        self.cycle.transport = cast(asyncio.Transport, together)

    def on_body(self, body: bytes) -> None:
        self._silent_bytes = 0
        if self.cycle.response_complete:
            self._surplus_bytes += len(body)
            if self._surplus_bytes > self._limits.linger_bytes:
                self.transport.close()
        super().on_body(body)

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            return
        self._in_head = True
        self._silent_bytes = 0
        self._clear_deadline()
        super().on_message_complete()

    def _send_interim(
        self,
        exchange: weakref.ref[RequestResponseCycle],
        status: int,
        phrase: bytes,
        fields: Iterable[Header],
    ) -> bool:
        cycle = exchange()
        can_be_sent = (
            cycle is not None
            and cycle.scope["http_version"] == "1.1"
            and not cycle.response_started
            and not cycle.disconnected
            and not self.flow.write_paused
            and not self.transport.is_closing()
        )
        if can_be_sent:
            lines = [b"HTTP/1.1 %d %s" % (status, phrase)]
            lines += [name + b": " + value for name, value in fields]
            self.transport.write(b"\r\n".join([*lines, b"", b""]))
        return can_be_sent

    # Ends

    def _refuse(self, status: int) -> None:
        """Say why and close. An answer that is under way is cut instead: a second status line in
        the middle of it would be taken for its content."""
        cycle = self.cycle
        if cycle is None or cycle.response_complete or not cycle.response_started:
            if cycle is not None and not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()
            self.transport.write(
                STATUS_LINE[status] + b"content-length: 0\r\nconnection: close\r\n\r\n"
            )
        self.transport.close()

    def _head_overdue(self) -> None:
        self._deadline = None
        if self.transport.is_closing():
            return
        if self._silent_bytes or self._head_bytes:
            self._refuse(408)
        else:
            self.transport.close()

    def _set_deadline(self, seconds: float, action: Any) -> None:
        self._deadline = self.loop.call_later(seconds, action)

    def _clear_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    # Flow of the answer

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._stall is None:
            self._stall = self.loop.call_later(self._limits.stall_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None
        super().resume_writing()
