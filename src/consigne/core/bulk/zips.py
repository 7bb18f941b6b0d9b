"""ZIP archives as a stream: entries are stored as they are, their checksums follow them.

Memory is a few hundred bytes an entry, for the directory at the end.
"""

import io
import time
import zipfile
from collections.abc import AsyncIterator

from consigne.core.reading import Reading


class ZipStream:
    """An archive under construction, given out piece by piece."""

    def __init__(self) -> None:
        self._sink = _Sink()
        self._zip = zipfile.ZipFile(self._sink, "w", zipfile.ZIP_STORED)
        self._names: set[str] = set()

    async def add(self, reading: Reading, spare: str) -> AsyncIterator[bytes]:
        """Yield the bytes of one more entry; ``spare`` tells apart what has the same name."""
        info = zipfile.ZipInfo(self._free(reading.name, spare), _moment(reading.modified_at))
        info.file_size = reading.size
        with self._zip.open(info, "w", force_zip64=reading.size >= 1 << 31) as entry:
            yield self._sink.take()
            async for piece in reading.stream(0, reading.size):
                entry.write(piece)
                yield self._sink.take()
        yield self._sink.take()

    def end(self) -> bytes:
        """Return the directory, which ends the archive."""
        self._zip.close()
        return self._sink.take()

    def _free(self, name: str, spare: str) -> str:
        if name.casefold() in self._names:
            stem, dot, extension = name.rpartition(".")
            name = f"{stem} ({spare}){dot}{extension}" if dot else f"{name} ({spare})"
        self._names.add(name.casefold())
        return name


class _Sink(io.RawIOBase):
    """What the archive writes to; it cannot be sought in, so nothing is corrected afterwards."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self._pieces.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        data = b"".join(self._pieces)
        self._pieces.clear()
        return data


def _moment(milliseconds: int) -> tuple[int, int, int, int, int, int]:
    found = time.gmtime(max(milliseconds // 1000, 315_532_800))  # ZIP begins in 1980
    return found[:6]
