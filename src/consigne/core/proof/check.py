"""The order of the checks."""

import time

from consigne.blobs.bucket import Bucket
from consigne.catalog import proof
from consigne.catalog.engine import Catalog
from consigne.core.care.mirror import Mirror
from consigne.core.care.presence import require_store
from consigne.core.clock import now_ms
from consigne.core.proof import links, rows, sessions, store
from consigne.core.proof.inspection import Inspection
from consigne.core.proof.mirror import check_mirror
from consigne.core.proof.report import Options, Progress, Report, no_progress
from consigne.errors import Unavailable


class Proof:
    """``consigne fsck``. Catalog and bucket must be open.

    ``purge_guard``: seconds for which a sweeper leaves unreferenced contents alone. ``mirror``:
    where copies are, which stand in for what is damaged.
    """

    def __init__(
        self,
        catalog: Catalog,
        bucket: Bucket,
        purge_guard: float = 3600.0,
        mirror: Mirror | None = None,
    ) -> None:
        self._mirror = mirror
        self._catalog = catalog
        self._bucket = bucket
        self._purge_guard = purge_guard

    async def check(self, options: Options, progress: Progress = no_progress) -> Report:
        """Compare everything, repair what was asked for, and say what was found.

        Raises Unavailable where catalog or store cannot be read.
        """
        begun = time.monotonic()
        report = Report(
            started_at=now_ms(),
            rehash=options.rehash,
            repair=options.repair,
            dry_run=options.dry_run,
            age=options.age,
        )
        run = Inspection(
            self._catalog, self._bucket, options, report, progress, self._purge_guard, self._mirror
        )
        if options.mirror and self._mirror is None:
            raise Unavailable("There is no mirror.", hint="Set CONSIGNE_MIRROR.")
        totals = await self._catalog.read(proof.totals)
        report.count("files", totals.files)
        report.count("versions", totals.versions)
        # References come first: a content that was doomed by a wrong count is saved by the check of
        # what is marked corrupt. That comes before the check that marks.
        await rows.check_versions(run)
        await rows.check_references(run)
        await rows.check_previews(run)
        await links.check_links(run)
        await rows.check_files(run)
        await rows.check_index(run)
        await sessions.check_overdue(run)
        await sessions.check_parts(run)
        await sessions.check_stages(run)
        await sessions.check_arrivals(run)
        await rows.check_counters(run)
        if self._mirror is None or not (options.mirror and options.may_repair):
            await require_store(self._catalog, self._bucket)
        await store.check_corrupt(run)
        await store.check_keys(run, totals.contents)
        await store.check_contents(run, totals.contents)
        await store.check_doomed(run)
        if options.mirror and self._mirror is not None:
            await check_mirror(run, self._mirror)
        report.seconds = round(time.monotonic() - begun, 3)
        return report
