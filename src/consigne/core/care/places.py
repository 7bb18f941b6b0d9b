"""Where bytes lie: what the catalog knows of stores, told to the driver over all of them.

Every process learns it when it starts, once a second, and when a key names a store that it has not
heard of. A process that knows less than another does no harm: it writes to the store of yesterday,
from where the bytes are moved, and reads what the keys say.
"""

import structlog

from consigne.blobs.stores import Stores
from consigne.catalog import stores as rows
from consigne.catalog.engine import Catalog, Tx
from consigne.core.clock import now_ms
from consigne.errors import Unavailable, WrongState
from consigne.model.care import StoreRow, StoreState

log = structlog.get_logger()


class Places:
    """The stores of an installation. ``blobs`` and ``mirror``: what the settings name."""

    def __init__(self, catalog: Catalog, stores: Stores, blobs: str, mirror: str = "") -> None:
        self._catalog = catalog
        self._blobs = blobs
        self._mirror = mirror
        self._known: list[StoreRow] | None = None
        self.stores = stores
        stores.learn = self.learn

    async def open(self) -> None:
        """Learn where bytes lie. Raises Unavailable where the settings name an unknown place."""
        await self.learn()
        known = self._known or []
        states = {row.location: row.state for row in known}
        home = next((row.location for row in known if row.state is StoreState.HOME), self._blobs)
        if states.get(self._blobs) is StoreState.MIRROR:
            raise Unavailable(
                f"{self._blobs} is the mirror of this installation.",
                hint="Name a new place; 'consigne fsck --mirror --repair' fills it.",
            )
        if home != self._blobs:
            hint = f"Set CONSIGNE_BLOBS={home}."
            if self._blobs not in states:
                raise Unavailable(f"The bytes are in {home}, not in {self._blobs}.", hint=hint)
            if states[self._blobs] is StoreState.LEFT:
                log.warning("bytes_have_moved", home=home, hint=hint)
        if self._mirror and self._mirror in (self._blobs, home):
            raise Unavailable(
                "CONSIGNE_MIRROR names the store that it is to be a copy of.",
                hint="Name another place, or none.",
            )

    async def learn(self) -> None:
        """Take what the catalog says now."""
        found = await self._catalog.look(rows.every)
        if found == self._known:
            return
        home = next((row.number for row in found if row.state is StoreState.HOME), 0)
        leaving = [row.number for row in found if row.state is StoreState.LEAVING]
        await self.stores.arrange({row.number: row.location for row in found}, home, leaving)
        self._known = found

    async def mirror(self) -> StoreRow:
        """Return the mirror that the settings name, noting it where it is new."""
        present = await self._catalog.look(self._mirror_in)
        if present is None:
            present = await self._catalog.write(self._note_mirror)
            await self.learn()
        return present

    async def begin(self, location: str) -> tuple[StoreRow, StoreRow]:
        """Let new bytes go to another store; return (source, home). Again, it changes nothing.

        Raises WrongState where the bytes are there, or on their way elsewhere.
        """
        moving = await self._catalog.write(lambda tx: self._begin_in(tx, location))
        await self.learn()
        return moving

    async def moving(self) -> tuple[StoreRow, StoreRow] | None:
        """Return (source, home) of the move under way."""
        return _moving(await self._catalog.look(rows.every))

    def _mirror_in(self, tx: Tx) -> StoreRow | None:
        for row in rows.every(tx):
            if row.location == self._mirror and row.state is StoreState.MIRROR:
                return row
        return None

    def _note_mirror(self, tx: Tx) -> StoreRow:
        present = self._mirror_in(tx)
        number = _next(rows.every(tx))
        return present or rows.add(tx, number, self._mirror, StoreState.MIRROR, now_ms())

    def _begin_in(self, tx: Tx, location: str) -> tuple[StoreRow, StoreRow]:
        known, now = rows.every(tx), now_ms()
        under_way = _moving(known)
        if under_way is not None:
            if under_way[1].location == location:
                return under_way
            raise WrongState(
                f"A move to {under_way[1].location} is under way.",
                hint="Go on with it, and end it with --finish.",
            )
        home = next((row for row in known if row.state is StoreState.HOME), None)
        mirrors = [row.location for row in known if row.state is StoreState.MIRROR]
        if location in (home.location if home else self._blobs, self._mirror, *mirrors):
            raise WrongState(
                f"{location} is the store that bytes lie in, or their mirror.",
                hint="Name another place.",
            )
        if home is None:
            home = rows.add(tx, 0, self._blobs, StoreState.LEAVING, now)
        else:
            rows.turn(tx, home.number, StoreState.HOME, StoreState.LEAVING, now)
        made = rows.add(tx, _next(known), location, StoreState.HOME, now)
        return home, made


def _next(known: list[StoreRow]) -> int:
    return max((row.number for row in known), default=0) + 1


def _moving(known: list[StoreRow]) -> tuple[StoreRow, StoreRow] | None:
    source = next((row for row in known if row.state is StoreState.LEAVING), None)
    home = next((row for row in known if row.state is StoreState.HOME), None)
    return None if source is None or home is None else (source, home)
