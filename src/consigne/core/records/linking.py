"""Files entering and leaving records, inside a transaction (C-04, C-10, C-11, DY-54, DX-30..36).

A file has at most one live link, everywhere. Linking keeps it, guards it against every other
door, and makes it as visible as its record; unlinking takes away this reason alone, and the file
goes into the trash when it was the last one. A file that cannot be linked itself comes in as a twin
on the same bytes, where the caller shares; a file with the policy ``single`` never does.
"""

from collections.abc import Iterable

import msgspec

from consigne import lifecycle
from consigne.catalog import contents, files, links, spaces
from consigne.catalog.engine import Tx
from consigne.core import keeping
from consigne.core.access import Seat, can_read, can_write, is_expired, require_unguarded
from consigne.core.history import record as write_event
from consigne.core.records.change import Slot
from consigne.model.entities import Access, File, Guard, Policy, Reason, State
from consigne.model.identity import new_id
from consigne.model.records import Link, Record

_OCTETS = "application/octet-stream"
_THERE = (State.HELD, State.KEPT)


class Arrival(msgspec.Struct, frozen=True):
    """A file at its place in a record to be. ``link``: where the record has it now, if it has."""

    field: str
    idx: int
    slot: Slot
    file: File
    link: Link | None
    is_twin: bool = False


def judge(
    tx: Tx, seat: Seat, file: File | None, *, share: bool, is_second: bool, now: int
) -> tuple[str | None, bool]:
    """Tell whether a file that the record has not got may come in: (why not, as a twin).

    ``is_second``: it is named twice in one save. Why not: unknown, linked, infected. A file that
    was used up is so in the trash, too, for those who do not share (DX-32).
    """
    if file is not None and file.state is State.RELEASED and file.was_linked and not share:
        return ("linked" if can_read(tx, seat, file) else "unknown"), False
    if file is None or file.state not in _THERE or is_expired(file, now) or file.content_id is None:
        return "unknown", False
    if not can_read(tx, seat, file):
        return "unknown", False
    if links.is_quarantined(tx, file.content_id):
        return "infected", False
    is_single = file.policy is Policy.SINGLE
    is_linked = Guard.LINKED in Guard(file.guards) or is_second
    if is_linked or (file.was_linked and (is_single or not share)):
        fits = share and not is_single
        return (None, True) if fits else ("linked", False)
    # Who only sees another's file does not take it away from him, unless it waits for a record.
    return None, share and not is_single and not can_write(seat, file)


def link(
    tx: Tx, seat: Seat, record: Record, arrival: Arrival, access: Access, now: int
) -> tuple[Link, File]:
    """Put a file into a record's field; ``access`` is what the record allows there.

    Raises QuotaExceeded where a twin has no room.
    """
    file = arrival.file
    if arrival.is_twin:
        file = _make_twin(tx, seat, file, access, now)
        before = Access.PRIVATE
    else:
        before = file.access
        file = _take(tx, file, access)
    made = Link(
        record_id=record.id,
        field=arrival.field,
        idx=arrival.idx,
        space_id=record.space_id,
        file_id=file.id,
        is_live=True,
        version=0,
        reference=reference_of(file),
        name=arrival.slot.name,
        comment=arrival.slot.comment,
        access=before.value,
        linked_at=now,
        linked_by=seat.principal_id,
    )
    links.insert_link(tx, made)
    write_event(
        tx, record.space_id, seat.principal_id, "file.linked", file.id,
        record=record.id, field=arrival.field,
    )  # fmt: skip
    return made, file


def unlink(tx: Tx, actor: int | None, gone: Link, file: File, now: int) -> None:
    """Take the reason that a link was; its row is deleted already. The file may go into the trash.

    A frozen revision that shows the file keeps it. Raises Protected where a hold or a retention
    forbids to release it.
    """
    reasons = Reason(file.reasons) & ~Reason.LINK
    changes: dict[str, object] = {"reasons": reasons}
    if Reason.PIN in reasons:
        changes["access"] = Access.RECORD  # only frozen revisions show it now: ask them
    else:
        changes |= {"guards": Guard(file.guards) & ~Guard.LINKED, "access": Access(gone.access)}
    write_event(
        tx, file.space_id, actor, "file.unlinked", file.id,
        record=gone.record_id, field=gone.field,
    )  # fmt: skip
    left = files.change(tx, file, **changes)
    if not reasons:
        require_unguarded(left, now)
        keeping.release(tx, left, actor, now, "unlinked")


def lock_files(tx: Tx, numbers: Iterable[int]) -> dict[int, File]:
    """Return files by id, their rows held, in the order of their ids."""
    found = {number: files.lock(tx, number) for number in sorted(set(numbers))}
    return {number: file for number, file in found.items() if file is not None}


def reference_of(file: File) -> str:
    """Return the text under which a record refers to a file from now on (C-31, DY-41)."""
    kind = (file.detected_type or _OCTETS) if file.size else _OCTETS
    return f"{kind}|{file.id}|{file.name}"


def _take(tx: Tx, file: File, access: Access) -> File:
    lifecycle.file_after(file.state, "keep")
    reasons, guards = Reason(file.reasons) | Reason.LINK, Guard(file.guards) | Guard.LINKED
    links.take(tx, file, access=access, reasons=int(reasons), guards=int(guards))
    return msgspec.structs.replace(
        file, state=State.KEPT, access=access, reasons=reasons, guards=guards,
        was_linked=True, expires_at=None,
    )  # fmt: skip


def _make_twin(tx: Tx, seat: Seat, source: File, access: Access, now: int) -> File:
    spaces.charge(tx, seat.space_id, used=source.size)
    assert source.content_id is not None
    contents.share(tx, source.content_id)
    twin = keeping.twin(
        source,
        new_id(now),
        seat.principal_id,
        now,
        access=access,
        reasons=Reason.LINK,
        guards=Guard.LINKED,
        was_linked=True,
        folder_id=None,
    )
    files.insert_file(tx, twin)
    write_event(
        tx, seat.space_id, seat.principal_id, "file.copied", twin.id,
        source=str(source.id), size=twin.size,
    )  # fmt: skip
    return twin
