"""The mirror: every content once more, in a second store.

Copies are made after the answer, by one process at a time, so that an upload neither waits for the
mirror nor fails with it; how far it is behind can be seen. Contents are followed by their ids,
which ascend with time; as a row may become visible a little later than one with a larger id, the
last two minutes are looked at again and again. What slips through all the same the scrub finds,
which reads both sides. When a content is removed its copy follows, behind the same age guard.
"""

from functools import partial

import msgspec
import structlog

from consigne.blobs.bucket import Bucket, Verdict
from consigne.blobs.lanes import Gauge
from consigne.catalog import contents, copies, previews, reports
from consigne.catalog import stores as rows
from consigne.catalog.engine import Catalog, Tx
from consigne.core.care import healing
from consigne.core.care.lanes import side_by_side
from consigne.core.care.pace import Pace
from consigne.core.care.places import Places
from consigne.core.care.transfer import discard, transfer
from consigne.core.care.turn import Turn
from consigne.core.clock import ms, now_ms
from consigne.core.history import record
from consigne.errors import Corrupt, Unavailable
from consigne.model.care import ALL, Copy, StoreRow
from consigne.model.entities import Content, ContentState
from consigne.model.identity import last_of
from consigne.settings import Settings

log = structlog.get_logger()

_PAGE = 40
_LANES = 4
_LEASE = 60.0
_LATE = 120_000
_SAMPLE = 100
_ENOUGH = 10


class MirrorStatus(msgspec.Struct, frozen=True):
    """``copied`` and ``size``: what was ever copied there. ``behind``: contents without a copy,
    ``behind_size`` their bytes, ``behind_since`` when the first of them came in (ms)."""

    location: str
    copied: int
    size: int
    behind: int
    behind_size: int
    behind_since: int | None


