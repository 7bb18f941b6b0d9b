"""Starting imports and looking at them (DX-39, DX-45, DX-48)."""

import hashlib
from collections.abc import Mapping

import msgspec

from consigne.catalog import files, imports, jobs, links, once, record_types
from consigne.catalog.engine import Catalog, Tx
from consigne.core import jobs as queue
from consigne.core import keeping
from consigne.core.clock import now_ms
from consigne.core.entry import Entry, Once, Source
from consigne.core.history import record
from consigne.core.intake import Intake
from consigne.core.records import permits
from consigne.core.records.change import Refusal
from consigne.core.records.linking import judge
from consigne.core.reports import Opened, Reports
from consigne.core.seat import Seat
from consigne.core.vault import Vault
from consigne.errors import (
    AlreadyLinked,
    ConsigneError,
    FileNotFound,
    FileTooLarge,
    IdempotencyConflict,
    Infected,
    JobNotFound,
    LinkRefused,
    TypeNotFound,
)
from consigne.model.entities import Access, File, Guard, Job, JobState, Policy, Reason
from consigne.model.imports import ImportRun, Mode
from consigne.model.rights import Right
from consigne.settings import Settings

KIND = "import"
FILE = "file"
_ATTEMPTS = 10
_WAIT = 3_600_000
_ONCE_LIFE = 30 * 86_400_000


class Shown(msgspec.Struct, frozen=True):
    """An import: its counts, its job, and whether it has left an error file."""

    run: ImportRun
    job: Job
    has_errors: bool


class Imports:
    """The verbs. All need the right ``manage``; JobNotFound where the space has no such import."""

    def __init__(
        self,
        catalog: Catalog,
        intake: Intake,
        vault: Vault,
        reports: Reports,
        settings: Settings,
    ) -> None:
        self._catalog = catalog
        self._intake = intake
        self._vault = vault
        self._reports = reports
        self._settings = settings

    async def receive(
        self,
        seat: Seat,
        type_id: int,
        mode: Mode,
        source: Source,
        *,
        length: int | None = None,
        expected: Mapping[str, bytes] | None = None,
        key: Once | None = None,
    ) -> Shown:
        """Take in a CSV file and start its import; a refused start leaves nothing.

        Raises as ``start``, and as ``Intake.receive``.
        """
        await self._catalog.look(lambda tx: _require_type(tx, seat, type_id))
        entry = Entry(
            name="import.csv",
            declared_type="text/csv",
            access=Access.PRIVATE,
            policy=Policy.SINGLE,
            hold=True,
            expires_at=now_ms() + _WAIT,
        )
        limit = self._settings.import_max_size
        file = await self._intake.receive(
            seat, source, entry, length=length, expected=expected, limit=limit
        )
        try:
            shown = await self.start(seat, type_id, mode, file.id, key=key, digest=file.sha256)
        except ConsigneError:
            await self._vault.discard(seat, file.id)
            raise
        if shown.run.file_id != file.id:
            await self._vault.discard(seat, file.id)
        return shown

    async def start(
        self,
        seat: Seat,
        type_id: int,
        mode: Mode,
        file_id: int,
        *,
        key: Once | None = None,
        digest: bytes | None = None,
    ) -> Shown:
        """Start the import of a file of the vault, which is linked by that, once and for ever.

        Repeated with its ``key`` it returns the import that there is; ``digest`` tells the bodies
        of such requests apart, by default the file does. Raises RightMissing, TypeNotFound,
        LinkRefused, AlreadyLinked, Infected, FileTooLarge, IdempotencyConflict.
        """
        fingerprint = hashlib.sha256(
            msgspec.json.encode([type_id, mode, digest.hex() if digest else file_id])
        ).digest()

        def work(tx: Tx) -> Shown:
            _require_type(tx, seat, type_id)
            now = now_ms()
            if key is not None:
                mark = (seat.space_id, seat.principal_id, key.route, key.key)
                if not once.remember(tx, *mark, fingerprint, 0, now + _ONCE_LIFE):
                    return _earlier(tx, seat, key, fingerprint)
            file = files.lock(tx, file_id)
            self._require_free(tx, seat, file, file_id, now)
            assert file is not None
            job, _ = queue.enqueue(
                tx, seat, KIND, {"type": type_id, "mode": mode}, subject=file_id,
                max_attempts=_ATTEMPTS,
            )  # fmt: skip
            links.take(
                tx, file, access=file.access,
                reasons=int(Reason(file.reasons) | Reason.LINK),
                guards=int(Guard(file.guards) | Guard.LINKED),
            )  # fmt: skip
            record(tx, seat.space_id, seat.principal_id, "file.linked", file.id, job=str(job.id))
            run = ImportRun(job.id, seat.space_id, type_id, file_id, mode, 0, 0)
            imports.add(tx, run)
            if key is not None:
                once.settle(tx, *mark, job.id)
            return Shown(run, job, False)

        return await self._catalog.write(work)

    async def look(self, seat: Seat, job_id: int) -> Shown:
        """Return an import as it is now."""
        seat.require(Right.MANAGE)
        found = await self._catalog.look(lambda tx: imports.look(tx, seat.space_id, job_id))
        if found is None:
            raise JobNotFound
        return Shown(*found)

    async def page(self, seat: Seat, limit: int, offset: int) -> tuple[list[Shown], int]:
        """Return imports, newest first, and how many there are."""
        seat.require(Right.MANAGE)

        def work(tx: Tx) -> tuple[list[Shown], int]:
            found = imports.page(tx, seat.space_id, limit, offset)
            return [Shown(*each) for each in found], imports.count(tx, seat.space_id)

        return await self._catalog.read(work)

    async def error_file(self, seat: Seat, job_id: int) -> Opened:
        """Open the error file. Raises FileNotFound (details ``state``) where there is none."""
        shown = await self.look(seat, job_id)
        if not shown.has_errors:
            raise FileNotFound("There is no error file.", state=shown.job.state)
        return await self._reports.open(job_id)

    def _require_free(self, tx: Tx, seat: Seat, file: File | None, number: int, now: int) -> None:
        """Raise where a file cannot be linked, or is too large."""
        why, _ = judge(tx, seat, file, share=False, is_second=False, now=now)
        refusal = [Refusal(FILE, None, number, why or "")]
        if why == "linked":
            raise AlreadyLinked(files=refusal)
        if why == "infected":
            raise Infected(files=refusal)
        if why is not None or file is None:
            raise LinkRefused(files=refusal)
        limit = self._settings.import_max_size
        if file.size > limit:
            raise FileTooLarge(limit=limit, size=file.size)


