"""The driver for object stores where the store, or the way to it, fails (C-20, C-23)."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from blob_support import chunks, stored
from hypothesis import given
from hypothesis import strategies as st
from s3_support import opened, place
from tests.parts.fault_proxy import Fault, FaultProxy, fault_proxy
from tests.parts.process import free_port
from tests.parts.seaweedfs import ObjectStore

from consigne.blobs.bucket import Bucket
from consigne.blobs.driver import KeyMissing, NoSpace
from consigne.blobs.s3 import S3Driver, parse_location
from consigne.blobs.s3_client import S3Client
from consigne.blobs.s3_parts import Part, parse_part, part_name, pieces, segments
from consigne.errors import StorageFull, Unavailable
from consigne.testing.blobs import commit, listed

MIB = 1 << 20


@pytest.fixture
def prefix() -> str:
    """A prefix of the test's own."""
    return f"{secrets.token_hex(8)}/"


@pytest.fixture
async def proxy(object_store: ObjectStore) -> AsyncIterator[FaultProxy]:
    """A proxy before the store."""
    async with fault_proxy(object_store.endpoint) as running:
        yield running


def behind(store: ObjectStore, proxy: FaultProxy, prefix: str, **other: float) -> S3Driver:
    """Return a driver that reaches the store through the proxy."""
    return S3Driver(replace(place(store, **other), endpoint=proxy.url), prefix, small_limit=1000)


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 30)), max_size=12),
    st.integers(0, 80),
    st.integers(0, 80),
)
def test_later_parts_lie_over_earlier_ones(
    laid: list[tuple[int, int]], begin: int, length: int
) -> None:
    """The segments of a range say, byte for byte, what a file written in that order has (C-23)."""
    parts = [Part(number, at, size, f"{number}") for number, (at, size) in enumerate(laid)]
    file = bytearray()
    for part in parts:
        if part.length:
            file.extend(bytes(max(0, part.end - len(file))))
            file[part.offset : part.end] = bytes([part.number + 1]) * part.length
    found = b"".join(
        bytes([each.part.number + 1 if each.part else 0]) * each.length
        for each in segments(reversed(parts), begin, begin + length)
    )
    expected = bytes(file[begin : begin + length])
    assert found == expected
    for each in segments(parts, begin, begin + length):
        assert each.part is None or 0 <= each.start <= each.part.length - each.length


@given(st.lists(st.integers(1, 40), min_size=1, max_size=40))
def test_pieces_keep_to_the_limits(lengths: list[int]) -> None:
    """No piece but the last is below the least size; together they are the content."""
    at, parts = 0, []
    for number, length in enumerate(lengths):
        parts.append(Part(number, at, length, "x"))
        at += length
    made_of = segments(parts, 0, at)
    made = pieces(made_of, 5, 20)
    assert sum(piece.length for piece in made) == at
    assert all(5 <= piece.length <= 25 for piece in made[:-1])
    assert all(len(piece.segments) == 1 for piece in made if piece.copied)
    order = [each for piece in made for each in piece.segments]
    assert [(each.part, each.start) for each in order] == sorted(
        ((each.part, each.start) for each in order), key=lambda e: (e[0].number, e[1])
    )


def test_names_of_parts() -> None:
    """What is written in a name is read from it; anything else is no part."""
    name = part_name(7, 5 << 40, 8 * MIB, "0123abcd")
    assert parse_part(name) == Part(7, 5 << 40, 8 * MIB, name)
    for bad in ("", name[1:], name + "0", name.upper(), name.replace("-", "_"), name + "\n"):
        assert parse_part(bad) is None


def test_locations() -> None:
    """Bucket and prefix are taken apart; a slip is a clear error."""
    assert parse_location("s3://vault") == ("vault", "")
    assert parse_location("s3://vault/a//b/") == ("vault", "a/b/")
    for bad in ("s3://", "s3://x", "s3:vault", "s3://Vault", "s3://vault/../x", "s3://vault/ä"):
        with pytest.raises(Unavailable, match="s3://bucket"):
            parse_location(bad)


async def test_nobody_listens() -> None:
    """A refused connection is Unavailable with Retry-After, at the start and later."""
    there = ObjectStore(f"http://127.0.0.1:{free_port()}", "key", "secret")
    with pytest.raises(Unavailable, match="does not answer") as raised:
        await S3Driver(place(there, retries=1)).open()
    assert raised.value.details["retry_after"] > 0


async def test_wrong_credentials_and_bucket(object_store: ObjectStore) -> None:
    """What is wrong with the settings is said, and a bucket is never made by a slip."""
    for wrong in ({"access_key": "nobody"}, {"secret_key": "wrong"}):
        with pytest.raises(Unavailable, match="refuses our credentials"):
            await S3Driver(place(object_store, **wrong)).open()
    with pytest.raises(Unavailable, match="no bucket 'elsewhere'"):
        await S3Driver(place(object_store, bucket="elsewhere")).open()
    with pytest.raises(Unavailable, match="address is wrong"):
        await S3Driver(place(object_store, endpoint="nonsense")).open()


