"""Deliver a content: GET and HEAD with conditions, ranges and safe headers (RFC 9110 §13, §14).

The first piece is read before the answer begins, so that a damaged start is an error answer in the
dialect's words. Damage found later cuts the connection short of Content-Length: the exception goes
up, the server closes, and no client can take the part for the whole.

Where a dialect's clients bear it, a large content is answered by a redirect to the store instead.
"""

import asyncio
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable
from contextlib import aclosing
from typing import Protocol

import structlog
from starlette.types import Receive, Scope, Send

from consigne.errors import Corrupt
from consigne.http import conditions
from consigne.http.dates import http_date
from consigne.http.digests import render_digests, wanted_digests
from consigne.http.dispositions import bare_headers, safe_headers, safe_media_type
from consigne.http.fields import Header, pick
from consigne.http.ranges import Range, content_range, if_range_holds, parse_ranges

# Contents up to this size are one checked block and are sent as one piece.
ONE_BLOCK = 256 * 1024

REDIRECT_LIFE = 300
"""Seconds in which a client follows a redirect; a transfer that has begun may end later."""

Away = Callable[[str, str, int], Awaitable[str | None]]
"""Gives the URL of a content elsewhere for a type, a disposition and a number of seconds."""

_FIELDS = conditions.FIELDS | {b"range", b"if-range", b"want-repr-digest"}
_ACCEPT_RANGES = (b"accept-ranges", b"bytes")

_log = structlog.get_logger("consigne.http")


class Reading(Protocol):
    """What the core hands out for reading. ``etag`` is strong and quoted, ``modified_at`` in
    milliseconds since 1970, ``media_type`` the type to declare, ``detected_type`` the one found in
    the bytes (None: nobody looked)."""

    @property
    def size(self) -> int: ...
    @property
    def etag(self) -> str: ...
    @property
    def media_type(self) -> str: ...
    @property
    def detected_type(self) -> str | None: ...
    @property
    def name(self) -> str: ...
    @property
    def modified_at(self) -> int: ...
    @property
    def sha256(self) -> bytes: ...
    @property
    def md5(self) -> bytes: ...

    def stream(self, offset: int, length: int) -> AsyncIterator[bytes]:
        """Yield checked pieces of exactly these bytes; raises Corrupt."""

    async def small(self) -> bytes:
        """Return a whole content of at most ONE_BLOCK bytes, checked; raises Corrupt."""


