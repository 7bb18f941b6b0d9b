"""What is made from contents and can be made again: pictures, the XML of an invoice.

The bytes are a content of their own (``derived``), so that reads are checked, fsck proves them and
the sweeper removes them, as with every content. They are charged to nobody; a space has a bounded
room for them, in which what was not asked for for longest gives way. They hang on the content that
they were made from, whichever files share it, and go with it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import TypeVar

import msgspec

from consigne.blobs.bucket import Bucket
from consigne.catalog import contents, files, jobs, previews
from consigne.catalog.engine import Catalog, Tx
from consigne.core import jobs as queue
from consigne.core.clock import now_ms
from consigne.core.reading import Reader, Reading
from consigne.errors import Busy, ConsigneError, FileNotFound, Internal, Unavailable
from consigne.model.entities import Content, ContentState, File, Job, JobState, Preview
from consigne.model.identity import new_id
from consigne.settings import Settings

T = TypeVar("T")
_DAY = 86_400_000
_BATCH = 50
_FIRST_POLL, _LAST_POLL = 0.05, 0.5


class Made(msgspec.Struct, frozen=True):
    """What a worker has made: ``shape`` names it, sizes in pixels (0 where it is no picture);
    ``pages``: how many the document has, None where it has none.
    """

    shape: str
    media_type: str
    width: int = 0
    height: int = 0
    pages: int | None = None


class Derivative(Reading):
    """Opened bytes that were made from a content, to be delivered like any reading.

    ``pages`` is how many the document has that it was made from, as far as that is known.
    """

    __slots__ = ("pages",)

    def __init__(
        self, reader: Reader, file: File, made: tuple[Preview, Content], name: str
    ) -> None:
        row, content = made
        super().__init__(reader, file, content, None)
        self.pages = row.pages
        self.name = name
        self.media_type = self.detected_type = content.detected_type
        self.modified_at = content.created_at


class Derivatives:
    """Finding, waiting for and storing derived bytes."""

    def __init__(
        self, catalog: Catalog, bucket: Bucket, reader: Reader, settings: Settings
    ) -> None:
        self._catalog = catalog
        self._bucket = bucket
        self._reader = reader
        self._settings = settings

    async def find(self, reading: Reading, shape: str, name: str) -> Derivative | None:
        """Return what was made from an opened content; the caller was let in with ``reading``."""
        found = await self._catalog.look(lambda tx: previews.find(tx, reading.content.id, shape))
        if found is None:
            return None
        row, now = found[0], now_ms()
        if row.used_at < now - _DAY:
            with suppress(Unavailable):
                await self._catalog.write(lambda tx: previews.touch(tx, row.content_id, shape, now))
        return Derivative(self._reader, reading.file, found, name)

    async def wait(self, job: Job, look: Callable[[Tx], T | None], seconds: float) -> T | None:
        """Return what ``look`` finds as soon as it does; None where the job ends without it.

        Raises what the job failed with, and Busy when the time is over.
        """
        loop = asyncio.get_running_loop()
        deadline, pause = loop.time() + seconds, _FIRST_POLL

        def work(tx: Tx) -> tuple[Job | None, T | None]:
            # In this order: what a job that is over has made is there to be seen.
            return jobs.by_id(tx, job.id), look(tx)

        while True:
            present, found = await self._catalog.look(work)
            if found is not None:
                return found
            if present is None or present.is_over:
                if present is not None and present.state is not JobState.DONE:
                    raise queue.error_of(present)
                return None
            left = deadline - loop.time()
            if left <= 0:
                raise Busy("This is still being made.", hint="Ask again.", retry_after=2)
            await asyncio.sleep(min(pause, left))
            pause = min(_LAST_POLL, pause * 1.5)

    async def source(self, job: Job, content_id: int) -> Reading:
        """Open the content that a job works on. Raises FileNotFound where it is gone."""

        def work(tx: Tx) -> Reading:
            content = contents.by_id(tx, content_id)
            file = files.by_id(tx, job.subject) if job.subject is not None else None
            if file is None or not _is_there(content):
                raise FileNotFound("What this job was about is gone.")
            assert content is not None
            return Reading(self._reader, file, content, None)

        return await self._catalog.look(work)

    async def store(
        self,
        job: Job,
        content_id: int,
        made: Made,
        body: AsyncIterator[bytes],
        effect: Callable[[Tx], object],
    ) -> None:
        """Keep what a job has made of a content; end the job, with the result of ``effect``.

        All in one transaction. Raises WrongState where the job was cancelled or another worker has
        it, FileNotFound where the content is gone, StorageFull, and what ``body`` raises.
        """
        draft = await self._bucket.draft(body)
        async with draft:
            key = await draft.store()

            def work(tx: Tx) -> None:
                now, result = now_ms(), effect(tx)
                source = contents.lock(tx, content_id)
                if source is None or not _is_there(source):
                    raise FileNotFound("What this job was about is gone.")
                picture = Content(
                    id=new_id(now),
                    space_id=source.space_id,
                    sha256=draft.sha256,
                    md5=draft.md5,
                    size=draft.size,
                    key=key,
                    block_size=draft.block_size,
                    blocks=draft.blocks,
                    references=1,
                    state=ContentState.DERIVED,
                    detected_type=made.media_type,
                    created_at=now,
                    idle_since=None,
                )
                if not contents.add(tx, picture):
                    raise Internal("An id was given out twice.")
                row = Preview(
                    content_id=content_id,
                    shape=made.shape,
                    space_id=source.space_id,
                    picture_id=picture.id,
                    size=draft.size,
                    width=made.width,
                    height=made.height,
                    made_at=now,
                    used_at=now,
                    pages=made.pages,
                )
                previews.put(tx, row, now)
                self._make_room(tx, row, now)
                queue.finish(tx, job, result)

            try:
                await self._catalog.write(work)
            except Unavailable:
                raise  # the commit may still come to pass: bytes without a row are for fsck
            except ConsigneError:
                await self._bucket.delete(key)
                raise

    def _make_room(self, tx: Tx, newest: Preview, now: int) -> None:
        """Drop what was not asked for for longest, so that the room of the space suffices."""
        over = previews.weight(tx, newest.space_id) - self._settings.preview_room
        while over > 0:
            page = previews.oldest(tx, newest.space_id, _BATCH)
            dropped = 0
            for each in page:
                if over > 0 and each.picture_id != newest.picture_id:
                    dropped += previews.drop(tx, each.content_id, each.shape, now)
                    over -= each.size + previews.OVERHEAD
            if not dropped:
                return


def _is_there(content: Content | None) -> bool:
    return content is not None and content.state is ContentState.LIVE and content.references > 0
