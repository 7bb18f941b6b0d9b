"""Contents that come by a signed URL: announced, received whole, then finalized (C-14, C-21).

Each URL has a session of its own, so that an old URL can never touch kept bytes. A body goes to a
fresh stage and takes the place of an earlier one only when it is complete and durable: the last
complete one counts, and an interrupted one leaves nothing. One that a client has sent to the object
store itself is received by finalize. Finalize checks what was announced and keeps the bytes in one
transaction; done again, it changes nothing.
"""

import asyncio
import re
from collections.abc import Mapping
from contextlib import suppress

import msgspec

from consigne import lifecycle
from consigne.blobs.bucket import Bucket
from consigne.blobs.draft import Draft
from consigne.catalog import files, spaces, uploads
from consigne.catalog.engine import Catalog, Tx
from consigne.core import keeping
from consigne.core.access import Seat, can_read
from consigne.core.arrivals import WHOLE, Arrivals
from consigne.core.clock import ms, now_ms
from consigne.core.entry import Entry, Source, check_digests
from consigne.core.history import record
from consigne.core.intake import Intake
from consigne.core.sessions import DONE_LIFE, end
from consigne.core.shelf import changeable, void, writable
from consigne.core.sniff import detect
from consigne.core.uploads import Uploads
from consigne.errors import (
    ConsigneError,
    DigestMismatch,
    FileTooLarge,
    IncompleteBody,
    SizeMismatch,
    TooManyUploads,
    UploadMissing,
    UploadNotFound,
)
from consigne.model.entities import Content, File, Reason, State, Upload, UploadState
from consigne.model.identity import new_id
from consigne.model.rights import Right
from consigne.settings import Settings

_decode = msgspec.json.Decoder(Entry).decode
_HEX = re.compile(r"[0-9a-fA-F]{64}|[0-9a-fA-F]{32}")
_WAITING = (UploadState.OPEN, UploadState.RECEIVING)


