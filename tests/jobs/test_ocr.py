"""The verb ``ocr`` over both catalogs: what it makes, what it costs, and what it leaves behind."""

import asyncio
import time

import pytest
from tests.jobs.conftest import Working
from tests.parts.papers import INVOICE, RECEIPT, encoded, encrypted_pdf, error_rate, paper, text_pdf
from tests.parts.sites import Site

from consigne.catalog import files, jobs
from consigne.core.entry import Entry
from consigne.core.ocr import result_name
from consigne.errors import (
    Busy,
    CreditsExhausted,
    EngineMissing,
    FileNotFound,
    Internal,
    JobNotFound,
    NoContent,
    OcrUnreadable,
    QuotaExceeded,
    RightMissing,
    TypeRefused,
    WrongState,
    YearClosed,
)
from consigne.jobs.ocr import OcrHandler
from consigne.jobs.worker import Run
from consigne.model.entities import Access, JobState, Reason, State
from consigne.model.rights import Role

TWO = text_pdf([INVOICE, RECEIPT])


async def credits(site: Site) -> int:
    return (await site.depot.tenancy.usage(site.admin)).ocr_credits


async def job_count(site: Site) -> int:
    return await site.depot.catalog.read(lambda tx: jobs.count(tx, kind="ocr"))


class Stuck:
    """A handler that never ends by itself; ``started`` and ``cancelled`` tell how far it is."""

    def __init__(self) -> None:
        self.started, self.cancelled = asyncio.Event(), asyncio.Event()

    async def __call__(self, run: Run) -> None:
        self.started.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.cancelled.set()


async def test_new_file(site: Site, working: Working) -> None:
    """AR-20: the text is a new Markdown file beside its source, charged and paid by the page."""
    folder = await site.depot.folders.create(site.writer, "Achats 02/2026")
    source = await site.put(TWO, "facture-bureau.pdf", folder_id=folder.id, reference="FA-118")
    used, reserved, _ = await site.books()
    async with working():
        outcome = await site.depot.ocr.ocr(site.writer, source.id)
    file = outcome.file
    assert file is not None
    assert await site.get(file) == f"{INVOICE}\n\n---\n\n{RECEIPT}".encode()
    assert (file.name, file.declared_type) == ("facture-bureau.md", "text/markdown")
    assert (file.folder_id, file.parent_id) == (folder.id, source.id)
    assert (file.reference, file.state) == ("FA-118", State.KEPT)
    # C-56: what a job makes belongs to who started it.
    assert file.owner_id == outcome.job.created_by == site.writer.principal_id
    assert await site.books() == (used + file.size, reserved, 0)
    assert await credits(site) == 8
    job = outcome.job
    assert (job.state, job.attempts, job.done, job.total) == (JobState.DONE, 1, 2, 2)
    assert await site.depot.history.of(site.space.id, file.id)


async def test_scan(site: Site, working: Working) -> None:
    """AR-20: a picture of a page is read by the engine."""
    source = await site.put(encoded(paper(RECEIPT, 150), "JPEG", quality=70), "ticket")
    async with working():
        outcome = await site.depot.ocr.ocr(site.writer, source.id)
    assert outcome.file is not None
    assert outcome.file.name == "ticket.md"
    assert error_rate(RECEIPT, (await site.get(outcome.file)).decode()) < 0.1
    assert await credits(site) == 9


async def test_again(site: Site, working: Working) -> None:
    """AR-20: a result of the same version that still exists is returned again, free; a deleted one
    and one of an older version are not.
    """
    source = await site.put(TWO, "a.pdf")
    async with working():
        ocr = site.depot.ocr.ocr
        first = await ocr(site.writer, source.id)
        again = await ocr(site.manager, source.id)
        assert first.file is not None
        assert again.file is not None
        assert again.file.id == first.file.id
        assert await credits(site) == 8
        await site.depot.vault.release(site.writer, first.file.id)
        second = await ocr(site.writer, source.id)
        assert second.file is not None
        assert second.file.id != first.file.id
        assert await credits(site) == 6
        one = _stream(text_pdf(["Autre"]))
        await site.depot.intake.replace(site.writer, source.id, one)
        third = await ocr(site.writer, source.id)
        assert third.file is not None
        assert await site.get(third.file) == b"Autre"
    assert await credits(site) == 5


