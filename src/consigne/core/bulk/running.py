"""A job over many files, as its worker runs it: page by page, each with how far it is (C-55).

Files are taken in the order of their ids, which is that of their coming; those that came after the
job was started are none of its. After a crash it goes on behind the last page.
"""

import csv
import io
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

import msgspec

from consigne.catalog import bulk, files, finding, jobs, once, spaces
from consigne.catalog.engine import Catalog, Tx
from consigne.core import jobs as queue
from consigne.core import keeping
from consigne.core.access import require_unguarded, writable
from consigne.core.bulk.desk import order_of, scope_of
from consigne.core.bulk.zips import ZipStream
from consigne.core.clock import now_ms
from consigne.core.entry import Entry, Once, check_annotations, encode_annotations
from consigne.core.folders import require_folder
from consigne.core.history import record
from consigne.core.imports.taking import seat_of
from consigne.core.intake import Intake
from consigne.core.reading import Reader
from consigne.core.reports import Reports
from consigne.core.seat import Seat
from consigne.errors import ConsigneError
from consigne.model.bulk import Action, BulkRefusal, BulkRun, Form, Order
from consigne.model.entities import Access, Annotations, File, Job
from consigne.model.identity import Kind, to_uuid
from consigne.model.query import Query

_PAGE = 200
_ROUTE = "export"
_TITLES = ("id", "name", "type", "size", "sha256", "owner", "created_at", "reference")


class Outcome(msgspec.Struct, frozen=True):
    """Result of a job: files and bytes done, files left alone, and the file that an export made."""

    count: int
    size: int
    failed: int
    file: str | None = None


class BulkRunner:
    """The verb ``run``."""

    def __init__(self, catalog: Catalog, intake: Intake, reader: Reader, reports: Reports) -> None:
        self._catalog = catalog
        self._intake = intake
        self._reader = reader
        self._reports = reports

    async def run(self, job: Job) -> None:
        """Do a job and end it. Raises WrongState (the lease is lost), NotMember, RightMissing."""
        order = order_of(job)
        made: File | None = None
        if order.action is Action.EXPORT:
            made = await self._export(job, order)
        else:
            while await self._catalog.write(lambda tx: self._page(tx, job, order)):
                pass
        await self._conclude(job, made)

    def _page(self, tx: Tx, job: Job, order: Order) -> bool:
        """Do a page of files; False where there are no more."""
        queue.require_lease(tx, job)
        seat, run = seat_of(tx, job), bulk.of(tx, job.id)
        assert run is not None
        spaces.lock(tx, job.space_id)
        found = _next(tx, seat, order, job, run.last_id)
        refused: list[BulkRefusal] = []
        count, size = run.count, run.size
        for each in found:
            try:
                with tx.step():
                    _do(tx, seat, order, each.id)
            except ConsigneError as error:
                if queue.may_pass(error):
                    raise
                refused.append(_refusal(job, each, error))
            else:
                count, size = count + 1, size + each.size
        if not found:
            return False
        failed = run.failed + len(refused)
        bulk.advance(tx, BulkRun(job.id, found[-1].id, count, size, failed), refused)
        jobs.progress(tx, job.id, job.holder or "", count + failed, None)
        return True

    async def _export(self, job: Job, order: Order) -> File:
        """Make the file of an export, once, whatever crashes."""
        key = Once(to_uuid(Kind.JOB, job.id), _ROUTE)
        seat = await self._catalog.look(lambda tx: seat_of(tx, job))

        def earlier(tx: Tx) -> File | None:
            known = once.recall(tx, seat.space_id, seat.principal_id, key.route, key.key)
            return files.by_id(tx, known[1]) if known else None

        made = await self._catalog.look(earlier)
        if made is not None:
            return made
        is_zip = order.form is Form.ZIP
        entry = Entry(
            name=order.name or f"export.{order.form}",
            declared_type="application/zip" if is_zip else "text/csv",
            access=Access.PRIVATE,
        )
        await self._catalog.write(lambda tx: _begin_again(tx, job))
        body = self._zipped(job, order) if is_zip else self._listed(job, order)
        return await self._intake.receive(seat, body, entry, idempotency=key)

    async def _zipped(self, job: Job, order: Order) -> AsyncIterator[bytes]:
        archive = ZipStream()
        async for page, seat in self._pages(job, order):
            refused = []
            done = []
            for each in page:
                try:
                    reading = await self._reader.open(seat, each.id)
                except ConsigneError as error:
                    refused.append(_refusal(job, each, error))
                    continue
                async for piece in archive.add(reading, to_uuid(Kind.FILE, each.id)):
                    yield piece
                done.append(each)
            await self._catalog.write(lambda tx, d=done, r=refused: _note(tx, job, d, r))  # type: ignore[misc]
        yield archive.end()

    async def _listed(self, job: Job, order: Order) -> AsyncIterator[bytes]:
        yield _csv([_TITLES])
        async for page, _ in self._pages(job, order):
            yield _csv([_listing(each) for each in page])
            await self._catalog.write(lambda tx, d=page: _note(tx, job, d, []))  # type: ignore[misc]

    async def _pages(self, job: Job, order: Order) -> AsyncIterator[tuple[list[File], Seat]]:
        last = 0
        while True:

            def work(tx: Tx, last: int = last) -> tuple[list[File], Seat]:
                seat = seat_of(tx, job)
                return _next(tx, seat, order, job, last), seat

            page, seat = await self._catalog.read(work)
            if not page:
                return
            yield page, seat
            last = page[-1].id

    async def _conclude(self, job: Job, made: File | None) -> None:
        """End the job, with an error file where files were left alone."""
        run = await self._catalog.look(lambda tx: bulk.of(tx, job.id))
        assert run is not None
        spelled = to_uuid(Kind.FILE, made.id) if made is not None else None

        def effect(tx: Tx) -> None:
            queue.finish(tx, job, Outcome(run.count, run.size, run.failed, spelled))
            bulk.drop_refusals(tx, job.id)
            record(
                tx, job.space_id, job.created_by, "files.bulk", None,
                job=str(job.id), count=run.count, size=run.size, failed=run.failed,
            )  # fmt: skip

        if not run.failed:
            await self._catalog.write(effect)
            return
        name = f"errors_{to_uuid(Kind.JOB, job.id)}.csv"
        await self._reports.keep(job, name, self._errors(job), effect)

    async def _errors(self, job: Job) -> AsyncIterator[bytes]:
        yield _csv([("id", "name", "code", "detail")])
        after = 0
        while page := await self._catalog.read(
            lambda tx, after=after: bulk.refusals(tx, job.id, after, _PAGE)  # type: ignore[misc]
        ):
            yield _csv([(to_uuid(Kind.FILE, r.file_id), r.name, r.code, r.detail) for r in page])
            after = page[-1].file_id


