"""Reports: what a job leaves to be downloaded, kept as long as the job is listed.

The bytes are a content in the state ``derived``: reads are checked, fsck proves them, the sweeper
removes them, and nobody is charged, so that a full space still learns what was refused.
"""

from collections.abc import AsyncIterator, Callable

from consigne.blobs.bucket import Bucket
from consigne.catalog import contents, reports
from consigne.catalog.engine import Catalog, Tx
from consigne.core.clock import now_ms
from consigne.core.reading import Reader, Reading
from consigne.errors import ConsigneError, FileNotFound, Internal, Unavailable
from consigne.model.entities import Content, ContentState, Job, Report
from consigne.model.identity import new_id

CSV = "text/csv"


class Opened(Reading):
    """An opened report, to be delivered like any reading."""

    __slots__ = ("_report",)

    def __init__(self, reader: Reader, report: Report, content: Content) -> None:
        self._reader = reader
        self._report = report
        self.content = content
        self.name = report.name
        self.media_type = CSV
        self.detected_type = content.detected_type
        self.modified_at = report.made_at

    @property
    def subject(self) -> int:
        return self._report.job_id


class Reports:
    """Storing and opening reports. Who may see one is for the callers to check."""

    def __init__(self, catalog: Catalog, bucket: Bucket, reader: Reader) -> None:
        self._catalog = catalog
        self._bucket = bucket
        self._reader = reader

    async def open(self, job_id: int) -> Opened:
        """Open the report of a job. Raises FileNotFound where it has none."""
        found = await self._catalog.look(lambda tx: reports.of(tx, job_id))
        if found is None:
            raise FileNotFound("The job has left no report.")
        return Opened(self._reader, *found)

    async def exists(self, job_id: int) -> bool:
        """Tell whether a job has left a report."""
        return await self._catalog.look(lambda tx: reports.of(tx, job_id)) is not None

    async def keep(
        self, job: Job, name: str, body: AsyncIterator[bytes], effect: Callable[[Tx], None]
    ) -> None:
        """Store a report in the transaction of ``effect``, which ends its job.

        Raises what ``effect`` and ``body`` raise, StorageFull.
        """
        draft = await self._bucket.draft(body)
        async with draft:
            key = await draft.store()

            def work(tx: Tx) -> None:
                now = now_ms()
                effect(tx)
                content = Content(
                    id=new_id(now),
                    space_id=job.space_id,
                    sha256=draft.sha256,
                    md5=draft.md5,
                    size=draft.size,
                    key=key,
                    block_size=draft.block_size,
                    blocks=draft.blocks,
                    references=1,
                    state=ContentState.DERIVED,
                    detected_type=CSV,
                    created_at=now,
                    idle_since=None,
                )
                if not contents.add(tx, content):
                    raise Internal("An id was given out twice.")
                reports.add(tx, Report(job.id, job.space_id, content.id, name, draft.size, now))

            try:
                await self._catalog.write(work)
            except Unavailable:
                raise  # the commit may still come to pass: bytes without a row are for fsck
            except ConsigneError:
                await self._bucket.delete(key)
                raise
