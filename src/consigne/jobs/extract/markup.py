"""HTML and XML: the text between the tags."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import BinaryIO

from consigne.jobs.extract.plain import decoded

_PIECE = 256 << 10
_TAGS_PER_TEXT = 20
_UNSEEN = frozenset({"script", "style", "template", "noscript", "iframe", "object"})
_INLINE = frozenset({"a", "abbr", "b", "bdi", "bdo", "cite", "code", "del", "dfn", "em", "font",
                     "i", "ins", "kbd", "mark", "q", "s", "samp", "small", "span", "strong", "sub",
                     "sup", "tspan", "tt", "u", "var", "wbr"})  # fmt: skip
_ENCODING = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?\s*([\w.:-]{2,40})""", re.IGNORECASE)
_HEAD = 4096


def markup_pages(source: BinaryIO, max_length: int, *, is_html: bool) -> Iterator[tuple[None, str]]:
    """Yield the text of a marked up document in pieces; scripts and styles are left out.

    Nothing is looked up or expanded but the characters that HTML itself names.
    """
    data = source.read(max_length * _TAGS_PER_TEXT)
    told = _ENCODING.search(data[:_HEAD])
    text = decoded(data, told[1].decode("ascii") if told else None)
    reader = _Text(_INLINE if is_html else frozenset())
    for start in range(0, len(text), _PIECE):
        reader.feed(text[start : start + _PIECE])
        yield None, reader.taken()
    reader.close()
    yield None, reader.taken()


class _Text(HTMLParser):
    def __init__(self, inline: frozenset[str]) -> None:
        super().__init__(convert_charrefs=True)
        self._inline = inline
        self._parts: list[str] = []
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNSEEN:
            self._unseen += 1
        elif tag not in self._inline:
            self._parts.append("\n")
        self._parts += [f" {value} " for name, value in attrs if name == "alt" and value]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self._inline:
            self._parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif tag not in self._inline:
            self._parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self._parts.append(data)

    def unknown_decl(self, data: str) -> None:
        """Read the text of a CDATA section of XML."""
        if data.startswith("CDATA["):
            self.handle_data(data.removeprefix("CDATA["))

    def taken(self) -> str:
        text = "".join(self._parts)
        self._parts.clear()
        return text