def _next(tx: Tx, seat: Seat, order: Order, job: Job, last: int) -> list[File]:
    """Return the next files behind one, of those that were there when the job was started."""
    query = Query(scope_of(seat, order), order.terms, limit=_PAGE, after=(last,))
    return [file for file in finding.page(tx, query) if file.id < job.id]


def _do(tx: Tx, seat: Seat, order: Order, file_id: int) -> None:
    """Do with one file what is to be done with all. Raises what a single one raises."""
    now = now_ms()
    file = writable(tx, seat, files.lock(tx, file_id), now)
    require_unguarded(file, now)
    if order.action is Action.DELETE:
        keeping.release(tx, file, seat.principal_id, now)
        return
    if order.action is Action.MOVE:
        require_folder(tx, seat, order.folder_id, file.year_id)
        changes: dict[str, object] = {"folder_id": order.folder_id}
    else:
        notes = files.annotations(file)
        tags = sorted({*notes.tags, *order.add} - {*order.remove})
        new = Annotations(notes.fields, tags, notes.found)
        check_annotations(new)
        changes = {"meta": encode_annotations(new)}
    if all(getattr(file, name) == value for name, value in changes.items()):
        return
    files.change(tx, file, **changes, updated_at=now, updated_by=seat.principal_id)
    record(tx, file.space_id, seat.principal_id, "file.changed", file.id, changed=sorted(changes))


def _begin_again(tx: Tx, job: Job) -> None:
    """Forget what an attempt at an export has counted that made no file."""
    queue.require_lease(tx, job)
    bulk.drop_refusals(tx, job.id)
    bulk.advance(tx, BulkRun(job.id, 0, 0, 0, 0), [])


def _note(tx: Tx, job: Job, done: Sequence[File], refused: list[BulkRefusal]) -> None:
    queue.require_lease(tx, job)
    run = bulk.of(tx, job.id)
    assert run is not None
    count, size = run.count + len(done), run.size + sum(file.size for file in done)
    failed = run.failed + len(refused)
    bulk.advance(tx, BulkRun(job.id, run.last_id, count, size, failed), refused)
    jobs.progress(tx, job.id, job.holder or "", count + failed, None)


def _refusal(job: Job, file: File, error: ConsigneError) -> BulkRefusal:
    return BulkRefusal(job.id, file.id, file.name, error.code, error.message)


def _listing(file: File) -> Sequence[str]:
    moment = datetime.fromtimestamp(file.created_at / 1000, UTC)
    return (
        to_uuid(Kind.FILE, file.id),
        file.name,
        file.declared_type or file.detected_type or "",
        str(file.size),
        file.sha256.hex() if file.sha256 else "",
        "" if file.owner_id is None else str(file.owner_id),
        moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        file.reference or "",
    )


def _csv(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()
