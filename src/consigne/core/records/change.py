"""What a dialect asks of a record, as values: which one, what becomes of it, what comes back."""

from collections.abc import Sequence
from typing import Any

import msgspec

from consigne.core.entry import Once
from consigne.core.records.layout import Layout
from consigne.model.entities import File
from consigne.model.records import Field, Link, Record, RecordType


class Ref(msgspec.Struct, frozen=True):
    """Which record: by number, by UUID or by logical name."""

    kind: str
    value: int | str

    @classmethod
    def number(cls, number: int) -> "Ref":
        return cls("number", number)

    @classmethod
    def uuid(cls, uuid: str) -> "Ref":
        return cls("uuid", uuid.lower())

    @classmethod
    def name(cls, name: str) -> "Ref":
        return cls("name", name)


class Slot(msgspec.Struct, frozen=True):
    """A file for a field: one that the caller may link, or one that the record has already.

    ``name`` and ``comment`` None leave those of a file that the record has. ``keep``: only a file
    that the record has already is meant.
    """

    file_id: int
    name: str | None = None
    comment: str | None = None
    keep: bool = False


Slots = Sequence[Slot | None] | Slot | None


class Change(msgspec.Struct, frozen=True):
    """What becomes of a record. Fields are named by id in any case.

    ``values``: canonical values (``model.records``), None clears. ``files``: the whole of a field,
    in the order of its rows; None clears. ``share``: a file that is linked elsewhere, or that the
    caller may only view, comes in as a new file on the same bytes; else it is refused, and so is
    any that ever was linked. ``type_version``: the version that the client knows. ``created_by``:
    who is named as the maker of a new record in place of the caller. Times are Unix milliseconds;
    None leaves a fact as it is.
    """

    values: dict[str, Any] = {}
    files: dict[str, Slots] = {}
    name: str | None = None
    uuid: str | None = None
    partial: bool | None = None
    reference: str | None = None
    is_reference: bool | None = None
    data_created_at: int | None = None
    data_updated_at: int | None = None
    latitude: float | None = None
    longitude: float | None = None
    type_version: int | None = None
    created_by: int | None = None
    share: bool = True
    once: Once | None = None


class Placed(msgspec.Struct, frozen=True):
    """A link and its file; in a frozen revision ``link.version`` is the one to be read."""

    link: Link
    file: File

    @property
    def version(self) -> int:
        """The version of the file that the record shows."""
        return self.file.version if self.link.is_live else self.link.version


class Full(msgspec.Struct, frozen=True):
    """A record as the caller may see it: what stands in hidden fields is left out.

    ``layout`` is that of the type's newest version, hidden fields included. ``messages`` is what
    hooks said after the save, ``warnings`` what went wrong there; ``is_repeat``: an earlier request
    had made the record already.
    """

    record: Record
    type: RecordType
    layout: Layout
    values: dict[str, Any]
    links: list[Placed]
    messages: list[str] = []
    warnings: list[str] = []
    is_repeat: bool = False

    @property
    def fields(self) -> list[Field]:
        """The fields that the caller may see."""
        return self.layout.shown

    def placed(self, field: str, idx: int = -1) -> Placed | None:
        """Return the link at a place; ``field`` is the id as the type spells it."""
        for each in self.links:
            if each.link.field == field and each.link.idx == idx:
                return each
        return None

    def of_field(self, field: str) -> list[Placed | None]:
        """Return the links of a field by row, None for an empty row; a single one has one row."""
        mine = {max(each.link.idx, 0): each for each in self.links if each.link.field == field}
        return [mine.get(row) for row in range(max(mine, default=-1) + 1)]

    def rows(self, field: Field) -> int:
        """Return how many rows a field has, with those that stand beside it in an array."""
        return max(self._rows(each) for each in self.layout.siblings(field))

    def _rows(self, field: Field) -> int:
        if field.is_file:
            return len(self.of_field(field.id))
        value = self.values.get(field.id)
        return len(value) if isinstance(value, list) else 0


class Failure(msgspec.Struct, frozen=True):
    """One thing that is wrong with a value or a file of a save.

    ``code``: required, bad_value, too_small, too_large, too_many, type, size, name,
    unknown_option, unknown_field, not_editable, constraint. ``index``: the row, where there are
    rows. ``file``: the id of the file that it is about.
    """

    field: str
    index: int | None
    code: str
    message: str
    label: str = ""
    suggests: list[str] = []
    file: int | None = None


class Refusal(msgspec.Struct, frozen=True):
    """A file that cannot be linked: ``why`` is unknown, linked or infected."""

    field: str
    index: int | None
    file: int
    why: str
