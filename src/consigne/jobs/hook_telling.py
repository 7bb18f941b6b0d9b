"""Occasions of the record model as what hooks are told: plain values that go to another process."""

from collections.abc import Sequence
from typing import Any

import msgspec

from consigne.core.records.hooks import Check, Occasion
from consigne.jobs.hook_order import Telling, TellingFile, TellingPrincipal, TellingRecord
from consigne.model.entities import File
from consigne.model.identity import Kind, to_uuid
from consigne.model.records import Record


def telling_of(occasion: Occasion) -> Telling:
    """Return what hooks are told; files in the order of ``occasion.files``."""
    seat = occasion.seat
    who = seat.caller.principal
    return Telling(
        action=occasion.action,
        space=seat.space.short,
        principal=TellingPrincipal(
            who.id, who.email, who.username, seat.role.value if seat.role else None
        ),
        type=occasion.type.name,
        record=_record(occasion.record) if occasion.record is not None else None,
        changes=occasion.values,
        files=[_file(field, idx, file) for (field, idx), file in occasion.files.items()],
    )


def with_files(told: Telling, more: Sequence[tuple[Check, File]]) -> Telling:
    """Add files that stay where they are, for constraints that are asked about them."""
    added = [
        _file(check.field.id, -1 if check.index is None else check.index, file)
        for check, file in more
    ]
    return msgspec.structs.replace(told, files=[*told.files, *added])


def told_outside(told: Telling) -> dict[str, Any]:
    """Return what webhooks are told: the same, without where we keep the bytes."""
    document: dict[str, Any] = msgspec.to_builtins(told)
    for file in document["files"]:
        del file["content_id"]
    del document["redelivered"]
    return document


def _record(record: Record) -> TellingRecord:
    return TellingRecord(
        record.id, record.uuid, record.name, record.title, record.revision, record.values
    )


def _file(field: str, idx: int, file: File) -> TellingFile:
    return TellingFile(
        id=to_uuid(Kind.FILE, file.id),
        field=field,
        index=idx if idx >= 0 else None,
        name=file.name,
        declared_type=file.declared_type,
        detected_type=file.detected_type,
        size=file.size,
        sha256=file.sha256.hex() if file.sha256 else "",
        md5=file.md5.hex() if file.md5 else "",
        content_id=file.content_id,
    )
