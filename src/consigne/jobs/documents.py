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
from PIL import Image, ImageOps, UnidentifiedImageError

from consigne.jobs import tesseract
from consigne.jobs.markdown import to_markdown
from consigne.jobs.ocr_order import Order

_DPI = 200
_POINT = 72
# A page with fewer letters than this and a picture is a scan with a stamp on it.
_FEW_LETTERS = 24
# What a page may be rendered to, so that a poster does not take a worker's whole memory.
_RENDERED_PIXELS = 40_000_000
_FORMATS = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/tiff": "TIFF",
    "image/gif": "GIF",
    "image/bmp": "BMP",
    "image/webp": "WEBP",
}
_WHITE = 255


class Refused(Exception):
    """The document cannot be read; ``code`` is that of an error class of ``consigne.errors``."""

    def __init__(self, message: str, code: str = "ocr_unreadable") -> None:
        super().__init__(message)
        self.code = code


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
    elif order.media_type in _FORMATS:
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
        try:
            self._pdf = pypdfium2.PdfDocument(source)
            self.pages = len(self._pdf)
        except pypdfium2.PdfiumError as error:
            text = str(error).lower()
            locked = "password" in text or "security" in text
            raise Refused(
                "The PDF is encrypted." if locked else "The PDF is damaged or incomplete."
            ) from error
        self._open.callback(self._pdf.close)
        if self.pages == 0:
            raise Refused("The PDF has no page.")

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
        Image.MAX_IMAGE_PIXELS = order.max_pixels
        try:
            self._image = Image.open(source, formats=[_FORMATS[order.media_type]])
            self._check()
            # A camera's JPEG may carry a preview as a second frame: that is no page.
            camera = order.media_type == "image/jpeg"
            self.pages = 1 if camera else getattr(self._image, "n_frames", 1)
        except _BROKEN as error:
            raise _broken(error) from error
        self._open.callback(self._image.close)

    def read(self, number: int) -> tuple[str, float]:
        try:
            if number or self.pages > 1:
                self._image.seek(number)
            self._check()
            image = _flat(self._image)
        except _BROKEN as error:
            raise _broken(error) from error
        return self._recognise(image)

    def _check(self) -> None:
        """Refuse by the size that the header tells, before a pixel is decoded."""
        width, height = self._image.size
        if width * height > self._order.max_pixels:
            raise Refused(
                f"The image has {width} × {height} pixels; "
                f"at most {self._order.max_pixels} are decoded."
            )
        if width == 0 or height == 0:
            raise Refused("The image has no pixels.")


_BROKEN = (
    UnidentifiedImageError,
    Image.DecompressionBombError,
    OSError,
    EOFError,
    SyntaxError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    OverflowError,
    ZeroDivisionError,
)


def _broken(error: BaseException) -> Refused:
    if isinstance(error, Image.DecompressionBombError):
        return Refused("The image has more pixels than are decoded.")
    return Refused("The image is damaged or incomplete.")


def _flat(image: Image.Image) -> Image.Image:
    """Return a frame upright as its camera held it, on white paper, in shades of grey."""
    upright = ImageOps.exif_transpose(image)
    if upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info:
        coloured = upright.convert("RGBA")
        paper = Image.new("RGBA", coloured.size, (_WHITE, _WHITE, _WHITE, _WHITE))
        upright = Image.alpha_composite(paper, coloured)
    if upright.mode.startswith("I;16") or upright.mode == "I":
        # 16 bits a shade: keep the upper eight, as convert() would cut instead.
        upright = upright.convert("I").point(lambda shade: shade / 256)
    return upright.convert("L")


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
