"""Fetching bytes: taken up where the connection broke, checked against the stored digest at the
end.

Only the version that the download began with is continued (``If-Range``). A download to a path
arrives as ``NAME.part`` and gets its name once its SHA-256 is right and its bytes are synced.
"""

import hashlib
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import BinaryIO

import httpx

from consigne.client.asking import Manners, ask, ask_json, unreachable
from consigne.client.effects import Do, Give, Pause, Take, Talk
from consigne.client.errors import Changed, Conflict, Corrupt
from consigne.client.sources import Progress
from consigne.client.things import File, as_a
from consigne.model.names import shorten

Target = str | os.PathLike[str] | BinaryIO
"""Where bytes go: a path, or what ``open(…, "wb")`` returns."""

_BLOCK = 1 << 20
_NAME_BYTES = 255  # of one name, on all common file systems


def part_path(path: Path) -> Path:
    """Return the path under which a file arrives.

    >>> part_path(Path("a.txt")).name
    'a.txt.part'
    """
    room = _NAME_BYTES - len(".part")
    return path.with_name(shorten(path.name, room, room) + ".part")


def file_of(manners: Manners, file: File | str) -> Talk[File]:
    """Return a file by itself or by its id, with the digest of its bytes."""
    if isinstance(file, File) and file.sha256:
        return file
    ident = file.id if isinstance(file, File) else file
    return as_a(File, (yield from ask_json(manners, "GET", f"/files/{ident}")))


class Download:
    """A file on its way: how many bytes are done, and their digest."""

    def __init__(self, manners: Manners, file: File, progress: Progress | None = None) -> None:
        self._manners = manners
        self._file = file
        self._etag = f'"{file.sha256}"'
        self._progress = progress
        self._digest = hashlib.sha256()
        self.at = 0

    def blocks(self) -> Talk[None]:
        """Give the bytes that are not there yet, block by block, and check the whole.

        Raises Refused, Unreachable, Changed (the file was replaced meanwhile), Corrupt.
        """
        attempt = 0
        while self.at < self._file.size:
            before = self.at
            broken: Exception = EOFError("the answer ended early")
            try:
                yield from self._receive()
            except httpx.TransportError as error:
                broken = error
            if self.at >= self._file.size:
                break
            # A cut connection may be the network's doing, or the server's word that the next block
            # is damaged: asking for the rest tells.
            attempt = 0 if self.at > before else attempt + 1
            if attempt >= self._manners.tries:
                raise unreachable(self._manners.url, broken) from broken
            yield Pause(self._manners.pause(attempt))
        if self._digest.hexdigest() != self._file.sha256:
            raise Corrupt(
                f"The bytes of {self._file.name!r} that arrived are not the ones that were stored.",
                hint="Fetch it again; if this comes back, run 'consigne fsck --rehash' on the "
                "server.",
            )

    def count(self, block: bytes) -> None:
        """Take bytes as received."""
        self._digest.update(block)
        self.at += len(block)

    def tell(self) -> None:
        """Tell how far it is."""
        if self._progress is not None:
            self._progress(self.at, self._file.size)

    def _receive(self) -> Talk[None]:
        # The bytes themselves, not a coding of them, are what ranges and digests count.
        headers = {"Accept-Encoding": "identity", "If-Match": self._etag}
        if self.at:
            headers = {**headers, "Range": f"bytes={self.at}-", "If-Range": self._etag}
        path = f"/files/{self._file.id}/content"
        try:
            response = yield from ask(self._manners, "GET", path, headers=headers, is_open=True)
        except Conflict as refusal:
            if refusal.status != 412:
                raise
            raise self._changed() from refusal
        is_rest = response.status_code == 206
        if is_rest != (self.at > 0) or response.headers.get("etag", self._etag) != self._etag:
            raise self._changed()
        while block := (yield Take()):
            self.count(block)
            yield Give(block)
            self.tell()

    def _changed(self) -> Changed:
        return Changed(
            f"{self._file.name!r} was replaced while it was fetched.",
            hint="Fetch it again to get the new version.",
        )


def fetch(
    manners: Manners,
    file: File | str,
    target: Target,
    progress: Progress | None = None,
    *,
    resume: bool = False,
) -> Talk[File]:
    """Fetch a file to a path or into a stream, and return what it was.

    ``resume``: go on with the part file that an earlier attempt left; the digest of the whole
    decides whether it was a start of this version. Raises as ``Download.blocks``, and OSError; the
    part file then stays, unless the bytes are wrong.
    """
    found = yield from file_of(manners, file)
    download = Download(manners, found, progress)
    if not isinstance(target, (str, os.PathLike)):
        yield from into(download.blocks(), target.write)
        return found
    path = Path(target)
    part = part_path(path)
    out: BinaryIO = yield Do(lambda: _opened(part, keep=resume))
    try:
        if resume:
            yield Do(lambda: _take_up(out, found.size, download))
            download.tell()
        try:
            yield from into(download.blocks(), out.write)
        except Corrupt:
            part.unlink(missing_ok=True)
            raise
        yield Do(lambda: _settle(out, part, path))
    finally:
        out.close()
    return found


def into(blocks: Talk[None], write: Callable[[bytes], object]) -> Talk[None]:
    """Lead a conversation on, and write what it gives."""
    answer = error = None
    while True:
        try:
            effect = blocks.send(answer) if error is None else blocks.throw(error)
        except StopIteration:
            return
        answer = error = None
        try:
            if isinstance(effect, Give):
                yield Do(partial(write, effect.thing))
            else:
                answer = yield effect
        except Exception as raised:
            error = raised


def _opened(part: Path, *, keep: bool) -> BinaryIO:
    flags = os.O_RDWR | os.O_CREAT | (0 if keep else os.O_TRUNC)
    return open(os.open(part, flags, 0o666), "r+b")


def _take_up(out: BinaryIO, size: int, download: Download) -> None:
    while download.at < size and (block := out.read(min(_BLOCK, size - download.at))):
        download.count(block)
    out.truncate(download.at)
    out.seek(download.at)


def _settle(out: BinaryIO, part: Path, path: Path) -> None:
    """Give a complete part file its name, durably."""
    out.flush()
    os.fsync(out.fileno())
    part.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
