"""Text of contents for the search: noticed with the bytes, read by a job, gone with the bytes.

When a space takes in a content that may have text, a job is enqueued in the same transaction: one
per content, so that the same bytes are read once. A worker has a confined child read it and hands
the passages to ``store``. Such a job is the service's own: it shows while it waits, is at work or
has failed, and leaves nothing but its effect when it is done.

The text of a scan comes from a recognition (``core.ocr``) that somebody has asked for, and, where
``text_ocr`` is on, from one that the job does itself.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from enum import StrEnum

import msgspec
import structlog

from consigne.blobs.bucket import Bucket
from consigne.catalog import contents, files, jobs, labels, texts
from consigne.catalog.engine import Catalog, Tx
from consigne.core import jobs as queue
from consigne.core.access import Seat, readable
from consigne.core.care import healing
from consigne.core.clock import now_ms
from consigne.core.sniff_tables import DECODED
from consigne.errors import Corrupt
from consigne.model.entities import (
    Content,
    ContentState,
    ContentText,
    Job,
    TextOrigin,
)
from consigne.model.identity import MAX
from consigne.model.passages import Passage
from consigne.model.rights import Right
from consigne.model.texts import MARKDOWN, may_have_text
from consigne.model.words import RULES
from consigne.settings import Settings

log = structlog.get_logger()

KIND = "text"
# Passages in one transaction: some milliseconds, in which nobody else can write on SQLite.
_BATCH = 20
_LABELS = 200


class Work(msgspec.Struct, frozen=True):
    """Payload of a job: whose text, in which bytes it stands, and of what type these are."""

    content_id: int
    source_id: int
    media_type: str
    origin: TextOrigin = TextOrigin.LAYER


class Found(msgspec.Struct, frozen=True):
    """What a worker has read: passages with their pages, and what else is known of the text."""

    passages: Sequence[tuple[int | None, Passage]]
    pages: int | None = None
    length: int = 0
    is_cut: bool = False
    problem: str | None = None


class TextState(StrEnum):
    """Whether the search knows the text of a file: it cannot, not yet, or it does."""

    NONE = "none"
    WAITING = "waiting"
    READ = "read"


class Known(msgspec.Struct, frozen=True):
    """What the search knows of a file's text; ``recognisable``: OCR can read its pictures."""

    state: TextState
    text: ContentText | None
    recognisable: bool


