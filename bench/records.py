"""Records: whether one is read as fast among a hundred thousand as on an empty server.

``python -m bench.records`` fills one SQLite server with 100,000 documents of ten linked files each
and another with one such document, reads documents of both in turns through the Dynacase dialect,
and prints reads a second of both and their ratio.
"""

import argparse
import asyncio
import statistics
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from random import Random

import msgspec
from tests.parts.server import KEY, RunningServer

from bench.load import Wrk
from consigne.app import build_depot, prepare
from consigne.catalog import contents, files, links, records, spaces
from consigne.catalog.engine import Tx
from consigne.core.access import Caller, Seat
from consigne.core.clock import now_ms
from consigne.core.depot import Depot
from consigne.core.entry import Entry
from consigne.core.records.change import Change, Full, Slot
from consigne.core.records.specs import TypeSpec
from consigne.model.identity import new_id
from consigne.model.records import Field, FieldKind
from consigne.model.rights import Role
from consigne.settings import Settings

FIELDS = [
    Field("title", FieldKind.TEXT, in_title=True),
    Field("scans", FieldKind.FILE, multiple=True),
]
LINKS = 10
_BATCH = 1_000
_READ = 2_000
_CONNECTIONS = 16


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.records", description=__doc__)
    parser.add_argument("--documents", type=int, default=100_000, help="in the full server")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=5)
    options = parser.parse_args(arguments)
    wrk = Wrk(options.seconds)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rates: dict[int, list[float]] = {}
        running: list[tuple[int, RunningServer, Path]] = []
        try:
            for count in (1, options.documents):
                data = folder / str(count)
                paths = folder / f"{count}.paths"
                numbers = asyncio.run(fill(Settings(data=str(data), log_level="error"), count))
                paths.write_text("".join(f"/api/documents/{number}\n" for number in numbers))
                running.append((count, RunningServer(data).start(), paths))
            headers = {"Authorization": f"token {KEY}"}
            for _ in range(options.rounds):
                for count, server, paths in running:
                    rate = wrk.read(server.url, paths, headers, _CONNECTIONS).per_second
                    rates.setdefault(count, []).append(rate)
        finally:
            for _, server, _ in running:
                server.kill9()
    empty, full = (statistics.median(each) for each in rates.values())
    print(f"{empty:,.0f} reads a second with one document of {LINKS} files")
    print(f"{full:,.0f} reads a second with {options.documents:,} of them ({full / empty:.2f})")
    return 0


async def fill(settings: Settings, count: int) -> list[int]:
    """Make documents with files; return the numbers of some of them."""
    settings = msgspec.structs.replace(
        settings, bootstrap_user="bench@example.org:a long password", bootstrap_key=KEY
    )
    await asyncio.to_thread(prepare, settings)
    depot = build_depot(settings)
    await depot.open()
    try:
        space = (await depot.tenancy.page())[0]
        seat = Seat(Caller((await depot.accounts.users())[0]), space, Role.ADMIN)
        spec = TypeSpec("FORM", dialect="dynacase", fields=FIELDS)
        kind = (await depot.types.create(seat, spec)).type.id
        slots: list[Slot | None] = []
        for index in range(LINKS):
            entry = Entry(name=f"scan{index}.pdf", hold=True, expires_at=2**50)
            file = await depot.intake.receive(seat, _body(), entry)
            slots.append(Slot(file.id))
        change = Change(values={"title": "Document"}, files={"scans": slots})
        first = await depot.records.create(seat, kind, change)
        numbers = [first.record.id]
        while len(numbers) < count:
            numbers += await _twins(depot, first, min(_BATCH, count - len(numbers)))
            await depot.texts.catch_up()  # or the server would be busy with their names
        return Random(1).sample(numbers, min(_READ, count))
    finally:
        await depot.close()


async def _twins(depot: Depot, first: Full, count: int) -> list[int]:
    """Store documents like the first one, each with files of its own, in one transaction."""

    def store(tx: Tx) -> list[int]:
        made, used = [], 0
        for _ in range(count):
            number, type_number = records.count_up(tx, first.record.space_id, first.type.id)
            record = records.insert_record(
                tx,
                msgspec.structs.replace(
                    first.record, uuid=f"{number:032x}", number=number, type_number=type_number
                ),
            )
            for placed in first.links:
                assert placed.file.content_id is not None
                contents.share(tx, placed.file.content_id)
                twin = msgspec.structs.replace(placed.file, id=new_id(now_ms()))
                files.insert_file(tx, twin)
                link = msgspec.structs.replace(placed.link, record_id=record.id, file_id=twin.id)
                links.insert_link(tx, link)
                used += twin.size
            made.append(record.id)
        spaces.charge(tx, first.record.space_id, used=used)
        return made

    return await depot.catalog.write(store)


async def _body() -> AsyncIterator[bytes]:
    yield b"%PDF-1.4\n%%EOF\n"


if __name__ == "__main__":
    raise SystemExit(main())
