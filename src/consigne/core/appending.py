"""Appending to a file by its id: to one that is still arriving, or to one that was left open.

An open-ended file is complete at every moment (AM-15): each append stores a new version whose bytes
are the old ones and the chunk, streamed, so that readers see either the one or the other. Chunks
are numbered by versions: version *n* is the file with chunk *n*. A session beside the file
remembers the chunks of the last day, so that a repeated one changes nothing; it is made at the
first append, holds the lease that serialises appends, and counts as done: it reserves nothing.
"""

import secrets
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import aclosing
from hashlib import sha256

import msgspec

from consigne.blobs.bucket import Bucket
from consigne.catalog import contents, files, spaces, uploads
from consigne.catalog.engine import Catalog, Tx
from consigne.core import keeping
from consigne.core.access import Seat, readable, require_unguarded, writable
from consigne.core.clock import now_ms
from consigne.core.entry import Entry, Source
from consigne.core.intake import Intake
from consigne.core.quota import Reservation
from consigne.core.sessions import DONE_LIFE, MAX_PARTS, Progress, compare
from consigne.core.sniff import detect
from consigne.core.uploads import Uploads
from consigne.errors import (
    BadParameter,
    Busy,
    ChunkConflict,
    ChunkOutOfOrder,
    Corrupt,
    FileNotFound,
    Infected,
    RightMissing,
    UploadComplete,
    UploadNotFound,
)
from consigne.model.entities import Content, ContentState, File, Part, Upload, UploadState
from consigne.model.identity import new_id
from consigne.model.rights import Right
from consigne.settings import Settings


class Appending:
    """The verb ``append``."""

    def __init__(
        self,
        catalog: Catalog,
        bucket: Bucket,
        intake: Intake,
        sessions: Uploads,
        settings: Settings,
    ) -> None:
        self._catalog = catalog
        self._bucket = bucket
        self._intake = intake
        self._sessions = sessions
        self._settings = settings

    async def append(
        self,
        seat: Seat,
        file_id: int,
        source: Source,
        *,
        number: int | None = None,
        parts_total: int | None = None,
        length: int | None = None,
        limit: int | None = None,
    ) -> Progress:
        """Append a chunk to a file of the caller; return where it stands once that is durable.

        ``number`` None is the next one, one accepted before is compared and changes nothing;
        ``parts_total`` ends the file when it is reached; ``length`` is the chunk's size where it is
        known, ``limit`` a bound of the dialect for the whole file. Raises FileNotFound,
        RightMissing, UploadExpired, UploadComplete, Protected, ChunkConflict, ChunkOutOfOrder,
        BadParameter, FileTooLarge, QuotaExceeded, Busy, and what the source raises.
        """
        seat.require(Right.WRITE)
        try:
            session = await self._sessions.of_file(seat, file_id)
            if session is not None and not session.file.is_open:
                return await self._continue(
                    seat, session, source, number, parts_total, length, limit
                )
            if session is None and number == 1 and parts_total in (None, 1):
                whole = await self._catalog.look(lambda tx: _whole(tx, seat, file_id))
                if whole is not None:
                    await compare(_first_part(whole.upload, whole.file), source)
                    return whole
            opened = await self._catalog.write(lambda tx: _open_session(tx, seat, file_id))
            async with self._sessions.writing(seat, opened.id) as upload:
                await self._extend(seat, upload, source, number, parts_total, length, limit)
            return await self._sessions.progress(seat, opened.id)
        except UploadNotFound:
            raise FileNotFound from None

    async def _continue(
        self,
        seat: Seat,
        session: Progress,
        source: Source,
        number: int | None,
        parts_total: int | None,
        length: int | None,
        limit: int | None,
    ) -> Progress:
        """Append to a file that is still arriving, or compare with one that is complete."""
        if session.complete:
            await self._catalog.look(lambda tx: readable(tx, seat, session.file, now_ms()))
        try:
            return await self._sessions.receive_part(
                seat,
                session.upload.id,
                source,
                number=number,
                parts_total=parts_total,
                length=length,
                limit=limit,
            )
        except UploadComplete:
            require_unguarded(session.file, now_ms())
            raise

    async def _extend(
        self,
        seat: Seat,
        upload: Upload,
        source: Source,
        number: int | None,
        parts_total: int | None,
        length: int | None,
        limit: int | None,
    ) -> None:
        """Append to an open-ended file as the one who holds its session's lease."""
        file, content = await self._catalog.look(lambda tx: _open_file(tx, seat, upload))
        total = _total(upload, parts_total)
        number = _number(upload, number, total)
        if number <= upload.parts_received:
            await self._compare(upload, number, source)
            if total == upload.parts_received:
                await self._catalog.write(lambda tx: _close(tx, seat, upload))
            return
        bound = min(limit or self._settings.append_max_size, self._settings.append_max_size)
        room = Reservation(self._catalog, seat, bound, self._settings.lease, file.size)
        chunk = _Chunk(source)
        async with room:
            if length is not None:
                await room.announce(file.size + length)
            joined = _joined(self._bucket, content, chunk)
            async with await self._bucket.draft(joined, gauge=room.gauge) as draft:

                def commit(tx: Tx, content: Content, now: int) -> File:
                    present, session = _unchanged(tx, seat, upload, file)
                    part = Part(upload.id, number, file.size, chunk.size, chunk.digest())
                    uploads.add_part(tx, part)
                    uploads.change(
                        tx,
                        session,
                        parts_total=total,
                        parts_received=number,
                        received=draft.size,
                        expires_at=now + DONE_LIFE,
                        updated_at=now,
                    )
                    back = room.settle(tx)
                    spaces.charge(tx, file.space_id, used=chunk.size, reserved=-back)
                    return keeping.supersede(
                        tx,
                        present,
                        content,
                        seat.principal_id,
                        now,
                        self._settings.undo_versions,
                        is_open=number != total,
                    )

                detected = detect(draft.head, draft.size, file.name)
                await self._intake.deposit(file.space_id, draft, detected, commit)

    async def _compare(self, upload: Upload, number: int, source: Source) -> None:
        known = await self._catalog.look(lambda tx: uploads.part_of(tx, upload.id, number))
        if known is None:
            raise ChunkConflict(
                f"Chunk {number} was received too long ago to be compared.",
                hint=f"Send chunk {upload.parts_received + 1}.",
            )
        await compare(known, source)


