"""A new content for a file that stands in a record: same identity, name and reference (DY-25).

As in ``intake``: rights and room first, then the bytes, then hooks and constraints, then stable
storage, then one transaction that checks everything again.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec

from consigne.blobs.draft import Draft as Bytes
from consigne.catalog import files, spaces
from consigne.catalog.engine import Tx
from consigne.core import keeping
from consigne.core.access import guards_of
from consigne.core.clock import now_ms
from consigne.core.entry import Precondition, Source
from consigne.core.quota import Reservation
from consigne.core.records import values as rules
from consigne.core.records.asking import Draft, Seen
from consigne.core.records.attaching import Attaching, file_field, row_of
from consigne.core.records.change import Failure, Full, Ref
from consigne.core.records.hooks import Check, Occasion
from consigne.core.records.layout import Layout
from consigne.core.records.looking import full
from consigne.core.records.plan import failed
from consigne.core.records.saving import standing_of, touch
from consigne.core.seat import Seat
from consigne.core.sniff import detect
from consigne.errors import LinkNotFound, PreconditionFailed, Protected, RightMissing
from consigne.model.entities import Content, File, Guard, Reason
from consigne.model.records import Field, Record, RecordType


class Target(msgspec.Struct, frozen=True):
    """The place of a file that is to be replaced; ``index`` None in a field without rows."""

    record: Record
    type: RecordType
    layout: Layout
    field: Field
    index: int | None
    file: File

    def failures(self, new: File) -> list[Failure]:
        """Return what keeps a new content from standing there."""
        return list(rules.file_failure(self.field, self.index, new))

    def told(self, seat: Seat, new: File, draft: Bytes) -> Occasion:
        """Return what hooks are told of the new content."""
        checks = [Check(name, self.field, self.index, None, new) for name in self.field.constraints]
        at = (self.field.id, -1 if self.index is None else self.index)
        return Occasion(
            "change", seat, self.type, self.layout, self.record, {}, {at: new}, checks,
            {at: draft.stream},
        )  # fmt: skip


class Aim(Protocol):
    """Shape of the function that finds the place, its rows held with ``lock``."""

    def __call__(self, tx: Tx, *, lock: bool) -> Target: ...


class Replacing(Attaching):
    """The verb ``replace_file``."""

    async def replace_file(
        self,
        seat: Seat,
        ref: Ref,
        field: str,
        idx: int | None,
        source: Source,
        *,
        length: int | None = None,
        expected: Mapping[str, bytes] | None = None,
        declared_type: str | None = None,
        uploaded_as: str | None = None,
        limit: int | None = None,
        precondition: Precondition | None = None,
    ) -> Full:
        """Store a whole body as the new content of the file that stands in a field.

        The difference in size is charged; ``uploaded_as`` helps to tell its type and goes to its
        history. ``precondition`` is on the file. Raises as ``Intake.replace``, LinkNotFound,
        FieldNotFound, ConstraintFailed, HookRefused, Protected (a hold), and what changes of a
        record raise.
        """

        def aim(tx: Tx, *, lock: bool) -> Target:
            record, type, layout = self._writable(tx, seat, ref, "edit", lock=lock)
            target = target_in(tx, record, type, layout, field, idx, lock=lock)
            if precondition is not None and not precondition.holds(target.file):
                raise PreconditionFailed
            return target

        before = await self._catalog.look(lambda tx: aim(tx, lock=False))
        bound = min(limit or self._settings.upload_max_size, self._settings.upload_max_size)
        # What a frozen revision shows stays charged: nothing is given back for it.
        is_pinned = Reason.PIN in Reason(before.file.reasons)
        given_back = 0 if is_pinned else before.file.size
        reservation = Reservation(self._catalog, seat, bound, self._settings.lease, given_back)
        async with reservation:
            if length is not None:
                _require_small(before, length)
                await reservation.announce(length)
            draft = await self._intake.draft(source, expected, reservation)
            async with draft:
                renewal = _Renewal(
                    seat, aim, draft, reservation, before.file, declared_type, uploaded_as,
                    self._settings.undo_versions,
                )  # fmt: skip

                async def store(seen: Seen | None) -> Full:
                    renewal.book = seen.book if seen is not None else None
                    await self._intake.deposit(
                        seat.space_id, draft, renewal.detected, renewal.commit
                    )
                    assert renewal.answer is not None
                    return renewal.answer

                return await self._stored(renewal.prepare, store)


class _Renewal:
    """A body on its way into a linked file."""

    def __init__(
        self,
        seat: Seat,
        aim: Aim,
        draft: Bytes,
        reservation: Reservation,
        file: File,
        declared_type: str | None,
        uploaded_as: str | None,
        undo: int,
    ) -> None:
        self._seat = seat
        self._aim = aim
        self._draft = draft
        self._reservation = reservation
        self._declared_type = declared_type
        self._uploaded_as = uploaded_as
        self._undo = undo
        self.detected = detect(draft.head, draft.size, uploaded_as or file.name)
        self.book: Callable[[Tx, Full], None] | None = None
        self.answer: Full | None = None

    def prepare(self, tx: Tx) -> Draft:
        target = self._aim(tx, lock=False)
        new = self._after(target)
        failures = target.failures(new)

        def refuse() -> None:
            if failures:
                raise failed(failures)

        return Draft(target.told(self._seat, new, self._draft), failures, refuse, inserts=True)

    def commit(self, tx: Tx, content: Content, now: int) -> File:
        seat, draft = self._seat, self._draft
        spaces.lock(tx, seat.space_id)
        target = self._aim(tx, lock=True)
        failures = target.failures(self._after(target))
        if failures:
            raise failed(failures)
        grown = draft.size - target.file.size
        back = self._reservation.settle(tx)
        spaces.charge(tx, seat.space_id, used=grown, reserved=-back)
        file = keeping.supersede(
            tx, target.file, content, seat.principal_id, now, self._undo,
            declared_type=self._declared_type,
        )  # fmt: skip
        told = [target.field.id]
        record = touch(tx, seat.principal_id, target.record, now, told, self._uploaded_as)
        self.answer = full(tx, record, target.type, target.layout)
        if self.book is not None:
            self.book(tx, self.answer)
        return file

    def _after(self, target: Target) -> File:
        """Return the file as it will be, as far as fields and hooks ask."""
        return msgspec.structs.replace(
            target.file,
            detected_type=self.detected,
            declared_type=self._declared_type,
            size=self._draft.size,
            sha256=self._draft.sha256,
            md5=self._draft.md5,
            content_id=None,
        )


def target_in(
    tx: Tx,
    record: Record,
    type: RecordType,
    layout: Layout,
    name: str,
    idx: int | None,
    *,
    lock: bool,
) -> Target:
    """Return the place of a file that may get a new content now.

    Raises FieldNotFound, BadParameter, RightMissing (hidden), LinkNotFound, Protected.
    """
    field = file_field(layout, name)
    if field.id in layout.hidden:
        raise RightMissing(
            f"The field {field.id!r} may not be modified.", right="modify", field=field.id
        )
    row = row_of(layout, field, idx)
    _, file = standing_of(tx, record).get((field.id, row), (None, None))
    if file is not None and lock:
        file = files.lock(tx, file.id)
    if file is None:
        raise LinkNotFound
    guards = guards_of(file, now_ms()) & ~Guard.LINKED
    if guards:
        raise Protected(guards=guards.names())
    return Target(record, type, layout, field, row if row >= 0 else None, file)


def _require_small(target: Target, size: int) -> None:
    """Refuse a body that its field has no room for, before any of it is read."""
    announced = msgspec.structs.replace(target.file, size=size)
    failures = [each for each in target.failures(announced) if each.code == "size"]
    if failures:
        raise failed(failures)
