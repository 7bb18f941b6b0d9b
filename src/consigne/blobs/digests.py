"""What is computed over the bytes of a content while they pass by.

Pure and synchronous. ``Digester.strands()`` gives steps that are independent of one another, so
that each may run in a thread of its own (hashlib lets other threads run meanwhile); within a strand
the bytes must come in order.

Measured here, one core: XXH3-64 62 GB/s, SHA-256 1.7 GB/s, MD5 0.73 GB/s.
"""

import hashlib
import importlib
import zlib
from collections.abc import Callable, Iterable
from typing import Any, Protocol, Self

import xxhash

Bytes = bytes | bytearray | memoryview
Strand = Callable[[Bytes], None]

BLOCK = 256 * 1024
"""Bytes under one block checksum; the last block of a content may be shorter."""

HEAD = 64 * 1024
"""Bytes kept from the start, for finding the type."""

MARK = 8
"""Bytes of one block checksum: XXH3-64, big-endian."""


class Checksum(Protocol):
    """The part of hashlib's interface that we use."""

    def update(self, data: Bytes, /) -> None: ...
    def digest(self) -> bytes: ...
    def copy(self) -> Self: ...


class Crc:
    """A running CRC or Adler sum in hashlib's interface; the digest is 4 bytes, big-endian."""

    def __init__(self, step: Callable[[Any, int], int], value: int) -> None:
        self._step = step
        self._value = value

    def update(self, data: Bytes) -> None:
        """Take in ``data``."""
        self._value = self._step(data, self._value)

    def digest(self) -> bytes:
        """Return the sum of all bytes so far."""
        return (self._value & 0xFFFFFFFF).to_bytes(4, "big")

    def copy(self) -> "Crc":
        """Return an independent copy."""
        return Crc(self._step, self._value)


def _hash(name: str) -> Callable[[], Checksum]:
    return lambda: hashlib.new(name, usedforsecurity=False)


def _crc32c() -> dict[str, Callable[[], Checksum]]:
    """Return ``crc32c`` if a library for it is installed: in Python alone it is useless."""
    try:
        extend = importlib.import_module("google_crc32c").extend
    except ImportError:
        return {}
    return {"crc32c": lambda: Crc(lambda data, value: int(extend(value, bytes(data))), 0)}


ALGORITHMS: dict[str, Callable[[], Checksum]] = {
    "sha-256": _hash("sha256"),
    "sha-384": _hash("sha384"),
    "sha-512": _hash("sha512"),
    "sha": _hash("sha1"),
    "md5": _hash("md5"),
    "crc32": lambda: Crc(zlib.crc32, 0),
    "adler": lambda: Crc(zlib.adler32, 1),
    **_crc32c(),
}
"""Algorithms for digests that clients announce, by the names of RFC 9530's registry; and ``crc32``.
A dialect translates its own spellings (tus ``sha1``, S3 ``SHA1``) to these."""


_QUIET = 2047
"""hashlib lets go of the interpreter for more bytes than these (its ``HASHLIB_GIL_MINSIZE``)."""

ALWAYS = frozenset({"sha-256", "md5"})
"""What every digester computes, so that asking for it costs nothing."""


class Marks:
    """The XXH3-64 of every ``block_size`` bytes, over pieces of any size."""

    def __init__(self, block_size: int = BLOCK) -> None:
        self._block_size = block_size
        self._done = bytearray()
        self._open = xxhash.xxh3_64()
        self._fill = 0

    def update(self, data: Bytes) -> None:
        """Take in ``data``."""
        size = self._block_size
        view = memoryview(data)
        while view:
            if not self._fill and len(view) >= size:
                self._done += xxhash.xxh3_64_digest(view[:size])
                view = view[size:]
                continue
            piece = view[: size - self._fill]
            self._open.update(piece)
            self._fill += len(piece)
            view = view[len(piece) :]
            if self._fill == size:
                self._done += self._open.digest()
                self._open.reset()
                self._fill = 0

    def digest(self) -> bytes:
        """Return the checksums so far, that of a last partial block included."""
        return bytes(self._done) + (self._open.digest() if self._fill else b"")

    def copy(self) -> "Marks":
        """Return an independent copy."""
        other = Marks(self._block_size)
        other._done = bytearray(self._done)
        other._open = self._open.copy()
        other._fill = self._fill
        return other


