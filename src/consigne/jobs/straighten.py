"""Scans made readable: specks removed, skew measured and undone. Pure functions on grey pictures.

The angle is the one at which the rows of the page differ most: lines of text are dark rows between
light ones only where they are level (projection profile; Postl, 1986).
"""

from itertools import pairwise

from PIL import Image, ImageFilter, ImageOps

_LARGEST_ANGLE = 10.0
_WHITE = 255
_WIDTH = 700
# Shades of grey by which ink differs from paper at least.
_CONTRAST = 16


def is_blank(image: Image.Image) -> bool:
    """Tell whether a page is of one shade, as the back of a sheet is."""
    darkest, lightest = image.convert("L").getextrema()
    assert isinstance(darkest, int)
    assert isinstance(lightest, int)
    return lightest - darkest < _CONTRAST


def despeckle(image: Image.Image, width: int) -> Image.Image:
    """Return a page without specks of up to half a filter's width (odd), and with full contrast."""
    return ImageOps.autocontrast(image.filter(ImageFilter.MedianFilter(width)), cutoff=1)


def deskew(image: Image.Image) -> Image.Image:
    """Return a page with its lines level."""
    angle = skew(image)
    if abs(angle) < 0.15:
        return image
    return image.rotate(angle, Image.Resampling.BICUBIC, expand=True, fillcolor=_WHITE)


def skew(image: Image.Image) -> float:
    """Return by how many degrees counter-clockwise a page must be turned to be level."""
    factor = min(1.0, _WIDTH / max(1, image.width))
    small = image.resize(
        (max(1, round(image.width * factor)), max(1, round(image.height * factor))),
        Image.Resampling.BOX,
    )
    ink = ImageOps.invert(ImageOps.autocontrast(small, cutoff=2))
    coarse = _sharpest(ink, 0.0, _LARGEST_ANGLE, 1.0)
    medium = _sharpest(ink, coarse, 0.8, 0.2)
    return _sharpest(ink, medium, 0.15, 0.05)


def _sharpest(ink: Image.Image, middle: float, reach: float, step: float) -> float:
    count = round(reach / step)
    angles = [middle + step * number for number in range(-count, count + 1)]
    return max(angles, key=lambda angle: _profile(ink, angle))


def _profile(ink: Image.Image, angle: float) -> float:
    """Return how much the rows of a turned page differ from their neighbours."""
    turned = ink.rotate(angle, Image.Resampling.BILINEAR, fillcolor=0)
    rows = turned.resize((1, turned.height), Image.Resampling.BOX).tobytes()
    return float(sum((a - b) ** 2 for a, b in pairwise(rows)))
