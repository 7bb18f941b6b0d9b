"""The sweeper: removes what is expired, abandoned, released for long, or referred to by nothing.

One sweeper serves all dialects. Deletion goes catalog first, bytes later: a content without
references is doomed in one transaction, so that nobody can adopt it any more, and unlinked after
it (C-20). Every step is small, can be repeated, and loses nothing when it is killed.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

import msgspec
import structlog

from consigne.blobs.bucket import Bucket
from consigne.catalog import (
    bulk,
    contents,
    copies,
    files,
    jobs,
    oauth,
    once,
    previews,
    principals,
    records,
    reports,
    spaces,
    uploads,
)
from consigne.catalog.engine import Catalog, Tx
from consigne.core import keeping
from consigne.core.arrivals import upload_of
from consigne.core.backup import hold
from consigne.core.clock import ms, now_ms
from consigne.core.holders import is_dead
from consigne.core.imports import desk as imports
from consigne.core.passwords import WINDOW
from consigne.core.records.ending import delete_in
from consigne.core.sessions import LIVE, end
from consigne.core.texts import Texts
from consigne.errors import Protected
from consigne.meters import known
from consigne.model.entities import Content, Space, State, Upload
from consigne.model.records import Record
from consigne.settings import Settings

log = structlog.get_logger()

T = TypeVar("T")
_BATCH = 100
_RESULTS = 5_000
_UPLOAD_TOMBSTONE = 7 * 86_400_000


class Swept(msgspec.Struct):
    """What one run of the sweeper removed."""

    records: int = 0
    uploads: int = 0
    expired: int = 0
    purged: int = 0
    versions: int = 0
    contents: int = 0
    stages: int = 0
    arrivals: int = 0

    def __bool__(self) -> bool:
        return any(msgspec.structs.astuple(self))


class Sweeper:
    """One run at a time: ``sweep``."""

    def __init__(self, catalog: Catalog, bucket: Bucket, settings: Settings) -> None:
        self._catalog = catalog
        self._bucket = bucket
        self._settings = settings
        self._texts = Texts(catalog, bucket, settings)

    async def sweep(self) -> Swept:
        """Remove everything that is due now."""
        with known.SWEEP_SECONDS.timed():
            swept = await self._sweep()
        for what, count in msgspec.structs.asdict(swept).items():
            known.SWEPT.add(count, what)
        if swept:
            log.info("swept", **msgspec.structs.asdict(swept))
        return swept

    async def _sweep(self) -> Swept:
        swept = Swept()
        swept.uploads = await self._repeat(self._end_uploads)
        swept.uploads += await self._end_reservations()
        swept.records = await self._delete_records()
        swept.expired = await self._repeat(self._expire_files)
        swept.purged = await self._repeat(self._purge_released)
        swept.versions = await self._repeat(self._drop_versions)
        swept.purged += await self._relieve_spaces()
        swept.contents = await self._remove_contents()
        swept.stages = await self._remove_stages()
        if self._bucket.capabilities.direct:
            swept.arrivals = await self._remove_arrivals()
        await self._repeat(self._forget_reports)
        await self._repeat(self._forget_imports)
        await self._repeat(self._forget_bulk)
        before = now_ms() - ms(self._settings.job_history)
        await self._catalog.write(lambda tx: _forget(tx, before))
        return swept

    async def _repeat(self, step: Callable[[], Awaitable[int]]) -> int:
        total = 0
        while count := await step():
            total += count
            if count < _BATCH:
                break
        return total

    async def _end_uploads(self) -> int:
        now = now_ms()
        due = await self._catalog.read(lambda tx: uploads.expired(tx, now, _BATCH))
        return await self._end(due, lambda row: row.expires_at <= now and row.lease_until <= now)

    async def _end_reservations(self) -> int:
        """Take back the room of bodies whose process has died."""
        total, after = 0, 0
        while found := await self._catalog.read(
            partial(uploads.reservations, after=after, limit=_BATCH)
        ):
            after = found[-1].id
            dead = [row for row in found if row.holder is not None and is_dead(row.holder)]
            total += await self._end(dead, lambda row: row.holder is not None)
        return total

    async def _end(self, due: list[Upload], still: Callable[[Upload], bool]) -> int:
        """End sessions for which ``still`` holds when their row is held; return how many."""
        now = now_ms()

        def work(tx: Tx) -> list[str]:
            stages = []
            for each in due:
                present = uploads.lock(tx, each.id)
                if present is None or not still(present):
                    continue
                if present.state == "done":
                    uploads.remove(tx, present.id)
                else:
                    end(tx, present, "expire", now, _UPLOAD_TOMBSTONE)
                stages.append(present.stage)
            return stages

        if due:
            for stage in await self._catalog.write(work):
                if stage:
                    await self._bucket.drop_stage(stage)
        return len(due)

    async def _delete_records(self) -> int:
        """Delete what has been in the trash of records for long; what a hold forbids stays."""
        before = now_ms() - ms(self._settings.grace)
        total, after = 0, 0
        while due := await self._read(
            partial(records.trashed, before=before, after=after, limit=_BATCH)
        ):
            after = due[-1].id
            for each in due:
                with suppress(Protected):
                    total += await self._catalog.write(partial(self._delete_record, due=each))
        return total

    def _delete_record(self, tx: Tx, due: Record) -> bool:
        spaces.lock(tx, due.space_id)
        present = records.lock(tx, due.id)
        if present is None or present.trashed_at != due.trashed_at:
            return False
        delete_in(tx, None, present, now_ms(), self._settings.undo_versions)
        return True

    async def _expire_files(self) -> int:
        now = now_ms()
        due = await self._catalog.read(lambda tx: files.expired(tx, now, _BATCH))

        def work(tx: Tx) -> None:
            for each in due:
                file = files.lock(tx, each.id)
                if file is None or file.expires_at is None or file.expires_at > now:
                    continue
                if file.state is State.HELD:
                    keeping.release(tx, file, None, now, "expired")
                elif file.state is State.EXPECTED:
                    keeping.bury(tx, file, "expired", now, now + _UPLOAD_TOMBSTONE)

        if due:
            await self._catalog.write(work)
        return len(due)

    async def _purge_released(self) -> int:
        now = now_ms()
        before = now - ms(self._settings.grace)
        due = await self._catalog.read(lambda tx: files.released(tx, before, _BATCH))

        def work(tx: Tx) -> None:
            for each in due:
                file = files.lock(tx, each.id)
                if file is not None and file.state is State.RELEASED:
                    keeping.purge(tx, file, None, now, now + ms(self._settings.tombstones))

        if due:
            await self._catalog.write(work)
        return len(due)

    async def _drop_versions(self) -> int:
        now = now_ms()
        before = now - ms(self._settings.undo_age)
        due = await self._catalog.read(lambda tx: files.old_versions(tx, before, _BATCH))

        def work(tx: Tx) -> None:
            for version, space_id in due:
                present = files.version_of(tx, version.file_id, version.number)
                if present is not None and not present.pins:
                    keeping.drop_version(tx, space_id, present, now)

        if due:
            await self._catalog.write(work)
        return len(due)

    async def _relieve_spaces(self) -> int:
        """Shorten the undo of spaces that need the room, oldest first (C-16, C-24)."""
        total, after = 0, 0
        while page := await self._read(partial(spaces.page, after=after, limit=_BATCH)):
            for space in page:
                while self._pressure(space) > 0:
                    count, space = await self._catalog.write(partial(self._relieve, space=space))
                    total += count
                    if not count:
                        break
            after = page[-1].id
        return total

    def _pressure(self, space: Space) -> int:
        """Return how many bytes of undo a space has beyond its ceiling."""
        ceilings = []
        if self._settings.undo_max_size:
            ceilings.append(self._settings.undo_max_size)
        if space.quota is not None:
            ceilings.append(max(0, space.quota - space.used - space.reserved))
        return space.undo - min(ceilings) if ceilings else 0

    def _relieve(self, tx: Tx, space: Space) -> tuple[int, Space]:
        """Drop undo of a space until it fits; return how many things, and the space as it is."""
        now = now_ms()
        present = spaces.lock(tx, space.id)
        over, count = self._pressure(present), 0
        for version in files.old_versions_in(tx, space.id, _BATCH):
            if over > 0:
                keeping.drop_version(tx, space.id, version, now)
                over, count = over - version.size, count + 1
        for file in files.released_in(tx, space.id, _BATCH):
            if over > 0:
                keeping.purge(tx, file, None, now, now + ms(self._settings.tombstones))
                over, count = over - file.size, count + 1
        return count, spaces.lock(tx, space.id)

    async def _remove_contents(self) -> int:
        before = now_ms() - ms(self._settings.purge_guard)
        total = 0
        while due := await self._read(lambda tx: contents.idle(tx, before, _BATCH)):
            removed = 0
            for content in due:
                removed += await self._remove_content(content, before)
            total += removed
            if len(due) < _BATCH or not removed:
                break
        return total

    async def _remove_content(self, content: Content, before: int) -> int:
        def doom(tx: Tx) -> Content | None:
            if hold.is_on(tx):
                return None  # a backup is reading what it has found in the catalog
            if not contents.doom(tx, content.id, before):
                return None
            previews.drop_of(tx, content.id, now_ms())
            # Its bytes may lie under another key by now; from here on they do not.
            return contents.by_id(tx, content.id)

        doomed = await self._catalog.write(doom)
        if doomed is None:
            return 0
        await self._texts.forget(content.id)
        await self._bucket.delete(doomed.key)
        await self._catalog.write(lambda tx: _end_content(tx, content.id))
        return 1

    async def _remove_stages(self) -> int:
        """Drop stages that no session knows and nobody has written to for a while."""
        before, total = self._stray_before(), 0
        async for stage in self._bucket.stages():
            if stage.modified_at > before:
                continue
            known = await self._read(partial(uploads.stage_is_known, stage=stage.key))
            if not known:
                await self._bucket.drop_stage(stage.key)
                total += 1
        return total

    async def _remove_arrivals(self) -> int:
        """Remove what clients have sent straight to the store and no session waits for."""
        before, total = self._stray_before(), 0
        async for arrival in self._bucket.direct.arrivals():
            if arrival.modified_at > before:
                continue
            of = upload_of(arrival.key)
            upload = await self._read(partial(uploads.by_id, upload_id=of))
            if upload is None or upload.state not in LIVE:
                await self._bucket.direct.forget(arrival.key)
                total += 1
        return total

    def _stray_before(self) -> int:
        return now_ms() - ms(max(self._settings.purge_guard, 2 * self._settings.lease))

    async def _forget_reports(self) -> int:
        """Drop what jobs have left to be downloaded, when they are not listed any more."""
        now = now_ms()
        before = now - ms(self._settings.job_history)

        def work(tx: Tx) -> int:
            due = reports.forgotten(tx, before, _BATCH)
            for job_id in due:
                reports.drop(tx, job_id, now)
            return len(due)

        return await self._catalog.write(work)

    async def _forget_imports(self) -> int:
        before = now_ms() - ms(self._settings.job_history)
        return await self._catalog.write(lambda tx: imports.forget(tx, before, _BATCH, _RESULTS))

    async def _forget_bulk(self) -> int:
        before = now_ms() - ms(self._settings.job_history)
        return await self._catalog.write(lambda tx: bulk.forget(tx, before, _BATCH))

    async def _read(self, work: Callable[[Tx], T]) -> T:
        return await self._catalog.read(work)


def _end_content(tx: Tx, content_id: int) -> None:
    """Forget a content whose bytes are gone; its copy follows later."""
    contents.delete_doomed(tx, content_id)
    copies.orphan(tx, content_id, now_ms())


def _forget(tx: Tx, ended_before: int) -> None:
    now = now_ms()
    jobs.forget(tx, ended_before)
    once.forget(tx, now)
    files.forget_tombstones(tx, now)
    principals.forget(tx, now, now - WINDOW)
    oauth.forget(tx, now)
