"""Archives that are made while they are sent."""

import asyncio
import io
import tracemalloc
import zipfile
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.types import Message

from consigne.errors import Corrupt
from consigne.http.zips import Entry, ZipDelivery

PIECE = 256 * 1024


class Source:
    """A content of so many pieces; ``bad`` is the one that is damaged."""

    etag, media_type, detected_type, name = '"x"', "text/plain", "text/plain", "a"
    modified_at, sha256, md5 = 1_700_000_000_000, bytes(32), bytes(16)

    def __init__(self, pieces: int, bad: int | None = None) -> None:
        self._pieces = pieces
        self._bad = bad
        self.size = pieces * PIECE

    async def stream(self, offset: int, length: int) -> AsyncIterator[bytes]:
        for number in range(self._pieces):
            if number == self._bad:
                raise Corrupt
            yield bytes([number % 251]) * PIECE

    async def small(self) -> bytes:
        raise AssertionError("archives are streamed")


async def delivered(
    zipped: ZipDelivery, sink: Any, method: str = "GET", headers: Any = ()
) -> list[Message]:
    """Send an archive, write its bytes into ``sink`` and return the other messages."""
    others: list[Message] = []

    async def send(message: Message) -> None:
        if body := message.get("body"):
            sink.write(body)
        else:
            others.append(message)

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    scope = {"type": "http", "method": method, "headers": headers}
    await zipped(scope, receive, send)
    return others


class Counting:
    """A sink that keeps nothing."""

    size = 0

    def write(self, data: bytes) -> None:
        self.size += len(data)
        assert len(data) < 4 * PIECE


async def test_constant_memory() -> None:
    """DY-75: a large archive passes through in pieces."""
    sink = Counting()
    zipped = ZipDelivery([Entry("a", Source(200)), Entry("b", Source(200))], "a.zip")
    tracemalloc.start()
    await delivered(zipped, sink)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sink.size > 400 * PIECE
    assert peak < 32 * PIECE


@pytest.mark.parametrize("limit", [zipfile.ZIP64_LIMIT, 1000])
async def test_zip64(monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    """DY-75: what is larger than 32 bits tell is ZIP64."""
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", limit)
    sink = io.BytesIO()
    await delivered(ZipDelivery([Entry("é.txt", Source(3)), Entry("b", Source(0))], "a.zip"), sink)
    data = sink.getvalue()
    assert (b"PK\x06\x06" in data) is (limit == 1000)
    with zipfile.ZipFile(sink) as archive:
        assert archive.testzip() is None
        assert [(each.filename, each.file_size) for each in archive.infolist()] == [
            ("é.txt", 3 * PIECE), ("b", 0),
        ]  # fmt: skip


async def test_damage() -> None:
    """C-22: a damaged first piece is an error answer; later damage cuts the archive short."""
    others: list[Message] = []
    for bad, begun in ((0, False), (2, True)):
        sink = io.BytesIO()
        with pytest.raises(Corrupt):
            others = await delivered(ZipDelivery([Entry("a", Source(5, bad))], "a.zip"), sink)
        assert bool(sink.getvalue()) is begun
        assert not zipfile.is_zipfile(sink)
    assert others == []


async def test_conditions_and_head() -> None:
    """DY-76: 304 while nothing has changed; HEAD has no body."""
    zipped = ZipDelivery([Entry("a", Source(1))], 'x".zip')
    tag = [(b"if-none-match", zipped.etag.encode())]
    sink = io.BytesIO()
    assert (await delivered(zipped, sink, headers=tag))[0]["status"] == 304
    start = (await delivered(zipped, sink, "HEAD"))[0]
    assert (start["status"], sink.getvalue()) == (200, b"")
    assert (b"content-type", b"application/zip") in start["headers"]
    other = ZipDelivery([Entry("b", Source(1))], "x.zip")
    assert other.etag != zipped.etag
