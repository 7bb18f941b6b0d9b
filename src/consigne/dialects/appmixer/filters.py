"""The filter grammar of lists, counts and deletions: ``field:operand`` (AM-25 … AM-27, AM-30).

::

    filter   = field ":" operand            the first colon splits; repeats are ANDed
    operand  = value                        equals
             | "=" value                    equals, whatever the value looks like
             | "!" value                    differs
             | "~" text | "!~" text         contains, does not contain (no regard to case)
             | (">" | ">=" | "<" | "<=") v  on length and uploadDate only

Backslashes before an operator are dropped: documentation generators leave them in examples. A field
that no file has, and one that this file lacks, match under no operator at all, so that a typo with
``!`` cannot widen a deletion.
"""

import calendar
import re
import unicodedata
from collections.abc import Sequence
from datetime import date

from consigne.errors import BadFilter
from consigne.model.identity import Kind, from_uuid
from consigne.model.query import Field, Op, Term

MAX_FILTERS = 20
MAX_LENGTH = 1000

FIELDS = {
    "filename": Field.NAME,
    "contentType": Field.TYPE,
    "length": Field.SIZE,
    "uploadDate": Field.COMPLETED,
    "md5": Field.MD5,
    "fileId": Field.ID,
}
METADATA = "metadata."
OWNER = "metadata.userId"

_DAY = 86_400_000
_LARGEST = (1 << 63) - 1
_NOBODY = -1
_NOTHING = Term(Field.NOTHING, Op.EQUAL, "")
_ORDERED = (Field.SIZE, Field.COMPLETED)
_MARKS = ((r"!\\*~", Op.LACKS), ("!", Op.DIFFERENT), ("~", Op.CONTAINS), ("=", Op.EQUAL))
_RANGES = ((r">\\*=", Op.FROM), (r"<\\*=", Op.UPTO), (">", Op.ABOVE), ("<", Op.BELOW))
_PREFIXES = [(re.compile(rf"\\*{mark}"), op) for mark, op in (*_MARKS, *_RANGES)]
_TEXT_PREFIXES = _PREFIXES[: len(_MARKS)]
_MD5 = re.compile(r"[0-9a-f]{32}")
_MOMENT = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)"
    r"(?:[Tt](?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d+))?)?"
    r"(?:[Zz]|(?P<sign>[-+ ])(?P<hours>\d\d)(?::?(?P<minutes>\d\d))?)?)?",
    re.ASCII,
)


def parse_filters(texts: Sequence[str], user_id: str) -> tuple[Term, ...]:
    """Return the terms of all filters of a request; ``user_id`` is the caller's, as files show it.

    Raises BadFilter: too many or too long, no colon, no field, an operand that is empty or not fit
    for its field.
    """
    if len(texts) > MAX_FILTERS:
        raise _bad(f"at most {MAX_FILTERS} of them")
    terms: list[Term] = []
    for text in texts:
        terms += _parse(text, user_id)
    return tuple(terms)


def _parse(text: str, user_id: str) -> list[Term]:
    if len(text) > MAX_LENGTH:
        raise _bad(f"at most {MAX_LENGTH} characters")
    if "\0" in text:
        raise _bad("NUL is in no value")
    name, colon, rest = text.partition(":")
    if not colon or not name:
        raise _bad("write field:value")
    field = FIELDS.get(name)
    op, operand = _operator(rest, field in _ORDERED)
    if not operand:
        raise _bad("the operand is empty")
    if name == OWNER:
        return [] if _holds(op, user_id, operand) else [_NOTHING]
    if name.startswith(METADATA) and len(name) > len(METADATA):
        return [Term(None, op, operand, name.removeprefix(METADATA))]
    if field is None:
        return [_NOTHING]
    return [_term(field, op, operand)]


def _operator(rest: str, ordered: bool) -> tuple[Op, str]:
    for prefix, op in _PREFIXES if ordered else _TEXT_PREFIXES:
        found = prefix.match(rest)
        if found:
            return op, rest[found.end() :]
    return Op.EQUAL, rest


def _term(field: Field, op: Op, operand: str) -> Term:
    loose = op in (Op.CONTAINS, Op.LACKS)
    if field in _ORDERED:
        if loose:
            raise _bad("~ is for texts, not for length and uploadDate")
        return _length(op, operand) if field is Field.SIZE else _moment(op, operand)
    if loose:
        return Term(field, op, operand)
    if field is Field.MD5:
        return Term(field, op, bytes.fromhex(operand) if _MD5.fullmatch(operand) else b"")
    if field is Field.ID:
        number = from_uuid(Kind.FILE, operand)
        return Term(field, op, _NOBODY if number is None else number)
    if field is Field.NAME:  # as names are stored (C-31)
        operand = unicodedata.normalize("NFC", operand)
    return Term(field, op, operand)


def _length(op: Op, operand: str) -> Term:
    if not operand.isascii() or not operand.isdigit():
        raise _bad("length is compared with digits")
    return Term(Field.SIZE, op, min(int(operand), _LARGEST))


def _moment(op: Op, operand: str) -> Term:
    """Compare with a moment; a bare date is its midnight, and in equality the whole UTC day."""
    found = _MOMENT.fullmatch(operand)
    try:
        moment = _milliseconds(found) if found else None
    except ValueError:
        moment = None
    if found is None or moment is None:
        raise _bad("uploadDate is compared with a date of ISO 8601")
    if found["hour"] is None and op in (Op.EQUAL, Op.DIFFERENT):
        return Term(Field.COMPLETED, op, moment // _DAY, unit=_DAY)
    return Term(Field.COMPLETED, op, moment)


def _milliseconds(found: re.Match[str]) -> int:
    """Return milliseconds since 1970. Raises ValueError for a date or time that does not exist."""
    day = date.fromisoformat(found["date"])
    hour, minute, second, hours, minutes = (
        int(found[part] or 0) for part in ("hour", "minute", "second", "hours", "minutes")
    )
    if max(hour, hours) > 23 or max(minute, minutes, second) > 59:
        raise ValueError
    offset = (hours * 60 + minutes) * (-60 if found["sign"] == "-" else 60)
    seconds = calendar.timegm((day.year, day.month, day.day, hour, minute, second)) - offset
    return seconds * 1000 + int((found["fraction"] or "").ljust(3, "0")[:3])


def _holds(op: Op, value: str, operand: str) -> bool:
    """Compare a text that is the same for all files of a list."""
    if op in (Op.EQUAL, Op.DIFFERENT):
        return (value == operand) is (op is Op.EQUAL)
    return (operand.lower() in value) is (op is Op.CONTAINS)


def _bad(why: str) -> BadFilter:
    return BadFilter(f"filter: {why}", parameter="filter")
