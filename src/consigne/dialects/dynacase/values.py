"""Values of attributes, as requests and answers spell them (DY-29): pure functions.

A request gives ``{"value": …}`` for an attribute, a list of such objects for one with rows, and for
a file its reference. What cannot be read is passed on as it is, so that the check of all values
tells it beside everything else that is wrong.
"""

import math
import re
from collections.abc import Callable, Mapping
from datetime import datetime, tzinfo
from typing import Any

from consigne.dialects.dynacase.errors import refuse
from consigne.errors import TooLarge
from consigne.http.bodies import decode_json
from consigne.model.records import Field, FieldKind

Wishes = dict[str, Any]
MAX_ROWS = 1000

_INT = re.compile(r"[+-]?\d{1,18}")
_FRENCH_DAY = re.compile(r"(\d\d)/(\d\d)/(\d{4})")
_MOMENT = "%Y-%m-%dT%H:%M:%S"


def wishes_of(data: bytes) -> Wishes:
    """Return the attributes of a JSON body: a bare value, or a list of them, by attribute.

    They stand at the top or inside ``document``; other keys are ignored. Raises BadBody and the
    refusals CRUD0209 and CRUD0210.
    """
    body = decode_json(data)
    if isinstance(body, dict) and isinstance(body.get("document"), dict):
        body = body["document"]
    attributes = body.get("attributes") if isinstance(body, dict) else None
    if not isinstance(attributes, dict):
        raise refuse("CRUD0209", "No attributes")
    return {str(name): _bare(wish) for name, wish in attributes.items()}


def _bare(wish: Any) -> Any:
    if isinstance(wish, list):
        return [_one(each) for each in wish]
    return _one(wish)


def _one(wish: Any) -> Any:
    if not isinstance(wish, dict) or "value" not in wish:
        raise refuse("CRUD0210", "No value")
    return wish["value"]


def rows_of(wish: Any) -> list[Any] | None:
    """Return the rows that a request gives an attribute with rows, None where it clears it.

    Raises TooLarge beyond MAX_ROWS.
    """
    if wish is None or wish == "":
        return None
    rows = wish if isinstance(wish, list) else [wish]
    if len(rows) > MAX_ROWS:
        raise TooLarge(limit=MAX_ROWS)
    return [None if row == "" else row for row in rows]


def read_value(field: Field, value: Any, zone: tzinfo) -> Any:
    """Return one value as it is kept; ``""`` clears."""
    if value is None or value == "":
        return None
    reader = _READERS.get(field.kind)
    try:
        return reader(value, zone) if reader else value
    except (ValueError, OverflowError, OSError):
        return value


def shown_value(field: Field, value: Any, zone: tzinfo) -> dict[str, Any]:
    """Return one kept value as answers show it: itself, and as people read it."""
    if value is None:
        return {"value": None, "displayValue": None}
    if field.kind is FieldKind.TIMESTAMP:
        value = datetime.fromtimestamp(value, zone).strftime(_MOMENT)
    elif field.kind is FieldKind.LIST:
        names = {option.id: option.name or option.id for option in field.options}
        chosen = value if isinstance(value, list) else [value]
        return {
            "value": chosen[0] if len(chosen) == 1 else chosen,
            "displayValue": ", ".join(names.get(each, str(each)) for each in chosen),
        }
    shown = value if isinstance(value, str | dict | list) else _plain(value)
    return {"value": value, "displayValue": shown}


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _text(value: Any, _: tzinfo) -> Any:
    return _plain(value) if isinstance(value, int | float) else value


def _int(value: Any, _: tzinfo) -> Any:
    if isinstance(value, str) and _INT.fullmatch(value.strip()):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _double(value: Any, _: tzinfo) -> Any:
    if isinstance(value, str):
        number = float(value.strip().replace(",", "."))
        return number if math.isfinite(number) else value
    return value


def _boolean(value: Any, _: tzinfo) -> Any:
    return {"true": True, "1": True, "false": False, "0": False}.get(str(value).lower(), value)


def _date(value: Any, _: tzinfo) -> Any:
    found = _FRENCH_DAY.fullmatch(value) if isinstance(value, str) else None
    return f"{found[3]}-{found[2]}-{found[1]}" if found else value


def _timestamp(value: Any, zone: tzinfo) -> Any:
    if not isinstance(value, str):
        return value
    text = value.strip()
    day = _FRENCH_DAY.match(text)
    if day:
        text = f"{day[3]}-{day[2]}-{day[1]}{text[day.end() :]}"
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp())


def _list(value: Any, _: tzinfo) -> Any:
    return value if isinstance(value, list) else [_plain(value)]


_READERS: Mapping[FieldKind, Callable[[Any, tzinfo], Any]] = {
    FieldKind.TEXT: _text,
    FieldKind.LONGTEXT: _text,
    FieldKind.EMAIL: _text,
    FieldKind.PHONE: _text,
    FieldKind.INT: _int,
    FieldKind.DURATION: _int,
    FieldKind.DOUBLE: _double,
    FieldKind.BOOLEAN: _boolean,
    FieldKind.DATE: _date,
    FieldKind.TIMESTAMP: _timestamp,
    FieldKind.LIST: _list,
}
