"""Documents as pages of text, inside the child process: PDF by pypdfium2, images by Pillow.

A PDF page is read from its text layer where it has one; a scanned page is rendered at 200 dpi and
recognised. Sizes are read from headers before any pixel is decoded.
"""

import unicodedata
from abc import ABC, abstractmethod
from contextlib import ExitStack
from types import TracebackType
from typing import BinaryIO, Self

import pypdfium2
from PIL import Image, ImageOps

from consigne.jobs import images, pdfs, tesseract
from consigne.jobs.child import Refused
from consigne.jobs.markdown import to_markdown
from consigne.jobs.ocr_order import Order

_DPI = 200
_POINT = 72
# A page with fewer letters than this and a picture is a scan with a stamp on it.
_FEW_LETTERS = 24
# What a page may be rendered to, so that a poster does not take a worker's whole memory.
_RENDERED_PIXELS = 40_000_000


class Document(ABC):
    """An opened document of ``pages`` pages."""

    pages: int

    def __init__(self, order: Order) -> None:
        self._order = order
        self._open = ExitStack()

    @abstractmethod
    def read(self, number: int) -> tuple[str, float]:
        """Return a page (from 0) as Markdown, and how sure that is (0 to 100). Raises Refused."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()

    def _recognise(self, image: Image.Image) -> tuple[str, float]:
        try:
            page = tesseract.recognise(image, self._order.languages, self._order.page_time)
        except tesseract.Missing as error:
            raise Refused(str(error), "engine_missing") from error
        except tesseract.Failed as error:
            raise Refused(str(error), "internal") from error
        except tesseract.TooSlow as error:
            raise Refused(str(error)) from error
        return page.text, page.confidence


def open_document(source: BinaryIO, order: Order) -> Document:
    """Open a document of the order's media type. Raises Refused."""
    document: Document
    if order.media_type == "application/pdf":
        document = Pdf(source, order)
    elif order.media_type in images.FORMATS:
        document = Picture(source, order)
    else:
        raise Refused(f"{order.media_type} is no document that can be read.", "type_refused")
    if document.pages > order.max_pages:
        raise Refused(
            f"The document has {document.pages} pages; at most {order.max_pages} are read."
        )
    return document


class Pdf(Document):
    """A PDF document."""

    def __init__(self, source: BinaryIO, order: Order) -> None:
        super().__init__(order)
        self._pdf = pdfs.open_pdf(source)
        self._open.callback(self._pdf.close)
        self.pages = len(self._pdf)

    def read(self, number: int) -> tuple[str, float]:
        try:
            page = self._pdf[number]
        except pypdfium2.PdfiumError as error:
            raise Refused(f"Page {number + 1} of the PDF is damaged.") from error
        try:
            layer = page.get_textpage().get_text_bounded()
            if _is_text(layer, has_picture=_has_picture(page)):
                return to_markdown(layer), 100.0
            width, height = page.get_size()
            scale = _DPI / _POINT
            area = max(1.0, width * height)
            scale = min(scale, (min(_RENDERED_PIXELS, self._order.max_pixels) / area) ** 0.5)
            image = page.render(scale=scale, grayscale=True, may_draw_forms=False).to_pil()
        except (pypdfium2.PdfiumError, ValueError) as error:
            raise Refused(f"Page {number + 1} of the PDF cannot be drawn.") from error
        finally:
            page.close()
        return self._recognise(image.convert("L"))


class Picture(Document):
    """A raster image; each frame is a page."""

    def __init__(self, source: BinaryIO, order: Order) -> None:
        super().__init__(order)
        self._image = images.open_image(source, order.media_type, order.max_pixels)
        self._open.callback(self._image.close)
        with images.reading():
            # A camera's JPEG may carry a preview as a second frame: that is no page.
            camera = order.media_type == "image/jpeg"
            self.pages = 1 if camera else getattr(self._image, "n_frames", 1)

    def read(self, number: int) -> tuple[str, float]:
        with images.reading():
            if number or self.pages > 1:
                self._image.seek(number)
            images.require_size(self._image, self._order.max_pixels)
            upright = ImageOps.exif_transpose(self._image)
            image = images.on_paper(images.eight_bits(upright)).convert("L")
        return self._recognise(image)


def _is_text(layer: str, *, has_picture: bool) -> bool:
    """Tell whether a text layer is the page's text: real letters, and enough beside a picture."""
    letters = sum(character.isalnum() for character in layer)
    strange = sum(unicodedata.category(c) in ("Co", "Cn") or c == "\ufffd" for c in layer)
    if letters == 0 or strange * 4 > letters:
        return False
    return letters >= _FEW_LETTERS or not has_picture


def _has_picture(page: pypdfium2.PdfPage) -> bool:
    image = pypdfium2.raw.FPDF_PAGEOBJ_IMAGE
    return any(True for _ in page.get_objects(filter=[image], max_depth=3))
