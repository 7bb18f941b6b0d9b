"""An import from its claim to its end, as its worker runs it (DX-44).

One import at a time runs in a space. What is wrong with the file as a whole is found before any row
is saved. After a crash it goes on behind the last line that has a result; the error file and the
final status come in one transaction.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing

import msgspec

from consigne.catalog import contents, files, imports, jobs, once
from consigne.catalog.engine import Catalog, Tx
from consigne.core import jobs as queue
from consigne.core.clock import now_ms
from consigne.core.imports.columns import Columns, read_columns
from consigne.core.imports.csvs import BadFile, Table
from consigne.core.imports.errorfile import error_file, whole_file_error
from consigne.core.imports.fetching import Fetch, Fetching
from consigne.core.imports.taking import Taking, seat_of
from consigne.core.imports.wishes import Ready, ready
from consigne.core.reading import Reader, Reading
from consigne.core.records.layout import Layout
from consigne.core.records.looking import type_of
from consigne.core.records.saving import layout_in
from consigne.core.reports import Reports
from consigne.core.seat import Seat
from consigne.errors import Corrupt, Infected, JobNotFound, NoContent
from consigne.model.entities import ContentState, Failure, Job, JobState
from consigne.model.identity import Kind, to_uuid
from consigne.model.imports import Fault, ImportRow, ImportRun

_BATCH = 100  # rows in a transaction: a fifth of a second of the one writer of SQLite, at most
_BATCH_SIZE = 1 << 20  # characters
_BATCH_URLS = 16
_PIECE = 64 << 10
_PAGE = 500
_FORGET = 5_000
_TURN = 86_400_000  # who holds the turn is asked, not the clock: a job that is over has none


class Outcome(msgspec.Struct, frozen=True):
    """Result of an import."""

    succeeded: int
    failed: int


class _Stand(msgspec.Struct, frozen=True):
    """What an import works on."""

    run: ImportRun
    layout: Layout
    reading: Reading
    seat: Seat


class Importing:
    """The verb ``run``."""

    def __init__(
        self,
        catalog: Catalog,
        reader: Reader,
        reports: Reports,
        taking: Taking,
        fetching: Fetching,
    ) -> None:
        self._catalog = catalog
        self._reader = reader
        self._reports = reports
        self._taking = taking
        self._fetching = fetching

    async def run(self, job: Job, fetch: Fetch) -> bool:
        """Do an import and end its job; False where another one of the space is under way.

        Raises WrongState (the lease is lost), JobNotFound, NotMember, RightMissing, TypeNotFound,
        Infected, Corrupt, and errors that may pass.
        """
        if not await self._take_turn(job):
            return False
        stand = await self._catalog.look(lambda tx: self._stand(tx, job))
        table = Table()
        try:
            columns = await self._scan(job, stand, table)
        except BadFile as error:
            await self._refuse(job, 0, [Fault("", error.code, error.text)], ",")
            return True
        if not isinstance(columns, Columns):
            await self._refuse(job, 1, columns, table.delimiter)
            return True
        await self._take_rows(job, stand, columns, fetch)
        await self._conclude(job, stand, columns)
        await self._forget_rows(job)
        return True

    async def _take_turn(self, job: Job) -> bool:
        name, mine = f"import:{job.space_id}", str(job.id)

        def work(tx: Tx) -> bool:
            now = now_ms()
            if once.take_lease(tx, name, mine, now, now + _TURN):
                return True
            other = once.holder_of(tx, name)
            present = jobs.by_id(tx, int(other)) if other else None
            if other is None or (present is not None and not present.is_over):
                return False
            return once.take_over(tx, name, other, mine, now + _TURN)

        return await self._catalog.write(work)

    def _stand(self, tx: Tx, job: Job) -> _Stand:
        run = imports.by_job(tx, job.id)
        file = files.by_id(tx, run.file_id) if run is not None else None
        if run is None or file is None:
            raise JobNotFound("What this job was about is gone.")
        content = contents.by_id(tx, file.content_id) if file.content_id is not None else None
        if content is None:
            raise NoContent
        if content.state is ContentState.QUARANTINED:
            raise Infected
        if content.state is ContentState.CORRUPT:
            raise Corrupt
        layout = layout_in(tx, type_of(tx, run.type_id))
        return _Stand(run, layout, Reading(self._reader, file, content, None), seat_of(tx, job))

    async def _scan(self, job: Job, stand: _Stand, table: Table) -> Columns | Sequence[Fault]:
        """Return the columns, or what is wrong with the header; the first time look at all rows.

        Raises BadFile.
        """
        columns: Columns | Sequence[Fault] | None = None
        rows = 0
        async with aclosing(table.rows(_pieces(stand.reading))) as batches:
            async for batch in batches:
                if columns is None and batch:
                    header = batch[0]
                    if not header.is_sound:
                        raise BadFile("NOT_CSV", "The header has wrong quotes.")
                    columns = read_columns(stand.layout, header.cells, stand.run.mode)
                    rows -= 1
                if columns is not None and (job.total is not None or not _is_good(columns)):
                    return columns
                rows += len(batch)
        if columns is None:
            raise BadFile("NOT_CSV", "The file is empty.")
        found = rows
        await self._catalog.write(lambda tx: jobs.progress(tx, job.id, job.holder or "", 0, found))
        return columns

    async def _take_rows(self, job: Job, stand: _Stand, columns: Columns, fetch: Fetch) -> None:
        def known(tx: Tx) -> tuple[int, int]:
            run = imports.by_job(tx, job.id)
            return imports.last_line(tx, job.id), run.succeeded + run.failed if run else 0

        last, done = await self._catalog.look(known)
        async with aclosing(_batches(stand.reading, columns, last)) as batches:
            async for batch in batches:
                await self._fetching.fetch(stand.seat, batch, fetch)
                done += len(batch)
                await self._taking.take(job, stand.run, batch, done)

    async def _conclude(self, job: Job, stand: _Stand, columns: Columns) -> None:
        """End the import, with its error file where rows were refused."""
        run = await self._catalog.look(lambda tx: imports.by_job(tx, job.id)) or stand.run

        def effect(tx: Tx) -> None:
            queue.finish(tx, job, Outcome(run.succeeded, run.failed))

        if not run.failed:
            await self._catalog.write(effect)
            return

        async def faulty(after: int) -> list[ImportRow]:
            return await self._catalog.read(lambda tx: imports.faulty(tx, job.id, after, _PAGE))

        table = Table()
        rows = table.rows(_pieces(stand.reading))
        body = error_file(table, rows, columns, faulty)
        async with aclosing(rows):
            await self._reports.keep(job, report_name(job), body, effect)

    async def _refuse(self, job: Job, line: int, faults: Sequence[Fault], delimiter: str) -> None:
        """End the import of a file that cannot be imported at all."""

        def effect(tx: Tx) -> None:
            failure = Failure("bad_body", faults[0].text)
            present = queue.require_lease(tx, job)
            queue.end(tx, present, JobState.FAILED, actor=job.created_by, failure=failure)

        body = _once(whole_file_error(line, faults, delimiter))
        await self._reports.keep(job, report_name(job), body, effect)

    async def _forget_rows(self, job: Job) -> None:
        """Drop the results of the rows: they were for going on after a crash."""
        while await self._catalog.write(lambda tx: imports.drop_rows(tx, job.id, _FORGET)):
            pass


def report_name(job: Job) -> str:
    """Return the name of an error file (DX-48)."""
    return f"errors_{to_uuid(Kind.JOB, job.id)}.csv"


def _is_good(columns: object) -> bool:
    return isinstance(columns, Columns)


async def _batches(
    reading: Reading, columns: Columns, last: int
) -> AsyncGenerator[list[Ready], None]:
    """Yield the rows behind a line, as many as one transaction takes."""
    batch: list[Ready] = []
    size = urls = 0
    is_header = True
    table = Table()
    async with aclosing(table.rows(_pieces(reading))) as pages:
        async for page in pages:
            for row in page:
                if is_header or row.line <= last:
                    is_header = False
                    continue
                each = ready(columns, row)
                batch.append(each)
                size += row.size
                urls += each.read.urls
                if len(batch) >= _BATCH or size > _BATCH_SIZE or urls >= _BATCH_URLS:
                    yield batch
                    batch, size, urls = [], 0, 0
    if batch:
        yield batch


async def _pieces(reading: Reading) -> AsyncIterator[bytes]:
    """Yield a content in pieces so small that others have their turn between them."""
    async for block in reading.stream(0, reading.size):
        for at in range(0, len(block), _PIECE):
            yield bytes(block[at : at + _PIECE])
            await asyncio.sleep(0)


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data
