"""A file in ``multipart/form-data`` (RFC 7578): one file part, and fields before or behind it.

Nothing may be kept before the form has ended: a second file, a field that means nothing, or a
digest over the whole request that does not match shows up only there. So the stream of the file
ends when the form does.
"""

from collections.abc import AsyncIterator

from starlette.requests import Request

from consigne.errors import BadMultipart
from consigne.http.bodies import raw_body, verified
from consigne.http.digests import FIELDS, body_digests
from consigne.http.fields import pick
from consigne.http.multipart import Part, boundary_of, parts

FILE = "file"
_FIELD_LIMIT = 64 * 1024


def is_form(content_type: str | None) -> bool:
    """Tell whether a Content-Type announces a form."""
    essence = (content_type or "").partition(";")[0].strip().lower()
    return essence == "multipart/form-data"


class UploadForm:
    """The form of a request. ``fields`` grows while it is read.

    Digests in the request's headers cover the whole form (C-43), those in the part's headers the
    file: ``expected``, once the form is open.
    """

    def __init__(self, request: Request, idle_timeout: float) -> None:
        source = raw_body(request, idle_timeout)
        announced = body_digests(pick(request.scope["headers"], FIELDS))
        if announced:
            source = verified(source, announced)
        boundary = boundary_of(request.headers.get("content-type"))
        self._parts = parts(source, boundary, file_names=frozenset({FILE}))
        self._file: Part | None = None
        self.fields: list[tuple[str, str]] = []
        self.expected: dict[str, bytes] = {}

    async def open(self) -> Part:
        """Read up to the file. Raises BadMultipart where there is none, BadHeader (digests)."""
        await self._read_fields()
        if self._file is None:
            raise BadMultipart(
                "The form has no file.",
                hint="Send one part with a file name, or one named 'file'.",
                parameter=FILE,
            )
        self.expected = body_digests(self._file.headers)
        return self._file

    async def stream(self) -> AsyncIterator[bytes]:
        """Yield the bytes of the file, then read the form to its end.

        Raises BadMultipart (a second file, broken framing), BodyTooLarge, DigestMismatch.
        """
        assert self._file is not None
        async for piece in self._file.stream():
            yield piece
        await self._read_fields()

    async def _read_fields(self) -> None:
        """Read fields up to the next file or the end."""
        async for part in self._parts:
            if part.filename is None and part.name != FILE:
                value = await part.read(_FIELD_LIMIT)
                self.fields.append((part.name, value.decode("utf-8", "replace")))
            elif self._file is None:
                self._file = part
                return
            else:
                raise BadMultipart("The form has more than one file.", parameter=part.name)
