"""Sending one file: whole where it is small, in parts that survive interruptions where it is big.

Every body carries its digest, the last word is the digest of the whole file on both sides. What
the server has acknowledged is on its stable storage; so after an interruption of any kind only the
part that was on its way is sent again.
"""

import hashlib
import os
import stat
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlencode

from consigne.cli import states
from consigne.cli.exits import Exit, Failure, Stopped
from consigne.cli.places import RemoteFile, RemoteFolder, file_of, shown_path
from consigne.cli.progress import Meter
from consigne.cli.remote import Remote
from consigne.cli.states import UploadState
from consigne.http.digests import render_digests

WHOLE = 16 << 20
_PART = 8 << 20
_MAX_PARTS = 99_000


@dataclass(frozen=True)
class Wishes:
    """What new files shall be beside their names: parameters of the native API."""

    type: str | None = None
    access: str | None = None
    tags: tuple[str, ...] = ()
    meta: dict[str, str] = field(default_factory=dict)

    def parameters(self) -> list[tuple[str, str]]:
        """Return them as query parameters of ``POST /files``."""
        pairs = [("tag", tag) for tag in self.tags]
        pairs += [(f"meta.{name}", value) for name, value in self.meta.items()]
        for name in ("type", "access"):
            value = getattr(self, name)
            if value is not None:
                pairs.append((name, value))
        return pairs

    def document(self) -> dict[str, Any]:
        """Return them as members of ``POST /uploads``."""
        members: dict[str, Any] = {"tags": list(self.tags), "meta": self.meta}
        if self.type is not None:
            members["type"] = self.type
        if self.access is not None:
            members["access"] = self.access
        return members


@dataclass(frozen=True)
class Outgoing:
    """A file of this disk on its way to a folder under a name. ``replaces``: the file of which it
    becomes a new version."""

    path: Path
    size: int
    modified: int
    name: str
    folder: RemoteFolder
    replaces: str | None = None


def outgoing(path: Path, name: str, folder: RemoteFolder) -> Outgoing:
    """Return a file as it is now. Raises Failure unless it is a regular file."""
    try:
        found = path.stat()
    except OSError as error:
        raise Failure(f"{shown_path(path)} cannot be read: {error.strerror}.") from error
    if not stat.S_ISREG(found.st_mode):
        raise Failure(f"{shown_path(path)} is not a regular file.")
    return Outgoing(path, found.st_size, found.st_mtime_ns, name, folder)


def send(remote: Remote, what: Outgoing, wishes: Wishes, meter: Meter, number: int) -> RemoteFile:
    """Send a file and return it as the server has it, checked. Raises Failure, Stopped."""
    try:
        with what.path.open("rb") as source:
            if what.replaces is not None:
                return _send_version(remote, what, source, meter, number)
            if what.size <= WHOLE:
                return _send_whole(remote, what, wishes, source, meter, number)
            return _Parts(remote, what, wishes, source, meter, number).send()
    except OSError as error:
        raise Failure(f"{shown_path(what.path)} cannot be read: {error.strerror}.") from error


def digest_of(path: Path, remote: Remote) -> bytes:
    """Return the SHA-256 of a file. Raises OSError, Stopped."""
    digest = hashlib.sha256()
    with path.open("rb") as source:
        while block := source.read(1 << 20):
            if remote.stop.is_set():
                raise Stopped
            digest.update(block)
    return digest.digest()


def _send_whole(
    remote: Remote, what: Outgoing, wishes: Wishes, source: BinaryIO, meter: Meter, number: int
) -> RemoteFile:
    data = source.read(WHOLE + 1)
    digest = hashlib.sha256(data).digest()
    query = [("name", what.name), ("folder", what.folder.id), *wishes.parameters()]
    document = remote.json(
        "POST",
        f"/files?{urlencode(query)}",
        content=data,
        headers={
            "Content-Type": "application/octet-stream",
            "Repr-Digest": render_digests({"sha-256": digest}),
            # So that a repetition after a lost answer does not make a second file.
            "Idempotency-Key": str(uuid.uuid4()),
        },
        again=True,
    )
    meter.advance(number, len(data))
    return _checked(what.name, file_of(document), digest)


def _send_version(
    remote: Remote, what: Outgoing, source: BinaryIO, meter: Meter, number: int
) -> RemoteFile:
    digest = digest_of(what.path, remote)
    document = remote.upload(
        "PUT",
        f"/files/{what.replaces}/content?{urlencode({'name': what.name})}",
        _blocks(source, remote, meter, number),
        what.size,
        {"Repr-Digest": render_digests({"sha-256": digest})},
    )
    return _checked(what.name, file_of(document), digest)


