"""Uploads in parts: any order, any process, failures in between (C-23)."""

import hashlib
import os
import random
import secrets
from pathlib import Path

import pytest
from blob_support import broken, check, chunks, leftovers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consigne.blobs.bucket import Bucket
from consigne.blobs.local import LocalDriver
from consigne.blobs.memory import MemoryDriver, MemoryStage
from consigne.errors import Corrupt

MIB = 1 << 20
several = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


async def fill(bucket: Bucket, name: str, data: bytes, at: int, size: int) -> None:
    """Append ``size`` bytes of ``data`` at ``at``, and check the receipt."""
    part = data[at : at + size]
    receipt = await bucket.append(name, at, chunks(part, 5000), extra=("sha",))
    assert receipt.size == len(part)
    assert receipt.sha256 == hashlib.sha256(part).digest()
    assert receipt.md5 == hashlib.md5(part).digest()
    assert receipt.extra == {"sha": hashlib.sha1(part).digest()}


@pytest.mark.parametrize("size", [0, 10, 100_000, 3 * MIB + 5])
async def test_parts_in_order(bucket: Bucket, size: int) -> None:
    """Parts one after the other make the whole; they stay until the upload is abandoned."""
    name, data = secrets.token_hex(16), os.urandom(size)
    for at in range(0, size, 700_000):
        await fill(bucket, name, data, at, 700_000)
    async with await bucket.finish(name, size) as draft:
        check(draft, data)
        key = await draft.store()
    await bucket.abandon(name)
    assert await leftovers(bucket) == (1, 0)
    assert await bucket.read_all(key, size, draft.block_size, draft.blocks) == data


