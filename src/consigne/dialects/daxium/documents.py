"""What Daxium shows: instances, uploads, structures, submissions. Pure functions.

Moments are Unix seconds; a user is his number as text, which strict clients can also read as one.
"""

from typing import Any

from consigne.core.records.change import Full, Placed
from consigne.core.records.types import Typed
from consigne.dialects.daxium.values import TYPES, show_value
from consigne.dialects.daxium.wire import Document, seconds
from consigne.http.dispositions import OCTETS
from consigne.model.entities import File, Space
from consigne.model.identity import Kind, to_uuid
from consigne.model.names import extension_of
from consigne.model.records import Field


def app_document(space: Space) -> Document:
    """Return an instance (DX-11)."""
    return {"id": space.id, "name": space.name, "short": space.short}


def upload_document(file: File) -> Document:
    """Return what an upload is answered with (DX-14)."""
    return {
        "uuid": to_uuid(Kind.FILE, file.id),
        "mime-type": media_type(file),
        "size": file.size,
    }


def structure_document(typed: Typed) -> Document:
    """Return a structure (DX-22); what is not spoken here is empty."""
    type = typed.type
    return {
        "id": type.id,
        "version": type.version,
        "name": type.label or type.name,
        "created_at": seconds(type.created_at),
        "updated_at": seconds(type.updated_at or type.created_at),
        "settings": {},
        "conditions": [],
        "fields": [_field_document(typed, f) for f in typed.layout.shown if f.kind in TYPES],
        "layout": [],
        "workflows": [],
        "triggers": [],
    }


def submission_document(full: Full) -> Document:
    """Return a submission (DX-24)."""
    record = full.record
    return {
        "id": record.uuid,
        "structure_id": record.type_id,
        "structure_version": record.type_version,
        "created_at": seconds(record.created_at),
        "updated_at": seconds(record.updated_at),
        "data_created_at": seconds(record.data_created_at or record.created_at),
        "data_updated_at": seconds(record.data_updated_at or record.updated_at),
        "user_id": None if record.created_by is None else str(record.created_by),
        "channels": [],
        "items": _items(full),
        "submission_number": record.number,
        "number_in_structure": record.type_number,
        "latitude": record.latitude,
        "longitude": record.longitude,
        "partial": record.is_partial,
        "reference": record.is_reference,
    }


def media_type(file: File) -> str:
    """Return a file's type without parameters: the declared one, else the detected (DX-15)."""
    told = file.declared_type or file.detected_type or OCTETS
    return told.partition(";")[0].strip().lower()


def shown_name(placed: Placed) -> str:
    """Return the name under which a record shows a file (C-31)."""
    return placed.link.name or placed.file.name


def _field_document(typed: Typed, field: Field) -> Document:
    return {
        "name": field.id,
        "label": field.label or field.id,
        "type": TYPES[field.kind],
        "required": field.required,
        "editable": field.editable,
        "multiple": field.multiple or typed.layout.has_rows(field),
        "settings": {
            "min": field.min,
            "max": field.max,
            "accept": field.accept,
            "options": [
                {"id": option.id, "name": option.name or option.id, "external": option.external}
                for option in field.options
            ],
        },
    }


def _items(full: Full) -> dict[str, Any]:
    """Return the filled fields by system name, files among them."""
    items: dict[str, Any] = {}
    for field in full.fields:
        if field.is_file:
            files = [placed for placed in full.of_field(field.id) if placed is not None]
            if files:
                items[field.id] = [_file_item(placed) for placed in files]
        elif (value := full.values.get(field.id)) is not None and field.kind in TYPES:
            items[field.id] = show_value(full.layout, field, value)
    return items


def _file_item(placed: Placed) -> Document:
    name = shown_name(placed)
    return {
        "id": to_uuid(Kind.FILE, placed.file.id),
        "name": name,
        "mimeType": media_type(placed.file),
        "extension": extension_of(name),
        "size": placed.file.size,
        "comment": placed.link.comment or "",
    }
