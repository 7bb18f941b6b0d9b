"""The verbs on records: make, change, lock, freeze, into the trash and out, for good."""

import hashlib

import msgspec

from consigne.catalog import links, once, record_types, records, spaces
from consigne.catalog.engine import Tx
from consigne.core.clock import now_ms
from consigne.core.entry import Precondition
from consigne.core.history import record as write_event
from consigne.core.records import ending, permits
from consigne.core.records.asking import Commit, Draft, Seen
from consigne.core.records.change import Change, Full, Ref
from consigne.core.records.hooks import Occasion
from consigne.core.records.layout import Layout
from consigne.core.records.looking import full, type_of
from consigne.core.records.plan import make_plan
from consigne.core.records.receiving import Receiving
from consigne.core.records.saving import (
    clean_uuid,
    create_in,
    layout_in,
    pinned_type,
)
from consigne.core.records.specs import check_acl
from consigne.core.seat import Seat
from consigne.errors import (
    IdempotencyConflict,
    TypeNotFound,
    WrongState,
)
from consigne.model.records import Acl, Record, RecordState, RecordType
from consigne.model.rights import Right

_ONCE_LIFE = 30 * 86_400_000
_BY_UUID = "record-uuid"
_ANYONE = 0
_encode = msgspec.json.Encoder(order="deterministic").encode


