"""The scrub: everything that is stored is read again from time to time, before anybody needs it.

A pass goes through the contents by id, as they were when it began, and compares each with its block
checksums and its SHA-256. One process at a time does it, by a lease that is renewed with each note
of how far the pass is: after a crash another one goes on there, and reads a few seconds' worth
twice. What is damaged is marked at once (C-25), and healed where that is possible.
"""

from collections.abc import Callable
from functools import partial

import msgspec
import structlog

from consigne.blobs.bucket import Bucket, Verdict
from consigne.catalog import contents, proof_contents, scrubs
from consigne.catalog.engine import Catalog, Tx
from consigne.core.care import healing
from consigne.core.care.lanes import side_by_side
from consigne.core.care.mirror import Mirror
from consigne.core.care.pace import Pace
from consigne.core.care.presence import require_store
from consigne.core.care.turn import Turn
from consigne.core.clock import ms, now_ms
from consigne.errors import Busy, StorageFull, Unavailable
from consigne.model.care import Place, ScrubFinding, ScrubPass
from consigne.model.entities import Content, ContentState
from consigne.model.identity import last_of, new_id
from consigne.settings import Settings

log = structlog.get_logger()

_PAGE = 100
_LANES = 4
_NOTE_EVERY = 2_000
_LEASE = 60.0
_REMEMBERED = 10

Watch = Callable[[ScrubPass], None]


class ScrubStatus(msgspec.Struct, frozen=True):
    """``latest``: the pass under way, else the last one. ``is_running``: somebody is at it now.
    ``due_at``: when the next one begins by itself, None: never, or one is under way."""

    latest: ScrubPass | None
    is_running: bool
    due_at: int | None


class _Tally:
    """What a page of a pass adds up to."""

    def __init__(self) -> None:
        self.checked = self.size = self.found = self.repaired = self.copied = 0

    def added_to(self, present: ScrubPass) -> ScrubPass:
        return msgspec.structs.replace(
            present,
            checked=present.checked + self.checked,
            size=present.size + self.size,
            found=present.found + self.found,
            repaired=present.repaired + self.repaired,
            copied=present.copied + self.copied,
        )


