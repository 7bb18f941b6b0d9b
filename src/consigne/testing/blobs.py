"""Conformance suite for drivers of bytes: subclass, say how a driver is made, run pytest.

::

    class TestMine(DriverSuite):
        async def make(self, folder: Path) -> Driver:
            return MyDriver(folder)

A second ``make`` on the same ``folder`` must give a driver on the same bytes if the driver's
``capabilities.durable`` says that it keeps them. Each test stands for a sentence of
``consigne.blobs.driver``.
"""

import asyncio
import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import httpx
import pytest
import pytest_asyncio

from consigne.blobs.driver import DirectDriver, Driver, KeyMissing, Stored

MIB = 1 << 20
UNKNOWN = ["", "x", "f-" + "0" * 32, "s-" + "0" * 32, "../small.db", "f-" + "0" * 32 + "\n"]


async def commit(driver: Driver, data: bytes) -> str:
    """Store ``data`` by way of a stage."""
    stage = await driver.stage(secrets.token_hex(16))
    await stage.write(0, data)
    return await stage.commit(len(data))


async def whole(driver: Driver, key: str, size: int) -> bytes:
    """Return a content of ``size`` bytes."""
    return await driver.get(key, 0, size)


async def listed(listing: AsyncIterator[Stored]) -> list[Stored]:
    """Return everything that a listing yields."""
    return [each async for each in listing]


