"""What Arrhes' requests say, as values: ids, fields of a body, moments, list options.

Pure functions (AR-05, AR-07, AR-12). A field that is missing or wrong raises BadParameter with the
detail ``field``, which is answered as the real server's validator would.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar

from consigne.errors import BadBody, BadParameter, IdConflict
from consigne.http.bodies import decode_json
from consigne.model.identity import from_letters
from consigne.model.query import Field, Order

Body = Mapping[str, Any]
T = TypeVar("T")

MAX_TEXT = 256
MAX_LIST = 1000
_MOST = 1 << 31
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_MOMENT = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:[Zz]|[+-]\d{2}:?\d{2})?"
)
_MEDIA_TYPE = re.compile(r"[!#$&^_.+\w-]+/[!#$&^_.+\w-]+(?:[ \t]*;[\x20-\x7e\t]*)?", re.ASCII)
OCTETS = "application/octet-stream"

FILE_SORTS: dict[str, Field] = {
    "name": Field.NAME,
    "reference": Field.REFERENCE,
    "size": Field.SIZE,
    "date": Field.DATE,
    "createdAt": Field.CREATED,
    "lastUpdatedAt": Field.UPDATED,
}
FOLDER_SORTS: dict[str, str] = {
    "name": "name",
    "createdAt": "created_at",
    "lastUpdatedAt": "updated_at",
}


class Page(NamedTuple):
    """Options of a list. ``limit`` None: everything; ``sort`` one of the allowed names or None."""

    limit: int | None
    offset: int
    sort: str | None
    descending: bool
    counted: bool

    def order(self) -> tuple[Order, ...]:
        """Return the order of a list of files; without a sort, oldest first."""
        if self.sort is None:
            return ()
        return (Order(FILE_SORTS[self.sort], self.descending),)


def invalid(field: str, problem: str) -> BadParameter:
    """Return the refusal of a field of the body."""
    return BadParameter(problem, field=field, parameter=field)


def read_body(data: bytes, ids: Mapping[str, str], known: Mapping[str, str]) -> Body:
    """Return the JSON object of a body; an empty body is an empty object.

    ``ids`` are those of the path by their names: the body may repeat them. ``known`` are other
    spellings of them that are right as well. Raises BadBody, IdConflict.
    """
    if not data.strip():
        return {}
    body = decode_json(data)
    if not isinstance(body, dict):
        raise BadBody("The body is not a JSON object.")
    for name, value in ids.items():
        told = body.get(name)
        if told is not None and told not in (value, known.get(name)):
            raise IdConflict(f"{name} contradicts the path.", parameter=name)
    return body


def text_of(body: Body, name: str, *, required: bool = False, empty: bool = True) -> str | None:
    """Return a text of at most 256 characters, None where it is absent or null."""
    value = body.get(name)
    if value is None:
        if required:
            raise invalid(name, "Invalid key: Expected a text but received none")
        return None
    if not isinstance(value, str):
        raise invalid(name, "Invalid type: Expected a text")
    if len(value) > MAX_TEXT or "\0" in value:
        raise invalid(name, f"Invalid length: Expected at most {MAX_TEXT} characters")
    if not value.strip() and not empty:
        raise invalid(name, "Invalid length: Expected at least 1 character")
    return value


def name_of(body: Body, name: str = "name") -> str:
    """Return a name, which the core's rule cuts and cleans; it must not be empty."""
    value = body.get(name)
    if not isinstance(value, str):
        raise invalid(name, "Invalid type: Expected a text")
    if not value.strip():
        raise invalid(name, "Invalid length: Expected at least 1 character")
    return value


def id_of(body: Body, name: str, unknown: Callable[[], Exception]) -> int | None:
    """Return an id, None where it is absent or null; raise ``unknown`` for what is no id."""
    value = body.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise invalid(name, "Invalid type: Expected a text")
    number = from_letters(value)
    if number is None:
        raise unknown()
    return number


def size_of(body: Body) -> int:
    """Return ``size``: whole bytes from 0."""
    value = body.get("size")
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise invalid("size", "Invalid type: Expected a whole number from 0")
    return value


def type_of(body: Body) -> str:
    """Return ``type``: a media type of at most 255 characters; empty is octet-stream (AR-16)."""
    value = body.get("type")
    if not isinstance(value, str):
        raise invalid("type", "Invalid type: Expected a text")
    if not value:
        return OCTETS
    if len(value) > 255 or not _MEDIA_TYPE.fullmatch(value):
        raise invalid("type", "Invalid format: Expected a media type")
    return value


def moment_of(body: Body, name: str, *, required: bool = False) -> str | None:
    """Return a day or date-time in its one spelling, its offset kept (AR-07).

    >>> moment_of({"date": "2026-02-28"}, "date")
    '2026-02-28T00:00:00+00:00'
    """
    value = body.get(name)
    if value is None:
        if required:
            raise invalid(name, "Invalid key: Expected a date but received none")
        return None
    if not isinstance(value, str):
        raise invalid(name, "Invalid type: Expected a date")
    if not _DAY.fullmatch(value) and not _MOMENT.fullmatch(value):
        raise invalid(name, "Invalid date")
    try:
        moment = datetime.fromisoformat(value.upper())
    except ValueError:
        raise invalid(name, "Invalid date") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.replace(microsecond=0).isoformat()


def flag_of(values: Mapping[str, str], name: str) -> bool:
    """Return a flag of the query: ``true`` or ``false``, by default false."""
    value = values.get(name, "false")
    if value not in ("true", "false"):
        raise BadParameter(f"{name} is true or false.", parameter=name)
    return value == "true"


def page_of(values: Mapping[str, str], sorts: Iterable[str]) -> Page:
    """Return the options of a list (AR-12). Raises BadParameter."""
    limit, offset = values.get("limit"), values.get("offset")
    sort = values.get("sort")
    name = sort.removeprefix("-") if sort is not None else None
    if name is not None and name not in sorts:
        raise BadParameter("There is no such order.", parameter="sort")
    return Page(
        limit=None if limit is None else _number("limit", limit, 1, MAX_LIST),
        offset=0 if offset is None else _number("offset", offset, 0, _MOST),
        sort=name,
        descending=sort is not None and sort.startswith("-"),
        counted=limit is not None or offset is not None,
    )


def _number(name: str, text: str, least: int, most: int) -> int:
    good = text.isascii() and text.isdigit() and len(text) < 12
    if not good or not least <= int(text) <= most:
        raise BadParameter(f"{name} is a number from {least} to {most}.", parameter=name)
    return int(text)


def prefers_async(headers: Iterable[str]) -> bool:
    """Tell whether a ``Prefer`` header asks for respond-async (RFC 7240 §4.1)."""
    wishes = [each.partition(";")[0].strip().lower() for h in headers for each in h.split(",")]
    return "respond-async" in wishes
