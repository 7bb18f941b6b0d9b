"""The header of an imported file: which column fills which field (DX-41, DX-42, DX-47)."""

from collections.abc import Sequence

import msgspec

from consigne.core.records.layout import Layout
from consigne.model.imports import Fault, Mode
from consigne.model.names import fold
from consigne.model.records import STRUCTURE, Field, FieldKind

CREATOR = "userEmail"
NUMBER = "submissionNumber"
_SHOWN = 64


class Column(msgspec.Struct, frozen=True):
    """A column that fills a field; ``key`` is what the cells of a list name its options by."""

    index: int
    field: Field
    has_rows: bool
    key: str = "id"


class Columns(msgspec.Struct, frozen=True):
    """The columns of a file: ``width`` counts all of them, ``ignored`` are those with a ``#``."""

    names: list[str]
    filled: list[Column]
    creator: int
    number: int | None
    ignored: frozenset[int]

    @property
    def width(self) -> int:
        return len(self.names)


def read_columns(layout: Layout, names: Sequence[str], mode: Mode) -> Columns | list[Fault]:
    """Return the columns of a header, or what is wrong with it.

    ``name#name`` and ``name#external`` name the options of a list by something else than their id.
    """
    faults: list[Fault] = []
    filled: list[Column] = []
    special: dict[str, int] = {}
    seen: set[str] = set()
    ignored: set[int] = set()
    for index, raw in enumerate(names):
        name = raw.strip()
        if name.startswith("#"):
            ignored.add(index)
            continue
        plain, _, key = name.partition("#")
        marked = fold(plain)
        if marked in seen:
            faults.append(_fault(name, "DUPLICATE_COLUMN", f"{plain!r} is there twice."))
            continue
        seen.add(marked)
        if not key and plain in (CREATOR, NUMBER):
            special[plain] = index
            continue
        field = layout.find(plain) if plain else None
        fits = field is not None and field.id not in layout.hidden and field.kind not in STRUCTURE
        if field is None or not fits or not _knows(field, name, key):
            faults.append(_fault(name, "UNKNOWN_COLUMN", f"There is no field {name[:_SHOWN]!r}."))
            continue
        filled.append(Column(index, field, layout.has_rows(field), key or "id"))
    needed = (CREATOR, NUMBER) if mode is Mode.UPDATE else (CREATOR,)
    for name in needed:
        if name not in special:
            faults.append(_fault(name, "MISSING_COLUMN", f"The column {name!r} is missing."))
    if faults:
        return faults
    return Columns(
        [name.strip() for name in names],
        filled,
        special[CREATOR],
        special.get(NUMBER),
        frozenset(ignored),
    )


def _knows(field: Field, name: str, key: str) -> bool:
    if "#" not in name:
        return True
    return field.kind is FieldKind.LIST and key in ("name", "external")


def _fault(name: str, code: str, text: str) -> Fault:
    return Fault(name[:_SHOWN], code, text)
