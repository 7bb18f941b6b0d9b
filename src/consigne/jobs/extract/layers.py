"""PDF: the text layer, page by page, by pypdfium2."""

from collections.abc import Iterator
from typing import BinaryIO

import pypdfium2

from consigne.jobs import pdfs


def pdf_pages(source: BinaryIO) -> Iterator[tuple[int, str]]:
    """Yield the text layer of every page; a damaged page has none. Raises Refused."""
    pdf = pdfs.open_pdf(source)
    for number in range(len(pdf)):
        yield number + 1, _layer(pdf, number)


def _layer(pdf: pypdfium2.PdfDocument, number: int) -> str:
    try:
        page = pdf[number]
    except pypdfium2.PdfiumError:
        return ""
    try:
        text: str = page.get_textpage().get_text_bounded()
    except (pypdfium2.PdfiumError, ValueError):
        return ""
    finally:
        page.close()
    # A font without a table of characters gives signs of the private use areas: no words.
    strange = sum("\ue000" <= c <= "\uf8ff" or c in "\ufffd\x00" for c in text)
    return "" if strange * 4 > sum(map(str.isalnum, text)) else text
