"""Reading text for the search as a job, in a confined child; see ``core.texts``.

What a document does to the child (it is damaged, encrypted, a bomb, makes a library crash) is no
failure of the job: the text is then known to have nothing that can be found, and why.
"""

import math
import os
from contextlib import aclosing
from typing import BinaryIO

from consigne.core.texts import Found, Texts, Work, work_of
from consigne.errors import DocumentUnreadable
from consigne.jobs import children, sandbox
from consigne.jobs.text_order import TextOrder
from consigne.jobs.worker import ENDED, Run
from consigne.model.entities import TextOrigin
from consigne.model.passages import Passage
from consigne.model.texts import PDF, PICTURES
from consigne.settings import Settings

_CHILD = "consigne.jobs.text_child"
# A character is said once in a passage, once in its words and in part in its stems, escaped.
_SAID_PER_CHARACTER = 24
_SAID_BESIDE = 1 << 20
_GRACE = 5.0


class _Line(children.Line, frozen=True):
    """A line of the child; see ``text_child``."""

    page: int | None = None
    body: str = ""
    words: str = ""
    stems: str = ""
    pages: int | None = None
    length: int = 0
    cut: bool = False


class TextHandler:
    """Does jobs of the kind ``text``."""

    def __init__(self, texts: Texts, settings: Settings) -> None:
        self._texts = texts
        self._settings = settings

    async def __call__(self, run: Run) -> object:
        """Read the text and index it; the job ends with it."""
        work = work_of(run.job)
        content = await self._texts.source(run.job)
        if content is None:
            await self._texts.dismiss(run.job)
            return ENDED
        with await children.spooled(self._texts.read(content)) as document:
            try:
                found = await self._listen(document, work)
            except DocumentUnreadable as error:
                found = Found([], problem=error.message)
        await self._texts.store(run.job, found)
        return ENDED

    async def _listen(self, document: BinaryIO, work: Work) -> Found:
        order, seconds = self._order(work)
        output = order.max_length * _SAID_PER_CHARACTER + _SAID_BESIDE
        limits = sandbox.Limits(seconds + _GRACE, output)
        passages: list[tuple[int | None, Passage]] = []
        end = _Line()
        said = children.hear(_CHILD, order.dump(), document, limits, _Line, DocumentUnreadable)
        async with aclosing(said) as lines:
            async for line in lines:
                if line.body:
                    piece = Passage(line.body, line.words.split(), line.stems.split())
                    passages.append((line.page, piece))
                else:
                    end = line
        return Found(passages, end.pages, end.length, end.cut)

    def _order(self, work: Work) -> tuple[TextOrder, float]:
        settings = self._settings
        recognises = (
            settings.text_ocr
            and work.origin is TextOrigin.LAYER
            and (work.media_type == PDF or work.media_type in PICTURES)
        )
        seconds = settings.ocr_time if recognises else settings.text_time
        order = TextOrder(
            media_type=work.media_type,
            has_rules=work.origin is TextOrigin.OCR,
            recognises=recognises,
            languages=settings.ocr_languages,
            page_time=settings.ocr_page_time,
            max_pages=settings.ocr_max_pages,
            max_pixels=settings.ocr_max_pixels,
            max_length=settings.text_max_length,
            memory=settings.ocr_memory if recognises else settings.text_memory,
            seconds=seconds,
            cpu=math.ceil(seconds + _GRACE),
            parent=os.getpid(),
        )
        return order, seconds
