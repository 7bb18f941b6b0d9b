"""Sending one file of this disk, and going on with it after an interruption of this command."""

import hashlib
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from consigne.cli import states
from consigne.cli.exits import Failure
from consigne.cli.places import shown_path
from consigne.cli.progress import Meter, advancing
from consigne.cli.remote import Remote
from consigne.cli.states import UploadState
from consigne.client import Changed, File, Folder


@dataclass(frozen=True)
class Wishes:
    """What new files shall be beside their names."""

    type: str | None = None
    access: str | None = None
    tags: tuple[str, ...] = ()
    meta: dict[str, str] = field(default_factory=dict)

    def options(self) -> dict[str, Any]:
        """Return them as options of the client's ``upload``."""
        return {"type": self.type, "access": self.access, "tags": self.tags, "meta": self.meta}


@dataclass(frozen=True)
class Outgoing:
    """A file of this disk on its way to a folder under a name. ``replaces``: the file of which it
    becomes a new version."""

    path: Path
    size: int
    name: str
    folder: Folder
    replaces: str | None = None


def outgoing(path: Path, name: str, folder: Folder) -> Outgoing:
    """Return a file as it is now. Raises Failure unless it is a regular file."""
    try:
        found = path.stat()
    except OSError as error:
        raise Failure(f"{shown_path(path)} cannot be read: {error.strerror}.") from error
    if not stat.S_ISREG(found.st_mode):
        raise Failure(f"{shown_path(path)} is not a regular file.")
    return Outgoing(path, found.st_size, name, folder)


def send(remote: Remote, what: Outgoing, wishes: Wishes, meter: Meter, number: int) -> File:
    """Send a file and return it as the server has it. Raises Failure, ClientError, Stopped."""
    progress = advancing(meter, number, remote)
    key = states.key_of(
        "put", remote.url, remote.space, what.folder.id, what.name, os.path.abspath(what.path)
    )
    state = states.load(key, UploadState)
    try:
        if what.replaces is not None:
            return remote.replace(what.replaces, what.path, name=what.name, progress=progress)
        stored = remote.upload(
            what.path,
            name=what.name,
            folder=what.folder.id,
            progress=progress,
            resume=None if state is None else state.upload,
            on_open=lambda upload: states.save(key, UploadState(upload)),
            **wishes.options(),
        )
    except Changed:
        states.drop(key)
        raise
    except OSError as error:
        raise Failure(f"{shown_path(what.path)} cannot be read: {error.strerror}.") from error
    states.drop(key)
    return stored


def send_stream(
    remote: Remote, source: BinaryIO, name: str, folder: Folder, wishes: Wishes, meter: Meter
) -> File:
    """Send what a pipe brings, of unknown length, as a new file. Raises ClientError, Stopped."""
    progress = advancing(meter, meter.begin(name, 0), remote)
    return remote.upload(source, name=name, folder=folder.id, progress=progress, **wishes.options())


def digest_of(path: Path, remote: Remote) -> bytes:
    """Return the SHA-256 of a file. Raises OSError, Stopped."""
    digest = hashlib.sha256()
    with path.open("rb") as source:
        while block := source.read(1 << 20):
            remote.require_going_on()
            digest.update(block)
    return digest.digest()
