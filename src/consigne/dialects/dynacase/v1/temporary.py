"""Temporary files of level 2: made as a form, read by their id (DY-72, DY-73)."""

from starlette.requests import Request
from starlette.types import ASGIApp

from consigne.dialects.dynacase.bodies import FileBody, essence_of
from consigne.dialects.dynacase.desk import Desk
from consigne.dialects.dynacase.envelope import VERSION_HEADER
from consigne.dialects.dynacase.holding import Holding
from consigne.dialects.dynacase.v1.envelope import Envelopes
from consigne.dialects.dynacase.v1.errors import turned_away
from consigne.dialects.dynacase.v1.files import prepared, wants_inline
from consigne.dialects.dynacase.v1.lookup import Lookup
from consigne.dialects.dynacase.v1.paths import named_file
from consigne.dialects.dynacase.v1.wire import OpenWire
from consigne.errors import FileNotFound, NoContent
from consigne.http.delivery import Delivery
from consigne.http.fields import Header

_HEADERS: tuple[Header, ...] = ((b"cache-control", b"private, max-age=86400"), VERSION_HEADER)


class Temporary:
    """The endpoint that makes temporary files, and those that stand beside it."""

    def __init__(self, desk: Desk, envelopes: Envelopes, wire: OpenWire, holding: Holding) -> None:
        self._desk = desk
        self._settings = desk.settings
        self._envelopes = envelopes
        self._wire = wire
        self._holding = holding

    async def create(self, request: Request) -> ASGIApp:
        """POST temporaryFiles/: 201 once bytes and row are durable."""
        seat = await self._desk.seat(request)
        if not essence_of(request).startswith("multipart/"):
            raise NoContent
        body = FileBody(request, self._settings.body_idle, self._settings.dynacase_max_size)
        file = await self._holding.receive(seat, body, self._settings.dynacase_temporary_files)
        data = {"file": self._wire.temporary(file)}
        return self._envelopes.success(request.scope, data, body.warnings, status=201)

    async def delete(self, _: Request) -> ASGIApp:
        """DELETE temporaryFiles/: there in the original, without effect."""
        raise turned_away(501, "CRUD0103", "Method not available")


class TemporaryBytes:
    """``files/recorded/temporary/<id>[.<ext>]``."""

    def __init__(self, desk: Desk, lookup: Lookup) -> None:
        self._reader = desk.depot.reader
        self._lookup = lookup

    async def download(self, request: Request) -> ASGIApp:
        """Send the bytes of a temporary file of the caller's."""
        number, _ = named_file(request.path_params["token"])
        request.path_params["token"] = number
        seat, file = await self._lookup.temporary(request, number)
        try:
            reading = await self._reader.open(seat, file.id)
        except NoContent:
            raise FileNotFound from None
        reading = prepared(reading, file.name)
        return Delivery(reading, inline=wants_inline(request), headers=_HEADERS)
