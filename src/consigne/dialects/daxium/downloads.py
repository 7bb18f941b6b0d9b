"""``…/submissions/{id}/file/{uuid}``: the bytes of a file that a submission links (DX-29)."""

from starlette.requests import Request
from starlette.types import ASGIApp

from consigne.dialects.daxium.desk import Desk
from consigne.dialects.daxium.documents import media_type, shown_name
from consigne.errors import FileNotFound, Infected
from consigne.http.delivery import Delivery
from consigne.model.identity import Kind, from_uuid
from consigne.model.rights import Right


class Downloads:
    """The one route that sends bytes."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def get(self, request: Request) -> ASGIApp:
        """Send the file under the name that the submission gives it."""
        seat = await self._desk.seat(request, Right.READ)
        full = await self._desk.submission(request, seat)
        spelled = request.path_params["uuid"]
        number = from_uuid(Kind.FILE, spelled)
        placed = next((each for each in full.links if each.file.id == number), None)
        if placed is None:
            raise FileNotFound
        try:
            reading = await self._desk.depot.reader.open(seat, placed.file.id)
        except Infected:
            raise Infected(file=spelled.lower()) from None
        reading.name = shown_name(placed)
        reading.media_type = media_type(placed.file)
        return Delivery(reading, inline=True)
