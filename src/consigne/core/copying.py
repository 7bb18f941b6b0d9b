"""A catalog copied into another database, and the search index made anew from what is in it.

The source is read in one snapshot, a page at a time, and written page by page; then the target is
read back, and each table's count and digest compared. Nobody may write to the source meanwhile: a
server or worker that runs is found by its leases.
"""

import asyncio
from collections.abc import Callable
from itertools import islice
from typing import Any

import msgspec

from consigne.catalog import dump, filling
from consigne.catalog.dump import Counting, Sheet, Tally
from consigne.catalog.engine import Catalog, Tx
from consigne.core.clock import now_ms
from consigne.core.holders import is_dead
from consigne.core.texts import Texts
from consigne.errors import Busy, Conflict, Corrupt

_ROWS = 500
_WHAT = "A copy of the catalog"

Progress = Callable[[str, int, int], None]


def no_progress(step: str, done: int, total: int) -> None:
    """Show nothing."""


class Copied(msgspec.Struct, frozen=True):
    """What was copied: the tally of each table."""

    tables: dict[str, Tally]

    @property
    def rows(self) -> int:
        return sum(each.rows for each in self.tables.values())


async def require_quiet(catalog: Catalog) -> None:
    """Raise Busy where a server, a worker or a long command is at work on a catalog."""
    found = await catalog.read(lambda tx: filling.live_leases(tx, now_ms()))
    alive = sorted(name for name, holder in found if not is_dead(holder))
    if alive:
        raise Busy(
            f"A server, a worker or another command is at work: it holds {', '.join(alive)}.",
            hint="Stop it; one that was killed on another machine is forgotten within 70 seconds.",
        )


async def require_empty(catalog: Catalog, what: str) -> None:
    """Make sure that a catalog has no rows, removing those of an earlier attempt at ``what``.

    Raises Conflict.
    """

    def work(tx: Tx) -> None:
        begun = filling.under_way(tx)
        if begun is not None and begun.startswith(what):
            filling.wipe(tx, [*dump.sheets(), *dump.INDEXES])
        elif begun is not None:
            raise Conflict(f"{begun} into this catalog has not ended.", hint="Run that again.")
        elif name := filling.filled(tx, dump.sheets()):
            raise Conflict(
                f"The catalog is not empty: there are rows in {name}.",
                hint="Name an empty database; nothing is ever written over.",
            )
        filling.begin(tx, what)

    await catalog.write(work)


async def copy(
    source: Catalog, target: Catalog, texts: Texts, progress: Progress = no_progress
) -> Copied:
    """Copy all rows into an empty catalog of the same schema; ``texts`` are those of the target.

    An attempt that was killed is begun anew. Raises Busy, Conflict; Corrupt where the copy is not
    equal.
    """
    await require_quiet(source)
    await require_empty(target, _WHAT)
    loop = asyncio.get_running_loop()

    def transfer(tx: Tx) -> tuple[dict[str, Tally], dict[str, int]]:
        tallies = {}
        for sheet in dump.sheets():
            counting, found, done = Counting(), dump.rows(tx, sheet.name), 0
            while rows := list(islice(found, _ROWS)):
                for row in rows:
                    counting.add(row)
                adding = target.write(_adding(sheet, rows))
                asyncio.run_coroutine_threadsafe(adding, loop).result()
                done += len(rows)
                loop.call_soon_threadsafe(progress, sheet.name, done, 0)
            tallies[sheet.name] = counting.tally()
        return tallies, dump.last_numbers(tx)

    tallies, numbers = await source.read(transfer)
    await target.write(lambda tx: filling.set_numbers(tx, numbers))
    await _compare(target, tallies, "The copy differs from the catalog")
    # What was written to the source meanwhile is not in the copy.
    await _compare(
        source, tallies, "The catalog was changed while it was copied", tables=("event",)
    )
    await require_quiet(source)
    await texts.index_all(progress)
    await target.write(filling.end)
    return Copied(tallies)


def _adding(sheet: Sheet, rows: list[Any]) -> Callable[[Tx], None]:
    return lambda tx: filling.add(tx, sheet, rows)


async def _compare(
    catalog: Catalog, wanted: dict[str, Tally], problem: str, tables: tuple[str, ...] = ()
) -> None:
    for name in tables or wanted:
        found = await catalog.read(lambda tx: dump.tally(tx, name))  # noqa: B023
        if found != wanted[name]:
            raise Corrupt(
                f"{problem}: {name} has {found.rows} rows, {wanted[name].rows} were read.",
                table=name,
            )