def marks_of(data: Bytes, block_size: int = BLOCK) -> bytes:
    """Return the block checksums of a whole content held in memory."""
    if len(data) <= block_size:
        return xxhash.xxh3_64_digest(data) if data else b""
    view = memoryview(data)
    starts = range(0, len(view), block_size)
    return b"".join(xxhash.xxh3_64_digest(view[at : at + block_size]) for at in starts)


class Digester:
    """Everything that is computed over a content: size, head, SHA-256, MD5, marks, and extras.

    ``extra`` names further ``ALGORITHMS`` (ValueError for an unknown one); ``head`` says how many
    bytes of the start to keep. ``digester.update(data)`` equals running every strand over ``data``.
    """

    def __init__(
        self, extra: Iterable[str] = (), *, block_size: int = BLOCK, head: int = HEAD
    ) -> None:
        self._names = tuple(extra)
        unknown = [name for name in self._names if name not in ALGORITHMS]
        if unknown:
            raise ValueError(f"unknown digest algorithms: {unknown}")
        self.size = 0
        self.block_size = block_size
        self._head_size = head
        self._head = b""
        self._sha256: Checksum = hashlib.sha256(usedforsecurity=False)
        self._md5: Checksum = hashlib.md5(usedforsecurity=False)
        self._marks = Marks(block_size)
        self._others = {name: ALGORITHMS[name]() for name in self._names if name not in ALWAYS}

    @property
    def head(self) -> bytes:
        """The first bytes, at most as many as were asked for."""
        return self._head

    @property
    def sha256(self) -> bytes:
        """SHA-256 of the bytes so far."""
        return self._sha256.digest()

    @property
    def md5(self) -> bytes:
        """MD5 of the bytes so far."""
        return self._md5.digest()

    @property
    def blocks(self) -> bytes:
        """XXH3-64 of every ``block_size`` bytes so far, 8 bytes each."""
        return self._marks.digest()

    @property
    def extra(self) -> dict[str, bytes]:
        """Digests of the extra algorithms by name."""
        known = {"sha-256": self._sha256, "md5": self._md5, **self._others}
        return {name: known[name].digest() for name in self._names}

    def update(self, data: Bytes) -> None:
        """Take in ``data``."""
        for strand in self.strands():
            strand(data)

    def update_inline(self, data: Bytes) -> None:
        """Take in few bytes on the event loop: as ``update``, without letting another thread run.

        Getting the interpreter back takes longer than hashing some KiB, up to 5 ms where the other
        thread computes.
        """
        view = memoryview(data)
        running = (self._md5, self._sha256, *self._others.values())
        for at in range(0, len(view), _QUIET):
            piece = view[at : at + _QUIET]
            for each in running:
                each.update(piece)
        self._note(data)

    def strands(self) -> list[Strand]:
        """Return the steps that together make an ``update``, each safe in a thread of its own."""
        steps: list[Strand] = [self._md5.update, self._light]
        steps += [each.update for each in self._others.values()]
        return steps

    def copy(self, *, extra: bool = True) -> "Digester":
        """Return an independent snapshot, without the extra algorithms if so asked."""
        other = Digester(block_size=self.block_size, head=self._head_size)
        other.size = self.size
        other._head = self._head
        other._sha256 = self._sha256.copy()
        other._md5 = self._md5.copy()
        other._marks = self._marks.copy()
        if extra:
            other._names = self._names
            other._others = {name: each.copy() for name, each in self._others.items()}
        return other

    def asked_for(self, names: Iterable[str]) -> "Digester":
        """Show these of the digests computed anyway (``ALWAYS``) as ``extra``; return self."""
        self._names = tuple(names)
        return self

    def _light(self, data: Bytes) -> None:
        """SHA-256 and everything that costs next to nothing; together lighter than MD5 alone."""
        self._sha256.update(data)
        self._note(data)

    def _note(self, data: Bytes) -> None:
        self._marks.update(data)
        if len(self._head) < self._head_size:
            self._head += bytes(data[: self._head_size - len(self._head)])
        self.size += len(data)
