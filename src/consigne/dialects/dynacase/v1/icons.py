"""The icons that are built in: what a file is, at a glance (DY-72, DY-78). Our own drawing.

An icon is a sheet with a folded corner and a band in the colour of its kind. It is drawn once and
brought into each size that is asked for; the last ones are kept ready.
"""

import io
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from consigne.model.pictures import Format, Shape

if TYPE_CHECKING:
    from PIL import Image

SIDE = 128  # pixels of an original
_SCALE = 2
_PAPER, _EDGE, _FOLD = (250, 250, 250, 255), (120, 128, 140, 255), (214, 219, 226, 255)
_GREY = (120, 128, 140, 255)
_BANDS = {
    "document": (44, 92, 150, 255),
    "family": (92, 64, 140, 255),
    "mime-file": _GREY,
    "mime-image": (38, 140, 96, 255),
    "mime-pdf": (196, 40, 40, 255),
    "mime-text": (70, 80, 95, 255),
    "mime-office": (32, 104, 190, 255),
    "mime-archive": (170, 120, 30, 255),
    "mime-audio": (150, 60, 140, 255),
    "mime-video": (190, 90, 30, 255),
}
NAMES = frozenset(_BANDS)
DOCUMENT, FAMILY = "document", "family"

_WHOLE = {"application/pdf": "mime-pdf", "application/rtf": "mime-office"}
_OFFICE = ("officedocument", "opendocument", "msword", "ms-excel", "ms-powerpoint")
_PACKED = ("zip", "tar", "rar", "7z", "bzip", "xz", "zstd")


def icon_for(mime: str) -> str:
    """Return the name of the icon for files of a type.

    >>> icon_for("image/png"), icon_for("application/pdf"), icon_for("x/y")
    ('mime-image', 'mime-pdf', 'mime-file')
    """
    if mime in _WHOLE:
        return _WHOLE[mime]
    if any(word in mime for word in _OFFICE):
        return "mime-office"
    if any(word in mime for word in _PACKED):
        return "mime-archive"
    name = f"mime-{mime.partition('/')[0]}"
    return name if name in NAMES else "mime-file"


@lru_cache(maxsize=512)
def drawn(name: str, shape: Shape) -> bytes:
    """Return an icon as an image file; ``name`` is one of NAMES."""
    from PIL import Image  # only who asks for an icon pays for it

    plan = shape.plan(SIDE, SIDE)
    image = _sheet(name).resize(plan.scaled, Image.Resampling.LANCZOS)
    left, top = ((a - b) // 2 for a, b in zip(plan.scaled, plan.size, strict=True))
    image = image.crop((left, top, left + plan.size[0], top + plan.size[1]))
    if shape.format is Format.JPEG:
        paper = Image.new("RGBA", image.size, (255, 255, 255, 255))
        image = Image.alpha_composite(paper, image).convert("RGB")
    out = io.BytesIO()
    image.save(out, format=shape.format.value.upper())
    return out.getvalue()


@cache
def _sheet(name: str) -> "Image.Image":
    """Draw an icon, larger than it is ever shown."""
    from PIL import Image, ImageDraw

    unit = SIDE * _SCALE // 16
    image = Image.new("RGBA", (16 * unit, 16 * unit), (0, 0, 0, 0))
    pen = ImageDraw.Draw(image)
    left, top, right, bottom, fold = 3 * unit, unit, 13 * unit, 15 * unit, 3 * unit
    sheet = [(left, top), (right - fold, top), (right, top + fold), (right, bottom), (left, bottom)]
    pen.polygon(sheet, fill=_PAPER, outline=_EDGE, width=unit // 3)
    corner = [(right - fold, top), (right - fold, top + fold), (right, top + fold)]
    pen.polygon(corner, fill=_FOLD, outline=_EDGE, width=unit // 3)
    for line in range(3):
        height = 5 * unit + line * unit * 3 // 2
        pen.line((5 * unit, height, 11 * unit, height), fill=_FOLD, width=unit // 2)
    pen.rectangle((2 * unit, 10 * unit, 14 * unit, 13 * unit), fill=_BANDS[name])
    return image
