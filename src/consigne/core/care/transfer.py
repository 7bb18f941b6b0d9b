"""Bytes from one store to another, checked on both sides."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from consigne.blobs.bucket import Bucket
from consigne.core.care.pace import Pace
from consigne.errors import Corrupt, Unavailable
from consigne.model.entities import Content


async def transfer(source: Bucket, key: str, content: Content, target: Bucket, pace: Pace) -> str:
    """Write the bytes under ``key`` to another store and read them there; return their key there.

    Each block is compared as it is read, the whole with the content's SHA-256, and so once more
    from the target. Raises Corrupt where the source has something else or cannot read it; and
    StorageFull, OSError, and Unavailable where the target fails or does not give back what it took.
    """

    async def pieces() -> AsyncIterator[bytes]:
        blocks = source.read(key, content.size, content.block_size, content.blocks)
        while True:
            try:
                piece = await anext(blocks, None)
            except OSError as error:  # of the source: what the target raises is no damage
                raise Corrupt(key=key, problem="unreadable", block=None) from error
            if piece is None:
                return
            yield piece
            await pace(len(piece))

    async with await target.draft(pieces()) as draft:
        if draft.sha256 != content.sha256:
            raise Corrupt(key=key, problem="sha256", block=None)
        made = await draft.store()
    try:
        verdict = await target.verify(
            made, content.size, content.sha256, content.block_size, content.blocks
        )
        if not verdict.ok:
            raise Unavailable(f"What was written reads differently: {verdict.problem}.")
    except BaseException:
        await discard(target, made)
        raise
    return made


async def discard(bucket: Bucket, key: str) -> None:
    """Remove bytes that no row names; where that fails, fsck finds them."""
    with suppress(Exception):
        await asyncio.shield(bucket.delete(key))
