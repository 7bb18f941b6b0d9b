"""The hold of a backup: while it is on, no sweeper removes the bytes of a content.

It is a lease in the catalog, so it holds for every process of the installation; there is one, so
two backups of a vault never prune under each other. A process that was killed lets go at once where
that can be seen, else when its lease is over.
"""

import asyncio
from types import TracebackType
from typing import Self

import structlog

from consigne.catalog import once
from consigne.catalog.engine import Catalog, Tx
from consigne.core.clock import ms, now_ms
from consigne.core.holders import is_dead, new_holder
from consigne.errors import Busy, ConsigneError

log = structlog.get_logger()

NAME = "backup"
_SECONDS = 600.0
_RENEWED = 60.0


def is_on(tx: Tx) -> bool:
    """Tell whether bytes must stay; ask inside the transaction that would doom them."""
    holder = once.live_holder(tx, NAME, now_ms())
    return holder is not None and not is_dead(holder)


class Hold:
    """Use as a context manager. Raises Busy where another backup is under way."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._holder = new_holder()

    async def __aenter__(self) -> Self:
        if not await self._catalog.write(self._take):
            raise Busy("A backup of this vault is under way.", hint="Wait until it has ended.")
        self._task = asyncio.create_task(self._renew())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])
        await self._catalog.write(lambda tx: once.give_back(tx, NAME, self._holder))

    def _take(self, tx: Tx) -> bool:
        until = now_ms() + ms(_SECONDS)
        if once.take_lease(tx, NAME, self._holder, now_ms(), until):
            return True
        past = once.holder_of(tx, NAME)
        if past is None or not is_dead(past):
            return False
        return once.take_over(tx, NAME, past, self._holder, until)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(_RENEWED)
            try:
                await self._catalog.write(self._take)
            except ConsigneError as error:
                log.warning("backup_hold_not_renewed", error=error.message)
