"""Raster images by Pillow, inside a child process: sizes are read before any pixel is decoded."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from consigne.jobs.child import TOO_MANY_PIXELS, Refused

FORMATS = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/tiff": "TIFF",
    "image/gif": "GIF",
    "image/bmp": "BMP",
    "image/webp": "WEBP",
    "image/avif": "AVIF",
    "image/jp2": "JPEG2000",
    "image/heic": "HEIF",
    "image/heif": "HEIF",
}
_WHITE = 255
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


def open_image(source: BinaryIO, media_type: str, max_pixels: int) -> Image.Image:
    """Open an image as what its bytes say it is, with no more pixels than allowed. Raises Refused.

    HEIC needs the extra ``heic`` of the package (decision 0009).
    """
    if FORMATS[media_type] == "HEIF":
        _learn_heif()
    Image.MAX_IMAGE_PIXELS = max_pixels
    with reading():
        image = Image.open(source, formats=[FORMATS[media_type]])
    require_size(image, max_pixels)
    return image


@contextmanager
def reading() -> Iterator[None]:
    """Turn whatever Pillow raises over a bad image into Refused."""
    try:
        yield
    except Image.DecompressionBombError as error:
        raise Refused("The image has more pixels than are decoded.", TOO_MANY_PIXELS) from error
    except _BROKEN as error:
        raise Refused("The image is damaged or incomplete.") from error


def require_size(image: Image.Image, max_pixels: int) -> None:
    """Refuse by the size that the header tells, before a pixel is decoded."""
    width, height = image.size
    if width * height > max_pixels:
        text = f"The image has {width} × {height} pixels; at most {max_pixels} are decoded."
        raise Refused(text, TOO_MANY_PIXELS)
    if width == 0 or height == 0:
        raise Refused("The image has no pixels.")


def eight_bits(image: Image.Image) -> Image.Image:
    """Return an image of 16 bits a shade with its upper eight, where convert() would cut."""
    if image.mode.startswith("I;16") or image.mode == "I":
        return image.convert("I").point(lambda shade: shade / 256).convert("L")
    return image


def is_transparent(image: Image.Image) -> bool:
    """Tell whether an image has transparent parts, by its mode or by one of its colours."""
    return image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info


def on_paper(image: Image.Image) -> Image.Image:
    """Return an image on white paper."""
    if not is_transparent(image):
        return image
    coloured = image.convert("RGBA")
    paper = Image.new("RGBA", coloured.size, (_WHITE, _WHITE, _WHITE, _WHITE))
    return Image.alpha_composite(paper, coloured).convert("RGB")


def _learn_heif() -> None:
    try:
        from pi_heif import register_heif_opener
    except ImportError:
        text = "HEIC is read where the package is installed with its extra 'heic'."
        raise Refused(text, "type_refused") from None
    register_heif_opener(thumbnails=False)
