"""What a stage of the object store is made of: immutable parts, and how they become one content.

A store without append and without overwriting in place holds a stage as objects that are written
once::

    staging/<stage>/<number 12 hex>-<offset 16 hex>-<length 16 hex>-<nonce 8 hex>

A part with a higher number was written later and lies over those below it. The nonce is the
writer's own: what a writer whose lease has ended still sends goes to a name of its own, never over
bytes that were acknowledged.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

MIB = 1 << 20
LEAST_PIECE = 5 * MIB
"""Every piece of a multi-part upload but the last has at least this many bytes (the S3 API)."""

_PART = re.compile(r"([0-9a-f]{12})-([0-9a-f]{16})-([0-9a-f]{16})-[0-9a-f]{8}")


@dataclass(frozen=True)
class Part:
    """Bytes ``offset`` to ``end`` of a stage, in one object."""

    number: int
    offset: int
    length: int
    name: str

    @property
    def end(self) -> int:
        """Where the next byte would be."""
        return self.offset + self.length


@dataclass(frozen=True)
class Segment:
    """``length`` bytes from ``start`` of the object of ``part``; zeros where it is None."""

    part: Part | None
    start: int
    length: int


@dataclass(frozen=True)
class Piece:
    """One piece of a multi-part upload: ``copied`` by the store, or else gathered by us."""

    segments: tuple[Segment, ...]
    copied: bool

    @property
    def length(self) -> int:
        """How many bytes it has."""
        return sum(segment.length for segment in self.segments)


def part_name(number: int, offset: int, length: int, nonce: str) -> str:
    """Return the last part of the key under which a part is stored."""
    return f"{number:012x}-{offset:016x}-{length:016x}-{nonce}"


def parse_part(name: str) -> Part | None:
    """Return the part that a name says, None where it says none."""
    match = _PART.fullmatch(name)
    if match is None:
        return None
    number, offset, length = (int(match[group], 16) for group in (1, 2, 3))
    return Part(number, offset, length, name)


def segments(parts: Iterable[Part], begin: int, end: int) -> list[Segment]:
    """Return what the bytes from ``begin`` to ``end`` are made of, in order, later over earlier.

    What no part has is zeros, and nothing is said of what lies beyond the last part's end.
    """
    written = [part for part in parts if part.length]
    end = min(end, max((part.end for part in written), default=0))
    inside = [part for part in written if part.offset < end and part.end > begin]
    laid: list[tuple[int, int, Part]] = []  # disjoint, in order
    for part in sorted(inside, key=lambda each: (each.number, each.name)):
        low, high = max(part.offset, begin), min(part.end, end)
        if laid and laid[-1][1] > low:
            laid = _cut(laid, low, high)
        laid.append((low, high, part))
        if len(laid) > 1 and laid[-2][0] > low:
            laid.sort(key=lambda each: each[0])
    found: list[Segment] = []
    at = begin
    for low, high, part in laid:
        if low > at:
            found.append(Segment(None, 0, low - at))
        found.append(Segment(part, low - part.offset, high - low))
        at = high
    if at < end:
        found.append(Segment(None, 0, end - at))
    return found


def pieces(made_of: Iterable[Segment], least: int, most: int) -> list[Piece]:
    """Return the pieces of a multi-part upload of these segments.

    Each has ``least`` bytes or more, except the last. A segment that is long enough by itself is
    copied by the store in steps of at most ``most`` bytes; shorter ones and zeros are gathered,
    and a gathered piece has fewer than ``least`` bytes more than its last segment.
    """
    made: list[Piece] = []
    waiting: list[Segment] = []
    have = 0
    for segment in made_of:
        for step in _steps(segment, most if segment.part is not None else least):
            if not waiting and step.part is not None and step.length >= least:
                made.append(Piece((step,), copied=True))
                continue
            waiting.append(step)
            have += step.length
            if have >= least:
                made.append(Piece(tuple(waiting), copied=False))
                waiting, have = [], 0
    if waiting:
        made.append(Piece(tuple(waiting), copied=False))
    return made


def _cut(laid: list[tuple[int, int, Part]], low: int, high: int) -> list[tuple[int, int, Part]]:
    """Make room from ``low`` to ``high``."""
    kept = []
    for start, stop, part in laid:
        if start < low:
            kept.append((start, min(stop, low), part))
        if stop > high:
            kept.append((max(start, high), stop, part))
    return kept


def _steps(segment: Segment, most: int) -> list[Segment]:
    """Cut a segment into steps of at most ``most`` bytes, none of them much shorter."""
    count = max(1, -(-segment.length // most))
    borders = [segment.length * index // count for index in range(count + 1)]
    return [
        Segment(segment.part, segment.start + low, high - low) for low, high in pairwise(borders)
    ]
