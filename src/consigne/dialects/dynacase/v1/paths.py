"""Paths of level 2: suffixes, and what the last segment says (DY-70): pure functions."""

import re

from consigne.dialects.dynacase.errors import refuse
from consigne.errors import RouteNotFound

BASE = "/api/v1"
_EXTENSION = re.compile(r"[A-Za-z0-9]+")


def suffix_of(path: str) -> str:
    """Return the suffix of a path in lower case, ``""`` for none.

    >>> suffix_of("/api/v1/documents/1.json"), suffix_of("/api/v1/temporaryFiles/")
    ('json', '')
    """
    _, dot, suffix = path.rpartition("/")[2].rpartition(".")
    return suffix.lower() if dot else ""


def bare(path: str) -> str:
    """Return a path without its suffix; a final slash stays.

    >>> bare("/api/v1/documents/1.json"), bare("/api/v1/temporaryFiles/")
    ('/api/v1/documents/1', '/api/v1/temporaryFiles/')
    """
    place, slash, last = path.rpartition("/")
    return place + slash + last.partition(".")[0]


def require_json(path: str) -> None:
    """Refuse a suffix of an answer that is JSON. Raises the refusal API0005."""
    if suffix_of(path) not in ("", "json"):
        raise refuse("API0005", "Unknown format")


def named_file(segment: str) -> tuple[str, str]:
    """Split ``<id>[.<ext>]``. Raises RouteNotFound where the extension is none (DY-73).

    >>> named_file("12.PDF"), named_file("12")
    (('12', 'PDF'), ('12', ''))
    """
    stem, dot, extension = segment.partition(".")
    if dot and not _EXTENSION.fullmatch(extension):
        raise RouteNotFound
    return stem, extension


def extension_in(name: str) -> str:
    """Return the extension of a file's name as addresses may carry it, ``""`` for none."""
    stem, dot, extension = name.rpartition(".")
    return extension if dot and stem and _EXTENSION.fullmatch(extension) else ""
