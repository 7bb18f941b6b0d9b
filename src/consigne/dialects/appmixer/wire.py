"""What goes over the wire as JSON, in pure functions: files and users out, log-ins in."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from consigne.core.sessions import Progress
from consigne.core.sniff import type_for_extension
from consigne.errors import BadBody, FileNotFound
from consigne.http.dispositions import OCTETS
from consigne.model.entities import Annotations, File, Principal
from consigne.model.identity import Kind, from_uuid, to_uuid
from consigne.model.names import extension_of

CHUNK_SIZE = 261_120  # GridFS' default, which says nothing about upload chunks (AM-10)

_annotations = msgspec.json.Decoder(Annotations).decode


# Ids


def user_id(principal: Principal) -> str:
    """Return a user's id: 8 hex digits of its creation second, 16 of its number (AM-06)."""
    return f"{principal.created_at // 1000 & 0xFFFFFFFF:08x}{principal.id:016x}"


def file_number(text: str) -> int:
    """Return the number behind a ``fileId``, in any letter case. Raises FileNotFound."""
    number = from_uuid(Kind.FILE, text)
    if number is None:
        raise FileNotFound
    return number


# File JSON


def render_file(file: File, owner: str | None) -> dict[str, Any]:
    """Return the file JSON of a complete file; a property that is not set is absent (AM-10)."""
    media_type = file.declared_type or file.detected_type or OCTETS
    return _document(file, owner, file.size, file.completed_at, media_type, {})


def render_unfinished(progress: Progress, owner: str | None) -> dict[str, Any]:
    """Return what a file has so far, with what a client needs to resume it (AM-17)."""
    upload, file = progress.upload, progress.file
    so_far = {"chunksReceived": upload.parts_received, "chunksTotal": upload.parts_total}
    media_type = file.declared_type or type_for_extension(extension_of(file.name))
    return _document(file, owner, upload.received, upload.updated_at, media_type, so_far)


def render_id(number: int) -> dict[str, str]:
    """Return the answer to the deletion of one file (AM-28)."""
    return {"fileId": to_uuid(Kind.FILE, number)}


def iso(milliseconds: int) -> str:
    """Return a time as JavaScript's ``toISOString`` does: UTC, milliseconds, ``Z``.

    >>> iso(1770106540120)
    '2026-02-03T08:15:40.120Z'
    """
    moment = datetime.fromtimestamp(milliseconds // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03d}Z"


def _document(
    file: File,
    owner: str | None,
    length: int,
    moment: int | None,
    media_type: str | None,
    progress: Mapping[str, int | None],
) -> dict[str, Any]:
    fields = _annotations(file.meta).fields if file.meta else {}
    metadata: dict[str, Any] = {"userId": owner, **fields, **progress}
    document = {
        "length": length,
        "chunkSize": CHUNK_SIZE,
        "uploadDate": None if moment is None else iso(moment),
        "filename": file.name,
        "md5": file.md5.hex() if file.md5 else None,
        "metadata": {name: value for name, value in metadata.items() if value is not None},
        "contentType": media_type,
        "fileId": to_uuid(Kind.FILE, file.id),
    }
    return {name: value for name, value in document.items() if value is not None}


# Users


class Login(msgspec.Struct, frozen=True):
    """Body of ``POST /user/auth`` and ``POST /user`` (AM-04, AM-05)."""

    password: str
    email: str | None = None
    username: str | None = None

    @property
    def name(self) -> str:
        """Return what the user calls himself. Raises BadBody where there is nothing."""
        name = self.email or self.username
        if not name:
            raise BadBody("The body needs email or username.", parameter="email")
        return name


def render_user(user: Principal) -> dict[str, Any]:
    """Return the user as the answer to a log-in shows him."""
    return {
        "id": user_id(user),
        "username": user.username,
        "isActive": user.is_active,
        "email": user.email,
        "plan": "free",
    }


def render_profile(user: Principal, scope: Sequence[str]) -> dict[str, Any]:
    """Return the user as ``GET /user`` shows him."""
    shown = render_user(user)
    plan = shown.pop("plan")
    return {**shown, "scope": list(scope), "plan": plan, "metadata": {}}
