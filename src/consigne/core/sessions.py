"""The rules of an upload session, as functions of a transaction: what a part may be, how it is
counted, and how a session ends. ``core.uploads`` is the verbs on top of them.
"""

from collections.abc import AsyncIterator
from hashlib import sha256

import msgspec

from consigne import lifecycle
from consigne.catalog import files, spaces, uploads
from consigne.catalog.engine import Tx
from consigne.core.access import Seat, own_upload
from consigne.core.clock import ms, now_ms
from consigne.core.entry import Source
from consigne.core.history import record
from consigne.core.quota import Reservation
from consigne.errors import (
    Busy,
    ChunkConflict,
    SizeMismatch,
    UploadExpired,
    UploadNotFound,
)
from consigne.model.entities import File, Part, State, Upload, UploadState
from consigne.model.identity import Kind
from consigne.settings import Settings

MAX_PARTS = 100_000
DONE_LIFE = 86_400_000
KEY_KIND = "upload key"
LIVE = (UploadState.OPEN, UploadState.RECEIVING, UploadState.VERIFYING)


class Progress(msgspec.Struct, frozen=True):
    """Where a session stands: its row, its file's row, and whether the file is complete."""

    upload: Upload
    file: File

    @property
    def complete(self) -> bool:
        return self.upload.state is UploadState.DONE


def end(tx: Tx, upload: Upload, verb: str, now: int, tombstone_ms: int) -> None:
    """Abort or expire a session inside a transaction; its stage is dropped by the caller."""
    state = lifecycle.upload_after(upload.state, verb)
    spaces.charge(tx, upload.space_id, reserved=-upload.reserved)
    uploads.remove(tx, upload.id)
    file = files.lock(tx, upload.file_id) if upload.file_id else None
    # An entry of a year is there for a reason of its own, with or without bytes on their way.
    if file is not None and file.state is State.EXPECTED and not file.reasons:
        files.remove(tx, file.id)
        if tombstone_ms:
            files.bury(
                tx,
                Kind.UPLOAD.value,
                file.id,
                file.space_id,
                file.owner_id,
                "expired",
                now,
                now + tombstone_ms,
            )
            _bury_key(tx, upload, now, now + tombstone_ms)
        record(tx, upload.space_id, upload.principal_id, f"upload.{state}", file.id)


def _bury_key(tx: Tx, upload: Upload, now: int, until: int) -> None:
    """Remember that the session of a client's key has expired."""
    if upload.client_key is None:
        return
    mark = key_mark(upload.space_id, upload.principal_id, upload.client_key)
    if files.tombstone_of(tx, KEY_KIND, mark) is None:
        files.bury(tx, KEY_KIND, mark, upload.space_id, upload.principal_id, "expired", now, until)


