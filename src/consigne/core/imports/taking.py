"""Taking rows in: many in a transaction, each in a step of its own, with its result (C-52).

Rows are saved with the rights of who started the import, as they are at that moment. Where plug-ins
want to be asked about records of the type, each row is a save of its own, as through any door.
"""

from collections.abc import Sequence
from contextlib import nullcontext

import structlog

from consigne.catalog import files, imports, jobs, principals, spaces
from consigne.catalog.engine import Tx
from consigne.core import jobs as queue
from consigne.core.clock import now_ms
from consigne.core.imports.faults import INTERNAL, encode_faults, faults_of
from consigne.core.imports.wishes import Hand, Ready, Refused, Wish, wish_of
from consigne.core.records import permits
from consigne.core.records.asking import Draft, Seen
from consigne.core.records.change import Full
from consigne.core.records.changing import Changing
from consigne.core.records.looking import full, type_of
from consigne.core.records.plan import make_plan
from consigne.core.records.saving import (
    Saved,
    change_in,
    create_in,
    layout_in,
    named_files,
    pinned_type,
    standing_of,
)
from consigne.core.seat import Caller, Seat
from consigne.errors import (
    AlreadyLinked,
    BadParameter,
    ConsigneError,
    ConstraintFailed,
    Infected,
    Internal,
    LinkRefused,
    NotMember,
    RightMissing,
    WrongState,
)
from consigne.model.entities import Job
from consigne.model.imports import Fault, ImportRow, ImportRun
from consigne.model.records import RecordType
from consigne.model.rights import Right

log = structlog.get_logger()

# What a save refuses before it writes anything.
_EARLY = (ConstraintFailed, LinkRefused, AlreadyLinked, Infected, RightMissing)


def seat_of(tx: Tx, job: Job) -> Seat:
    """Return the place of who started a job, as it is now. Raises NotMember."""
    user = principals.by_id(tx, job.created_by) if job.created_by is not None else None
    space = spaces.by_id(tx, job.space_id)
    if user is None or space is None or space.deleted_at is not None or not user.is_active:
        raise NotMember("Who started the job is not there any more.")
    member = spaces.member_of(tx, space.id, user.id)
    return Seat(Caller(user), space, member.role if member else None)


