"""One file out of several uploads: the pieces that a client has sent side by side (tus 1.0).

The pieces are sessions whose entry ``is_partial``. They are read from their stages, in the order
given, into one content; the transaction that keeps it ends them and turns what they have reserved
into the file's charge, so that joining needs no room of its own. Asked again, the same answer.
"""

import secrets
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, aclosing, suppress
from hashlib import sha256

import msgspec

from consigne.blobs.bucket import Bucket
from consigne.blobs.digests import Bytes
from consigne.catalog import files, spaces, uploads
from consigne.catalog.engine import Catalog, Tx
from consigne.core import keeping
from consigne.core.access import Seat
from consigne.core.entry import Entry, entry_of
from consigne.core.folders import require_folder
from consigne.core.history import record
from consigne.core.intake import Intake
from consigne.core.resuming import is_full
from consigne.core.sessions import DONE_LIFE, LIVE, Progress, end
from consigne.core.sniff import detect
from consigne.core.uploads import Uploads
from consigne.errors import (
    BadParameter,
    Busy,
    ConsigneError,
    FileTooLarge,
    UploadIncomplete,
    UploadNotFound,
)
from consigne.model.entities import Content, File, Upload, UploadState
from consigne.model.identity import new_id
from consigne.model.rights import Right
from consigne.settings import Settings

MAX_PIECES = 1000


class Joining:
    """The verb ``join``."""

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

    async def join(self, seat: Seat, entry: Entry, file_ids: Sequence[int]) -> Progress:
        """Make a file, kept or held as the entry says, of partial uploads; return its session.

        ``file_ids`` are those of the files that the pieces would have become. The pieces are gone
        then. Raises UploadNotFound, UploadExpired, UploadIncomplete, BadParameter, FileTooLarge,
        FolderUnknown, Busy.
        """
        seat.require(Right.WRITE)
        if not 1 <= len(file_ids) <= MAX_PIECES or len(set(file_ids)) != len(file_ids):
            raise BadParameter(
                f"Between 1 and {MAX_PIECES} different uploads are joined.", parameter="uploads"
            )
        entry, key = entry.clean(), _key(file_ids)
        try:
            done = await self._sessions.by_client_key(seat, key)
            return done or await self._join(seat, entry, key, file_ids)
        except UploadNotFound:  # joined by another request in between
            done = await self._sessions.by_client_key(seat, key)
            if done is None:
                raise
            return done

    async def _join(self, seat: Seat, entry: Entry, key: str, file_ids: Sequence[int]) -> Progress:
        found = {number: await self._piece(seat, number) for number in file_ids}
        async with AsyncExitStack() as leases:
            # In one order for all, so that two who join the same pieces never wait for each other.
            held = {
                each.id: await leases.enter_async_context(self._sessions.writing(seat, each.id))
                for each in sorted(found.values(), key=lambda upload: upload.id)
            }
            pieces = [held[found[number].id] for number in file_ids]
            size = sum(upload.received for upload in pieces)
            if not all(is_full(upload) for upload in pieces):
                raise UploadIncomplete("A part of the file is not complete.")
            if size > self._settings.upload_max_size:
                raise FileTooLarge(limit=self._settings.upload_max_size, size=size)
            await self._keep(seat, entry, key, pieces)
        for upload in pieces:
            with suppress(ConsigneError, OSError):  # the sweeper finds the stage
                await self._bucket.abandon(upload.stage)
        done = await self._sessions.by_client_key(seat, key)
        if done is None:
            raise UploadNotFound
        return done

    async def _piece(self, seat: Seat, file_id: int) -> Upload:
        progress = await self._sessions.of_file(seat, file_id)
        if progress is None or not entry_of(progress.upload.intent).is_partial:
            raise UploadNotFound("A part of the file is no partial upload.")
        return progress.upload

    async def _keep(self, seat: Seat, entry: Entry, key: str, pieces: Sequence[Upload]) -> File:
        draft = await self._bucket.draft(self._stream(pieces))
        async with draft:
            detected = detect(draft.head, draft.size, entry.name)

            def commit(tx: Tx, content: Content, now: int) -> File:
                for upload in pieces:
                    _consume(tx, upload, now)
                # In this order: whoever deletes a folder holds the space's row first.
                spaces.charge(tx, seat.space_id, used=draft.size)
                require_folder(tx, seat, entry.folder_id, entry.year_id)
                file = keeping.new_file(entry, seat.space_id, seat.principal_id, now, content)
                session = _session(seat, file, entry, key, len(pieces), now)
                if not uploads.insert_upload(tx, session):
                    raise Busy("These uploads are being joined.", retry_after=1)
                files.insert_file(tx, file)
                who = seat.principal_id
                record(
                    tx, seat.space_id, who, f"file.{file.state}", file.id,
                    size=file.size, name=file.name,
                )  # fmt: skip
                return file

            return await self._intake.deposit(seat.space_id, draft, detected, commit)

    async def _stream(self, pieces: Sequence[Upload]) -> AsyncGenerator[Bytes, None]:
        for upload in pieces:
            if not upload.received:
                continue  # it may not even have a stage
            async with aclosing(self._bucket.staged(upload.stage, upload.received)) as staged:
                async for data in staged:
                    yield data


def _key(file_ids: Sequence[int]) -> str:
    """Return the key under which the session of joined pieces is found again."""
    return "joined:" + sha256(",".join(map(str, file_ids)).encode()).hexdigest()


def _consume(tx: Tx, upload: Upload, now: int) -> None:
    """End a piece: its bytes are in another file now."""
    present = uploads.lock(tx, upload.id)
    if present is None or present.state not in LIVE or present.holder != upload.holder:
        raise Busy("A part of the file was taken over by another request.", retry_after=1)
    end(tx, present, "abort", now, 0)


def _session(seat: Seat, file: File, entry: Entry, key: str, parts: int, now: int) -> Upload:
    """Return the session that tells what became of the pieces, as one that has received them."""
    return Upload(
        id=new_id(now),
        space_id=seat.space_id,
        principal_id=seat.principal_id,
        file_id=file.id,
        state=UploadState.DONE,
        client_key=key,
        length=file.size,
        part_size=None,
        parts_total=parts,
        parts_received=parts,
        received=file.size,
        reserved=0,
        stage=secrets.token_hex(16),
        holder=None,
        lease_until=0,
        expires_at=now + DONE_LIFE,
        intent=msgspec.json.encode(entry),
        created_at=now,
        updated_at=now,
    )