class Records(Receiving):
    """All verbs on records.

    Those that change one raise RecordNotFound, RecordTrashed, RightMissing (details ``right``:
    view, edit, delete, create or modify), RecordLocked and PreconditionFailed.
    """

    async def create(self, seat: Seat, type_id: int, change: Change) -> Full:
        """Make a record of a type, with values and files, all or nothing.

        A create repeated with its UUID or its ``once`` key returns the record that there is
        (``is_repeat``). Raises TypeNotFound, IdempotencyConflict (other content, or the record is
        gone), ConstraintFailed, LinkRefused, AlreadyLinked, Infected, NameTaken, BadName,
        BadParameter, QuotaExceeded, HookRefused.
        """
        marks = _marks(seat, type_id, change)

        def prepare(tx: Tx) -> Draft:
            type = _creatable(tx, seat, record_types.by_id(tx, type_id))
            layout = layout_in(tx, type)
            held = self._unlocked(tx, change)
            plan = make_plan(tx, seat, layout, None, {}, change, held, now_ms())
            told = self._occasion("create", seat, type, layout, None, plan)
            return Draft(told, plan.failures, plan.require_sound, None, plan.mark, True)

        def commit(tx: Tx, seen: Seen | None) -> Full:
            now = now_ms()
            if change.files:
                spaces.lock(tx, seat.space_id)
            type = _creatable(tx, seat, pinned_type(tx, type_id))
            layout = layout_in(tx, type)
            self._require_unasked(tx, seen, type, layout)
            _require_version(tx, type, change)
            if (earlier := _claim(tx, seat, marks, now)) is not None:
                return earlier
            mark = seen.draft.mark if seen is not None else None
            saved = create_in(tx, seat, type, layout, change, now, seen=mark)
            for principal, route, key, _ in marks:
                once.settle(tx, seat.space_id, principal, route, key, saved.record.id)
            made = full(tx, saved.record, type, layout, saved.links)
            if seen is not None:
                seen.book(tx, made)
            return made

        def repeated(tx: Tx) -> Full | None:
            _creatable(tx, seat, record_types.by_id(tx, type_id))
            return _earlier(tx, seat, marks)

        if marks and (earlier := await self._catalog.look(repeated)) is not None:
            return earlier
        return await self._save(prepare, commit, tries=True)

    async def change(
        self,
        seat: Seat,
        ref: Ref,
        change: Change,
        *,
        replace: bool = False,
        precondition: Precondition | None = None,
    ) -> Full:
        """Change what is named; with ``replace`` what is not named is cleared.

        Of an older ``type_version`` only the fields that it had count as not named. Raises as
        ``create``.
        """

        def replaced(tx: Tx, type: RecordType) -> Layout | None:
            _require_version(tx, type, change)
            return layout_in(tx, type, change.type_version) if replace else None

        return await self._changed(
            "change", seat, ref, lambda tx, record, layout: change, precondition, replaced
        )

    async def delete(self, seat: Seat, ref: Ref, precondition: Precondition | None = None) -> None:
        """Delete a record for good, also from the trash; its files go where no reason keeps them.

        Raises Protected where one of them is on hold.
        """

        def commit(tx: Tx, seen: Seen | None) -> Full:
            spaces.lock(tx, seat.space_id)
            record, type, layout = self._writable(
                tx, seat, ref, "delete", trashed=True, precondition=precondition, frozen=True
            )
            gone = full(tx, record, type, layout)
            ending.delete_in(tx, seat.principal_id, record, now_ms(), self._settings.undo_versions)
            if seen is not None:
                seen.book(tx, gone)
            return gone

        await self._end("delete", seat, ref, commit, trashed=True)

    async def trash(self, seat: Seat, ref: Ref, precondition: Precondition | None = None) -> Full:
        """Move a record into the trash; its files stay linked and charged."""

        def commit(tx: Tx, seen: Seen | None) -> Full:
            record, type, layout = self._writable(
                tx, seat, ref, "delete", precondition=precondition
            )
            gone = ending.trash_in(tx, seat.principal_id, record, now_ms())
            answer = full(tx, gone, type, layout)
            if seen is not None:
                seen.book(tx, answer)
            return answer

        return await self._end("trash", seat, ref, commit)

    async def restore(self, seat: Seat, ref: Ref) -> Full:
        """Take a record out of the trash. Raises WrongState where it is not there."""

        def work(tx: Tx) -> Full:
            record, type, layout = self._writable(tx, seat, ref, "delete", trashed=True)
            if record.state is not RecordState.TRASHED:
                raise WrongState(
                    "The record is not in the trash.", state=record.state.value, verb="restore"
                )
            acl = record.rules(type)
            back = ending.restore_in(tx, seat.principal_id, record, acl, layout, now_ms())
            return full(tx, back, type, layout)

        return await self._catalog.write(work)

    async def freeze(self, seat: Seat, ref: Ref) -> Full:
        """Freeze the present state as a revision, and return that one."""

        def work(tx: Tx) -> Full:
            record, type, layout = self._writable(tx, seat, ref, "edit")
            _, frozen = ending.freeze_in(tx, seat.principal_id, record, now_ms())
            return full(tx, frozen, type, layout)

        return await self._catalog.write(work)

    async def lock(self, seat: Seat, ref: Ref) -> Full:
        """Keep everybody else from writing to a record. Raises RecordLocked."""

        def work(tx: Tx) -> Full:
            record, type, layout = self._writable(tx, seat, ref, "edit")
            return self._set_lock(tx, seat, record, type, layout, seat.principal_id)

        return await self._catalog.write(work)

    async def unlock(self, seat: Seat, ref: Ref) -> Full:
        """Let others write again; another's lock needs ``manage``. Raises RecordLocked."""

        def work(tx: Tx) -> Full:
            breaks = seat.has(Right.MANAGE)
            record, type, layout = self._writable(tx, seat, ref, "edit", breaks_lock=breaks)
            return self._set_lock(tx, seat, record, type, layout, None)

        return await self._catalog.write(work)

    async def set_acl(self, seat: Seat, ref: Ref, acl: Acl | None) -> Full:
        """Give a record an ACL of its own, None: its type's again. Needs ``manage``."""
        seat.require(Right.MANAGE)
        if acl is not None:
            check_acl(acl)

        def work(tx: Tx) -> Full:
            record, type, layout = self._writable(tx, seat, ref, "edit")
            text = None if acl is None else msgspec.json.encode(acl).decode()
            changed = records.change(
                tx, record, acl=text, updated_at=max(now_ms(), record.updated_at + 1),
                updated_by=seat.principal_id,
            )  # fmt: skip
            restricted = permits.is_restricted(changed.rules(type))
            links.stamp_record(tx, record.id, restricted=restricted, hidden=layout.hidden)
            write_event(
                tx, seat.space_id, seat.principal_id, "record.changed", record.id, changed=["acl"]
            )
            return full(tx, changed, type, layout)

        return await self._catalog.write(work)

    async def _end(
        self, action: str, seat: Seat, ref: Ref, commit: Commit, *, trashed: bool = False
    ) -> Full:
        def prepare(tx: Tx) -> Draft:
            record, type, layout = self._writable(
                tx, seat, ref, "delete", trashed=trashed, frozen=True, lock=False
            )
            told = Occasion(action, seat, type, layout, record, {}, {})
            return Draft(told, [], lambda: None, record.etag)

        return await self._save(prepare, commit)

    def _set_lock(
        self,
        tx: Tx,
        seat: Seat,
        record: Record,
        type: RecordType,
        layout: Layout,
        holder: int | None,
    ) -> Full:
        if record.locked_by != holder:
            record = records.change(tx, record, locked_by=holder)
            action = "record.unlocked" if holder is None else "record.locked"
            write_event(tx, seat.space_id, seat.principal_id, action, record.id)
        return full(tx, record, type, layout)


