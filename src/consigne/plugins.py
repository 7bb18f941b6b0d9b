"""What a plug-in is, and what it is told: the public interface of hooks (DY-58, DY-59, C-53).

A plug-in is a package with an entry point in the group ``consigne.plugins``: a module, or an
object, with functions of these names that are marked with ``hookimpl``. All are optional::

    from consigne.plugins import Context, hookimpl

    @hookimpl
    def consigne_pre_insert(ctx: Context) -> str | None:
        if any(file.name.startswith("~$") for file in ctx.files):
            return "Close the document before you send it."

They run in a process of their own, outside any transaction, with a limit on time and memory; a
process may be ended between two calls, so what a plug-in keeps in memory is a cache at best.
``docs/plugins.md`` tells the rest.
"""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

import pluggy

GROUP = "consigne.plugins"

hookspec = pluggy.HookspecMarker("consigne")
hookimpl = pluggy.HookimplMarker("consigne")


@dataclass(frozen=True)
class Principal:
    """Who saves; ``role`` in the space, None for nobody of the space."""

    id: int
    email: str
    username: str
    role: str | None


@dataclass(frozen=True)
class Record:
    """A record as it stands: before the save, at ``post_store`` after it.

    ``id`` is its number, ``values`` the canonical values by field id, hidden ones too.
    """

    id: int
    uuid: str
    name: str | None
    title: str
    revision: int
    values: Mapping[str, Any]


@dataclass(frozen=True)
class File:
    """A file that a save brings in. ``size`` in bytes, digests in hexadecimal.

    ``field`` and ``index`` say where it goes; ``index`` is None in a field without rows.
    """

    id: str
    field: str
    index: int | None
    name: str
    declared_type: str | None
    detected_type: str | None
    size: int
    sha256: str
    md5: str
    _open: Callable[[], BinaryIO] = dataclasses.field(repr=False, compare=False)

    def open(self) -> BinaryIO:
        """Return the bytes as a file at its start, their SHA-256 checked. Raises OSError."""
        return self._open()


@dataclass(frozen=True)
class Field:
    """The field of a type that a constraint is asked about."""

    id: str
    kind: str
    label: str


@dataclass(frozen=True)
class Context:
    """What is about to happen, or has happened.

    ``action``: create, change, trash or delete. ``space``: its short name. ``type``: the name of
    the record's type. ``record``: None before a create. ``changes``: the canonical values that the
    save names, None where it clears one. ``redelivered``: the server ended before ``post_store``
    had, which may have run already.
    """

    point: str
    action: str
    space: str
    principal: Principal
    type: str
    record: Record | None
    changes: Mapping[str, Any]
    files: tuple[File, ...]
    redelivered: bool = False

    @property
    def document(self) -> Record | None:
        """The record, as Dynacase calls it."""
        return self.record


Verdict = bool | str | tuple[str, list[str]] | None
Constraint = Callable[[Field, Any, Record | None, int | None], Verdict]


@hookspec
def consigne_pre_store(ctx: Context) -> str | None:
    """Say why a save is refused, None to let it pass. Raising refuses it, too.

    Asked first, before the constraints, at each save, removal and deletion of a record.
    """


@hookspec
def consigne_pre_insert(ctx: Context) -> str | None:
    """Say why a save is refused that brings in a record or a file; None to let it pass."""


@hookspec
def consigne_post_store(ctx: Context) -> str | None:
    """Do what is to follow a save, once; the text goes to whoever saved. It cancels nothing."""


@hookspec
def consigne_constraints() -> Mapping[str, Constraint]:  # type: ignore[empty-body]
    """Return functions that fields name in ``constraints``.

    A function takes the field, the value of one row (or its ``File``), the record and the row, and
    returns "", None or True where all is well; else False, a text, or (text, suggestions).
    """
