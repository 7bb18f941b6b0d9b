"""The bytes of files in attributes, one or all of them as a zip (DY-74 to DY-76)."""

import re

from starlette.requests import Request
from starlette.types import ASGIApp

from consigne.core.access import Seat
from consigne.core.reading import Reading
from consigne.core.records.change import Full, Placed
from consigne.core.sniff_tables import OCTETS
from consigne.dialects.dynacase.desk import Desk
from consigne.dialects.dynacase.envelope import VERSION_HEADER
from consigne.dialects.dynacase.errors import refuse
from consigne.dialects.dynacase.places import place_of, standing_at, told_index
from consigne.dialects.dynacase.query import query_of
from consigne.dialects.dynacase.v1.lookup import Lookup, file_field, name_of
from consigne.errors import LinkNotFound
from consigne.http.delivery import Delivery
from consigne.http.fields import Header
from consigne.http.zips import Entry, ZipDelivery
from consigne.model.names import clean_name
from consigne.model.records import Field

ZIP = "application/x-zip"
_NUMBER = re.compile(r"-?[0-9]+")
_YES = frozenset({"1", "yes", "true"})
_HEADERS: tuple[Header, ...] = ((b"cache-control", b"private, no-cache"), VERSION_HEADER)


class Files:
    """The endpoints of bytes."""

    def __init__(self, desk: Desk, lookup: Lookup) -> None:
        self._reader = desk.depot.reader
        self._lookup = lookup

    async def download(self, request: Request) -> ASGIApp:
        """GET documents/<id>/files/<attrid>[/<index>][/<name>].

        What stands behind the attribute and is no number is a name, which is decoration.
        """
        names = request.path_params
        index = names.get("index")
        if "name" not in names and index is not None and not _NUMBER.fullmatch(index):
            index = None
        attribute = names["attrid"] if "index" in names else names["attrid"].partition(".")[0]
        seat, full = await self._lookup.document(request)
        field = file_field(full.layout, attribute)
        if index is None and full.layout.has_rows(field):
            return await self._zip(seat, full, field)
        return await self._one(request, seat, full, field, index)

    async def download_of_revision(self, request: Request) -> ASGIApp:
        """GET documents/<id>/revisions/<n>/files/<attrid>/<index>."""
        names = request.path_params
        seat, full = await self._lookup.document(request)
        field = file_field(full.layout, names["attrid"])
        return await self._one(request, seat, full, field, names["index"].partition(".")[0])

    async def _one(
        self, request: Request, seat: Seat, full: Full, field: Field, index: str | None
    ) -> ASGIApp:
        place = place_of(full, field, told_index(index, None), appends=False)
        reading = await self._opened(seat, standing_at(full, place))
        return Delivery(reading, inline=wants_inline(request), headers=_HEADERS)

    async def _zip(self, seat: Seat, full: Full, field: Field) -> ASGIApp:
        rows = full.of_field(field.id)
        if not rows:
            raise LinkNotFound(field=field.id)
        digits = len(str(len(rows)))
        entries = []
        for number, placed in enumerate(rows, 1):
            if placed is None:
                raise refuse("CRUD0609", f'Row {number - 1} of attribute "{field.id}" is empty')
            reading = await self._opened(seat, placed)
            entries.append(Entry(f"{number:0{digits}d}-{reading.name}", reading))
        name = plain(clean_name(field.label) or field.id)
        return ZipDelivery(entries, f"{name}.zip", media_type=ZIP, headers=_HEADERS)

    async def _opened(self, seat: Seat, placed: Placed) -> Reading:
        reading = await self._reader.open(seat, placed.file.id, placed.version)
        return prepared(reading, name_of(placed))


def prepared(reading: Reading, name: str) -> Reading:
    """Have a reading delivered under the type that its bytes have, and a name (DY-76)."""
    reading.media_type = (reading.detected_type if reading.size else None) or OCTETS
    reading.name = plain(name)
    return reading


def plain(name: str) -> str:
    """Return a name without what ends one in a header."""
    return name.replace('"', "-")


def wants_inline(request: Request) -> bool:
    return query_of(request.scope).get("inline", "").lower() in _YES
