"""What the tests of the object store's driver share."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from tests.parts.seaweedfs import ObjectStore

from consigne.blobs.s3 import S3Driver
from consigne.blobs.s3_client import Place


def place(store: ObjectStore, **other: Any) -> Place:
    """Return how the driver finds a store; ``other`` replaces fields."""
    found = Place(
        bucket=store.bucket,
        endpoint=store.endpoint,
        access_key=store.access_key,
        secret_key=store.secret_key,
        connect_time=2,
        idle_time=10,
        total_time=30,
    )
    return replace(found, **other)


@asynccontextmanager
async def opened(driver: S3Driver) -> AsyncIterator[S3Driver]:
    """Open a driver for the length of a block."""
    await driver.open()
    try:
        yield driver
    finally:
        await driver.close()
