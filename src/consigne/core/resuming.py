"""Uploads that grow at an offset: bytes in pieces of any size, none of them numbered.

A session is complete when its announced bytes are all there (tus 1.0), or when its sender says so
(Resumable Uploads for HTTP): whoever calls knows which of the two its protocol has.

The bytes of a request are made durable and counted segment by segment, so that memory is constant
and an interrupted request leaves all that came before the cut: what a session has ``received`` is
on stable storage, always. A request whose bytes carry a digest counts wholly or not at all.

One request at a time writes, under the session's lease (``core.leases``). Whoever comes next, in
whichever process, asks the present writer to give way: a client that has lost its connection, and
whose old request still waits for bytes, does not have to wait for itself. What the old request has
brought is counted before the new one begins, and nothing of it is written after that.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping
from contextlib import aclosing, asynccontextmanager

from consigne.blobs.bucket import Bucket
from consigne.catalog import spaces, uploads
from consigne.catalog.engine import Catalog, Tx
from consigne.core.access import Seat
from consigne.core.clock import now_ms
from consigne.core.entry import Source, check_digests, entry_of
from consigne.core.quota import Reservation
from consigne.core.sessions import Progress, book, count_part
from consigne.core.uploads import Uploads
from consigne.errors import (
    BadParameter,
    Busy,
    ChunkOutOfOrder,
    ConsigneError,
    FileNotFound,
    FileTooLarge,
    SizeMismatch,
    UploadComplete,
    UploadNotFound,
)
from consigne.model.entities import Part, State, Upload, UploadState
from consigne.model.rights import Right
from consigne.settings import Settings

SEGMENT = 16 << 20
"""Bytes between two points from which an interrupted request can be resumed after a crash."""

Wanted = Callable[[], Mapping[str, bytes]]


class Resuming:
    """The verbs ``look``, ``append`` and ``end`` on sessions without a part size."""

    def __init__(
        self, catalog: Catalog, bucket: Bucket, sessions: Uploads, settings: Settings
    ) -> None:
        self._catalog = catalog
        self._bucket = bucket
        self._sessions = sessions
        self._settings = settings

    async def look(self, seat: Seat, upload_id: int, *, completes: bool = True) -> Progress:
        """Return where a session stands, once a present writer has given way.

        With ``completes`` a session whose bytes are all there is completed first, if a crash came
        before that. Raises UploadNotFound, UploadExpired, FileNotFound (complete, and deleted
        since).
        """
        if _is_growing(await self._found(seat, upload_id)):
            async with self._writing(seat, upload_id):
                pass
        return await self._completed(seat, upload_id, completes=completes)

    async def append(
        self,
        seat: Seat,
        upload_id: int,
        offset: int,
        source: Source,
        *,
        length: int | None = None,
        total: int | None = None,
        last: bool | None = None,
        expected: Mapping[str, bytes] | None = None,
        counted: Callable[[int], object] | None = None,
        algorithms: Iterable[str] = (),
        wanted: Wanted | None = None,
    ) -> Progress:
        """Append a body at ``offset``, which must be what was received so far; return where the
        session stands once the bytes are durable, and the file kept where they were the last.

        ``length`` is the body's, ``total`` that of the file where it was not known before.
        ``wanted`` is asked for the body's digests when it has been read, and ``algorithms`` names
        those that it may have. ``last``: whether the sender says that these are the last bytes;
        None: that follows from the length. ``expected`` are digests of the whole file. ``counted``
        is told how many bytes there are, when this becomes the one writer and whenever some more
        are durable.

        Raises UploadNotFound, UploadExpired, UploadComplete, ChunkOutOfOrder (details
        ``expected``), FileTooLarge, QuotaExceeded, DigestMismatch, BadParameter, SizeMismatch (the
        last bytes, and others are missing), Busy, and what the source raises: then what came before
        it counts, unless the body has a digest.
        """
        seat.require(Right.WRITE)
        await self._found(seat, upload_id)
        async with self._writing(seat, upload_id) as (upload, turn):
            if offset != upload.received:
                raise ChunkOutOfOrder(
                    f"The upload continues at {upload.received}.", expected=upload.received
                )
            if upload.state is UploadState.DONE:
                if length or last is not None:
                    raise UploadComplete
            else:
                upload = await self._prepared(seat, upload, length, total)
                if counted is not None:
                    counted(upload.received)
                stream = turn.stream(source)
                if wanted is None:
                    upload = await self._take_segments(seat, upload, stream, counted)
                else:
                    upload = await self._take(seat, upload, stream, tuple(algorithms), wanted)
                if last:
                    await self._end_at(upload)
        return await self._completed(
            seat, upload_id, completes=last is not False, expected=expected
        )

    async def end(self, seat: Seat, upload_id: int) -> None:
        """Give up a session, of whichever kind. Raises UploadNotFound, UploadComplete."""
        seat.require(Right.WRITE)
        await self._sessions.abort(seat, upload_id)

    async def _found(self, seat: Seat, upload_id: int) -> Upload:
        upload = (await self._sessions.progress(seat, upload_id)).upload
        if upload.part_size is not None:
            raise UploadNotFound  # parts of one size have places of their own
        return upload

    async def _end_at(self, upload: Upload) -> None:
        """Take what was received for the whole."""
        if upload.length is None:
            await self._catalog.write(lambda tx: _declare(tx, upload, upload.received))
        elif upload.received != upload.length:
            raise SizeMismatch(expected=upload.length, actual=upload.received)

    async def _completed(
        self,
        seat: Seat,
        upload_id: int,
        *,
        completes: bool = True,
        expected: Mapping[str, bytes] | None = None,
    ) -> Progress:
        progress = await self._sessions.progress(seat, upload_id)
        if progress.complete:
            if progress.file.state not in (State.HELD, State.KEPT):
                raise FileNotFound
            return progress
        if not completes or not is_full(progress.upload):
            return progress
        if entry_of(progress.upload.intent).is_partial:
            return progress
        return await self._sessions.finish(seat, upload_id, expected=expected)

    @asynccontextmanager
    async def _writing(self, seat: Seat, upload_id: int) -> AsyncIterator[tuple[Upload, "_Turn"]]:
        """Be the one writer of a session, after having asked the present one to give way."""
        turn = _Turn()
        holding = self._sessions.writing(seat, upload_id, asks=True, give_way=turn.stop)
        async with holding as upload:
            yield upload, turn

    async def _prepared(
        self, seat: Seat, upload: Upload, length: int | None, total: int | None
    ) -> Upload:
        """Return the session with its length, where that is told now; refuse too long a body."""
        if total is not None and total != upload.length:
            self._check_total(upload, total)
            upload = await self._catalog.write(lambda tx: _declare(tx, upload, total))
        limit = self._limit(upload)
        if length is not None and length > limit:
            raise FileTooLarge(
                f"The upload takes {limit} bytes more, the request has {length}.",
                limit=limit,
                size=length,
            )
        if length:
            await self._room(seat, upload).foresee(length)
        return upload

    def _check_total(self, upload: Upload, total: int) -> None:
        if upload.length is not None:
            raise BadParameter("The length of an upload cannot change.", parameter="length")
        if total < upload.received:
            raise BadParameter(f"There are {upload.received} bytes already.", parameter="length")
        if total > self._settings.upload_max_size:
            raise FileTooLarge(limit=self._settings.upload_max_size, size=total)

    def _limit(self, upload: Upload) -> int:
        whole = self._settings.upload_max_size if upload.length is None else upload.length
        return whole - upload.received

    def _room(self, seat: Seat, upload: Upload) -> Reservation:
        discount = max(0, upload.reserved - upload.received)
        return Reservation(self._catalog, seat, self._limit(upload), self._settings.lease, discount)

    async def _take_segments(
        self,
        seat: Seat,
        upload: Upload,
        source: AsyncGenerator[bytes, None],
        counted: Callable[[int], object] | None,
    ) -> Upload:
        """Count a body segment by segment; where it breaks off, count what came before."""
        async with aclosing(source):
            body = _Body(source)
            while not body.is_over:
                async with aclosing(body.segment()) as segment:
                    first = await anext(segment, b"")
                    if first:
                        upload = await self._take(seat, upload, _with(first, segment))
                        if counted is not None:
                            counted(upload.received)
            if body.error is not None:
                raise body.error
        return upload

    async def _take(
        self,
        seat: Seat,
        upload: Upload,
        source: Source,
        algorithms: tuple[str, ...] = (),
        wanted: Wanted | None = None,
    ) -> Upload:
        """Make bytes durable behind what is there, check and count them."""
        room = self._room(seat, upload)
        async with room:
            receipt = await self._bucket.append(
                upload.stage, upload.received, source, extra=algorithms, gauge=room.gauge
            )

            def work(tx: Tx) -> Upload:
                book(tx, upload, receipt.size, room)
                number = upload.parts_received + 1
                part = Part(upload.id, number, upload.received, receipt.size, receipt.sha256)
                return count_part(tx, upload, part, None, self._settings)

            try:
                if wanted is not None:
                    found = {"sha-256": receipt.sha256, "md5": receipt.md5, **receipt.extra}
                    check_digests(wanted(), found)
                return await self._catalog.write(work) if receipt.size else upload
            except BaseException:
                self._bucket.forget(upload.stage)
                raise


def is_full(upload: Upload) -> bool:
    """Tell whether all announced bytes of a session are there."""
    return upload.length is not None and upload.received == upload.length


def _is_growing(upload: Upload) -> bool:
    """Tell whether a request is bringing bytes to a session, or was when its process ended."""
    is_held = upload.holder is not None and upload.lease_until > now_ms()
    return is_held and upload.state in (UploadState.OPEN, UploadState.RECEIVING)


class _Turn:
    """A writer's turn, which ends early when the next one asks for it."""

    def __init__(self) -> None:
        self._reading: asyncio.Timeout | None = None
        self._is_over = False

    def stop(self) -> None:
        """Let the stream end; what came so far is counted. Bytes behind it are not read."""
        if self._is_over:
            return  # a timeout that is on its way cannot be moved
        self._is_over = True
        if self._reading is not None:
            self._reading.reschedule(asyncio.get_running_loop().time())

    async def stream(self, source: Source) -> AsyncGenerator[bytes, None]:
        """Yield a body's bytes; raise Busy when the turn is over."""
        pieces = aiter(source)
        while True:
            if self._is_over:
                raise _gave_way()
            try:
                async with asyncio.timeout(None) as self._reading:
                    piece = await anext(pieces, b"")
            except TimeoutError:
                raise _gave_way() from None
            finally:
                self._reading = None
            if not piece:
                return
            yield piece


class _Body:
    """A body that is cut into segments. ``error``: why it ended early, if it did."""

    def __init__(self, source: AsyncIterator[bytes]) -> None:
        self._source = source
        self.error: ConsigneError | None = None
        self.is_over = False

    async def segment(self) -> AsyncGenerator[bytes, None]:
        """Yield the pieces of the next segment."""
        size = 0
        while size < SEGMENT:
            try:
                piece = await anext(self._source, b"")
            except ConsigneError as error:
                self.error, piece = error, b""
            if not piece:
                self.is_over = True
                return
            size += len(piece)
            yield piece


def _gave_way() -> Busy:
    return Busy("A newer request for this upload took over.", retry_after=1)


async def _with(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece


def _declare(tx: Tx, upload: Upload, total: int) -> Upload:
    """Store the length of a session that had none, and reserve it."""
    present = uploads.lock(tx, upload.id)
    if present is None or present.holder != upload.holder:
        raise Busy("The upload was taken over by another request.", retry_after=1)
    reserved = max(present.reserved, total)
    spaces.charge(tx, present.space_id, reserved=reserved - present.reserved)
    return uploads.change(tx, present, length=total, reserved=reserved)
