"""What all checks of one run share: the catalog, the bucket, the report."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import TypeVar

from consigne.blobs.bucket import Bucket
from consigne.catalog.engine import Catalog, Tx
from consigne.catalog.proof_contents import usages
from consigne.core.care.mirror import Mirror
from consigne.core.clock import ms, now_ms
from consigne.core.proof.report import Finding, Kind, Options, Progress, Report
from consigne.errors import ConsigneError
from consigne.model import identity

T = TypeVar("T")
PAGE = 500
_NAMED_CONTENTS = 100
_NAMED_FILES = 20

Repair = Callable[[], Awaitable[bool]]
"""Put a thing right; return whether it is right now, by us or by somebody else."""


class Inspection:
    """One run of ``Proof.check``. ``before``: things older than this (ms) are not on their way."""

    def __init__(
        self,
        catalog: Catalog,
        bucket: Bucket,
        options: Options,
        report: Report,
        progress: Progress,
        purge_guard: float,
        mirror: Mirror | None = None,
    ) -> None:
        self.catalog = catalog
        self.bucket = bucket
        self.mirror = mirror
        self.options = options
        self.report = report
        self.progress = progress
        self.before = now_ms() - ms(options.age)
        # A sweeper dooms contents that have been idle for so long, and deletes them right away.
        self.doomed_before = self.before - (ms(purge_guard) if options.age else 0)
        self._named = 0

    @property
    def offline(self) -> bool:
        """Whether the operator says that no server runs: nobody is writing to anything."""
        return self.options.age == 0

    async def found(
        self,
        kind: Kind,
        ident: object,
        detail: str,
        repair: Repair | None = None,
        files: Sequence[str] = (),
    ) -> None:
        """Report a finding, after repairing it where that was asked for and can be done."""
        repaired = False
        if repair is not None and self.options.may_repair:
            try:
                repaired = await repair()
            except (ConsigneError, OSError) as error:
                detail = f"{detail} The repair failed: {error}"
        self.report.add(
            Finding(
                kind=kind,
                id=str(ident),
                detail=detail,
                repairable=repair is not None,
                repaired=repaired,
                files=list(files),
            )
        )

    async def pages(
        self, step: str, read: Callable[[Tx, int], list[T]], key: Callable[[T], int], total: int = 0
    ) -> AsyncIterator[list[T]]:
        """Yield pages of ``read(tx, after)`` until there are no more, showing the progress."""
        after, done = 0, 0
        while True:
            start = after
            rows = await self.catalog.read(lambda tx: read(tx, start))  # noqa: B023
            if not rows:
                return
            yield rows
            after, done = key(rows[-1]), done + len(rows)
            self.progress(step, done, max(total, done))

    async def files_using(self, content_id: int) -> list[str]:
        """Return some of the files that refer to a content.

        This reads whole tables, so only the first damaged contents of a run get their names.
        """
        self._named += 1
        if self._named > _NAMED_CONTENTS:
            return []
        found = await self.catalog.read(lambda tx: usages(tx, content_id, _NAMED_FILES))
        return [file_label(usage.file_id, usage.name, usage.number) for usage in found]


def file_id(number: int) -> str:
    """Return a file's id as the native API spells it."""
    return identity.to_uuid(identity.Kind.FILE, number)


def file_label(number: int, name: str, version: int | None = None) -> str:
    """Return id and name of a file, for people."""
    suffix = "" if version is None else f" (version {version})"
    return f"{file_id(number)} {name}{suffix}"
