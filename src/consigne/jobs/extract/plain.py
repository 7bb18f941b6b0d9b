"""Plain text, in whichever encoding it was written."""

import codecs
from collections.abc import Iterator
from typing import BinaryIO

from consigne.jobs.child import Refused
from consigne.jobs.markdown import SEPARATOR

_PIECE = 200_000
_SAMPLE = 64 << 10
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Encodings of western Europe with one byte a letter: Windows, DOS, old Macintosh. What letters each
# makes of the same bytes tells them apart.
_ONE_BYTE = ("cp1252", "cp850", "mac_roman")
_USUAL = frozenset("àâäçéèêëîïôöùûüÿœæÀÂÇÉÈÊËÎÏÔÙÛÜŒÆáíóúñßåøÁÍÓÚÑÅØ«»’‘“”–—…€°²³µ§£•·\u00a0")
_MOST_BYTES = 4


def plain_pages(
    source: BinaryIO, max_length: int, *, has_rules: bool = False
) -> Iterator[tuple[int | None, str]]:
    """Yield a text in pieces; with ``has_rules`` in the pages that its rules separate."""
    # One character more than is wanted shows that there is more.
    text = decoded(source.read((max_length + 1) * _MOST_BYTES))
    if has_rules:
        yield from enumerate(text.split(SEPARATOR), 1)
        return
    start = 0
    while start < len(text):
        stop = start + _PIECE
        if stop < len(text):
            stop = max(text.rfind("\n", start, stop), text.rfind(" ", start, stop)) + 1 or stop
            stop = stop if stop > start else start + _PIECE
        yield None, text[start:stop]
        start = stop


def decoded(data: bytes, told: str | None = None) -> str:
    """Return bytes as text: by a byte order mark, by ``told``, else by what they look like.

    Raises Refused where they are no text.
    """
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    sample = data[:_SAMPLE]
    if b"\0" in sample:
        return data.decode(_wide(sample), "replace")
    for encoding in filter(None, (told, "utf-8")):
        try:
            # The last character may be cut.
            return codecs.getincrementaldecoder(encoding)().decode(data)
        except (UnicodeDecodeError, LookupError, ValueError):
            continue
    high = bytes(byte for byte in sample if byte > 127)
    likely = max(_ONE_BYTE, key=lambda name: _usual_in(high.decode(name, "replace")))
    return data.decode(likely, "replace")


def _wide(sample: bytes) -> str:
    """Name the encoding of bytes of which many are zero. Raises Refused where they are no text."""
    first, second = sample[0::2].count(0), sample[1::2].count(0)
    if max(first, second) * 5 <= len(sample):
        raise Refused("The bytes are no text.")
    return "utf-16-be" if first > second else "utf-16-le"


def _usual_in(letters: str) -> int:
    return sum(letter in _USUAL for letter in letters)
