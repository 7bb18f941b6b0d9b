"""The one file in the body of a request, as a stream (DY-10 to DY-12).

Three ways in: the body is the file; a form has it as its first part with a file name; a form that
is sent as ``application/x-www-form-urlencoded``. Nothing may be kept of it before its stream has
ended: that a body has no end, a wrong digest or more than it may shows up only there.
"""

from collections.abc import AsyncIterator

from starlette.requests import Request

from consigne.dialects.dynacase.envelope import Message
from consigne.dialects.dynacase.names import stored_name, told_name
from consigne.dialects.dynacase.query import query_of
from consigne.errors import BadHeader, BodyTooLarge, FileTooLarge, NoContent, UnsupportedMedia
from consigne.http import bodies, digests, framing, multipart
from consigne.http.fields import pick

FORM_LIMITS = multipart.Limits(parts=100, field_bytes=1 << 20)
URLENCODED = "application/x-www-form-urlencoded"
# What a form has at most beside its file: fields, heads and boundaries of all parts.
_FRAMING = FORM_LIMITS.field_bytes + 100 * (FORM_LIMITS.headers * FORM_LIMITS.header_size + 256)


def essence_of(request: Request) -> str:
    """Return the media type of the body in lower case, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def require_whole(request: Request) -> None:
    """Refuse a body that is a range or a coding of what it stands for.

    Raises BadHeader (RFC 9110 §14.5), UnsupportedMedia (§8.4).
    """
    if "content-range" in request.headers:
        raise BadHeader("A file cannot be written in ranges", parameter="Content-Range")
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("identity", ""):
        raise UnsupportedMedia


async def open_form(request: Request, idle: float) -> tuple[AsyncIterator[bytes], str | None]:
    """Return the body and the boundary of the form that it is, under its own type or as urlencoded.

    None: an urlencoded body that is no such form. Raises UnsupportedMedia, BadMultipart, BadHeader.
    """
    source = _verified(request, idle)
    if essence_of(request) != URLENCODED:
        return source, multipart.boundary_of(request.headers.get("content-type"))
    head, source = await framing.peek(source)
    embedded = framing.embedded_boundary(head)
    return (framing.with_crlf(source, embedded) if embedded else source), embedded


async def collected(source: AsyncIterator[bytes], limit: int) -> bytes:
    """Return all bytes of a source. Raises BodyTooLarge beyond ``limit``."""
    body = bytearray()
    async for piece in source:
        body += piece
        if len(body) > limit:
            raise BodyTooLarge(limit=limit)
    return bytes(body)


class PartBody:
    """A file in a form, opened: its head is read, and the first of its bytes."""

    length: int | None = None

    def __init__(self, part: multipart.Part, first: bytes, rest: AsyncIterator[bytes]) -> None:
        self.name, self.warnings = stored_name(part.filename)
        self.declared_type = part.content_type
        self.expected = digests.body_digests(part.headers)
        self._first = first
        self._rest = rest

    @classmethod
    async def of(cls, part: multipart.Part) -> "PartBody | None":
        """Open a part that has a file name; None where neither name nor bytes are there."""
        pieces = part.stream()
        first = await anext(pieces, b"")
        return cls(part, first, pieces) if part.filename or first else None

    async def stream(self) -> AsyncIterator[bytes]:
        """Yield the bytes of the part."""
        if self._first:
            yield self._first
        async for piece in self._rest:
            yield piece


class FileBody:
    """The file of one request. ``largest`` bounds it, and what is read beside it.

    What headers decide is decided here, before the body is touched: raises NoContent (empty),
    FileTooLarge, UnsupportedMedia, BadHeader.
    """

    def __init__(self, request: Request, idle: float, largest: int) -> None:
        require_whole(request)
        self._request = request
        self._idle = idle
        self._largest = largest
        self._is_bare = not essence_of(request).startswith("multipart/")
        self._is_bare &= essence_of(request) != URLENCODED
        announced = bodies.declared_length(request.headers)
        if announced == 0:
            raise NoContent("No file transferred")
        # Of a form only what its file has at least is known beforehand.
        self.at_least = max(0, (announced or 0) - (0 if self._is_bare else _FRAMING))
        if self.at_least > largest:
            raise FileTooLarge(limit=largest, size=self.at_least)
        self.length = announced if self._is_bare else None
        self.name = ""
        self.declared_type: str | None = None
        self.expected: digests.Digests = {}
        self.warnings: list[Message] = []
        self._pieces: AsyncIterator[bytes] | None = None

    async def open(self) -> None:
        """Read up to the first byte of the file: name, type and digests are known then.

        Raises NoContent where there is no file, BadMultipart, BodyTooLarge.
        """
        headers = self._request.headers
        if self._is_bare:
            self.name, warnings = stored_name(told_name(headers, query_of(self._request.scope)))
            self.warnings += warnings
            self.declared_type = headers.get("content-type")
            self.expected = digests.body_digests(
                pick(self._request.scope["headers"], digests.FIELDS)
            )
            self._pieces = self._bare()
            return
        source, boundary = await open_form(self._request, self._idle)
        if boundary is None:
            raise NoContent("No file transferred: an urlencoded body cannot carry a file")
        await self._open_part(multipart.parts(source, boundary, FORM_LIMITS))

    async def stream(self) -> AsyncIterator[bytes]:
        """Yield the bytes of the file, and read the rest of the body to its end.

        Raises NoContent, BadMultipart, BodyTooLarge and what the body itself raises.
        """
        assert self._pieces is not None
        async for piece in self._pieces:
            yield piece

    async def _bare(self) -> AsyncIterator[bytes]:
        is_empty = True
        async for piece in bodies.raw_body(self._request, self._idle):
            is_empty = False
            yield piece
        if is_empty:
            raise NoContent("No file transferred")

    async def _open_part(self, parts: AsyncIterator[multipart.Part]) -> None:
        async for part in parts:
            body = await PartBody.of(part) if part.filename is not None else None
            if body is not None:
                self.name, self.declared_type = body.name, body.declared_type
                self.expected = body.expected
                self.warnings += body.warnings
                self._pieces = self._of_form(body, parts)
                return
        raise NoContent("No file transferred")

    async def _of_form(
        self, body: PartBody, parts: AsyncIterator[multipart.Part]
    ) -> AsyncIterator[bytes]:
        async for piece in body.stream():
            yield piece
        further, dropped = 0, 0
        async for part in parts:
            if part.filename is None:
                continue
            size = 0
            async for piece in part.stream():
                size += len(piece)
                dropped += len(piece)
                if dropped > self._largest:
                    raise BodyTooLarge(limit=self._largest)
            further += bool(size or part.filename)
        if further:
            self.warnings.append(Message("warning", "Only the first file was taken"))


def _verified(request: Request, idle: float) -> AsyncIterator[bytes]:
    """Return the body; digests in the request's headers cover all of it (C-43)."""
    source = bodies.raw_body(request, idle)
    announced = digests.body_digests(pick(request.scope["headers"], digests.FIELDS))
    return bodies.verified(source, announced) if announced else source
