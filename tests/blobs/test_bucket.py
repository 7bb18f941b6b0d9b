"""Drafts and checked reads (C-20, C-22, C-25)."""

import asyncio
import os
import random
from itertools import pairwise

import pytest
from blob_support import broken, check, chunks, leftovers, marks, pieces, stored
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consigne.blobs.bucket import Bucket
from consigne.blobs.lanes import Budget, Lanes, regroup
from consigne.blobs.memory import MemoryDriver
from consigne.errors import Corrupt, StorageFull

MIB = 1 << 20
BLOCK = 256 * 1024
SIZES = [0, 1, 4095, 4096, 4097, 65536, BLOCK - 1, BLOCK, BLOCK + 1, MIB, MIB + 1, 3 * MIB + 7]
several = settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("size", SIZES)
async def test_round_trip(bucket: Bucket, size: int) -> None:
    """What went in comes out, with the measures that it has."""
    data = os.urandom(size)
    async with await bucket.draft(chunks(data, 9999), extra=("sha-512",)) as draft:
        check(draft, data)
        assert set(draft.extra) == {"sha-512"}
        assert (await leftovers(bucket))[0] == 0
        key = await draft.store()
        assert await draft.store() == key
        await draft.discard()
    fields = (key, draft.size, draft.block_size, draft.blocks)
    assert await bucket.read_all(*fields) == data
    assert b"".join([piece async for piece in bucket.read(*fields)]) == data
    assert (await bucket.verify(key, size, draft.sha256, draft.block_size, draft.blocks)).ok
    assert await leftovers(bucket) == (1, 0)
    await bucket.delete(key)
    await bucket.delete(key)
    assert await leftovers(bucket) == (0, 0)


@pytest.mark.parametrize("chunk", [1, 1000, 65536, MIB, 8 * MIB])
async def test_chunks_of_any_size(bucket: Bucket, chunk: int) -> None:
    """The source may cut its bytes as it likes."""
    data = os.urandom(100_000 if chunk == 1 else 3 * MIB + 5)
    async with await bucket.draft(chunks(data, chunk)) as draft:
        check(draft, data)


@several
@given(cuts=st.lists(st.integers(0, 3 * MIB), max_size=8), seed=st.integers(0, 99))
async def test_any_cuts(bucket: Bucket, cuts: list[int], seed: int) -> None:
    """Empty chunks too."""
    data = random.Random(seed).randbytes(2 * MIB + seed)
    borders = [0, *sorted(cuts), len(data)]
    parts = [data[a:b] for a, b in pairwise(borders)]
    async with await bucket.draft(pieces(parts)) as draft:
        check(draft, data)


async def test_ranges(bucket: Bucket) -> None:
    """A range gives exactly its bytes, wherever it lies to the blocks (C-22)."""
    data = os.urandom(3 * MIB + 77)
    fields = await stored(bucket, data)

    borders = [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, MIB - 1, MIB, len(data) - 1, len(data)]
    for start in borders:
        for length in (0, 1, 2, BLOCK, MIB, None):
            got = b"".join([piece async for piece in bucket.read(*fields, start, length)])
            assert got == data[start : None if length is None else start + length]


@several
@given(offset=st.integers(0, MIB), length=st.integers(0, MIB))
async def test_any_range(bucket: Bucket, offset: int, length: int) -> None:
    """The same for ranges that nobody thought of."""
    data = bytes(range(251)) * 3000
    fields = await stored(bucket, data)
    got = b"".join([piece async for piece in bucket.read(*fields, offset, length)])
    assert got == data[offset : offset + length]


@pytest.mark.parametrize("read_bytes", [1, BLOCK, MIB, 64 * MIB])
async def test_reads_of_any_width(read_bytes: int) -> None:
    """How much a driver is asked for at a time makes no difference, and whole blocks are asked."""
    bucket = Bucket(MemoryDriver(), read_bytes=read_bytes)
    await bucket.open()
    data = os.urandom(3 * MIB + 77)
    fields = await stored(bucket, data)
    got = [piece async for piece in bucket.read(*fields, 10, 2 * MIB)]
    assert b"".join(got) == data[10 : 10 + 2 * MIB]
    assert len(await bucket.read_all(*fields)) == len(data)
    await bucket.close()


async def test_gauge(bucket: Bucket) -> None:
    """The gauge sees every block but the first before it is accepted, and the end."""
    seen: list[int] = []

    async def gauge(total: int) -> None:
        seen.append(total)

    for size in (0, 10, 100_000, 3 * MIB + 5):
        seen.clear()
        async with await bucket.draft(chunks(bytes(size)), gauge=gauge):
            assert seen == ([2 * MIB, 3 * MIB, size, size] if size > MIB else [size])


@pytest.mark.parametrize("at", [0, 1_000_000, 2_500_000, 4 * MIB])
@pytest.mark.parametrize("size", [10, 4 * MIB])
async def test_a_refusing_gauge_leaves_nothing(bucket: Bucket, size: int, at: int) -> None:
    """Whatever the gauge raises comes through, and no bytes stay."""

    async def gauge(total: int) -> None:
        if total >= at:
            raise PermissionError(total)

    if size < at:
        pytest.skip("the gauge does not refuse")
    with pytest.raises(PermissionError):
        await bucket.draft(chunks(bytes(size)), gauge=gauge)
    assert await leftovers(bucket) == (0, 0)


