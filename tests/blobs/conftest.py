"""An open bucket on each driver that comes with Consigne."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from consigne.blobs.bucket import Bucket
from consigne.blobs.driver import Driver
from consigne.blobs.local import LocalDriver
from consigne.blobs.memory import MemoryDriver


@pytest.fixture(params=["memory", "local"])
async def bucket(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bucket]:
    driver: Driver = MemoryDriver()
    if request.param == "local":
        driver = LocalDriver(tmp_path / "store", small_limit=4096, sync=False)
    bucket = Bucket(driver)
    await bucket.open()
    yield bucket
    await bucket.close()