async def test_again_without_worker(site: Site, working: Working) -> None:
    """AR-20: a result that is there is given also when no worker runs."""
    source = await site.put(TWO, "a.pdf")
    async with working():
        first = await site.depot.ocr.ocr(site.writer, source.id)
    again = await site.depot.ocr.ocr(site.writer, source.id)
    assert again.file == first.file


async def test_join(site: Site, working: Working) -> None:
    """AR-20: concurrent calls join one job, and pay once."""
    source = await site.put(TWO, "a.pdf")
    async with working():
        calls = [site.depot.ocr.ocr(site.writer, source.id) for _ in range(5)]
        outcomes = await asyncio.gather(*calls)
    assert len({outcome.file.id for outcome in outcomes if outcome.file}) == 1
    assert await credits(site) == 8
    texts = [file for file in await _files(site) if file.parent_id == source.id]
    assert len(texts) == 1


async def test_private(site: Site, working: Working) -> None:
    """C-03: the text of a private file is private; another who may read it has it read himself."""
    source = await site.put(TWO, "a.pdf", access=Access.PRIVATE)
    stranger = await site.newcomer("stranger", Role.WRITER)
    async with working():
        with pytest.raises(FileNotFound):
            await site.depot.ocr.ocr(stranger, source.id)
        mine = await site.depot.ocr.ocr(site.writer, source.id)
        theirs = await site.depot.ocr.ocr(site.manager, source.id)
    assert mine.file is not None
    assert theirs.file is not None
    assert mine.file.access is theirs.file.access is Access.PRIVATE
    assert (mine.file.owner_id, theirs.file.owner_id) == (
        site.writer.principal_id,
        site.manager.principal_id,
    )
    with pytest.raises(JobNotFound):
        await site.depot.jobs.look(stranger, mine.job.id)


async def test_no_worker(site: Site) -> None:
    """AR-22, C-54: without a live worker the call fails at once and leaves nothing."""
    source = await site.put(TWO, "a.pdf")
    before = time.monotonic()
    with pytest.raises(EngineMissing):
        await site.depot.ocr.ocr(site.writer, source.id)
    assert time.monotonic() - before < 1
    assert await job_count(site) == 0
    assert await credits(site) == 10


async def test_dead_worker(site: Site, working: Working) -> None:
    """C-54: a worker that is gone serves nobody: politely at once, else when its lease is over."""
    source = await site.put(TWO, "a.pdf")
    async with working():
        pass
    with pytest.raises(EngineMissing):
        await site.depot.ocr.ocr(site.writer, source.id)


