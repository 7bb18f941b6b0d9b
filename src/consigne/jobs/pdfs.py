"""Opening a PDF, inside a child process."""

from typing import BinaryIO

import pypdfium2

from consigne.jobs.child import Refused


def open_pdf(source: BinaryIO) -> pypdfium2.PdfDocument:
    """Return a PDF with at least one page. Raises Refused where it is encrypted or damaged."""
    try:
        pdf = pypdfium2.PdfDocument(source)
        pages = len(pdf)
    except pypdfium2.PdfiumError as error:
        text = str(error).lower()
        locked = "password" in text or "security" in text
        raise Refused(
            "The PDF is encrypted." if locked else "The PDF is damaged or incomplete."
        ) from error
    if pages == 0:
        pdf.close()
        raise Refused("The PDF has no page.")
    return pdf