def _require_type(tx: Tx, seat: Seat, type_id: int) -> None:
    """Raise unless the caller may import records of a type."""
    seat.require(Right.MANAGE)
    type = record_types.by_id(tx, type_id)
    if type is None or type.space_id != seat.space_id:
        raise TypeNotFound
    permits.require(seat, permits.groups_for(tx, seat, type.rules), type.rules, "create")


def _earlier(tx: Tx, seat: Seat, key: Once, fingerprint: bytes) -> Shown:
    known = once.recall(tx, seat.space_id, seat.principal_id, key.route, key.key)
    found = imports.look(tx, seat.space_id, known[1]) if known else None
    if known is None or known[0] != fingerprint or found is None:
        raise IdempotencyConflict(hint="Use a new key for a new import.", id=key.key)
    return Shown(*found)


def is_under_way(job: Job) -> bool:
    """Tell whether a job waits or runs."""
    return job.state in (JobState.QUEUED, JobState.RUNNING)


def forget(tx: Tx, before: int, limit: int, batch: int) -> int:
    """Let go of imports that ended before a moment: their files lose the link, their results go.

    Returns how many runs were looked at; one with very many results needs several calls.
    """
    due = imports.forgotten(tx, before, limit)
    now = now_ms()
    for run in due:
        if imports.drop_rows(tx, run.job_id, batch):
            continue
        file = files.lock(tx, run.file_id)
        if file is not None and Reason.LINK in Reason(file.reasons):
            reasons = Reason(file.reasons) & ~Reason.LINK
            guards = Guard(file.guards) & ~Guard.LINKED
            stays = reasons or guards
            left = files.change(tx, file, reasons=reasons or Reason.OWNER, guards=guards)
            record(tx, file.space_id, None, "file.unlinked", file.id, job=str(run.job_id))
            if not stays:
                keeping.release(tx, left, None, now, "unlinked")
        imports.drop(tx, run.job_id)
        jobs.remove(tx, run.job_id)
    return len(due)
