"""What a save would do: named fields resolved, files judged, everything that is wrong collected.

Making a plan changes nothing. It is made once without locks where hooks want to be asked, and once
inside the transaction of the commit, with the rows of its files held.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from consigne.catalog.engine import Tx
from consigne.core.records import values as rules
from consigne.core.records.change import Change, Failure, Refusal, Slot, Slots
from consigne.core.records.hooks import Check
from consigne.core.records.layout import Layout
from consigne.core.records.linking import Arrival, judge
from consigne.core.seat import Seat
from consigne.errors import AlreadyLinked, ConstraintFailed, Infected, LinkRefused, RightMissing
from consigne.model.entities import File
from consigne.model.records import STRUCTURE, Field, Link, Record

Standing = Mapping[tuple[str, int], tuple[Link, File]]
Mark = frozenset[tuple[int, int]]


class Stale(Exception):
    """What hooks were asked about has changed since; ask again."""


class Plan(msgspec.Struct):
    """The outcome of a save that is not done yet.

    ``values``: those that it names, as they will be; ``all_values``: with the others;
    ``arrivals``: what will stand in the file fields in ``touched``.
    """

    values: dict[str, Any]
    all_values: dict[str, Any]
    touched: set[str]
    arrivals: list[Arrival]
    failures: list[Failure]
    refusals: list[Refusal]

    @property
    def incoming(self) -> list[Arrival]:
        """The files that the record has not got yet."""
        return [each for each in self.arrivals if each.link is None]

    @property
    def mark(self) -> Mark:
        """The files that come in, with their versions."""
        return frozenset((each.file.id, each.file.version) for each in self.incoming)

    def changed(self, record: Record, standing: Standing) -> set[str]:
        """Return the ids of the fields in which the record will differ."""
        before, present = record.values, set[str]()
        for name, value in self.values.items():
            if before.get(name) != value:
                present.add(name)
        old = {(link.field, link.idx, file.id, link.name, link.comment)
               for link, file in standing.values() if link.field in self.touched}  # fmt: skip
        new = {(a.field, a.idx, -1 if a.is_twin else a.file.id, a.slot.name, a.slot.comment)
               for a in self.arrivals}  # fmt: skip
        return present | {each[0] for each in old ^ new}

    def require_sound(self, seen: Mark | None = None) -> None:
        """Raise Stale where hooks have ``seen`` other files, else what is wrong.

        The worst class first, all of a class at once (DX-38): ConstraintFailed (values, and files
        too), LinkRefused, AlreadyLinked, Infected, ConstraintFailed (files).
        """
        if seen is not None and seen != self.mark:
            raise Stale
        about_values = any(each.file is None for each in self.failures)
        if not about_values and self.refusals:
            raise _refusal(self.refusals)
        if self.failures:
            raise failed(self.failures)
        if self.refusals:
            raise _refusal(self.refusals)

    def checks(self, layout: Layout) -> Iterator[Check]:
        """Yield the constraints of plug-ins on what the save names, once per row."""
        for name, value in self.values.items():
            field = layout.find(name)
            if field is None or not field.constraints or value is None:
                continue
            rows = enumerate(value) if layout.has_rows(field) else [(None, value)]
            for index, each in rows:
                for function in field.constraints:
                    yield Check(function, field, index, each, None)
        for arrival in self.arrivals:
            field = layout.find(arrival.field)
            for function in field.constraints if field else []:
                index = arrival.idx if arrival.idx >= 0 else None
                assert field is not None
                yield Check(function, field, index, None, arrival.file)


def failed(failures: list[Failure]) -> ConstraintFailed:
    """Return the refusal that lists all failures."""
    first = failures[0]
    text = f"{first.field}: {first.message}"
    if len(failures) > 1:
        text += f" (and {len(failures) - 1} more)"
    return ConstraintFailed(text, failures=failures)


def make_plan(
    tx: Tx,
    seat: Seat,
    layout: Layout,
    record: Record | None,
    standing: Standing,
    change: Change,
    found: Mapping[int, File],
    now: int,
    *,
    replaces: Layout | None = None,
) -> Plan:
    """Work out what a change would make of a record, None of a new one.

    ``standing``: its live links; ``found``: the files that the change names; ``replaces``: the
    fields of this layout are cleared unless the change names them. Raises RightMissing (``right``
    = ``modify``) where it names a hidden field.
    """
    present = record.values if record is not None else {}
    plan = Plan({}, dict(present), set(), [], [], [])
    wanted: dict[str, dict[int, Slot]] = {}
    for field, value in _named(layout, change.values, plan.failures):
        if field.is_file or field.kind in STRUCTURE:
            plan.failures.append(_failure(field, "bad_value", "This field has no value."))
        else:
            plan.values[field.id] = rules.normal(value)
    for field, slots in _named(layout, change.files, plan.failures):
        if field.is_file:
            wanted[field.id] = _rows(layout, field, slots, plan.failures)
        else:
            plan.failures.append(_failure(field, "bad_value", "This field has no files."))
    if replaces is not None:
        _clear_rest(layout, replaces, plan, wanted)
    plan.touched = set(wanted)
    _place(tx, seat, plan, wanted, standing, change, found, now)
    if record is not None:
        _refuse_fixed(layout, plan, present, standing)
    plan.all_values = {
        name: value for name, value in (present | plan.values).items() if value is not None
    }
    files: dict[str, dict[int, File]] = {name: {} for name in wanted}
    for arrival in plan.arrivals:
        files[arrival.field][arrival.idx] = arrival.file
    plan.failures += rules.check(layout, plan.values, files)
    _require_filled(layout, record, plan, standing, change, everything=replaces is not None)
    return plan


def _named(
    layout: Layout, named: Mapping[str, Any], failures: list[Failure]
) -> Iterator[tuple[Field, Any]]:
    for name, wish in named.items():
        field = layout.find(name)
        if field is None:
            failures.append(Failure(name, None, "unknown_field", "There is no such field."))
        elif field.id in layout.hidden:
            raise RightMissing(
                f"The field {field.id!r} may not be modified.", right="modify", field=field.id
            )
        else:
            yield field, wish


def _rows(layout: Layout, field: Field, slots: Slots, failures: list[Failure]) -> dict[int, Slot]:
    listed = [slots] if isinstance(slots, Slot) else list(slots or ())
    if layout.has_rows(field):
        return {index: slot for index, slot in enumerate(listed) if slot is not None}
    filled = [slot for slot in listed if slot is not None]
    if len(filled) > 1:
        failures.append(_failure(field, "too_many", "Only one file is accepted."))
    return dict(zip([-1], filled, strict=False))


def _clear_rest(
    layout: Layout, known: Layout, plan: Plan, wanted: dict[str, dict[int, Slot]]
) -> None:
    for field in known.fields:
        present = layout.find(field.id)
        if present is None or present.id in layout.hidden or not present.editable:
            continue
        if present.is_file:
            wanted.setdefault(present.id, {})
        elif present.kind not in STRUCTURE:
            plan.values.setdefault(present.id, None)


def _place(
    tx: Tx,
    seat: Seat,
    plan: Plan,
    wanted: dict[str, dict[int, Slot]],
    standing: Standing,
    change: Change,
    found: Mapping[int, File],
    now: int,
) -> None:
    if not wanted:
        return
    own = {file.id: link for link, file in standing.values()}
    seen: set[int] = set()
    for name, rows in wanted.items():
        for idx, slot in sorted(rows.items()):
            link = own.get(slot.file_id)
            is_second = slot.file_id in seen
            seen.add(slot.file_id)
            file = found.get(slot.file_id)
            if link is not None and file is not None and not is_second:
                plan.arrivals.append(Arrival(name, idx, _described(slot, link), file, link))
                continue
            why: str | None = "unknown"
            is_twin = False
            if not slot.keep:
                why, is_twin = judge(
                    tx, seat, file, share=change.share, is_second=is_second, now=now
                )
            if why is not None or file is None:
                index = idx if idx >= 0 else None
                plan.refusals.append(Refusal(name, index, slot.file_id, why or "unknown"))
            else:
                plan.arrivals.append(Arrival(name, idx, slot, file, None, is_twin))


def _described(slot: Slot, link: Link) -> Slot:
    name = slot.name if slot.name is not None else link.name
    comment = slot.comment if slot.comment is not None else link.comment
    return Slot(slot.file_id, name, comment)


def _refuse_fixed(
    layout: Layout, plan: Plan, present: Mapping[str, Any], standing: Standing
) -> None:
    """Add a failure for each field that is not editable and would change."""
    for name, value in plan.values.items():
        field = layout.find(name)
        if field is not None and not field.editable and present.get(field.id) != value:
            plan.failures.append(_failure(field, "not_editable", "This field cannot be changed."))
    for name in plan.touched:
        field = layout.find(name)
        if field is None or field.editable:
            continue
        before = {at: file.id for at, (_, file) in standing.items() if at[0] == name}
        after = {(a.field, a.idx): a.file.id for a in plan.arrivals if a.field == name}
        if before != after:
            plan.failures.append(_failure(field, "not_editable", "This field cannot be changed."))


def _require_filled(
    layout: Layout,
    record: Record | None,
    plan: Plan,
    standing: Standing,
    change: Change,
    *,
    everything: bool,
) -> None:
    """Add a failure for each required field that would be empty.

    A change answers for the fields that it names, so that a type may get a required field later; a
    create, a replacement and whatever completes a partial record answer for all.
    """
    was_partial = record is not None and record.is_partial
    if change.partial or (change.partial is None and was_partial):
        return
    everything = everything or record is None or was_partial
    moved = {arrival.file.id for arrival in plan.arrivals if arrival.link is not None}
    left = {link.field for link, file in standing.values() if file.id in moved}
    named = {*plan.values, *plan.touched, *left}
    asked = [
        field
        for field in layout.required
        if field.id not in layout.hidden and (everything or field.id in named)
    ]
    if not asked:
        return
    filled = {
        link.field
        for link, file in standing.values()
        if link.field not in plan.touched and file.id not in moved
    }
    filled |= {arrival.field for arrival in plan.arrivals}
    filled |= {refusal.field for refusal in plan.refusals}
    plan.failures += rules.missing(asked, plan.all_values, filled)


def _failure(field: Field, code: str, message: str) -> Failure:
    return rules.failure(field, None, code, message)


def _refusal(refusals: list[Refusal]) -> Exception:
    for why, refuse in (("unknown", LinkRefused), ("linked", AlreadyLinked)):
        mine = [each for each in refusals if each.why == why]
        if mine:
            return refuse(files=mine)
    return Infected(files=refusals)
