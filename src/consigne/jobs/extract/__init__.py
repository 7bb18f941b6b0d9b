"""Text out of documents, inside the child process: which reader reads which type.

Every reader yields pages, (number from 1 or None, text), as it goes along, holds no more of the
document than it needs, and raises ``child.Refused`` for what cannot be read.
"""

from collections.abc import Iterator
from typing import BinaryIO

from consigne.jobs.text_order import TextOrder
from consigne.model.texts import HTML, OFFICE, PDF, PICTURES

Page = tuple[int | None, str]


def pages_of(source: BinaryIO, order: TextOrder) -> Iterator[Page]:
    """Yield the pages of a document of the order's media type. Raises Refused."""
    if order.recognises and order.media_type in (PDF, *PICTURES):
        from consigne.jobs.extract.scans import scanned_pages

        return scanned_pages(source, order)
    if order.media_type == PDF:
        from consigne.jobs.extract.layers import pdf_pages

        return pdf_pages(source)
    if order.media_type in OFFICE:
        from consigne.jobs.extract.office import office_pages

        return office_pages(source, OFFICE[order.media_type])
    if order.media_type in HTML:
        from consigne.jobs.extract.markup import markup_pages

        return markup_pages(source, order.max_length, is_html="html" in order.media_type)
    from consigne.jobs.extract.plain import plain_pages

    return plain_pages(source, order.max_length, has_rules=order.has_rules)