def key_mark(space_id: int, principal_id: int, key: str) -> int:
    """Return the number under which the tombstone of a client's key lies."""
    digest = sha256(f"{space_id}:{principal_id}:{key}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def progress_of(tx: Tx, seat: Seat, upload_id: int) -> Progress:
    """Return where the caller's session stands. Raises UploadNotFound, UploadExpired."""
    upload = own_upload(seat, uploads.by_id(tx, upload_id))
    file = files.by_id(tx, upload.file_id) if upload.file_id else None
    if file is None or upload.is_signed:
        raise UploadNotFound
    if upload.state in LIVE and upload.expires_at <= now_ms():
        raise UploadExpired
    return Progress(upload, file)


def require_not_expired(tx: Tx, seat: Seat, file_id: int) -> None:
    """Raise UploadExpired where the caller's upload of this file ended by its time."""
    buried = files.tombstone_of(tx, Kind.UPLOAD.value, file_id)
    if buried and buried[1] == seat.space_id and buried[2] == seat.principal_id:
        raise UploadExpired


def offset_of(upload: Upload, number: int) -> int:
    """Return where a part's bytes begin."""
    if upload.part_size is None:
        return upload.received
    return (number - 1) * upload.part_size


def parts_needed(length: int, part_size: int) -> int:
    """Return how many parts of a size a length has."""
    return max(1, -(-length // part_size))


def full_size(upload: Upload, offset: int) -> int:
    """Return how many bytes the part at ``offset`` of an upload with a part size has."""
    assert upload.part_size is not None
    assert upload.length is not None
    return min(upload.part_size, max(0, upload.length - offset))


async def within(source: Source, size: int) -> AsyncIterator[bytes]:
    """Yield a part's bytes; raise SizeMismatch before one that would lie where the next part is."""
    received = 0
    async for chunk in source:
        received += len(chunk)
        if received > size:
            raise SizeMismatch(f"The part must have {size} bytes.", expected=size, actual=received)
        yield chunk


def check_size(upload: Upload, offset: int, size: int, announced: int | None) -> None:
    """Refuse a part whose size is not what was announced for it."""
    if announced is not None and announced != size:
        raise SizeMismatch(
            f"The part has {size} bytes, {announced} were announced.",
            expected=announced,
            actual=size,
        )
    if upload.part_size is not None:
        full = full_size(upload, offset)
        if size != full:
            raise SizeMismatch(f"The part must have {full} bytes.", expected=full, actual=size)
    elif upload.length is not None and offset + size > upload.length:
        raise SizeMismatch(expected=upload.length, actual=offset + size)


def book(tx: Tx, upload: Upload, size: int, room: Reservation) -> None:
    """Move the room of a received part from its reservation to the session."""
    present = uploads.lock(tx, upload.id)
    if present is None:
        raise UploadNotFound
    reserved = max(present.reserved, present.received + size)
    back = room.settle(tx)
    spaces.charge(tx, upload.space_id, reserved=reserved - present.reserved - back)
    uploads.change(tx, present, reserved=reserved)


def count_part(
    tx: Tx, upload: Upload, part: Part, parts_total: int | None, settings: Settings
) -> Upload:
    """Accept a part whose bytes are durable."""
    present = uploads.lock(tx, upload.id)
    if present is None or present.holder != upload.holder:
        raise Busy("The upload was taken over by another request.", retry_after=1)
    now = now_ms()
    uploads.add_part(tx, part)
    return uploads.change(
        tx,
        present,
        state=lifecycle.upload_after(present.state, "receive"),
        parts_total=parts_total if parts_total is not None else present.parts_total,
        parts_received=present.parts_received + 1,
        received=present.received + part.size,
        expires_at=now + ms(settings.upload_expiry),
        updated_at=now,
    )


def start_verifying(tx: Tx, upload: Upload) -> None:
    """Say that all parts are there and are being made into a content."""
    present = uploads.lock(tx, upload.id)
    if present is None:
        raise UploadNotFound
    uploads.change(tx, present, state=lifecycle.upload_after(present.state, "verify"))


def recover(tx: Tx, upload_id: int) -> None:
    """Take a session that was left verifying, by a crash or a refusal, back to receiving."""
    upload = uploads.by_id(tx, upload_id)
    if upload is not None and upload.state is UploadState.VERIFYING:
        uploads.change(tx, upload, state=lifecycle.upload_after(upload.state, "refuse"))


def free_lease(tx: Tx, upload_id: int, holder: str) -> None:
    """Give a session's lease back, if it is still this holder's."""
    upload = uploads.by_id(tx, upload_id)
    if upload is not None and upload.holder == holder:
        recover(tx, upload_id)
        uploads.change(tx, upload, holder=None, lease_until=0, asked_at=0)


async def compare(known: Part, source: Source) -> None:
    """Read a repeated part and refuse it if it is not the same bytes."""
    digest, size = sha256(), 0
    async for chunk in source:
        size += len(chunk)
        if size > known.size:
            break
        digest.update(chunk)
    if size != known.size or digest.digest() != known.sha256:
        raise ChunkConflict(f"Part {known.number} was received with other bytes.")
