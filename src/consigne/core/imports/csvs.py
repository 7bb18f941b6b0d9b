"""CSV as a stream (RFC 4180): bytes in blocks come in, rows with the line they start in go out.

Memory is bounded by the longest row. Lines end with CR LF, LF or CR, each row as it likes; what a
quoted cell contains stays as it is. A row that no reader could understand is a row all the same: it
is told as malformed, and the next one begins behind it.
"""

import codecs
import csv
import re
from collections.abc import AsyncGenerator, AsyncIterable, Iterator

import msgspec

MAX_ROW = 4 << 20  # characters
DELIMITERS = ",;\t"
# The module's own bound is one for the process; ours is on the whole row.
csv.field_size_limit(MAX_ROW)

_END = re.compile(r"\r\n|\n|\r")
_QUOTED = re.compile(r'"(?:[^"]|"")*"?')
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_BOM = "\ufeff"


class BadFile(Exception):
    """The file as a whole cannot be read: NOT_CSV or BAD_ENCODING, and why."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class Row(msgspec.Struct, frozen=True):
    """A row: the line that it starts in (the header's is 1), and its cells.

    ``is_sound`` is False where its quotes are wrong; what was understood is in ``cells``.
    """

    line: int
    cells: list[str]
    is_sound: bool = True

    @property
    def size(self) -> int:
        """Its characters."""
        return sum(map(len, self.cells))


class Table:
    """The rows of one stream; the first is the header. ``delimiter`` is known once it was read."""

    def __init__(self) -> None:
        self.delimiter = ","
        self.has_bom = False
        self._line = 0  # complete lines so far
        self._start = 1  # where the present row begins
        self._part: list[str] = []  # of a line whose end has not come yet
        self._held: list[str] = []  # lines of a row whose quoted cell goes on
        self._size = 0
        self._knows_delimiter = False

    async def rows(self, source: AsyncIterable[bytes]) -> AsyncGenerator[list[Row], None]:
        """Yield the rows in batches, as blocks come in; blank lines are none. Raises BadFile."""
        decoder = codecs.getincrementaldecoder("utf-8")()
        rest, position, is_first = "", 0, True
        async for block in source:
            if not position and block[:2] in _UTF16:
                raise BadFile("BAD_ENCODING", "The file is UTF-16; send UTF-8.")
            if b"\0" in block:
                raise BadFile("NOT_CSV", "The file has a NUL byte: this is no text.")
            text = rest + _decoded(decoder, block, position)
            position += len(block)
            if is_first and text:
                self.has_bom, is_first = text.startswith(_BOM), False
                text = text.removeprefix(_BOM)
            # What may be the first half of CR LF waits for the second one.
            rest = "\r" if text.endswith("\r") else ""
            yield list(self._feed(text.removesuffix("\r") if rest else text))
        yield list(self._feed(rest + _decoded(decoder, b"", position, final=True)))
        yield list(self._last())

    def _feed(self, text: str) -> Iterator[Row]:
        at = 0
        for match in _END.finditer(text):
            end = match.end()
            yield from self._take(text[at:end])
            at = end
        if at < len(text):
            self._require_short(len(text) - at)
            self._part.append(text[at:])

    def _last(self) -> Iterator[Row]:
        """Give out what stands behind the last line end, or in a quoted cell without an end."""
        if self._part:
            yield from self._take("")
        if self._held:
            yield from self._told("".join(self._held))

    def _take(self, line: str) -> Iterator[Row]:
        """Take in the rest of a line, with its end."""
        if self._part:
            line = "".join(self._part) + line
            self._part = []
            self._size = sum(map(len, self._held))
        self._line += 1
        if not self._knows_delimiter:
            self.delimiter, self._knows_delimiter = delimiter_of(line), True
        if not self._held:
            self._start = self._line
        if '"' in line:
            is_open = _ends_open(line, self.delimiter, bool(self._held))
        else:
            is_open = bool(self._held)
        if is_open:
            self._require_short(len(line))
            self._held.append(line)
        elif self._held:
            self._require_short(len(line))
            whole = "".join(self._held) + line
            self._held, self._size = [], 0
            yield from self._told(whole)
        else:
            yield from self._told(line)

    def _told(self, text: str) -> Iterator[Row]:
        if (row := _row(self._start, text, self.delimiter)) is not None:
            yield row

    def _require_short(self, more: int) -> None:
        self._size += more
        if self._size > MAX_ROW:
            raise BadFile(
                "NOT_CSV", f"The row in line {self._start} has more than {MAX_ROW} characters."
            )


def delimiter_of(header: str) -> str:
    """Return what separates the cells of a header: the most frequent one outside quotes.

    >>> delimiter_of("a;b,c;d"), delimiter_of("a")
    (';', ',')
    """
    plain = _QUOTED.sub("", header)
    return max(DELIMITERS, key=plain.count)


def _ends_open(line: str, delimiter: str, is_open: bool) -> bool:
    """Tell whether a line ends inside a quoted cell; ``is_open``: whether it begins in one."""
    at = 0
    if not is_open and line.startswith('"'):
        is_open, at = True, 1
    while True:
        if is_open:
            end = line.find('"', at)
            if end < 0:
                return True
            if line.startswith('""', end):
                at = end + 2
                continue
            at = end + 1
        next_cell = line.find(delimiter, at)
        if next_cell < 0:
            return False
        at = next_cell + 1
        is_open = line.startswith('"', at)
        at += is_open


def _row(line: int, text: str, delimiter: str) -> Row | None:
    """Return a row by its whole text, None where it is blank."""
    stripped = text.rstrip("\r\n")
    if '"' not in text:
        return Row(line, stripped.split(delimiter)) if stripped.strip() else None
    try:
        return Row(line, next(csv.reader([text], delimiter=delimiter, strict=True)))
    except csv.Error:
        return Row(line, _leniently(text, delimiter), is_sound=False)


def _leniently(text: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([text], delimiter=delimiter))
    except csv.Error:
        return text.rstrip("\r\n").split(delimiter)


def _decoded(
    decoder: codecs.IncrementalDecoder, block: bytes, position: int, *, final: bool = False
) -> str:
    try:
        return decoder.decode(block, final)
    except UnicodeDecodeError as error:
        at = position + len(block) - len(error.object) + error.start + 1
        raise BadFile("BAD_ENCODING", f"The file is not UTF-8 (byte {at}).") from None
