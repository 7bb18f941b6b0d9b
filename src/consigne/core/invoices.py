"""Electronic invoices inside PDFs (Factur-X, ZUGFeRD): noticed, read, attached, handed out.

What a file's bytes say is ``found`` beside what people say of it (``Annotations``): the fields
``invoice.*`` are searched and shown as metadata, count for none of its limits, yield to a field of
the same name that somebody has set, and go when the bytes are replaced. The XML itself is derived
from the content, as pictures are.
"""

from collections.abc import AsyncIterator, Mapping

import msgspec

from consigne.catalog import files, jobs, previews
from consigne.catalog.engine import Catalog, Tx
from consigne.core import jobs as queue
from consigne.core.access import Seat
from consigne.core.clock import now_ms
from consigne.core.derived import Derivative, Derivatives, Made
from consigne.core.entry import encode_annotations
from consigne.core.history import record
from consigne.core.previews import require_served
from consigne.core.reading import Reader, Reading
from consigne.errors import DocumentUnreadable, FieldNotFound
from consigne.model.entities import Job, State
from consigne.model.names import MAX_CHARACTERS, shorten
from consigne.settings import Settings

KIND = "invoice"
SHAPE = "invoice.xml"
PDF = "application/pdf"
PREFIX = "invoice."
# As XML of a stranger it is never shown, always an attachment.
_XML = "application/xml"
_FORGIVEN = 86_400_000
_ATTEMPTS = 2


class Work(msgspec.Struct, frozen=True):
    """Payload of a job: which content of which version of the file."""

    content_id: int
    version: int


class Result(msgspec.Struct, frozen=True):
    """Result of a job: whether there is an invoice in it."""

    is_invoice: bool


class Invoices:
    """The verb ``xml``, and those of the worker: ``notice``, ``attach`` and ``dismiss``."""

    def __init__(
        self, catalog: Catalog, reader: Reader, derived: Derivatives, settings: Settings
    ) -> None:
        self._catalog = catalog
        self._reader = reader
        self._derived = derived
        self._settings = settings

    async def xml(self, seat: Seat, file_id: int, *, version: int | None = None) -> Derivative:
        """Return the XML of the invoice in a file, opened for reading, as it is, damaged or not.

        Raises as ``Reader.open``, and FieldNotFound where there is no invoice in it,
        DocumentUnreadable, EngineMissing, and Busy where it is not there in time.
        """
        reading = await self._reader.open(seat, file_id, version)
        if reading.detected_type != PDF or reading.size > self._settings.invoice_max_size:
            raise _no_invoice()
        name = _name(reading.name)
        found = await self._derived.find(reading, SHAPE, name)
        if found is not None:
            return found
        number = reading.file.version if version is None else version
        job = await self._catalog.write(lambda tx: self._join(tx, seat, reading, number))
        content_id = reading.content.id
        made = await self._derived.wait(
            job, lambda tx: previews.find(tx, content_id, SHAPE), self._settings.preview_wait
        )
        if made is None:
            raise _no_invoice()
        return Derivative(self._reader, reading.file, made, name)

    def notice(self, tx: Tx, file_id: int) -> Job | None:
        """Enqueue the reading of a file's present bytes where they may hold an invoice, once."""
        file = files.by_id(tx, file_id)
        if (
            file is None
            or file.content_id is None
            or file.state not in (State.HELD, State.KEPT)
            or file.detected_type != PDF
            or file.size > self._settings.invoice_max_size
        ):
            return None
        key = _key(file.id, file.version)
        if _invoice_fields(files.annotations(file).found) or jobs.done_with(tx, key, 1):
            return None
        work = Work(file.content_id, file.version)
        job, is_new = queue.enqueue_for(
            tx, file.space_id, file.owner_id, KIND, work,
            subject=file.id, key=key, max_attempts=_ATTEMPTS,
        )  # fmt: skip
        return job if is_new else None

    async def attach(self, job: Job, fields: Mapping[str, str], xml: AsyncIterator[bytes]) -> None:
        """Attach what a job has read, keep the XML, end the job: in one transaction.

        ``fields`` by their names without ``invoice.``. Raises as ``Derivatives.store``.
        """

        def effect(tx: Tx) -> Result:
            _attach(tx, job, fields)
            return Result(True)

        await self._derived.store(job, work_of(job).content_id, Made(SHAPE, _XML), xml, effect)

    async def dismiss(self, job: Job) -> None:
        """End a job that has found no invoice. Raises WrongState."""

        def work(tx: Tx) -> None:
            queue.finish(tx, job, Result(False))

        await self._catalog.write(work)

    def _join(self, tx: Tx, seat: Seat, reading: Reading, version: int) -> Job:
        """Return the job that reads a version: one that is under way, else a new one."""
        key = _key(reading.file.id, version)
        for done in jobs.done_with(tx, key, 1):
            if not msgspec.json.decode(done.result or "{}", type=Result).is_invoice:
                raise _no_invoice()
        for past in jobs.failed_with(tx, key, 1):
            error = queue.error_of(past)
            recent = (past.ended_at or 0) > now_ms() - _FORGIVEN
            if isinstance(error, DocumentUnreadable) and recent:
                raise error
        under_way = jobs.under_way(tx, key)
        if under_way is not None:
            return under_way
        require_served(tx, KIND)
        work = Work(reading.content.id, version)
        job, _ = queue.enqueue(
            tx, seat, KIND, work, subject=reading.file.id, key=key, max_attempts=_ATTEMPTS
        )
        return job


def work_of(job: Job) -> Work:
    """Return what a job of this kind is to do."""
    return msgspec.json.decode(job.payload, type=Work)


def _attach(tx: Tx, job: Job, fields: Mapping[str, str]) -> None:
    """Write fields into the file that a job was about, if it still has these bytes."""
    work = work_of(job)
    file = files.lock(tx, job.subject) if job.subject is not None else None
    if file is None or (file.version, file.content_id) != (work.version, work.content_id):
        return
    notes = files.annotations(file)
    others = {name: value for name, value in notes.found.items() if not name.startswith(PREFIX)}
    found = others | {PREFIX + name: value for name, value in fields.items()}
    if found == notes.found:
        return
    files.change(tx, file, meta=encode_annotations(msgspec.structs.replace(notes, found=found)))
    record(
        tx, file.space_id, None, "file.recognised", file.id,
        kind=KIND, profile=fields.get("profile"), number=fields.get("number"),
        error=fields.get("error"),
    )  # fmt: skip


def _invoice_fields(found: Mapping[str, str]) -> bool:
    return any(name.startswith(PREFIX) for name in found)


def _key(file_id: int, version: int) -> str:
    return f"{KIND}:{file_id}:{version}"


def _name(name: str) -> str:
    """Return the name of the XML of an invoice: that of its file, with another extension."""
    stem = name.rpartition(".")[0] if "." in name[:-1] else name
    return shorten(stem or "invoice", MAX_CHARACTERS - 4, 1000) + ".xml"


def _no_invoice() -> FieldNotFound:
    return FieldNotFound("The file carries no electronic invoice.")
