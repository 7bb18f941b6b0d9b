"""Sizes of pictures as paths spell them (DY-77): pure functions."""

import re

from consigne.dialects.dynacase.errors import refuse
from consigne.errors import RouteNotFound
from consigne.model.pictures import LARGEST_SIDE, Fit, Format, Shape

FORMATS = {"png": Format.PNG, "jpg": Format.JPEG, "gif": Format.GIF}
_SIZE = re.compile(r"(?=[0-9x])([0-9]*)(x?)([0-9]*)([fcs]?)")
_FITS = {"": Fit.FIT, "f": Fit.FIT, "c": Fit.COVER, "s": Fit.STRETCH}
_DIGITS = 9


def shape_of(size: str, kind: Format) -> Shape:
    """Read ``W``, ``xH``, ``WxH`` and ``WxH`` with ``f`` (fit), ``c`` (crop) or ``s`` (stretch).

    Raises RouteNotFound where it is no size, and the refusal CRUD0603 where it is none of these.

    >>> shape_of("200x100c", Format.PNG).key
    '200x100.cover.png'
    """
    found = _SIZE.fullmatch(size)
    if found is None:
        raise RouteNotFound
    wide, cross, high, fit = found.groups()
    known = (wide and high) if cross and wide else (high if cross else wide and not high)
    sides = [_side(each) if each else None for each in (wide, high)]
    if not known or 0 in sides or (fit and not (wide and high)):
        raise refuse("CRUD0603", f'Bad size "{size}"')
    return Shape(sides[0], sides[1], _FITS[fit], kind)


def _side(digits: str) -> int:
    return int(digits) if len(digits) <= _DIGITS else LARGEST_SIDE


def picture_name(size: str, name: str, suffix: str) -> str:
    """Return what a picture of a file is called.

    >>> picture_name("48", "photo.jpeg", "png")
    '48-photo.png'
    """
    stem = name.rpartition(".")[0] or name
    return f"{size}-{stem}.{suffix}"
