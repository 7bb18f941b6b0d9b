"""Sending bytes: at once where they are few, in parts that survive interruptions where they are
many.

Every body carries its digest, and the last word is the digest of the whole, compared on both sides.
What the server has acknowledged is on its stable storage; so after an interruption of any kind only
the part that was on its way is sent again.
"""

import base64
import dataclasses
import hashlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from consigne.client.asking import Manners, ask, ask_json
from consigne.client.effects import Do, Talk
from consigne.client.errors import Changed, Conflict, Corrupt, Missing, Unreachable
from consigne.client.sources import Bytes, Progress, Source
from consigne.client.things import File, Session, as_a

WHOLE = 16 << 20
"""Up to so many bytes go in one request."""

PART = 8 << 20

_MAX_PARTS = 99_000
_BLOCK = 1 << 20
_OCTETS = {"Content-Type": "application/octet-stream"}


@dataclass(frozen=True)
class Wishes:
    """What a new file shall be beside its bytes: parameters of the native API."""

    name: str | None = None
    folder: str | None = None
    type: str | None = None
    access: str | None = None
    reference: str | None = None
    tags: tuple[str, ...] = ()
    meta: dict[str, str] = field(default_factory=dict)
    hold: bool = False
    expires_in: int | None = None

    def parameters(self) -> list[tuple[str, str]]:
        """Return them as query parameters of ``POST /files``."""
        pairs = [("tag", tag) for tag in self.tags]
        pairs += [(f"meta.{name}", value) for name, value in self.meta.items()]
        members = self._members()
        pairs += [(name, str(value)) for name, value in members.items() if name != "hold"]
        return [*pairs, ("hold", "true")] if self.hold else pairs

    def document(self) -> dict[str, Any]:
        """Return them as members of ``POST /uploads``."""
        return {**self._members(), "tags": list(self.tags), "meta": self.meta}

    def _members(self) -> dict[str, Any]:
        names = ("name", "folder", "type", "access", "reference", "expires_in")
        told = {name: getattr(self, name) for name in names}
        told["hold"] = self.hold or None
        return {name: value for name, value in told.items() if value is not None}


@dataclass(frozen=True)
class Resuming:
    """How an upload in parts is taken up again.

    ``upload``: the id of one that was begun before; ``on_open`` is told the id of a new one.
    """

    upload: str | None = None
    on_open: Callable[[str], object] | None = None


def send(
    manners: Manners,
    source: Source,
    wishes: Wishes,
    progress: Progress | None = None,
    resuming: Resuming | None = None,
) -> Talk[File]:
    """Send a new file and return it as the server has it, checked.

    Raises Refused, Unreachable, Changed, Corrupt, and OSError where the source cannot be read.
    """
    opened: Bytes = yield Do(lambda: Bytes(source))
    try:
        told = wishes if wishes.name is not None else dataclasses.replace(wishes, name=opened.name)
        if opened.size is None or opened.size <= WHOLE:
            data: bytes = yield Do(lambda: opened.read(WHOLE + 1))
            if len(data) <= WHOLE:
                return (yield from _send_whole(manners, data, told, progress))
            opened.unread(data)
        parts = _Parts(manners, opened, told, progress, resuming or Resuming())
        return (yield from parts.send())
    finally:
        opened.close()


def replace(
    manners: Manners,
    file_id: str,
    source: Source,
    name: str | None,
    match: str | None,
    progress: Progress | None = None,
) -> Talk[File]:
    """Send a new version of a file. A source of known size is read twice: its digest goes ahead.

    ``match``: the SHA-256 of the version that it is to take the place of; else any. Raises as
    ``send``, and Conflict where the file is another by now.
    """
    opened: Bytes = yield Do(lambda: Bytes(source))
    try:
        size, digest = opened.size, hashlib.sha256()
        headers = dict(_OCTETS)
        if size is not None:
            yield Do(lambda: _digest(opened, digest))
            opened.rewind()
            headers |= {"Repr-Digest": digest_field(digest.digest()), "Content-Length": str(size)}
        if match is not None:
            headers["If-Match"] = f'"{match}"'

        def passed(block: bytes) -> None:
            if size is None:
                digest.update(block)
            if progress is not None:
                progress(opened.done, size)

        document = yield from ask_json(
            manners,
            "PUT",
            f"/files/{file_id}/content",
            params=[("name", name)] if name else [],
            content=lambda: opened.read(_BLOCK),
            passed=passed,
            headers=headers,
        )
        return _checked(document, digest.digest())
    finally:
        opened.close()


def digest_field(sha256: bytes) -> str:
    """Return the value of ``Repr-Digest`` or ``Content-Digest`` (RFC 9530)."""
    return f"sha-256=:{base64.b64encode(sha256).decode('ascii')}:"


