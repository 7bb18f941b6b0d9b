"""Saving a record inside a transaction: its row, its links, its events.

For the verbs in ``desk``, and for imports, which save many records in one transaction with a
savepoint each. Nothing here asks for permission; the caller has. Rows are held in one order
everywhere: space, type, record, files by id. The caller holds the first three: the space where
files may come or go, the type so that it stays as it is, the record that changes.
"""

import re
import uuid
from typing import Any

import msgspec

from consigne.catalog import links, record_types, records
from consigne.catalog.engine import Tx
from consigne.core.history import record as write_event
from consigne.core.records import linking
from consigne.core.records.change import Change, Placed, Slot
from consigne.core.records.layout import Layout, layout_of
from consigne.core.records.permits import is_restricted
from consigne.core.records.plan import Mark, Plan, Standing, make_plan
from consigne.core.seat import Seat
from consigne.errors import BadName, BadParameter, TypeNotFound
from consigne.model.entities import Access, File
from consigne.model.names import fold
from consigne.model.records import Link, Record, RecordState, RecordType

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,255}")
_RESERVED = frozenset({"documents", "file", "files"})
_MOST_TEXT = 1024
_MOST_TITLE = 256
_encode = msgspec.json.Encoder().encode


class Saved(msgspec.Struct, frozen=True):
    """A record after a save, with all its links."""

    record: Record
    links: list[Placed]


def layout_in(tx: Tx, type: RecordType, version: int | None = None) -> Layout:
    """Return the fields of a version of a type, of the newest one by default.

    Raises BadParameter where there is no such version.
    """
    fields = record_types.fields_of(tx, type.id, version or type.version)
    if fields is None:
        raise BadParameter(
            f"The type {type.name!r} has no version {version}.", parameter="type_version"
        )
    return layout_of(fields)


def create_in(
    tx: Tx,
    seat: Seat,
    type: RecordType,
    layout: Layout,
    change: Change,
    now: int,
    *,
    seen: Mark | None = None,
) -> Saved:
    """Make a record; ``layout`` is the newest one of its type. ``seen``: as in ``change_in``.

    Raises ConstraintFailed, LinkRefused, AlreadyLinked, Infected, NameTaken, BadName, BadParameter,
    RightMissing (a hidden field), QuotaExceeded.
    """
    facts = _facts(change)
    held = linking.lock_files(tx, named_files(change)) if change.files else {}
    plan = make_plan(tx, seat, layout, None, {}, change, held, now)
    plan.require_sound(seen)
    number, type_number = records.count_up(tx, seat.space_id, type.id)
    made_up = f"{type.label or type.name} {number}"
    title = title_of(layout, plan.all_values) or change.name or made_up
    record = records.insert_record(
        tx,
        Record(
            id=0,
            space_id=seat.space_id,
            type_id=type.id,
            type_version=change.type_version or type.version,
            uuid=facts.get("uuid") or str(uuid.uuid4()),
            name=facts.get("name"),
            name_fold=facts.get("name_fold"),
            title=title,
            title_fold=fold(title),
            state=RecordState.LIVE,
            origin=None,
            revision=0,
            number=number,
            type_number=type_number,
            is_partial=bool(change.partial),
            reference=change.reference,
            is_reference=bool(change.is_reference),
            body=_encode(plan.all_values).decode(),
            acl=None,
            locked_by=None,
            created_at=now,
            created_by=change.created_by or seat.principal_id,
            updated_at=now,
            updated_by=None,
            data_created_at=change.data_created_at,
            data_updated_at=change.data_updated_at,
            latitude=change.latitude,
            longitude=change.longitude,
            trashed_at=None,
        ),
    )
    write_event(
        tx, seat.space_id, seat.principal_id, "record.created", record.id,
        type=type.name, uuid=record.uuid,
    )  # fmt: skip
    placed = _apply(tx, seat, record, type, layout, plan, {}, now)
    return Saved(record, placed)


def change_in(
    tx: Tx,
    seat: Seat,
    record: Record,
    type: RecordType,
    layout: Layout,
    change: Change,
    now: int,
    *,
    replaces: Layout | None = None,
    seen: Mark | None = None,
) -> Saved:
    """Change a live record; what the change does not name stays.

    ``replaces``: what it does not name of this layout is cleared. ``seen``: the files that hooks
    have been asked about; raises Stale where they are others by now. Raises as ``create_in``, and
    Protected where a file that would go into the trash is on hold.
    """
    facts = _facts(change)
    facts.pop("uuid", None)
    standing = standing_of(tx, record)
    held: dict[int, File] = {}
    if change.files or replaces is not None:
        present = [file.id for _, file in standing.values()]
        held = linking.lock_files(tx, [*present, *named_files(change)])
        standing = {at: (link, held[file.id]) for at, (link, file) in standing.items()}
    plan = make_plan(tx, seat, layout, record, standing, change, held, now, replaces=replaces)
    plan.require_sound(seen)
    title = title_of(layout, plan.all_values) or facts.get("name", record.name) or record.title
    body = _encode(plan.all_values).decode()
    facts |= {"title": title, "title_fold": fold(title), "body": body}
    if change.partial is not None:
        facts["is_partial"] = change.partial
    if change.type_version is not None:
        facts["type_version"] = max(change.type_version, record.type_version)
    changed = plan.changed(record, standing)
    changed |= {name for name, value in facts.items() if getattr(record, name) != value}
    placed = _apply(tx, seat, record, type, layout, plan, standing, now)
    if not changed:
        return Saved(record, placed)
    told = sorted(changed - {"title_fold", "name_fold", "body"})
    return Saved(touch(tx, seat.principal_id, record, now, told, **facts), placed)


