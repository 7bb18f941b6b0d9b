"""Several stores as one: a key says in which of them its bytes lie.

An installation begins with store 0, whose keys and stage names are the driver's own. Those of any
other store begin with its number: ``2/f-…``. So nothing has to be looked for in two places, and a
process that has not heard of a new store yet learns of it by the first key that names it. Numbers
are given out by the catalog and never again, where bytes go to is decided there, too.
"""

import asyncio
import re
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, cast

from consigne.blobs.driver import (
    Capabilities,
    DirectDriver,
    Driver,
    KeyMissing,
    Promise,
    SignedPut,
    Stage,
    Stored,
)
from consigne.errors import Unavailable

_NUMBERED = re.compile(r"([1-9][0-9]{0,8})/(.+)", re.DOTALL)


class Stores:
    """The stores of an installation by number; each is opened when it is first needed.

    ``location``: of the store that the settings name. ``make`` gives the driver of a location, not
    yet opened. ``learn``, set by the owner, calls ``arrange`` with what the catalog says now.
    """

    def __init__(self, location: str, make: Callable[[str], Driver]) -> None:
        self._make = make
        self._locations: dict[int, str] = {0: location}
        self._open: dict[str, Driver] = {}
        self._first = location
        self._ready = {location: make(location)}
        self._opening = asyncio.Lock()
        self.home = 0
        self.listed: Sequence[int] = (0,)
        self.learn: Callable[[], Awaitable[None]] | None = None

    async def open(self) -> None:
        """Open the store that the settings name."""
        await self._driver_at(self._first)

    async def close(self) -> None:
        """Close all that were opened."""
        while self._open:
            location, driver = self._open.popitem()
            self._ready[location] = driver
            await driver.close()

    async def arrange(
        self, locations: Mapping[int, str], home: int, listed: Sequence[int] = ()
    ) -> None:
        """Take the stores as the catalog knows them; new bytes go to ``home`` from now on.

        ``listed``: further stores that may have stages of unfinished uploads.
        """
        known = {0: self._first, **locations}
        await self._driver_at(known[home])
        self._locations, self.home, self.listed = known, home, (home, *listed)

    def at_hand(self, number: int) -> Driver | None:
        """Return the driver of a store if it is open."""
        location = self._locations.get(number)
        return None if location is None else self._open.get(location)

    async def driver(self, number: int) -> Driver:
        """Return the driver of a store, opened. Raises Unavailable."""
        if number not in self._locations and self.learn is not None:
            await self.learn()
        if number not in self._locations:
            raise Unavailable(f"The catalog knows no store {number}.")
        return await self._driver_at(self._locations[number])

    async def probe(self, location: str) -> None:
        """Raise Unavailable unless the store at a location takes, gives and forgets a byte."""
        driver = await self._driver_at(location)
        key = await driver.put(b"?")
        data = await driver.get(key, 0, 1)
        await driver.delete(key)
        if data != b"?":
            raise Unavailable(f"{location} does not give back what it took.")

    def view(self, number: int | None = None) -> "StoreView":
        """Return all stores as a driver that writes to one of them (None: to the home)."""
        return StoreView(self, number)

    async def _driver_at(self, location: str) -> Driver:
        async with self._opening:
            if location not in self._open:
                driver = self._ready.pop(location, None) or self._make(location)
                await driver.open()
                self._open[location] = driver
            return self._open[location]

    @property
    def first(self) -> Driver:
        """The driver that the settings name, open or not."""
        return self._open.get(self._first) or self._ready[self._first]