def _send_whole(
    manners: Manners, data: bytes, wishes: Wishes, progress: Progress | None
) -> Talk[File]:
    digest: bytes = yield Do(lambda: hashlib.sha256(data).digest())
    document = yield from ask_json(
        manners,
        "POST",
        "/files",
        params=wishes.parameters(),
        content=data,
        headers={
            **_OCTETS,
            "Repr-Digest": digest_field(digest),
            # So that a repetition after a lost answer does not make a second file.
            "Idempotency-Key": str(uuid.uuid4()),
        },
        again=True,
    )
    if progress is not None:
        progress(len(data), len(data))
    return _checked(document, digest)


class _Parts:
    """An upload in parts, new or taken up again."""

    def __init__(
        self,
        manners: Manners,
        source: Bytes,
        wishes: Wishes,
        progress: Progress | None,
        resuming: Resuming,
    ) -> None:
        self._manners = manners
        self._source = source
        self._wishes = wishes
        self._progress = progress
        self._resuming = resuming
        self._digest = hashlib.sha256()

    def send(self) -> Talk[File]:
        """Send what the server does not have yet, and finish."""
        session = (yield from self._resume()) or (yield from self._open())
        try:
            yield from self._send_rest(session)
            self._source.require_unchanged()
        except Exception as error:
            # Whoever knows the id may go on with it; else nobody can.
            lost = isinstance(error, Unreachable)
            if isinstance(error, Changed) or (self._resuming.on_open is None and not lost):
                yield from self._give_up(session.id)
            raise
        document = yield from ask_json(
            self._manners,
            "POST",
            f"/uploads/{session.id}/finish",
            body={"sha256": self._digest.hexdigest()},
            again=True,
        )
        return _checked(document, self._digest.digest())

    def _send_rest(self, session: Session) -> Talk[None]:
        size, number = session.part_size or PART, len(session.parts)
        while self._source.size is None or self._source.done < self._source.size:
            data, digest = yield Do(lambda: self._read(size))
            if not data:
                return
            number += 1
            yield from ask(
                self._manners,
                "PUT",
                f"/uploads/{session.id}/parts/{number}",
                content=data,
                headers={**_OCTETS, "Content-Digest": digest_field(digest)},
            )
            self._tell()

    def _open(self) -> Talk[Session]:
        document, size = self._wishes.document(), self._source.size
        if size is not None:
            document |= {"length": size, "part_size": max(PART, -(-size // _MAX_PARTS))}
        opened = yield from ask_json(self._manners, "POST", "/uploads", body=document)
        session = as_a(Session, opened)
        if self._resuming.on_open is not None:
            self._resuming.on_open(session.id)
        return session

    def _resume(self) -> Talk[Session | None]:
        """Return an upload of these very bytes that the server still has; None without one."""
        wanted = self._resuming.upload
        if wanted is None or self._source.size is None:
            return None
        try:
            found = as_a(Session, (yield from ask_json(self._manners, "GET", f"/uploads/{wanted}")))
        except Missing:
            return None
        if found.length == self._source.size and (yield from self._has(found)):
            self._tell()
            return found
        yield from self._give_up(wanted)
        self._source.rewind()
        self._digest = hashlib.sha256()
        return None

    def _has(self, session: Session) -> Talk[bool]:
        """Tell whether the server's parts are the start of these bytes."""
        for index, part in enumerate(session.parts):
            _, digest = yield Do(lambda: self._read(session.part_size or PART))
            if part.number != index + 1 or part.sha256 != digest.hex():
                return False
        return True

    def _give_up(self, upload: str) -> Talk[None]:
        try:
            yield from ask(self._manners, "DELETE", f"/uploads/{upload}", again=False)
        except (Missing, Conflict, Unreachable):
            return  # gone, or complete: there is nothing to give up; or it expires by itself

    def _read(self, size: int) -> tuple[bytes, bytes]:
        data = self._source.read(size)
        self._digest.update(data)
        return data, hashlib.sha256(data).digest()

    def _tell(self) -> None:
        if self._progress is not None:
            self._progress(self._source.done, self._source.size)


def _digest(source: Bytes, digest: "hashlib._Hash") -> None:
    while block := source.read(_BLOCK):
        digest.update(block)


def _checked(document: Any, digest: bytes) -> File:
    """Return what the server has if it is what we sent. Raises Corrupt."""
    stored = as_a(File, document)
    if stored.sha256 != digest.hex():
        raise Corrupt(
            f"The server has other bytes of {stored.name!r} than were sent.",
            hint="Send it again; if this comes back, check both machines' memory and disks.",
        )
    return stored
