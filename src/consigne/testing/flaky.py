"""A driver that fails once, at a call of your choice: for fault loops.

::

    for n in count(1):
        flaky = FlakyDriver(driver, fail_at=n)
        …                      # do the work; check what must hold although it failed
        if not flaky.failed:
            break              # the work needs fewer than n calls
"""

from collections.abc import AsyncIterator
from typing import Literal

from consigne.blobs.driver import Capabilities, Driver, NoSpace, Promise, Stage, Stored

When = Literal["before", "half", "after"]


class FlakyDriver:
    """Pass everything on to ``driver``, but raise ``error`` at the ``fail_at``-th mutating call.

    Mutating are put, write, flush, commit and delete. ``when``: ``before`` the call has any effect;
    ``half``: a write leaves the first half of its bytes (as ``before`` for the others); ``after``
    the call has done its work, so that only its answer is lost. ``calls`` are the names of the
    mutating calls so far.
    """

    def __init__(
        self,
        driver: Driver,
        *,
        fail_at: int = 0,
        error: Exception | None = None,
        when: When = "before",
    ) -> None:
        self.driver = driver
        self.fail_at = fail_at
        self.error = error or NoSpace("flaky")
        self.when = when
        self.calls: list[str] = []

    @property
    def failed(self) -> bool:
        """Whether the failure has come."""
        return 0 < self.fail_at <= len(self.calls)

    @property
    def capabilities(self) -> Capabilities:
        """Those of the driver."""
        return self.driver.capabilities

    async def open(self) -> None:
        """Open the driver."""
        await self.driver.open()

    async def close(self) -> None:
        """Close the driver."""
        await self.driver.close()

    async def put(self, data: bytes) -> str:
        """Put, or fail."""
        due = self.enter("put")
        key = await self.driver.put(data)
        self.leave(due)
        return key

    def promise(self, data: bytes) -> tuple[str, Promise] | None:
        """Promise, and keep it or not: counted as a put."""
        due = len(self.calls) + 1 == self.fail_at
        if due and self.when != "after":
            self.calls.append("put")
            return "s-" + "0" * 32, _Broken(self.error)
        made = self.driver.promise(data)
        if made is None:
            return None
        self.calls.append("put")
        return (made[0], _Broken(self.error, made[1])) if due else made

    def fresh_stage(self) -> str:
        return self.driver.fresh_stage()

    async def stage(self, name: str) -> "FlakyStage":
        """Open a stage that fails with this driver."""
        return FlakyStage(self, await self.driver.stage(name))

    async def get(self, key: str, offset: int, length: int) -> bytes:
        """Get."""
        return await self.driver.get(key, offset, length)

    async def delete(self, key: str) -> None:
        """Delete, or fail."""
        due = self.enter("delete")
        await self.driver.delete(key)
        self.leave(due)

    def keys(self) -> AsyncIterator[Stored]:
        """List contents."""
        return self.driver.keys()

    def stages(self) -> AsyncIterator[Stored]:
        """List stages."""
        return self.driver.stages()

    async def drop_stage(self, name: str) -> None:
        """Drop a stage."""
        await self.driver.drop_stage(name)

    def enter(self, call: str) -> bool:
        """Count a call; return whether it is the one to fail, raising if that is at once."""
        self.calls.append(call)
        due = len(self.calls) == self.fail_at
        if due and (self.when == "before" or (self.when == "half" and call != "write")):
            raise self.error
        return due

    def leave(self, due: bool) -> None:
        """Raise if the call that has been made is the one to fail."""
        if due:
            raise self.error


class _Broken:
    """A promise that fails, where there is one behind it only after that has been kept."""

    def __init__(self, error: Exception, promise: Promise | None = None) -> None:
        self._error = error
        self._promise = promise

    def wait(self) -> None:
        if self._promise is not None:
            self._promise.wait()
        raise self._error


class FlakyStage:
    """A stage whose writes, flushes and commits count and fail with its driver's."""

    def __init__(self, flaky: FlakyDriver, stage: Stage) -> None:
        self._flaky = flaky
        self._stage = stage

    async def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        """Write, or write half, or fail."""
        due = self._flaky.enter("write")
        half = due and self._flaky.when == "half"
        await self._stage.write(offset, data[: len(data) // 2] if half else data)
        self._flaky.leave(due)

    async def flush(self) -> None:
        """Flush, or fail."""
        due = self._flaky.enter("flush")
        await self._stage.flush()
        self._flaky.leave(due)

    async def read(self, offset: int, length: int) -> bytes:
        """Read."""
        return await self._stage.read(offset, length)

    async def commit(self, size: int) -> str:
        """Commit, or fail."""
        due = self._flaky.enter("commit")
        key = await self._stage.commit(size)
        self._flaky.leave(due)
        return key

    async def discard(self) -> None:
        """Discard."""
        await self._stage.discard()

    async def close(self) -> None:
        """Close."""
        await self._stage.close()
