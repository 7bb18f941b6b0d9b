"""Text of scans: the verb ``ocr`` (AR-20 to AR-22, C-54).

The order: who may, what it is, how many pages; then one transaction that reserves a credit per page
and enqueues the job; then waiting. A worker reads the pages and hands them to ``store``, which
keeps the new file, charges it and ends the job in one transaction: never twice, whatever happens to
workers in between.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol

import msgspec

from consigne.blobs.bucket import Bucket
from consigne.catalog import files, jobs, principals, spaces
from consigne.catalog.engine import Catalog, Tx
from consigne.core import jobs as queue
from consigne.core import keeping, texts
from consigne.core.access import Caller, Seat, can_read, guards_of, readable
from consigne.core.clock import now_ms
from consigne.core.entry import Entry
from consigne.core.history import record
from consigne.core.intake import Intake
from consigne.core.reading import Reader, Reading
from consigne.core.sniff_tables import DECODED
from consigne.core.years import require_open
from consigne.errors import (
    EngineMissing,
    FileNotFound,
    JobNotFound,
    NoContent,
    OcrUnreadable,
    RightMissing,
    TypeRefused,
    YearClosed,
)
from consigne.model.entities import Access, Content, File, Guard, Job, JobState, Reason, State
from consigne.model.names import MAX_CHARACTERS, shorten
from consigne.model.rights import Right
from consigne.settings import Settings

KIND = "ocr"
_EXTENSION = ".md"
_MARKDOWN = "text/markdown"
_FIRST_POLL, _LAST_POLL = 0.05, 0.5


class Work(msgspec.Struct, frozen=True):
    """Payload of an OCR job: which version of which file, and its detected type."""

    file_id: int
    version: int
    media_type: str
    pages: int


class Result(msgspec.Struct, frozen=True):
    """Result of an OCR job: the new file."""

    file_id: int


class Outcome(msgspec.Struct, frozen=True):
    """What ``ocr`` returns: the job, and the new file where it is done."""

    job: Job
    file: File | None


class Probe(Protocol):
    """Counts the pages of a document outside this process. Raises OcrUnreadable, EngineMissing."""

    async def __call__(self, media_type: str, source: AsyncIterator[bytes]) -> int: ...


class Ocr:
    """The verbs ``ocr``, ``look``, and the two that a worker calls: ``source`` and ``store``."""

    def __init__(
        self,
        catalog: Catalog,
        bucket: Bucket,
        intake: Intake,
        reader: Reader,
        settings: Settings,
        probe: Probe | None,
    ) -> None:
        self._catalog = catalog
        self._bucket = bucket
        self._intake = intake
        self._reader = reader
        self._settings = settings
        self._probe = probe

    async def ocr(self, seat: Seat, file_id: int, *, wait: float | None = None) -> Outcome:
        """Have a document read; return its text as a new file, or the job that is still at it.

        ``wait`` is how many seconds to wait, by default the setting ``ocr_wait``; 0 returns the job
        at once. The file of an earlier job on the same version is returned again and costs
        nothing; a job that is under way is joined. Raises FileNotFound, NoContent, TypeRefused,
        OcrUnreadable, CreditsExhausted, EngineMissing, YearClosed, Infected, and what the job
        failed with (QuotaExceeded, Internal).
        """
        seat.require(Right.WRITE)
        reading = await self._open(seat, file_id)
        key = _key(seat, reading.file)
        earlier = await self._catalog.look(lambda tx: _reusable(tx, seat, key))
        if earlier is not None:
            return earlier
        if not await self._catalog.look(lambda tx: jobs.is_served(tx, KIND, now_ms())):
            raise EngineMissing("No worker that reads documents is running.", retry_after=60)
        job = await self._catalog.look(lambda tx: jobs.under_way(tx, key))
        if job is None:
            pages = await self._count_pages(reading)
            outcome = await self._enqueue(seat, reading.file, key, pages)
            if outcome.file is not None:
                return outcome
            job = outcome.job
        return await self._wait(seat, job, self._settings.ocr_wait if wait is None else wait)

    async def look(self, seat: Seat, file_id: int, job_id: int) -> Outcome:
        """Return a job about this file as it is now. Raises FileNotFound, JobNotFound."""
        seat.require(Right.READ)

        def work(tx: Tx) -> Outcome:
            readable(tx, seat, files.by_id(tx, file_id), now_ms())
            job = jobs.by_id(tx, job_id)
            if job is None or job.kind != KIND or job.subject != file_id:
                raise JobNotFound
            return Outcome(job, _made(tx, seat, job))

        return await self._catalog.look(work)

    async def source(self, job: Job) -> Reading:
        """Open what a job is to read, as the one who started it. Raises as ``Reader.open``."""
        work = work_of(job)
        seat = await self._catalog.look(lambda tx: _seat_of(tx, job))
        return await self._reader.open(seat, work.file_id, work.version)

    async def store(self, job: Job, text: str) -> File:
        """Keep the text that a job has read, and end the job, in one transaction.

        Raises WrongState where the job was cancelled or another worker has it, QuotaExceeded,
        FileNotFound, RightMissing, YearClosed.
        """
        draft = await self._bucket.draft(_once(text.encode()))
        async with draft:

            def commit(tx: Tx, content: Content, now: int) -> File:
                seat = _seat_of(tx, job)
                source = _open_source(tx, seat, work_of(job).file_id, now)
                file = keeping.new_file(
                    _entry(source), job.space_id, seat.principal_id, now, content
                )
                spaces.charge(tx, job.space_id, used=file.size)
                files.insert_file(tx, file)
                record(
                    tx, job.space_id, seat.principal_id, "file.kept", file.id,
                    size=file.size, name=file.name, source=str(source.id),
                )  # fmt: skip
                texts.lend(tx, _content_of(tx, source, work_of(job)), content, self._settings)
                queue.finish(tx, job, Result(file.id))
                return file

            return await self._intake.deposit(job.space_id, draft, _MARKDOWN, commit)

    async def _open(self, seat: Seat, file_id: int) -> Reading:
        def peek(tx: Tx) -> None:
            file = files.by_id(tx, file_id)
            if file is not None and file.state is State.EXPECTED and can_read(tx, seat, file):
                raise NoContent
            _require_open_year(readable(tx, seat, file, now_ms()), now_ms())

        await self._catalog.look(peek)
        reading = await self._reader.open(seat, file_id)
        if reading.detected_type not in DECODED:
            raise TypeRefused(
                f"Text can be read from PDF and images, not from {reading.detected_type}.",
                type=reading.detected_type,
            )
        if reading.size > self._settings.ocr_max_size:
            raise OcrUnreadable(
                f"The document has {reading.size} bytes; "
                f"at most {self._settings.ocr_max_size} are read.",
                limit=self._settings.ocr_max_size,
                size=reading.size,
            )
        return reading

    async def _count_pages(self, reading: Reading) -> int:
        if self._probe is None:
            raise EngineMissing
        media_type = reading.detected_type or ""
        return await self._probe(media_type, reading.stream(0, reading.size))

    async def _enqueue(self, seat: Seat, source: File, key: str, pages: int) -> Outcome:
        work = Work(source.id, source.version, source.detected_type or "", pages)

        def unit(tx: Tx) -> Outcome:
            job, is_new = queue.enqueue(
                tx, seat, KIND, work, subject=source.id, key=key, credits=pages, total=pages
            )
            # Another call's job may have ended while this one was counting pages.
            earlier = _reusable(tx, seat, key) if is_new else None
            if earlier is None:
                return Outcome(job, None)
            queue.end(tx, job, JobState.CANCELLED, actor=seat.principal_id)
            return earlier

        return await self._catalog.write(unit)

    async def _wait(self, seat: Seat, job: Job, seconds: float) -> Outcome:
        """Return when the job is over, or the time. Raises what the job failed with."""
        loop = asyncio.get_running_loop()
        deadline, pause = loop.time() + seconds, _FIRST_POLL
        while seconds > 0:
            outcome = await self.look(seat, job.subject or 0, job.id)
            if outcome.file is not None:
                return outcome
            if outcome.job.is_over:
                if outcome.job.state is JobState.DONE:
                    raise FileNotFound("The text was deleted already.")
                raise queue.error_of(outcome.job)
            left = deadline - loop.time()
            if left <= 0:
                return outcome
            await asyncio.sleep(min(pause, left))
            pause = min(_LAST_POLL, pause * 1.5)
        return await self.look(seat, job.subject or 0, job.id)


def work_of(job: Job) -> Work:
    """Return what an OCR job is to do."""
    return msgspec.json.decode(job.payload, type=Work)


def result_name(name: str) -> str:
    """Return the name of the text of a document: ``.md`` in place of its extension (AR-20).

    >>> result_name("facture-bureau.pdf")
    'facture-bureau.md'
    """
    stem = name.rpartition(".")[0] if "." in name[:-1] else name
    return shorten(stem or "document", MAX_CHARACTERS - len(_EXTENSION), 1000) + _EXTENSION


def _key(seat: Seat, source: File) -> str:
    """Name the work: one version of one file. What one may see alone, one has read alone."""
    alone = f":{seat.principal_id}" if source.access is not Access.SPACE else ""
    return f"{KIND}:{source.id}:{source.version}{alone}"


def _reusable(tx: Tx, seat: Seat, key: str) -> Outcome | None:
    for job in jobs.done_with(tx, key):
        file = _made(tx, seat, job)
        if file is not None:
            return Outcome(job, file)
    return None


def _made(tx: Tx, seat: Seat, job: Job) -> File | None:
    """Return the file that a job has made, where it still exists for this caller."""
    if job.state is not JobState.DONE or job.result is None:
        return None
    file = files.by_id(tx, msgspec.json.decode(job.result, type=Result).file_id)
    if file is None or file.state not in (State.HELD, State.KEPT) or not can_read(tx, seat, file):
        return None
    return file


def _seat_of(tx: Tx, job: Job) -> Seat:
    """Return the seat of who started a job, as his role is now. Raises RightMissing."""
    space = spaces.by_id(tx, job.space_id)
    principal = principals.by_id(tx, job.created_by) if job.created_by is not None else None
    member = spaces.member_of(tx, job.space_id, principal.id) if principal else None
    if space is None or space.deleted_at is not None:
        raise RightMissing("The space of the job is closed.")
    if principal is None or member is None or not principal.is_active:
        raise RightMissing("Who started the job is no member of the space any more.")
    seat = Seat(Caller(principal), space, member.role)
    seat.require(Right.WRITE)
    return seat


def _entry(source: File) -> Entry:
    """Return what the text of a source will be: beside it, seen by the same people.

    Whom a record lets see the source may change; its text is for the one who asked.
    """
    return Entry(
        name=result_name(source.name),
        declared_type=_MARKDOWN,
        access=Access.PRIVATE if source.access is Access.RECORD else source.access,
        reasons=Reason.YEAR if source.year_id is not None else Reason.OWNER,
        folder_id=source.folder_id,
        year_id=source.year_id,
        parent_id=source.id,
        reference=source.reference,
    )


def _open_source(tx: Tx, seat: Seat, file_id: int, now: int) -> File:
    """Return the source, its row held, and its year too, so that nobody closes it meanwhile."""
    year_id = readable(tx, seat, files.by_id(tx, file_id), now).year_id
    if year_id is not None:
        require_open(tx, seat, year_id)
    return readable(tx, seat, files.lock(tx, file_id), now)


def _content_of(tx: Tx, source: File, work: Work) -> int | None:
    """Return the content that was read; None where that version is forgotten."""
    if source.version == work.version:
        return source.content_id
    old = files.version_of(tx, source.id, work.version)
    return old.content_id if old else None


def _require_open_year(file: File, now: int) -> None:
    if Guard.YEAR_CLOSED in guards_of(file, now):
        raise YearClosed


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data
