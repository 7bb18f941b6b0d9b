"""Checking what a save says against the fields of its type: everything that is wrong, at once.

Pure functions. The rules of a kind are in ``_KINDS``; those of a field (range, options, number of
rows, files) apply to whatever value passes them. Constraints of plug-ins are asked elsewhere.
"""

import math
import re
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from datetime import date
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any
from uuid import UUID

from consigne.core.records.change import Failure
from consigne.core.records.layout import Layout
from consigne.model.entities import File
from consigne.model.names import extension_of
from consigne.model.records import FILES, STRUCTURE, Field, FieldKind

MAX_ROWS = 1000
MAX_TEXT = 1 << 20
_LARGEST = (1 << 63) - 1
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,189}")
_PHONE = re.compile(r"[+0-9][0-9 ().;=a-zA-Z-]{0,63}")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_IMAGES = ["image/*"]

Rows = Mapping[int, File]
_Bound = tuple[str, str] | None


def check(
    layout: Layout,
    values: Mapping[str, Any],
    files: Mapping[str, Rows],
) -> list[Failure]:
    """Return all that is wrong with what a save names: values, and files by row, by field id."""
    found: list[Failure] = []
    for name, value in values.items():
        field = layout.find(name)
        if field is not None and value is not None:
            found.extend(_value_failures(layout, field, value))
    for name, rows in files.items():
        field = layout.find(name)
        if field is not None:
            found.extend(_file_failures(field, rows))
    return found


def missing(
    required: Sequence[Field], values: Mapping[str, Any], with_files: Container[str]
) -> list[Failure]:
    """Return the fields that must not be empty and would be after a save."""
    return [
        failure(field, None, "required", "A value is needed.")
        for field in required
        if (field.id not in with_files if field.is_file else is_empty(values.get(field.id)))
    ]


def failure(
    field: Field, index: int | None, code: str, message: str, file: int | None = None
) -> Failure:
    """Return a failure that names its field."""
    return Failure(field.id, index, code, message, field.label, file=file)


def is_empty(value: Any) -> bool:
    """Tell whether nothing stands there: null, an empty text, no row that is filled."""
    if value is None or value == "":
        return True
    if isinstance(value, dict):
        return all(is_empty(each) for each in value.values())
    return isinstance(value, list) and all(is_empty(each) for each in value)


def normal(value: Any) -> Any:
    """Return a value as it is stored: None where it is empty, without empty rows at the end."""
    if is_empty(value):
        return None
    if isinstance(value, list):
        rows = list(value)
        while is_empty(rows[-1]):
            rows.pop()
        return [None if is_empty(each) else each for each in rows]
    return value


def accepts(field: Field, detected_type: str, name: str) -> bool:
    """Tell whether a file may stand in a field: one MIME pattern or extension matches (DY-60).

    >>> accepts(Field("a", FieldKind.IMAGE), "image/heic", "a.heic")
    True
    """
    patterns = field.accept or ([] if field.kind is FieldKind.FILE else _IMAGES)
    if not patterns:
        return True
    extension = "." + extension_of(name)
    essence = detected_type.partition(";")[0].strip().lower()
    for pattern in patterns:
        wanted = pattern.strip().lower()
        if wanted.startswith("."):
            if wanted == extension:
                return True
        elif fnmatchcase(essence, wanted):
            return True
    return False


def file_failure(field: Field, index: int | None, file: File) -> Iterator[Failure]:
    """Yield what keeps a file from standing in a field, whatever else stands there."""
    kind = file.detected_type or "application/octet-stream"
    if not accepts(field, kind, file.name):
        wanted = ", ".join(field.accept or _IMAGES)
        text = f"A file of type {kind} is not accepted here: {wanted}."
        yield failure(field, index, "type", text, file.id)
    if field.max_size is not None and file.size > field.max_size:
        text = f"The file has {file.size} bytes; at most {field.max_size} are accepted."
        yield failure(field, index, "size", text, file.id)
    if field.name_regex and not _pattern(field.name_regex).fullmatch(file.name):
        text = f"The file name {file.name!r} does not match {field.name_regex}."
        yield failure(field, index, "name", text, file.id)


def _file_failures(field: Field, rows: Rows) -> Iterator[Failure]:
    yield from _count_failures(field, len(rows), max(rows, default=-1) + 1)
    for index, file in rows.items():
        yield from file_failure(field, None if index < 0 else index, file)


def _value_failures(layout: Layout, field: Field, value: Any) -> Iterator[Failure]:
    if field.kind in STRUCTURE or field.kind in FILES:
        yield failure(field, None, "bad_value", "This field has no value.")
        return
    if not layout.has_rows(field):
        yield from _one(field, None, value)
        return
    if not isinstance(value, list):
        yield failure(field, None, "bad_value", "A list of values is needed.")
        return
    filled = sum(not is_empty(each) for each in value)
    yield from _count_failures(field, filled, len(value))
    for index, each in enumerate(value):
        if each is not None:
            yield from _one(field, index, each)


