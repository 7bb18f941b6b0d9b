"""Pictures of images and of pages, inside a child process.

What comes out is drawn anew: upright, in sRGB, without any metadata of what went in.
"""

import io
from contextlib import suppress
from typing import Any, BinaryIO

import pypdfium2
from PIL import ExifTags, Image, ImageCms

from consigne.jobs import images
from consigne.jobs.child import Refused
from consigne.jobs.pdfs import open_pdf
from consigne.model.pictures import Format, Plan, Shape

# What a page counts as: vectors have no pixels of their own.
_DPI, _POINT = 200, 72
_PAGE_PIXELS = 40_000_000
# What makes an image upright, by Exif's orientation; the last four swap width and height.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_LYING = (5, 6, 7, 8)
_STRIP_PIXELS = 4_000_000
_SAVED: dict[Format, dict[str, Any]] = {
    Format.PNG: {"format": "PNG"},
    Format.JPEG: {"format": "JPEG", "quality": 85, "optimize": True},
    Format.WEBP: {"format": "WEBP", "quality": 80},
    Format.GIF: {"format": "GIF"},
}


def draw(
    source: BinaryIO, media_type: str, shape: Shape, max_pixels: int
) -> tuple[Image.Image, int | None]:
    """Return a page, or the first frame, of a document in a shape; and how many pages it has.

    The latter is None of an image, which has one page here. Raises Refused.
    """
    if media_type == "application/pdf":
        return _page(source, shape, min(max_pixels, _PAGE_PIXELS))
    if media_type in images.FORMATS:
        if shape.page > 1:
            raise Refused("An image has one page.")
        return _frame(source, media_type, shape, max_pixels), None
    raise Refused(f"No picture is made of {media_type}.", "type_refused")


def encode(picture: Image.Image, kind: Format) -> bytes:
    """Return a picture as a file without metadata."""
    if kind is Format.JPEG:
        picture = images.on_paper(picture)
    picture.info = {}
    buffer = io.BytesIO()
    picture.save(buffer, **_SAVED[kind])
    return buffer.getvalue()


def _frame(source: BinaryIO, media_type: str, shape: Shape, max_pixels: int) -> Image.Image:
    image = images.open_image(source, media_type, max_pixels)
    with images.reading():
        turn = image.getexif().get(ExifTags.Base.Orientation)
        lying = turn in _LYING
        width, height = image.size
        plan = shape.plan(*((height, width) if lying else (width, height)))
        # A JPEG is decoded at an eighth, a quarter or half its size where that is enough.
        scaled = plan.scaled[::-1] if lying else plan.scaled
        image.draft(None, scaled)
        image.load()
        profile = image.info.get("icc_profile")
        small = _reduced(image, min(image.width // scaled[0], image.height // scaled[1]) // 2)
        upright = small.transpose(_TURNS[turn]) if turn in _TURNS else small
        return _in_srgb(_shaped(upright, plan), profile)


def _page(source: BinaryIO, shape: Shape, max_pixels: int) -> tuple[Image.Image, int]:
    pdf = open_pdf(source)
    pages = len(pdf)
    if shape.page > pages:
        raise Refused(f"The PDF has {pages} {'page' if pages == 1 else 'pages'}.")
    try:
        pdf.init_forms()
        page = pdf[shape.page - 1]
        width, height = page.get_size()
        if not (width > 0 and height > 0):
            raise Refused(f"Page {shape.page} has no size.")
        natural = min(_DPI / _POINT, (max_pixels / (width * height)) ** 0.5)
        plan = shape.plan(max(1, round(width * natural)), max(1, round(height * natural)))
        scale = max(plan.scaled[0] / width, plan.scaled[1] / height)
        image = page.render(scale=min(scale, natural)).to_pil()
    except (pypdfium2.PdfiumError, ValueError) as error:
        raise Refused(f"Page {shape.page} of the PDF cannot be drawn.") from error
    return _shaped(image.convert("RGB"), plan), pages


def _reduced(image: Image.Image, factor: int) -> Image.Image:
    """Return an image in a plain mode, about ``factor`` times smaller, where that is 2 or more.

    It goes by strips: what converts a large image as a whole holds it in memory twice.
    """
    if factor < 2:
        return _plain(image)
    rows = max(1, _STRIP_PIXELS // (image.width * factor)) * factor
    strips = [
        _plain(image.crop((0, top, image.width, min(image.height, top + rows)))).reduce(factor)
        for top in range(0, image.height, rows)
    ]
    whole = Image.new(strips[0].mode, (strips[0].width, sum(strip.height for strip in strips)))
    top = 0
    for strip in strips:
        whole.paste(strip, (0, top))
        top += strip.height
    return whole


def _plain(image: Image.Image) -> Image.Image:
    """Return an image in a mode that can be scaled: a palette's colours cannot be mixed."""
    image = images.eight_bits(image)
    if images.is_transparent(image):
        return image.convert("RGBA")
    return image if image.mode in ("L", "RGB", "CMYK") else image.convert("RGB")


def _shaped(image: Image.Image, plan: Plan) -> Image.Image:
    if image.size != plan.scaled:
        image = image.resize(plan.scaled, Image.Resampling.LANCZOS, reducing_gap=2.0)
    if plan.size == plan.scaled:
        return image
    left, top = ((a - b) // 2 for a, b in zip(plan.scaled, plan.size, strict=True))
    return image.crop((left, top, left + plan.size[0], top + plan.size[1]))


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Return an image in the colours that a viewer assumes where no profile says otherwise."""
    if profile and image.mode in ("RGB", "CMYK"):
        # A profile that does not fit is as good as none.
        with suppress(ImageCms.PyCMSError, OSError, ValueError, TypeError):
            own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            srgb = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(image, own, srgb, outputMode="RGB")
            if converted is not None:
                return converted
    return image.convert("RGB") if image.mode == "CMYK" else image