class StoreView:
    """A driver (``blobs.driver.Driver``) that reads from every store and writes to one."""

    def __init__(self, stores: Stores, number: int | None) -> None:
        self._stores = stores
        self._fixed = number

    @property
    def number(self) -> int:
        """The store that new bytes go to."""
        return self._stores.home if self._fixed is None else self._fixed

    @property
    def capabilities(self) -> Capabilities:
        """Those of the store that new bytes go to."""
        return (self._stores.at_hand(self.number) or self._stores.first).capabilities

    async def open(self) -> None:
        """Open the store that is written to; the settings' own, while the catalog is not asked."""
        if self._fixed is None:
            await self._stores.open()
        else:
            await self._stores.driver(self._fixed)

    async def close(self) -> None:
        """Close all stores, if this is the view of the home."""
        if self._fixed is None:
            await self._stores.close()

    async def put(self, data: bytes) -> str:
        """Store a small content where new bytes go."""
        number = self.number
        return _named(number, await (await self._stores.driver(number)).put(data))

    def promise(self, data: bytes) -> tuple[str, Promise] | None:
        """Ask the store where new bytes go."""
        number = self.number
        driver = self._stores.at_hand(number)
        made = None if driver is None else driver.promise(data)
        return None if made is None else (_named(number, made[0]), made[1])

    def fresh_stage(self) -> str:
        """Return the name of a new stage where new bytes go."""
        return _named(self.number, secrets.token_hex(16))

    async def stage(self, name: str) -> Stage:
        """Open a stage in the store that its name tells."""
        number, plain = split(name)
        stage = await (await self._stores.driver(number)).stage(plain)
        return _NumberedStage(number, stage) if number else stage

    def get(self, key: str, offset: int, length: int) -> Coroutine[Any, Any, bytes]:
        """Read from the store that a key tells; no more than a call where that is open."""
        number, plain = split(key)
        driver = self._stores.at_hand(number)
        if driver is not None:
            return driver.get(plain, offset, length)
        return self._get(number, plain, offset, length)

    async def _get(self, number: int, plain: str, offset: int, length: int) -> bytes:
        return await (await self._stores.driver(number)).get(plain, offset, length)

    async def delete(self, key: str) -> None:
        """Remove a content from the store that its key tells."""
        number, plain = split(key)
        await (await self._stores.driver(number)).delete(plain)

    async def keys(self) -> AsyncGenerator[Stored, None]:
        """Yield the contents of the store that new bytes go to, and of no other."""
        number = self.number
        driver = await self._stores.driver(number)
        async for stored in driver.keys():
            yield Stored(_named(number, stored.key), stored.size, stored.modified_at)

    async def stages(self) -> AsyncGenerator[Stored, None]:
        """Yield the stages of all stores that uploads may have begun in."""
        for number in self._stores.listed if self._fixed is None else (self._fixed,):
            driver = await self._stores.driver(number)
            async for stored in driver.stages():
                yield Stored(_named(number, stored.key), stored.size, stored.modified_at)

    async def drop_stage(self, name: str) -> None:
        """Remove a stage from the store that its name tells."""
        number, plain = split(name)
        await (await self._stores.driver(number)).drop_stage(plain)

    async def put_url(self, name: str, length: int, md5: bytes | None, expires: int) -> SignedPut:
        """Sign a PUT to the store that new bytes go to."""
        return await self._direct(await self._stores.driver(self.number), name).put_url(
            name, length, md5, expires
        )

    async def get_url(self, key: str, media_type: str, disposition: str, expires: int) -> str:
        """Sign a GET of a content in the store that its key tells."""
        number, plain = split(key)
        driver = self._direct(await self._stores.driver(number), key)
        return await driver.get_url(plain, media_type, disposition, expires)

    async def take(self, name: str, stage: str, offset: int, length: int) -> int:
        """Copy what has arrived in the store of a stage; what arrived elsewhere is sent again."""
        number, plain = split(stage)
        driver = self._direct(await self._stores.driver(number), name)
        return await driver.take(name, plain, offset, length)

    async def forget(self, name: str) -> None:
        """Remove what has arrived, wherever that is."""
        async for driver in self._direct_ones():
            await driver.forget(name)

    async def arrivals(self, prefix: str = "") -> AsyncGenerator[Stored, None]:
        """Yield what has arrived in all stores that uploads may have begun in."""
        async for driver in self._direct_ones():
            async for stored in driver.arrivals(prefix):
                yield stored

    async def _direct_ones(self) -> AsyncGenerator[DirectDriver, None]:
        for number in self._stores.listed:
            driver = await self._stores.driver(number)
            if driver.capabilities.direct:
                yield cast(DirectDriver, driver)

    @staticmethod
    def _direct(driver: Driver, name: str) -> DirectDriver:
        if not driver.capabilities.direct:
            raise KeyMissing(name)
        return cast(DirectDriver, driver)


class _NumberedStage:
    """A stage whose content's key tells its store."""

    def __init__(self, number: int, stage: Stage) -> None:
        self._number = number
        self._stage = stage
        self.write = stage.write
        self.flush = stage.flush
        self.read = stage.read
        self.discard = stage.discard
        self.close = stage.close

    async def commit(self, size: int) -> str:
        """Commit; return the key with the number."""
        return _named(self._number, await self._stage.commit(size))


def split(name: str) -> tuple[int, str]:
    """Return the number of the store, and what the store itself calls a key or stage.

    >>> split("f-00ff"), split("12/f-00ff")
    ((0, 'f-00ff'), (12, 'f-00ff'))
    """
    if "/" in name:
        match = _NUMBERED.fullmatch(name)
        if match is not None:
            return int(match[1]), match[2]
    return 0, name


def _named(number: int, plain: str) -> str:
    return f"{number}/{plain}" if number else plain
