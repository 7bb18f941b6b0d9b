"""Request bodies as streams. Nothing here ever holds a body whose size has no limit.

* The client goes away or sends fewer bytes than announced: ``IncompleteBody``.
* No byte for longer than the idle timeout: ``TimedOut``. A slow body that moves is welcome.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any, TypeVar, overload

import msgspec
from starlette.datastructures import Headers
from starlette.requests import Request

from consigne.errors import (
    BadBody,
    BadHeader,
    BodyTooLarge,
    DigestMismatch,
    IncompleteBody,
    SizeMismatch,
    TimedOut,
)
from consigne.http.digests import hasher

IDLE_TIMEOUT = 60.0

_MAX_LENGTH_DIGITS = 18

T = TypeVar("T")


def declared_length(headers: Headers) -> int | None:
    """Return the Content-Length in bytes, or None where the length is not announced.

    Several equal values count as one (RFC 9110 §8.6); anything else that is not a number raises
    BadHeader. A chunked body has no announced length.
    """
    values = headers.getlist("content-length")
    if not values:
        return None
    distinct = {piece.strip() for value in values for piece in value.split(",")}
    text = distinct.pop()
    if distinct or not text.isascii() or not text.isdigit() or len(text) > _MAX_LENGTH_DIGITS:
        raise BadHeader("Content-Length is not a number.", parameter="Content-Length")
    return int(text)


async def raw_body(request: Request, idle_timeout: float = IDLE_TIMEOUT) -> AsyncIterator[bytes]:
    """Yield the body's bytes as they arrive, in non-empty pieces of the server's size.

    ``idle_timeout`` in seconds between two pieces. Raises IncompleteBody, TimedOut, SizeMismatch
    (more bytes than announced) and BadHeader. To be iterated once.
    """
    expected = declared_length(request.headers)
    receive, received, more = request.receive, 0, True
    while more:
        try:
            async with asyncio.timeout(idle_timeout):
                message = await receive()
        except TimeoutError:
            raise TimedOut("The request body stopped arriving.", received=received) from None
        if message["type"] == "http.disconnect":
            raise IncompleteBody(expected=expected, received=received)
        more = message.get("more_body", False)
        piece: bytes = message.get("body", b"")
        received += len(piece)
        if expected is not None and received > expected:
            raise SizeMismatch(expected=expected, actual=received)
        if piece:
            yield piece
    if expected is not None and received < expected:
        raise IncompleteBody(expected=expected, received=received)


async def read_limited(request: Request, limit: int, idle_timeout: float = IDLE_TIMEOUT) -> bytes:
    """Return a body of at most ``limit`` bytes; raises BodyTooLarge and as ``raw_body`` does."""
    expected = declared_length(request.headers)
    if expected is not None and expected > limit:
        raise BodyTooLarge(limit=limit, size=expected)
    body = bytearray()
    async for piece in raw_body(request, idle_timeout):
        body += piece
        if len(body) > limit:
            raise BodyTooLarge(limit=limit)
    return bytes(body)


@overload
async def read_json(request: Request, limit: int) -> Any: ...
@overload
async def read_json(request: Request, limit: int, type: type[T]) -> T: ...
async def read_json(request: Request, limit: int, type: Any = Any) -> Any:
    """Return a JSON body of at most ``limit`` bytes as ``type`` (anything msgspec knows).

    Raises BadBody for what is not JSON or not of that shape, and what ``read_limited`` raises.
    """
    return decode_json(await read_limited(request, limit), type)


def decode_json(data: bytes, type: Any = Any) -> Any:
    """Decode JSON into ``type``; raises BadBody with msgspec's reason."""
    try:
        return msgspec.json.decode(data, type=type)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadBody(f"The body is not the JSON expected: {error}") from None


async def verified(
    source: AsyncIterator[bytes], expected: Mapping[str, bytes]
) -> AsyncIterator[bytes]:
    """Pass a stream through and check its digests at the end (C-43).

    ``expected`` as ``digests.content_digests`` returns it. Raises DigestMismatch after the last
    piece, so whoever consumes this must not keep anything before the stream has ended. Hashing runs
    on the event loop: a piece is some 64 KiB, less work than handing it to a thread.
    """
    hashes = {name: hasher(name) for name in expected}
    async for piece in source:
        for running in hashes.values():
            running.update(piece)
        yield piece
    for name, running in hashes.items():
        if running.digest() != expected[name]:
            raise DigestMismatch(
                algorithm=name, expected=expected[name].hex(), actual=running.hexdigest()
            )
