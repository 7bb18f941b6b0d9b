"""What is done to a full catalog: uploads, deletions, moves, a round of the sweeper, a proof."""

import asyncio
import time
from collections.abc import AsyncIterator
from random import Random

import msgspec

from bench.catalog.block import Place
from bench.catalog.questions import Bench, header, row
from consigne.core.bulk.desk import KIND
from consigne.core.depot import Depot
from consigne.core.entry import Entry
from consigne.core.proof import links, rows, sessions
from consigne.core.proof.inspection import Inspection
from consigne.core.proof.report import Options, Report, no_progress
from consigne.jobs.bulk import BulkHandler
from consigne.jobs.queue import Queue
from consigne.jobs.sweeper import Sweeper
from consigne.jobs.worker import Worker
from consigne.model.bulk import Action
from consigne.model.bulk import Order as Wish
from consigne.model.query import Field, Op, Query, Scope, Term

_UPLOADS = 2_000
_LANES = 16
_SAMPLE = 500


async def single(bench: Bench, place: Place) -> None:
    """Print the verbs on one file, and uploads."""
    depot, seat = bench.depot, place.seat
    header("one file", "time")
    some = await _somewhere(depot, place)
    chance = Random(2)
    row("metadata", await bench.time("look", lambda d: d.vault.look(seat, chance.choice(some))))
    for label, verb in {
        "upload": lambda d: _upload(d, place, chance),
        "rename": lambda d: d.vault.change(
            seat, chance.choice(some), name=f"Avoir {chance.getrandbits(40)}.pdf"
        ),
        "delete": lambda d: d.vault.release(seat, some.pop()),
    }.items():
        row(label, await bench.time(label, verb))
    before, cpu = time.monotonic(), time.process_time()
    lanes = [_uploads(depot, place, Random(n)) for n in range(_LANES)]
    await asyncio.gather(*lanes)
    rate = _UPLOADS / (time.monotonic() - before)
    cost = (time.process_time() - cpu) / _UPLOADS * 1e6
    row(f"uploads, {_LANES} at a time", f"{rate:,.0f} a second, {cost:,.0f} µs of our CPU each")


async def _somewhere(depot: Depot, place: Place) -> list[int]:
    terms = (Term(Field.SIZE, Op.FROM, 50_000),)
    found = await depot.finding.find(
        place.seat, Query(Scope(place.seat.space_id), terms, limit=_SAMPLE)
    )
    return [each.id for each in found.files]


async def _uploads(depot: Depot, place: Place, chance: Random) -> None:
    for _ in range(_UPLOADS // _LANES):
        await _upload(depot, place, chance)


async def _upload(depot: Depot, place: Place, chance: Random) -> object:
    number = chance.getrandbits(60)
    entry = Entry(name=f"Facture client{number % 2000} {number}.pdf")
    return await depot.intake.receive(place.seat, _once(f"%PDF-1.4 {number}".encode()), entry)


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def many(bench: Bench, places: list[Place]) -> None:
    """Print what is done to many files: folders, deletion by filter, jobs."""
    depot, place = bench.depot, places[0]
    seat, space = place.seat, place.seat.space_id
    header("many files", "files", "time", "files a second")
    archived = Scope(space, folder_id=place.archive)
    count = await depot.finding.count(seat, archived)
    before = time.monotonic()
    await depot.folders.change(seat, place.archive, parent_id=place.folders[2][0])
    _told("move a folder into another", count, before)
    count = await depot.finding.count(seat, Scope(space, folder_id=place.folders[0][0]))
    before = time.monotonic()
    await depot.folders.change(seat, place.folders[0][0], name="Clients")
    _told("rename a folder of 120 folders", count, before)
    wish = Wish(Action.MOVE, archived, folder_id=place.folders[1][0])
    await _job(depot, place, wish, "move the files of a folder elsewhere, as a job")
    customer = (Term(None, Op.EQUAL, "client7", key="customer"),)
    await _job(
        depot, place, Wish(Action.TAG, Scope(space), customer, add=("seen",)), "tag by metadata"
    )
    for label, other, terms in (
        ("delete by size, one statement", places[3], (Term(Field.SIZE, Op.FROM, 5_000_000),)),
        ("delete by name ~, one statement", places[4], (Term(Field.NAME, Op.CONTAINS, "avoir"),)),
    ):
        before = time.monotonic()
        found = await depot.finding.delete_matching(other.seat, Scope(other.seat.space_id), terms)
        _told(label, found.count, before)
    larger = (Term(Field.SIZE, Op.FROM, 1_000_000),)
    await _job(depot, place, Wish(Action.DELETE, Scope(space), larger), "delete by size, as a job")
    contrat = (Term(Field.NAME, Op.CONTAINS, "client19"),)
    await _job(
        depot, place, Wish(Action.DELETE, Scope(space), contrat), "delete by name ~, as a job"
    )


async def _job(depot: Depot, place: Place, wish: Wish, label: str) -> None:
    """Do a job for half a minute at most, and say how fast it was."""
    before = time.monotonic()
    job = await depot.bulk.start(place.seat, wish)
    started = time.monotonic() - before
    queue = Queue(depot.catalog, depot.settings.job_lease)
    worker = Worker(queue, {KIND: BulkHandler(depot.bulk_runner)}, slots=1, poll=0.1)
    before = time.monotonic()
    await worker.start()
    while not (shown := await depot.jobs.look(place.seat, job.id)).is_over:
        await asyncio.sleep(0.05)
        if time.monotonic() - before > 30:
            await depot.jobs.cancel(place.seat, job.id)
            break
    taken = time.monotonic() - before
    await worker.stop()
    row(
        f"{label} (started in {started:.2f} s)",
        f"{shown.done:,} of {job.total or 0:,}",
        f"{taken:.1f} s",
        f"{shown.done / taken:,.0f}",
    )


def _told(label: str, count: int, before: float) -> None:
    taken = time.monotonic() - before
    row(label, f"{count:,}", f"{taken:.3f} s", f"{count / taken:,.0f}")


async def care(depot: Depot) -> None:
    """Print a round of the sweeper with nothing to do, and the part of fsck in the catalog."""
    header("care", "time", "found")
    sweeper = Sweeper(depot.catalog, depot.bucket, depot.settings)
    for label in ("sweep, first round", "sweep, second round"):
        before = time.monotonic()
        swept = await sweeper.sweep()
        row(label, f"{time.monotonic() - before:.2f} s", sum(msgspec.structs.astuple(swept)))
    report = Report(started_at=0, rehash=False, repair=False, dry_run=True, age=3600)
    run = Inspection(depot.catalog, depot.bucket, Options(), report, no_progress, 3600)
    for check in (
        rows.check_versions,
        rows.check_references,
        rows.check_previews,
        links.check_links,
        rows.check_files,
        rows.check_index,
        sessions.check_overdue,
        rows.check_counters,
    ):
        before, found = time.monotonic(), report.found
        await check(run)
        label = f"fsck: {check.__name__.removeprefix('check_')}"
        row(label, f"{time.monotonic() - before:.2f} s", report.found - found)
