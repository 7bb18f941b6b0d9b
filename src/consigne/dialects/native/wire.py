"""What answers look like: entities as JSON documents. Pure functions.

Times are ISO 8601 in UTC with milliseconds, sizes bytes, digests lower-case hexadecimal. Ids are
UUIDs; users and spaces have small numbers. A 63-bit number never appears as a JSON number (C-30).
"""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec

from consigne.core.access import guards_of
from consigne.core.direct import PartUrl
from consigne.core.sessions import Progress
from consigne.core.telling import data_of, subject_of
from consigne.core.texts import Known
from consigne.model.entities import (
    Access,
    Annotations,
    ApiKey,
    Event,
    File,
    Folder,
    Job,
    Part,
    Principal,
    Space,
    State,
    Upload,
    UsageDay,
    Version,
    Year,
)
from consigne.model.identity import Kind, to_uuid
from consigne.model.rights import Role

OCTETS = "application/octet-stream"

_annotations = msgspec.json.Decoder(Annotations).decode
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MS = 253_402_300_799_999  # the last millisecond of the year 9999


class FileDocument(msgspec.Struct, frozen=True):
    """A file as every route shows it. ``type`` is the declared type, else the detected one."""

    id: str
    name: str
    size: int
    type: str
    detected_type: str | None
    sha256: str | None
    md5: str | None
    state: State
    access: Access
    folder: str | None
    version: int
    owner: int | None
    tags: list[str]
    meta: dict[str, str]
    reference: str | None
    date: str | None
    source: bool
    created_at: str
    completed_at: str | None
    updated_at: str | None
    expires_at: str | None
    released_at: str | None
    guards: list[str]
    retain_until: str | None
    hold_reason: str | None
    made_from: str | None


FILE_FIELDS = frozenset(FileDocument.__struct_fields__)


@lru_cache(maxsize=65_536)
def uuid_of(kind: Kind, number: int) -> str:
    """Return the UUID of an id; remembered, as the checksum costs more than the rest of a row."""
    return to_uuid(kind, number)


@lru_cache(maxsize=65_536)
def iso(milliseconds: int) -> str:
    """Return a time as ISO 8601 in UTC with milliseconds.

    >>> iso(784111777999)
    '1994-11-06T08:49:37.999Z'
    """
    seconds, rest = divmod(min(milliseconds, _LAST_MS), 1000)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest:03d}Z"


def file_document(file: File, now: int) -> FileDocument:
    """Return the document of a file; ``now`` decides which guards still stand."""
    notes = _annotations(file.meta) if file.meta else None
    return FileDocument(
        uuid_of(Kind.FILE, file.id),
        file.name,
        file.size,
        file.declared_type or file.detected_type or OCTETS,
        file.detected_type,
        file.sha256.hex() if file.sha256 else None,
        file.md5.hex() if file.md5 else None,
        file.state,
        file.access,
        None if file.folder_id is None else uuid_of(Kind.FOLDER, file.folder_id),
        file.version,
        file.owner_id,
        notes.tags if notes else [],
        notes.known if notes else {},
        file.reference,
        file.date,
        file.is_source,
        iso(file.created_at),
        _maybe(file.completed_at),
        _maybe(file.updated_at),
        _maybe(file.expires_at),
        _maybe(file.released_at),
        guards_of(file, now).names() if file.guards else [],
        _maybe(file.retain_until),
        file.hold_reason,
        None if file.parent_id is None else uuid_of(Kind.FILE, file.parent_id),
    )


def projected(document: FileDocument, fields: frozenset[str]) -> dict[str, Any]:
    """Return only some members of a document; ``id`` always stays."""
    return {
        name: getattr(document, name)
        for name in document.__struct_fields__
        if name in fields or name == "id"
    }


def guards_document(file: File, now: int) -> dict[str, Any]:
    """Return what stands in the way of changing a file (C-12)."""
    return {
        "guards": guards_of(file, now).names(),
        "hold_reason": file.hold_reason,
        "retain_until": _maybe(file.retain_until),
    }


def versions_document(file: File, replaced: list[Version]) -> dict[str, Any]:
    """Return the versions of a file, the current one first."""
    current = {
        "number": file.version,
        "current": True,
        "name": file.name,
        "size": file.size,
        "type": file.declared_type or file.detected_type or OCTETS,
        "detected_type": file.detected_type,
        "sha256": file.sha256.hex() if file.sha256 else None,
        "md5": file.md5.hex() if file.md5 else None,
        "created_at": _maybe(file.completed_at),
        "created_by": file.updated_by or file.owner_id,
        "replaced_at": None,
    }
    return {"versions": [current, *map(_version, replaced)]}


def _version(version: Version) -> dict[str, Any]:
    return {
        "number": version.number,
        "current": False,
        "name": version.name,
        "size": version.size,
        "type": version.declared_type or version.detected_type or OCTETS,
        "detected_type": version.detected_type,
        "sha256": version.sha256.hex(),
        "md5": version.md5.hex(),
        "created_at": iso(version.created_at),
        "created_by": version.created_by,
        "replaced_at": iso(version.replaced_at),
    }


