"""Which attribute and which row of a document a request means (DY-03, section 6).

Pure functions; each says in the dialect's words what is wrong.
"""

import re
from typing import NamedTuple

from consigne.core.records.change import Full, Placed
from consigne.core.records.layout import Layout
from consigne.dialects.dynacase.errors import refuse
from consigne.dialects.dynacase.wire import SINGLE
from consigne.errors import FieldNotFound, LinkNotFound, RightMissing
from consigne.model.identity import from_decimal
from consigne.model.records import STRUCTURE, Field

MAX_INDEX = 999
_INDEX = re.compile(r"-1|[0-9]{1,9}")


class Place(NamedTuple):
    """An attribute and a row of it; ``row`` -1 in an attribute without rows, None: behind the
    last row."""

    field: Field
    row: int | None


def field_in(layout: Layout, name: str, *, reads: bool) -> Field:
    """Return an attribute that has values, by its id in any case.

    One of visibility I is unknown to readers and refused to writers. Raises FieldNotFound,
    RightMissing (``modify``).
    """
    field = layout.find(name)
    if field is None or field.kind in STRUCTURE:
        raise FieldNotFound(field=name)
    if field.id not in layout.hidden:
        return field
    if reads:
        raise FieldNotFound(field=name)
    raise RightMissing(right="modify", field=name)


def file_field_in(layout: Layout, name: str, *, reads: bool) -> Field:
    """Return an attribute for files. Raises as ``field_in``, and the refusal CRUD0614."""
    field = field_in(layout, name, reads=reads)
    if not field.is_file:
        raise refuse("CRUD0614", f'Attribute "{name}" is not a file')
    return field


def told_index(path: str | None, query: str | None) -> int | None:
    """Return the index that a request names, in its path or its query; None for none.

    Raises the refusal CRUD0612 where it is malformed, too large, or named twice and differently.
    """
    told = [text for text in (path, query) if text is not None]
    for text in told:
        if not _INDEX.fullmatch(text) or int(text) > MAX_INDEX:
            raise refuse("CRUD0612", "Bad index")
    found = {int(text) for text in told}
    if len(found) > 1:
        raise refuse("CRUD0612", "Bad index")
    return found.pop() if found else None


def place_of(full: Full, field: Field, index: int | None, *, appends: bool) -> Place:
    """Return the row that an index means; -1 is as none (DY-03).

    ``appends``: without index a row is added. Raises the refusals CRUD0610 (needed) and CRUD0611
    (not allowed).
    """
    index = None if index == SINGLE else index
    if not full.layout.has_rows(field):
        if index is not None:
            raise refuse("CRUD0611", "No index allowed")
        return Place(field, SINGLE)
    if index is None and not appends:
        raise refuse("CRUD0610", "Index needed")
    return Place(field, index)


def standing_at(full: Full, place: Place) -> Placed:
    """Return what stands at a place. Raises LinkNotFound."""
    assert place.row is not None
    found = full.placed(place.field.id, place.row)
    if found is None:
        raise LinkNotFound(field=place.field.id)
    return found


def holder_of(full: Full, vault_id: str) -> Place:
    """Return where a document holds a file that it shows (DY-28). Raises LinkNotFound."""
    number = from_decimal(vault_id)
    for each in full.links:
        field = full.layout.find(each.link.field)
        if each.link.file_id == number and field is not None:
            return Place(field, each.link.idx)
    raise LinkNotFound
