"""Shapes of pictures that are made of images and pages: how large, how fitted, as what.

Pure functions of sizes in pixels. A picture is never enlarged: a side that is asked for beyond the
original's counts as the original's.
"""

from enum import StrEnum
from typing import Self

import msgspec

LARGEST_SIDE = 4096


class Fit(StrEnum):
    """What happens where both sides are given and their ratio is not the original's."""

    FIT = "fit"
    COVER = "cover"
    STRETCH = "stretch"


class Format(StrEnum):
    """What a picture is encoded as."""

    PNG = "png"
    JPEG = "jpeg"
    WEBP = "webp"
    GIF = "gif"

    @property
    def media_type(self) -> str:
        return f"image/{self.value}"

    @property
    def extension(self) -> str:
        return "jpg" if self is Format.JPEG else self.value


class Plan(msgspec.Struct, frozen=True):
    """How to come to a shape: scale the whole to ``scaled``, cut ``size`` out of its middle."""

    scaled: tuple[int, int]
    size: tuple[int, int]


class Shape(msgspec.Struct, frozen=True):
    """A wish: sides in pixels (None: follows the other one, or the original), fit and format; of a
    document which page, from 1.
    """

    width: int | None = None
    height: int | None = None
    fit: Fit = Fit.FIT
    format: Format = Format.PNG
    page: int = 1

    @property
    def key(self) -> str:
        """The wish as a short text, the same for the same wish.

        >>> Shape(200, None).key
        '200x.fit.png'
        """
        # Between one side and none there is nothing to fit.
        fit = self.fit if self.width and self.height else Fit.FIT
        page = f".p{self.page}" if self.page > 1 else ""
        return f"{self.width or ''}x{self.height or ''}.{fit.value}.{self.format.value}{page}"

    def bounded(self, side: int = LARGEST_SIDE) -> Self:
        """Return the shape with no side above a bound and none below one pixel."""
        return msgspec.structs.replace(
            self,
            width=None if self.width is None else max(1, min(side, self.width)),
            height=None if self.height is None else max(1, min(side, self.height)),
        )

    def plan(self, width: int, height: int, side: int = LARGEST_SIDE) -> Plan:
        """Return how to bring an original of this size into the shape; no side passes ``side``.

        >>> Shape(200, 100).plan(600, 336).size
        (179, 100)
        >>> Shape(200, 100, Fit.COVER).plan(600, 336)
        Plan(scaled=(200, 112), size=(200, 100))
        """
        wide = min(self.width or width, width, side)
        high = min(self.height or height, height, side)
        if self.width and self.height and self.fit is Fit.STRETCH:
            return Plan((wide, high), (wide, high))
        if self.width and self.height and self.fit is Fit.COVER:
            factor = max(wide / width, high / height)
            scaled = max(wide, _near(width * factor)), max(high, _near(height * factor))
            return Plan(scaled, (wide, high))
        factor = min(wide / width, high / height)
        size = _near(width * factor), _near(height * factor)
        return Plan(size, size)


def _near(value: float) -> int:
    """Return the nearest whole number of pixels, at least one."""
    return max(1, int(value + 0.5))
