"""A driver that keeps everything in memory: for tests and for trying things out."""

import secrets
import time
from collections.abc import AsyncIterator

from consigne.blobs.driver import Capabilities, KeyMissing, NoSpace, Stored


class MemoryDriver:
    """A store of bytes that forgets all of them with the process.

    ``limit`` is the number of bytes after which it raises NoSpace (None: never).
    """

    def __init__(self, *, small: int = 4096, limit: int | None = None) -> None:
        self.capabilities = Capabilities(small=small, durable=False, shared=False)
        self.limit = limit
        self.contents: dict[str, tuple[bytes, int]] = {}
        self.staged: dict[str, MemoryStage] = {}

    async def open(self) -> None:
        """Do nothing: there is nothing to prepare."""

    async def close(self) -> None:
        """Do nothing: the bytes stay, so that a test may open the driver again."""

    async def put(self, data: bytes) -> str:
        """Store ``data`` and return its key. Raises NoSpace."""
        self.claim(len(data))
        return self.keep("s-", data)

    def promise(self, data: bytes) -> None:
        """Return None: ``put`` takes no time."""

    def fresh_stage(self) -> str:
        """Return a name that no stage has."""
        return secrets.token_hex(16)

    async def stage(self, name: str) -> "MemoryStage":
        """Open or create the stage ``name``; raises ValueError unless it is 32 hex digits."""
        if len(name) != 32 or set(name) - set("0123456789abcdef"):
            raise ValueError(f"not a stage name: {name!r}")
        return self.staged.setdefault(name, MemoryStage(self, name))

    async def get(self, key: str, offset: int, length: int) -> bytes:
        """Return the bytes of the range that exist. Raises KeyMissing."""
        try:
            data, _ = self.contents[key]
        except KeyError:
            raise KeyMissing(key) from None
        return data[offset : offset + length]

    async def delete(self, key: str) -> None:
        """Forget a content."""
        self.contents.pop(key, None)

    async def keys(self) -> AsyncIterator[Stored]:
        """Yield every content."""
        for key, (data, at) in list(self.contents.items()):
            yield Stored(key, len(data), at)

    async def stages(self) -> AsyncIterator[Stored]:
        """Yield every stage."""
        for name, stage in list(self.staged.items()):
            yield Stored(name, len(stage.data), stage.modified_at)

    async def drop_stage(self, name: str) -> None:
        """Forget a stage."""
        self.staged.pop(name, None)

    def keep(self, prefix: str, data: bytes) -> str:
        """Put ``data`` under a fresh key."""
        key = prefix + secrets.token_hex(16)
        self.contents[key] = data, time.time_ns() // 1_000_000
        return key

    def claim(self, more: int) -> None:
        """Raise NoSpace unless ``more`` bytes fit below ``limit``."""
        if self.limit is None:
            return
        used = sum(len(data) for data, _ in self.contents.values())
        used += sum(len(stage.data) for stage in self.staged.values())
        if used + more > self.limit:
            raise NoSpace(f"{used} of {self.limit} bytes are used")


class MemoryStage:
    """A stage in a ``bytearray``."""

    def __init__(self, driver: MemoryDriver, name: str) -> None:
        self.data = bytearray()
        self.modified_at = time.time_ns() // 1_000_000
        self._driver = driver
        self._name = name

    async def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        """Write ``data`` at ``offset``, filling a gap with zeros. Raises NoSpace."""
        grown = max(0, offset + len(data) - len(self.data))
        self._driver.claim(grown)
        self.data.extend(bytes(max(0, offset - len(self.data))))
        self.data[offset : offset + len(data)] = data
        self.modified_at = time.time_ns() // 1_000_000

    async def flush(self) -> None:
        """Do nothing: memory is as durable as this driver gets."""

    async def read(self, offset: int, length: int) -> bytes:
        """Return up to ``length`` bytes from ``offset``."""
        return bytes(self.data[offset : offset + length])

    async def commit(self, size: int) -> str:
        """Keep the first ``size`` bytes as a content and return its key."""
        return self._driver.keep("f-", bytes(self.data[:size]))

    async def discard(self) -> None:
        """Forget the bytes."""
        if self._driver.staged.get(self._name) is self:
            self._driver.staged.pop(self._name)

    async def close(self) -> None:
        """Do nothing."""
