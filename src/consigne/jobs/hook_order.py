"""What a server and the child that runs plug-ins say to each other.

Frames on two pipes: four bytes of length, one of kind, the rest. Orders and replies are JSON; the
bytes of a file that a plug-in opens come in pieces, an empty one at the end.
"""

import struct
from enum import IntEnum
from typing import Any

import msgspec

HEAD = struct.Struct("!IB")
PIECE = 1 << 18


class Frame(IntEnum):
    """Kinds of frames; ``FAILED``: the bytes cannot be read, and why."""

    JSON = 0
    BYTES = 1
    FAILED = 2


class Setup(msgspec.Struct, frozen=True):
    """How a child lives: ``memory`` in bytes, further folders with plug-ins, its parent."""

    memory: int
    path: list[str]
    parent: int

    def dump(self) -> str:
        """Return the argument of the child's command."""
        return msgspec.json.encode(self).decode()


class TellingPrincipal(msgspec.Struct, frozen=True):
    """See ``plugins.Principal``."""

    id: int
    email: str
    username: str
    role: str | None


class TellingRecord(msgspec.Struct, frozen=True):
    """See ``plugins.Record``."""

    id: int
    uuid: str
    name: str | None
    title: str
    revision: int
    values: dict[str, Any]


class TellingFile(msgspec.Struct, frozen=True):
    """See ``plugins.File``; ``content_id`` is for the parent: where the bytes are."""

    id: str
    field: str
    index: int | None
    name: str
    declared_type: str | None
    detected_type: str | None
    size: int
    sha256: str
    md5: str
    content_id: int | None = None


class Telling(msgspec.Struct, frozen=True):
    """What hooks are told; see ``plugins.Context``."""

    action: str
    space: str
    principal: TellingPrincipal
    type: str
    record: TellingRecord | None
    changes: dict[str, Any]
    files: list[TellingFile]
    redelivered: bool = False


class Question(msgspec.Struct, frozen=True):
    """One constraint: its function, field and row, and the value, or the file by its place."""

    name: str
    field: str
    kind: str
    label: str
    index: int | None
    value: Any = None
    file: int | None = None


class Call(msgspec.Struct, frozen=True):
    """Run one plug-in at a point, or answer questions."""

    point: str
    told: Telling
    plugin: str = ""
    questions: list[Question] = []


class PluginFacts(msgspec.Struct, frozen=True):
    """A plug-in that was found; ``problem``: why it cannot be used."""

    name: str
    points: list[str]
    constraints: list[str] = []
    problem: str | None = None


class Reply(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the child says: ``plugins`` first of all, ``open`` (a file by its place) as often as a
    plug-in asks, an answer to each question, ``done``.

    ``raised``: the hook failed; ``rubbish``: the type that came back in place of an answer.
    """

    plugins: list[PluginFacts] | None = None
    open: int | None = None
    text: str | None = None
    suggests: list[str] = []
    raised: bool = False
    rubbish: str | None = None
    question: int | None = None
    done: bool = False
