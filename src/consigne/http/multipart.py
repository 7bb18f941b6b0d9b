"""Streaming multipart/form-data (RFC 7578) on top of ``multipart.PushMultipartParser``.

Constant memory: one piece of the source at a time. Parts come in order; a part that was not read to
its end is drained when the next one is asked for. After the last part the source is read to its end
as well, so that a digest over the whole request is checked (``bodies.verified``).
"""

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Final

from multipart import (
    MultipartError,
    MultipartSegment,
    ParserLimitReached,
    PushMultipartParser,
)

from consigne.errors import BadMultipart, BodyTooLarge, UnsupportedMedia
from consigne.http.dispositions import parse_disposition
from consigne.http.fields import split_outside_quotes, utf8_else_latin1

# Bytes before the first and after the last boundary carry nothing; some clients send a line or two.
_SLACK = 64 * 1024
_BOUNDARY = re.compile(r"[\x20-\x7e]{0,199}[\x21-\x7e]")


@dataclass(frozen=True)
class Limits:
    """Bounds of a form. ``header_size``: bytes of one header line of a part. ``field_bytes``: all
    parts that are no files, together. Files have no limit here; whoever stores them counts."""

    parts: int = 100
    headers: int = 16
    header_size: int = 8 * 1024
    field_bytes: int = 1024 * 1024


def boundary_of(content_type: str | None) -> str:
    """Return the boundary of a ``multipart/form-data`` content type.

    Raises UnsupportedMedia for any other type and BadMultipart where the boundary is missing or
    malformed.
    """
    pieces = split_outside_quotes(content_type or "", ";")
    if next(pieces).lower() != "multipart/form-data":
        raise UnsupportedMedia("The request must be multipart/form-data.")
    for piece in pieces:
        name, _, value = piece.partition("=")
        if name.strip().lower() == "boundary":
            boundary = value.strip()
            if len(boundary) > 1 and boundary[0] == boundary[-1] == '"':
                boundary = re.sub(r"\\(.)", r"\1", boundary[1:-1])
            if _BOUNDARY.fullmatch(boundary):
                return boundary
            break
    raise BadMultipart("The multipart boundary is missing or malformed.")


class Part:
    """One part of a form. Read it (``stream`` or ``read``) before asking for the next one.

    ``name`` is the field's name (empty if absent), ``filename`` as the client sent it or None,
    ``content_type`` the raw value or None, ``headers`` all part headers by lower-case name.
    """

    __slots__ = ("_form", "content_type", "filename", "headers", "name")

    def __init__(self, form: "_Form", segment: MultipartSegment) -> None:
        self._form = form
        self.headers: dict[str, str] = {}
        for name, value in segment.headerlist:
            self.headers.setdefault(name.lower(), utf8_else_latin1(value.strip(" \t")))
        disposition = parse_disposition(self.headers.get("content-disposition", ""), form=True)
        self.name: Final = disposition.name or ""
        self.filename: Final = disposition.filename
        self.content_type: Final = self.headers.get("content-type")

    async def stream(self) -> AsyncIterator[bytes]:
        """Yield the part's bytes in non-empty pieces.

        Raises BadMultipart, BodyTooLarge (fields) and whatever the source raises.
        """
        while (piece := await self._form.piece_of(self)) is not None:
            yield piece

    async def read(self, limit: int) -> bytes:
        """Return the rest of the part, at most ``limit`` bytes; raises BodyTooLarge beyond."""
        body = bytearray()
        async for piece in self.stream():
            body += piece
            if len(body) > limit:
                raise BodyTooLarge(
                    f"The part {self.name!r} is too large.", limit=limit, parameter=self.name
                )
        return bytes(body)


async def parts(
    source: AsyncIterator[bytes],
    boundary: str,
    limits: Limits | None = None,
    *,
    file_names: frozenset[str] = frozenset(),
) -> AsyncIterator[Part]:
    """Yield the parts of a form in their order.

    ``source`` is ``bodies.raw_body`` or a wrapper of it. ``file_names``: fields that are files even
    without a file name, so that ``field_bytes`` does not count them. Raises BadMultipart (broken
    framing, missing end, too many parts or headers), BodyTooLarge (fields) and whatever the source
    raises: a body that is cut short is its IncompleteBody.
    """
    if not _BOUNDARY.fullmatch(boundary):
        raise BadMultipart("The multipart boundary is malformed.")
    form = _Form(source, boundary, limits or Limits(), file_names)
    while (part := await form.next_part()) is not None:
        yield part


class _Form:
    """The state of one form: the source, the parser and what it has found but not handed out."""

    def __init__(
        self,
        source: AsyncIterator[bytes],
        boundary: str,
        limits: Limits,
        file_names: frozenset[str],
    ) -> None:
        self._source = source
        self._limits = limits
        self._file_names = file_names
        self._current: Part | None = None
        self._is_file = False
        self._field_bytes = 0
        self._idle_bytes = 0
        self._events: Iterator[MultipartSegment | bytes | bytearray | None] = iter(())
        # Header values are re-decoded by ``Part``: Latin-1 loses nothing, UTF-8 would refuse.
        self._parser = PushMultipartParser(
            boundary,
            max_header_size=limits.header_size,
            max_header_count=limits.headers,
            max_segment_count=limits.parts,
            header_charset="latin-1",
        )

    async def next_part(self) -> Part | None:
        """Drain what is left of the current part and return the next, or None at the end."""
        while self._current is not None:
            await self.piece_of(self._current)
        event = await self._next_event()
        if event is None:
            return None
        if not isinstance(event, MultipartSegment):
            raise BadMultipart
        part = Part(self, event)
        self._current = part
        self._is_file = part.filename is not None or part.name in self._file_names
        return part

    async def piece_of(self, part: Part) -> bytes | None:
        """Return the next piece of the current part, or None at its end."""
        if part is not self._current:
            return None
        event = await self._next_event()
        if event is None:
            self._current = None
            return None
        if isinstance(event, MultipartSegment):
            raise BadMultipart
        if not self._is_file:
            self._field_bytes += len(event)
            limit = self._limits.field_bytes
            if self._field_bytes > limit:
                raise BodyTooLarge("The form's fields are too large.", limit=limit)
        return bytes(event)

    async def _next_event(self) -> MultipartSegment | bytes | bytearray | None:
        """Return a part, a piece of one, or None for the end of a part and of the form."""
        while True:
            try:
                for event in self._events:
                    self._idle_bytes = 0
                    return event
                piece = await anext(self._source, b"")
                if not piece:
                    self._parser.close()
                    return None
            except ParserLimitReached as error:
                raise BadMultipart(f"The form exceeds a limit: {error}.") from None
            except MultipartError as error:
                raise BadMultipart(f"The form is broken: {error}.") from None
            if self._current is None:
                self._idle_bytes += len(piece)
                if self._idle_bytes > _SLACK + len(piece):
                    raise BadMultipart("Too many bytes outside the parts of the form.")
            self._events = self._parser.parse(piece)
