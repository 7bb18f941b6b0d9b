"""A vault that is only read (``CONSIGNE_READ_ONLY``): every change is refused here, at one place.

Catalog and bucket of such a server refuse what would change them, so that no verb and no dialect
has to know of it; bodies are refused before their first byte. Signing in goes on (``always``).
"""

from collections.abc import AsyncIterable, Callable, Iterable
from typing import TypeVar

from consigne.blobs.assembly import Receipt
from consigne.blobs.bucket import Bucket
from consigne.blobs.digests import Bytes
from consigne.blobs.draft import Draft
from consigne.blobs.lanes import Gauge
from consigne.catalog.engine import Bell, Catalog, Promise, Tx
from consigne.errors import Unavailable

T = TypeVar("T")
_PAUSE = 60


def refusal() -> Unavailable:
    """Return what a change is answered with."""
    return Unavailable(
        "This service is read-only at present: nothing can be changed.",
        hint="Try again later. CONSIGNE_READ_ONLY is set, for maintenance or for a drill.",
        rule="read_only",
        retry_after=_PAUSE,
    )


class ClosedCatalog(Catalog):
    """A catalog that takes no change. ``always`` is the one behind it."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self.pool = catalog.pool

    @property
    def always(self) -> Catalog:
        return self._catalog

    async def open(self) -> None:
        await self._catalog.open()

    async def close(self) -> None:
        await self._catalog.close()

    async def write(self, work: Callable[[Tx], T], after: Promise | None = None) -> T:
        raise refusal()

    async def look(self, work: Callable[[Tx], T]) -> T:
        return await self._catalog.look(work)

    async def read(self, work: Callable[[Tx], T]) -> T:
        return await self._catalog.read(work)

    def bell(self) -> Bell:
        return self._catalog.bell()


class ClosedBucket(Bucket):
    """A bucket that takes no bytes."""

    async def draft(
        self,
        source: AsyncIterable[Bytes],
        *,
        extra: Iterable[str] = (),
        gauge: Gauge | None = None,
    ) -> Draft:
        raise refusal()

    async def append(
        self,
        name: str,
        offset: int,
        source: AsyncIterable[Bytes],
        *,
        extra: Iterable[str] = (),
        gauge: Gauge | None = None,
    ) -> Receipt:
        raise refusal()

    async def take(self, arrival: str, name: str, offset: int, length: int) -> Receipt:
        raise refusal()

    async def finish(self, name: str, size: int, *, extra: Iterable[str] = ()) -> Draft:
        raise refusal()

    async def delete(self, key: str) -> None:
        raise refusal()

    async def drop_stage(self, name: str) -> None:
        raise refusal()

    async def abandon(self, name: str) -> None:
        raise refusal()
