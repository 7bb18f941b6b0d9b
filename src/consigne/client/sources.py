"""Where the bytes of an upload come from."""

import io
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from consigne.client.errors import Changed

Source = str | os.PathLike[str] | bytes | BinaryIO
"""Where bytes come from: a path, the bytes themselves, or what ``open(…, "rb")`` returns."""

Progress = Callable[[int, int | None], object]
"""Is told how many bytes are done, and how many there are in all (None: not known yet)."""


class Bytes:
    """A source that was opened: its name and size (None: unknown), and its bytes in order."""

    def __init__(self, source: Source) -> None:
        self._ahead = b""
        self.name: str | None = None
        self._is_ours = isinstance(source, (str, os.PathLike))
        if isinstance(source, bytes):
            self._file: BinaryIO = io.BytesIO(source)
        elif isinstance(source, (str, os.PathLike)):
            self.name = Path(source).name
            self._file = Path(source).open("rb")  # noqa: SIM115
        else:
            self._file = source
        self._start = self._file.tell() if self._is_seekable() else None
        self.size = self._rest()
        self._mark = self._state()
        self.done = 0

    def read(self, size: int) -> bytes:
        """Return the next bytes, fewer than ``size`` only at the end. Raises OSError.

        What is written behind the end meanwhile is not part of it.
        """
        if self.size is not None:
            size = min(size, self.size - self.done)
        pieces, missing = [self._ahead[:size]], size - len(self._ahead)
        self._ahead = self._ahead[size:]
        while missing > 0:
            piece = self._file.read(missing)
            if not piece:
                break
            pieces.append(piece)
            missing -= len(piece)
        data = b"".join(pieces)
        self.done += len(data)
        return data

    def unread(self, data: bytes) -> None:
        """Put bytes back in front."""
        self._ahead = data + self._ahead
        self.done -= len(data)

    def rewind(self) -> None:
        """Start again. Only where ``size`` is known."""
        assert self._start is not None
        self._file.seek(self._start)
        self._ahead, self.done = b"", 0

    def require_unchanged(self) -> None:
        """Raise Changed where somebody wrote to the file since it was opened."""
        if self._state() != self._mark:
            raise Changed(
                "The file was changed while it was sent.",
                hint="Send it again when nothing writes to it.",
            )

    def close(self) -> None:
        if self._is_ours:
            self._file.close()

    def _is_seekable(self) -> bool:
        try:
            return self._file.seekable()
        except AttributeError:
            return False

    def _rest(self) -> int | None:
        if self._start is None:
            return None
        end = self._file.seek(0, os.SEEK_END)
        self._file.seek(self._start)
        return end - self._start

    def _state(self) -> tuple[int, int] | None:
        """Return when and to what size a regular file was last written."""
        try:
            found = os.fstat(self._file.fileno())
        except (OSError, AttributeError, io.UnsupportedOperation):
            return None
        return (found.st_mtime_ns, found.st_size) if stat.S_ISREG(found.st_mode) else None
