"""Deliver several contents as one zip archive, made while it is sent (``core.zips``).

There is no Content-Length and there are no ranges; a copy that a damaged content cuts short has no
end, and no client takes it for whole.
"""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from typing import NamedTuple

from starlette.types import Receive, Scope, Send

from consigne.core.zips import ZipStream
from consigne.http import conditions
from consigne.http.delivery import Reading, disconnected
from consigne.http.dispositions import render_disposition
from consigne.http.fields import Header, pick

_NO_RANGES = (b"accept-ranges", b"none")
_NOSNIFF = (b"x-content-type-options", b"nosniff")


class Entry(NamedTuple):
    """A content under its name in the archive."""

    name: str
    reading: Reading


class ZipDelivery:
    """An ASGI response that sends an archive called ``name``.

    ``headers``: more raw headers. Raises PreconditionFailed and, before the answer begins, Corrupt.
    """

    __slots__ = ("_entries", "_headers", "_media_type", "_name")

    def __init__(
        self,
        entries: Sequence[Entry],
        name: str,
        *,
        media_type: str = "application/zip",
        headers: Iterable[Header] = (),
    ) -> None:
        self._entries = entries
        self._name = name
        self._media_type = media_type
        self._headers = headers

    @property
    def etag(self) -> str:
        """A strong tag: the same names, contents and times make the same bytes."""
        told = hashlib.sha256()
        for name, reading in self._entries:
            line = f"{len(name.encode())}:{name}:{reading.modified_at}:{reading.sha256.hex()}\n"
            told.update(line.encode())
        return f'"{told.hexdigest()}"'

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        etag = self.etag
        headers: list[Header] = [(b"etag", etag.encode("ascii")), _NO_RANGES, *self._headers]
        fields = pick(scope["headers"], conditions.FIELDS)
        if fields:
            outcome = conditions.evaluate(fields, safe=True, etag=etag, modified_at=None)
            if outcome is conditions.Outcome.NOT_MODIFIED:
                await send({"type": "http.response.start", "status": 304, "headers": headers})
                await send({"type": "http.response.body", "body": b""})
                return
        shown = render_disposition("attachment", self._name).encode("ascii")
        headers += [
            (b"content-type", self._media_type.encode("ascii")),
            (b"content-disposition", shown),
            _NOSNIFF,
        ]
        start = {"type": "http.response.start", "status": 200, "headers": headers}
        if scope["method"] == "HEAD":
            await send(start)
            await send({"type": "http.response.body", "body": b""})
            return
        async with aclosing(self._pieces()) as pieces:
            piece = await anext(pieces)
            await send(start)
            gone = asyncio.ensure_future(disconnected(receive))
            try:
                while piece and not gone.done():
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                    piece = await anext(pieces, b"")
                if not gone.done():
                    await send({"type": "http.response.body", "body": b""})
            finally:
                gone.cancel()

    async def _pieces(self) -> AsyncGenerator[bytes, None]:
        archive = ZipStream()
        for name, reading in self._entries:
            async with aclosing(archive.add(name, reading)) as entry:
                async for piece in entry:
                    if piece:
                        yield piece
        yield archive.end()