class Mirror:
    """The copies of contents. Catalog and bucket must be open."""

    def __init__(
        self, catalog: Catalog, bucket: Bucket, places: Places, settings: Settings
    ) -> None:
        self._catalog = catalog
        self._bucket = bucket
        self._places = places
        self._settings = settings
        self._turn = Turn(catalog, "mirror", _LEASE)
        self._pace = Pace(settings.mirror_rate)
        self._side: tuple[int, Bucket] | None = None

    async def close(self) -> None:
        """Let go of the threads; the stores belong to the main bucket."""
        if self._side is not None:
            await self._side[1].close()
            self._side = None

    async def status(self, most: int = ALL) -> MirrorStatus:
        """Return how far the mirror is behind, counted to ``most`` contents."""
        row = await self._places.mirror()
        lag = await self._catalog.read(lambda tx: copies.lag(tx, row.number, row.last_id, most))
        return MirrorStatus(row.location, row.count, row.size, *lag)

    async def look(self) -> int:
        """Copy what came in, mend what is damaged, remove what is gone; return how much that was.

        Raises Unavailable and StorageFull where the mirror does; the next look goes on.
        """
        row = await self._places.mirror()
        if not await self._catalog.look(partial(self._is_due, row=row)):
            return 0
        async with self._turn.held() as is_ours:
            if not is_ours:
                return 0
            row = await self._places.mirror()
            done = await self._follow(row)
            done += await self._mend_all()
            return done + await self._remove_idle()

    async def copy(self, content_id: int) -> bool:
        """Copy a content, in place of an earlier copy; False where it cannot or need not be.

        A content whose own bytes turn out to be damaged is marked.
        """
        content = await self._catalog.look(lambda tx: contents.by_id(tx, content_id))
        if content is None or content.state in (ContentState.DOOMED, ContentState.CORRUPT):
            return False
        side = await self.side()
        row = await self._places.mirror()
        try:
            key = await transfer(self._bucket, content.key, content, side, self._pace)
        except Corrupt as error:
            await self._alarm(content, error)
            return False

        def work(tx: Tx) -> tuple[bool, Copy | None]:
            present, old = contents.lock(tx, content_id), copies.of(tx, content_id)
            if present is None or present.state is ContentState.DOOMED:
                return False, None
            now = now_ms()
            copies.put(tx, Copy(content_id, row.number, key, content.size, now, None))
            rows.count(tx, row.number, content.size)
            return True, old

        noted, old = await self._catalog.write(work)
        if not noted:
            await discard(side, key)
        elif old is not None:
            await discard(side, old.key)
        return noted

    async def check(self, content: Content, pace: Gauge) -> Verdict | None:
        """Read the copy of a content in this mirror; None where there is none."""
        row = await self._places.mirror()
        found = await self._catalog.look(lambda tx: copies.of(tx, content.id))
        if found is None or found.store != row.number:
            return None
        try:
            return await self._bucket.verify(
                found.key, content.size, content.sha256, content.block_size, content.blocks, pace
            )
        except OSError:
            return Verdict("unreadable")

    async def require_copies(self) -> None:
        """Raise Unavailable where none of the oldest copies is in the mirror: is it the one?"""
        page = await self._catalog.look(lambda tx: copies.page(tx, 0, _SAMPLE))
        if len(page) < _ENOUGH:
            return
        for each in page:
            if await self._bucket.holds(each.key):
                return
        raise Unavailable("The mirror has no copy at all.", hint="Is a disk not mounted?")

    async def mend(self, content_id: int) -> bool:
        """Write the bytes of a damaged content anew from its copy; False where that is no help.

        They get a fresh key, and the content is served again.
        """

        def find(tx: Tx) -> tuple[Content | None, Copy | None]:
            return contents.by_id(tx, content_id), copies.of(tx, content_id)

        content, found = await self._catalog.look(find)
        if content is None or found is None or content.state is ContentState.DOOMED:
            return False
        try:
            key = await transfer(self._bucket, found.key, content, self._bucket, self._pace)
        except Corrupt as error:
            log.error(
                "copy_corrupt",
                key=found.key,
                content=str(content_id),
                problem=error.details.get("problem"),
            )
            return False
        if not await self._catalog.write(lambda tx: _switch(tx, content, key)):
            await discard(self._bucket, key)
            return False
        await discard(self._bucket, content.key)
        log.warning("content_repaired", key=key, content=str(content_id))
        return True

    async def side(self) -> Bucket:
        """Return the mirror as a bucket of its own, which reads from everywhere."""
        row = await self._places.mirror()
        if self._side is None or self._side[0] != row.number:
            bucket = Bucket(self._places.stores.view(row.number), buffer_bytes=4 << 20)
            await bucket.open()
            self._side = row.number, bucket
        return self._side[1]

    def _is_due(self, tx: Tx, row: StoreRow) -> bool:
        """Tell whether there may be something to do; else no lease is written for it."""
        before = now_ms() - ms(self._settings.purge_guard)
        return bool(
            copies.missing(tx, row.number, row.last_id, 1)
            or copies.mendable(tx, 0, 1)
            or copies.idle(tx, before, 1)
        )

    async def _follow(self, row: StoreRow) -> int:
        """Copy what came in since the last look."""
        done, after = 0, row.last_id
        while True:
            horizon = last_of(now_ms() - _LATE)
            page = await self._catalog.read(
                partial(copies.missing, store=row.number, after=after, limit=_PAGE)
            )
            for at in range(0, len(page), _LANES):
                group = page[at : at + _LANES]
                await side_by_side(self._copied(each) for each in group)
            done += len(page)
            after = page[-1] if len(page) == _PAGE else max(after, horizon)
            upto = min(after, horizon)
            if upto > row.last_id:
                await self._catalog.write(partial(rows.advance, number=row.number, upto=upto))
            if len(page) < _PAGE:
                return done

    async def _copied(self, content_id: int) -> None:
        await self.copy(content_id)

    async def _mend_all(self) -> int:
        done, after = 0, 0
        while page := await self._catalog.look(partial(copies.mendable, after=after, limit=_PAGE)):
            for content_id in page:
                done += await self.mend(content_id)
            after = page[-1]
        return done

    async def _remove_idle(self) -> int:
        """Remove copies whose contents are gone: bytes first, as nobody can come back for them."""
        before, done = now_ms() - ms(self._settings.purge_guard), 0
        while page := await self._catalog.look(partial(copies.idle, before=before, limit=_PAGE)):
            for each in page:
                await self._bucket.delete(each.key)
                await self._catalog.write(partial(copies.drop, value=each))
            done += len(page)
        return done

    async def _alarm(self, content: Content, error: Corrupt) -> None:
        healing.shout(content, error.details.get("problem"), "mirror")
        await self._catalog.write(lambda tx: healing.mark(tx, content))


def _switch(tx: Tx, content: Content, key: str) -> bool:
    """Let other bytes stand in for damaged ones; False where others do, or nobody needs them."""
    present = contents.lock(tx, content.id)
    if present is None or not contents.move(tx, content.id, content.key, key):
        return False
    if present.state is ContentState.CORRUPT:
        twin = healing.twin_of(tx, present)
        made = previews.is_picture(tx, content.id) or reports.is_report(tx, content.id)
        if twin is not None and not made:
            healing.heal(tx, content.id, sound=True)
        else:
            state = ContentState.DERIVED if made else ContentState.LIVE
            contents.mark(tx, content.id, state)
    record(tx, content.space_id, None, "content.repaired", None, content=str(content.id))
    return True
