"""Query parameters and form fields: one by one into values. Pure functions.

Every function names the parameter that it refuses (``BadParameter``, details ``parameter``).
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from consigne.core.entry import Entry, clean_type
from consigne.errors import BadParameter, FolderUnknown
from consigne.model.entities import Access
from consigne.model.identity import Kind, from_uuid

MAX_TEXT = 1024
MAX_SECONDS = 10 * 366 * 86_400

# What clients send that do not know the type; the detected one says more. The second is curl's own.
_UNTOLD = frozenset({"application/octet-stream", "application/x-www-form-urlencoded"})
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_DATE = re.compile(
    r"(\d{4}-\d\d-\d\d)"
    r"(?:[Tt ](\d\d:\d\d(?::\d\d)?)(?:[.,](\d{1,9}))?[ ]?([Zz]|[+\- ]\d\d:?\d\d)?)?"
)
_ENTRY_NAMES = frozenset(
    {"name", "folder", "type", "access", "tag", "reference", "hold", "expires_in", "source"}
)

Pairs = Iterable[tuple[str, str]]


class Wish(NamedTuple):
    """What a new file shall be, but for its folder, which is still words (None: the root)."""

    entry: Entry
    folder: str | None


def flag(text: str, parameter: str) -> bool:
    """Return a boolean; an empty value, as in ``?inline``, is true."""
    lowered = text.lower()
    if lowered in ("true", "1", ""):
        return True
    if lowered in ("false", "0"):
        return False
    raise BadParameter(f"{parameter} must be true or false.", parameter=parameter)


def whole(text: str, parameter: str, low: int, high: int) -> int:
    """Return a whole number between bounds, written in digits."""
    if not text.isascii() or not text.isdigit() or len(text) > 19 or not low <= int(text) <= high:
        raise BadParameter(
            f"{parameter} must be a number from {low} to {high}.", parameter=parameter
        )
    return int(text)


def plain(text: str, parameter: str, limit: int = MAX_TEXT) -> str:
    """Return text that the catalog can hold: no NUL, at most ``limit`` characters."""
    if "\0" in text or len(text) > limit:
        raise BadParameter(
            f"{parameter} must be at most {limit} characters without NUL.", parameter=parameter
        )
    return text


def moment(text: str, parameter: str) -> int:
    """Return an ISO 8601 time as milliseconds since 1970.

    A date alone is its first moment, a time without an offset is UTC, and a space before the offset
    is the ``+`` that a query string has lost.

    >>> moment("1994-11-06T08:49:37.999Z", "created_at")
    784111777999
    """
    found = _DATE.fullmatch(text.strip()) if text.isascii() else None
    if found:
        day, clock, fraction, offset = found.groups()
        sign = "+00:00" if offset in (None, "Z", "z") else offset.replace(" ", "+")
        try:
            value = datetime.fromisoformat(f"{day}T{clock or '00:00'}{sign}").astimezone(UTC)
        except (ValueError, OverflowError):
            pass
        else:
            return round(value.timestamp()) * 1000 + int((fraction or "0").ljust(3, "0")[:3])
    raise BadParameter(
        f"{parameter} must be a time such as 2026-01-31T12:00:00Z.", parameter=parameter
    )


def media_type(text: str, parameter: str = "type") -> str:
    """Return a media type as it is kept."""
    cleaned = clean_type(text)
    if cleaned is None:
        raise BadParameter(f"{text!r} is not a media type.", parameter=parameter)
    return cleaned


def told_type(header: str | None) -> str | None:
    """Return the type that a Content-Type header tells, None where it tells nothing."""
    cleaned = clean_type(header)
    if cleaned is None or cleaned.partition(";")[0].strip().lower() in _UNTOLD:
        return None
    return cleaned


def folder_id(text: str) -> int | None:
    """Return the number of a folder given by its UUID; None where the text is a path.

    Raises FolderUnknown for a UUID that names no folder.
    """
    if not _UUID.fullmatch(text):
        return None
    number = from_uuid(Kind.FOLDER, text)
    if number is None:
        raise FolderUnknown(parameter="folder")
    return number


def is_root(text: str | None) -> bool:
    """Tell whether words for a folder mean the root."""
    return text is None or text.strip("/") in ("", "root")


def require_known(pairs: Pairs) -> None:
    """Raise BadParameter for a form field that means nothing: most likely it was misspelled."""
    for name, _ in pairs:
        if name not in _ENTRY_NAMES and not name.startswith("meta."):
            raise BadParameter(f"There is no field {name[:64]!r} here.", parameter=name[:64])


def wish_of(pairs: Pairs, *, now: int, hold_seconds: float) -> Wish:
    """Return what parameters say of a new file; of a repeated one the last counts, tags add up.

    Other parameters are left to others. ``hold_seconds``: how long a held file stays where nothing
    else is said.
    """
    single: dict[str, str] = {}
    tags: list[str] = []
    fields: dict[str, str] = {}
    for name, value in pairs:
        if name == "tag":
            tags.append(value)
        elif name.startswith("meta."):
            fields[name.removeprefix("meta.")] = value
        elif name in _ENTRY_NAMES:
            single[name] = value
    hold = flag(single.get("hold", "false"), "hold")
    expires = _expiry(single.get("expires_in"), hold, now, hold_seconds)
    wishes: dict[str, Any] = {}
    if "type" in single:
        wishes["declared_type"] = media_type(single["type"])
    if single.get("reference"):
        wishes["reference"] = plain(single["reference"], "reference")
    entry = Entry(
        name=single.get("name", ""),
        access=access(single.get("access", Access.SPACE)),
        hold=hold,
        expires_at=expires,
        is_source=flag(single.get("source", "false"), "source"),
        fields=fields,
        tags=tags,
        **wishes,
    )
    return Wish(entry, single.get("folder"))


def access(text: str) -> Access:
    """Return who shall see a file."""
    try:
        return Access(text)
    except ValueError:
        raise BadParameter("access must be private or space.", parameter="access") from None


def _expiry(text: str | None, hold: bool, now: int, hold_seconds: float) -> int | None:
    if not hold:
        if text is not None:
            raise BadParameter("Only a held file expires.", parameter="expires_in")
        return None
    seconds = hold_seconds if text is None else whole(text, "expires_in", 1, MAX_SECONDS)
    return now + int(seconds * 1000)
