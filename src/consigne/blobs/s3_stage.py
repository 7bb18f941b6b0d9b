"""A stage of the object store: a buffer, and behind it parts that are never written twice.

What is written waits in memory until a part is full, another place is written to, the process has
too much waiting, or ``flush``; then it becomes an object (``consigne.blobs.s3_parts``).

Order of a commit: send what waits → join the parts under a fresh content key, by the store's own
copying where they are long enough → key. Where a crash can come in between:

- before a part is answered: its bytes were never acknowledged;
- while parts are joined: a multi-part upload that nobody sees; ``S3Driver.stages`` lists it when
  it is a day old, and dropping it gives it up. The stage is whole, commit it again;
- after the join: a content that no row knows, for ``fsck``. The stage is whole.
"""

import asyncio
import errno
import secrets
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Protocol

from consigne.blobs.driver import KeyMissing
from consigne.blobs.s3_client import S3Client
from consigne.blobs.s3_parts import (
    LEAST_PIECE,
    MIB,
    Part,
    Piece,
    Segment,
    parse_part,
    part_name,
    pieces,
    segments,
)

PART = 8 * MIB
MOST_PIECES = 10_000
"""Of a multi-part upload (the S3 API)."""
MOST_COPIED = 4 << 30
"""The store copies up to 5 GiB in one request."""

_AT_ONCE = 4
_TOUCH_EVERY = 600.0