def _count_failures(field: Field, filled: int, rows: int) -> Iterator[Failure]:
    if field.max_count is not None and filled > field.max_count:
        yield failure(field, None, "too_many", f"At most {field.max_count} values are accepted.")
    elif rows > MAX_ROWS:
        yield failure(field, None, "too_many", f"At most {MAX_ROWS} rows are accepted.")


def _one(field: Field, index: int | None, value: Any) -> Iterator[Failure]:
    wanted = _KINDS[field.kind](value)
    if wanted:
        yield failure(field, index, "bad_value", f"{wanted} is needed.")
        return
    if field.kind is FieldKind.LIST:
        yield from _options(field, index, value)
    if field.kind in _ENTRIES and not field.multiple and len(_ENTRIES[field.kind](value)) > 1:
        yield failure(field, index, "too_many", "Only one entry is accepted.")
    size = _measure(value)
    if size is None:
        return
    if field.min is not None and size < field.min:
        yield failure(field, index, "too_small", f"At least {field.min:g} is needed.")
    elif field.max is not None and size > field.max:
        yield failure(field, index, "too_large", f"At most {field.max:g} is accepted.")


def _options(field: Field, index: int | None, value: list[str]) -> Iterator[Failure]:
    known = {option.id for option in field.options}
    for each in value:
        if each not in known:
            yield failure(field, index, "unknown_option", f"{each!r} is not one of the choices.")


def _measure(value: Any) -> float | None:
    """Return what ``min`` and ``max`` bound: a number, or the length of a text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    return len(value) if isinstance(value, str) else value


# What each kind needs, in words, where a value is not it; else an empty text.


def _text(value: Any) -> str:
    fits = isinstance(value, str) and len(value) <= MAX_TEXT and "\0" not in value
    return "" if fits else "A text"


def _integer(value: Any) -> str:
    fits = isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _LARGEST
    return "" if fits else "A whole number"


def _number(value: Any) -> str:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return "" if is_number and math.isfinite(value) else "A number"


def _boolean(value: Any) -> str:
    return "" if isinstance(value, bool) else "true or false"


def _date(value: Any) -> str:
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            date.fromisoformat(value)
        except ValueError:
            return "A date (YYYY-MM-DD)"
        return ""
    return "A date (YYYY-MM-DD)"


def _email(value: Any) -> str:
    return "" if isinstance(value, str) and _EMAIL.fullmatch(value) else "An e-mail address"


def _phone(value: Any) -> str:
    return "" if isinstance(value, str) and _PHONE.fullmatch(value) else "A telephone number"


def _location(value: Any) -> str:
    if isinstance(value, dict) and value.keys() <= {"lat", "lng", "address"}:
        address = value.get("address")
        on_earth = _within(value.get("lat"), 90) and _within(value.get("lng"), 180)
        if on_earth and (address is None or not _text(address)):
            return ""
    return "A location (lat, lng, address)"


def _within(value: Any, bound: int) -> bool:
    return not _number(value) and -bound <= value <= bound


def _ids(value: Any) -> str:
    fits = isinstance(value, list) and len(value) <= MAX_ROWS and not any(map(_text, value))
    return "" if fits else "A list of ids"


def _users(value: Any) -> str:
    fits = isinstance(value, list) and len(value) <= MAX_ROWS and not any(map(_integer, value))
    return "" if fits else "A list of users"


def _relation(value: Any) -> str:
    if isinstance(value, dict) and value.keys() == {"records"}:
        records = value["records"]
        if isinstance(records, list) and len(records) <= MAX_ROWS and all(map(_related, records)):
            return ""
    return "A list of records"


def _related(value: Any) -> bool:
    if not isinstance(value, dict) or not value.keys() <= {"id", "count"} or "id" not in value:
        return False
    if "count" in value and value["count"] is not None and _integer(value["count"]):
        return False
    try:
        UUID(value["id"])
    except (ValueError, AttributeError, TypeError):
        return False
    return True


_KINDS: dict[FieldKind, Callable[[Any], str]] = {
    FieldKind.TEXT: _text,
    FieldKind.LONGTEXT: _text,
    FieldKind.INT: _integer,
    FieldKind.DOUBLE: _number,
    FieldKind.BOOLEAN: _boolean,
    FieldKind.DATE: _date,
    FieldKind.TIMESTAMP: _integer,
    FieldKind.EMAIL: _email,
    FieldKind.PHONE: _phone,
    FieldKind.DURATION: _integer,
    FieldKind.LOCATION: _location,
    FieldKind.LIST: _ids,
    FieldKind.RELATION: _relation,
    FieldKind.USER: _users,
}
_ENTRIES: dict[FieldKind, Callable[[Any], list[Any]]] = {
    FieldKind.LIST: list,
    FieldKind.USER: list,
    FieldKind.RELATION: lambda value: list(value["records"]),
}


@lru_cache(maxsize=512)
def _pattern(regex: str) -> re.Pattern[str]:
    return re.compile(regex)
