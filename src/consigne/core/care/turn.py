"""Whose turn it is: a lease in the catalog on a work that one process at a time may do."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from consigne.catalog import once
from consigne.catalog.engine import Catalog, Tx
from consigne.core.clock import ms, now_ms
from consigne.core.holders import is_dead, new_holder
from consigne.errors import ConsigneError


class Turn:
    """The lease ``name`` for one process; it ends ``seconds`` after it was last taken."""

    def __init__(self, catalog: Catalog, name: str, seconds: float) -> None:
        self._catalog = catalog
        self._name = name
        self._life = ms(seconds)
        self._holder = new_holder()

    async def take(self) -> bool:
        """Become, or stay, the one who does the work; False where another process does.

        Who is seen to be dead is not waited for.
        """
        return await self._catalog.write(self.take_in)

    def take_in(self, tx: Tx) -> bool:
        """Do the same inside a transaction that is only right in our turn."""
        now = now_ms()
        if once.take_lease(tx, self._name, self._holder, now, now + self._life):
            return True
        past = once.holder_of(tx, self._name)
        if past is None or not is_dead(past):
            return False
        return once.take_over(tx, self._name, past, self._holder, now + self._life)

    @asynccontextmanager
    async def held(self) -> AsyncIterator[bool]:
        """Take the turn and keep it inside; False where another process has it."""
        if not await self.take():
            yield False
            return
        keeping = asyncio.create_task(self._keep())
        try:
            yield True
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
            with suppress(ConsigneError):
                await self.give_back()

    async def give_back(self) -> None:
        """End our turn, if it is ours, so that nobody has to wait."""
        await self._catalog.write(
            lambda tx: once.take_over(tx, self._name, self._holder, self._holder, 0)
        )

    async def _keep(self) -> None:
        """Take the turn again and again; who finds it lost is told by ``take_in``."""
        while True:
            await asyncio.sleep(self._life / 3000)
            with suppress(ConsigneError):
                await self.take()

    def is_taken_in(self, tx: Tx) -> bool:
        """Tell whether a process that may be alive, ours or another, does the work."""
        held = once.lease_of(tx, self._name)
        return held is not None and held[1] >= now_ms() and not is_dead(held[0])
