"""Scans: the text layer where a page has one, else a recognition, as the OCR job does it."""

from collections.abc import Iterator
from typing import BinaryIO

from consigne.jobs.documents import open_document
from consigne.jobs.ocr_order import Order
from consigne.jobs.text_order import TextOrder


def scanned_pages(source: BinaryIO, order: TextOrder) -> Iterator[tuple[int, str]]:
    """Yield the text of every page. Raises Refused."""
    asked = Order(
        task="read",
        media_type=order.media_type,
        languages=order.languages,
        max_pages=order.max_pages,
        max_pixels=order.max_pixels,
        memory=order.memory,
        cpu=order.cpu,
        page_time=order.page_time,
        parent=order.parent,
    )
    with open_document(source, asked) as document:
        for number in range(document.pages):
            yield number + 1, document.read(number)[0]
