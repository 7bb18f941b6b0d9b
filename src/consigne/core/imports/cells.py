"""Cells as values of fields (DX-42). Pure functions; what no cell says is left to the core.

``|`` separates values. A cell that begins with ``=``, ``+``, ``-`` or ``@`` is data like any other:
nothing here is ever a formula.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import msgspec

from consigne.core.imports.columns import Column, Columns
from consigne.model.identity import Kind, from_uuid
from consigne.model.imports import Fault
from consigne.model.records import Field, FieldKind, Option

SEPARATOR = "|"
_NO_FILE = 0  # no file has this number: what is no id of ours is as unknown as any other
_NUMBER = re.compile(r"[+-]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})(?:[eE][+-]?\d{1,3})?")
_WHOLE = re.compile(r"[+-]?\d{1,19}")
_PLACE = re.compile(r"\s*([+-]?\d{1,3}(?:\.\d{1,30})?)\s*,\s*([+-]?\d{1,3}(?:\.\d{1,30})?)\s*")
_URL = re.compile(r"https?://", re.IGNORECASE)
_BOOLEANS = {"true": True, "false": False}
_TEL = "tel:"


class BadCell(Exception):
    """A cell is no value of its kind; ``code`` and text as in the error file."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class Asked(msgspec.Struct, frozen=True):
    """A file that a cell names: one of the vault, or what is to be fetched from a URL."""

    file_id: int
    url: str | None = None


class Read(msgspec.Struct):
    """What the cells of a row say, by field id, and what is wrong with them.

    ``users`` are e-mail addresses; whoever saves the row knows whose they are. ``blank``: fields
    whose cell is empty.
    """

    values: dict[str, Any]
    users: dict[str, list[str]]
    files: dict[str, list[Asked]]
    blank: list[Field]
    faults: list[Fault]

    @property
    def urls(self) -> int:
        """How many files are to be fetched."""
        return sum(each.url is not None for listed in self.files.values() for each in listed)


def read_cells(columns: Columns, cells: list[str]) -> Read:
    """Return what the cells of a row say."""
    read = Read({}, {}, {}, [], [])
    for column in columns.filled:
        cell, field = cells[column.index], column.field
        if not cell.strip():
            read.blank.append(field)
            continue
        try:
            if field.is_file:
                read.files[field.id] = [_asked(each) for each in _split(cell)]
            elif field.kind is FieldKind.USER:
                read.users[field.id] = _split(cell)
            else:
                read.values[field.id] = _value(column, cell)
        except BadCell as error:
            read.faults.append(Fault(field.id, error.code, error.text))
    return read


def whole_number(cell: str) -> int:
    """Return a whole number. Raises BadCell."""
    text = cell.strip()
    if _WHOLE.fullmatch(text):
        return int(text)
    number = _number(text)
    if not number.is_integer():
        raise BadCell("BAD_NUMBER", f"{_short(cell)} is no whole number.")
    return int(number)


def _value(column: Column, cell: str) -> Any:
    field = column.field
    if field.kind is FieldKind.LIST:
        return _choices(field, cell, column.key)
    if field.kind is FieldKind.LOCATION:
        places = list(_places(cell))
        if not column.has_rows and len(places) > 1:
            raise BadCell("BAD_VALUE", "One location is expected.")
        return places if column.has_rows else places[0]
    if field.kind is FieldKind.RELATION:
        return {"records": [{"id": _uuid(each)} for each in _split(cell)]}
    read = _KINDS[field.kind]
    if column.has_rows:
        return [read(each) if each.strip() else None for each in cell.split(SEPARATOR)]
    return read(cell)


def _split(cell: str) -> list[str]:
    return [each.strip() for each in cell.split(SEPARATOR) if each.strip()]


def _asked(text: str) -> Asked:
    if _URL.match(text):
        return Asked(_NO_FILE, text)
    return Asked(from_uuid(Kind.FILE, text) or _NO_FILE)


def _choices(field: Field, cell: str, key: str) -> list[str]:
    known = _by(field.options, key)
    found = []
    for each in _split(cell):
        if each not in known:
            raise BadCell("LIST_VALUE_UNKNOWN", f"{_short(each)} is not one of the choices.")
        found.append(known[each])
    return found


def _by(options: list[Option], key: str) -> Mapping[str, str]:
    if key == "id":
        return {option.id: option.id for option in options}
    if key == "name":
        return {option.name or option.id: option.id for option in options}
    return {option.external: option.id for option in options if option.external is not None}


def _places(cell: str) -> Iterator[dict[str, Any]]:
    """Yield the locations of a cell: ``lat,lng``, each with the address that may follow it."""
    place: dict[str, Any] | None = None
    for piece in cell.split(SEPARATOR):
        if match := _PLACE.fullmatch(piece):
            if place is not None:
                yield place
            place = {"lat": float(match[1]), "lng": float(match[2])}
        elif place is None or "address" in place:
            raise BadCell("BAD_VALUE", "A location is lat,lng or lat,lng|address.")
        elif piece.strip():
            place["address"] = piece.strip()
    if place is not None:
        yield place


def _text(cell: str) -> str:
    return cell


def _word(cell: str) -> str:
    return cell.strip()


def _phone(cell: str) -> str:
    text = cell.strip()
    return text[len(_TEL) :] if text[: len(_TEL)].lower() == _TEL else text


def _number(cell: str) -> float:
    text = cell.strip()
    if not _NUMBER.fullmatch(text):
        raise BadCell("BAD_NUMBER", f"{_short(cell)} is no number.")
    return float(text)


def _boolean(cell: str) -> bool:
    value = _BOOLEANS.get(cell.strip().lower())
    if value is None:
        raise BadCell("BAD_BOOLEAN", f"{_short(cell)} is neither true nor false.")
    return value


def _date(cell: str) -> str:
    """Return the day that is written, whatever the offset."""
    text = cell.strip()
    try:
        return date.fromisoformat(text).isoformat() if len(text) < 12 else _moment(text, cell)[0]
    except ValueError:
        raise _bad_date(cell) from None


def _timestamp(cell: str) -> int:
    return _moment(cell.strip(), cell)[1]


def _moment(text: str, cell: str) -> tuple[str, int]:
    """Return the day and the Unix seconds of an ISO 8601 time with its offset."""
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise _bad_date(cell)
        return moment.date().isoformat(), int(moment.astimezone(UTC).timestamp())
    except (ValueError, OverflowError):
        raise _bad_date(cell) from None


def _bad_date(cell: str) -> BadCell:
    return BadCell(
        "BAD_DATE",
        f"{_short(cell)} is no date with an offset, such as 2026-05-01T08:00:00+02:00.",
    )


def _uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise BadCell("BAD_VALUE", f"{_short(text)} is no UUID.") from None


def _short(cell: str) -> str:
    return repr(cell if len(cell) <= 40 else cell[:40] + "…")


_KINDS: dict[FieldKind, Callable[[str], Any]] = {
    FieldKind.TEXT: _text,
    FieldKind.LONGTEXT: _text,
    FieldKind.INT: whole_number,
    FieldKind.DOUBLE: _number,
    FieldKind.BOOLEAN: _boolean,
    FieldKind.DATE: _date,
    FieldKind.TIMESTAMP: _timestamp,
    FieldKind.EMAIL: _word,
    FieldKind.PHONE: _phone,
    FieldKind.DURATION: whole_number,
}
