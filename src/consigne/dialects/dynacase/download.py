"""The bytes of a file of a document: what ``downloadUrl`` names (DY-32, DY-42)."""

from starlette.requests import Request
from starlette.types import ASGIApp

from consigne.core.sniff_tables import OCTETS
from consigne.dialects.dynacase.cabinet import Cabinet
from consigne.dialects.dynacase.desk import Desk
from consigne.dialects.dynacase.envelope import VERSION_HEADER
from consigne.dialects.dynacase.places import holder_of
from consigne.dialects.dynacase.query import query_of
from consigne.errors import LinkNotFound
from consigne.http.delivery import Delivery
from consigne.http.fields import Header
from consigne.model.names import fold

_YES = frozenset({"1", "yes", "true"})
_HEADERS: tuple[Header, ...] = (
    (b"cache-control", b"private, no-cache"),
    VERSION_HEADER,
)


class Download:
    """``GET /file/<docid>/<vaultid>/<index>/<attrid>/<name>``."""

    def __init__(self, desk: Desk, cabinet: Cabinet) -> None:
        self._depot = desk.depot
        self._cabinet = cabinet

    async def download(self, request: Request) -> ASGIApp:
        """Send the file, if this document holds it in this attribute now (DY-32)."""
        seat, full = await self._cabinet.document(request)
        place = holder_of(full, request.path_params["vaultid"])
        if fold(place.field.id) != fold(request.path_params["attrid"]):
            raise LinkNotFound
        assert place.row is not None
        placed = full.placed(place.field.id, place.row)
        assert placed is not None
        reading = await self._depot.reader.open(seat, placed.file.id, placed.version)
        # What the answers about the file call its ``mime``, and not what a client once declared.
        reading.media_type = (reading.detected_type if reading.size else None) or OCTETS
        inline = query_of(request.scope).get("inline", "").lower() in _YES
        return Delivery(reading, inline=inline, headers=_HEADERS)