class Texts:
    """The verbs of a worker, ``source``, ``read`` and ``store``; and the upkeep of the index."""

    def __init__(self, catalog: Catalog, bucket: Bucket, settings: Settings) -> None:
        self._catalog = catalog
        self._bucket = bucket
        self._settings = settings

    async def source(self, job: Job) -> Content | None:
        """Return the content that a job reads; None where there is nothing to do any more."""
        work = work_of(job)

        def look(tx: Tx) -> Content | None:
            target, source = contents.by_id(tx, work.content_id), contents.by_id(tx, work.source_id)
            known = texts.of(tx, work.content_id)
            is_better = known is not None and known.origin is TextOrigin.OCR
            if is_better and work.origin is TextOrigin.LAYER:
                return None
            return source if _is_there(target) and _is_there(source) else None

        return await self._catalog.look(look)

    async def read(self, content: Content) -> AsyncIterator[bytes]:
        """Yield the checked bytes of a content. Raises Corrupt, and says so loudly (C-25)."""
        try:
            async for piece in self._bucket.read(
                content.key, content.size, content.block_size, content.blocks, 0, content.size
            ):
                yield piece
        except Corrupt:
            log.error("content_corrupt", key=content.key, content=str(content.id))
            await self._catalog.write(lambda tx: healing.mark(tx, content))
            raise

    async def store(self, job: Job, found: Found) -> None:
        """Index what a job has read in place of what was there, and end the job.

        Some passages at a time; after a crash the next attempt begins anew. Raises WrongState where
        the job was cancelled or another worker has it.
        """
        work = work_of(job)

        def clear(tx: Tx) -> int:
            queue.require_lease(tx, job)
            return texts.drop(tx, work.content_id, _BATCH)

        while await self._catalog.write(clear) == _BATCH:
            pass
        for start in range(0, len(found.passages), _BATCH):
            batch = found.passages[start : start + _BATCH]
            if not await self._catalog.write(_adding(job, work.content_id, batch)):
                break
        await self._catalog.write(lambda tx: _settle(tx, job, work, found))

    async def dismiss(self, job: Job) -> None:
        """End a job that has nothing to do any more. Raises WrongState as ``store``."""

        def finish(tx: Tx) -> None:
            queue.require_lease(tx, job)
            jobs.remove(tx, job.id)

        await self._catalog.write(finish)

    async def catch_up(self, space_id: int | None = None, most: int = MAX) -> int:
        """Index the names, fields and tags of files that are due, of one space or of all.

        At most about ``most`` of them; return how many.
        """
        total = 0
        if not await self._catalog.look(lambda tx: labels.is_due(tx, space_id)):
            return 0
        while total < most:
            count = await self._catalog.write(
                lambda tx: files.index_words(tx, space_id, min(_LABELS, most))
            )
            total += count
            if count < _LABELS:
                break
        return total

    async def look(self, seat: Seat, file_id: int) -> Known:
        """Return what is known of the text of a file that the caller sees. Raises FileNotFound."""
        seat.require(Right.READ)

        def work(tx: Tx) -> Known:
            file = readable(tx, seat, files.by_id(tx, file_id), now_ms())
            recognisable = file.detected_type in DECODED
            if file.content_id is None:
                return Known(TextState.NONE, None, recognisable)
            known = texts.of(tx, file.content_id)
            waits = jobs.under_way(tx, f"{KIND}:{file.content_id}") is not None
            state = TextState.READ if known else TextState.WAITING if waits else TextState.NONE
            return Known(state, known, recognisable)

        return await self._catalog.look(work)

    async def forget(self, content_id: int) -> None:
        """Remove the text of a content that is doomed."""
        while await self._catalog.write(lambda tx: texts.drop(tx, content_id, _BATCH)) == _BATCH:
            pass

    async def note_page(self, after: int, limit: int, *, everything: bool) -> tuple[int, int, int]:
        """Enqueue jobs for contents with ids above ``after`` whose text must be read (again).

        ``everything``: also those that were read under the present rules. Return (contents looked
        at, jobs enqueued, the last id).
        """

        recognised: list[ContentText] = []

        def work(tx: Tx) -> tuple[int, int, int]:
            recognised.clear()
            page = texts.page(tx, after, limit)
            count = 0
            for content, known in page:
                if known is not None and known.rules == RULES and not everything:
                    continue
                if known is not None and known.origin is TextOrigin.OCR:
                    recognised.append(known)
                else:
                    count += expect(tx, content, self._settings)
            return len(page), count, page[-1][0].id if page else after

        looked = await self._catalog.write(work)
        for known in recognised:
            await self._renew(known)
        return looked

    async def _renew(self, known: ContentText) -> None:
        """Index a recognised text anew from its passages: what it was read from may be gone."""
        passages = await self._catalog.read(lambda tx: texts.all_of(tx, known.content_id))

        def batch(start: int) -> Callable[[Tx], None]:
            def work(tx: Tx) -> None:
                for passage in passages[start : start + _BATCH]:
                    texts.index_anew(tx, known.space_id, passage)

            return work

        for start in range(0, len(passages), _BATCH):
            await self._catalog.write(batch(start))
        present = msgspec.structs.replace(known, rules=RULES)

        def settle(tx: Tx) -> None:
            if texts.hold(tx, known.content_id) is not None:
                texts.put(tx, present)

        await self._catalog.write(settle)

    async def note_labels(self, after: int, limit: int) -> tuple[int, int]:
        """Have files with ids above ``after`` indexed anew; return (how many, the last id)."""

        def work(tx: Tx) -> tuple[int, int]:
            page = files.page(tx, after, limit)
            if page:
                labels.note_between(tx, after, page[-1].id)
            return len(page), page[-1].id if page else after

        return await self._catalog.write(work)

    async def index_all(self, progress: Callable[[str, int, int], None]) -> None:
        """Make the whole index from stored passages and files, as after a copy of their rows."""
        after, done = 0, 0

        def passages(tx: Tx) -> list[int]:
            page = texts.passages_after(tx, after, _LABELS)
            for space_id, passage in page:
                texts.index_anew(tx, space_id, passage)
            return [passage.id for _, passage in page]

        while page := await self._catalog.write(passages):
            after, done = page[-1], done + len(page)
            progress("index", done, 0)
        after, count = 0, _LABELS
        while count == _LABELS:
            count, after = await self.note_labels(after, _LABELS)
            done += count
            await self.catch_up()
            progress("index", done, 0)

    async def remove_strays(self, limit: int = 100) -> int:
        """Remove what the index has of contents and files that are no more; return how many."""
        lost = await self._catalog.read(lambda tx: texts.strays(tx, limit))
        for content_id in lost:
            await self.forget(content_id)
        gone = await self._catalog.read(lambda tx: labels.strays(tx, limit))

        def work(tx: Tx) -> None:
            for file_id in gone:
                if files.by_id(tx, file_id) is None:
                    labels.remove(tx, file_id)

        if gone:
            await self._catalog.write(work)
        return len(lost) + len(gone)

    async def waiting(self) -> tuple[int, int]:
        """Return how many texts are still to be read, and how many files to be indexed."""
        return await self._catalog.read(lambda tx: (texts.waiting(tx, KIND), labels.count_due(tx)))


