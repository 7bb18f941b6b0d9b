"""Imports: how many rows a second, and how much memory they take.

``python -m bench.imports`` imports a CSV on SQLite through a worker process of its own, each row
with two fields that are validated and one file that it links, and prints rows a second and the
highest resident memory of that process. One row in a hundred is refused, so that there is an error
file to be made. ``--rows 1000000`` takes a quarter of an hour.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import msgspec

from bench.rows import MB
from consigne.app import build_depot, build_worker, prepare
from consigne.catalog import contents, files, spaces
from consigne.catalog.engine import Tx
from consigne.core.access import Caller, Seat
from consigne.core.clock import now_ms
from consigne.core.depot import Depot
from consigne.core.entry import Entry
from consigne.core.records.specs import TypeSpec
from consigne.model.entities import File, Policy
from consigne.model.identity import Kind, new_id, to_uuid
from consigne.model.imports import Mode
from consigne.model.records import Field, FieldKind
from consigne.model.rights import Role
from consigne.settings import Settings

FIELDS = [
    Field("title", FieldKind.TEXT, required=True, max=40),
    Field("amount", FieldKind.DOUBLE, min=0),
    Field("scan", FieldKind.FILE),
]
_BATCH = 5_000
_REFUSED = 100


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.imports", description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000, help="rows of the CSV (20,000)")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.work:
        asyncio.run(work(*options.work.split(":", 1)))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data=folder, log_level="error")
        prepare(settings)
        number = asyncio.run(seed(settings, options.rows))
        command = [sys.executable, "-m", "bench.imports", "--work", f"{number}:{folder}"]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    told = json.loads(said.splitlines()[-1])
    rate, alone = told["rows"] / told["seconds"], told["rows"] / told["cpu"]
    print(f"{told['rows']:,} rows in {told['seconds']:.1f} s: {rate:,.0f} rows/s")
    print(f"{told['cpu']:.1f} s of processor time: {alone:,.0f} rows/s on a machine of its own")
    print(f"{told['failed']:,} refused; error file of {told['report'] / MB:.1f} MB")
    print(f"memory: {told['before']:.0f} MB before, {told['peak']:.0f} MB at most")
    return 0


async def seed(settings: Settings, rows: int) -> int:
    """Make a structure, files to be linked and the CSV; start the import and return its job."""
    depot = build_depot(settings)
    await depot.open()
    try:
        user = await depot.accounts.create_user("bench@example.org", is_operator=True)
        space = await depot.tenancy.create("bench", owner=user)
        seat = Seat(Caller(user), space, Role.ADMIN)
        typed = await depot.types.create(seat, TypeSpec("FORM", dialect="daxium", fields=FIELDS))
        entry = Entry(name="scan.pdf", policy=Policy.SINGLE, hold=True, expires_at=2**50)
        first = await depot.intake.receive(seat, _once(b"%PDF-1.4\n%%EOF\n"), entry)
        named: list[int] = []
        while len(named) < rows:
            named += await _twins(depot, first, min(_BATCH, rows - len(named)))
        shown = await depot.imports.receive(seat, typed.type.id, Mode.ADD, _csv(named))
        return shown.job.id
    finally:
        await depot.close()


async def work(number: str, folder: str) -> None:
    """Do the import in this process, and say how it went."""
    depot = build_depot(Settings(data=folder, log_level="error"))
    await depot.open()
    worker = build_worker(depot)
    before = _memory("VmRSS")
    started, cpu = time.monotonic(), time.process_time()
    await worker.start()
    space = (await depot.tenancy.page())[-1]
    owner = (await depot.accounts.users())[-1]
    seat = Seat(Caller(owner), space, Role.ADMIN)
    while not (shown := await depot.imports.look(seat, int(number))).job.is_over:  # noqa: ASYNC110
        await asyncio.sleep(0.1)
    seconds = time.monotonic() - started
    reading = await depot.reports.open(int(number)) if shown.has_errors else None
    told = {
        "rows": shown.job.total,
        "failed": shown.run.failed,
        "seconds": seconds,
        "cpu": time.process_time() - cpu,
        "report": reading.size if reading else 0,
        "before": before,
        "peak": _memory("VmHWM"),
    }
    await worker.stop()
    await depot.close()
    print(json.dumps(told))


async def _twins(depot: Depot, first: File, count: int) -> list[int]:
    """Store held files on the bytes of one, in one transaction."""

    def store(tx: Tx) -> list[int]:
        now, made = now_ms(), []
        for _ in range(count):
            assert first.content_id is not None
            contents.share(tx, first.content_id)
            twin = msgspec.structs.replace(first, id=new_id(now))
            files.insert_file(tx, twin)
            made.append(twin.id)
        spaces.charge(tx, first.space_id, used=count * first.size)
        return made

    return await depot.catalog.write(store)


async def _csv(named: list[int]) -> AsyncIterator[bytes]:
    yield b"userEmail,title,amount,scan\n"
    for at in range(0, len(named), _BATCH):
        lines = []
        for index, number in enumerate(named[at : at + _BATCH], at):
            amount = -1 if index % _REFUSED == 0 else index
            uuid = to_uuid(Kind.FILE, number)
            lines.append(f"bench@example.org,row {index},{amount}.5,{uuid}\n")
        yield "".join(lines).encode()


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


def _memory(field: str) -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024 / MB
    return 0


if __name__ == "__main__":
    sys.exit(main())