class Taking(Changing):
    """The verb ``take``."""

    async def take(self, job: Job, run: ImportRun, batch: Sequence[Ready], done: int) -> None:
        """Save rows, in their order, with their results; ``done`` counts all rows up to the last.

        Raises WrongState where the lease is lost, RightMissing where who started the import may do
        so no longer, TypeNotFound, and errors that may pass.
        """
        if await self._is_asked(run):
            for number, each in enumerate(batch, done - len(batch) + 1):
                await self._take_asked(job, run, each, number)
            return
        try:
            await self._take_together(job, run, batch, done)
        except Exception as error:
            if _is_for_all(error):
                raise
            for number, each in enumerate(batch, done - len(batch) + 1):
                await self._take_alone(job, run, each, number)

    async def _is_asked(self, run: ImportRun) -> bool:
        """Tell whether anybody wants to be asked about these records."""
        hooks = self._hooks
        if hooks is None:
            return False

        def work(tx: Tx) -> bool:
            type = type_of(tx, run.type_id)
            return hooks.concern(tx, type, layout_in(tx, type))

        return await self._catalog.look(work)

    async def _take_together(
        self, job: Job, run: ImportRun, batch: Sequence[Ready], done: int
    ) -> None:
        """Save rows in one transaction.

        What is refused before anything is written needs no savepoint, which costs as much as the
        row itself; where a row is refused behind that, all of them are saved again, in steps.
        """

        def work(tx: Tx, in_steps: bool) -> None:
            queue.require_lease(tx, job)
            spaces.lock(tx, job.space_id)
            seat, type = _manager(tx, job), pinned_type(tx, run.type_id)
            hand = Hand(tx, seat, run, type, layout_in(tx, type), now_ms(), {})
            results = []
            for each in batch:
                try:
                    with tx.step() if in_steps else nullcontext():
                        number = _save(hand, each).record.id
                    results.append(ImportRow(job.id, each.line, number, None))
                except Refused as refused:
                    if not refused.is_early and not in_steps:
                        raise
                    results.append(_refused(job, each, refused.faults))
            imports.add_rows(tx, results)
            jobs.progress(tx, job.id, job.holder or "", done, None)

        try:
            await self._catalog.write(lambda tx: work(tx, in_steps=False))
        except Refused:
            await self._catalog.write(lambda tx: work(tx, in_steps=True))

    async def _take_alone(self, job: Job, run: ImportRun, each: Ready, done: int) -> None:
        """Save one row of a batch in which something went wrong inside."""
        try:
            await self._take_together(job, run, [each], done)
        except Exception as error:
            if _is_for_all(error):
                raise
            log.error("import_row_failed", job=str(job.id), line=each.line, exc_info=error)
            await self._note(job, _refused(job, each, [INTERNAL]), done)

    async def _take_asked(self, job: Job, run: ImportRun, each: Ready, done: int) -> None:
        """Save one row, with everybody asked who wants to be."""

        def hand(tx: Tx, type: RecordType, *, lock: bool) -> Hand:
            layout = layout_in(tx, type)
            return Hand(tx, _manager(tx, job), run, type, layout, now_ms(), {}, lock)

        def prepare(tx: Tx) -> Draft:
            held = hand(tx, type_of(tx, run.type_id), lock=False)
            wish = wish_of(held, each)
            if wish.faults:
                raise Refused(wish.faults)
            record, change = wish.record, wish.change
            standing = standing_of(tx, record) if record is not None else {}
            named = self._unlocked(tx, change)
            plan = make_plan(tx, held.seat, held.layout, record, standing, change, named, held.now)
            action = "create" if record is None else "change"
            told = self._occasion(action, held.seat, held.type, held.layout, record, plan)
            etag = record.etag if record is not None else None
            inserts = record is None or bool(plan.incoming)
            return Draft(told, plan.failures, plan.require_sound, etag, plan.mark, inserts)

        def commit(tx: Tx, seen: Seen | None) -> Full:
            queue.require_lease(tx, job)
            spaces.lock(tx, job.space_id)
            held = hand(tx, pinned_type(tx, run.type_id), lock=True)
            saved = _save(held, each, seen)
            made = full(tx, saved.record, held.type, held.layout, saved.links)
            if seen is not None:
                seen.book(tx, made)
            imports.add_rows(tx, [ImportRow(job.id, each.line, saved.record.id, None)])
            jobs.progress(tx, job.id, job.holder or "", done, None)
            return made

        try:
            await self._save(prepare, commit)
        except Refused as refused:
            await self._note(job, _refused(job, each, refused.faults), done)
        except ConsigneError as error:
            if queue.may_pass(error) or isinstance(error, WrongState | NotMember):
                raise
            await self._note(job, _refused(job, each, faults_of(error)), done)

    async def _note(self, job: Job, result: ImportRow, done: int) -> None:
        def work(tx: Tx) -> None:
            queue.require_lease(tx, job)
            imports.add_rows(tx, [result])
            jobs.progress(tx, job.id, job.holder or "", done, None)

        await self._catalog.write(work)


def _is_for_all(error: Exception) -> bool:
    """Tell whether an error is none of a single row: the others would meet it, too."""
    return isinstance(error, ConsigneError) and not isinstance(error, Internal | BadParameter)


def _manager(tx: Tx, job: Job) -> Seat:
    seat = seat_of(tx, job)
    seat.require(Right.MANAGE)
    return seat


def _save(hand: Hand, each: Ready, seen: Seen | None = None) -> Saved:
    """Save what a row asks for. Raises Refused with all that is wrong with it."""
    wish = wish_of(hand, each)
    tx, seat, type, record, faults = hand.tx, hand.seat, hand.type, wish.record, wish.faults
    mark = seen.draft.mark if seen is not None else None
    if seen is not None and record is not None:
        seen.require_same(record)
    try:
        if record is None:
            groups = permits.groups_for(tx, seat, type.rules)
            permits.require(seat, groups, type.rules, "create")
        if faults:
            _require_sound(hand, wish)
            raise Refused(faults)
        if record is None:
            return create_in(tx, seat, type, hand.layout, wish.change, hand.now, seen=mark)
        return change_in(tx, seat, record, type, hand.layout, wish.change, hand.now, seen=mark)
    except ConsigneError as error:
        if queue.may_pass(error):
            raise
        known = {fault.field for fault in faults}
        more = [fault for fault in faults_of(error) if fault.field not in known or not fault.field]
        raise Refused([*faults, *more], is_early=isinstance(error, _EARLY)) from None


def _require_sound(hand: Hand, wish: Wish) -> None:
    """Raise what a save would refuse, without saving."""
    tx, record = hand.tx, wish.record
    standing = standing_of(tx, record) if record is not None else {}
    named = {number: files.by_id(tx, number) for number in named_files(wish.change)}
    found = {number: file for number, file in named.items() if file is not None}
    plan = make_plan(tx, hand.seat, hand.layout, record, standing, wish.change, found, hand.now)
    plan.require_sound()


def _refused(job: Job, each: Ready, faults: Sequence[Fault]) -> ImportRow:
    return ImportRow(job.id, each.line, None, encode_faults(faults))
