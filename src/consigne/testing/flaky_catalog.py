"""A catalog that fails once, at a write of your choice: for fault loops, as ``flaky`` is.

::

    for n in count(1):
        flaky.arm(n, when)
        …                      # do the work; check what must hold although it failed
        if not flaky.failed:
            break              # the work needs fewer than n writes
"""

from collections.abc import Callable
from typing import Literal, TypeVar

from consigne.catalog.engine import Catalog, Promise, Tx
from consigne.errors import Unavailable

T = TypeVar("T")
When = Literal["before", "after"]


class FlakyCatalog(Catalog):
    """Pass everything on to ``catalog``, but raise ``error`` at the n-th write that is armed.

    ``before``: the transaction is not committed; ``after``: it is, and only its answer is lost, as
    when the connection to a database breaks at COMMIT. ``writes`` counts since ``arm``.
    """

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.fail_at = 0
        self.when: When = "before"
        self.error: Exception = Unavailable("flaky", retry_after=1)
        self.writes = 0

    def arm(self, fail_at: int, when: When = "before", error: Exception | None = None) -> None:
        """Count from here, and fail at the ``fail_at``-th write (0: never)."""
        self.fail_at, self.when, self.writes = fail_at, when, 0
        self.error = error or Unavailable("flaky", retry_after=1)

    @property
    def failed(self) -> bool:
        """Whether the failure has come."""
        return 0 < self.fail_at <= self.writes

    async def open(self) -> None:
        """Open the catalog."""
        await self.catalog.open()

    async def close(self) -> None:
        """Close the catalog."""
        await self.catalog.close()

    async def write(self, work: Callable[[Tx], T], after: Promise | None = None) -> T:
        """Run the unit of work, or fail before or after it."""
        self.writes += 1
        due = self.writes == self.fail_at
        if due and self.when == "before":
            raise self.error
        result = await self.catalog.write(work, after)
        if due:
            raise self.error
        return result

    async def look(self, work: Callable[[Tx], T]) -> T:
        """Look."""
        return await self.catalog.look(work)

    async def read(self, work: Callable[[Tx], T]) -> T:
        """Read."""
        return await self.catalog.read(work)
