"""Starting jobs over many files, and saying beforehand what they would do."""

from base64 import b64decode, b64encode
from typing import Any

import msgspec

from consigne.catalog import bulk, finding
from consigne.catalog.engine import Catalog, Tx
from consigne.core import jobs as queue
from consigne.core.clock import now_ms
from consigne.core.entry import check_annotations
from consigne.core.finding import visible
from consigne.core.folders import require_folder
from consigne.core.jobs import Jobs
from consigne.core.reports import Opened, Reports
from consigne.core.seat import Seat
from consigne.errors import BadParameter
from consigne.model.bulk import Action, Form, Order
from consigne.model.entities import Annotations, Job
from consigne.model.query import Field, Op, Scope, Term
from consigne.model.rights import Right
from consigne.settings import Settings

KIND = "bulk"


class Foreseen(msgspec.Struct, frozen=True):
    """What a job would do: with how many files of how many bytes, and how many it would skip."""

    count: int
    size: int
    skipped: int


class Bulk:
    """The verbs ``foresee``, ``start`` and ``error_file``."""

    def __init__(self, catalog: Catalog, jobs: Jobs, reports: Reports, settings: Settings) -> None:
        self._catalog = catalog
        self._jobs = jobs
        self._reports = reports
        self._settings = settings

    async def foresee(self, seat: Seat, order: Order) -> Foreseen:
        """Say what a job would do; nothing is done. Raises as ``start``."""

        def work(tx: Tx) -> Foreseen:
            self._check(tx, seat, order)
            scope = scope_of(seat, order)
            free, size, skipped = finding.count_deletable(
                tx, scope, order.terms, now_ms(), only_owned=False
            )
            if order.action is Action.EXPORT:
                return Foreseen(free + skipped, size, 0)
            return Foreseen(free, size, skipped)

        return await self._catalog.read(work)

    async def start(self, seat: Seat, order: Order) -> Job:
        """Start a job of the caller; files that come in from now on are none of its.

        Raises RightMissing, BadParameter, BadFilter, FolderUnknown.
        """

        def work(tx: Tx) -> Job:
            self._check(tx, seat, order)
            count = finding.count(tx, scope_of(seat, order), order.terms)
            most = self._settings.export_max_files
            if order.action is Action.EXPORT and order.form is Form.ZIP and count > most:
                raise BadParameter(
                    f"{count} files match; a ZIP has at most {most}.",
                    hint="Narrow the filter, or export a CSV.",
                    parameter="filter",
                )
            payload = {"order": b64encode(msgspec.msgpack.encode(order)).decode()}
            job, _ = queue.enqueue(tx, seat, KIND, payload, total=count, max_attempts=5)
            bulk.add(tx, job.id)
            return job

        return await self._catalog.write(work)

    async def if_large(self, seat: Seat, scope: Scope, terms: tuple[Term, ...]) -> Job | None:
        """Start a deletion as a job where it would be of more files than one transaction takes."""
        order = Order(Action.DELETE, scope, terms)
        if (await self.foresee(seat, order)).count <= self._settings.bulk_sync:
            return None
        return await self.start(seat, order)

    async def error_file(self, seat: Seat, job_id: int) -> Opened:
        """Open what a job has left to be downloaded, to whom its job is shown.

        Raises JobNotFound, FileNotFound.
        """
        job = await self._jobs.look(seat, job_id)
        if job.created_by != seat.principal_id:
            seat.require(Right.MANAGE)
        return await self._reports.open(job.id)

    def _check(self, tx: Tx, seat: Seat, order: Order) -> None:
        seat.require(Right.WRITE)
        if order.action is Action.MOVE:
            require_folder(tx, seat, order.folder_id, None)
        if order.action is Action.TAG:
            if not order.add and not order.remove:
                raise BadParameter("Name tags to add or to remove.", parameter="add")
            check_annotations(Annotations({}, list(order.add)))


def order_of(job: Job) -> Order:
    """Return what a job of this kind is to do."""
    told = msgspec.msgpack.decode(b64decode(msgspec.json.decode(job.payload)["order"]))
    # A term's value is an integer, text or bytes, which a typed decoder cannot tell apart.
    return Order(
        action=Action(told["action"]),
        scope=msgspec.convert(told["scope"], Scope),
        terms=tuple(_term(**each) for each in told["terms"]),
        folder_id=told["folder_id"],
        add=tuple(told["add"]),
        remove=tuple(told["remove"]),
        form=Form(told["form"]),
        name=told["name"],
    )


def _term(field: str | None, op: str, **rest: Any) -> Term:
    return Term(Field(field) if field is not None else None, Op(op), **rest)


def scope_of(seat: Seat, order: Order) -> Scope:
    """Return which files an order is about: those that the caller sees, and may change."""
    scope = visible(seat, order.scope)
    if order.action is Action.EXPORT or seat.has(Right.MANAGE):
        return scope
    return msgspec.structs.replace(scope, owner=seat.principal_id)