@pytest.mark.parametrize("size", [0, 100, 100_000, 2 * MIB, 5 * MIB])
async def test_a_broken_source_leaves_nothing(bucket: Bucket, size: int) -> None:
    """A client that goes away leaves no bytes."""
    with pytest.raises(ConnectionError):
        await bucket.draft(broken(bytes(size), ConnectionError()))
    assert await leftovers(bucket) == (0, 0)


async def test_cancelled_anywhere(bucket: Bucket) -> None:
    """A cancelled intake or store leaves neither stage nor, but for the last instant, content."""
    data = os.urandom(3 * MIB)

    async def upload() -> None:
        async with await bucket.draft(chunks(data)) as draft:
            await draft.store()

    for delay in range(25):
        task = asyncio.create_task(upload())
        await asyncio.sleep(delay / 1000)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            assert await leftovers(bucket) == (0, 0)
        else:
            async for stored_ in bucket.keys():
                await bucket.delete(stored_.key)


async def test_unstored_drafts_leave_nothing(bucket: Bucket) -> None:
    """Leaving the context without a store discards, twice if need be."""
    for size in (10, 100_000, 2 * MIB):
        async with await bucket.draft(chunks(bytes(size))) as draft:
            await draft.discard()
        await draft.discard()
    assert await leftovers(bucket) == (0, 0)


async def test_full_store() -> None:
    """NoSpace of the driver is StorageFull, and nothing stays."""
    bucket = Bucket(MemoryDriver(limit=MIB))
    await bucket.open()
    for size in (3 * MIB, MIB + 1):
        with pytest.raises(StorageFull):
            await bucket.draft(chunks(bytes(size)))
    with pytest.raises(StorageFull):
        await bucket.append("0" * 32, 0, chunks(bytes(2 * MIB)))
    await bucket.abandon("0" * 32)
    fields = await stored(bucket, bytes(MIB))
    async with await bucket.draft(chunks(b"one more")) as draft:
        with pytest.raises(StorageFull):
            await draft.store()
    assert await leftovers(bucket) == (1, 0)
    assert len(await bucket.read_all(*fields)) == MIB
    await bucket.close()


async def test_missing_content(bucket: Bucket) -> None:
    """A content whose bytes are gone is Corrupt, never an empty success (C-25)."""
    for size in (10, 100_000):
        key, *rest = await stored(bucket, bytes(size))
        await bucket.delete(key)
        with pytest.raises(Corrupt) as caught:
            await bucket.read_all(key, *rest)
        assert caught.value.details["problem"] == "missing"
        verdict = await bucket.verify(key, size, b"", rest[1], rest[2])
        assert verdict.problem == "missing"


async def test_verify_names_the_problem(bucket: Bucket) -> None:
    """A row that does not fit its bytes is found from every side (C-25)."""
    data = os.urandom(3 * BLOCK)
    key, size, block, blocks = await stored(bucket, data)
    other = blocks[:8] + b"\0" * 8 + blocks[16:]
    for arguments, problem, number in [
        ((size, b"\0" * 32, block, blocks), "sha256", None),
        ((size, b"", block, other), "block", 1),
        ((size, b"", block, blocks[:-8]), "marks", None),
        ((size + 1, b"", block, blocks + b"\0" * 8), "truncated", 3),
    ]:
        verdict = await bucket.verify(key, *arguments)
        assert (verdict.ok, verdict.problem, verdict.block) == (False, problem, number)


async def test_a_failing_lane_stops_the_reader() -> None:
    """The error of a lane reaches the feeder, which never waits for a dead lane."""
    seen = []

    async def good(block: object) -> None:
        seen.append(block)

    async def bad(block: object) -> None:
        raise OSError("lane")

    async def feed() -> None:
        async with Lanes([good, bad]) as lanes:
            for _ in range(100):
                await lanes.feed(b"x")

    with pytest.raises(OSError, match="lane"):
        await asyncio.wait_for(feed(), 5)
    assert len(seen) < 10


async def test_lanes_hold_few_blocks() -> None:
    """The reader waits when a lane is behind (constant memory)."""
    gate = asyncio.Event()
    fed = 0

    async def slow(block: object) -> None:
        await gate.wait()

    async def feed() -> None:
        nonlocal fed
        async with Lanes([slow]) as lanes:
            for _ in range(50):
                await lanes.feed(b"x")
                fed += 1

    task = asyncio.create_task(feed())
    await asyncio.sleep(0.01)
    assert fed == 3
    gate.set()
    await task
    assert fed == 50


def test_budget() -> None:
    """Blocks shrink with the number of intakes, within bounds."""
    budget = Budget(32 * MIB)
    assert budget.block() == MIB
    with budget.share(), budget.share():
        assert budget.block() == MIB
    many = [budget.share() for _ in range(128)]
    for each in many:
        each.__enter__()
    assert budget.block() == BLOCK
    for each in many:
        each.__exit__(None, None, None)
    assert budget.block() == MIB


@given(st.lists(st.binary(max_size=40), max_size=20), st.integers(1, 30), st.integers(0, 50))
async def test_regroup(parts: list[bytes], size: int, first: int) -> None:
    """Blocks have the size asked for; only the last is shorter."""
    blocks = [bytes(block) async for block in regroup(pieces(parts), lambda: size, first)]
    assert b"".join(blocks) == b"".join(parts)
    assert all(blocks)
    assert all(len(block) == size for block in blocks[1:-1])
    if len(blocks) > 1:
        assert len(blocks[0]) == max(first, size)


def test_marks_definition() -> None:
    """The helper of these tests says what the format says: big-endian XXH3-64 (known value)."""
    assert marks(b"", 4) == b""
    assert marks(b"abc", 4).hex() == "78af5f94892f3950"
