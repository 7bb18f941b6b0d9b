"""The body of a save (DY-29): JSON, an urlencoded form, or a form with files."""

from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.requests import Request

from consigne.dialects.dynacase.bodies import (
    FORM_LIMITS,
    URLENCODED,
    PartBody,
    collected,
    essence_of,
    open_form,
    require_whole,
)
from consigne.dialects.dynacase.envelope import Message
from consigne.dialects.dynacase.query import pairs_of
from consigne.dialects.dynacase.values import Wishes, wishes_of
from consigne.errors import UnsupportedMedia
from consigne.http.bodies import read_limited
from consigne.http.multipart import Part, parts
from consigne.model.entities import File

LARGEST = 1 << 20
_JSON = ("application/json", "text/json", "")
_ROWS = "[]"

Admit = Callable[[str], None]
Receive = Callable[[PartBody, str], Awaitable[File]]


class Save:
    """What a save names, by lower-case attribute: values as they came, and files that it brought.

    ``files`` are held already, so that whoever refuses the save has to drop them.
    """

    def __init__(self) -> None:
        self.wishes: Wishes = {}
        self.files: dict[str, list[File]] = {}
        self.warnings: list[Message] = []

    @property
    def held(self) -> list[File]:
        return [file for files in self.files.values() for file in files]

    def add(self, name: str, value: str) -> None:
        """Take a pair of a form: ``a[]`` adds a row; ``a`` is the value, the last one counts."""
        key = name.removesuffix(_ROWS).lower()
        present = self.wishes.get(key)
        if isinstance(present, list):
            present.append(value)
        elif name.endswith(_ROWS):
            self.wishes[key] = [value] if present is None else [present, value]
        else:
            self.wishes[key] = value

    async def read(self, request: Request, idle: float, admit: Admit, receive: Receive) -> None:
        """Read the body.

        ``admit`` raises where a file part names no file attribute, before its bytes are read;
        ``receive`` holds the bytes of a part for an attribute. Raises UnsupportedMedia, BadBody,
        BodyTooLarge, BadMultipart and what these two raise.
        """
        require_whole(request)
        essence = essence_of(request)
        if essence in _JSON:
            wishes = wishes_of(await read_limited(request, LARGEST, idle))
            self.wishes = {name.lower(): wish for name, wish in wishes.items()}
            return
        if essence != URLENCODED and not essence.startswith("multipart/"):
            raise UnsupportedMedia
        source, boundary = await open_form(request, idle)
        if boundary is not None:
            await self._read_parts(parts(source, boundary, FORM_LIMITS), admit, receive)
            return
        for name, value in pairs_of(await collected(source, LARGEST)):
            self.add(name, value)

    async def _read_parts(self, found: AsyncIterator[Part], admit: Admit, receive: Receive) -> None:
        async for part in found:
            if part.filename is None:
                value = await part.read(LARGEST)
                self.add(part.name, value.decode("utf-8", "replace"))
                continue
            body = await PartBody.of(part)
            if body is None:
                continue  # what a browser sends for a file that nobody chose
            name = part.name.removesuffix(_ROWS).lower()
            admit(name)
            self.files.setdefault(name, []).append(await receive(body, name))
            self.warnings += body.warnings
