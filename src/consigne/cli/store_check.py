"""A round trip through the store of bytes, as ``consigne doctor`` makes it."""

import asyncio
import secrets
import time

from consigne.blobs.driver import Driver, NoSpace
from consigne.errors import StorageFull, Unavailable


def round_trip(driver: Driver) -> float:
    """Store a byte in one piece and by a stage, read and delete both; return the seconds of a put.

    Raises Unavailable, StorageFull.
    """
    return asyncio.run(_round_trip(driver))


async def _round_trip(driver: Driver) -> float:
    await driver.open()
    try:
        begun = time.perf_counter()
        keys = [await driver.put(b"?")]
        taken = time.perf_counter() - begun
        stage = await driver.stage(secrets.token_hex(16))
        await stage.write(0, b"?")
        keys.append(await stage.commit(1))
        await stage.discard()
        for key in keys:
            if await driver.get(key, 0, 1) != b"?":
                raise Unavailable("The store gives other bytes back than it was given.")
            await driver.delete(key)
    except NoSpace as error:
        raise StorageFull() from error
    finally:
        await driver.close()
    return taken
