"""A worker process to be killed: ``python -m consigne.testing.queue_worker CATALOG_URL LEASE``.

It does jobs of the kind ``note``: each writes one event ``note.written`` in the transaction that
ends the job, after a little while in which it may be killed.
"""

import asyncio
import random
import sys

from consigne.app import open_catalog
from consigne.catalog.engine import Catalog, Tx
from consigne.core import jobs
from consigne.core.history import record
from consigne.jobs.queue import Queue
from consigne.jobs.worker import Run, Worker
from consigne.settings import Settings

KIND = "note"
ACTION = "note.written"


class Notes:
    """Does jobs of the kind ``note``."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def __call__(self, run: Run) -> None:
        job = run.job
        await asyncio.sleep(random.uniform(0, 0.05))
        await run.progress(1, 2)

        def work(tx: Tx) -> None:
            record(tx, job.space_id, None, ACTION, job.id)
            jobs.finish(tx, job)

        await self._catalog.write(work)


async def main(url: str, lease: float) -> None:
    """Work until killed."""
    catalog = open_catalog(Settings(catalog=url, catalog_pool=3))
    await catalog.open()
    worker = Worker(Queue(catalog, lease), {KIND: Notes(catalog)}, slots=2, poll=0.02)
    await worker.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2])))
