"""Fetching one file into ``NAME.part``, from where an earlier attempt ended; checked at the end.

A part file is continued only if the server still has the version that it is the start of
(``If-Range``), and gets its name only after its SHA-256 is right and its bytes are synced.
"""

import hashlib
import os
from pathlib import Path
from typing import BinaryIO

import httpx

from consigne.cli import states
from consigne.cli.exits import Exit, Failure, Stopped
from consigne.cli.places import RemoteFile, part_name, shown_path
from consigne.cli.progress import Meter
from consigne.cli.remote import Remote, unreachable
from consigne.cli.states import DownloadState

_BLOCK = 1 << 20
_TRIES = 6


def fetch(remote: Remote, file: RemoteFile, path: Path, meter: Meter, number: int) -> bool:
    """Fetch a file to a path; return whether an earlier attempt was continued.

    Raises Failure, Stopped; the part file then stays for the next attempt, unless it is wrong.
    """
    part = path.with_name(part_name(path.name))
    try:
        with open(os.open(part, os.O_RDWR | os.O_CREAT, 0o666), "r+b") as target:
            download = _Download(remote, file, part, target, meter, number)
            download.run()
            target.flush()
            os.fsync(target.fileno())
        part.rename(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise Failure(f"{shown_path(path)} cannot be written: {error.strerror}.") from error
    states.drop(download.key)
    return download.continued


def pour(remote: Remote, file: RemoteFile, target: BinaryIO) -> None:
    """Write a file to a stream that cannot be taken back. Raises Failure where it was wrong."""
    digest = hashlib.sha256()
    try:
        response = remote.stream(f"/files/{file.id}/content", {})
        try:
            for block in response.iter_bytes(_BLOCK):
                digest.update(block)
                target.write(block)
        finally:
            response.close()
    except httpx.TransportError as error:
        raise unreachable(remote.url, error) from error
    target.flush()
    _require_right(file, digest.hexdigest())


def is_same(path: Path, file: RemoteFile) -> bool:
    """Tell whether a path has the bytes of a file."""
    try:
        if path.stat().st_size != file.size:
            return False
        with path.open("rb") as source:
            return hashlib.file_digest(source, "sha256").hexdigest() == file.sha256
    except OSError:
        return False


class _Download:
    """One file on its way into a part file."""

    def __init__(
        self,
        remote: Remote,
        file: RemoteFile,
        part: Path,
        target: BinaryIO,
        meter: Meter,
        number: int,
    ) -> None:
        self._remote = remote
        self._file = file
        self._etag = f'"{file.sha256}"'
        self._part = part
        self._target = target
        self._meter = meter
        self._number = number
        self._digest = hashlib.sha256()
        self._at = 0
        self.continued = False
        self.key = states.key_of("get", remote.url, file.id, os.path.abspath(part))

    def run(self) -> None:
        """Bring the part file to its full length and check it. Raises Failure, Stopped."""
        self._take_up()
        states.save(self.key, DownloadState(self._etag))
        tries = _TRIES
        while self._at < self._file.size:
            before = self._at
            try:
                self._receive()
            except httpx.TransportError as error:
                # A cut connection may be the network's doing, or the server's word that the next
                # block is damaged: asking for the rest tells.
                tries = _TRIES if self._at > before else tries - 1
                if not tries:
                    raise unreachable(self._remote.url, error) from error
                if self._remote.stop.wait(0.25 * 2 ** (_TRIES - tries)):
                    raise Stopped from None
        self._target.truncate(self._at)
        try:
            _require_right(self._file, self._digest.hexdigest())
        except Failure:
            states.drop(self.key)
            self._part.unlink(missing_ok=True)
            raise

    def _take_up(self) -> None:
        """Read what an earlier attempt left, if it is of the version that the server has."""
        state = states.load(self.key, DownloadState)
        if state is None or state.etag != self._etag:
            return
        while self._at < self._file.size:
            block = self._target.read(min(_BLOCK, self._file.size - self._at))
            if not block:
                break
            self._advance(block)
        self.continued = self._at > 0

    def _receive(self) -> None:
        """Append what one answer brings."""
        headers = {"If-Match": self._etag}
        if self._at:
            headers = {"Range": f"bytes={self._at}-", "If-Range": self._etag}
        response = self._remote.stream(f"/files/{self._file.id}/content", headers)
        try:
            if self._at and response.status_code != 206:
                self._changed()
            if response.headers.get("etag", self._etag) != self._etag:
                self._changed()
            self._target.seek(self._at)
            for block in response.iter_bytes(_BLOCK):
                if self._remote.stop.is_set():
                    raise Stopped
                self._target.write(block)
                self._advance(block)
        finally:
            response.close()

    def _advance(self, block: bytes) -> None:
        self._digest.update(block)
        self._at += len(block)
        self._meter.advance(self._number, len(block))

    def _changed(self) -> None:
        raise Failure(
            f"{self._file.name!r} was replaced while it was fetched.",
            rule="precondition_failed",
            hint="Run the command again to fetch the new version.",
        )


def _require_right(file: RemoteFile, sha256: str) -> None:
    if sha256 != file.sha256:
        raise Failure(
            f"The bytes of {file.name!r} that arrived are not the ones that were stored.",
            rule="digest_mismatch",
            hint="Fetch it again; if this comes back, run 'consigne fsck --rehash' on the server.",
            exit=Exit.CORRUPT,
        )


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
