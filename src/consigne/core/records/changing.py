"""What all verbs that change a record share: the right one, held, and a save of what it becomes."""

from collections.abc import Callable

from consigne.catalog import files, records, spaces
from consigne.catalog.engine import Catalog, Tx
from consigne.core.clock import now_ms
from consigne.core.entry import Precondition
from consigne.core.intake import Intake
from consigne.core.records import permits
from consigne.core.records.asking import Asking, Draft, Seen
from consigne.core.records.change import Change, Full, Ref
from consigne.core.records.hooks import Hooks, Occasion
from consigne.core.records.layout import Layout
from consigne.core.records.looking import found, full, type_of
from consigne.core.records.plan import Plan, make_plan
from consigne.core.records.saving import (
    change_in,
    layout_in,
    named_files,
    pinned_type,
    standing_of,
)
from consigne.core.seat import Seat
from consigne.errors import PreconditionFailed, RecordLocked, RecordNotFound, RecordTrashed
from consigne.model.entities import File
from consigne.model.records import Record, RecordState, RecordType
from consigne.settings import Settings

Made = Callable[[Tx, Record, Layout], Change]


class Changing(Asking):
    """How a record is found, held and changed."""

    def __init__(
        self, catalog: Catalog, intake: Intake, settings: Settings, hooks: Hooks | None = None
    ) -> None:
        super().__init__(catalog, settings, hooks)
        self._intake = intake

    async def _changed(
        self,
        action: str,
        seat: Seat,
        ref: Ref,
        made: Made,
        precondition: Precondition | None = None,
        replaced: Callable[[Tx, RecordType], Layout | None] = lambda tx, type: None,
    ) -> Full:
        """Change a record by what ``made`` says in the transaction itself."""

        def prepare(tx: Tx) -> Draft:
            record, type, layout = self._writable(
                tx, seat, ref, "edit", precondition=precondition, lock=False
            )
            change = made(tx, record, layout)
            standing = standing_of(tx, record)
            held = self._unlocked(tx, change)
            plan = make_plan(
                tx, seat, layout, record, standing, change, held, now_ms(),
                replaces=replaced(tx, type),
            )  # fmt: skip
            told = self._occasion(action, seat, type, layout, record, plan)
            return Draft(
                told, plan.failures, plan.require_sound, record.etag, plan.mark,
                bool(plan.incoming),
            )  # fmt: skip

        def commit(tx: Tx, seen: Seen | None) -> Full:
            spaces.lock(tx, seat.space_id)
            record, type, layout = self._writable(
                tx, seat, ref, "edit", precondition=precondition, seen=seen
            )
            self._require_unasked(tx, seen, type, layout)
            change = made(tx, record, layout)
            mark = seen.draft.mark if seen is not None else None
            saved = change_in(
                tx, seat, record, type, layout, change, now_ms(),
                replaces=replaced(tx, type), seen=mark,
            )  # fmt: skip
            answer = full(tx, saved.record, type, layout, saved.links)
            if seen is not None:
                seen.book(tx, answer)
            return answer

        return await self._save(prepare, commit, tries=True)

    def _writable(
        self,
        tx: Tx,
        seat: Seat,
        ref: Ref,
        verb: str,
        *,
        trashed: bool = False,
        frozen: bool = False,
        breaks_lock: bool = False,
        precondition: Precondition | None = None,
        seen: Seen | None = None,
        lock: bool = True,
    ) -> tuple[Record, RecordType, Layout]:
        """Return a record that the caller may change, its row held, with type and newest fields.

        A frozen revision stands for its live record unless ``frozen`` is meant (DY-55).
        """
        record: Record | None = found(tx, seat, ref)
        assert record is not None
        if record.state is RecordState.FROZEN and not frozen:
            record = records.by_id(tx, record.initid) or record
        number = record.type_id
        type = pinned_type(tx, number) if lock else type_of(tx, number)
        record = records.lock(tx, record.id) if lock else record
        if record is None:
            raise RecordNotFound
        if record.state is RecordState.TRASHED and not trashed:
            raise RecordTrashed
        acl = record.rules(type)
        permits.require(seat, permits.groups_for(tx, seat, acl), acl, verb)
        require_unlocked(seat, record, breaks=breaks_lock)
        if precondition is not None and not precondition.holds(record):
            raise PreconditionFailed("The record was changed in the meantime.")
        if seen is not None:
            seen.require_same(record)
        return record, type, layout_in(tx, type)

    def _unlocked(self, tx: Tx, change: Change) -> dict[int, File]:
        present = {number: files.by_id(tx, number) for number in named_files(change)}
        return {number: file for number, file in present.items() if file is not None}

    def _occasion(
        self,
        action: str,
        seat: Seat,
        type: RecordType,
        layout: Layout,
        record: Record | None,
        plan: Plan,
    ) -> Occasion:
        incoming = {(each.field, each.idx): each.file for each in plan.incoming}
        checks = list(plan.checks(layout))
        return Occasion(action, seat, type, layout, record, plan.values, incoming, checks)


def require_unlocked(seat: Seat, record: Record, *, breaks: bool = False) -> None:
    """Raise RecordLocked where another has the record locked."""
    if record.locked_by not in (None, seat.principal_id) and not breaks:
        raise RecordLocked(holder=record.locked_by)