class DriverSuite(ABC):
    """What every driver must do."""

    @abstractmethod
    async def make(self, folder: Path) -> Driver:
        """Return a driver, not opened yet, that keeps its bytes below ``folder``."""

    @pytest_asyncio.fixture
    async def driver(self, tmp_path: Path) -> AsyncIterator[Driver]:
        """An open driver."""
        driver = await self.make(tmp_path)
        await driver.open()
        yield driver
        await driver.close()

    @pytest.mark.parametrize("share", [0, 0.5, 1])
    async def test_put_gives_the_bytes_back(self, driver: Driver, share: float) -> None:
        """``put`` takes every size up to ``small``, zero and the limit included."""
        data = secrets.token_bytes(int(driver.capabilities.small * share))
        if not driver.capabilities.small:
            pytest.skip("takes no small contents")
        key = await driver.put(data)
        assert await whole(driver, key, len(data)) == data

    async def test_a_promise_is_kept(self, driver: Driver) -> None:
        """What is promised is there once its promise says so, however many wait, and can go."""
        contents = [secrets.token_bytes(min(100, driver.capabilities.small)) for _ in range(50)]
        made = [driver.promise(data) for data in contents]
        for promised, data in zip(made, contents, strict=True):
            if promised is None:
                pytest.skip("promises nothing")
            key, promise = promised
            await asyncio.gather(asyncio.to_thread(promise.wait), asyncio.to_thread(promise.wait))
            assert await whole(driver, key, len(data)) == data
            await driver.delete(key)
        assert await listed(driver.keys()) == []

    async def test_many_puts_at_once(self, driver: Driver) -> None:
        """Concurrent puts get a key each, and each its own bytes."""
        size = min(100, driver.capabilities.small)
        if not size:
            pytest.skip("takes no small contents")
        contents = [secrets.token_bytes(size) for _ in range(200)]
        keys = await asyncio.gather(*map(driver.put, contents))
        assert len(set(keys)) == len(keys)
        for key, data in zip(keys, contents, strict=True):
            assert await whole(driver, key, size) == data

    async def test_same_bytes_get_fresh_keys(self, driver: Driver) -> None:
        """Keys are random and never reused, whatever the bytes (C-20)."""
        keys = {await commit(driver, b"same") for _ in range(3)}
        if driver.capabilities.small >= 4:
            keys |= {await driver.put(b"same") for _ in range(3)}
            assert len(keys) == 6
        for key in keys:
            await driver.delete(key)
        assert await commit(driver, b"same") not in keys

    @pytest.mark.parametrize("size", [0, 1, 300_000, 3 * MIB + 1])
    async def test_commit_gives_the_bytes_back(self, driver: Driver, size: int) -> None:
        """A stage takes contents of any size."""
        data = secrets.token_bytes(size)
        key = await commit(driver, data)
        assert await whole(driver, key, size) == data

    async def test_ranges(self, driver: Driver) -> None:
        """``get`` returns exactly the bytes of the range, again and again."""
        data = secrets.token_bytes(2 * MIB + 77)
        key = await commit(driver, data)
        for offset, length in [(0, 1), (5, 100), (MIB - 1, 2), (MIB, MIB), (2 * MIB, 77), (9, 0)]:
            for _ in range(2):
                assert await driver.get(key, offset, length) == data[offset : offset + length]

    async def test_ranges_of_small_contents(self, driver: Driver) -> None:
        """Small contents have ranges too."""
        if driver.capabilities.small < 10:
            pytest.skip("takes no small contents")
        key = await driver.put(b"0123456789")
        assert await driver.get(key, 3, 4) == b"3456"
        assert await driver.get(key, 9, 1) == b"9"
        assert await driver.get(key, 0, 0) == b""

    async def test_concurrent_reads(self, driver: Driver) -> None:
        """Many readers of many contents do not get in each other's way."""
        contents = [secrets.token_bytes(70_000) for _ in range(8)]
        keys = [await commit(driver, data) for data in contents]

        async def reader(number: int) -> None:
            for step in range(20):
                index = (number + step) % len(keys)
                assert await whole(driver, keys[index], 70_000) == contents[index]

        await asyncio.gather(*map(reader, range(10)))

    @pytest.mark.parametrize("key", UNKNOWN)
    async def test_unknown_keys(self, driver: Driver, key: str) -> None:
        """An unknown key, well-formed or not, is KeyMissing to ``get``, nothing to ``delete``."""
        with pytest.raises(KeyMissing):
            await driver.get(key, 0, 1)
        with pytest.raises(KeyMissing):
            await driver.get(key, 0, 0)
        await driver.delete(key)

    async def test_delete(self, driver: Driver) -> None:
        """A deleted content is gone, also for who has just read it; deleting twice is no error."""
        keys = [await commit(driver, b"large")]
        if driver.capabilities.small >= 5:
            keys.append(await driver.put(b"small"))
        for key in keys:
            await whole(driver, key, 5)
            await driver.delete(key)
            with pytest.raises(KeyMissing):
                await whole(driver, key, 5)
            await driver.delete(key)

    async def test_stage_writes_anywhere(self, driver: Driver) -> None:
        """Pieces may come in any order, overlap, and be of any bytes type."""
        stage = await driver.stage(secrets.token_hex(16))
        await stage.write(6, bytearray(b"ghiXX"))
        await stage.write(0, memoryview(b"abc___"))
        await stage.write(3, b"def")
        assert await stage.read(0, 9) == b"abcdefghi"
        assert await stage.read(9, 100) == b"XX"
        assert await stage.read(11, 5) == b""
        key = await stage.commit(9)
        assert await whole(driver, key, 9) == b"abcdefghi"

    async def test_stage_is_invisible_until_committed(self, driver: Driver) -> None:
        """A stage shows in ``stages`` before the commit, its content in ``keys`` after."""
        name = secrets.token_hex(16)
        stage = await driver.stage(name)
        await stage.write(0, b"12345")
        await stage.flush()
        assert [(each.key, each.size) for each in await listed(driver.stages())] == [(name, 5)]
        assert await listed(driver.keys()) == []
        key = await stage.commit(5)
        await stage.discard()
        assert await listed(driver.stages()) == []
        assert [(each.key, each.size) for each in await listed(driver.keys())] == [(key, 5)]

    async def test_stage_outlives_its_commit(self, driver: Driver) -> None:
        """Until it is discarded, so that a crash before the row is written loses no part (C-23)."""
        name = secrets.token_hex(16)
        stage = await driver.stage(name)
        await stage.write(0, b"parts")
        first = await stage.commit(5)
        await stage.close()
        again = await driver.stage(name)
        second = await again.commit(5)
        await again.discard()
        assert first != second
        assert await whole(driver, first, 5) == await whole(driver, second, 5) == b"parts"
        assert await listed(driver.stages()) == []

    async def test_stage_is_found_again_by_name(self, driver: Driver) -> None:
        """Closing keeps the bytes; the name finds them."""
        name = secrets.token_hex(16)
        stage = await driver.stage(name)
        await stage.write(0, b"first ")
        await stage.flush()
        await stage.close()
        await stage.close()
        stage = await driver.stage(name)
        assert await stage.read(0, 100) == b"first "
        await stage.write(6, b"second")
        key = await stage.commit(12)
        assert await whole(driver, key, 12) == b"first second"

    async def test_discard(self, driver: Driver) -> None:
        """Discarding twice is no error, and after a commit it touches nothing."""
        stage = await driver.stage(secrets.token_hex(16))
        await stage.write(0, b"gone")
        await stage.discard()
        await stage.discard()
        assert await listed(driver.stages()) == []
        stage = await driver.stage(secrets.token_hex(16))
        await stage.write(0, b"stays")
        key = await stage.commit(5)
        await stage.discard()
        await stage.close()
        assert await whole(driver, key, 5) == b"stays"

    async def test_drop_stage(self, driver: Driver) -> None:
        """A stage can be dropped by name, also one that does not exist."""
        name = secrets.token_hex(16)
        stage = await driver.stage(name)
        await stage.write(0, b"x")
        await stage.close()
        await driver.drop_stage(name)
        await driver.drop_stage(name)
        await driver.drop_stage("../nothing")
        assert await listed(driver.stages()) == []

    @pytest.mark.parametrize("name", ["", "short", "../" + "0" * 29, "G" * 32, "0" * 32 + "\n"])
    async def test_bad_stage_names(self, driver: Driver, name: str) -> None:
        """A name that is not 32 hex digits never becomes a path."""
        with pytest.raises(ValueError, match="stage name"):
            await driver.stage(name)

    async def test_listing(self, driver: Driver) -> None:
        """``keys`` yields every content once, with its size and when it was stored."""
        before = time.time() * 1000
        expected = {}
        for size in range(1, 40):
            expected[await commit(driver, bytes(size))] = size
            if size <= driver.capabilities.small:
                expected[await driver.put(bytes(size))] = size
        found = await listed(driver.keys())
        assert {each.key: each.size for each in found} == expected
        assert len(found) == len(expected)
        assert all(before - 5000 < each.modified_at < before + 60_000 for each in found)

    async def test_listing_while_contents_go(self, driver: Driver) -> None:
        """A listing survives deletes and may be left early."""
        keys = [await commit(driver, b"x") for _ in range(20)]
        async for stored in driver.keys():
            assert stored.key in keys
            for key in keys:
                await driver.delete(key)
        assert await listed(driver.keys()) == []

    async def test_what_clients_send_and_read_themselves(self, driver: Driver) -> None:
        """A signed PUT takes exactly its bytes; they are no content or stage, can be copied into
        one, and be forgotten. A signed GET answers as it says."""
        if not driver.capabilities.direct:
            pytest.skip("clients come through us")
        direct, data = cast(DirectDriver, driver), secrets.token_bytes(5000)
        name, stage = secrets.token_hex(16), secrets.token_hex(16)
        with pytest.raises(KeyMissing):
            await direct.take(name, stage, 0, 5000)
        put = await direct.put_url(name, 5000, None, 600)
        async with httpx.AsyncClient(timeout=60) as client:
            wrong = await client.put(put.url, content=data[1:])
            sent = await client.put(put.url, content=data, headers=put.headers)
        assert (wrong.status_code, sent.status_code) == (403, 200)
        assert [(each.key, each.size) for each in await listed(direct.arrivals())] == [(name, 5000)]
        assert await listed(direct.arrivals("z")) == []
        assert await listed(driver.keys()) == await listed(driver.stages()) == []
        assert await direct.take(name, stage, 0, 4999) == 5000
        assert await listed(driver.stages()) == []
        assert await direct.take(name, stage, 0, 5000) == 5000
        await direct.forget(name)
        await direct.forget(name)
        assert await listed(direct.arrivals()) == []
        key = await (await driver.stage(stage)).commit(5000)
        url = await direct.get_url(key, "text/x-mine", 'attachment; filename="a b"', 600)
        async with httpx.AsyncClient(timeout=60) as client:
            got = await client.get(url)
        assert (got.status_code, got.content) == (200, data)
        assert got.headers["content-type"] == "text/x-mine"
        assert got.headers["content-disposition"] == 'attachment; filename="a b"'

    async def test_bytes_survive_the_process(self, tmp_path: Path) -> None:
        """What was answered, and what was flushed, is there for the next driver."""
        driver = await self.make(tmp_path)
        if not driver.capabilities.durable:
            pytest.skip("keeps nothing")
        await driver.open()
        key = await commit(driver, b"committed")
        small = await driver.put(b"put") if driver.capabilities.small >= 3 else None
        name = secrets.token_hex(16)
        stage = await driver.stage(name)
        await stage.write(0, b"flushed")
        await stage.flush()
        await stage.close()
        await driver.close()
        driver = await self.make(tmp_path)
        await driver.open()
        assert await whole(driver, key, 9) == b"committed"
        assert small is None or await whole(driver, small, 3) == b"put"
        assert await (await driver.stage(name)).read(0, 7) == b"flushed"
        await driver.close()
