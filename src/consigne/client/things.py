"""What a client gets back: documents of the native API as values.

Sizes are bytes, digests lower-case hexadecimal, times have a time zone. A member that a newer
server adds is passed over; one that was not asked for has its default.
"""

from datetime import datetime
from typing import Any, TypeVar

import msgspec

from consigne.client.errors import NotConsigne

S = TypeVar("S", bound=msgspec.Struct)


class File(msgspec.Struct, frozen=True):
    """A file: ``type`` is the declared type, else the detected one; ``folder`` None is the top."""

    id: str
    name: str = ""
    size: int = 0
    type: str = "application/octet-stream"
    detected_type: str | None = None
    sha256: str | None = None
    md5: str | None = None
    state: str = "kept"
    access: str = "space"
    folder: str | None = None
    version: int = 0
    owner: int | None = None
    tags: list[str] = []
    meta: dict[str, str] = {}
    reference: str | None = None
    created_at: datetime | None = None
    completed_at: datetime | None = None
    updated_at: datetime | None = None
    expires_at: datetime | None = None
    released_at: datetime | None = None
    guards: list[str] = []
    retain_until: datetime | None = None
    hold_reason: str | None = None


class Folder(msgspec.Struct, frozen=True):
    """A folder; ``parent`` None is the top."""

    id: str
    name: str
    parent: str | None = None
    path: str | None = None


class Version(msgspec.Struct, frozen=True):
    """A version of a file; ``replaced_at`` is None for the current one."""

    number: int
    current: bool
    name: str
    size: int
    type: str
    sha256: str | None = None
    created_at: datetime | None = None
    replaced_at: datetime | None = None


class Snippet(msgspec.Struct, frozen=True, rename={"place": "in"}):
    """A place where words were found: in a ``name``, ``meta``, ``tag`` or ``text``; ``marks`` are
    (start, end) in characters of ``text``."""

    place: str
    text: str
    key: str | None = None
    page: int | None = None
    marks: list[tuple[int, int]] = []


class Hit(msgspec.Struct, frozen=True):
    """A file that a search has found, and where."""

    file: File
    score: float
    snippets: list[Snippet] = []


class PartSent(msgspec.Struct, frozen=True):
    """A part that the server has."""

    number: int
    size: int
    sha256: str


class Session(msgspec.Struct, frozen=True):
    """An upload in parts: its id, what was announced, and what the server has of it."""

    id: str
    length: int | None = None
    part_size: int | None = None
    parts: list[PartSent] = []


def as_a(kind: type[S], document: Any) -> S:
    """Return a JSON document as a value. Raises NotConsigne."""
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        raise NotConsigne(f"The server's answer is not understood: {error}.") from error
