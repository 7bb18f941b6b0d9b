"""A failure at every call of store and catalog while a picture is stored (C-20)."""

from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import get_args

import pytest
from tests.core.test_core_faults import Lab, lab
from tests.parts.sites import chunks, noise

from consigne.catalog import jobs, previews
from consigne.catalog.engine import Tx
from consigne.core import jobs as core
from consigne.core.derived import Made
from consigne.errors import ConsigneError, WrongState
from consigne.jobs.queue import Queue
from consigne.model.entities import Job, JobState
from consigne.testing.flaky import When as DriverWhen
from consigne.testing.flaky_catalog import When as CatalogWhen

FAULTS = [("store", when) for when in get_args(DriverWhen)]
FAULTS += [("catalog", when) for when in get_args(CatalogWhen)]


async def stored(made: Lab, place: str, when: str, n: int, size: int) -> bool:
    """Store a picture with a fault at the n-th call; return whether the fault has come."""
    site = made.site
    file = await site.put(noise(5000), "a.png")
    assert file.content_id is not None
    source = file.content_id

    def enqueue(tx: Tx) -> Job:
        return core.enqueue(tx, site.writer, "preview", {}, subject=file.id)[0]

    await site.run(enqueue)
    job = await Queue(site.depot.catalog, 60).claim(["preview"], "me")
    assert job is not None
    picture = Made("shape", "image/png", 10, 10)

    async def attempt() -> None:
        await site.depot.derived.store(
            job, source, picture, chunks(noise(size, 7)), lambda tx: picture
        )

    made.fail(place, n, when, None)
    with suppress(ConsigneError):
        await attempt()
    failed = made.heal()
    await site.audit(tidy=False)
    # Where only the answer was lost, the job is over.
    with suppress(WrongState):
        await attempt()
    await site.audit(tidy=False)
    found = await site.run(lambda tx: previews.find(tx, source, "shape"))
    assert found is not None
    assert found[0].size == size
    assert (await site.run(lambda tx: jobs.by_id(tx, job.id))).state is JobState.DONE
    assert await site.rows("preview") == 1
    await made.tidy_up()
    return failed


@pytest.mark.parametrize(("place", "when"), FAULTS)
@pytest.mark.parametrize("size", [3000, 300_000])
async def test_storing_fails(
    sqlite_template: Path, tmp_path: Path, place: str, when: str, size: int
) -> None:
    """C-20: no row without bytes, wherever it fails; the job is done once; nothing stays over."""
    for n in count(1):
        async with lab("local", sqlite_template, tmp_path / str(n)) as made:
            if not await stored(made, place, when, n, size):
                assert n > 1
                return