class Scrub:
    """Passes over all contents. Catalog and bucket must be open."""

    def __init__(
        self, catalog: Catalog, bucket: Bucket, settings: Settings, mirror: Mirror | None = None
    ) -> None:
        self._mirror = mirror
        self._catalog = catalog
        self._bucket = bucket
        self._settings = settings
        self._turn = Turn(catalog, "scrub", _LEASE)

    async def status(self) -> ScrubStatus:
        """Return how far the scrub is."""

        def work(tx: Tx) -> ScrubStatus:
            latest = scrubs.latest(tx)
            return ScrubStatus(latest, self._turn.is_taken_in(tx), self._due_at(latest))

        return await self._catalog.look(work)

    async def findings(self, number: int, after: int, limit: int) -> list[ScrubFinding]:
        """Return what a pass found, by id."""
        return await self._catalog.look(lambda tx: scrubs.findings(tx, number, after, limit))

    async def look(self) -> None:
        """Go on with the pass that is under way, or begin one that is due; else do nothing."""
        latest = await self._catalog.look(scrubs.latest)
        if self._is_due(latest):
            async with self._turn.held() as is_ours:
                if is_ours:
                    await self._finish(Pace(self._settings.scrub_rate), None)

    async def run(
        self, *, now: bool, rate: float | None = None, watch: Watch | None = None
    ) -> ScrubPass | None:
        """Finish the pass that is under way, or make one that is due, and return it.

        ``now``: make one that is not due, too; else None. ``rate`` in bytes a second in place of
        the setting (0: no limit). Raises Busy where another process is at it, Unavailable where
        the store cannot be read.
        """
        if not now and not self._is_due(await self._catalog.look(scrubs.latest)):
            return None
        async with self._turn.held() as is_ours:
            if not is_ours:
                hint = "'consigne scrub --status' shows how far it is."
                raise Busy("Another process is scrubbing.", hint=hint)
            asked = self._settings.scrub_rate if rate is None else rate
            return await self._finish(Pace(asked), watch)

    async def _finish(self, pace: Pace, watch: Watch | None) -> ScrubPass:
        await require_store(self._catalog, self._bucket)
        present = await self._catalog.write(self._begin)
        if watch is not None:
            watch(present)
        while present.ended_at is None:
            present = await self._page(present, pace, watch)
        if present.checked:
            log.info("scrubbed", checked=present.checked, size=present.size, found=present.found,
                     repaired=present.repaired)  # fmt: skip
        return present

    def _begin(self, tx: Tx) -> ScrubPass:
        """Return the pass to go on with: the unfinished one, else a new one."""
        latest = scrubs.latest(tx)
        if latest is not None and latest.ended_at is None:
            return latest
        now = now_ms()
        total = contents.count(tx, last_of(now))
        number = 1 if latest is None else latest.number + 1
        made = ScrubPass(number, now, None, 0, total, 0, 0, 0, 0, 0)
        scrubs.begin(tx, made)
        scrubs.forget(tx, number - _REMEMBERED)
        return made

    async def _page(self, present: ScrubPass, pace: Pace, watch: Watch | None) -> ScrubPass:
        """Read some contents and note how far the pass is."""
        page = await self._catalog.read(
            partial(proof_contents.contents_page, after=present.last_id, limit=_PAGE)
        )
        upto = last_of(present.started_at)
        ids = [each.id for each in page if each.id <= upto]
        tally, noted_at = _Tally(), now_ms()
        for at in range(0, len(ids), _LANES):
            group = ids[at : at + _LANES]
            await side_by_side(self._one(present, each, pace, tally) for each in group)
            if group[-1] != ids[-1] and now_ms() < noted_at + _NOTE_EVERY:
                continue
            present = msgspec.structs.replace(tally.added_to(present), last_id=group[-1])
            await self._note(present)
            tally, noted_at = _Tally(), now_ms()
            if watch is not None:
                watch(present)
        if len(ids) < _PAGE:
            present = msgspec.structs.replace(present, ended_at=now_ms())
            await self._note(present)
        return present

    async def _note(self, present: ScrubPass) -> None:
        """Store how far the pass is. Raises Busy where the turn was lost meanwhile."""

        def work(tx: Tx) -> None:
            if not self._turn.take_in(tx):
                raise Busy("Another process has taken the scrub over.")
            scrubs.save(tx, present)

        await self._catalog.write(work)

    async def _one(self, run: ScrubPass, content_id: int, pace: Pace, tally: _Tally) -> None:
        content = await self._catalog.look(lambda tx: contents.by_id(tx, content_id))
        if content is None or content.state is ContentState.DOOMED:
            return
        tally.checked += 1
        verdict = await self._read(content, pace, tally)
        if not verdict.ok:
            await self._damaged(run, content, verdict, tally)
        elif content.state is ContentState.CORRUPT:
            await self._catalog.write(lambda tx: healing.heal(tx, content_id, sound=True))
        if self._mirror is not None and content.references:
            try:
                await self._copied(run, content, pace, tally)
            except (Unavailable, StorageFull, OSError) as error:
                log.warning("mirror_not_scrubbed", content=str(content_id), error=str(error))

    async def _read(self, content: Content, pace: Pace, tally: _Tally) -> Verdict:
        async def read(size: int) -> None:
            tally.size += size
            await pace(size)

        try:
            return await self._bucket.verify(
                content.key, content.size, content.sha256, content.block_size, content.blocks, read
            )
        except OSError:
            return Verdict("unreadable")

    async def _damaged(
        self, run: ScrubPass, content: Content, verdict: Verdict, tally: _Tally
    ) -> None:
        if verdict.problem == "missing":
            await require_store(self._catalog, self._bucket)
        if not await self._catalog.write(partial(_still, content=content)):
            return
        healing.shout(content, verdict.problem, "scrub")
        repaired = await self._catalog.write(
            partial(healing.heal, content_id=content.id, sound=False)
        )
        if not repaired and self._mirror is not None:
            repaired = await self._mirror.mend(content.id)
        await self._found(run, content, Place.STORE, verdict, repaired, tally)

    async def _copied(self, run: ScrubPass, content: Content, pace: Pace, tally: _Tally) -> None:
        """Read the copy of a content; make it where there is none, or anew where it is damaged."""
        assert self._mirror is not None

        async def read(size: int) -> None:
            tally.size += size
            await pace(size)

        verdict = await self._mirror.check(content, read)
        if verdict is None:
            tally.copied += await self._mirror.copy(content.id)
        elif not verdict.ok:
            if verdict.problem == "missing":
                await self._mirror.require_copies()
            log.error("copy_corrupt", content=str(content.id), problem=verdict.problem)
            repaired = await self._mirror.copy(content.id)
            await self._found(run, content, Place.MIRROR, verdict, repaired, tally)

    async def _found(
        self, run: ScrubPass, content: Content, place: Place, verdict: Verdict, repaired: bool,
        tally: _Tally,
    ) -> None:  # fmt: skip
        tally.found += 1
        tally.repaired += repaired
        finding = ScrubFinding(
            new_id(), run.number, content.id, content.space_id, place, verdict.problem,
            repaired, now_ms(),
        )  # fmt: skip
        await self._catalog.write(partial(scrubs.find, value=finding))

    def _is_due(self, latest: ScrubPass | None) -> bool:
        if latest is not None and latest.ended_at is None:
            return True
        due_at = self._due_at(latest)
        return due_at is not None and due_at <= now_ms()

    def _due_at(self, latest: ScrubPass | None) -> int | None:
        """Return when the next pass begins: so long after the last one began."""
        if not self._settings.scrub_every or (latest is not None and latest.ended_at is None):
            return None
        return 0 if latest is None else latest.started_at + ms(self._settings.scrub_every)


def _still(tx: Tx, content: Content) -> bool:
    """Mark a content whose bytes are damaged; False where it went, or its bytes lie elsewhere."""
    present = contents.by_id(tx, content.id)
    if present is None or present.state is ContentState.DOOMED or present.key != content.key:
        return False
    healing.mark(tx, present)
    return True