class _Chunk:
    """The bytes of a chunk as they pass, and their size and SHA-256 behind them."""

    def __init__(self, source: AsyncIterable[bytes]) -> None:
        self._source = source
        self._sha256 = sha256()
        self.size = 0

    def digest(self) -> bytes:
        return self._sha256.digest()

    async def stream(self) -> AsyncGenerator[bytes, None]:
        async for piece in self._source:
            self._sha256.update(piece)
            self.size += len(piece)
            yield piece


async def _joined(bucket: Bucket, content: Content, chunk: _Chunk) -> AsyncGenerator[bytes, None]:
    """Yield a content, checked block by block, and then a chunk."""
    old = bucket.read(content.key, content.size, content.block_size, content.blocks)
    async with aclosing(old):
        async for piece in old:
            yield piece
    async with aclosing(chunk.stream()) as pieces:
        async for piece in pieces:
            yield piece


def _open_session(tx: Tx, seat: Seat, file_id: int) -> Upload:
    """Return the session beside an open-ended file, made if there is none."""
    now = now_ms()
    file = _appendable(tx, seat, files.lock(tx, file_id), now)
    session = uploads.by_file(tx, file_id)
    if session is not None and session.parts_received == file.version:
        return session
    if session is not None:  # another verb has replaced the content since
        uploads.remove(tx, session.id)
    session = _session(file, seat.principal_id, now)
    uploads.insert_upload(tx, session)
    if file.version == 1:
        uploads.add_part(tx, _first_part(session, file))
    return session


