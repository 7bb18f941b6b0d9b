"""What a store of bytes must do: the narrow interface below ``Bucket``.

A driver stores immutable byte strings under keys of its own making. Everything clever (hashing,
block checksums, verified reads, deduplication) is shared logic above it. All methods are async and
may be called concurrently from one event loop; a driver moves blocking work to threads itself.
``consigne.testing.blobs`` is the conformance suite.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Capabilities:
    """What a driver can do, as data; shared code asks these and never the driver's name.

    ``small``: contents up to this many bytes go in by ``put`` as one piece (0: none do).
    ``durable``: what was answered survives a power cut. ``shared``: several machines see it.
    ``direct``: most bytes of one body that a client can send straight to the store (0: none can;
    else the driver is a ``DirectDriver``).
    """

    small: int
    durable: bool
    shared: bool
    direct: int = 0


@dataclass(frozen=True)
class Stored:
    """One stored thing as a listing shows it. ``modified_at`` in milliseconds since 1970."""

    key: str
    size: int
    modified_at: int


class KeyMissing(Exception):
    """No bytes under this key; ``args[0]`` is the key."""


class NoSpace(Exception):
    """The medium is full or refuses to grow."""


@dataclass(frozen=True)
class SignedPut:
    """A URL to PUT a body to, and the headers that must be sent with it, exactly so."""

    url: str
    headers: dict[str, str]


class Promise(Protocol):
    """Bytes that have their key already and will be durable soon."""

    def wait(self) -> None:
        """Return when they are durable; raise NoSpace, or what else prevented it. Blocks a thread.

        May be called more than once.
        """


class Stage(Protocol):
    """Bytes on their way in: random-access until committed, invisible to ``get``.

    A stage belongs to one writer at a time (the caller holds a lease). It survives a crash and can
    be opened again by its name.
    """

    async def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        """Write at an offset, past the end too. Raises NoSpace. Not durable before ``flush``."""

    async def flush(self) -> None:
        """Return when everything written so far is on stable storage. Raises NoSpace."""

    async def read(self, offset: int, length: int) -> bytes:
        """Return up to ``length`` bytes from ``offset``; shorter only at the end."""

    async def commit(self, size: int) -> str:
        """Cut to ``size`` bytes, make them durable under a fresh key, and return the key.

        The stage itself stays until ``discard`` and must not be written again: so a crash between
        the commit and the row that names the key loses nothing that was acknowledged in parts.
        May be called again after a crash (another key). Raises NoSpace.
        """

    async def discard(self) -> None:
        """Drop the bytes. May be called more than once, also after a failed ``commit``."""

    async def close(self) -> None:
        """Let go of the handle; the bytes stay under the stage's name. May be called twice."""


class Driver(Protocol):
    """A store of bytes."""

    @property
    def capabilities(self) -> Capabilities: ...

    async def open(self) -> None:
        """Prepare; create what is missing. Called once before anything else."""

    async def close(self) -> None:
        """Finish what is under way and let go of all handles."""

    async def put(self, data: bytes) -> str:
        """Store a small content durably under a fresh key and return the key. Raises NoSpace."""

    def promise(self, data: bytes) -> tuple[str, Promise] | None:
        """Begin to store a small content; return its key at once, and the promise of its bytes.

        None where the store cannot say a key beforehand: ``put`` it. Whoever gives up the key
        deletes it, once the promise is kept.
        """

    def fresh_stage(self) -> str:
        """Return a name that no stage has: 32 hex digits, in a store by itself."""

    async def stage(self, name: str) -> Stage:
        """Open the stage of this name (32 hex digits), creating an empty one where none is."""

    async def get(self, key: str, offset: int, length: int) -> bytes:
        """Return exactly the bytes of the range that exist; raises KeyMissing.

        The caller asks only for ranges inside the content; a shorter answer means that the stored
        bytes are truncated, and is for the caller to detect.
        """

    async def delete(self, key: str) -> None:
        """Remove a content; a key that is unknown is no error. Durable enough that a crash may only
        bring it back, never half of it."""

    def keys(self) -> AsyncIterator[Stored]:
        """Yield every stored content, in no order, while others come and go."""

    def stages(self) -> AsyncIterator[Stored]:
        """Yield every stage that exists (``key`` is its name)."""

    async def drop_stage(self, name: str) -> None:
        """Remove a stage by name; unknown names are no error."""


class DirectDriver(Driver, Protocol):
    """A store that clients can also send to and read from by themselves, by URLs that it checks.

    What they send arrives under names (32 hex digits) that no content ever has: a URL may be used
    late or twice, so arrived bytes are copied before anybody looks at them (C-21).
    """

    async def put_url(self, name: str, length: int, md5: bytes | None, expires: int) -> SignedPut:
        """Sign a PUT of exactly so many bytes, with this MD5 where it is given. The last complete
        one counts. ``expires`` in seconds."""

    async def get_url(self, key: str, media_type: str, disposition: str, expires: int) -> str:
        """Sign a GET of a content that answers with these headers. ``expires`` in seconds."""

    async def take(self, name: str, stage: str, offset: int, length: int) -> int:
        """Copy what has arrived into a stage, durably, if it has ``length`` bytes; return how many
        it has. Raises KeyMissing where nothing has arrived, NoSpace."""

    async def forget(self, name: str) -> None:
        """Remove what has arrived; an unknown name is no error."""

    def arrivals(self, prefix: str = "") -> AsyncIterator[Stored]:
        """Yield what has arrived complete under names that begin so."""