@several
@given(sizes=st.lists(st.integers(1, 300_000), min_size=1, max_size=8), seed=st.integers(0, 999))
async def test_parts_in_any_order(bucket: Bucket, sizes: list[int], seed: int) -> None:
    """Out of order, repeated, by two processes: the result is the bytes written last."""
    source = random.Random(seed)
    data = source.randbytes(sum(sizes))
    starts = [sum(sizes[:index]) for index in range(len(sizes))]
    order = list(zip(starts, sizes, strict=True))
    source.shuffle(order)
    order += source.sample(order, len(order) // 2)
    name = secrets.token_hex(16)
    other = Bucket(bucket._driver)
    other._pool = bucket._pool
    other._assemblies = type(bucket._assemblies)(bucket._driver, bucket._pool, bucket._budget)
    for at, size in order:
        await fill(source.choice([bucket, other]), name, data, at, size)
    async with await source.choice([bucket, other]).finish(name, len(data)) as draft:
        check(draft, data)
        await draft.store()
    async for each in bucket.keys():
        await bucket.delete(each.key)


async def test_a_part_written_again_with_other_bytes(bucket: Bucket) -> None:
    """An accepted offset may be overwritten; the running digest does not remember the old bytes."""
    name, data = secrets.token_hex(16), os.urandom(300_000)
    await bucket.append(name, 0, chunks(bytes(100_000)))
    await bucket.append(name, 100_000, chunks(bytes(200_000)))
    await fill(bucket, name, data, 0, 100_000)
    await fill(bucket, name, data, 100_000, 200_000)
    check(await bucket.finish(name, 300_000), data)
    await bucket.append(name, 100_000, chunks(bytes(50_000)))
    check(await bucket.finish(name, 150_000), data[:100_000] + bytes(50_000))


@pytest.mark.parametrize("at", [0, 100_000])
@pytest.mark.parametrize("got", [0, 10_000, 3 * MIB])
async def test_a_failed_part_changes_nothing_before_it(bucket: Bucket, at: int, got: int) -> None:
    """A part that breaks off can be sent again at the same offset, shorter or longer."""
    name, data = secrets.token_hex(16), os.urandom(200_000)
    await fill(bucket, name, data, 0, at)
    with pytest.raises(ConnectionError):
        await bucket.append(name, at, broken(os.urandom(got), ConnectionError()))
    assert (await leftovers(bucket))[1] == 1
    await fill(bucket, name, data, at, 200_000)
    async with await bucket.finish(name, 200_000) as draft:
        check(draft, data)
        key = await draft.store()
    assert await bucket.read_all(key, 200_000, draft.block_size, draft.blocks) == data


async def test_a_failed_overwrite_is_not_trusted(bucket: Bucket) -> None:
    """A broken part before the known end may have changed bytes: they are read again."""
    name = secrets.token_hex(16)
    await bucket.append(name, 0, chunks(b"a" * 1000))
    with pytest.raises(ConnectionError):
        await bucket.append(name, 0, broken(b"b" * 3 * MIB, ConnectionError()))
    draft = await bucket.finish(name, 1000)
    assert draft.sha256 in (hashlib.sha256(c * 1000).digest() for c in (b"a", b"b"))
    key = await draft.store()
    assert len(await bucket.read_all(key, 1000, draft.block_size, draft.blocks)) == 1000


async def test_in_order_nothing_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The running digest serves: the finish reads the head and no more."""
    asked: list[int] = []
    plain = MemoryStage.read

    async def read(self: MemoryStage, offset: int, length: int) -> bytes:
        asked.append(length)
        return await plain(self, offset, length)

    monkeypatch.setattr(MemoryStage, "read", read)
    bucket = Bucket(MemoryDriver())
    await bucket.open()
    name, data = secrets.token_hex(16), os.urandom(5 * MIB)
    for at in range(0, 5 * MIB, MIB):
        await fill(bucket, name, data, at, MIB)
    check(await bucket.finish(name, 5 * MIB), data)
    assert asked == [65536]
    bucket.forget(name)
    draft = await bucket.finish(name, 5 * MIB, extra=("sha-512", "md5"))
    check(draft, data)
    assert draft.extra["sha-512"] == hashlib.sha512(data).digest()
    assert sum(asked) > 5 * MIB
    await bucket.close()


async def test_after_a_restart(tmp_path: Path) -> None:
    """A new process carries on where the old one stopped (C-23)."""
    name, data = secrets.token_hex(16), os.urandom(2 * MIB)
    for at in range(0, len(data), MIB // 2):
        bucket = Bucket(LocalDriver(tmp_path))
        await bucket.open()
        await fill(bucket, name, data, at, MIB // 2)
        await bucket.close()
    bucket = Bucket(LocalDriver(tmp_path))
    await bucket.open()
    async with await bucket.finish(name, len(data)) as draft:
        check(draft, data)
        await draft.store()
    await bucket.close()


async def test_finish_of_what_is_not_there(bucket: Bucket) -> None:
    """A stage with fewer bytes than were accepted is Corrupt."""
    name = secrets.token_hex(16)
    await bucket.append(name, 0, chunks(b"12345"))
    with pytest.raises(Corrupt):
        await bucket.finish(name, 6)
    with pytest.raises(Corrupt):
        await bucket.finish(secrets.token_hex(16), 6)


async def test_discard_keeps_the_upload_and_abandon_ends_it(bucket: Bucket) -> None:
    """A finish that was not stored can be repeated; an abandoned upload is gone."""
    name = secrets.token_hex(16)
    await bucket.append(name, 0, chunks(bytes(10_000)))
    async with await bucket.finish(name, 10_000):
        pass
    async with await bucket.finish(name, 10_000) as draft:
        assert draft.size == 10_000
    assert await leftovers(bucket) == (0, 1)
    await bucket.abandon(name)
    await bucket.abandon(name)
    assert await leftovers(bucket) == (0, 0)


async def test_running_digests_are_bounded(bucket: Bucket) -> None:
    """The oldest is forgotten, and its upload ends as well."""
    bucket._assemblies._limit = 3
    names = [secrets.token_hex(16) for _ in range(5)]
    for name in names:
        await bucket.append(name, 0, chunks(b"x" * 100))
    assert len(bucket._assemblies._running) == 3
    for name in names:
        check(await bucket.finish(name, 100), b"x" * 100)
