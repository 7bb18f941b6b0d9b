"""Conditional requests (RFC 9110 §13), evaluated in the order of §13.2.2.

::

    1  If-Match present              false → 412
    2  else If-Unmodified-Since      false → 412
    3  If-None-Match present         false → 304 for GET and HEAD, else 412
    4  else If-Modified-Since        false → 304 (GET and HEAD only)
    5  (If-Range: ``ranges.if_range_holds``)

If-Match compares strongly, If-None-Match weakly (§8.8.3.2). A tag without quotes, which clients of
object stores send, is read as if it had them.
"""

import re
from collections.abc import Mapping
from enum import Enum

from consigne.errors import PreconditionFailed
from consigne.http.dates import parse_http_date

FIELDS = frozenset({b"if-match", b"if-unmodified-since", b"if-none-match", b"if-modified-since"})

_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"|[^\s",]+')


class Outcome(Enum):
    """What the conditions say: go on, or answer 304."""

    PROCEED = "proceed"
    NOT_MODIFIED = "not modified"


def evaluate(
    fields: Mapping[str, str], *, safe: bool, etag: str | None, modified_at: int | None
) -> Outcome:
    """Evaluate a request's conditions against the current representation.

    ``fields``: header fields by lower-case name, repeated ones joined by commas. ``safe``: the
    method is GET or HEAD. ``etag``: the current tag with its quotes, None where there is no current
    representation. ``modified_at``: milliseconds since 1970, None where unknown. Raises
    PreconditionFailed.
    """
    match = fields.get("if-match")
    if match is not None:
        if not _matches(match, etag, weak=False):
            raise PreconditionFailed
    elif _changed_since(fields.get("if-unmodified-since"), modified_at) is True:
        raise PreconditionFailed
    none_match = fields.get("if-none-match")
    if none_match is not None:
        if _matches(none_match, etag, weak=True):
            if safe:
                return Outcome.NOT_MODIFIED
            raise PreconditionFailed
    elif safe and _changed_since(fields.get("if-modified-since"), modified_at) is False:
        return Outcome.NOT_MODIFIED
    return Outcome.PROCEED


def entity_tags(value: str) -> list[str]:
    """Return the tags of a list, quotes and ``W/`` included; bare ones get quotes.

    >>> entity_tags('"a", W/"b", c')
    ['"a"', 'W/"b"', '"c"']
    """
    return [tag if tag.endswith('"') else f'"{tag}"' for tag in _TAG.findall(value)]


def _matches(value: str, etag: str | None, *, weak: bool) -> bool:
    if etag is None:
        return False
    if value.strip() == "*":
        return True
    tags = entity_tags(value)
    if weak:
        return etag.removeprefix("W/") in (tag.removeprefix("W/") for tag in tags)
    return not etag.startswith("W/") and etag in tags


def _changed_since(value: str | None, modified_at: int | None) -> bool | None:
    """Tell whether the content is newer than a date; None where the field does not count."""
    if value is None or modified_at is None:
        return None
    date = parse_http_date(value)
    return None if date is None else modified_at // 1000 > date
