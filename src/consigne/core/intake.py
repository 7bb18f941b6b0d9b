"""Receiving whole bodies: a new file, a new version, a copy.

The order is always the same: rights and room first, then the bytes (hashed while they arrive), then
the digests that were announced, then stable storage, then one transaction that charges, names and
records. Whatever fails before that transaction leaves nothing behind: no row, no reservation, and
bytes at most as a stage that the sweeper removes.
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from consigne.blobs.bucket import Bucket
from consigne.blobs.draft import Draft
from consigne.catalog import contents, files, once, spaces
from consigne.catalog.engine import Catalog, Tx
from consigne.core import keeping
from consigne.core.access import Seat, is_expired, require_unguarded, writable
from consigne.core.clock import now_ms
from consigne.core.entry import (
    Entry,
    Once,
    Precondition,
    Source,
    check_digests,
    default_name,
)
from consigne.core.folders import require_folder
from consigne.core.history import record
from consigne.core.keeping import Deposit
from consigne.core.quota import Reservation
from consigne.core.sniff import detect, extension_for
from consigne.errors import (
    ConsigneError,
    FileNotFound,
    IdempotencyConflict,
    Internal,
    PreconditionFailed,
    TooManyUploads,
    Unavailable,
)
from consigne.model.entities import Content, File, State
from consigne.model.names import fold
from consigne.model.rights import Right
from consigne.settings import Settings

_ONCE_LIFE = 30 * 86_400_000
_TRIES = 5


Amend = Callable[[Entry], Awaitable[Entry]]


class Commit(Protocol):
    """Shape of the function that ``Intake.deposit`` calls inside its transaction."""

    def __call__(self, tx: Tx, content: Content, now: int) -> File: ...


class Intake:
    """The verbs ``receive`` and ``replace``."""

    def __init__(self, catalog: Catalog, bucket: Bucket, settings: Settings) -> None:
        self._catalog = catalog
        self._bucket = bucket
        self._settings = settings

    async def require_room(self, seat: Seat, length: int, limit: int | None = None) -> None:
        """Refuse a body of this length before any of it is read; nothing is reserved.

        For bodies that tell inside what file they are. Raises RightMissing, FileTooLarge,
        QuotaExceeded.
        """
        seat.require(Right.WRITE)
        bound = min(limit or self._settings.upload_max_size, self._settings.upload_max_size)
        await Reservation(self._catalog, seat, bound, self._settings.lease).foresee(length)

    async def receive(
        self,
        seat: Seat,
        source: Source,
        entry: Entry,
        *,
        length: int | None = None,
        expected: Mapping[str, bytes] | None = None,
        limit: int | None = None,
        idempotency: Once | None = None,
        amend: Amend | None = None,
        most_held: int | None = None,
    ) -> File:
        """Store a whole body as a new file, kept or held as the entry says; return it when durable.

        ``length`` is the declared number of bytes, ``expected`` digests by algorithm, ``limit`` a
        bound of the dialect, ``amend`` adds what a form says behind the bytes, ``most_held`` is how
        many held files the caller may have with this one. Raises RightMissing, TooManyUploads,
        FileTooLarge, QuotaExceeded, DigestMismatch, FolderUnknown, BadName, IdempotencyConflict,
        and what the source raises.
        """
        seat.require(Right.WRITE)
        if most_held is not None:
            await self._catalog.look(lambda tx: _require_few_held(tx, seat, most_held))
        raw, made_up = entry, not entry.name
        entry = entry.clean()
        bound = min(limit or self._settings.upload_max_size, self._settings.upload_max_size)
        reservation = Reservation(self._catalog, seat, bound, self._settings.lease)
        async with reservation:
            if length is not None:
                await reservation.announce(length)
            draft = await self.draft(source, expected, reservation)
            async with draft:
                if amend is not None:
                    raw = await amend(raw)
                    made_up, entry = not raw.name, raw.clean()
                detected = detect(draft.head, draft.size, entry.name)
                if made_up:
                    entry = default_name(entry, extension_for(detected))

                def commit(tx: Tx, content: Content, now: int) -> File:
                    file = keeping.new_file(entry, seat.space_id, seat.principal_id, now, content)
                    back = reservation.settle(tx)
                    earlier = _claim(tx, seat, idempotency, draft, file)
                    if earlier is not None:
                        contents.drop(tx, content.id, now)
                        spaces.charge(tx, seat.space_id, reserved=-back)
                        return earlier
                    # In this order: whoever deletes a folder holds the space's row first.
                    spaces.charge(tx, seat.space_id, used=draft.size, reserved=-back)
                    require_folder(tx, seat, entry.folder_id, entry.year_id)
                    _require_few_held(tx, seat, most_held)
                    files.insert_file(tx, file)
                    record(
                        tx,
                        seat.space_id,
                        seat.principal_id,
                        f"file.{file.state}",
                        file.id,
                        size=file.size,
                        name=file.name,
                    )
                    return file

                return await self.deposit(seat.space_id, draft, detected, commit)

    async def replace(
        self,
        seat: Seat,
        file_id: int,
        source: Source,
        *,
        name: str | None = None,
        declared_type: str | None = None,
        length: int | None = None,
        expected: Mapping[str, bytes] | None = None,
        limit: int | None = None,
        precondition: Precondition | None = None,
        closes: bool | None = None,
        held_until: int | None = None,
    ) -> File:
        """Store a whole body as the new version of a file; the old one stays as undo.

        ``name`` None keeps the name; ``closes`` ends (True) or keeps (None) being open for appends;
        with ``held_until`` only a held file is there, and it expires then (ms). Raises as
        ``receive``, and FileNotFound, Protected, PreconditionFailed.
        """
        is_held = held_until is not None
        file = await self._catalog.look(
            lambda tx: _replaceable(tx, seat, files.by_id(tx, file_id), is_held)
        )
        if precondition is not None and not precondition.holds(file):
            raise PreconditionFailed
        wish = Entry(name=name or file.name, declared_type=declared_type).clean()
        bound = min(limit or self._settings.upload_max_size, self._settings.upload_max_size)
        reservation = Reservation(self._catalog, seat, bound, self._settings.lease, file.size)
        async with reservation:
            if length is not None:
                await reservation.announce(length)
            draft = await self.draft(source, expected, reservation)
            async with draft:
                detected = detect(draft.head, draft.size, wish.name)

                def commit(tx: Tx, content: Content, now: int) -> File:
                    present = _replaceable(tx, seat, files.lock(tx, file_id), is_held)
                    changed = present.version != file.version
                    if precondition is not None and changed:
                        raise PreconditionFailed
                    back = reservation.settle(tx)
                    grown = draft.size - present.size
                    spaces.charge(tx, seat.space_id, used=grown, reserved=-back)
                    return keeping.supersede(
                        tx,
                        present,
                        content,
                        seat.principal_id,
                        now,
                        self._settings.undo_versions,
                        name=wish.name,
                        name_fold=fold(wish.name),
                        declared_type=wish.declared_type,
                        is_open=present.is_open and not closes,
                        expires_at=held_until if is_held else present.expires_at,
                    )

                return await self.deposit(seat.space_id, draft, detected, commit)

    async def deposit(self, space_id: int, draft: Draft, detected: str, commit: Commit) -> File:
        """Make a draft durable and name it in one transaction: the one completion of all dialects.

        Bytes that the space has already are not stored again; should they vanish in between, they
        are stored after all. Small ones are stored without asking, while their transaction waits
        for them. If the transaction fails, bytes stored here are removed again.
        """
        promised = draft.promise()
        key: str | None = None
        if promised is not None:
            key, stowed = promised
        else:
            stowed = None
            shared = await self._catalog.look(lambda tx: contents.find(tx, space_id, draft.sha256))
            key = None if shared else await draft.store()
        deposit = Deposit(draft, detected, key, self._settings)

        def work(tx: Tx) -> File | None:
            now = now_ms()
            content = deposit.adopt(tx, space_id, now)
            return None if content is None else commit(tx, content, now)

        try:
            for _ in range(_TRIES):
                file = await self._catalog.write(work, stowed)
                if file is not None:
                    break
                deposit.key = await draft.store()
            else:
                raise Internal("The content was lost to the sweeper again and again.")
        except Unavailable:
            raise  # the commit may still come to pass: bytes without a row are for fsck
        except ConsigneError:
            await self._drop_orphan(deposit)
            raise
        if deposit.key is not None and not deposit.used:
            await self._drop_orphan(deposit)
        return file

    async def _drop_orphan(self, deposit: Deposit) -> None:
        """Remove stored bytes that no row names."""
        key = deposit.key
        if key is None:
            return
        try:
            known = await self._catalog.look(lambda tx: contents.by_key(tx, key))
            if known is None:
                await self._bucket.delete(key)
        except ConsigneError:
            return  # fsck and the sweeper find bytes without a row

    async def draft(
        self, source: Source, expected: Mapping[str, bytes] | None, reservation: Reservation
    ) -> Draft:
        """Read a body and compare the digests that were announced. Raises DigestMismatch."""
        wanted = expected or {}
        extra = [name for name in wanted if name not in ("sha-256", "md5")]
        draft = await self._bucket.draft(source, extra=extra, gauge=reservation.gauge)
        try:
            found = {"sha-256": draft.sha256, "md5": draft.md5, **draft.extra}
            check_digests(wanted, found)
        except ConsigneError:
            await draft.discard()
            raise
        return draft


def _require_few_held(tx: Tx, seat: Seat, most: int | None) -> None:
    if most is None:
        return
    if files.held_by(tx, seat.space_id, seat.principal_id, now_ms()) >= most:
        raise TooManyUploads(
            f"There are {most} temporary files already.",
            hint="Keep or delete some of them, or wait until they expire.",
        )


def _replaceable(tx: Tx, seat: Seat, found: File | None, is_held: bool = False) -> File:
    now = now_ms()
    file = writable(tx, seat, found, now)
    if is_expired(file, now) or (is_held and file.state is not State.HELD):
        raise FileNotFound
    require_unguarded(file, now)
    return file


def _fingerprint(draft: Draft) -> bytes:
    return hashlib.sha256(draft.sha256 + draft.size.to_bytes(8, "big")).digest()


def _claim(tx: Tx, seat: Seat, idempotency: Once | None, draft: Draft, file: File) -> File | None:
    """Claim an idempotency key for a new file, or return the file that the same request made.

    Raises IdempotencyConflict where the key was used with other bytes, or its file is gone.
    """
    if idempotency is None:
        return None
    owner = (seat.space_id, seat.principal_id, idempotency.route, idempotency.key)
    fingerprint = _fingerprint(draft)
    if once.remember(tx, *owner, fingerprint, file.id, file.created_at + _ONCE_LIFE):
        return None
    found = once.recall(tx, *owner)
    earlier = files.by_id(tx, found[1]) if found and found[0] == fingerprint else None
    if earlier is None:
        raise IdempotencyConflict(
            hint="Use a new Idempotency-Key for a new request.", parameter="Idempotency-Key"
        )
    return earlier
