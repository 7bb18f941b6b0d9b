"""Forms that come under another type or with bare line feeds, as hand-written clients send them.

``peek`` looks at the start of a body without losing it, ``embedded_boundary`` tells whether a form
starts there, ``with_crlf`` gives it the framing that the parser of ``multipart`` asks for.
"""

import re
from collections.abc import AsyncIterator

from consigne.errors import BadMultipart

PEEK = 4096

_MAX_LINE = 64 * 1024
_START = re.compile(
    rb"--([\x21-\x7e]{1,200})[ \t]*\r?\n(?:[^\r\n]+\r?\n)*?"
    rb"Content-Disposition[ \t]*:[ \t]*form-data",
    re.IGNORECASE,
)


async def peek(
    source: AsyncIterator[bytes], size: int = PEEK
) -> tuple[bytes, AsyncIterator[bytes]]:
    """Return the first ``size`` bytes (fewer where the body ends) and the whole stream anew."""
    head = bytearray()
    while len(head) < size:
        piece = await anext(source, b"")
        if not piece:
            break
        head += piece
    whole = bytes(head)

    async def again() -> AsyncIterator[bytes]:
        if whole:
            yield whole
        async for piece in source:
            yield piece

    return whole[:size], again()


def embedded_boundary(head: bytes) -> str | None:
    """Return the boundary of a form that starts at the first byte, else None.

    Blanks after the boundary and bare line feeds are borne.

    >>> embedded_boundary(b'--abc\\nContent-Disposition: form-data; name="f"')
    'abc'
    """
    found = _START.match(head)
    return found[1].decode("ascii") if found else None


async def with_crlf(source: AsyncIterator[bytes], boundary: str) -> AsyncIterator[bytes]:
    """Yield a form with blanks stripped from its delimiter lines and CRLF after framing lines.

    The bytes of the parts are untouched: a line feed, or CRLF, right before a delimiter belongs to
    the delimiter. Raises BadMultipart where a framing line has no end.
    """
    framing = _Framing(boundary)
    async for piece in source:
        out = framing.feed(piece)
        if out:
            yield out
    rest = framing.finish()
    if rest:
        yield rest


class _Framing:
    """Where in the form we are. Framing lines and content alternate; the last delimiter ends it."""

    def __init__(self, boundary: str) -> None:
        self._line = b"--" + boundary.encode("ascii")
        # A delimiter is only one where its line ends properly, or with the body.
        self._delimiter = re.compile(rb"\r?\n(?=" + re.escape(self._line) + rb"(?:--)?[ \t]*\r?\n)")
        self._last = re.compile(rb"\r?\n(?=" + re.escape(self._line) + rb"--[ \t]*\Z)")
        # Shorter than this an undecided end may still become a delimiter.
        self._keep = len(self._line) + 64
        self._buffer = b""
        self._in_content = False
        self._over = False

    def feed(self, piece: bytes) -> bytes:
        """Take a piece and return what is decided."""
        self._buffer += piece
        out = b""
        while not self._over:
            step = self._content() if self._in_content else self._framing_line()
            if step is None:
                return out
            out += step
        out, self._buffer = out + self._buffer, b""
        return out

    def finish(self) -> bytes:
        """Return what is left when the body has ended."""
        rest, self._buffer = self._buffer, b""
        if self._in_content:
            return self._last.sub(b"\r\n", rest)
        return rest

    def _framing_line(self) -> bytes | None:
        line, feed, rest = self._buffer.partition(b"\n")
        if not feed:
            if len(line) > _MAX_LINE:
                raise BadMultipart("A line of the form's framing has no end.")
            return None
        self._buffer = rest
        line = line.removesuffix(b"\r")
        if line.startswith(self._line):
            line = line.rstrip(b" \t")
            self._over = line == self._line + b"--"
        self._in_content = not line
        return line + b"\r\n"

    def _content(self) -> bytes | None:
        """Return content up to the next delimiter; None where more bytes must decide."""
        found = self._delimiter.search(self._buffer)
        if found:
            out = self._buffer[: found.start()] + b"\r\n"
            self._buffer = self._buffer[found.end() :]
            self._in_content = False
            return out
        safe = len(self._buffer) - self._keep
        if safe <= 0:
            return None
        out, self._buffer = self._buffer[:safe], self._buffer[safe:]
        return out