class Incoming:
    """The verbs ``announce``, ``receive`` and ``finalize``."""

    def __init__(
        self,
        catalog: Catalog,
        bucket: Bucket,
        intake: Intake,
        sessions: Uploads,
        arrivals: Arrivals,
        settings: Settings,
    ) -> None:
        self._catalog = catalog
        self._bucket = bucket
        self._intake = intake
        self._sessions = sessions
        self._arrivals = arrivals
        self._settings = settings

    async def announce(
        self,
        seat: Seat,
        year_id: int,
        file_id: int,
        *,
        length: int,
        declared_type: str,
        limit: int,
    ) -> tuple[File, Upload]:
        """Reserve ``length`` bytes and open a session for one body; earlier sessions are void.

        Raises FileNotFound, RightMissing, YearClosed, Protected, FileTooLarge, QuotaExceeded,
        TooManyUploads.
        """
        seat.require(Right.WRITE)
        bound = min(limit, self._settings.upload_max_size)
        if length > bound:
            raise FileTooLarge(limit=bound, size=length)

        def work(tx: Tx) -> tuple[File, Upload, list[str]]:
            now = now_ms()
            file = changeable(tx, seat, year_id, file_id)
            stages = void(tx, file, now)
            pending = uploads.count(tx, seat.space_id, seat.principal_id)
            if pending >= self._settings.uploads_per_user:
                raise TooManyUploads(
                    f"At most {self._settings.uploads_per_user} unfinished uploads.",
                    hint="Finalize or delete one of them.",
                    retry_after=60,
                )
            wish = Entry(name=file.name, declared_type=declared_type, reasons=Reason.YEAR)
            upload = self._session(seat, file, length, wish, now)
            uploads.insert_upload(tx, upload)
            spaces.charge(tx, seat.space_id, reserved=length)
            record(tx, seat.space_id, seat.principal_id, "upload.opened", file.id)
            return file, upload, stages

        file, upload, stages = await self._catalog.write(work)
        for stage in stages:
            await self._bucket.abandon(stage)
        return file, upload

    async def receive(
        self,
        seat: Seat,
        file_id: int,
        upload_id: int,
        source: Source,
        *,
        length: int,
        expected: Mapping[str, bytes] | None = None,
    ) -> bytes:
        """Store a whole body for a session that is still open; return its SHA-256 when durable.

        Raises UploadNotFound (unknown, void, over or finalized), RightMissing, YearClosed,
        Protected, SizeMismatch, DigestMismatch, and what the source raises.
        """
        seat.require(Right.WRITE)
        upload = await self._catalog.write(lambda tx: _open(tx, seat, file_id, upload_id))
        if length != upload.length:
            raise SizeMismatch(expected=upload.length, actual=length)
        wanted = expected or {}
        extra = [name for name in wanted if name not in ("sha-256", "md5")]
        stage, kept = self._bucket.fresh_stage(), False
        try:
            receipt = await self._bucket.append(stage, 0, source, extra=extra)
            if receipt.size != length:
                raise IncompleteBody(expected=length, received=receipt.size)
            check_digests(wanted, {"sha-256": receipt.sha256, "md5": receipt.md5, **receipt.extra})
            earlier = await self._catalog.write(
                lambda tx: _accept(tx, seat, file_id, upload_id, stage, length)
            )
            kept = True
        finally:
            if not kept:
                with suppress(ConsigneError, OSError):  # the sweeper finds the stage
                    await asyncio.shield(self._bucket.abandon(stage))
        with suppress(ConsigneError, OSError):
            await self._bucket.abandon(earlier)
        await self._arrivals.forget(upload)  # the last complete body counts
        return receipt.sha256

    async def finalize(self, seat: Seat, year_id: int, file_id: int) -> File:
        """Keep what was received as the content of the file; again: the same file.

        Raises FileNotFound, RightMissing, YearClosed, Protected, UploadMissing, SizeMismatch,
        DigestMismatch; after the last two the bytes and their reservation are gone.
        """
        seat.require(Right.WRITE)

        def look(tx: Tx) -> tuple[File, Upload | None]:
            file = changeable(tx, seat, year_id, file_id)
            sessions = uploads.signed_of(tx, file_id)
            return file, sessions[0] if sessions else None

        file, upload = await self._catalog.write(look)
        if upload is None or upload.state is UploadState.DONE:
            return _with_content(file)
        async with self._sessions.leases.held(upload.id, lambda tx: None):
            file, present = await self._catalog.write(look)
            if present is None or present.state is UploadState.DONE:
                return _with_content(file)
            if present.id != upload.id:
                raise UploadMissing
            arrived = bool(self._arrivals.most) and await self._fetch(seat, present)
            if present.state is UploadState.OPEN and not arrived:
                raise UploadMissing
            upload = await self._catalog.write(lambda tx: _verifying(tx, present.id))
            return await self._keep(seat, year_id, file, upload)

    async def _fetch(self, seat: Seat, upload: Upload) -> bool:
        """Receive what the object store has for a session; tell whether it has anything.

        Raises SizeMismatch, after which the session is over; UploadMissing where it was before.
        """
        assert upload.file_id is not None
        assert upload.length is not None
        file_id, length, stage = upload.file_id, upload.length, self._bucket.fresh_stage()
        drop: str | None = stage
        try:
            await self._arrivals.take(upload, WHOLE, stage, 0, length)
            drop = await self._catalog.write(
                lambda tx: _accept(tx, seat, file_id, upload.id, stage, length)
            )
        except UploadMissing:
            drop = None
            return False
        except UploadNotFound:
            raise UploadMissing from None
        except SizeMismatch:
            await self._refuse(upload)
            raise
        finally:
            if drop is not None:
                with suppress(ConsigneError, OSError):  # the sweeper finds the stage
                    await asyncio.shield(self._bucket.abandon(drop))
        await self._arrivals.forget(upload)
        return True

    async def _keep(self, seat: Seat, year_id: int, file: File, upload: Upload) -> File:
        entry = _decode(upload.intent)
        draft = await self._bucket.finish(upload.stage, upload.received)
        async with draft:
            try:
                _check(file, upload, draft)
            except (SizeMismatch, DigestMismatch):
                await self._refuse(upload)
                raise
            detected = detect(draft.head, draft.size, entry.name)

            def commit(tx: Tx, content: Content, now: int) -> File:
                target = changeable(tx, seat, year_id, file.id)
                present = uploads.lock(tx, upload.id)
                if present is None or present.state is not UploadState.VERIFYING:
                    raise UploadMissing
                self._settle(tx, present, target, draft.size, now)
                return self._fill(tx, seat, target, content, entry, now)

            done = await self._intake.deposit(seat.space_id, draft, detected, commit)
        with suppress(ConsigneError, OSError):  # the sweeper finds the stage
            await self._bucket.abandon(upload.stage)
        return done

    def _settle(self, tx: Tx, upload: Upload, file: File, size: int, now: int) -> None:
        """Turn the reservation into a charge, and end the session."""
        spaces.charge(tx, upload.space_id, used=size - file.size, reserved=-upload.reserved)
        uploads.change(
            tx,
            upload,
            state=lifecycle.upload_after(upload.state, "finish"),
            reserved=0,
            expires_at=now + DONE_LIFE,
            updated_at=now,
        )

    def _fill(
        self, tx: Tx, seat: Seat, file: File, content: Content, entry: Entry, now: int
    ) -> File:
        who = seat.principal_id
        if file.state is State.EXPECTED:
            return keeping.fill(tx, file, content, entry, who, now, updated_at=now, updated_by=who)
        return keeping.supersede(
            tx,
            file,
            content,
            who,
            now,
            self._settings.undo_versions,
            declared_type=entry.declared_type,
            client_hash=None,
        )

    async def _refuse(self, upload: Upload) -> None:
        """Drop bytes that are not what was announced."""

        def work(tx: Tx) -> None:
            present = uploads.lock(tx, upload.id)
            if present is not None:
                end(tx, present, "abort", now_ms(), 0)

        await self._catalog.write(work)
        await self._bucket.abandon(upload.stage)
        await self._arrivals.forget(upload)

    def _session(self, seat: Seat, file: File, length: int, wish: Entry, now: int) -> Upload:
        life = ms(self._settings.s3_put_expiry + self._settings.incoming_expiry)
        return Upload(
            id=new_id(now),
            space_id=seat.space_id,
            principal_id=seat.principal_id,
            file_id=file.id,
            state=UploadState.OPEN,
            client_key=None,
            length=length,
            part_size=None,
            parts_total=1,
            parts_received=0,
            received=0,
            reserved=length,
            stage=self._bucket.fresh_stage(),
            holder=None,
            lease_until=0,
            expires_at=now + life,
            intent=msgspec.json.encode(wish),
            created_at=now,
            updated_at=now,
            is_signed=True,
        )


