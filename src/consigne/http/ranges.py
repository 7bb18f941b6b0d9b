"""Range requests (RFC 9110 §14). Offsets and lengths are bytes of the whole content.

* Only the unit ``bytes`` is known; another unit and a malformed field are ignored (§14.2).
* Nothing of the content asked for: ``RangeNotSatisfiable``.
* A request that looks like an attack (§17.15: many small or overlapping ranges) gets the whole
  content, which is always a right answer.
"""

import re
from typing import NamedTuple

from consigne.errors import RangeNotSatisfiable
from consigne.http.dates import parse_http_date

MAX_RANGES = 32
MAX_OVERLAPS = 2
# Below this average a multipart answer spends more on part headers than on content.
TINY = 80
TINY_COUNT = 8

_ELEMENT = re.compile(r"(\d*)[ \t]*-[ \t]*(\d*)")
_HUGE = 1 << 63


class Range(NamedTuple):
    """Bytes ``offset`` to ``offset + length - 1``; never empty, never past the end."""

    offset: int
    length: int


def parse_ranges(value: str | None, size: int) -> list[Range] | None:
    """Return the satisfiable ranges in the order asked for, or None for the whole content.

    Raises RangeNotSatisfiable where the field is well-formed and no range touches the content.

    >>> parse_ranges("bytes=0-4,-2", 10)
    [Range(offset=0, length=5), Range(offset=8, length=2)]
    """
    if value is None:
        return None
    unit, equals, listed = value.partition("=")
    if not equals or unit.strip().lower() != "bytes":
        return None
    elements = [text.strip() for text in listed.split(",", 4 * MAX_RANGES) if text.strip()]
    if not elements or len(elements) > MAX_RANGES:
        return None
    ranges: list[Range] = []
    for element in elements:
        bounds = _bounds(element, size)
        if bounds is None:
            return None
        if bounds.length > 0:
            ranges.append(bounds)
    if not ranges:
        raise RangeNotSatisfiable(size=size)
    return None if size == 0 or _abusive(ranges, size) else ranges


def if_range_holds(value: str | None, etag: str, modified_at: int) -> bool:
    """Tell whether ``Range`` may be honoured (RFC 9110 §13.1.5).

    ``etag`` is the current strong tag in quotes, ``modified_at`` milliseconds since 1970. A tag
    must match strongly; a date must be exactly the Last-Modified that we send.
    """
    if value is None:
        return True
    text = value.strip()
    if text.startswith(('"', "W/")):
        return text == etag and not etag.startswith("W/")
    return parse_http_date(text) == modified_at // 1000


def content_range(part: Range | None, size: int) -> str:
    """Return a Content-Range value; ``part`` None is the form that goes with 416 (§14.4).

    >>> content_range(Range(0, 5), 10), content_range(None, 10)
    ('bytes 0-4/10', 'bytes */10')
    """
    if part is None:
        return f"bytes */{size}"
    return f"bytes {part.offset}-{part.offset + part.length - 1}/{size}"


def _bounds(element: str, size: int) -> Range | None:
    """Return one element's range, with length 0 where it is unsatisfiable; None if malformed."""
    found = _ELEMENT.fullmatch(element)
    if not found or not element.isascii():
        return None
    first, last = found.groups()
    if not first:
        if not last:
            return None
        length = _number(last)
        if size == 0 and length:
            # Satisfiable by §14.1.2, yet no Content-Range can express it: the whole is the answer.
            return Range(0, 1)
        length = min(length, size)
        return Range(size - length, length)
    start, end = _number(first), _number(last) if last else _HUGE
    if end < start:
        return None
    return Range(start, max(0, min(end + 1, size) - start))


def _number(digits: str) -> int:
    digits = digits.lstrip("0")
    # Longer numbers are beyond any content; int() of an endless one would burn time.
    return int(digits or "0") if len(digits) < 19 else _HUGE


def _abusive(ranges: list[Range], size: int) -> bool:
    total = sum(part.length for part in ranges)
    if len(ranges) > 1 and total > size:
        return True
    if len(ranges) > TINY_COUNT and total < TINY * len(ranges):
        return True
    overlaps, reached = 0, 0
    for part in sorted(ranges):
        overlaps += part.offset < reached
        reached = max(reached, part.offset + part.length)
    return overlaps > MAX_OVERLAPS
