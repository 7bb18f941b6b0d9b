"""Office documents: zip archives of XML (ISO/IEC 29500, OASIS OpenDocument).

An archive is what its sender wants it to be. So the number of its members and all that is unpacked
of it are bounded, members are read in pieces, and XML with a document type, which could declare
entities, is refused.
"""

import re
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO
from xml.parsers import expat

from consigne.jobs.child import Refused

_MOST_MEMBERS = 10_000
_MOST_BYTES = 128 << 20
_MOST_SHARED = 16 << 20
_PIECE = 64 << 10
_PIECES = 16
_MOST_HELD = 200_000
_ENCRYPTED = 1
_NUMBER = re.compile(r"\d+")
_DOCX = re.compile(r"word/(?:document|header\d*|footer\d*|footnotes|endnotes|comments)\.xml")
_XLSX = re.compile(r"xl/worksheets/sheet\d+\.xml")
_PPTX = re.compile(r"ppt/slides/slide\d+\.xml")
_DAMAGED = (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, OSError, EOFError, ValueError,
            NotImplementedError, RuntimeError, KeyError, OverflowError)  # fmt: skip


def office_pages(source: BinaryIO, kind: str) -> Iterator[tuple[int | None, str]]:
    """Yield the text of a document; ``kind`` is docx, xlsx, pptx or odf. Raises Refused."""
    try:
        with zipfile.ZipFile(source) as archive:
            yield from _READERS[kind](_Package(archive))
    except _DAMAGED as error:
        raise Refused("The document is damaged or incomplete.") from error
    except expat.ExpatError as error:
        raise Refused("The document's XML is damaged, or it is encrypted.") from error


class _Package:
    """The members of an archive, with a bound on what is unpacked of all of them."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._left = _MOST_BYTES
        self.names = archive.namelist()
        if len(self.names) > _MOST_MEMBERS:
            raise Refused("The document has more parts than are read.")

    def matching(self, pattern: re.Pattern[str]) -> list[str]:
        """Return the names of members that match, those with numbers in their order."""
        found = [name for name in set(self.names) if pattern.fullmatch(name)]
        return sorted(found, key=lambda name: (_NUMBER.sub("", name), _last_number(name), name))

    def pieces(self, name: str) -> Iterator[bytes]:
        """Yield a member's bytes. Raises Refused."""
        info = self._archive.getinfo(name)
        if info.flag_bits & _ENCRYPTED:
            raise Refused("The document is encrypted.")
        with self._archive.open(info) as member:
            while piece := member.read(_PIECE):
                self._left -= len(piece)
                if self._left < 0:
                    raise Refused("The document unpacks to more than is read.")
                yield piece


class _Reader:
    """Takes the text out of one XML member: characters inside ``inside``, blanks where tags say.

    Names are taken without their namespaces, as documents of both families use them alike.
    """

    def __init__(self, inside: frozenset[str], breaks: frozenset[str], blanks: frozenset[str]):
        self._inside, self._breaks, self._blanks = inside, breaks, blanks
        self._depth = 0
        self._parts: list[str] = []
        self._held = 0
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = _refuse_doctype
        parser.StartElementHandler = self.start
        parser.EndElementHandler = self.end
        parser.CharacterDataHandler = self.characters
        self._parser = parser

    def read(self, pieces: Iterator[bytes]) -> Iterator[str]:
        """Yield the text in pieces, and now and then nothing, for whoever looks at the clock."""
        for number, piece in enumerate(pieces):
            self._parser.Parse(piece, False)
            if self._held > _MOST_HELD:
                yield self._taken()
            elif number % _PIECES == 0:
                yield ""
        self._parser.Parse(b"", True)
        yield self._taken()

    def start(self, name: str, attributes: dict[str, str]) -> None:
        tag = name.rpartition(" ")[2]
        if tag in self._inside:
            self._depth += 1
        elif tag in self._blanks:
            self.say(" ")

    def end(self, name: str) -> None:
        tag = name.rpartition(" ")[2]
        if tag in self._inside:
            self._depth -= 1
        if tag in self._breaks:
            self.say("\n")

    def characters(self, data: str) -> None:
        if self._depth:
            self.say(data)

    def say(self, text: str) -> None:
        self._parts.append(text)
        self._held += len(text)

    def _taken(self) -> str:
        text = "".join(self._parts)
        self._parts.clear()
        self._held = 0
        return text


class _Shared(_Reader):
    """The table of texts that the cells of a workbook share."""

    def __init__(self) -> None:
        super().__init__(frozenset({"t"}), frozenset(), frozenset())
        self.texts: list[str] = []
        self._room = _MOST_SHARED

    def end(self, name: str) -> None:
        super().end(name)
        if name.rpartition(" ")[2] == "si":
            text = self._taken() if self._room > 0 else ""
            self._room -= len(text)
            self.texts.append(text)


class _Sheet(_Reader):
    """A worksheet, row by row: texts, shared texts and values of cells."""

    def __init__(self, shared: list[str]) -> None:
        super().__init__(frozenset({"t", "v"}), frozenset({"row"}), frozenset({"c"}))
        self._shared = shared
        self._is_shared = False
        self._value: list[str] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        super().start(name, attributes)
        if name.endswith(" c"):
            self._is_shared = attributes.get("t") == "s"
        elif name.endswith(" v"):
            self._value.clear()

    def characters(self, data: str) -> None:
        if self._is_shared:
            self._value.append(data)
        else:
            super().characters(data)

    def end(self, name: str) -> None:
        super().end(name)
        if name.endswith(" v") and self._is_shared:
            number = "".join(self._value)
            if number.isascii() and number.isdigit() and int(number) < len(self._shared):
                self.say(self._shared[int(number)])


def _docx(package: _Package) -> Iterator[tuple[None, str]]:
    _require(package, "word/document.xml")
    names = package.matching(_DOCX)
    names.sort(key=lambda name: name != "word/document.xml")
    for name in names:
        reader = _Reader(frozenset({"t"}), frozenset({"p"}), frozenset({"tab", "br", "cr", "tc"}))
        for text in reader.read(package.pieces(name)):
            yield None, text


def _xlsx(package: _Package) -> Iterator[tuple[None, str]]:
    _require(package, "xl/workbook.xml")
    shared = _Shared()
    if "xl/sharedStrings.xml" in package.names:
        for _ in shared.read(package.pieces("xl/sharedStrings.xml")):
            pass
    for name in package.matching(_XLSX):
        for text in _Sheet(shared.texts).read(package.pieces(name)):
            yield None, text


def _pptx(package: _Package) -> Iterator[tuple[int, str]]:
    _require(package, "ppt/presentation.xml")
    for number, name in enumerate(package.matching(_PPTX), 1):
        reader = _Reader(frozenset({"t"}), frozenset({"p"}), frozenset({"br", "tc"}))
        yield number, "".join(reader.read(package.pieces(name)))


def _odf(package: _Package) -> Iterator[tuple[None, str]]:
    _require(package, "content.xml")
    text = frozenset({"p", "h"})
    reader = _Reader(text, text, frozenset({"tab", "s", "line-break"}))
    for piece in reader.read(package.pieces("content.xml")):
        yield None, piece


_READERS = {"docx": _docx, "xlsx": _xlsx, "pptx": _pptx, "odf": _odf}


def _require(package: _Package, name: str) -> None:
    if name not in package.names:
        raise Refused("The document lacks its main part.")


def _refuse_doctype(*_: object) -> None:
    raise Refused("The document's XML has a document type.")


def _last_number(name: str) -> int:
    found = _NUMBER.findall(name)
    return int(found[-1][:9]) if found else 0