def upload_document(upload: Upload, *, parts: list[Part] | None = None) -> dict[str, Any]:
    """Return an upload session; ``parts`` adds what was received, number by number."""
    document: dict[str, Any] = {
        "id": uuid_of(Kind.UPLOAD, upload.id),
        "file": None if upload.file_id is None else uuid_of(Kind.FILE, upload.file_id),
        "state": upload.state,
        "length": upload.length,
        "received": upload.received,
        "part_size": upload.part_size,
        "parts_total": upload.parts_total,
        "parts_received": upload.parts_received,
        "created_at": iso(upload.created_at),
        "updated_at": iso(upload.updated_at),
        "expires_at": iso(upload.expires_at),
    }
    if parts is not None:
        document["parts"] = [
            {"number": part.number, "size": part.size, "sha256": part.sha256.hex()}
            for part in parts
        ]
    return document


def part_url_document(url: PartUrl) -> dict[str, Any]:
    """Return where a part goes, and the headers that must be sent with it."""
    return {
        "number": url.number,
        "url": url.put.url,
        "headers": url.put.headers,
        "expires_at": iso(url.expires_at),
    }


def progress_document(progress: Progress, now: int) -> dict[str, Any]:
    """Return where a session stands, and the file once it is complete."""
    document = upload_document(progress.upload)
    if progress.complete:
        document["completed"] = file_document(progress.file, now)
    return document


def year_document(year: Year) -> dict[str, Any]:
    """Return an accounting year; start and end as they were told."""
    return {
        "id": uuid_of(Kind.YEAR, year.id),
        "label": year.label,
        "starting_at": year.starting_at,
        "ending_at": year.ending_at,
        "is_closed": year.is_closed,
    }


def text_document(known: Known) -> dict[str, Any]:
    """Return what the search knows of a text."""
    text = known.text
    return {
        "state": known.state,
        "origin": text.origin if text else None,
        "pages": text.pages if text else None,
        "length": text.length if text else 0,
        "is_cut": text.is_cut if text else False,
        "problem": text.problem if text else None,
        "recognisable": known.recognisable,
    }


def folder_document(folder: Folder, path: str | None = None) -> dict[str, Any]:
    """Return a folder; ``path`` from the root, slashes in names as ``%2F``."""
    document: dict[str, Any] = {
        "id": uuid_of(Kind.FOLDER, folder.id),
        "name": folder.name,
        "parent": None if folder.parent_id is None else uuid_of(Kind.FOLDER, folder.parent_id),
        "created_by": folder.created_by,
        "created_at": iso(folder.created_at),
        "updated_at": _maybe(folder.updated_at),
    }
    if path is not None:
        document["path"] = path
    return document


def space_document(space: Space, role: Role | None) -> dict[str, Any]:
    """Return what every member may know of a space."""
    return {
        "id": space.id,
        "short": space.short,
        "name": space.name,
        "role": role,
        "signup_open": space.signup_open,
        "created_at": iso(space.created_at),
    }


def deleted_space_document(space: Space, job: Job | None) -> dict[str, Any]:
    """Return a deleted space, and how far the job is that clears it; null when it is cleared."""
    clearing = None
    if job is not None:
        clearing = {"at": iso(job.run_at), "state": job.state, "done": job.done, "total": job.total}
    document = space_document(space, None)
    return document | {"deleted_at": iso(space.deleted_at), "clearing": clearing}


def usage_document(space: Space, files: int | None) -> dict[str, Any]:
    """Return the counters of a space in bytes (C-24); ``free`` is null without a quota."""
    free = None if space.quota is None else max(0, space.quota - space.used - space.reserved)
    return {
        "quota": space.quota,
        "used": space.used,
        "reserved": space.reserved,
        "undo": space.undo,
        "free": free,
        "files": files,
        "ocr_credits": space.ocr_credits,
    }


def usage_day_document(day: UsageDay, with_files: bool) -> dict[str, Any]:
    """Return how full a space was on a day; sizes in bytes."""
    return {
        "day": day.day,
        "used": day.used,
        "undo": day.undo,
        "files": day.files if with_files else None,
        "quota": day.quota,
        "ocr_credits": day.ocr_credits,
        "ocr_pages": day.ocr_pages,
    }


def user_document(user: Principal) -> dict[str, Any]:
    """Return a user; ``home`` is the number of his home space."""
    return {
        "id": user.id,
        "email": user.email,
        "username": user.username,
        "name": user.name,
        "is_active": user.is_active,
        "is_operator": user.is_operator,
        "home": user.home_space_id,
        "created_at": iso(user.created_at),
    }


def member_document(role: Role, user: Principal) -> dict[str, Any]:
    """Return a member of a space."""
    return {
        "user": user.id,
        "email": user.email,
        "username": user.username,
        "name": user.name,
        "role": role,
    }


def key_document(key: ApiKey, secret: str | None = None) -> dict[str, Any]:
    """Return a key; its secret only when it was just made. ``hint``: its last characters."""
    document: dict[str, Any] = {
        "id": uuid_of(Kind.KEY, key.id),
        "name": key.name,
        "user": key.principal_id,
        "space": key.space_id,
        "methods": key.methods.split(",") if key.methods else None,
        "hint": key.hint,
        "created_at": iso(key.created_at),
        "expires_at": _maybe(key.expires_at),
    }
    if secret is not None:
        document["key"] = secret
    return document


def event_document(event: Event) -> dict[str, Any]:
    """Return an event; ``subject`` is the id of what it is about, in that thing's own spelling."""
    return {
        "sequence": event.sequence,
        "id": uuid_of(Kind.EVENT, event.id),
        "at": iso(event.at),
        "action": event.action,
        "actor": event.actor_id,
        "subject": subject_of(event),
        "data": data_of(event),
        "digest": event.digest.hex() if event.digest else None,
    }


def _maybe(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else iso(milliseconds)
