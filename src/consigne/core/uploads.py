"""Upload sessions: bytes that arrive in parts, over many requests, resumable after a crash.

A session belongs to one principal. Each part is written to the session's stage, made durable, and
only then counted, in one transaction; so a part counts wholly or not at all, and whatever was
answered survives. One request at a time writes to a session (``core.leases``). The last part turns
into ``Intake.deposit``, the completion that all dialects share.

Numbers of parts start at 1. Without a part size they come in order; with one, part *n* lies at
``(n - 1) * part_size`` and the order is free.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress

import msgspec

from consigne import lifecycle
from consigne.blobs.assembly import Receipt
from consigne.blobs.bucket import Bucket
from consigne.catalog import files, spaces, uploads
from consigne.catalog.engine import Catalog, Tx
from consigne.core import keeping
from consigne.core.access import Seat, own_upload
from consigne.core.clock import ms, now_ms
from consigne.core.entry import Entry, Source, check_digests, entry_of
from consigne.core.folders import require_folder
from consigne.core.history import record
from consigne.core.intake import Intake
from consigne.core.leases import Leases
from consigne.core.quota import Reservation
from consigne.core.sessions import (
    DONE_LIFE,
    KEY_KIND,
    LIVE,
    MAX_PARTS,
    Progress,
    book,
    check_size,
    compare,
    count_part,
    end,
    full_size,
    key_mark,
    offset_of,
    parts_needed,
    progress_of,
    require_not_expired,
    start_verifying,
    within,
)
from consigne.core.sniff import detect
from consigne.errors import (
    BadParameter,
    ChunkOutOfOrder,
    ConsigneError,
    FileTooLarge,
    NameTaken,
    TooManyUploads,
    UploadComplete,
    UploadExpired,
    UploadIncomplete,
    UploadNotFound,
)
from consigne.model.entities import Content, File, Part, Upload, UploadState
from consigne.model.identity import new_id
from consigne.model.rights import Right
from consigne.settings import Settings


class Uploads:
    """The verbs ``expect``, ``receive_part``, ``finish``, ``abort`` and ``progress``."""

    def __init__(
        self, catalog: Catalog, bucket: Bucket, intake: Intake, settings: Settings
    ) -> None:
        self._catalog = catalog
        self._bucket = bucket
        self._intake = intake
        self._settings = settings
        self.leases = Leases(catalog, settings)

    async def expect(
        self,
        seat: Seat,
        entry: Entry,
        *,
        length: int | None = None,
        part_size: int | None = None,
        parts_total: int | None = None,
        client_key: str | None = None,
    ) -> Progress:
        """Open a session and the expected file that it will fill.

        A declared length is reserved at once. Raises RightMissing, TooManyUploads, FileTooLarge,
        QuotaExceeded, FolderUnknown, NameTaken (client key in use).
        """
        seat.require(Right.WRITE)
        entry = entry.clean()
        if length is not None and length > self._settings.upload_max_size:
            raise FileTooLarge(limit=self._settings.upload_max_size, size=length)
        if part_size is not None and (length is None or part_size < 1):
            raise BadParameter(
                "A part size needs a length and is at least 1.", parameter="part_size"
            )
        if parts_total is not None and not 1 <= parts_total <= MAX_PARTS:
            raise BadParameter(f"Between 1 and {MAX_PARTS} parts.", parameter="parts_total")
        if part_size is not None and length is not None:
            needed = parts_needed(length, part_size)
            if needed > MAX_PARTS or parts_total not in (None, needed):
                raise BadParameter(
                    f"{length} bytes make {needed} parts of {part_size}; "
                    f"at most {MAX_PARTS} are allowed.",
                    parameter="part_size" if needed > MAX_PARTS else "parts_total",
                )

        def work(tx: Tx) -> Progress:
            now = now_ms()
            self._require_room(tx, seat, entry)
            file = keeping.new_file(entry, seat.space_id, seat.principal_id, now, None)
            upload = Upload(
                id=new_id(now),
                space_id=seat.space_id,
                principal_id=seat.principal_id,
                file_id=file.id,
                state=UploadState.OPEN,
                client_key=client_key,
                length=length,
                part_size=part_size,
                parts_total=parts_total,
                parts_received=0,
                received=0,
                reserved=length or 0,
                stage=self._bucket.fresh_stage(),
                holder=None,
                lease_until=0,
                expires_at=now + ms(self._settings.upload_expiry),
                intent=msgspec.json.encode(entry),
                created_at=now,
                updated_at=now,
            )
            if not uploads.insert_upload(tx, upload):
                raise NameTaken("This upload key is in use.", parameter="client_key")
            spaces.charge(tx, seat.space_id, reserved=upload.reserved)
            files.insert_file(tx, file)
            record(tx, seat.space_id, seat.principal_id, "upload.opened", file.id)
            return Progress(upload, file)

        return await self._catalog.write(work)

    async def progress(self, seat: Seat, upload_id: int) -> Progress:
        """Return where a session stands. Raises UploadNotFound, UploadExpired."""
        return await self._catalog.look(lambda tx: progress_of(tx, seat, upload_id))

    async def of_file(self, seat: Seat, file_id: int) -> Progress | None:
        """Return the caller's newest session of a file; None where there is none."""

        def work(tx: Tx) -> Progress | None:
            upload = uploads.by_file(tx, file_id)
            if upload is None or upload.principal_id != seat.principal_id:
                require_not_expired(tx, seat, file_id)
                return None
            return progress_of(tx, seat, upload.id)

        return await self._catalog.look(work)

    async def by_client_key(self, seat: Seat, key: str) -> Progress | None:
        """Return the caller's session that was opened under a key of his own, None without one.

        Raises UploadExpired for as long as the end of the session is remembered.
        """

        def work(tx: Tx) -> Progress | None:
            found = uploads.by_client_key(tx, seat.space_id, seat.principal_id, key)
            if found is None:
                mark = key_mark(seat.space_id, seat.principal_id, key)
                if files.tombstone_of(tx, KEY_KIND, mark):
                    raise UploadExpired
            return progress_of(tx, seat, found.id) if found else None

        return await self._catalog.look(work)

    async def parts(self, seat: Seat, upload_id: int) -> list[Part]:
        """Return the accepted parts of a session, by number."""

        def work(tx: Tx) -> list[Part]:
            return uploads.parts(tx, own_upload(seat, uploads.by_id(tx, upload_id)).id)

        return await self._catalog.look(work)

    async def page(self, seat: Seat, after: int = 0, limit: int = 100) -> list[Upload]:
        """Return the caller's unfinished sessions, oldest first."""
        return await self._catalog.read(
            lambda tx: uploads.page(tx, seat.space_id, seat.principal_id, after, limit)
        )

    async def receive_part(
        self,
        seat: Seat,
        upload_id: int,
        source: Source,
        *,
        number: int | None = None,
        length: int | None = None,
        expected: Mapping[str, bytes] | None = None,
        parts_total: int | None = None,
        announced: int | None = None,
        limit: int | None = None,
    ) -> Progress:
        """Append a part and return where the session stands once the part is durable.

        ``number`` None is the next one; a number that was accepted before is compared and changes
        nothing; ``parts_total`` may be announced late; ``announced`` is the part's size in the
        client's words, ``length`` the body's. The last part completes the file. Raises
        UploadNotFound, UploadExpired, UploadComplete, ChunkConflict, ChunkOutOfOrder, SizeMismatch,
        BadParameter, DigestMismatch, FileTooLarge, QuotaExceeded, Busy.
        """
        seat.require(Right.WRITE)
        bound = min(limit or self._settings.upload_max_size, self._settings.upload_max_size)
        async with self.writing(seat, upload_id) as upload:
            number = self._number(upload, number, parts_total)
            known = await self._catalog.look(lambda tx: uploads.part_of(tx, upload.id, number))
            if known is not None:
                await compare(known, source)
                await self._complete_if_last(seat, upload)
                return await self.progress(seat, upload_id)
            offset = offset_of(upload, number)
            receipt = await self._stage_part(
                seat, upload, offset, source, length, expected, announced, bound
            )
            part = Part(upload.id, number, offset, receipt.size, receipt.sha256)
            try:
                upload = await self._catalog.write(
                    lambda tx: count_part(tx, upload, part, parts_total, self._settings)
                )
            except BaseException:
                self._bucket.forget(upload.stage)
                raise
            await self._complete_if_last(seat, upload)
        return await self.progress(seat, upload_id)

    async def finish(
        self,
        seat: Seat,
        upload_id: int,
        *,
        expected: Mapping[str, bytes] | None = None,
    ) -> Progress:
        """Complete a session whose parts are all there; again: the same answer.

        Raises UploadIncomplete (details ``missing``), SizeMismatch, DigestMismatch.
        """
        seat.require(Right.WRITE)
        found = await self.progress(seat, upload_id)
        if not found.complete:
            async with self.writing(seat, upload_id) as upload:
                if upload.state is not UploadState.DONE:
                    await self._complete(seat, upload, expected)
        done = await self.progress(seat, upload_id)
        stored = {"sha-256": done.file.sha256, "md5": done.file.md5}
        check_digests(expected or {}, {name: value for name, value in stored.items() if value})
        return done

    async def abort(self, seat: Seat, upload_id: int) -> None:
        """Give up a session: its bytes, its reservation and its expected file go.

        Raises UploadNotFound, UploadComplete.
        """
        async with self.writing(seat, upload_id, asks=True) as upload:
            if upload.state is UploadState.DONE:
                raise UploadComplete
            await self._catalog.write(lambda tx: end(tx, upload, "abort", now_ms(), 0))
            await self._bucket.abandon(upload.stage)

    async def discard_empty(self, seat: Seat, upload_id: int) -> None:
        """Give up a session without a part that nobody writes to; leave any other as it is.

        For whoever opened a session and could not give it its first part.
        """

        def work(tx: Tx) -> str:
            upload = uploads.lock(tx, upload_id)
            if upload is None or upload.principal_id != seat.principal_id:
                return ""
            busy = upload.holder is not None and upload.lease_until > now_ms()
            if upload.parts_received or upload.state not in LIVE or busy:
                return ""
            end(tx, upload, "abort", now_ms(), 0)
            return upload.stage

        stage = await self._catalog.write(work)
        if stage:
            await self._bucket.abandon(stage)

    @asynccontextmanager
    async def writing(
        self,
        seat: Seat,
        upload_id: int,
        *,
        asks: bool = False,
        give_way: Callable[[], object] | None = None,
    ) -> AsyncIterator[Upload]:
        """Be the one writer of a session; wait for others, then raise Busy (``Leases.held``)."""

        def check(tx: Tx) -> object:
            return progress_of(tx, seat, upload_id)

        async with self.leases.held(upload_id, check, asks=asks, give_way=give_way):
            yield (await self.progress(seat, upload_id)).upload

    def _number(self, upload: Upload, number: int | None, parts_total: int | None) -> int:
        total = upload.parts_total if parts_total is None else parts_total
        if upload.parts_total is not None and total != upload.parts_total:
            raise BadParameter("The number of parts cannot change.", parameter="parts_total")
        following = upload.parts_received + 1
        done = upload.state is UploadState.DONE
        highest = MAX_PARTS if done else total or MAX_PARTS
        if upload.part_size is not None and upload.length is not None:
            highest = parts_needed(upload.length, upload.part_size)
        if number is not None and not 1 <= number <= highest:
            raise BadParameter(f"Part numbers go from 1 to {highest}.", parameter="number")
        if done:
            if number is None or number > upload.parts_received:
                raise UploadComplete
            return number
        if number is None:
            return following
        if upload.part_size is None and number > following:
            raise ChunkOutOfOrder(
                f"Part {following} is expected next.",
                hint=f"Send part {following}.",
                expected=following,
            )
        return number

    async def _stage_part(
        self,
        seat: Seat,
        upload: Upload,
        offset: int,
        source: Source,
        length: int | None,
        expected: Mapping[str, bytes] | None,
        announced: int | None,
        limit: int,
    ) -> Receipt:
        """Write a part's bytes behind what is accepted, with room reserved, and check them."""
        wanted = expected or {}
        discount = max(0, upload.reserved - upload.received)
        room = Reservation(
            self._catalog, seat, limit - upload.received, self._settings.lease, discount
        )
        async with room:
            if length is not None:
                await room.announce(length)
            extra = [name for name in wanted if name not in ("sha-256", "md5")]
            if upload.part_size is not None:
                source = within(source, full_size(upload, offset))
            receipt = await self._bucket.append(
                upload.stage, offset, source, extra=extra, gauge=room.gauge
            )
            try:
                found = {"sha-256": receipt.sha256, "md5": receipt.md5, **receipt.extra}
                check_digests(wanted, found)
                check_size(upload, offset, receipt.size, announced)
                await self._catalog.write(lambda tx: book(tx, upload, receipt.size, room))
            except BaseException:
                self._bucket.forget(upload.stage)
                raise
            return receipt

    async def _complete_if_last(self, seat: Seat, upload: Upload) -> None:
        """Complete a session once all announced parts are there; a crash may have come before."""
        if upload.state is not UploadState.DONE and upload.parts_received == upload.parts_total:
            await self._complete(seat, upload, None)

    async def _complete(
        self, seat: Seat, upload: Upload, expected: Mapping[str, bytes] | None
    ) -> File:
        """Turn all parts into the file's content; what fails can be tried again."""
        if upload.length is not None and upload.received != upload.length:
            raise UploadIncomplete(missing=upload.length - upload.received)
        if upload.parts_received == 0 and upload.length != 0:
            raise UploadIncomplete("No part was received yet.", missing=[1])
        if upload.parts_total is not None and upload.parts_received < upload.parts_total:
            raise UploadIncomplete(missing=[upload.parts_received + 1])
        entry = entry_of(upload.intent)
        if entry.is_partial:
            raise UploadIncomplete("The bytes are a piece of another file.")
        await self._catalog.write(lambda tx: start_verifying(tx, upload))
        wanted = expected or {}
        extra = [name for name in wanted if name not in ("sha-256", "md5")]
        draft = await self._bucket.finish(upload.stage, upload.received, extra=extra)
        async with draft:
            found = {"sha-256": draft.sha256, "md5": draft.md5, **draft.extra}
            check_digests(wanted, found)
            detected = detect(draft.head, draft.size, entry.name)

            def commit(tx: Tx, content: Content, now: int) -> File:
                present = uploads.lock(tx, upload.id)
                file = files.lock(tx, upload.file_id) if upload.file_id else None
                if present is None or present.state is not UploadState.VERIFYING or file is None:
                    raise UploadNotFound
                spaces.charge(tx, upload.space_id, used=draft.size, reserved=-present.reserved)
                uploads.change(
                    tx,
                    present,
                    state=lifecycle.upload_after(present.state, "finish"),
                    reserved=0,
                    parts_total=present.parts_total or present.parts_received,
                    expires_at=now + DONE_LIFE,
                    updated_at=now,
                )
                return keeping.fill(tx, file, content, entry, seat.principal_id, now)

            done = await self._intake.deposit(seat.space_id, draft, detected, commit)
        with suppress(ConsigneError, OSError):  # the sweeper finds the stage
            await self._bucket.abandon(upload.stage)
        return done

    def _require_room(self, tx: Tx, seat: Seat, entry: Entry) -> None:
        if uploads.count(tx, seat.space_id, seat.principal_id) >= self._settings.uploads_per_user:
            raise TooManyUploads(
                f"At most {self._settings.uploads_per_user} unfinished uploads.",
                hint="Finish or abort one of them.",
                retry_after=60,
            )
        require_folder(tx, seat, entry.folder_id, entry.year_id)
