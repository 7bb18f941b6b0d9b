"""OCR as a job, and the probe that counts pages before it; both in child processes.

The document goes to the child as an unnamed file, so that nothing is left of it when either is
killed. What a document did to the child becomes one of three errors: it cannot be read, reached a
limit or made the child crash (OcrUnreadable, final); the engine is missing (EngineMissing, final);
the child was killed (Internal, tried again).
"""

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import BinaryIO

from consigne.core.ocr import Ocr, Result, work_of
from consigne.errors import Internal, OcrUnreadable
from consigne.jobs import children, sandbox
from consigne.jobs.markdown import join_pages
from consigne.jobs.ocr_order import Order
from consigne.jobs.worker import Run
from consigne.settings import Settings

_CHILD = "consigne.jobs.ocr_child"
_PROBES = 2
_PROBE_SECONDS = 20
_TEXT_PER_PAGE = 1 << 20


class _Line(children.Line, frozen=True):
    """A line of the child; see ``ocr_child``."""

    pages: int | None = None
    page: int | None = None
    text: str = ""
    confidence: float = 0.0


class PageProbe:
    """Counts the pages of a document in a child process; few at a time."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._few = asyncio.Semaphore(_PROBES)

    async def __call__(self, media_type: str, source: AsyncIterator[bytes]) -> int:
        """Return the number of pages or frames. Raises OcrUnreadable, Internal."""
        async with self._few:
            with await children.spooled(source) as document:
                order = _order(self._settings, "probe", media_type, _PROBE_SECONDS)
                limits = sandbox.Limits(_PROBE_SECONDS, _TEXT_PER_PAGE)
                async with aclosing(_lines(document, order, limits)) as lines:
                    async for line in lines:
                        if line.pages is not None:
                            return line.pages
        raise Internal("The probe said nothing.")


class OcrHandler:
    """Does jobs of the kind ``ocr``."""

    def __init__(self, ocr: Ocr, settings: Settings) -> None:
        self._ocr = ocr
        self._settings = settings

    async def __call__(self, run: Run) -> Result:
        """Read all pages and store their text; the job ends with it."""
        work = work_of(run.job)
        reading = await self._ocr.source(run.job)
        with await children.spooled(reading.stream(0, reading.size)) as document:
            pages = await self._pages(run, document, work.media_type, work.pages)
        file = await self._ocr.store(run.job, join_pages(pages))
        return Result(file.id)

    async def _pages(self, run: Run, document: BinaryIO, media_type: str, total: int) -> list[str]:
        settings = self._settings
        seconds = min(settings.ocr_time, settings.ocr_page_time * (total + 1))
        order = _order(settings, "read", media_type, round(seconds))
        limits = sandbox.Limits(seconds, _TEXT_PER_PAGE * (total + 1))
        pages: list[str] = []
        await run.progress(0, total)
        async with aclosing(_lines(document, order, limits)) as lines:
            async for line in lines:
                if line.page is not None:
                    pages.append(line.text)
                    await run.progress(len(pages), total)
        if len(pages) != total:
            raise Internal(f"The engine read {len(pages)} of {total} pages.")
        return pages


def _lines(document: BinaryIO, order: Order, limits: sandbox.Limits) -> AsyncGenerator[_Line, None]:
    return children.hear(_CHILD, order.dump(), document, limits, _Line, OcrUnreadable)


def _order(settings: Settings, task: str, media_type: str, cpu: int) -> Order:
    return Order(
        task=task,
        media_type=media_type,
        languages=settings.ocr_languages,
        max_pages=settings.ocr_max_pages,
        max_pixels=settings.ocr_max_pixels,
        memory=settings.ocr_memory,
        cpu=max(1, cpu),
        page_time=settings.ocr_page_time,
        parent=os.getpid(),
    )