async def test_a_lost_bucket_is_no_lost_content(object_store: ObjectStore) -> None:
    """When the bucket goes, its contents are unavailable, and not missing (C-25)."""
    client = object_store.client()
    name = f"gone-{secrets.token_hex(4)}"
    client.create_bucket(Bucket=name)
    async with opened(S3Driver(place(object_store, bucket=name))) as driver:
        with pytest.raises(KeyMissing):
            await driver.get("f-" + "0" * 32, 0, 0)
        client.delete_bucket(Bucket=name)
        for length in (0, 10):
            with pytest.raises(Unavailable, match="no bucket"):
                await driver.get("f-" + "0" * 32, 0, length)


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_errors_of_the_store_are_repeated(
    object_store: ObjectStore, proxy: FaultProxy, prefix: str, status: int
) -> None:
    """Two 5xx in a row are borne; a store that goes on so is Unavailable, after a few requests."""
    async with opened(behind(object_store, proxy, prefix, retries=2)) as driver:
        proxy.first(2, Fault("answer", status), of=lambda method, _: method == "PUT")
        key = await driver.put(b"kept")
        proxy.plan = lambda method, target: None
        assert await driver.get(key, 0, 4) == b"kept"
        proxy.first(1000, Fault("answer", status), of=lambda method, _: method == "PUT")
        proxy.seen.clear()
        with pytest.raises(Unavailable, match=str(status)) as raised:
            await driver.put(b"lost")
        assert len(proxy.seen) == 3
        assert raised.value.details["retry_after"] > 0
        assert [each.key for each in await listed(driver.keys())] == [key]


async def test_a_full_store(object_store: ObjectStore, proxy: FaultProxy, prefix: str) -> None:
    """507 is NoSpace, for small contents and for parts; above the bucket StorageFull; no rest."""
    driver = behind(object_store, proxy, prefix, retries=0)
    bucket = Bucket(driver)
    await bucket.open()
    full = Fault("answer", 507, "InsufficientStorage")
    proxy.first(1000, full, of=lambda method, _: method == "PUT")
    with pytest.raises(NoSpace):
        await driver.put(b"x")
    for size in (10, 3 * MIB, 12 * MIB):
        with pytest.raises(StorageFull):
            await stored(bucket, os.urandom(size))
    proxy.plan = lambda method, target: None
    assert await listed(driver.keys()) == await listed(driver.stages()) == []
    await bucket.close()


async def test_answers_that_break_off(
    object_store: ObjectStore, proxy: FaultProxy, prefix: str
) -> None:
    """A body that is cut is asked for again, and never taken for a short content."""
    data = os.urandom(300_000)
    async with opened(behind(object_store, proxy, prefix, retries=2)) as driver:
        key = await commit(driver, data)
        proxy.first(2, Fault("cut", 100_000), of=lambda method, _: method == "GET")
        assert await driver.get(key, 0, len(data)) == data
        proxy.first(1000, Fault("cut", 100_000), of=lambda method, _: method == "GET")
        with pytest.raises(Unavailable, match="breaks its answers off"):
            await driver.get(key, 0, len(data))


async def test_a_silent_store(object_store: ObjectStore, proxy: FaultProxy, prefix: str) -> None:
    """No request waits for ever, however long each silence is."""
    for limits in ({"idle_time": 0.3}, {"total_time": 0.5}):
        async with opened(behind(object_store, proxy, prefix, retries=1, **limits)) as driver:
            proxy.plan = lambda method, target: Fault("silent")
            for asking in (driver.put(b"x"), driver.get("f-" + "0" * 32, 0, 1)):
                with pytest.raises(Unavailable, match="does not answer"):
                    await asking
            proxy.plan = lambda method, target: None


async def test_the_answer_to_a_completion_is_lost(
    object_store: ObjectStore, proxy: FaultProxy, prefix: str
) -> None:
    """The repetition finds no upload any more, and looks for the object (C-23)."""
    data = os.urandom(12 * MIB)
    async with opened(behind(object_store, proxy, prefix)) as driver:
        proxy.first(1, Fault("cut", 0), of=lambda m, t: m == "POST" and "uploadId=" in t)
        stage = await driver.stage(secrets.token_hex(16))
        await stage.write(0, data[: 9 * MIB])
        await stage.write(9 * MIB, data[9 * MIB :])
        key = await stage.commit(len(data))
        assert sum(m == "POST" and "uploadId=" in t for m, t in proxy.seen) == 2
        assert await driver.get(key, 0, len(data)) == data
        assert [each.key for each in await listed(driver.keys())] == [key]


