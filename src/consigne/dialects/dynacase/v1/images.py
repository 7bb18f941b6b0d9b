"""Pictures in other sizes: of images in documents, of temporary images, icons (DY-77, DY-78)."""

import asyncio
import hashlib
from contextlib import suppress

from starlette.requests import Request
from starlette.types import ASGIApp

from consigne.core.access import Seat
from consigne.core.sniff import extension_for
from consigne.dialects.dynacase.cabinet import Cabinet
from consigne.dialects.dynacase.desk import Desk
from consigne.dialects.dynacase.envelope import VERSION_HEADER
from consigne.dialects.dynacase.errors import refuse
from consigne.dialects.dynacase.places import place_of, standing_at, told_index
from consigne.dialects.dynacase.v1 import icons
from consigne.dialects.dynacase.v1.files import plain, prepared, wants_inline
from consigne.dialects.dynacase.v1.lookup import Held, Lookup, file_field, name_of
from consigne.dialects.dynacase.v1.paths import named_file
from consigne.dialects.dynacase.v1.sizes import FORMATS, picture_name, shape_of
from consigne.dialects.dynacase.v1.wire import is_image_type
from consigne.dialects.dynacase.wire import mime_of
from consigne.errors import BadParameter, FileNotFound
from consigne.http import conditions
from consigne.http.answers import Answer
from consigne.http.delivery import Delivery
from consigne.http.fields import Header, pick
from consigne.model.entities import File
from consigne.model.names import extension_of
from consigne.model.pictures import Format, Shape

_PICTURE: tuple[Header, ...] = (
    (b"cache-control", b"private, no-cache, must-revalidate"),
    VERSION_HEADER,
)
_ICON: tuple[Header, ...] = (
    (b"cache-control", b"public, max-age=86400"),
    (b"x-content-type-options", b"nosniff"),
    VERSION_HEADER,
)
_SAME = {"jpeg": "jpg", "tif": "tiff"}


class Images:
    """The endpoints of pictures."""

    def __init__(self, desk: Desk, cabinet: Cabinet, lookup: Lookup) -> None:
        self._depot = desk.depot
        self._cabinet = cabinet
        self._lookup = lookup

    async def of_document(self, request: Request) -> ASGIApp:
        """GET documents/<id>[/revisions/<n>]/images/<attrid>/<index>/sizes/<size>[.<suffix>]."""
        names = request.path_params
        size, dot, suffix = names["size"].partition(".")
        suffix = suffix.lower() if dot else "png"
        if suffix not in FORMATS:
            raise refuse("API0005", "Unknown format")
        shape = shape_of(size, FORMATS[suffix])
        seat, full = await self._lookup.document(request)
        field = file_field(full.layout, names["attrid"])
        place = place_of(full, field, told_index(names["index"], None), appends=False)
        placed = standing_at(full, place)
        file = await self._cabinet.shown_file(seat, full, placed)
        if not is_image_type(mime_of(file)):
            raise refuse("CRUD0601", f'The file in attribute "{field.id}" is not an image')
        name = picture_name(size, name_of(placed), suffix)
        return await self._picture(seat, file, shape, name, placed.version)

    async def recorded(self, request: Request) -> ASGIApp:
        """GET images/recorded/original/<id>[.<ext>]: a temporary image of the caller's as it is."""
        number, extension = named_file(request.path_params["token"])
        seat, file = await self._image(request, number)
        if extension and not _fits(extension, file):
            raise refuse("CRUD0604", f'Image "{number}" is not of the format "{extension}"')
        reading = prepared(await self._depot.reader.open(seat, file.id), file.name)
        return Delivery(reading, inline=wants_inline(request), headers=_PICTURE)

    async def recorded_in_size(self, request: Request) -> ASGIApp:
        """GET images/recorded/sizes/<size>/<id>.<png|jpg|gif>."""
        number, extension = named_file(request.path_params["token"])
        size, kind = request.path_params["size"], _format(extension)
        shape = shape_of(size, kind)
        seat, file = await self._image(request, number)
        if not is_image_type(mime_of(file)):
            raise refuse("CRUD0601", f'Image "{number}" cannot be converted')
        return await self._picture(
            seat, file, shape, picture_name(size, file.name, extension.lower()), None
        )

    async def icon(self, request: Request) -> ASGIApp:
        """GET images/assets/original/<name>, images/assets/sizes/<size>/<name>."""
        names = request.path_params
        name, extension = named_file(names["name"])
        kind = _format(extension)
        shape = shape_of(names["size"], kind) if "size" in names else Shape(format=kind)
        if name not in icons.NAMES:
            raise refuse("CRUD0600", f'Image "{name}" not found')
        data = await asyncio.to_thread(icons.drawn, name, shape.bounded(icons.SIDE))
        etag = f'"{hashlib.sha256(data).hexdigest()}"'
        headers = [(b"etag", etag.encode("ascii")), *_ICON]
        fields = pick(request.scope["headers"], conditions.FIELDS)
        outcome = conditions.evaluate(fields, safe=True, etag=etag, modified_at=None)
        if outcome is conditions.Outcome.NOT_MODIFIED:
            return Answer(304, b"", headers)
        headers.append((b"content-type", kind.media_type.encode("ascii")))
        return Answer(200, data, headers)

    async def _image(self, request: Request, number: str) -> Held:
        """Return a temporary image of the caller's. Raises the refusal CRUD0600, also if saved."""
        held: Held | None = None
        with suppress(FileNotFound, BadParameter):
            held = await self._lookup.temporary(request, number)
        if held is None or not mime_of(held.file).startswith("image/"):
            raise refuse("CRUD0600", f'Image "{number}" not found')
        return held

    async def _picture(
        self, seat: Seat, file: File, shape: Shape, name: str, version: int | None
    ) -> ASGIApp:
        picture = await self._depot.previews.picture(seat, file.id, shape, version=version)
        picture.name = plain(name)
        return Delivery(picture, inline=True, headers=_PICTURE)


def _format(extension: str) -> Format:
    try:
        return FORMATS[extension.lower()]
    except KeyError:
        raise refuse("CRUD0604", f'Unknown image format "{extension}"') from None


def _fits(extension: str, file: File) -> bool:
    """Tell whether an extension is that of a file's name or of its type."""
    told = {extension_of(file.name), extension_for(mime_of(file))}
    wanted = extension.lower()
    return _SAME.get(wanted, wanted) in {_SAME.get(each, each) for each in told}
