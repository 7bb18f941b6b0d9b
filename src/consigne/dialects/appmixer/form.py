"""The multipart body of an upload, as a stream of the bytes of its part ``file`` (AM-13)."""

from collections.abc import AsyncIterator

from starlette.requests import Request

from consigne.errors import BadMultipart, SizeMismatch
from consigne.http import bodies, digests, multipart
from consigne.http.fields import pick

PART = "file"
OTHER_PARTS = 50
OTHER_BYTES = 64 * 1024

# Fields are counted here, whether or not they look like files; the parser bounds their heads.
_LIMITS = multipart.Limits(parts=OTHER_PARTS + 1, headers=8, field_bytes=1 << 62)
# No framing is longer: heads and boundaries of all parts, and what may stand around them.
_FRAMING = (OTHER_PARTS + 2) * (_LIMITS.headers * _LIMITS.header_size + 256) + 128 * 1024


class Form:
    """One request's body. ``announced`` is the size of the part in the client's words, if any.

    The body is not touched before ``open`` or ``stream``. Everything that can be wrong with it is
    raised from there, at the latest behind the last byte of the part: BadHeader, BadMultipart,
    SizeMismatch, DigestMismatch, IncompleteBody, TimedOut. So nobody may keep what was streamed
    before the stream has ended.
    """

    def __init__(self, request: Request, announced: int | None, idle: float) -> None:
        boundary = multipart.boundary_of(request.headers.get("content-type"))
        expected = digests.content_digests(pick(request.scope["headers"], digests.FIELDS))
        source = bodies.raw_body(request, idle)
        if expected:
            source = bodies.verified(source, expected)
        self._parts = multipart.parts(source, boundary, _LIMITS, file_names=frozenset({PART}))
        self._part: multipart.Part | None = None
        self._announced = announced
        self._other_bytes = 0
        whole = bodies.declared_length(request.headers)
        # What the part has at least: room for it can be asked for before the body is read.
        at_least = max(0, (whole or 0) - OTHER_BYTES - _FRAMING)
        self.length = at_least if announced is None else announced

    async def open(self) -> multipart.Part:
        """Read up to the head of the part and return it."""
        if self._part is None:
            self._part = await self._next_file()
            if self._part is None:
                raise BadMultipart(f"The form has no part named {PART!r}.", parameter=PART)
        return self._part

    async def stream(self) -> AsyncIterator[bytes]:
        """Yield the part's bytes, then read the rest of the form and check it."""
        part = await self.open()
        received = 0
        expected = digests.content_digests(part.headers)
        pieces = bodies.verified(part.stream(), expected) if expected else part.stream()
        async for piece in pieces:
            received += len(piece)
            if self._announced is not None and received > self._announced:
                break
            yield piece
        if self._announced is not None and received != self._announced:
            raise SizeMismatch(
                f"uploader-chunk-size: {self._announced} bytes are announced, "
                f"{'more' if received > self._announced else received} came",
                expected=self._announced,
            )
        if await self._next_file() is not None:
            raise BadMultipart(f"The form has two parts named {PART!r}.", parameter=PART)

    async def _next_file(self) -> multipart.Part | None:
        """Skip other parts; return the next one named ``file``, None at the end of the form."""
        async for part in self._parts:
            if part.name == PART:
                return part
            async for piece in part.stream():
                self._other_bytes += len(piece)
                if self._other_bytes > OTHER_BYTES:
                    raise BadMultipart(
                        f"The parts beside {PART!r} have more than {OTHER_BYTES} bytes."
                    )
        return None