class Delivery:
    """An ASGI response that sends a reading.

    ``inline``: show it in the browser if it is passive. ``multi``: several ranges are answered as
    ``multipart/byteranges``, else with the whole content. ``headers``: more raw headers, such as
    Cache-Control; ``away``: where a GET of more than one block may be sent on to. Raises
    PreconditionFailed, RangeNotSatisfiable and, before the answer begins,
    Corrupt.
    """

    __slots__ = ("_away", "_headers", "_inline", "_multi", "_reading")

    def __init__(
        self,
        reading: Reading,
        *,
        inline: bool = False,
        multi: bool = False,
        headers: Iterable[Header] = (),
        away: Away | None = None,
    ) -> None:
        self._reading = reading
        self._away = away
        self._inline = inline
        self._multi = multi
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        reading = self._reading
        fields = pick(scope["headers"], _FIELDS)
        headers: list[Header] = [
            (b"etag", reading.etag.encode("ascii")),
            (b"last-modified", http_date(reading.modified_at).encode("ascii")),
            _ACCEPT_RANGES,
            *self._headers,
        ]
        ranges = None
        if fields:
            outcome = conditions.evaluate(
                fields, safe=True, etag=reading.etag, modified_at=reading.modified_at
            )
            if outcome is conditions.Outcome.NOT_MODIFIED:
                await _start(send, 304, headers)
                await send({"type": "http.response.body", "body": b""})
                return
            ranges = self._ranges(fields) if scope["method"] == "GET" else None
            headers += self._digest_header(fields)
        if self._away is not None and scope["method"] == "GET" and reading.size > ONE_BLOCK:
            url = await self._away(*bare_headers_of(reading, self._inline), REDIRECT_LIFE)
            if url is not None:
                await _redirect(send, url)
                return
        safe = safe_headers(reading.media_type, reading.detected_type, reading.name, self._inline)
        headers += safe
        if ranges is None:
            await self._whole(scope, receive, send, headers)
        elif len(ranges) == 1:
            await self._single(receive, send, headers, ranges[0])
        else:
            await self._several(receive, send, headers, ranges)

    def _ranges(self, fields: dict[str, str]) -> list[Range] | None:
        reading = self._reading
        if "range" not in fields:
            return None
        if not if_range_holds(fields.get("if-range"), reading.etag, reading.modified_at):
            return None
        ranges = parse_ranges(fields["range"], reading.size)
        return ranges if ranges is None or len(ranges) == 1 or self._multi else None

    def _digest_header(self, fields: dict[str, str]) -> list[Header]:
        ours = {"sha-256": self._reading.sha256, "md5": self._reading.md5}
        names = [name for name in wanted_digests(fields.get("want-repr-digest")) if name in ours]
        if not names:
            return []
        return [(b"repr-digest", render_digests({names[0]: ours[names[0]]}).encode("ascii"))]

    async def _whole(
        self, scope: Scope, receive: Receive, send: Send, headers: list[Header]
    ) -> None:
        size = self._reading.size
        headers.append((b"content-length", b"%d" % size))
        if scope["method"] == "HEAD" or size == 0:
            await _start(send, 200, headers)
            await send({"type": "http.response.body", "body": b""})
        elif size <= ONE_BLOCK:
            body = await self._reading.small()
            await _start(send, 200, headers)
            await send({"type": "http.response.body", "body": body})
        else:
            await self._flow(receive, send, 200, headers, self._bytes(Range(0, size)), size)

    async def _single(
        self, receive: Receive, send: Send, headers: list[Header], part: Range
    ) -> None:
        reading = self._reading
        headers.append((b"content-range", content_range(part, reading.size).encode("ascii")))
        headers.append((b"content-length", b"%d" % part.length))
        if reading.size <= ONE_BLOCK:
            body = (await reading.small())[part.offset : part.offset + part.length]
            await _start(send, 206, headers)
            await send({"type": "http.response.body", "body": body})
        else:
            await self._flow(receive, send, 206, headers, self._bytes(part), part.length)

    async def _several(
        self, receive: Receive, send: Send, headers: list[Header], ranges: list[Range]
    ) -> None:
        """Send multipart/byteranges (RFC 9110 §14.6)."""
        boundary = secrets.token_hex(16)
        media_type = safe_media_type(self._reading.media_type)
        heads = [
            (
                f"\r\n--{boundary}\r\nContent-Type: {media_type}\r\n"
                f"Content-Range: {content_range(part, self._reading.size)}\r\n\r\n"
            ).encode("ascii")
            for part in ranges
        ]
        tail = f"\r\n--{boundary}--\r\n".encode("ascii")
        length = sum(map(len, heads)) + sum(part.length for part in ranges) + len(tail)
        kind = f"multipart/byteranges; boundary={boundary}".encode("ascii")
        headers = [header for header in headers if header[0] != b"content-type"]
        headers += [(b"content-type", kind), (b"content-length", b"%d" % length)]

        async def pieces() -> AsyncGenerator[bytes, None]:
            for head, part in zip(heads, ranges, strict=True):
                lead = head
                async for piece in self._bytes(part):
                    # Head and first bytes go together: nothing is sent before bytes are checked.
                    yield lead + piece if lead else piece
                    lead = b""
            yield tail

        await self._flow(receive, send, 206, headers, pieces(), length)

    async def _bytes(self, part: Range) -> AsyncGenerator[bytes, None]:
        """Yield exactly the bytes of a range; a store that gives more or fewer is Corrupt."""
        left, source = part.length, self._reading.stream(part.offset, part.length)
        try:
            async for piece in source:
                left -= len(piece)
                if left < 0:
                    break
                yield piece
        finally:
            # Handles of the store are let go now, not when the garbage collector comes by.
            if isinstance(source, AsyncGenerator):
                await source.aclose()
        if left:
            raise Corrupt("The stored content has another size than its row.")

    async def _flow(
        self,
        receive: Receive,
        send: Send,
        status: int,
        headers: list[Header],
        pieces: AsyncGenerator[bytes, None],
        length: int,
    ) -> None:
        """Send a body in pieces, the first of which is read before the answer begins."""
        sent = 0
        async with aclosing(pieces):
            piece = await anext(pieces)
            await _start(send, status, headers)
            gone = asyncio.ensure_future(disconnected(receive))
            try:
                while not gone.done():
                    sent += len(piece)
                    more = sent < length
                    await send({"type": "http.response.body", "body": piece, "more_body": more})
                    if not more:
                        break
                    piece = await anext(pieces)
            except Corrupt:
                _log.error("delivery.cut", etag=self._reading.etag, sent=sent, length=length)
                raise
            finally:
                gone.cancel()


def bare_headers_of(reading: Reading, inline: bool) -> tuple[str, str]:
    """Return type and disposition of a reading for a server that sends no other headers."""
    return bare_headers(reading.media_type, reading.detected_type, reading.name, inline)


async def _redirect(send: Send, url: str) -> None:
    """Send the client on; the URL is for it alone and ends soon."""
    headers = [(b"location", url.encode("ascii")), (b"cache-control", b"no-store")]
    await _start(send, 307, [*headers, (b"content-length", b"0")])
    await send({"type": "http.response.body", "body": b""})


async def _start(send: Send, status: int, headers: list[Header]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})


async def disconnected(receive: Receive) -> None:
    """Return when the client has gone; the server would swallow what is sent to it in silence."""
    while (await receive())["type"] != "http.disconnect":
        pass