async def test_a_commit_that_fails_can_be_repeated(
    object_store: ObjectStore, proxy: FaultProxy, prefix: str
) -> None:
    """Whatever request of a commit fails, nothing is lost and nothing half is to be seen (C-23)."""
    data = os.urandom(11 * MIB)
    async with opened(behind(object_store, proxy, prefix, retries=0)) as driver:
        stage = await driver.stage(secrets.token_hex(16))
        await stage.write(0, data[: 9 * MIB])
        await stage.write(9 * MIB, data[9 * MIB :])
        for number in range(20):
            counted = iter(range(1000))
            proxy.plan = lambda m, t, n=number, c=counted: (  # type: ignore[misc]
                Fault("answer", 500) if m in ("PUT", "POST") and next(c) == n else None
            )
            try:
                key = await stage.commit(len(data))
            except Unavailable:
                assert await listed(driver.keys()) == []
                continue
            break
        assert number >= 4  # part, begin, two pieces, completion
        assert await driver.get(key, 0, len(data)) == data
        await stage.discard()
        assert await listed(driver.stages()) == []
        assert len(await listed(driver.keys())) == 1


async def test_what_a_crashed_commit_leaves(object_store: ObjectStore, prefix: str) -> None:
    """A multi-part upload without an end is a stage once it is old, and can be dropped (C-23)."""
    there = place(object_store)
    client = S3Client(there)
    await client.open()
    name = secrets.token_hex(16)
    upload = await client.begin(f"{prefix}objects/{name}")
    await client.piece(f"{prefix}objects/{name}", upload, 1, b"x" * 6_000_000)
    async with opened(S3Driver(there, prefix)) as driver:
        assert await listed(driver.stages()) == await listed(driver.keys()) == []
    async with opened(S3Driver(there, prefix, abandoned=-60)) as driver:
        assert [each.key for each in await listed(driver.stages())] == [name]
        await driver.drop_stage(name)
        assert await listed(driver.stages()) == []
    await client.close()


async def test_two_writers_of_one_stage(object_store: ObjectStore, prefix: str) -> None:
    """What a writer sends whose lease has ended never replaces an object of its successor."""
    async with opened(S3Driver(place(object_store), prefix)) as driver:
        name = secrets.token_hex(16)
        late, present = await driver.stage(name), await driver.stage(name)
        for stage, data in ((present, b"present"), (late, b"late...")):
            await stage.write(0, data)
            await stage.flush()
        assert await present.read(0, 10) == b"present"
        assert await driver.get(await present.commit(7), 0, 7) == b"present"


async def test_holes_are_not_committed(object_store: ObjectStore, prefix: str) -> None:
    """What was never written, or is lost, does not become zeros in somebody's file."""
    async with opened(S3Driver(place(object_store), prefix)) as driver:
        stage = await driver.stage(secrets.token_hex(16))
        await stage.write(0, b"abc")
        await stage.write(6, b"ghi")
        assert await stage.read(0, 9) == b"abc\0\0\0ghi"
        for size in (9, 10):
            with pytest.raises(OSError, match="lacks bytes"):
                await stage.commit(size)
        await stage.write(3, b"def")
        assert await driver.get(await stage.commit(9), 0, 9) == b"abcdefghi"


async def test_a_lost_part(object_store: ObjectStore, prefix: str) -> None:
    """A part that the store loses makes the stage unreadable, not shorter (C-25)."""
    async with opened(S3Driver(place(object_store), prefix)) as driver:
        stage = await driver.stage(secrets.token_hex(16))
        await stage.write(0, bytes(6 * MIB))
        await stage.flush()
        await stage.write(6 * MIB, bytes(6 * MIB))
        await stage.flush()
        client = object_store.client()
        page = client.list_objects_v2(Bucket=object_store.bucket, Prefix=f"{prefix}staging/")
        client.delete_object(Bucket=object_store.bucket, Key=page["Contents"][0]["Key"])
        with pytest.raises(OSError, match="lost"):
            await stage.read(0, 10)
        with pytest.raises(OSError, match="lost"):
            await stage.commit(12 * MIB)
        assert await listed(driver.keys()) == []


async def test_long_listings(object_store: ObjectStore, prefix: str) -> None:
    """A listing goes on behind the store's first page of 1,000."""
    async with opened(S3Driver(place(object_store), prefix)) as driver:
        keys = []
        for _ in range(21):
            keys += await asyncio.gather(*(driver.put(b"x") for _ in range(50)))
        found = await listed(driver.keys())
        assert len(found) == len(keys)
        assert {each.key for each in found} == set(keys)


async def test_many_intakes_share_the_memory(object_store: ObjectStore, prefix: str) -> None:
    """When too much waits, parts get shorter, and the contents stay what they were (C-23)."""
    driver = S3Driver(place(object_store), prefix, small_limit=0, waiting=2 * MIB)
    bucket = Bucket(driver)
    await bucket.open()
    contents = [os.urandom(7 * MIB) for _ in range(4)]

    async def one(data: bytes) -> bytes:
        async with await bucket.draft(chunks(data)) as draft:
            most.append(driver._waiting.bytes)
            key = await draft.store()
        return await driver.get(key, 0, len(data))

    most: list[int] = []
    assert await asyncio.gather(*map(one, contents)) == contents
    assert max(most) <= 2 * MIB + 4 * MIB
    assert driver._waiting.bytes == 0
    await bucket.close()