def expect(tx: Tx, content: Content, settings: Settings) -> bool:
    """Enqueue the reading of a content that may have text, in the transaction that takes it in."""
    if (
        not settings.text_index
        or not 0 < content.size <= settings.text_max_size
        or not may_have_text(content.detected_type, pictures=settings.text_ocr)
    ):
        return False
    work = Work(content.id, content.id, content.detected_type)
    return queue.enqueue_quietly(tx, content.space_id, KIND, work, f"{KIND}:{content.id}")


def lend(tx: Tx, content_id: int | None, text: Content, settings: Settings) -> None:
    """Have a content found by a text that was recognised in it, which is a content of its own."""
    if content_id is not None and settings.text_index and text.size <= settings.text_max_size:
        work = Work(content_id, text.id, MARKDOWN, TextOrigin.OCR)
        queue.enqueue_quietly(tx, text.space_id, KIND, work, f"{KIND}:{content_id}:{text.id}")


def work_of(job: Job) -> Work:
    """Return what a text job is to do."""
    return msgspec.json.decode(job.payload, type=Work)


def _adding(
    job: Job, content_id: int, batch: Sequence[tuple[int | None, Passage]]
) -> Callable[[Tx], bool]:
    def work(tx: Tx) -> bool:
        queue.require_lease(tx, job)
        content = texts.hold(tx, content_id)
        if content is None:
            return False
        for page, piece in batch:
            texts.add(tx, content.space_id, content_id, page, piece)
        return True

    return work


def _settle(tx: Tx, job: Job, work: Work, found: Found) -> None:
    queue.require_lease(tx, job)
    content = texts.hold(tx, work.content_id)
    if content is not None:
        texts.put(
            tx,
            ContentText(
                content_id=content.id,
                space_id=content.space_id,
                origin=work.origin,
                pages=found.pages,
                length=found.length,
                is_cut=found.is_cut,
                problem=found.problem,
                rules=RULES,
                read_at=now_ms(),
            ),
        )
    jobs.remove(tx, job.id)


def _is_there(content: Content | None) -> bool:
    return content is not None and content.state is ContentState.LIVE