_Mark = tuple[int, str, str, bytes]


def _marks(seat: Seat, type_id: int, change: Change) -> list[_Mark]:
    """Return by what a repeated create is recognised: (principal, route, key, fingerprint)."""
    if change.once is None and change.uuid is None:
        return []
    plain = msgspec.structs.replace(change, once=None)
    fingerprint = hashlib.sha256(_encode([type_id, plain])).digest()
    marks: list[_Mark] = []
    if change.once is not None:
        marks.append((seat.principal_id, change.once.route, change.once.key, fingerprint))
    if change.uuid is not None:
        marks.append((_ANYONE, _BY_UUID, clean_uuid(change.uuid), fingerprint))
    return marks


def _claim(tx: Tx, seat: Seat, marks: list[_Mark], now: int) -> Full | None:
    """Claim the marks of a create, or return the record that the same request has made.

    A request that comes at the same time waits here for the end of the other.
    """
    for principal, route, key, fingerprint in marks:
        until = now + _ONCE_LIFE
        is_new = once.remember(tx, seat.space_id, principal, route, key, fingerprint, 0, until)
        if not is_new:
            return _earlier(tx, seat, marks)
        if route == _BY_UUID and records.by_uuid(tx, seat.space_id, key) is not None:
            raise IdempotencyConflict("A record with this id exists.", id=key)
    return None


def _earlier(tx: Tx, seat: Seat, marks: list[_Mark]) -> Full | None:
    for principal, route, key, fingerprint in marks:
        known = once.recall(tx, seat.space_id, principal, route, key)
        if known is None:
            continue
        record = records.by_id(tx, known[1])
        is_there = record is not None and record.state is RecordState.LIVE
        if record is None or not is_there or known[0] != fingerprint:
            raise IdempotencyConflict(hint="Use a new id or key for a new record.", id=key)
        type = type_of(tx, record.type_id)
        if record.created_by != seat.principal_id:
            acl = record.rules(type)
            permits.require(seat, permits.groups_for(tx, seat, acl), acl, "view")
        earlier = full(tx, record, type, layout_in(tx, type))
        return msgspec.structs.replace(earlier, is_repeat=True)
    return None


def _creatable(tx: Tx, seat: Seat, type: RecordType | None) -> RecordType:
    if type is None or type.space_id != seat.space_id:
        raise TypeNotFound
    permits.require(seat, permits.groups_for(tx, seat, type.rules), type.rules, "create")
    return type


def _require_version(tx: Tx, type: RecordType, change: Change) -> None:
    if change.type_version is not None:
        layout_in(tx, type, change.type_version)
