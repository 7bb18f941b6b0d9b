"""Invoices as jobs, and the follower of the chains that enqueues them (C-50).

A PDF that came in is noticed by the event that says so, whichever dialect it came by; the look into
it is a job, and happens in a confined child.
"""

import math
import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import msgspec

from consigne.catalog import events, followers, jobs
from consigne.catalog.engine import Catalog, Tx
from consigne.core.derived import Derivatives
from consigne.core.invoices import KIND, Invoices, work_of
from consigne.errors import DocumentUnreadable
from consigne.jobs import children, sandbox
from consigne.jobs.invoice_order import InvoiceOrder
from consigne.jobs.worker import Run
from consigne.settings import Settings

_CHILD = "consigne.jobs.invoice_child"
_OUTPUT = 32 << 20
_BATCH = 100
# So many PDFs of a space wait at a time: those of a large import do not fill the queue at once.
_AHEAD = 200
_TELLING = frozenset({"file.kept", "file.held", "file.replaced", "file.copied", "file.restored"})


class _Line(children.Line, frozen=True):
    """A line of the child; see ``invoice_child``."""

    fields: dict[str, str] = msgspec.field(default_factory=dict)
    data: bytes = b""


class InvoiceHandler:
    """Does jobs of the kind ``invoice``."""

    def __init__(self, invoices: Invoices, derived: Derivatives, settings: Settings) -> None:
        self._invoices = invoices
        self._derived = derived
        self._settings = settings

    async def __call__(self, run: Run) -> None:
        """Look into the PDF; the job ends with what is found."""
        settings = self._settings
        reading = await self._derived.source(run.job, work_of(run.job).content_id)
        order = InvoiceOrder(
            memory=settings.invoice_memory,
            cpu=math.ceil(settings.invoice_time),
            parent=os.getpid(),
        )
        limits = sandbox.Limits(settings.invoice_time * sandbox.PATIENCE, _OUTPUT)
        with await children.spooled(reading.stream(0, reading.size)) as document:
            said = children.hear(_CHILD, order.dump(), document, limits, _Line, DocumentUnreadable)
            async with aclosing(said) as lines:
                await self._settle(run, lines)

    async def _settle(self, run: Run, lines: AsyncGenerator[_Line, None]) -> None:
        head = await anext(lines, None)
        if head is None:
            await self._invoices.dismiss(run.job)
        else:
            await self._invoices.attach(run.job, head.fields, _data(lines))


class InvoiceFollower:
    """``look``: enqueue jobs for the PDFs that came in since the last look."""

    def __init__(self, catalog: Catalog, invoices: Invoices) -> None:
        self._catalog = catalog
        self._invoices = invoices

    async def look(self) -> int:
        """Go through what was sealed since, in all spaces; return how many jobs were enqueued."""
        total = 0
        for space_id in await self._catalog.read(lambda tx: followers.behind(tx, KIND)):
            more = True
            while more:
                count, more = await self._catalog.write(lambda tx: self._step(tx, space_id))  # noqa: B023
                total += count
        return total

    def _step(self, tx: Tx, space_id: int) -> tuple[int, bool]:
        """Go through some events; return (jobs enqueued, whether there may be more to do now)."""
        seen = followers.take(tx, KIND, space_id)
        if jobs.waiting(tx, space_id, KIND, _AHEAD) >= _AHEAD:
            return 0, False
        batch = events.after(tx, space_id, seen, _BATCH)
        if not batch:
            return 0, False
        told = {each.subject for each in batch if each.action in _TELLING and each.subject}
        enqueued = [self._invoices.notice(tx, number) for number in sorted(told)]
        followers.advance(tx, KIND, space_id, batch[-1].sequence or seen)
        return sum(job is not None for job in enqueued), len(batch) == _BATCH


async def _data(lines: AsyncIterator[_Line]) -> AsyncIterator[bytes]:
    async for line in lines:
        yield line.data
