"""Bells on PostgreSQL: whoever has added work notifies, one connection of each process listens.

The notification is a transaction of its own, after the commit of the work: inside that commit it
would hold, while the log is synced, the one lock at which all who notify queue (decision 0019). It
may get lost, with the process that was to send it or while nobody is connected; who waits at a bell
looks for himself from time to time.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import psycopg
import structlog

from consigne.catalog.engine import Bell

WAKE = "NOTIFY consigne_work"

_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 15.0

log = structlog.get_logger()


class Bells:
    """All bells of a process, and the task that rings them. Make it in the event loop."""

    def __init__(self, connection: Mapping[str, Any]) -> None:
        self._connection = {**connection, "application_name": "consigne listener"}
        self._hung: list[_HungBell] = []
        self._task = asyncio.create_task(self._listen())
        self.is_listening = False

    def hang(self) -> Bell:
        """Return a new bell."""
        bell = _HungBell(self)
        self._hung.append(bell)
        return bell

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _listen(self) -> None:
        """Listen for ever; connect again, after a pause that doubles, where the connection ends."""
        pause = _FIRST_PAUSE
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    autocommit=True, **self._connection
                ) as connection:
                    await connection.execute("LISTEN consigne_work")
                    self.is_listening, pause = True, _FIRST_PAUSE
                    self._ring()  # for what nobody heard
                    async for _ in connection.notifies():
                        self._ring()
            except (psycopg.Error, OSError) as error:
                log.warning("listener_lost", error=str(error), again_in=pause)
            finally:
                self.is_listening = False
            self._ring()  # who waits for a bell is to wait for the clock from now on
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _ring(self) -> None:
        for bell in self._hung:
            bell.ring()


class _HungBell(Bell):
    def __init__(self, bells: Bells) -> None:
        super().__init__()
        self._bells = bells

    @property
    def is_live(self) -> bool:  # type: ignore[override]
        return self._bells.is_listening