REFUSED = {
    "text": (b"Bonjour", TypeRefused),
    "encrypted": (encrypted_pdf(), OcrUnreadable),
    "truncated": (TWO[:200], OcrUnreadable),
    "too many pages": (text_pdf(["x"] * 51), OcrUnreadable),
    "credits": (text_pdf(["x"] * 11), CreditsExhausted),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_refused(site: Site, working: Working, name: str) -> None:
    """AR-20, AR-22: what is refused costs nothing and leaves no job and no file."""
    data, error = REFUSED[name]
    source = await site.put(data, "a.pdf")
    async with working():
        with pytest.raises(error):
            await site.depot.ocr.ocr(site.writer, source.id)
    assert await job_count(site) == 0
    assert await credits(site) == 10
    assert len(await _files(site)) == 1


async def test_unreadable_page(site: Site, working: Working) -> None:
    """AR-22: a document that turns out unreadable in the middle gives its credits back."""
    picture = encoded(paper(INVOICE, 150), "JPEG")
    source = await site.put(picture[: len(picture) // 2], "a.jpg")
    async with working():
        with pytest.raises(OcrUnreadable):
            await site.depot.ocr.ocr(site.writer, source.id)
    assert await credits(site) == 10
    assert len(await _files(site)) == 1


async def test_no_content(site: Site, working: Working) -> None:
    """AR-20: an entry without content is refused as such."""
    progress = await site.depot.uploads.expect(site.writer, Entry(name="a.pdf"), length=5)
    file_id = progress.upload.file_id
    assert file_id is not None
    async with working():
        with pytest.raises(NoContent):
            await site.depot.ocr.ocr(site.writer, file_id)


async def test_rights(site: Site, working: Working) -> None:
    """AR-52: readers may not, strangers see no file, another space's members neither."""
    source = await site.put(TWO, "a.pdf")
    other = await site.other_space()
    async with working():
        with pytest.raises(RightMissing):
            await site.depot.ocr.ocr(site.seat(Role.READER), source.id)
        with pytest.raises(FileNotFound):
            await site.depot.ocr.ocr(other, source.id)
    assert await credits(site) == 10


async def test_closed_year(site: Site, working: Working) -> None:
    """AR-20, AR-51: the text belongs to its source's year; nothing is added to a closed one."""
    years = site.depot.years
    year = await years.create(
        site.manager, label="2026", starting_at="2026-01-01", ending_at="2026-12-31"
    )
    source = await site.put(TWO, "a.pdf", year_id=year.id, reasons=Reason.YEAR)
    late = await site.put(TWO, "b.pdf", year_id=year.id, reasons=Reason.YEAR)
    async with working():
        done = await site.depot.ocr.ocr(site.writer, source.id)
    assert done.file is not None
    assert (done.file.year_id, done.file.reasons) == (year.id, Reason.YEAR)
    stuck = Stuck()
    async with working(stuck):
        outcome = await site.depot.ocr.ocr(site.writer, late.id, wait=0)
        await stuck.started.wait()
        await years.close(site.manager, year.id)
    async with working():
        with pytest.raises(YearClosed):
            await site.depot.ocr._wait(site.writer, outcome.job, 10)
        with pytest.raises(YearClosed):
            await site.depot.ocr.ocr(site.writer, late.id)
    assert await credits(site) == 8
    assert len(await _files(site)) == 3


async def test_quota(site: Site, working: Working) -> None:
    """AR-22: where the text has no room, it is not kept, and the credits are given back."""
    source = await site.put(TWO, "a.pdf")
    await site.set_quota(source.size + 10)
    async with working():
        with pytest.raises(QuotaExceeded):
            await site.depot.ocr.ocr(site.writer, source.id)
    assert await credits(site) == 10
    assert await site.books() == (source.size, 0, 0)
    assert len(await _files(site)) == 1
    await site.audit()


async def test_wait(site: Site, working: Working) -> None:
    """AR-21: who does not want to wait gets the job, and can look at it until it is done."""
    source = await site.put(TWO, "a.pdf")
    stuck = Stuck()
    async with working(stuck):
        outcome = await site.depot.ocr.ocr(site.writer, source.id, wait=0)
        assert outcome.file is None
        assert outcome.job.state in (JobState.QUEUED, JobState.RUNNING)
        assert outcome.job.total == 2
        await stuck.started.wait()
        seen = await site.depot.ocr.look(site.writer, source.id, outcome.job.id)
        assert (seen.job.state, seen.file) == (JobState.RUNNING, None)
        late = await site.depot.ocr.ocr(site.writer, source.id, wait=0.2)
        assert (late.job.id, late.file) == (outcome.job.id, None)
        other = await site.put(TWO, "b.pdf")
        with pytest.raises(JobNotFound):
            await site.depot.ocr.look(site.writer, other.id, outcome.job.id)
    async with working():
        done = await site.depot.ocr.ocr(site.writer, source.id)
    assert done.job.id == outcome.job.id
    assert (await site.depot.ocr.look(site.writer, source.id, done.job.id)).file == done.file


async def test_cancel(site: Site, working: Working) -> None:
    """AR-22: a job that is cancelled stops its worker, gives back its credits, makes no file."""
    source = await site.put(TWO, "a.pdf")
    stuck = Stuck()
    async with working(stuck, lease=0.4):
        outcome = await site.depot.ocr.ocr(site.writer, source.id, wait=0)
        await stuck.started.wait()
        await site.depot.jobs.cancel(site.writer, outcome.job.id)
        async with asyncio.timeout(5):
            await stuck.cancelled.wait()
    assert await credits(site) == 10
    assert len(await _files(site)) == 1


async def test_engine_fails(site: Site, working: Working) -> None:
    """AR-22: a failing engine is tried again, then the job fails and the credits come back."""
    source, attempts = await site.put(TWO, "a.pdf"), []

    async def broken(run: Run) -> None:
        attempts.append(run.job.attempts)
        raise Busy if len(attempts) == 1 else RuntimeError("no such thing")

    async with working(broken):
        with pytest.raises(Internal):
            await site.depot.ocr.ocr(site.writer, source.id)
    assert attempts == [1, 2, 3]
    assert await credits(site) == 10


async def test_two_workers_one_file(site: Site, working: Working) -> None:
    """C-54: when a worker lost its lease while it was reading, what it stores has no effect."""
    source = await site.put(TWO, "a.pdf")
    slow_read, real = asyncio.Event(), OcrHandler(site.depot.ocr, site.settings)
    stale: list[Run] = []

    async def slow(run: Run) -> object:
        stale.append(run)
        slow_read.set()
        await asyncio.Event().wait()
        return None

    async with working(slow, lease=0.5):
        await site.depot.ocr.ocr(site.writer, source.id, wait=0)
        await slow_read.wait()
        await site.run(lambda tx: _lapse(tx, stale[0].job.id))
        async with working(real):
            outcome = await site.depot.ocr.ocr(site.writer, source.id)
    with pytest.raises(WrongState):
        await site.depot.ocr.store(stale[0].job, "twice")
    assert outcome.job.attempts == 2
    assert len(await _files(site)) == 2
    assert await credits(site) == 8
    await site.audit()


async def test_source_deleted(site: Site, working: Working) -> None:
    """AR-15, AR-22: a source that is deleted meanwhile fails the job; done, the text stays."""
    source = await site.put(TWO, "a.pdf")
    stuck = Stuck()
    async with working(stuck):
        outcome = await site.depot.ocr.ocr(site.writer, source.id, wait=0)
        await stuck.started.wait()
        await site.depot.vault.release(site.writer, source.id)
    async with working():
        async with asyncio.timeout(10):
            look, number = site.depot.jobs.look, outcome.job.id
            while not (job := await look(site.writer, number)).is_over:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    assert job.failure is not None
    assert job.failure.code == "file_not_found"
    assert await credits(site) == 10
    await site.depot.vault.restore(site.writer, source.id)
    async with working():
        done = await site.depot.ocr.ocr(site.writer, source.id)
    await site.depot.vault.release(site.writer, source.id)
    assert done.file is not None
    assert await site.get(done.file)


def test_names() -> None:
    """AR-20: the extension becomes ``.md``; long names stay within the limit."""
    assert result_name("facture.2026.pdf") == "facture.2026.md"
    assert result_name("scan") == "scan.md"
    assert result_name(".pdf") == "document.md"
    assert len(result_name("é" * 300 + ".pdf")) <= 256


def _lapse(tx, job_id: int) -> None:  # type: ignore[no-untyped-def]
    job = jobs.lock(tx, job_id)
    jobs.renew(tx, job_id, job.holder, 0)


async def _files(site: Site):  # type: ignore[no-untyped-def]
    found = await site.depot.catalog.read(lambda tx: files.page(tx, 0, 1000))
    return [file for file in found if file.state is not State.PURGED]


async def _stream(data: bytes):  # type: ignore[no-untyped-def]
    yield data
