"""The catalog at size: lists, counts, filters, deletions and moves over many files.

``python -m bench.catalog --files 1000000 --engine postgres`` fills a catalog of the product's own
schema and measures the product's own verbs on it, without HTTP and without a store. The tables go
to the standard output, the plans of all statements to ``--plans``. Ten million files take an hour
and 20 GB; what is filled goes when the command ends, unless ``--keep`` names a folder for it.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.parts.postgres import running_cluster

from bench.catalog import questions, work
from bench.catalog.block import SIZE
from bench.catalog.filling import Engine, fill, sizes
from bench.catalog.plans import PlannedCatalog
from bench.rows import MB
from consigne.app import open_catalog
from consigne.blobs.bucket import Bucket
from consigne.blobs.memory import MemoryDriver
from consigne.catalog import migrate
from consigne.core.depot import build
from consigne.settings import Settings

# As an operator would have it, on a machine of some size; and nothing is acknowledged unsynced.
POSTGRES = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "2GB",
    "effective_cache_size": "8GB",
    "random_page_cost": "1.1",
    "max_wal_size": "4GB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "checkpoint_timeout": "30min",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.catalog", description=__doc__)
    parser.add_argument("--files", type=int, default=100_000, help=f"in steps of {SIZE:,}")
    parser.add_argument("--engine", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--runs", type=int, default=9, help="of each question")
    parser.add_argument("--no-words", action="store_true", help="leave the search out")
    parser.add_argument("--plans", type=Path, help="where the plans of all statements go")
    options = parser.parse_args(arguments)
    count = max(1, options.files // SIZE) * SIZE
    with tempfile.TemporaryDirectory() as name, database(options.engine, Path(name)) as url:
        asyncio.run(measure(Path(name), url, count, options))
    return 0


@contextmanager
def database(engine: str, folder: Path) -> Iterator[str]:
    """Give the address of an empty database that goes at the end."""
    if engine == "sqlite":
        yield f"sqlite:///{folder / 'catalog.db'}"
        return
    with running_cluster(POSTGRES) as cluster:
        yield cluster.url(cluster.create())


async def measure(folder: Path, url: str, count: int, options: argparse.Namespace) -> None:
    """Fill a catalog, ask it, change it, and print how long each took."""
    await migrate.upgrade_async(url)
    engine, words = Engine(url), not options.no_words
    settings = Settings(data=str(folder), catalog=url, catalog_statement_time=0)
    depot = build(settings, open_catalog(settings), Bucket(MemoryDriver()))
    await depot.open()
    planned = PlannedCatalog(depot.catalog)
    bench = questions.Bench(depot, build(settings, planned, depot.bucket), planned, options.runs)
    try:
        places = await fill(depot, engine, count, min(0.3, 200_000 / count), words=words)
        print(f"\n## {count:,} files on {'PostgreSQL' if engine.is_postgres else 'SQLite'}")
        questions.header("table or index", "MB", "bytes a file")
        for name, size in (await sizes(depot.catalog, engine))[:40]:
            questions.row(name, f"{size / MB:,.0f}", f"{size / count:,.0f}")
        await questions.lists(bench, places[0], count)
        await questions.filters(bench, places[0], count)
        if words:
            await questions.searches(bench, places[0], count)
        await work.single(bench, places[0])
        await work.many(bench, places)
        await work.care(depot)
    finally:
        if options.plans is not None:
            await asyncio.to_thread(options.plans.write_text, bench.plans_text())
        await depot.close()


if __name__ == "__main__":
    raise SystemExit(main())
