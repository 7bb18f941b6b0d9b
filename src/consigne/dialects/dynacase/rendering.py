"""What answers say about documents (DY-29, DY-30): properties, attributes, structure, changes."""

from datetime import tzinfo
from typing import Any

from consigne.core.records.change import Full, Placed
from consigne.core.records.forms import field_form
from consigne.core.records.layout import Layout
from consigne.dialects.dynacase.selection import VALUES, Selection
from consigne.dialects.dynacase.values import shown_value
from consigne.dialects.dynacase.wire import Wire
from consigne.model.records import STRUCTURE, Field, RecordState

FROZEN = -1  # what ``locked`` says of a frozen revision


def document(wire: Wire, full: Full, selection: Selection) -> dict[str, Any]:
    """Return ``data.document``: its address, and what was selected."""
    shown: dict[str, Any] = {"uri": wire.document_uri(full.record.id)}
    if selection.properties:
        known = properties(full)
        shown["properties"] = {name: known[name] for name in selection.properties}
    if selection.attributes is None or selection.attributes:
        shown["attributes"] = {
            field.id: _spelled(attribute(wire.zone, full, field), selection.values)
            for field in values_of(full.layout)
            if selection.wants(field.id)
        }
    return shown


def properties(full: Full) -> dict[str, Any]:
    """Return every property of a document."""
    record = full.record
    locked = FROZEN if record.state is RecordState.FROZEN else record.locked_by or 0
    return {
        "id": record.id,
        "initid": record.initid,
        "name": record.name,
        "title": record.title,
        "revision": record.revision,
        "locked": locked,
        "owner": record.created_by,
        "fromid": full.type.id,
        "fromname": full.type.name,
    }


def values_of(layout: Layout) -> list[Field]:
    """Return the fields that have values and that a caller may see."""
    return [field for field in layout.shown if field.kind not in STRUCTURE]


def attribute(zone: tzinfo, full: Full, field: Field) -> Any:
    """Return the value of an attribute, with rows a list: ``{"value","displayValue"}`` each."""
    if field.is_file:
        shown = [_file(placed) for placed in full.of_field(field.id)]
    elif full.layout.has_rows(field):
        rows = full.values.get(field.id) or []
        shown = [shown_value(field, value, zone) for value in rows]
    else:
        return shown_value(field, full.values.get(field.id), zone)
    if full.layout.has_rows(field):
        return shown
    return shown[0] if shown else _file(None)


def changes(zone: tzinfo, before: Full, after: Full) -> dict[str, Any]:
    """Return ``data.changes``: the attributes whose value is another one now."""
    found = {}
    for field in values_of(after.layout):
        was, now = (_plain(attribute(zone, full, field)) for full in (before, after))
        if was != now:
            found[field.id] = {"before": was, "after": now}
    return found


def structure(layout: Layout) -> dict[str, Any]:
    """Return the tree of the attributes: what stands in a tab, frame or array is its content."""
    known: dict[str, dict[str, Any]] = {}
    top: dict[str, Any] = {}
    for field in layout.shown:
        known[field.id] = _described(layout, field)
        if field.kind in STRUCTURE:
            known[field.id]["content"] = {}
    for field in sorted(layout.shown, key=lambda each: each.order):
        parent = layout.parent(field)
        place = known[parent.id]["content"] if parent is not None else top
        place[field.id] = known[field.id]
    return top


def _described(layout: Layout, field: Field) -> dict[str, Any]:
    return {
        "id": field.id,
        "visibility": field.visibility,
        "label": field.label or field.id,
        "type": field.kind.value,
        "logicalOrder": field.order,
        "multiple": layout.has_rows(field),
        "options": [each.id for each in field.options] or field_form(field).get("options", []),
        "needed": field.required,
    }


def _file(placed: Placed | None) -> dict[str, Any]:
    if placed is None:
        return {"value": None, "displayValue": None}
    name = placed.link.name or placed.file.name
    return {"value": placed.link.reference, "displayValue": name}


def _spelled(value: Any, spellings: tuple[str, ...]) -> Any:
    """Return a value with only some of its spellings."""
    if spellings == VALUES:
        return value
    if isinstance(value, list):
        return [_spelled(each, spellings) for each in value]
    return {name: value[name] for name in spellings}


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [each["value"] for each in value]
    return value["value"]
