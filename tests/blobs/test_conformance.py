"""The drivers that come with Consigne against the suite that any driver can run (C-20)."""

from pathlib import Path

from consigne.blobs.driver import Driver
from consigne.blobs.local import LocalDriver
from consigne.blobs.memory import MemoryDriver
from consigne.testing.blobs import DriverSuite
from consigne.testing.flaky import FlakyDriver


class TestMemory(DriverSuite):
    async def make(self, folder: Path) -> Driver:
        return MemoryDriver()


class TestLocal(DriverSuite):
    async def make(self, folder: Path) -> Driver:
        return LocalDriver(folder / "store")


class TestLocalWithoutSmall(DriverSuite):
    async def make(self, folder: Path) -> Driver:
        return LocalDriver(folder / "store", small_limit=0)


class TestFlakyThatDoesNotFail(DriverSuite):
    async def make(self, folder: Path) -> Driver:
        return FlakyDriver(MemoryDriver())
