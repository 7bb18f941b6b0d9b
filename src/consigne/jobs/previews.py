"""Pictures as jobs: the document goes to a confined child, what it draws into the store."""

import math
import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from consigne.core.derived import Derivatives, Made
from consigne.core.previews import work_of
from consigne.errors import DocumentUnreadable, Internal
from consigne.jobs import children, sandbox
from consigne.jobs.picture_order import PictureOrder
from consigne.jobs.worker import Run
from consigne.settings import Settings

_CHILD = "consigne.jobs.picture_child"
_OUTPUT = 128 << 20


class _Line(children.Line, frozen=True):
    """A line of the child; see ``picture_child``."""

    width: int = 0
    height: int = 0
    pages: int | None = None
    data: bytes = b""


class PreviewHandler:
    """Does jobs of the kind ``preview``."""

    def __init__(self, derived: Derivatives, settings: Settings) -> None:
        self._derived = derived
        self._settings = settings

    async def __call__(self, run: Run) -> None:
        """Draw the picture and store it; the job ends with it."""
        work = work_of(run.job)
        settings = self._settings
        reading = await self._derived.source(run.job, work.content_id)
        order = PictureOrder(
            media_type=work.media_type,
            shape=work.shape,
            max_pixels=settings.preview_max_pixels,
            memory=settings.preview_memory,
            cpu=math.ceil(settings.preview_time),
            parent=os.getpid(),
        )
        limits = sandbox.Limits(settings.preview_time * sandbox.PATIENCE, _OUTPUT)
        with await children.spooled(reading.stream(0, reading.size)) as document:
            said = children.hear(_CHILD, order.dump(), document, limits, _Line, DocumentUnreadable)
            async with aclosing(said) as lines:
                await self._store(run, lines)

    async def _store(self, run: Run, lines: AsyncGenerator[_Line, None]) -> None:
        work = work_of(run.job)
        head = await anext(lines, None)
        if head is None or not head.width:
            raise Internal("The child said nothing.")
        kind = work.shape.format.media_type
        made = Made(work.shape.key, kind, head.width, head.height, head.pages)
        await self._derived.store(run.job, work.content_id, made, _data(lines), lambda tx: made)


async def _data(lines: AsyncIterator[_Line]) -> AsyncIterator[bytes]:
    async for line in lines:
        yield line.data
