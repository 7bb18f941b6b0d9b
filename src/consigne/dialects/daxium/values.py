"""The values of items: Daxium's spelling here, the core's canonical one there (DX-23).

Pure functions. What is no value of its kind passes as it is, so that the core refuses it together
with everything else that is wrong.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from consigne.core.records.layout import Layout
from consigne.model.records import Field, FieldKind

TYPES: dict[FieldKind, str] = {
    FieldKind.TEXT: "text",
    FieldKind.LONGTEXT: "text",
    FieldKind.INT: "number",
    FieldKind.DOUBLE: "number",
    FieldKind.BOOLEAN: "boolean",
    FieldKind.DATE: "date",
    FieldKind.TIMESTAMP: "date",
    FieldKind.EMAIL: "email",
    FieldKind.PHONE: "phone",
    FieldKind.DURATION: "duration",
    FieldKind.LOCATION: "location",
    FieldKind.LIST: "list",
    FieldKind.RELATION: "relation",
    FieldKind.USER: "user",
    FieldKind.FILE: "file",
    FieldKind.IMAGE: "image",
    FieldKind.SIGNATURE: "signature",
}
_TEL = "tel:"
_EPOCH = date(1970, 1, 1)
_DAY = 86_400
_LISTS = frozenset({FieldKind.LIST, FieldKind.USER})


def read_value(layout: Layout, field: Field, value: Any) -> Any:
    """Return the canonical value of an item; null and an empty list clear the field.

    A field with one value also takes it as a list of one, which is how ``daxium-php`` sends it.
    """
    read = _READ.get(field.kind, _same)
    if value is None or value == []:
        return None
    if layout.has_rows(field):
        rows = value if isinstance(value, list) else [value]
        return [None if each is None else read(each) for each in rows]
    if isinstance(value, list) and len(value) == 1 and field.kind not in _LISTS:
        value = value[0]
    return read(value)


def show_value(layout: Layout, field: Field, value: Any) -> Any:
    """Return a canonical value as Daxium writes it."""
    show = _SHOW.get(field.kind, _same)
    if layout.has_rows(field):
        return [None if each is None else show(each) for each in value]
    return show(value)


def _same(value: Any) -> Any:
    return value


def _read_int(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _read_date(value: Any) -> Any:
    value = _read_int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        return value
    try:
        return (_EPOCH + timedelta(days=value // _DAY)).isoformat()
    except OverflowError:
        return value


def _show_date(value: str) -> int:
    moment = datetime.combine(date.fromisoformat(value), datetime.min.time(), UTC)
    return int(moment.timestamp())


def _read_phone(value: Any) -> Any:
    """Return the number of a ``tel`` URI (RFC 3966), or what was sent without one; a global number
    as the URI has it, so that what was shown changes nothing when it is sent back."""
    if not isinstance(value, str):
        return value
    number = value[len(_TEL) :] if value[: len(_TEL)].lower() == _TEL else value
    return number.replace(" ", "-") if number.startswith("+") else number


def _show_phone(value: str) -> str:
    """Return a global number as a ``tel`` URI, in which blanks are not allowed.

    >>> _show_phone("+33 1 23 45"), _show_phone("0123")
    ('tel:+33-1-23-45', '0123')
    """
    return _TEL + value.replace(" ", "-") if value.startswith("+") else value


def _read_location(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: each for name, each in value.items() if each is not None}
    return value


def _show_location(value: dict[str, Any]) -> dict[str, Any]:
    return {"lat": value["lat"], "lng": value["lng"], "address": value.get("address")}


def _read_list(value: Any) -> Any:
    if not isinstance(value, list):
        value = [value]
    return [str(each) if type(each) is int else each for each in value]


def _read_relation(value: Any) -> Any:
    if isinstance(value, dict) and value.keys() == {"submissions"}:
        return {"records": value["submissions"]}
    return value


def _show_relation(value: dict[str, Any]) -> dict[str, Any]:
    return {"submissions": value["records"]}


def _read_user(value: Any) -> Any:
    if not isinstance(value, list):
        value = [value]
    return [_user_number(each) for each in value]


def _user_number(value: Any) -> Any:
    number = value["id"] if isinstance(value, dict) and value.get("id") else value
    if isinstance(number, str) and number.isascii() and number.isdigit() and len(number) < 16:
        return int(number)
    return number


def _show_user(value: list[int]) -> list[dict[str, str]]:
    return [{"id": str(number)} for number in value]


_READ: dict[FieldKind, Callable[[Any], Any]] = {
    FieldKind.INT: _read_int,
    FieldKind.DATE: _read_date,
    FieldKind.TIMESTAMP: _read_int,
    FieldKind.DURATION: _read_int,
    FieldKind.PHONE: _read_phone,
    FieldKind.LOCATION: _read_location,
    FieldKind.LIST: _read_list,
    FieldKind.RELATION: _read_relation,
    FieldKind.USER: _read_user,
}
_SHOW: dict[FieldKind, Callable[[Any], Any]] = {
    FieldKind.DATE: _show_date,
    FieldKind.PHONE: _show_phone,
    FieldKind.LOCATION: _show_location,
    FieldKind.RELATION: _show_relation,
    FieldKind.USER: _show_user,
}
