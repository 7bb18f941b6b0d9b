"""Identity: one 63-bit integer, spelled in several ways by pure functions (C-30).

A number is 42 bits of Unix milliseconds followed by 21 random bits, so ids sort by time. The
UUID spelling looks like a version 4 UUID and carries a 59-bit checksum over number and kind;
a spelling that fails it is unknown before any query is made. The decimal spelling is the number;
the letter spelling (16 characters of ``[0-9a-z]``) is a bijection onto part of its range. Knowing
an id never grants anything, so none of this is a secret.
"""

import hashlib
import random
import re
import threading
import time
from enum import StrEnum

MAX = (1 << 63) - 1
_RANDOM_BITS = 21
_STEP_BITS = 8
_JUMP = 1000
_CHECK_BITS = 59
_CHECK_MASK = (1 << _CHECK_BITS) - 1

_LETTER_BITS = 82  # 2**82 < 36**16
_LETTER_FACTOR = 0x2B3C6EF372FE94F82A64D  # odd, so it has an inverse modulo 2**82
_LETTER_INVERSE = pow(_LETTER_FACTOR, -1, 1 << _LETTER_BITS)
_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"
_LETTER_SHAPE = re.compile(r"[0-9a-z]{16}")
_UUID_SHAPE = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


_turn = threading.Lock()
_latest = 0


class Kind(StrEnum):
    """What an id names; part of the checksum, so that one kind is never taken for another."""

    FILE = "file"
    FOLDER = "folder"
    UPLOAD = "upload"
    YEAR = "year"
    KEY = "key"
    JOB = "job"
    EVENT = "event"
    USER = "user"
    SPACE = "space"
    RECORD = "record"


def new_id(now_ms: int | None = None) -> int:
    """Return a fresh number: milliseconds since 1970, then random bits.

    Those that one process makes for one millisecond ascend, so that what happened first, an event
    say, has the smaller number.
    """
    global _latest
    moment = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    number = (moment << _RANDOM_BITS) | random.getrandbits(_RANDOM_BITS)
    with _turn:
        newest = _latest >> _RANDOM_BITS
        if number <= _latest and moment + 1 >= newest:
            number = _latest + 1 + random.getrandbits(_STEP_BITS)
        # One id of a time to come, or a clock that was set back, must not end the order for good.
        if number > _latest or moment + _JUMP < newest:
            _latest = number
    return number


def moment(number: int) -> int:
    """Return the milliseconds since 1970 that a number carries."""
    return number >> _RANDOM_BITS


def last_of(milliseconds: int) -> int:
    """Return the largest number that a moment can have.

    >>> moment(last_of(784111777999))
    784111777999
    """
    return ((milliseconds + 1) << _RANDOM_BITS) - 1


def to_uuid(kind: Kind, number: int) -> str:
    """Spell a number as a lower-case UUID of version 4.

    >>> from_uuid(Kind.FILE, to_uuid(Kind.FILE, 12345))
    12345
    """
    check = _checksum(kind, number)
    bits = ((number ^ _mask(check)) << _CHECK_BITS) | check
    high, middle, low = bits >> 74, (bits >> 62) & 0xFFF, bits & ((1 << 62) - 1)
    text = f"{(high << 80) | (4 << 76) | (middle << 64) | (2 << 62) | low:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def from_uuid(kind: Kind, text: str) -> int | None:
    """Read a UUID in any letter case; None if it is none of ours or of another kind."""
    if not _UUID_SHAPE.fullmatch(text):
        return None
    value = int(text.replace("-", ""), 16)
    if (value >> 76) & 0xF != 4 or (value >> 62) & 0x3 != 2:
        return None
    bits = ((value >> 80) << 74) | (((value >> 64) & 0xFFF) << 62) | (value & ((1 << 62) - 1))
    check = bits & _CHECK_MASK
    number = (bits >> _CHECK_BITS) ^ _mask(check)
    return number if _checksum(kind, number) == check else None


def to_letters(number: int) -> str:
    """Spell a number as 16 characters of ``[0-9a-z]``."""
    value = (number * _LETTER_FACTOR) & ((1 << _LETTER_BITS) - 1)
    text = ""
    for _ in range(16):
        value, digit = divmod(value, 36)
        text = _LETTERS[digit] + text
    return text


def from_letters(text: str) -> int | None:
    """Read the letter spelling; None if it is malformed or out of range."""
    if not _LETTER_SHAPE.fullmatch(text):
        return None
    value = int(text, 36)
    if value >> _LETTER_BITS:
        return None
    number = (value * _LETTER_INVERSE) & ((1 << _LETTER_BITS) - 1)
    return number if number <= MAX else None


def from_decimal(text: str) -> int | None:
    """Read the decimal spelling; None if it is malformed or out of range."""
    if not text.isascii() or not text.isdigit() or len(text) > 19:
        return None
    number = int(text)
    return number if number <= MAX else None


def _checksum(kind: Kind, number: int) -> int:
    digest = hashlib.blake2b(number.to_bytes(8, "big"), digest_size=8, person=kind.encode())
    return int.from_bytes(digest.digest(), "big") & _CHECK_MASK


def _mask(check: int) -> int:
    digest = hashlib.blake2b(check.to_bytes(8, "big"), digest_size=8, person=b"mask")
    return int.from_bytes(digest.digest(), "big") & MAX
