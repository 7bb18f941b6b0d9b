"""ZIP archives as a stream: made while they are sent, in constant memory.

The bytes are stored, not packed: what people keep is packed already. They are stored as deflate
blocks of level 0, since readers that take an archive from a stream refuse other entries whose
checksum follows them. ZIP64 where sizes need it. Memory is a few hundred bytes an entry, for the
directory at the end.
"""

import zipfile
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import UTC, datetime
from typing import Protocol

_EARLIEST = (1980, 1, 1, 0, 0, 0)


class Source(Protocol):
    """An opened content, such as ``core.reading.Reading``."""

    @property
    def size(self) -> int: ...
    @property
    def modified_at(self) -> int: ...

    def stream(self, offset: int, length: int) -> AsyncIterator[bytes]: ...


class ZipStream:
    """An archive under construction, given out piece by piece."""

    def __init__(self) -> None:
        self._sink = _Sink()
        self._zip = zipfile.ZipFile(self._sink, "w")

    async def add(self, name: str, source: Source) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of one more entry, its head together with its first piece.

        Raises what reading the source raises; the archive has no end then.
        """
        info = zipfile.ZipInfo(name, _moment(source.modified_at))
        info.file_size = source.size  # by which ZIP64 is chosen
        info.compress_type = zipfile.ZIP_DEFLATED
        info._compresslevel = 0  # type: ignore[attr-defined]
        info.external_attr = 0o600 << 16
        pieces = source.stream(0, source.size) if source.size else None
        try:
            with self._zip.open(info, "w") as entry:
                if pieces is not None:
                    async for piece in pieces:
                        entry.write(piece)
                        yield self._sink.taken()
        finally:
            # Handles of the store are let go now, not when the garbage collector comes by.
            if isinstance(pieces, AsyncGenerator):
                await pieces.aclose()
        yield self._sink.taken()

    def end(self) -> bytes:
        """Return the directory, which ends the archive."""
        self._zip.close()
        return self._sink.taken()


class _Sink:
    """What the archive is written to: it has no places, only what was not taken yet."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """There is nothing below."""

    def close(self) -> None:
        """There is nothing to close."""

    def taken(self) -> bytes:
        """Return what was written since the last time."""
        data = b"".join(self._pieces)
        self._pieces.clear()
        return data


def _moment(milliseconds: int) -> tuple[int, int, int, int, int, int]:
    at = datetime.fromtimestamp(milliseconds // 1000, UTC)
    found = (at.year, at.month, at.day, at.hour, at.minute, at.second)
    return max(found, _EARLIEST)
