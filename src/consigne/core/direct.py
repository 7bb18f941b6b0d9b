"""Large files that clients send straight to the object store, part by part (C-21, C-42).

A session with a part size can be filled by URLs. Part *n* has a URL and an object of its own, so it
can be sent again, late or never without touching what was taken. ``collect`` takes what has arrived
as if it had come through here, counted part by part: after a crash it goes on behind the last one.
"""

import time
from collections.abc import Iterable

import msgspec

from consigne.blobs.bucket import Bucket
from consigne.blobs.driver import SignedPut
from consigne.catalog import uploads
from consigne.catalog.engine import Catalog, Tx
from consigne.core.access import Seat
from consigne.core.arrivals import Arrivals
from consigne.core.clock import ms, now_ms
from consigne.core.sessions import count_part, full_size, offset_of, parts_needed, progress_of
from consigne.core.uploads import Uploads
from consigne.errors import BadParameter, Busy, SizeMismatch, UploadComplete, WrongState
from consigne.model.entities import Part, Upload, UploadState
from consigne.model.rights import Right
from consigne.settings import Settings


class PartUrl(msgspec.Struct, frozen=True):
    """Where a part goes until ``expires_at`` (ms)."""

    number: int
    put: SignedPut
    expires_at: int


class Direct:
    """The verbs ``urls`` and ``collect``."""

    def __init__(
        self,
        catalog: Catalog,
        bucket: Bucket,
        sessions: Uploads,
        arrivals: Arrivals,
        settings: Settings,
    ) -> None:
        self._catalog = catalog
        self._bucket = bucket
        self._sessions = sessions
        self._arrivals = arrivals
        self._settings = settings

    async def urls(
        self, seat: Seat, upload_id: int, wanted: Iterable[tuple[int, bytes | None]]
    ) -> list[PartUrl]:
        """Sign a PUT for each part, by its number and the MD5 that its body must have, if any.

        The session lives on as after a part. Raises UploadNotFound, UploadExpired, UploadComplete,
        BadParameter, WrongState (clients send through the server here).
        """
        seat.require(Right.WRITE)

        def work(tx: Tx) -> Upload:
            upload = progress_of(tx, seat, upload_id).upload
            if upload.state is UploadState.DONE:
                raise UploadComplete
            if not self._arrivals.most:
                raise WrongState(
                    "Clients send their bytes through the server here.",
                    hint="PUT the parts to the upload itself.",
                )
            now = now_ms()
            expires_at = max(upload.expires_at, now + ms(self._settings.upload_expiry))
            return uploads.change(tx, upload, expires_at=expires_at, updated_at=now)

        upload = await self._catalog.write(work)
        if upload.part_size is None or upload.part_size > self._arrivals.most:
            raise BadParameter(
                f"Parts with URLs have a part size of at most {self._arrivals.most} bytes.",
                parameter="part_size",
            )
        total, life = _parts_of(upload), self._settings.s3_part_expiry
        made = []
        for number, md5 in wanted:
            if number > total:
                raise BadParameter(f"Part numbers go from 1 to {total}.", parameter="number")
            length = full_size(upload, offset_of(upload, number))
            put = await self._arrivals.put_url(upload, number, length, life, md5)
            made.append(PartUrl(number, put, now_ms() + ms(life)))
        return made

    async def collect(self, seat: Seat, upload_id: int) -> None:
        """Take what has arrived for a session, in the order of the numbers; each part counts once.

        Raises UploadNotFound, UploadExpired, SizeMismatch (that part is dropped), StorageFull; Busy
        where it takes long: what is taken stays so, and the next call goes on.
        """
        seat.require(Right.WRITE)
        found = await self._sessions.progress(seat, upload_id)
        if not self._arrivals.most or found.complete or found.upload.part_size is None:
            return
        async with self._sessions.writing(seat, upload_id) as upload:
            if upload.state is not UploadState.DONE:
                await self._take_all(seat, upload)

    async def _take_all(self, seat: Seat, upload: Upload) -> None:
        until = time.monotonic() + self._settings.upload_wait
        total = _parts_of(upload)
        known = {part.number for part in await self._sessions.parts(seat, upload.id)}
        for number in await self._arrivals.numbers(upload):
            if number in known or number > total:
                await self._arrivals.forget(upload, number)
                continue
            if time.monotonic() > until:
                raise Busy(
                    f"{upload.parts_received} of {total} parts are taken over.",
                    hint="Ask again: it goes on behind them.",
                    retry_after=1,
                )
            upload = await self._take(upload, number)

    async def _take(self, upload: Upload, number: int) -> Upload:
        """Take one part and count it."""
        offset = offset_of(upload, number)
        length = full_size(upload, offset)
        try:
            receipt = await self._arrivals.take(upload, number, upload.stage, offset, length)
        except SizeMismatch:
            await self._arrivals.forget(upload, number)
            raise
        part = Part(upload.id, number, offset, receipt.size, receipt.sha256)
        try:
            counted = await self._catalog.write(
                lambda tx: count_part(tx, upload, part, None, self._settings)
            )
        except BaseException:
            self._bucket.forget(upload.stage)
            raise
        await self._arrivals.forget(upload, number)
        return counted


def _parts_of(upload: Upload) -> int:
    """Return how many parts a session with a part size has."""
    assert upload.length is not None
    assert upload.part_size is not None
    return parts_needed(upload.length, upload.part_size)