def touch(
    tx: Tx,
    actor: int | None,
    record: Record,
    now: int,
    changed: list[str],
    uploaded_as: str | None = None,
    **facts: Any,
) -> Record:
    """Store changed columns of a record, with who and when, and tell of it."""
    told = {"changed": changed} | ({"uploaded_as": uploaded_as} if uploaded_as else {})
    write_event(tx, record.space_id, actor, "record.changed", record.id, **told)
    stamp = max(now, record.updated_at + 1)  # so that each change gives another tag
    return records.change(tx, record, **facts, updated_at=stamp, updated_by=actor)


def named_files(change: Change) -> list[int]:
    """Return the ids of the files that a change names."""
    found = []
    for slots in change.files.values():
        listed = [slots] if isinstance(slots, Slot) else slots or ()
        found += [slot.file_id for slot in listed if slot is not None]
    return found


def standing_of(tx: Tx, record: Record) -> dict[tuple[str, int], tuple[Link, File]]:
    """Return what stands in the file fields of a record, by field and row."""
    return {(link.field, link.idx): (link, file) for link, file in links.with_files(tx, record.id)}


def access_of(record: Record, type: RecordType, layout: Layout, field: str) -> Access:
    """Return how visible a file in a field of a live record is."""
    closed = field in layout.hidden or is_restricted(record.rules(type))
    return Access.RECORD if closed else Access.SPACE


def title_of(layout: Layout, values: dict[str, Any]) -> str:
    """Return the title that the fields marked for it make, empty where they are."""
    words = [_words(values.get(field.id)) for field in layout.titles]
    text = " ".join(" ".join(word.split()) for word in words if word)
    return text[:_MOST_TITLE]


def pinned_type(tx: Tx, number: int) -> RecordType:
    """Return a type that stays as it is until the transaction ends. Raises TypeNotFound."""
    type = record_types.pin(tx, number)
    if type is None:
        raise TypeNotFound
    return type


def _apply(
    tx: Tx,
    seat: Seat,
    record: Record,
    type: RecordType,
    layout: Layout,
    plan: Plan,
    standing: Standing,
    now: int,
) -> list[Placed]:
    """Bring the links of a record to what the plan says; return all of them."""
    after = {(each.field, each.idx): each for each in plan.arrivals}
    stays = {each.file.id for each in plan.arrivals if each.link is not None}
    placed = []
    for at, (link, file) in standing.items():
        if at[0] not in plan.touched and file.id not in stays:
            placed.append(Placed(link, file))
            continue
        arrival = after.get(at)
        if arrival is None or arrival.link != link:
            links.drop(tx, link)
        if file.id not in stays:
            linking.unlink(tx, seat.principal_id, link, file, now)
    for at, arrival in after.items():
        access = access_of(record, type, layout, arrival.field)
        if arrival.link is None:
            placed.append(Placed(*linking.link(tx, seat, record, arrival, access, now)))
        else:
            placed.append(_keep(tx, arrival, at, access))
    return placed


def _keep(tx: Tx, arrival: linking.Arrival, at: tuple[str, int], access: Access) -> Placed:
    """Store what has become of a link that the record had already."""
    old, slot = arrival.link, arrival.slot
    assert old is not None
    new = msgspec.structs.replace(old, field=at[0], idx=at[1], name=slot.name, comment=slot.comment)
    file = arrival.file
    if (old.field, old.idx) != at:
        links.insert_link(tx, new)
        if file.access is not access:
            links.set_access(tx, file.id, access)
            file = msgspec.structs.replace(file, access=access)
    elif new != old:
        links.describe(tx, old, new.name, new.comment)
    return Placed(new, file)


def _facts(change: Change) -> dict[str, Any]:
    """Return the columns that a change names beside values and files, checked.

    Raises BadName, BadParameter.
    """
    facts: dict[str, Any] = {}
    if change.name is not None:
        if not _NAME.fullmatch(change.name) or change.name.lower() in _RESERVED:
            raise BadName(f"{change.name!r} cannot be a record's name.", parameter="name")
        facts |= {"name": change.name, "name_fold": fold(change.name)}
    if change.uuid is not None:
        facts["uuid"] = clean_uuid(change.uuid)
    if change.reference is not None:
        if len(change.reference) > _MOST_TEXT or "\0" in change.reference:
            raise BadParameter("The reference is too long.", parameter="reference")
        facts["reference"] = change.reference
    for name in ("is_reference", "data_created_at", "data_updated_at", "latitude", "longitude"):
        value = getattr(change, name)
        if value is not None:
            facts[name] = value
    return facts


def clean_uuid(text: str) -> str:
    """Return a UUID as it is stored. Raises BadParameter."""
    try:
        return str(uuid.UUID(text))
    except (ValueError, AttributeError):
        raise BadParameter("This is not a UUID.", parameter="id") from None


def _words(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(word for each in value if (word := _words(each)))
    if isinstance(value, bool) or value is None or isinstance(value, dict):
        return ""
    return str(value)
