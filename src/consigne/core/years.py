"""Accounting years: shelves of files and folders that can be closed (C-10, C-12).

Closing sets a guard on everything in the year, in the transaction that closes it, so that no
dialect can change it; what would come into a closed year is refused by ``require_open``. Both hold
the year's row, so nothing slips in while it is being closed.
"""

from typing import Any

from consigne.catalog import years
from consigne.catalog.engine import Catalog, Tx
from consigne.core.access import Seat
from consigne.core.clock import now_ms
from consigne.core.history import record
from consigne.errors import BadParameter, YearClosed, YearNotEmpty, YearNotFound
from consigne.model.entities import Guard, Year
from consigne.model.identity import new_id
from consigne.model.names import require_label
from consigne.model.rights import Right


class Years:
    """The verbs on years. All raise YearNotFound where the space has no such year."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def create(
        self,
        seat: Seat,
        *,
        label: str,
        starting_at: str,
        ending_at: str,
        previous_id: int | None = None,
    ) -> Year:
        """Make a year; start and end are date-times as text. Needs ``manage``.

        Raises RightMissing, BadName, BadParameter (previous year unknown).
        """
        seat.require(Right.MANAGE)
        name = require_label(label, parameter="label")

        def work(tx: Tx) -> Year:
            _require_previous(tx, seat, previous_id, None)
            now = now_ms()
            year = Year(
                id=new_id(now),
                space_id=seat.space_id,
                previous_id=previous_id,
                label=name,
                starting_at=starting_at,
                ending_at=ending_at,
                is_closed=False,
                closed_at=None,
                created_at=now,
                created_by=seat.principal_id,
                updated_at=None,
                updated_by=None,
            )
            years.insert_year(tx, year)
            record(tx, seat.space_id, seat.principal_id, "year.created", year.id, label=name)
            return year

        return await self._catalog.write(work)

    async def look(self, seat: Seat, year_id: int) -> Year:
        """Return a year."""
        seat.require(Right.READ)
        return await self._catalog.look(lambda tx: found_year(seat, years.by_id(tx, year_id)))

    async def all(self, seat: Seat) -> list[Year]:
        """Return the years of the space, in the order in which they were made."""
        seat.require(Right.READ)
        return await self._catalog.read(lambda tx: years.of_space(tx, seat.space_id))

    async def change(self, seat: Seat, year_id: int, **wishes: Any) -> Year:
        """Change label, starting_at, ending_at or previous_id of an open year. Needs ``manage``.

        Raises RightMissing, BadName, BadParameter, YearClosed.
        """
        seat.require(Right.MANAGE)
        if "label" in wishes:
            wishes["label"] = require_label(wishes["label"] or "", parameter="label")

        def work(tx: Tx) -> Year:
            year = require_open(tx, seat, year_id)
            if "previous_id" in wishes:
                _require_previous(tx, seat, wishes["previous_id"], year)
            changes = {key: value for key, value in wishes.items() if getattr(year, key) != value}
            if not changes:
                return year
            record(
                tx, seat.space_id, seat.principal_id, "year.changed", year_id,
                changed=sorted(changes),
            )  # fmt: skip
            return _stamp(tx, seat, year, **changes)

        return await self._catalog.write(work)

    async def close(self, seat: Seat, year_id: int) -> Year:
        """Close a year: nothing in it changes until it is opened again. Needs ``manage``."""
        return await self._turn(seat, year_id, closed=True)

    async def open(self, seat: Seat, year_id: int) -> Year:
        """Open a closed year again. Needs ``manage``."""
        return await self._turn(seat, year_id, closed=False)

    async def delete(self, seat: Seat, year_id: int) -> None:
        """Remove an empty, open year. Needs ``manage``. Raises YearNotEmpty, YearClosed."""
        seat.require(Right.MANAGE)

        def work(tx: Tx) -> None:
            require_open(tx, seat, year_id)
            if years.has_files(tx, year_id) or years.count_folders(tx, seat.space_id, year_id, 1):
                raise YearNotEmpty
            years.remove(tx, year_id)
            record(tx, seat.space_id, seat.principal_id, "year.deleted", year_id)

        await self._catalog.write(work)

    async def _turn(self, seat: Seat, year_id: int, *, closed: bool) -> Year:
        seat.require(Right.MANAGE)

        def work(tx: Tx) -> Year:
            year = found_year(seat, years.lock(tx, year_id))
            if year.is_closed is closed:
                return year
            turn = years.set_guard if closed else years.clear_guard
            turn(tx, year_id, int(Guard.YEAR_CLOSED))
            action = "year.closed" if closed else "year.opened"
            record(tx, seat.space_id, seat.principal_id, action, year_id)
            return _stamp(tx, seat, year, is_closed=closed, closed_at=now_ms() if closed else None)

        return await self._catalog.write(work)


def found_year(seat: Seat, year: Year | None) -> Year:
    """Return the year if it is one of the caller's space; raise YearNotFound."""
    if year is None or year.space_id != seat.space_id:
        raise YearNotFound
    return year


def require_open(tx: Tx, seat: Seat, year_id: int) -> Year:
    """Return a year, its row held, in which things may change; raise YearNotFound, YearClosed."""
    year = found_year(seat, years.lock(tx, year_id))
    if year.is_closed:
        raise YearClosed(f"The year {year.label!r} is closed.", hint="Open it first.")
    return year


def _require_previous(tx: Tx, seat: Seat, previous_id: int | None, year: Year | None) -> None:
    if previous_id is None:
        return
    previous = years.by_id(tx, previous_id)
    mine = previous is not None and previous.space_id == seat.space_id
    if not mine or (year is not None and previous_id == year.id):
        raise BadParameter("There is no such previous year.", parameter="previous_id")


def _stamp(tx: Tx, seat: Seat, year: Year, **changes: Any) -> Year:
    return years.change(tx, year, **changes, updated_at=now_ms(), updated_by=seat.principal_id)
