"""Fault loops: a failure at every call, and what must hold after each (C-20)."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import get_args

import pytest
from blob_support import check, chunks, leftovers

from consigne.blobs.bucket import Bucket
from consigne.blobs.driver import Driver
from consigne.blobs.local import LocalDriver
from consigne.blobs.memory import MemoryDriver
from consigne.errors import StorageFull
from consigne.testing.flaky import FlakyDriver, When

MIB = 1 << 20
NAME = "ab" * 16


@asynccontextmanager
async def flaky_bucket(
    kind: str, folder: Path, fail_at: int, when: When
) -> AsyncIterator[tuple[Bucket, FlakyDriver]]:
    """Open a bucket whose driver fails at its ``fail_at``-th mutating call."""
    driver: Driver = MemoryDriver()
    if kind == "local":
        driver = LocalDriver(folder / str(fail_at), sync=False)
    flaky = FlakyDriver(driver, fail_at=fail_at, when=when)
    bucket = Bucket(flaky)
    await bucket.open()
    yield bucket, flaky
    await bucket.close()


@pytest.mark.parametrize("kind", ["memory", "local"])
@pytest.mark.parametrize("when", get_args(When))
@pytest.mark.parametrize("size", [100, 100_000, 5 * MIB])
async def test_draft_and_store(kind: str, tmp_path: Path, when: When, size: int) -> None:
    """After any failure there is no stage, and no content but one whose answer was lost (C-20)."""
    data = os.urandom(size)
    for n in count(1):
        async with flaky_bucket(kind, tmp_path, n, when) as (bucket, flaky):
            key = None
            try:
                async with await bucket.draft(chunks(data)) as draft:
                    key = await draft.store()
            except StorageFull:
                assert flaky.failed
            contents, stages = await leftovers(bucket)
            assert stages == 0
            lost = when == "after" and flaky.failed and flaky.calls[-1] in ("put", "commit")
            assert contents == int(lost or key is not None)
            if not flaky.failed:
                assert key is not None
                return


@pytest.mark.parametrize("kind", ["memory", "local"])
@pytest.mark.parametrize("when", get_args(When))
@pytest.mark.parametrize("size", [100, 3 * MIB])
async def test_parts(kind: str, tmp_path: Path, when: When, size: int) -> None:
    """A client that repeats what failed gets its bytes stored, whole and once (C-23).

    Only a commit or put whose answer was lost leaves a content that nobody knows.
    """
    data = os.urandom(2 * size)
    for n in count(1):
        async with flaky_bucket(kind, tmp_path, n, when) as (bucket, flaky):
            for at in (0, size):
                try:
                    await bucket.append(NAME, at, chunks(data[at : at + size]))
                except StorageFull:
                    await bucket.append(NAME, at, chunks(data[at : at + size]))
            draft = await bucket.finish(NAME, len(data))
            check(draft, data)
            try:
                key = await draft.store()
            except StorageFull:
                await draft.discard()
                draft = await bucket.finish(NAME, len(data))
                key = await draft.store()
            assert await bucket.read_all(key, draft.size, draft.block_size, draft.blocks) == data
            last = flaky.calls[-2:]
            lost = when == "after" and flaky.failed and last in (["put"] * 2, ["commit"] * 2)
            await bucket.abandon(NAME)
            assert await leftovers(bucket) == (2 if lost else 1, 0)
            if not flaky.failed:
                return
