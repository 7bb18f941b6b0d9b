"""The search: what an upload pays for it, and how long questions take.

``python -m bench.search`` prints two tables for SQLite, in this process and without HTTP. The first
stores small texts with the index switched on and off, in turns, without any worker. The second asks
a space of many documents, drawn from a vocabulary as uneven as that of a language.
"""

import argparse
import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path

from consigne.blobs.bucket import Bucket
from consigne.blobs.memory import MemoryDriver
from consigne.catalog import contents, files, migrate, texts
from consigne.catalog.engine import Tx
from consigne.catalog.sqlite import SqliteCatalog
from consigne.core.access import Caller, Seat
from consigne.core.depot import Depot, build
from consigne.core.entry import Entry
from consigne.model.passages import passages_of
from consigne.model.query import Scope
from consigne.model.rights import Role
from consigne.settings import Settings
from consigne.testing.catalog.base import a_content, a_file

QUESTIONS = {
    "rare word": "mot9000",
    "word of 1 % of the documents": "mot300",
    "word of half of them": "mot3 ",
    "two words": "mot300 mot40 ",
    "phrase": '"mot30 mot31"',
    "as one types it": "mot12",
    "nothing": "introuvable",
}


async def opened(folder: Path, **settings: object) -> tuple[Depot, Seat]:
    """Return a depot on an empty catalog, and the seat of an admin."""
    migrate.upgrade(f"sqlite:///{folder / 'catalog.db'}")
    made = Settings(data=str(folder), **settings)  # type: ignore[arg-type]
    depot = build(made, SqliteCatalog(folder / "catalog.db"), Bucket(MemoryDriver()))
    await depot.open()
    user = await depot.accounts.create_user("a@example.org", "a long password", is_operator=True)
    space = await depot.tenancy.create("bench", owner=user)
    return depot, Seat(Caller(user), space, Role.ADMIN)


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def uploads(count: int, lanes: int) -> None:
    """Print the time of an upload, index off and on, in turns."""
    times: dict[bool, list[float]] = {False: [], True: []}
    for turn in range(6):
        is_on = turn % 2 == 1
        with tempfile.TemporaryDirectory() as folder:
            depot, seat = await opened(Path(folder), text_index=is_on)

            async def lane(numbers: range, depot: Depot = depot, seat: Seat = seat) -> None:
                for number in numbers:
                    body = f"Facture {number} ".encode() * 200
                    await depot.intake.receive(
                        seat, _once(body), Entry(name=f"Facture {number}.txt")
                    )

            # Of the processor, not of the clock: what else the machine does must not count.
            before = time.process_time()
            await asyncio.gather(*[lane(range(n, count, lanes)) for n in range(lanes)])
            times[is_on].append((time.process_time() - before) / count * 1e6)
            await depot.close()
    off, on = (statistics.median(times[key]) for key in (False, True))
    print(f"an upload of 3 KiB of text: {off:.0f} µs of CPU without, {on:.0f} with the index")


async def questions(documents: int, words: int) -> None:
    """Print how long questions take, and how much they find."""
    chance = random.Random(1)
    vocabulary = [f"mot{number}" for number in range(10_000)]
    weights = [1 / (number + 1) for number in range(10_000)]
    with tempfile.TemporaryDirectory() as name:
        depot, seat = await opened(Path(name))
        for start in range(0, documents, 100):

            def work(tx: Tx, start: int = start) -> None:
                for number in range(start, min(documents, start + 100)):
                    body = " ".join(chance.choices(vocabulary, weights, k=words))
                    content = a_content(seat.space_id, b"%d" % number)
                    contents.add(tx, content)
                    row = a_file(seat.space_id, f"{number}.txt", content_id=content.id)
                    files.insert_file(tx, row)
                    for piece in passages_of(body):
                        texts.add(tx, seat.space_id, content.id, None, piece)

            await depot.catalog.write(work)
            await depot.texts.catch_up()
        size = (Path(name) / "catalog.db").stat().st_size
        print(f"{documents} documents of {words} words; catalog {size >> 20} MiB")
        for label, question in QUESTIONS.items():
            taken, total = [], 0
            for _ in range(5):
                before = time.perf_counter()
                found = await depot.search.search(seat, question, Scope(seat.space_id))
                taken.append((time.perf_counter() - before) * 1000)
                total = found.total
            print(f"{label:32}{total:>9} hits {statistics.median(taken):>9.1f} ms", flush=True)
        await depot.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--uploads", type=int, default=4000)
    parser.add_argument("--documents", type=int, default=20_000)
    parser.add_argument("--words", type=int, default=600)
    given = parser.parse_args()
    asyncio.run(uploads(given.uploads, 16))
    asyncio.run(questions(given.documents, given.words))


if __name__ == "__main__":
    main()
