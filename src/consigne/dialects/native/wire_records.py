"""What record types and records look like as JSON documents. Pure functions."""

from typing import Any

import msgspec

from consigne.core.records.change import Full, Placed
from consigne.core.records.forms import field_form, form_of
from consigne.core.records.layout import layout_of
from consigne.core.records.types import Typed
from consigne.dialects.native.wire import OCTETS, iso, uuid_of
from consigne.model.identity import Kind
from consigne.model.records import Acl, Record, RecordState, TypeVersion


def type_document(typed: Typed) -> dict[str, Any]:
    """Return a type, as it is written and with what was assigned."""
    type = typed.type
    form = form_of(typed)
    return {
        "number": form.pop("number"),
        "name": form.pop("name"),
        "label": type.label,
        "dialect": type.dialect,
        "version": type.version,
        "acl": acl_document(type.rules),
        "hooks": type.hook_names,
        "fields": form["attributes"],
        "created_at": iso(type.created_at),
        "updated_at": None if type.updated_at is None else iso(type.updated_at),
    }


def version_document(version: TypeVersion) -> dict[str, Any]:
    """Return one version of a type."""
    return {
        "number": version.number,
        "fields": [field_form(field) for field in layout_of(version.fields).fields],
        "created_at": iso(version.created_at),
        "created_by": version.created_by,
    }


def acl_document(acl: Acl) -> dict[str, list[str] | None]:
    """Return an ACL; null: every member whose role allows it."""
    return {"view": acl.view, "edit": acl.edit, "delete": acl.delete, "create": acl.create}


def link_document(record: Record, type: str, field: str) -> dict[str, Any]:
    """Return where a file stands in a record."""
    return {
        "record": record.uuid,
        "title": record.title,
        "type": type,
        "field": field,
        "number": record.id,
        "live": record.origin,
        "revision": record.revision if record.state is RecordState.FROZEN else None,
    }


def record_document(full: Full) -> dict[str, Any]:
    """Return a record with what it shows: ``values`` and ``files`` by field."""
    record = full.record
    document = head_document(record, full.type.name)
    document["values"] = full.values
    document["files"] = _files(full)
    acl = None if record.acl is None else msgspec.json.decode(record.acl, type=Acl)
    document["acl"] = None if acl is None else acl_document(acl)
    if full.messages:
        document["messages"] = full.messages
    if full.warnings:
        document["warnings"] = full.warnings
    return document


def head_document(record: Record, type: str) -> dict[str, Any]:
    """Return a record without values, files and ACL."""
    return {
        "number": record.id,
        "id": record.uuid,
        "type": type,
        "type_version": record.type_version,
        "name": record.name,
        "title": record.title,
        "state": record.state.value,
        "live": record.origin,
        "revision": record.revision,
        "number_in_space": record.number,
        "number_in_type": record.type_number,
        "partial": record.is_partial,
        "reference": record.reference,
        "is_reference": record.is_reference,
        "locked_by": record.locked_by,
        "created_at": iso(record.created_at),
        "created_by": record.created_by,
        "updated_at": iso(record.updated_at),
        "updated_by": record.updated_by,
        "data_created_at": _maybe(record.data_created_at),
        "data_updated_at": _maybe(record.data_updated_at),
        "latitude": record.latitude,
        "longitude": record.longitude,
        "trashed_at": _maybe(record.trashed_at),
    }


def _files(full: Full) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for field in full.fields:
        rows = full.of_field(field.id) if field.is_file else []
        if rows and full.layout.has_rows(field):
            shown[field.id] = [None if each is None else _link(each) for each in rows]
        elif rows and rows[0] is not None:
            shown[field.id] = _link(rows[0])
    return shown


def _link(placed: Placed) -> dict[str, Any]:
    link, file = placed.link, placed.file
    is_live = bool(link.is_live)
    return {
        "file": uuid_of(Kind.FILE, file.id),
        "version": placed.version,
        "name": link.name or file.name,
        "comment": link.comment,
        "size": file.size if is_live else None,
        "type": (file.declared_type or file.detected_type or OCTETS) if is_live else None,
        "reference": link.reference,
    }


def _maybe(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else iso(milliseconds)
