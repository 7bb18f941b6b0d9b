"""The body of a submission as a change of a record (DX-25, DX-26, DX-28). Pure functions.

Everything that is malformed is told at once; values of the wrong kind are left to the core.
"""

import math
from collections.abc import Mapping
from typing import Any

import msgspec

from consigne.core.records.change import Change, Slot, Slots
from consigne.core.records.layout import Layout
from consigne.dialects.daxium.values import read_value
from consigne.dialects.daxium.wire import Body, Document, is_uuid
from consigne.errors import BadBody
from consigne.model.identity import Kind, from_uuid
from consigne.model.names import clean_name
from consigne.model.records import Field

MAX_FILES = 100
MAX_NAME = 255
MAX_COMMENT = 2000
# No file has this number: what is no id of ours is as unknown as any other.
_NO_FILE = 0
_FLAGS = {True: True, False: False, "true": True, "false": False}
_LAST_SECOND = 253_402_300_799  # of the year 9999

Place = tuple[str, int | None]


class Told(msgspec.Struct):
    """What a body says: the change, and how it spells each file, by field and row."""

    change: Change
    spelled: dict[Place, str] = {}


class Reader:
    """Reads one body, collecting what is wrong with it."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self._faults: list[Document] = []
        self._spelled: dict[Place, str] = {}

    def number(self, name: str, *, required: bool = False) -> int | None:
        """Return a whole number from 1, None where it is absent or null."""
        value = self._body.get(name)
        if value is None and not required:
            return None
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16:
            value = int(value)
        if type(value) is not int or not 0 < value < 1 << 53:
            self._fault(name, "A whole number is needed.")
            return None
        return value

    def uuid(self, name: str) -> str | None:
        """Return a UUID in lower case, None where it is absent or null."""
        value = self._body.get(name)
        if value is None:
            return None
        if not isinstance(value, str) or not is_uuid(value):
            self._fault(name, "A UUID is needed.")
            return None
        return value.lower()

    def told(self, layout: Layout, *, required: bool = False, **more: Any) -> Told:
        """Return the change; ``required``: a whole submission, not some fields of one.

        Raises BadBody with all faults.
        """
        values, files = self._items(layout, required=required)
        partial = self._flag("partial")
        change = Change(
            values=values,
            files=files,
            partial=bool(partial) if required else partial,
            is_reference=self._flag("reference"),
            data_created_at=self._moment("data_created_at"),
            data_updated_at=self._moment("data_updated_at"),
            latitude=self._degrees("latitude", 90),
            longitude=self._degrees("longitude", 180),
            type_version=self.number("structure_version"),
            share=False,
            **more,
        )
        self.require_sound()
        return Told(change, self._spelled)

    def refuse(self, name: str, reason: str) -> None:
        """Add a fault of the caller's own finding."""
        self._fault(name, reason)

    def require_sound(self) -> None:
        """Raise BadBody where anything is wrong."""
        if self._faults:
            raise BadBody("The body is malformed.", infos=self._faults)

    def _items(self, layout: Layout, *, required: bool) -> tuple[dict[str, Any], dict[str, Slots]]:
        items = self._body.get("items")
        if items == []:  # what PHP makes of an array without keys
            items = {}
        if items is None and not required:
            items = {}
        if not isinstance(items, dict):
            self._fault("items", "An object is needed.")
            items = {}
        values: dict[str, Any] = {}
        files: dict[str, Slots] = {}
        seen: set[str] = set()
        for name, value in items.items():
            field = layout.find(name)
            if field is None or field.id in layout.hidden:
                self._fault(name, "There is no such field.")
                continue
            if field.id in seen:
                self._fault(name, "The field is there twice.")
            seen.add(field.id)
            if field.is_file:
                files[field.id] = self._files(layout, field, value)
            else:
                values[field.id] = read_value(layout, field, value)
        return values, files

    def _files(self, layout: Layout, field: Field, value: Any) -> list[Slot]:
        listed = [] if value is None else value if isinstance(value, list) else [value]
        if len(listed) > MAX_FILES:
            self._fault(field.id, f"At most {MAX_FILES} files are accepted.")
            return []
        slots: list[Slot] = []
        for index, each in enumerate(listed):
            item = {"id": each} if isinstance(each, str) else each
            spelled = item.get("id") or item.get("uuid") if isinstance(item, dict) else None
            if not isinstance(spelled, str) or not is_uuid(spelled):
                self._fault(field.id, "A list of files, each with its id, is needed.")
                return []
            self._spelled[field.id, index if layout.has_rows(field) else None] = spelled
            slots.append(self._slot(field, item, from_uuid(Kind.FILE, spelled) or _NO_FILE))
        return slots

    def _slot(self, field: Field, item: Mapping[str, Any], number: int) -> Slot:
        name, comment = item.get("name"), item.get("comment")
        if name is not None:
            if not isinstance(name, str) or len(name) > MAX_NAME:
                self._fault(field.id, f"A name is a text of at most {MAX_NAME} characters.")
                name = None
            else:
                name = clean_name(name) or None
        if comment is not None:
            is_text = isinstance(comment, str) and "\0" not in comment
            if not is_text or len(comment) > MAX_COMMENT:
                self._fault(field.id, f"A comment is a text of at most {MAX_COMMENT} characters.")
                comment = None
        return Slot(number, name, comment)

    def _flag(self, name: str) -> bool | None:
        value = self._body.get(name)
        if value is None:
            return None
        if isinstance(value, (bool, str)) and value in _FLAGS:
            return _FLAGS[value]
        self._fault(name, "true or false is needed.")
        return None

    def _moment(self, name: str) -> int | None:
        value = self._body.get(name)
        if value is None:
            return None
        if type(value) is not int or not 0 <= value <= _LAST_SECOND:
            self._fault(name, "A moment in Unix seconds is needed.")
            return None
        return value * 1000

    def _degrees(self, name: str, most: int) -> float | None:
        value = self._body.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._fault(name, "A number is needed.")
            return None
        if not math.isfinite(value) or abs(value) > most:
            self._fault(name, f"A number from -{most} to {most} is needed.")
            return None
        return float(value)

    def _fault(self, name: str, reason: str) -> None:
        fault = {"field": name, "reason": reason}
        if fault not in self._faults:
            self._faults.append(fault)
