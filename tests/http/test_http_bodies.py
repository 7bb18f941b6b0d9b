"""Bodies as streams: DX-16, DX-17, AM-13, C-43."""

import asyncio
import hashlib

import msgspec
import pytest
from http_support import pieces_of, request_of
from starlette.datastructures import Headers

from consigne import errors
from consigne.http.bodies import (
    declared_length,
    decode_json,
    raw_body,
    read_json,
    read_limited,
    verified,
)


async def collect(stream):
    return b"".join([piece async for piece in stream])


def lengths(*values):
    return Headers(raw=[(b"content-length", value.encode()) for value in values])


def test_declared_lengths():
    assert declared_length(lengths()) is None
    assert declared_length(lengths("12")) == 12
    assert declared_length(lengths("12", "12")) == 12
    assert declared_length(lengths("12, 12")) == 12
    for bad in (["-1"], ["+1"], ["1", "2"], ["x"], [""], ["1 2"], ["9" * 40]):
        with pytest.raises(errors.BadHeader):
            declared_length(lengths(*bad))


async def test_a_whole_body_passes():
    assert await collect(raw_body(request_of([b"ab", b"", b"c"]))) == b"abc"
    assert await collect(raw_body(request_of([b"abc"], {"Content-Length": "3"}))) == b"abc"


@pytest.mark.parametrize("headers", [{}, {"Content-Length": "9"}])
async def test_a_client_that_goes_away_leaves_an_incomplete_body(headers):
    """DX-16: shorter than announced, chunked or not."""
    with pytest.raises(errors.IncompleteBody):
        await collect(raw_body(request_of([b"abc"], headers, cut=True)))


async def test_too_few_and_too_many_bytes():
    with pytest.raises(errors.IncompleteBody):
        await collect(raw_body(request_of([b"abc"], {"Content-Length": "4"})))
    with pytest.raises(errors.SizeMismatch):
        await collect(raw_body(request_of([b"abc"], {"Content-Length": "2"})))


async def test_a_silent_client_times_out_and_a_slow_one_does_not():
    request = request_of([])

    async def slow():
        await asyncio.sleep(0.03)
        slow.left -= 1
        return {"type": "http.request", "body": b"x", "more_body": slow.left > 0}

    slow.left = 4
    request._receive = slow
    assert await collect(raw_body(request, idle_timeout=0.1)) == b"xxxx"
    request._receive = asyncio.Event().wait
    with pytest.raises(errors.TimedOut):
        await collect(raw_body(request, idle_timeout=0.02))


async def test_limits_hold_with_and_without_a_length():
    assert await read_limited(request_of([b"abc"]), 3) == b"abc"
    with pytest.raises(errors.BodyTooLarge):
        await read_limited(request_of([b"abc", b"d"]), 3)
    with pytest.raises(errors.BodyTooLarge) as caught:
        await read_limited(request_of([], {"Content-Length": "4"}), 3)
    assert caught.value.details == {"limit": 3, "size": 4}


class Point(msgspec.Struct):
    x: int


async def test_json_bodies():
    assert await read_json(request_of([b'{"x": ', b"1}"]), 100) == {"x": 1}
    assert await read_json(request_of([b'{"x":1}']), 100, Point) == Point(1)
    for bad in (b"", b"{", b'{"x":"1"}', b'"\xff"', b"[" * 100_000, b'{"y":1}'):
        with pytest.raises(errors.BadBody):
            decode_json(bad, Point)


async def test_a_digest_is_checked_at_the_end():
    """C-43: over the raw request content, whatever parses it."""
    data = b"hello world" * 10
    good = {"sha-256": hashlib.sha256(data).digest(), "md5": hashlib.md5(data).digest()}
    assert await collect(verified(pieces_of(data), good)) == data
    with pytest.raises(errors.DigestMismatch) as caught:
        await collect(verified(pieces_of(data), {"sha-256": bytes(32)}))
    assert caught.value.details["actual"] == good["sha-256"].hex()