def _whole(tx: Tx, seat: Seat, file_id: int) -> Progress | None:
    """Return where a file of the caller's own stands that came as its only chunk; else None."""
    now = now_ms()
    file = files.by_id(tx, file_id)
    if file is None or file.is_open or file.version != 1 or file.owner_id != seat.principal_id:
        return None
    return Progress(_session(file, seat.principal_id, now), readable(tx, seat, file, now))


def _session(file: File, principal_id: int, now: int) -> Upload:
    """Return a session that stands where a complete file stands."""
    return Upload(
        id=new_id(now),
        space_id=file.space_id,
        principal_id=principal_id,
        file_id=file.id,
        state=UploadState.DONE,
        client_key=None,
        length=None,
        part_size=None,
        parts_total=None,
        parts_received=file.version,
        received=file.size,
        reserved=0,
        stage=secrets.token_hex(16),
        holder=None,
        lease_until=0,
        expires_at=now + DONE_LIFE,
        intent=msgspec.json.encode(Entry()),
        created_at=now,
        updated_at=now,
    )


def _first_part(session: Upload, file: File) -> Part:
    """Return the part that a file's only content is."""
    assert file.sha256 is not None
    return Part(session.id, 1, 0, file.size, file.sha256)


def _appendable(tx: Tx, seat: Seat, file: File | None, now: int) -> File:
    """Return an open-ended file of the caller's own."""
    found = writable(tx, seat, file, now)
    if found.owner_id != seat.principal_id:
        raise RightMissing("Only its owner may append to a file.", right=Right.WRITE.value)
    require_unguarded(found, now)
    if not found.is_open:
        raise UploadComplete
    return found


def _open_file(tx: Tx, seat: Seat, upload: Upload) -> tuple[File, Content]:
    assert upload.file_id is not None
    file = _appendable(tx, seat, files.by_id(tx, upload.file_id), now_ms())
    content = contents.by_id(tx, file.content_id) if file.content_id is not None else None
    if content is None or content.state is ContentState.CORRUPT:
        raise Corrupt
    if content.state is ContentState.QUARANTINED:
        raise Infected
    if upload.parts_received != file.version:
        raise Busy("The file was replaced at this moment.", retry_after=1)
    return file, content


def _unchanged(tx: Tx, seat: Seat, upload: Upload, file: File) -> tuple[File, Upload]:
    """Return file and session, locked, if nobody has changed them since they were read."""
    present = _appendable(tx, seat, files.lock(tx, file.id), now_ms())
    session = uploads.lock(tx, upload.id)
    if session is None or session.holder != upload.holder or present.version != file.version:
        raise Busy("The file was changed by another request.", retry_after=1)
    return present, session


def _close(tx: Tx, seat: Seat, upload: Upload) -> None:
    """End an open-ended file whose last chunk is there already."""
    assert upload.file_id is not None
    file = _appendable(tx, seat, files.lock(tx, upload.file_id), now_ms())
    uploads.change(tx, upload, parts_total=upload.parts_received)
    files.change(tx, file, is_open=False)


def _total(upload: Upload, parts_total: int | None) -> int | None:
    """Return the number of chunks that is announced now or was before."""
    if upload.parts_total is not None and parts_total not in (None, upload.parts_total):
        raise BadParameter("The number of chunks cannot change.", parameter="parts_total")
    total = upload.parts_total if parts_total is None else parts_total
    if total is not None and not upload.parts_received <= total <= MAX_PARTS:
        raise BadParameter(
            f"{upload.parts_received} chunks are there already, and {MAX_PARTS} is the limit.",
            parameter="parts_total",
        )
    return total


def _number(upload: Upload, number: int | None, total: int | None) -> int:
    following = upload.parts_received + 1
    wanted = following if number is None else number
    highest = total or MAX_PARTS
    if not 1 <= wanted <= highest:
        raise BadParameter(f"Chunk numbers go from 1 to {highest}.", parameter="number")
    if wanted > following:
        raise ChunkOutOfOrder(
            f"Chunk {following} is expected next.",
            hint=f"Send chunk {following}.",
            expected=following,
        )
    return wanted