def _open(tx: Tx, seat: Seat, file_id: int, upload_id: int) -> Upload:
    """Return a session that takes a body now, its row held after that of the year.

    Raises UploadNotFound, RightMissing, YearClosed, Protected.
    """
    file = files.by_id(tx, file_id)
    if file is None or not can_read(tx, seat, file) or file.state is State.RELEASED:
        raise UploadNotFound
    writable(tx, seat, file)
    upload = uploads.lock(tx, upload_id)
    if (
        upload is None
        or not upload.is_signed
        or upload.space_id != seat.space_id
        or upload.file_id != file_id
        or upload.state not in _WAITING
        or upload.expires_at <= now_ms()
    ):
        raise UploadNotFound
    return upload


def _accept(tx: Tx, seat: Seat, file_id: int, upload_id: int, stage: str, size: int) -> str:
    """Put a durable stage in place of the session's present one; return that one's name."""
    upload = _open(tx, seat, file_id, upload_id)
    uploads.change(
        tx,
        upload,
        state=lifecycle.upload_after(upload.state, "receive"),
        stage=stage,
        parts_received=1,
        received=size,
        updated_at=now_ms(),
    )
    return upload.stage


def _verifying(tx: Tx, upload_id: int) -> Upload:
    upload = uploads.lock(tx, upload_id)
    if upload is None or not upload.parts_received or upload.expires_at <= now_ms():
        raise UploadMissing
    return uploads.change(tx, upload, state=lifecycle.upload_after(upload.state, "verify"))


def _with_content(file: File) -> File:
    """Return a file that was finalized before; raise UploadMissing where it never was."""
    if file.content_id is None:
        raise UploadMissing
    return file


def _check(file: File, upload: Upload, draft: Draft) -> None:
    """Raise SizeMismatch or DigestMismatch where the bytes are not what was announced.

    The hash given with an entry is that of its first content: 64 hexadecimal digits are SHA-256, 32
    are MD5, anything else is kept unchecked.
    """
    if draft.size != upload.length:
        raise SizeMismatch(expected=upload.length, actual=draft.size)
    told = file.client_hash if file.state is State.EXPECTED else None
    if told is None or not _HEX.fullmatch(told):
        return
    algorithm = "sha-256" if len(told) == 64 else "md5"
    check_digests({algorithm: bytes.fromhex(told)}, {"sha-256": draft.sha256, "md5": draft.md5})
