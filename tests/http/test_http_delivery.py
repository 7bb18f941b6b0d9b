"""Deliveries: AM-24, DX-29, DY-32, C-22, C-25."""

import asyncio
import hashlib
from dataclasses import dataclass

import pytest
from http_support import call
from hypothesis import given
from hypothesis import strategies as st

from consigne import errors
from consigne.http.dates import http_date
from consigne.http.delivery import ONE_BLOCK, Delivery
from consigne.http.digests import render_digests

NOW = 1_700_000_000_000


@dataclass
class Content:
    data: bytes
    media_type: str = "image/png"
    detected_type: str | None = "image/png"
    name: str = "a.png"
    modified_at: int = NOW
    damaged_at: int | None = None
    block: int = 64 * 1024
    closed: bool = False

    @property
    def size(self):
        return len(self.data)

    @property
    def sha256(self):
        return hashlib.sha256(self.data).digest()

    @property
    def md5(self):
        return hashlib.md5(self.data).digest()

    @property
    def etag(self):
        return f'"{self.sha256.hex()}"'

    async def stream(self, offset, length):
        try:
            for start in range(offset, offset + length, self.block):
                end = min(start + self.block, offset + length)
                if self.damaged_at is not None and start <= self.damaged_at < end:
                    raise errors.Corrupt
                await asyncio.sleep(0)
                yield self.data[start:end]
        finally:
            self.closed = True

    async def small(self):
        assert self.size <= ONE_BLOCK
        if self.damaged_at is not None:
            raise errors.Corrupt
        return self.data


SMALL = Content(bytes(range(256)) * 4)
LARGE = Content(bytes(range(256)) * 4096)


@pytest.mark.parametrize("content", [SMALL, LARGE, Content(b"")])
async def test_the_whole(content):
    got = await call(Delivery(content, inline=True, headers=[(b"cache-control", b"private")]))
    assert (got.status, got.body, got.complete) == (200, content.data, True)
    assert got.headers == {
        "content-type": "image/png",
        "content-length": str(content.size),
        "content-disposition": 'inline; filename="a.png"',
        "x-content-type-options": "nosniff",
        "etag": content.etag,
        "last-modified": http_date(NOW),
        "accept-ranges": "bytes",
        "cache-control": "private",
    }


async def test_head_reads_nothing():
    content = Content(b"x" * (ONE_BLOCK + 1), damaged_at=0)
    got = await call(Delivery(content), "HEAD", headers={"Range": "bytes=0-1"})
    assert (got.status, got.body) == (200, b"")
    assert got.headers["content-length"] == str(ONE_BLOCK + 1)


@given(st.data())
async def test_one_range(data):
    content = data.draw(st.sampled_from([SMALL, LARGE]))
    first = data.draw(st.integers(0, content.size - 1))
    last = data.draw(st.integers(first, content.size - 1))
    got = await call(Delivery(content), headers={"Range": f"bytes={first}-{last}"})
    assert (got.status, got.body) == (206, content.data[first : last + 1])
    assert got.headers["content-range"] == f"bytes {first}-{last}/{content.size}"
    assert got.headers["content-length"] == str(len(got.body))


async def test_several_ranges_are_the_whole_unless_wanted():
    """AM-24: several 200 whole."""
    got = await call(Delivery(LARGE), headers={"Range": "bytes=0-1,5-6"})
    assert (got.status, got.body) == (200, LARGE.data)


@pytest.mark.parametrize("content", [SMALL, LARGE])
async def test_multipart_byteranges(content):
    got = await call(Delivery(content, multi=True), headers={"Range": "bytes=0-3,100-199,-4"})
    assert got.status == 206
    assert got.headers["content-length"] == str(len(got.body))
    kind, _, boundary = got.headers["content-type"].partition("; boundary=")
    assert kind == "multipart/byteranges"
    sections = got.body.split(b"--" + boundary.encode())
    assert sections[-1] == b"--\r\n"
    spans = [(0, 4), (100, 200), (content.size - 4, content.size)]
    for section, (start, end) in zip(sections[1:-1], spans, strict=True):
        head, _, body = section.partition(b"\r\n\r\n")
        assert body == content.data[start:end] + b"\r\n"
        assert f"Content-Range: bytes {start}-{end - 1}/{content.size}".encode() in head


async def test_unsatisfiable():
    with pytest.raises(errors.RangeNotSatisfiable) as caught:
        await call(Delivery(SMALL), headers={"Range": "bytes=5000-"})
    assert caught.value.details["size"] == SMALL.size


async def test_conditions():
    """AM-24, DY-32: 304 and 412."""
    got = await call(Delivery(SMALL), headers={"If-None-Match": SMALL.etag})
    assert (got.status, got.body) == (304, b"")
    assert got.headers["etag"] == SMALL.etag
    assert "content-length" not in got.headers
    with pytest.raises(errors.PreconditionFailed):
        await call(Delivery(SMALL), headers={"If-Match": '"x"'})


async def test_if_range():
    fresh = {"Range": "bytes=0-1", "If-Range": SMALL.etag}
    assert (await call(Delivery(SMALL), headers=fresh)).status == 206
    stale = {"Range": "bytes=9999-", "If-Range": '"old"'}
    assert (await call(Delivery(SMALL), headers=stale)).status == 200


async def test_a_digest_when_wanted():
    got = await call(Delivery(SMALL), headers={"Want-Repr-Digest": "sha-512=10, sha-256=3"})
    assert got.headers["repr-digest"] == render_digests({"sha-256": SMALL.sha256})


@pytest.mark.parametrize("headers", [{}, {"Range": "bytes=0-99"}, {"Range": "bytes=0-99,200-300"}])
@pytest.mark.parametrize("size", [5000, ONE_BLOCK * 3])
async def test_a_damaged_start_is_an_error_answer(headers, size):
    """C-25: nothing was sent, so the dialect can say 5xx."""
    content = Content(b"x" * size, damaged_at=0)
    with pytest.raises(errors.Corrupt) as caught:
        await call(Delivery(content, multi=True), headers=headers)
    assert caught.value.got.status == 0


async def test_damage_found_later_cuts_the_answer_short():
    content = Content(b"x" * (ONE_BLOCK * 3), damaged_at=ONE_BLOCK * 2)
    with pytest.raises(errors.Corrupt) as caught:
        await call(Delivery(content))
    got = caught.value.got
    assert got.status == 200
    assert not got.complete
    assert len(got.body) < int(got.headers["content-length"])


@pytest.mark.parametrize("extra", [-1, 1])
async def test_a_store_that_gives_another_number_of_bytes_is_corrupt(extra):
    class Odd(Content):
        async def stream(self, offset, length):
            yield b"x" * (length + extra)

    with pytest.raises(errors.Corrupt) as caught:
        await call(Delivery(Odd(b"x" * (ONE_BLOCK + 1))))
    assert not caught.value.got.complete


async def test_a_client_that_goes_away_stops_the_reading():
    content = Content(b"x" * ONE_BLOCK * 64)
    got = await call(Delivery(content), cut=True)
    assert len(got.body) < content.size
    assert content.closed
