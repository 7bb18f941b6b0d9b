"""Sources and checks that the tests of blobs share."""

import hashlib
from collections.abc import AsyncIterator, Iterable

import xxhash

from consigne.blobs.bucket import Bucket
from consigne.blobs.draft import Draft
from consigne.testing.blobs import listed

Fields = tuple[str, int, int, bytes]


async def chunks(data: bytes, size: int = 65536) -> AsyncIterator[bytes]:
    """Yield ``data`` in chunks of ``size`` bytes."""
    for at in range(0, len(data), size):
        yield data[at : at + size]


async def pieces(parts: Iterable[bytes]) -> AsyncIterator[bytes]:
    """Yield ``parts``."""
    for part in parts:
        yield part


async def broken(data: bytes, error: BaseException) -> AsyncIterator[bytes]:
    """Yield ``data`` in chunks, then raise."""
    async for chunk in chunks(data):
        yield chunk
    raise error


def marks(data: bytes, size: int) -> bytes:
    """Block checksums by the definition."""
    starts = range(0, len(data), size)
    return b"".join(xxhash.xxh3_64(data[at : at + size]).digest() for at in starts)


def check(draft: Draft, data: bytes) -> None:
    """Hold a draft's measures against their definitions."""
    assert draft.size == len(data)
    assert draft.sha256 == hashlib.sha256(data).digest()
    assert draft.md5 == hashlib.md5(data).digest()
    assert draft.blocks == marks(data, draft.block_size)
    assert draft.head == data[:65536]


async def stored(bucket: Bucket, data: bytes) -> Fields:
    """Store ``data`` and return what ``read`` wants to know."""
    async with await bucket.draft(chunks(data)) as draft:
        return await draft.store(), draft.size, draft.block_size, draft.blocks


async def leftovers(bucket: Bucket) -> tuple[int, int]:
    """Count contents and stages."""
    return len(await listed(bucket.keys())), len(await listed(bucket.stages()))
