"""The audit trail as a file that can be checked without the server (``docs/audit.md``, C-50).

A file holds a range of one space's sealed events as JSON lines: a head that says where the range
begins and the digest before it, one line an event, an end that says where it stops. Each event's
digest covers the one before, so a line that is changed, missing, moved or added shows, and so does
a file that was cut off. What the file cannot show is that a whole chain was sealed anew: for that
its end is compared with the catalog, or with an earlier export.
"""

from collections.abc import AsyncIterator, Iterable

import msgspec

from consigne.catalog import events
from consigne.catalog.engine import Catalog
from consigne.core.clock import now_ms
from consigne.core.history import link
from consigne.core.telling import moment
from consigne.errors import BadParameter
from consigne.model.entities import Event, Space

FORMAT, VERSION = "consigne-audit", 1
START = bytes(32)
_PAGE = 500


class Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """First line: the events behind sequence number ``after``, whose digest is ``previous``."""

    format: str
    version: int
    space: str
    space_id: str
    after: int
    previous: str
    exported_at: str


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One event. Numbers that may pass 2^53 are text; ``data`` is the sealed JSON text itself."""

    sequence: int
    id: str
    at: int
    time: str
    actor: int | None
    action: str
    subject: str | None
    data: str | None
    digest: str


class End(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Last line: the sequence number and digest that the range ends with."""

    events: int
    sequence: int
    digest: str


class Trail(msgspec.Struct, frozen=True):
    """What a check found: the range, where it ends, and what is wrong first, if anything is.

    ``broken`` is the sequence number of the first event that is not what was sealed; ``problem``
    says why, in words for people.
    """

    space: str
    space_id: int
    after: int
    events: int
    sequence: int
    digest: str
    broken: int | None = None
    problem: str = ""

    @property
    def is_whole(self) -> bool:
        return not self.problem


async def export(
    catalog: Catalog, space: Space, after: int = 0, until: int | None = None
) -> AsyncIterator[tuple[bytes, Trail]]:
    """Yield the lines of a range of sealed events, each with what is known of the range so far.

    ``after`` is a sequence number before the first event, ``until`` that of the last. The events
    are exported as they are, whether the chain is whole or not; the trail says it. Raises
    BadParameter where there is no event ``after``.
    """
    digest = START
    if after:
        before = await catalog.read(lambda tx: events.after(tx, space.id, after - 1, 1))
        if not before or before[0].sequence != after:
            raise BadParameter(f"The space has no event {after}.", parameter="after")
        digest = before[0].digest or START
    trail = Trail(space.short, space.id, after, 0, after, digest.hex())
    head = Head(FORMAT, VERSION, space.short, str(space.id), after, digest.hex(), moment(now_ms()))
    yield _line(head), trail
    sequence = after
    while until is None or sequence < until:
        start = sequence
        page = await catalog.read(lambda tx: events.after(tx, space.id, start, _PAGE))  # noqa: B023
        for event in page:
            sequence = event.sequence or 0
            if until is not None and sequence > until:
                break
            trail = _follow(trail, event)
            yield _line(_line_of(event)), trail
        if len(page) < _PAGE:
            break
    yield _line(End(trail.events, trail.sequence, trail.digest)), trail


def check(lines: Iterable[bytes]) -> Trail:
    """Check an exported file. Raises BadParameter where it is not one.

    Memory does not grow with the file.
    """
    source = iter(lines)
    try:
        head = msgspec.json.decode(next(source, b""), type=Head)
        trail = Trail(head.space, int(head.space_id), head.after, 0, head.after, head.previous)
        if head.format != FORMAT or len(bytes.fromhex(head.previous)) != len(START):
            raise ValueError
    except (msgspec.MsgspecError, ValueError):
        raise BadParameter("This is not an exported audit trail.") from None
    if head.version != VERSION:
        raise BadParameter(f"The trail has format version {head.version}, known is {VERSION}.")
    end: End | None = None
    for text in source:
        if end is not None:
            return broken(trail, trail.sequence, "lines follow the end")
        try:
            found = msgspec.json.decode(text, type=dict)
            if "events" in found:
                end = msgspec.convert(found, End)
                continue
            event = _event_of(msgspec.convert(found, Line), trail.space_id)
        except (msgspec.MsgspecError, ValueError):
            return broken(trail, trail.sequence + 1, "the line cannot be read")
        trail = _follow(trail, event)
        if not trail.is_whole:
            return trail
    if end is None:
        return broken(trail, trail.sequence + 1, "the file is cut off")
    if (end.events, end.sequence, end.digest) != (trail.events, trail.sequence, trail.digest):
        return broken(trail, trail.sequence + 1, "the end does not match the events before it")
    return trail


async def span(catalog: Catalog, space_id: int, since: int, before: int) -> tuple[int, int] | None:
    """Return the range (``after``, ``until``) of the events of some time, None where none are.

    Times in milliseconds. Looks at all events of the space.
    """
    first, last = await catalog.read(lambda tx: events.span(tx, space_id, since, before))
    return None if first is None or last is None else (first - 1, last)


async def is_part(catalog: Catalog, trail: Trail) -> bool:
    """Tell whether the chain in the catalog goes through the end of an exported trail."""
    if not trail.sequence:
        return trail.digest == START.hex()
    found = await catalog.read(lambda tx: events.after(tx, trail.space_id, trail.sequence - 1, 1))
    return (
        bool(found)
        and found[0].sequence == trail.sequence
        and (found[0].digest == bytes.fromhex(trail.digest))
    )


def broken(trail: Trail, sequence: int, problem: str) -> Trail:
    """Return a trail that is broken at a sequence number."""
    return msgspec.structs.replace(trail, broken=sequence, problem=problem)


def _follow(trail: Trail, event: Event) -> Trail:
    """Return the trail with one more event; the first that does not fit is named."""
    wanted = trail.sequence + 1
    digest = link(bytes.fromhex(trail.digest), event.sequence or 0, event)
    found = event.digest or b""
    problem, broken = trail.problem, trail.broken
    if not problem and event.sequence != wanted:
        problem, broken = f"event {wanted} is missing", wanted
    elif not problem and digest != found:
        problem, broken = f"event {wanted} is not what was sealed", wanted
    return msgspec.structs.replace(
        trail,
        events=trail.events + 1,
        sequence=event.sequence,
        digest=found.hex(),
        broken=broken,
        problem=problem,
    )


def _line(value: msgspec.Struct) -> bytes:
    return msgspec.json.encode(value) + b"\n"


def _line_of(event: Event) -> Line:
    return Line(
        sequence=event.sequence or 0,
        id=str(event.id),
        at=event.at,
        time=moment(event.at),
        actor=event.actor_id,
        action=event.action,
        subject=None if event.subject is None else str(event.subject),
        data=event.data,
        digest=(event.digest or b"").hex(),
    )


def _event_of(line: Line, space_id: int) -> Event:
    """Return the event that a line tells of. Raises ValueError."""
    if line.time != moment(line.at):
        raise ValueError("the two times differ")
    return Event(
        id=int(line.id),
        space_id=space_id,
        at=line.at,
        actor_id=line.actor,
        action=line.action,
        subject=None if line.subject is None else int(line.subject),
        data=line.data,
        sequence=line.sequence,
        digest=bytes.fromhex(line.digest),
    )
