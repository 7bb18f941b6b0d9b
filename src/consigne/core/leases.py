"""Leases of upload sessions: one request at a time writes, over all processes on one catalog.

A lease stands in the session's row: who holds it, and until when. It is renewed while its holder
works and free again when its process dies. A holder that could not renew it in time, or whose lease
somebody else has, is stopped before it writes another byte.

A holder may be willing to give way: to a client that has lost its connection and comes back while
its old request still waits for bytes. In one process the next one tells it so; to another process
it says so in the row, and there somebody looks at the rows as long as anybody would give way.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple
from weakref import WeakValueDictionary

from consigne.catalog import uploads
from consigne.catalog.engine import Catalog, Tx
from consigne.core.clock import ms, now_ms
from consigne.core.holders import is_dead, new_holder
from consigne.core.sessions import free_lease, recover
from consigne.errors import Busy, ConsigneError
from consigne.settings import Settings

LOOK = 0.5
"""Seconds between two looks for those who ask from other processes."""


class _Willing(NamedTuple):
    holder: str
    give_way: Callable[[], object]


class Leases:
    """The leases that this process holds, or waits for."""

    def __init__(self, catalog: Catalog, settings: Settings) -> None:
        self._catalog = catalog
        self._settings = settings
        self._locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._given_up: set[str] = set()
        self._willing: dict[int, _Willing] = {}
        self._looking: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def held(
        self,
        upload_id: int,
        check: Callable[[Tx], object],
        *,
        asks: bool = False,
        give_way: Callable[[], object] | None = None,
    ) -> AsyncIterator[None]:
        """Hold the lease of a session; wait for others, then raise Busy. Raise it, too, inside,
        when the lease is lost.

        ``check`` runs in the transactions that try to take it and raises where that is refused.
        ``asks``: whether the present holder, in whichever process, is asked to give way; it calls
        its ``give_way`` then, once or more often, and ends in its own time.
        """
        if asks and upload_id in self._willing:
            self._willing[upload_id].give_way()
        lock = self._locks.get(upload_id)
        if lock is None:
            lock = self._locks[upload_id] = asyncio.Lock()
        holder = new_holder()
        try:
            async with asyncio.timeout(self._settings.upload_wait):
                await lock.acquire()
                try:
                    ends_at = await self._take(upload_id, holder, check, asks)
                except BaseException:
                    lock.release()
                    raise
        except TimeoutError:
            raise Busy("Another request is writing to this upload.", retry_after=1) from None
        if give_way is not None:
            self._register(upload_id, _Willing(holder, give_way))
        limit = asyncio.timeout_at(ends_at)
        renewal = asyncio.create_task(self._renew(upload_id, holder, limit))
        try:
            async with limit:
                yield
        except TimeoutError:
            if not limit.expired():
                raise
            raise Busy("The upload was taken over by another request.", retry_after=1) from None
        finally:
            renewal.cancel()
            self._unregister(upload_id)
            lock.release()
            await asyncio.shield(self._free(upload_id, holder))

    async def _take(
        self, upload_id: int, holder: str, check: Callable[[Tx], object], asks: bool
    ) -> float:
        """Wait until the lease is ours; return when it ends, by the clock of the event loop."""
        loop, life = asyncio.get_running_loop(), self._settings.lease
        pause = 0.01
        while True:
            begun = loop.time()

            def work(tx: Tx) -> bool:
                now = now_ms()
                check(tx)
                until = now + ms(life)
                if not uploads.take_lease(tx, upload_id, holder, now, until):
                    row = uploads.lock(tx, upload_id)
                    past = row.holder if row is not None else None
                    if row is None or not past:
                        return False
                    if past not in self._given_up and not is_dead(past):
                        if asks and not row.asked_at:
                            uploads.change(tx, row, asked_at=now)
                        return False
                    uploads.change(tx, row, holder=holder, lease_until=until, asked_at=0)
                recover(tx, upload_id)
                return True

            taking = asyncio.ensure_future(self._catalog.write(work))
            try:
                if await asyncio.shield(taking):
                    return begun + life
            except BaseException:
                # It may come true all the same, and nobody would renew it or give it back.
                await asyncio.wait([taking])
                await asyncio.shield(self._free(upload_id, holder))
                raise
            await asyncio.sleep(pause)
            pause = min(0.25, pause * 2)

    async def _free(self, upload_id: int, holder: str) -> None:
        try:
            await self._catalog.write(lambda tx: free_lease(tx, upload_id, holder))
        except ConsigneError:  # other processes wait until the lease runs out
            self._given_up.add(holder)

    async def _renew(self, upload_id: int, holder: str, limit: asyncio.Timeout) -> None:
        """Renew a lease for ever; stop its holder when somebody else has it."""
        loop, life = asyncio.get_running_loop(), self._settings.lease
        while True:
            await asyncio.sleep(life / 3)
            begun = loop.time()
            until = now_ms() + ms(life)

            def work(tx: Tx, until: int = until) -> bool:
                renewed = uploads.renew_lease(tx, upload_id, holder, until)
                return renewed or uploads.by_id(tx, upload_id) is None  # ended by its holder

            with suppress(ConsigneError):
                is_ours = await self._catalog.write(work)
                if limit.expired():
                    return
                limit.reschedule(begun + life if is_ours else begun)

    def _register(self, upload_id: int, willing: _Willing) -> None:
        self._willing[upload_id] = willing
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())

    def _unregister(self, upload_id: int) -> None:
        self._willing.pop(upload_id, None)
        if self._looking is not None and not self._willing:
            self._looking.cancel()
            self._looking = None

    async def _look(self) -> None:
        """Tell those who would give way that somebody in another process asks for it."""
        while True:
            await asyncio.sleep(LOOK)
            with suppress(ConsigneError):
                for upload_id, holder in await self._catalog.look(uploads.asked):
                    willing = self._willing.get(upload_id)
                    if willing is not None and willing.holder == holder:
                        willing.give_way()
