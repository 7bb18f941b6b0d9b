"""Moving all bytes to another store while the service runs (``consigne migrate``).

From the beginning on, new bytes go to the new store; everything else is moved content by content:
written there under a fresh key, read there and compared, and only then the row is switched. Readers
that have the old key find the bytes where they were, as nothing is removed from the source before
it is asked for. After a crash the next run finds what is left by the keys. The end is a step of its
own, which makes sure that nothing is left, whoever wrote it meanwhile.
"""

from collections.abc import Callable
from contextlib import aclosing
from functools import partial

import msgspec
import structlog

from consigne.blobs.bucket import Bucket
from consigne.blobs.driver import Stored
from consigne.catalog import contents, copies, proof_contents
from consigne.catalog import stores as rows
from consigne.catalog.engine import Catalog, Tx
from consigne.core.backup import hold
from consigne.core.care import healing
from consigne.core.care.lanes import side_by_side
from consigne.core.care.pace import Pace
from consigne.core.care.places import Places
from consigne.core.care.transfer import discard, transfer
from consigne.core.care.turn import Turn
from consigne.core.clock import ms, now_ms
from consigne.errors import Busy, Corrupt, WrongState
from consigne.model.care import ALL, StoreRow, StoreState
from consigne.model.entities import Content, ContentState
from consigne.settings import Settings

log = structlog.get_logger()

_PAGE = 100
_LANES = 4
_LEASE = 60.0


class MoveStatus(msgspec.Struct, frozen=True):
    """How far a move is. ``moved`` and ``size``: contents and bytes. ``left``: contents that are
    still to be moved; ``damaged``: of these, what cannot be, found in this run; ``uploads``:
    unfinished ones whose parts lie in the source."""

    source: str
    target: str
    begun_at: int
    moved: int
    size: int
    left: int
    uploads: int
    damaged: int = 0


Watch = Callable[[MoveStatus], None]


