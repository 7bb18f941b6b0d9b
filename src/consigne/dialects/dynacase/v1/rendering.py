"""What answers of level 2 say about documents and families (DY-79, DY-80, DY-81)."""

from datetime import datetime
from typing import Any

from consigne.core.records.change import Full
from consigne.core.records.types import Typed
from consigne.dialects.dynacase.rendering import properties as known_properties
from consigne.dialects.dynacase.rendering import structure, values_of
from consigne.dialects.dynacase.v1.icons import DOCUMENT, FAMILY
from consigne.dialects.dynacase.v1.selection import Selection
from consigne.dialects.dynacase.v1.wire import OpenWire, empty_row, icon_url
from consigne.dialects.dynacase.values import shown_value
from consigne.model.records import Field, FieldKind

_MOMENT = "%Y-%m-%d %H:%M:%S"
_NOTHING = {"value": None, "displayValue": None}


def data_of(
    wire: OpenWire, full: Full, selection: Selection, uri: str | None = None
) -> dict[str, Any]:
    """Return the data of an answer about a document; ``uri`` where it is not at its usual place."""
    data: dict[str, Any] = {"document": document(wire, full, selection, uri)}
    if selection.structure:
        data["family"] = {"structure": structure(full.layout)}
    return data


def document(
    wire: OpenWire, full: Full, selection: Selection, uri: str | None = None
) -> dict[str, Any]:
    """Return what was selected of a document, and its address."""
    shown: dict[str, Any] = {}
    if selection.properties:
        known = properties(wire, full)
        shown["properties"] = {name: known[name] for name in selection.properties}
    if selection.attributes is None or selection.attributes:
        shown["attributes"] = {
            field.id: attribute(wire, full, field)
            for field in values_of(full.layout)
            if selection.wants(field.id)
        }
    return {**shown, "uri": uri or wire.document_uri(full.record.id)}


def properties(wire: OpenWire, full: Full) -> dict[str, Any]:
    """Return every property of a document."""
    record = full.record
    return {
        **known_properties(full),
        "icon": icon_url(DOCUMENT),
        "cdate": wire.moment(record.created_at),
        "mdate": wire.moment(record.updated_at),
    }


def attribute(wire: OpenWire, full: Full, field: Field) -> Any:
    """Return the value of an attribute, with rows a list."""
    has_rows = full.layout.has_rows(field)
    if field.is_file:
        files = [
            wire.value(full, placed) if placed is not None else empty_row(field.kind)
            for placed in full.of_field(field.id)
        ]
        return files if has_rows else (files or [_NOTHING])[0]
    if has_rows:
        return [_value(wire, field, value) for value in full.values.get(field.id) or []]
    return _value(wire, field, full.values.get(field.id))


def family(wire: OpenWire, typed: Typed) -> dict[str, Any]:
    """Return ``data.family``: the properties of a family, which is a document, too."""
    type = typed.type
    return {
        "properties": {
            "id": type.id,
            "title": type.label or type.name,
            "icon": icon_url(FAMILY),
            "initid": type.id,
            "name": type.name,
            "revision": type.version,
        },
        "uri": wire.uri(f"families/{type.name}.json"),
    }


def _value(wire: OpenWire, field: Field, value: Any) -> dict[str, Any]:
    if value is not None and field.kind is FieldKind.TIMESTAMP:
        shown = datetime.fromtimestamp(value, wire.zone).strftime(_MOMENT)
        return {"value": shown, "displayValue": shown}
    return shown_value(field, value, wire.zone)