def send_stream(
    remote: Remote, source: BinaryIO, name: str, folder: RemoteFolder, wishes: Wishes, meter: Meter
) -> RemoteFile:
    """Send what a pipe brings, of unknown length, as a new file. Raises Failure, Stopped."""
    digest = hashlib.sha256()
    query = [("name", name), ("folder", folder.id), *wishes.parameters()]
    blocks = _blocks(source, remote, meter, meter.begin(name, 0), digest)
    document = remote.upload("POST", f"/files?{urlencode(query)}", blocks, None, {})
    return _checked(name, file_of(document), digest.digest())


def _blocks(
    source: BinaryIO, remote: Remote, meter: Meter, number: int, digest: Any = None
) -> Iterator[bytes]:
    while block := source.read(1 << 20):
        if remote.stop.is_set():
            raise Stopped
        if digest is not None:
            digest.update(block)
        meter.advance(number, len(block))
        yield block


class _Parts:
    """An upload in parts, new or taken up again."""

    def __init__(
        self,
        remote: Remote,
        what: Outgoing,
        wishes: Wishes,
        source: BinaryIO,
        meter: Meter,
        number: int,
    ) -> None:
        self._remote = remote
        self._what = what
        self._wishes = wishes
        self._source = source
        self._meter = meter
        self._number = number
        self._digest = hashlib.sha256()
        self._key = states.key_of(
            "put", remote.url, remote.space, what.folder.id, what.name, os.path.abspath(what.path)
        )

    def send(self) -> RemoteFile:
        """Send what the server does not have yet, and finish."""
        state, done = self._resume() or (self._open(), 0)
        total = -(-self._what.size // state.part_size)
        for part in range(done + 1, total + 1):
            self._send_part(state, part)
        if os.fstat(self._source.fileno()).st_mtime_ns != self._what.modified:
            self._give_up(state)
            raise Failure(
                f"{shown_path(self._what.path)} was changed while it was sent.",
                rule="changed",
                hint="Send it again when nothing writes to it.",
            )
        document = self._remote.json(
            "POST",
            f"/uploads/{state.upload}/finish",
            body={"sha256": self._digest.hexdigest()},
            again=True,
        )
        states.drop(self._key)
        return _checked(self._what.name, file_of(document), self._digest.digest())

    def _open(self) -> UploadState:
        part_size = max(_PART, -(-self._what.size // _MAX_PARTS))
        opened = self._remote.json(
            "POST",
            "/uploads",
            body={
                "name": self._what.name,
                "length": self._what.size,
                "part_size": part_size,
                "folder": self._what.folder.id,
                **self._wishes.document(),
            },
        )
        state = UploadState(opened["id"], self._what.size, self._what.modified, part_size)
        states.save(self._key, state)
        return state

    def _resume(self) -> tuple[UploadState, int] | None:
        """Return an upload of this very file that the server still has, and how many parts of it.

        None where there is none, or where the file is no longer what those parts are of.
        """
        state = states.load(self._key, UploadState)
        if state is None:
            return None
        try:
            found = self._remote.json("GET", f"/uploads/{state.upload}")
        except Failure as failure:
            if failure.exit is not Exit.MISSING:
                raise
            found = None
        same = (state.size, state.modified) == (self._what.size, self._what.modified)
        if found is not None and same and self._has(state, found["parts"]):
            return state, len(found["parts"])
        self._give_up(state)
        self._source.seek(0)
        self._digest = hashlib.sha256()
        return None

    def _has(self, state: UploadState, parts: list[Any]) -> bool:
        """Tell whether the server's parts are the start of this file, and show them as done."""
        for index, part in enumerate(parts):
            data = self._read(state.part_size)
            if part["number"] != index + 1 or part["sha256"] != hashlib.sha256(data).hexdigest():
                return False
        self._meter.advance(self._number, self._source.tell())
        return True

    def _give_up(self, state: UploadState) -> None:
        states.drop(self._key)
        try:
            self._remote.call("DELETE", f"/uploads/{state.upload}")
        except Failure as failure:
            # Gone, or complete: either way there is nothing to give up.
            if failure.exit not in (Exit.MISSING, Exit.FAILED):
                raise

    def _send_part(self, state: UploadState, part: int) -> None:
        data = self._read(state.part_size)
        self._remote.call(
            "PUT",
            f"/uploads/{state.upload}/parts/{part}",
            content=data,
            headers={
                "Content-Type": "application/octet-stream",
                "Content-Digest": render_digests({"sha-256": hashlib.sha256(data).digest()}),
            },
        )
        self._meter.advance(self._number, len(data))

    def _read(self, size: int) -> bytes:
        if self._remote.stop.is_set():
            raise Stopped
        data = self._source.read(size)
        self._digest.update(data)
        return data


def _checked(name: str, stored: RemoteFile, digest: bytes) -> RemoteFile:
    """Return what the server has if it is what we sent. Raises Failure."""
    if stored.sha256 != digest.hex():
        raise Failure(
            f"The server has other bytes of {name!r} than were sent.",
            rule="digest_mismatch",
            hint="Send it again; if this comes back, check both machines' memory and disks.",
            exit=Exit.CORRUPT,
        )
    return stored