class Moving:
    """Moves between stores. Catalog and bucket must be open."""

    def __init__(
        self, catalog: Catalog, bucket: Bucket, places: Places, settings: Settings
    ) -> None:
        self._catalog = catalog
        self._bucket = bucket
        self._places = places
        self._settings = settings
        self._turn = Turn(catalog, "migrate", _LEASE)

    async def status(self, most: int = ALL) -> MoveStatus | None:
        """Return how far the move under way is, with what is left counted to ``most`` contents;
        None where there is none."""
        found = await self._places.moving()
        return None if found is None else await self._status(found, most=most)

    async def run(self, location: str, rate: float = 0, watch: Watch | None = None) -> MoveStatus:
        """Move everything to the store at ``location``, or go on with that.

        Raises WrongState where bytes are there already or on their way elsewhere, Busy where
        another process moves them, Unavailable where a store fails: the next run goes on.
        """
        async with self._turn.held() as is_ours:
            if not is_ours:
                raise Busy("Another process is moving the bytes.")
            await self._places.stores.probe(location)
            found = await self._places.begin(location)
            return await self._all(found, Pace(rate), watch)

    async def finish(self) -> MoveStatus:
        """End the move. Raises WrongState where there is none or something is left to be moved."""
        found = await self._required()
        source, home = found

        def work(tx: Tx) -> None:
            left = rows.left_in(tx, source.number, ALL)
            uploads = rows.uploads_in(tx, source.number)
            if left or uploads:
                raise WrongState(
                    f"{left} contents and {uploads} unfinished uploads are still in "
                    f"{source.location}.",
                    hint=f"Run 'consigne migrate --to {home.location}' again; uploads end by "
                    "themselves after CONSIGNE_UPLOAD_EXPIRY.",
                )
            rows.turn(tx, source.number, StoreState.LEAVING, StoreState.LEFT, now_ms())

        status = await self._status(found)
        await self._catalog.write(work)
        await self._places.learn()
        return status

    async def remove_source(self, watch: Callable[[int], None] | None = None) -> int:
        """Remove what was left behind in all stores that were moved from; return how many keys
        that were. What a row still names stays.

        Raises WrongState while a move is under way, or has ended too lately for readers in flight,
        and Busy while a backup is taken.
        """
        if await self._places.moving() is not None:
            raise WrongState("The move is not ended.", hint="Run 'consigne migrate --finish'.")
        past = [row for row in await self._catalog.look(rows.every)
                if row.state is StoreState.LEFT]  # fmt: skip
        if not past:
            raise WrongState("Nothing was moved from anywhere.")
        if max(row.since for row in past) + ms(self._settings.purge_guard) > now_ms():
            raise WrongState(
                "The move has only just ended: readers may still be at the old bytes.",
                hint="Wait for CONSIGNE_PURGE_GUARD seconds.",
            )
        in_use = {row.location for row in await self._catalog.look(rows.every)
                  if row.state is not StoreState.LEFT}  # fmt: skip
        removed = 0
        for row in past:
            if row.location in in_use:
                continue  # the bytes came back: what nobody needs fsck finds
            removed += await self._empty(row, removed, watch)
        return removed

    async def _all(
        self, found: tuple[StoreRow, StoreRow], pace: Pace, watch: Watch | None
    ) -> MoveStatus:
        source, damaged = found[0], set[int]()
        again = True
        while again:
            again, after = False, ""
            while page := await self._catalog.read(
                partial(rows.contents_in, number=source.number, after=after, limit=_PAGE)
            ):
                due = [each for each, _ in page if each not in damaged]
                for at in range(0, len(due), _LANES):
                    group = due[at : at + _LANES]
                    await side_by_side(self._one(each, pace, damaged) for each in group)
                after, again = page[-1][1], again or bool(due)
                if watch is not None:
                    watch(await self._status(found, len(damaged)))
        return await self._status(found, len(damaged))

    async def _one(self, content_id: int, pace: Pace, damaged: set[int]) -> None:
        content = await self._catalog.look(lambda tx: contents.by_id(tx, content_id))
        if content is None or content.state is ContentState.DOOMED:
            return
        try:
            key = await transfer(self._bucket, content.key, content, self._bucket, pace)
        except Corrupt as error:
            damaged.add(content_id)
            await self._alarm(content, error)
            return

        def work(tx: Tx) -> bool:
            if not contents.move(tx, content.id, content.key, key):
                return False
            rows.count(tx, self._places.stores.home, content.size)
            return True

        if not await self._catalog.write(work):
            await discard(self._bucket, key)

    async def _empty(self, row: StoreRow, before: int, watch: Callable[[int], None] | None) -> int:
        """Remove all contents of a store that no row names."""
        removed, batch = 0, list[Stored]()
        view = self._places.stores.view(row.number)
        async with aclosing(view.keys()) as found:
            async for stored in found:
                batch.append(stored)
                if len(batch) == _PAGE:
                    removed, batch = removed + await self._drop(batch), []
                    if watch is not None:
                        watch(before + removed)
        return removed + await self._drop(batch)

    async def _drop(self, batch: list[Stored]) -> int:
        keys = [stored.key for stored in batch]

        def named(tx: Tx) -> set[str]:
            if hold.is_on(tx):
                raise Busy("A backup is reading old bytes.", hint="Wait until it has ended.")
            return {*proof_contents.known(tx, keys), *copies.known(tx, keys)}

        kept = await self._catalog.read(named)
        gone = [key for key in keys if key not in kept]
        for at in range(0, len(gone), _LANES):
            await side_by_side(self._bucket.delete(key) for key in gone[at : at + _LANES])
        return len(gone)

    async def _required(self) -> tuple[StoreRow, StoreRow]:
        found = await self._places.moving()
        if found is None:
            raise WrongState(
                "No move is under way.", hint="Begin one with 'consigne migrate --to'."
            )
        return found

    async def _status(
        self, found: tuple[StoreRow, StoreRow], damaged: int = 0, most: int = ALL
    ) -> MoveStatus:
        source, home = found

        def work(tx: Tx) -> MoveStatus:
            present = next(row for row in rows.every(tx) if row.number == home.number)
            left = rows.left_in(tx, source.number, most)
            uploads = rows.uploads_in(tx, source.number)
            return MoveStatus(
                source.location, home.location, home.since, present.count, present.size, left,
                uploads, damaged,
            )  # fmt: skip

        return await self._catalog.read(work)

    async def _alarm(self, content: Content, error: Corrupt) -> None:
        healing.shout(content, error.details.get("problem"), "migrate")
        await self._catalog.write(lambda tx: healing.mark(tx, content))