class Waiting:
    """How many bytes wait in the buffers of all the stages of a driver; ``limit`` is the most."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.bytes = 0


class Keeper(Protocol):
    """Who names contents and drops stages: the driver."""

    def fresh(self) -> tuple[str, str]:
        """Return a fresh content key and the object that it stands for."""

    async def drop_stage(self, name: str) -> None:
        """Delete all parts of a stage."""


class S3Stage:
    """A stage below ``folder`` that has ``parts`` already."""

    def __init__(
        self,
        keeper: Keeper,
        client: S3Client,
        name: str,
        folder: str,
        parts: list[Part],
        waiting: Waiting,
        *,
        part_size: int = PART,
        most_pieces: int = MOST_PIECES,
    ) -> None:
        self._keeper = keeper
        self._client = client
        self._name = name
        self._folder = folder
        self._parts = parts
        self._waiting = waiting
        self._part_size = part_size
        self._most_pieces = most_pieces
        self._next = max((part.number for part in parts), default=0) + 1
        self._nonce = secrets.token_hex(4)
        self._at = 0
        self._buffer = bytearray()
        self._gone = False
        self._touched = 0.0

    async def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        """Take ``data`` in; send a part when there is enough. Raises NoSpace, Unavailable."""
        if not self._at <= offset <= self._at + len(self._buffer):
            await self.flush()
        if not self._buffer:
            self._at = offset
        start, before = offset - self._at, len(self._buffer)
        self._buffer[start : start + len(data)] = data
        self._waiting.bytes += len(self._buffer) - before
        if len(self._buffer) >= self._part_size or self._waiting.bytes > self._waiting.limit:
            await self.flush()

    async def flush(self) -> None:
        """Send what waits; what has been sent is durable. Raises NoSpace, Unavailable."""
        if self._buffer:
            part = self._new_part(self._at, len(self._buffer))
            await self._client.put(self._folder + part.name, self._buffer)
            self._parts.append(part)
            self._forget_buffer()

    async def read(self, offset: int, length: int) -> bytes:
        """Return up to ``length`` bytes from ``offset``; what was never written is zeros.

        Raises Unavailable; OSError if the store has lost a part.
        """
        parts = self._parts
        if self._buffer:
            parts = [*parts, Part(self._next, self._at, len(self._buffer), "")]
        with _telling_lost():
            return await self._gather(segments(parts, offset, offset + length))

    async def take(self, source: str, offset: int, length: int) -> int:
        """Let the store copy an object in at ``offset`` if it has ``length`` bytes; return how many
        it has, or the copy has: another body may have come in between. Raises KeyMissing, NoSpace,
        Unavailable.
        """
        size = await self._client.size(source)
        if size != length or not size:
            return size
        part = self._new_part(offset, length)
        await self._client.copy(source, self._folder + part.name)
        size = await self._client.size(self._folder + part.name)
        if size == length:
            self._parts.append(part)
        else:
            await self._client.delete(self._folder + part.name)
        return size

    async def commit(self, size: int) -> str:
        """Send what waits, join the first ``size`` bytes, return their key.

        Raises NoSpace, Unavailable; OSError if bytes are missing, which the store has lost or a
        writer has left out: zeros in their place would be somebody's file.
        """
        await self.flush()
        made_of = segments(self._parts, 0, size)
        whole = sum(each.length for each in made_of) == size
        if not whole or any(each.part is None for each in made_of):
            raise OSError(errno.EIO, "the stage lacks bytes that were written to it")
        while len(pieces(made_of, LEAST_PIECE, MOST_COPIED)) > self._most_pieces:
            with _telling_lost():
                await self._compact(made_of)
            made_of = segments(self._parts, 0, size)
        key, target = self._keeper.fresh()
        with _telling_lost():
            await self._join(target, made_of)
        await self.close()
        return key

    async def discard(self) -> None:
        """Delete all parts, also those whose answer was lost. Raises Unavailable."""
        await self.close()
        if not self._gone:
            await self._keeper.drop_stage(self._name)
            self._parts = []
            self._gone = True

    async def close(self) -> None:
        """Forget what waits."""
        self._forget_buffer()

    def _new_part(self, offset: int, length: int) -> Part:
        # Counted before it is sent: one whose answer is lost lies below its repetition.
        part = parse_part(part_name(self._next, offset, length, self._nonce))
        assert part is not None
        self._next += 1
        return part

    def _forget_buffer(self) -> None:
        self._waiting.bytes -= len(self._buffer)
        self._buffer = bytearray()

    async def _gather(self, made_of: Sequence[Segment]) -> bytes:
        """Return the bytes of these segments."""
        got = []
        for segment in made_of:
            if segment.part is None:
                got.append(bytes(segment.length))
            elif not segment.part.name:
                got.append(bytes(self._buffer[segment.start : segment.start + segment.length]))
            else:
                name = self._folder + segment.part.name
                data = await self._client.get(name, segment.start, segment.length)
                if len(data) != segment.length:
                    raise OSError(errno.EIO, "a part of the stage is truncated")
                got.append(data)
        return got[0] if len(got) == 1 else b"".join(got)

    async def _compact(self, made_of: Sequence[Segment]) -> None:
        """Join runs of segments to longer parts, which lie over those that they replace."""
        at, run, length = 0, list[Segment](), 0
        for segment in [*made_of, None]:
            full = len(run) >= self._most_pieces or length >= MOST_COPIED - self._part_size
            if run and (segment is None or full):
                part = self._new_part(at, length)
                await self._join(self._folder + part.name, run)
                self._parts.append(part)
                at, run, length = at + length, [], 0
            if segment is not None:
                run.append(segment)
                length += segment.length

    async def _join(self, target: str, made_of: Sequence[Segment]) -> None:
        """Make one object of these segments."""
        only = made_of[0] if len(made_of) == 1 else None
        if only and only.part and only.length == only.part.length:
            await self._client.copy(self._folder + only.part.name, target)
        elif sum(each.length for each in made_of) <= LEAST_PIECE:
            await self._client.put(target, await self._gather(made_of))
        else:
            await self._join_pieces(target, pieces(made_of, LEAST_PIECE, MOST_COPIED))

    async def _join_pieces(self, target: str, planned: Sequence[Piece]) -> None:
        upload = await self._client.begin(target)
        etags = [""] * len(planned)
        left = iter(enumerate(planned))

        async def worker() -> None:
            for index, piece in left:
                etags[index] = await self._send_piece(target, upload, index + 1, piece)
                await self._touch()

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(_AT_ONCE, len(planned))):
                    group.create_task(worker())
            size = sum(piece.length for piece in planned)
            await self._client.complete(target, upload, etags, size)
        except BaseException as error:
            with suppress(Exception):  # what stopped us matters more
                await self._client.abort(target, upload)
            if isinstance(error, BaseExceptionGroup):
                raise error.exceptions[0] from error
            raise

    async def _send_piece(self, target: str, upload: str, number: int, piece: Piece) -> str:
        only = piece.segments[0]
        if piece.copied and only.part is not None:
            source = self._folder + only.part.name
            return await self._client.copied_piece(
                target, upload, number, source, only.start, only.length
            )
        return await self._client.piece(target, upload, number, await self._gather(piece.segments))

    async def _touch(self) -> None:
        """Show the sweeper, which goes by the newest part, that a long commit is under way."""
        now = time.monotonic()
        self._touched = self._touched or now
        if now - self._touched >= _TOUCH_EVERY:
            self._touched = now
            await self._client.put(self._folder + self._new_part(0, 0).name, b"")


@contextmanager
def _telling_lost() -> Iterator[None]:
    """Turn a part that is gone from the store into OSError, as of a medium that lost bytes."""
    try:
        yield
    except KeyMissing as error:
        raise OSError(errno.EIO, "a part of the stage is lost") from error
