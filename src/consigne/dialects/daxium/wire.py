"""What Daxium's requests say, as values: pages, wished keys, bodies, types. Pure functions."""

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from consigne.errors import BadBody, BadParameter
from consigne.http.bodies import decode_json
from consigne.http.dispositions import OCTETS, safe_media_type

Body = Mapping[str, Any]
Document = dict[str, Any]

LIMIT = 50
MAX_LIMIT = 500
_MAX_PAGE = 1 << 31
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# What a client sends that does not know, or does not say, what its bytes are (DX-15, DX-52).
_NOT_SAID = frozenset({OCTETS, "application/x-www-form-urlencoded"})


class Page(NamedTuple):
    """Which members of a list (DX-10), and which of their keys (DX-09; None: all)."""

    number: int
    limit: int
    keys: frozenset[str] | None

    @property
    def offset(self) -> int:
        return (self.number - 1) * self.limit

    def of(self, name: str, members: Sequence[Document], total: int, **more: Any) -> Document:
        """Return the answer of a list whose part these members are."""
        return {
            name: [_only(self.keys, member) for member in members],
            "total_count": total,
            "total_pages": self.pages(total),
            **more,
            "server_time": int(time.time()),
        }

    def pages(self, total: int) -> int:
        """Return how many pages there are."""
        return -(-total // self.limit)


def page_of(query: Mapping[str, str]) -> Page:
    """Return what the query says of a list. Raises BadParameter."""
    wished = query.get("fields")
    return Page(
        number_of(query, "page", _MAX_PAGE) or 1,
        number_of(query, "limit", MAX_LIMIT) or LIMIT,
        None if wished is None else frozenset(key.strip() for key in wished.split(",")),
    )


def number_of(query: Mapping[str, str], name: str, most: int) -> int | None:
    """Return a whole number from 1, None where it is absent. Raises BadParameter."""
    text = query.get(name)
    if text is None:
        return None
    good = text.isascii() and text.isdigit() and len(text) < 20
    if not good or not 1 <= int(text) <= most:
        raise BadParameter(f"A whole number from 1 to {most} is expected.", parameter=name)
    return int(text)


def flag_of(query: Mapping[str, str], name: str) -> bool:
    """Return ``true`` or ``false``, by default false. Raises BadParameter."""
    value = query.get(name, "false")
    if value not in ("true", "false"):
        raise BadParameter("true or false is expected.", parameter=name)
    return value == "true"


def path_number(text: str) -> int | None:
    """Return the small number that a path names, None for what is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def is_uuid(text: str) -> bool:
    """Tell whether a text has the shape of a UUID, in any case."""
    return _UUID.fullmatch(text) is not None


def read_body(data: bytes) -> Body:
    """Return the JSON object of a body. Raises BadBody."""
    body = decode_json(data)
    if not isinstance(body, dict):
        raise BadBody("The body is not a JSON object.")
    return body


def declared_type(header: str | None) -> str | None:
    """Return the media type that a client declares, None where it says nothing (DX-15).

    >>> declared_type("Image/PNG; x=1"), declared_type("application/octet-stream")
    ('image/png', None)
    """
    essence = safe_media_type(header).partition(";")[0].strip().lower()
    return None if essence in _NOT_SAID else essence


def seconds(milliseconds: int | None) -> int | None:
    """Return a moment as Daxium writes it: Unix seconds."""
    return None if milliseconds is None else milliseconds // 1000


def _only(keys: Iterable[str] | None, member: Document) -> Document:
    return member if keys is None else {k: v for k, v in member.items() if k in keys}
