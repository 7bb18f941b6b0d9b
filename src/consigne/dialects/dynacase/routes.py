"""The routes of level 1 (sections 1 to 3 of the spec); the gate has cut suffix and final slash."""

from starlette.requests import Request
from starlette.types import ASGIApp

from consigne.dialects.dynacase.attributes import Attributes
from consigne.dialects.dynacase.cabinet import Cabinet
from consigne.dialects.dynacase.desk import Desk
from consigne.dialects.dynacase.documents import Documents
from consigne.dialects.dynacase.download import Download
from consigne.dialects.dynacase.holding import Holding
from consigne.dialects.dynacase.home import home
from consigne.dialects.dynacase.temporary import Temporary
from consigne.errors import MethodNotAllowed
from consigne.http.routing import Route

FILE = ("file", "files")
# Lists, and the trash: there in the original, not here (DY-31).
_ABSENT = ("/api/documents", "/api/families", "/api/trash", "/api/trash/{number}")
_DOCUMENT = (
    "/api/documents/{docid}",
    "/api/families/{fam}/{docid}",
    "/api/families/{fam}/documents/{docid}",
)
_BYTES = "/file/{docid}/{vaultid}/{index}/{attrid}/{name}"
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def routes(desk: Desk) -> list[Route]:
    """Return every route."""
    cabinet, holding = Cabinet(desk), Holding(desk)
    return [
        Route("GET", "/api", home),
        *_temporary(Temporary(desk, holding)),
        *_documents(Documents(desk, cabinet, holding)),
        *_attributes(Attributes(desk, cabinet, holding)),
        Route("GET", _BYTES, Download(desk, cabinet).download),
        *(Route(method, path, unavailable) for path in _ABSENT for method in _METHODS),
    ]


def _temporary(temporary: Temporary) -> list[Route]:
    found = []
    for word in FILE:
        found += [
            Route("POST", f"/api/{word}", temporary.create),
            Route("GET", f"/api/{word}/{{token}}", temporary.look),
            Route("PUT", f"/api/{word}/{{token}}", temporary.replace),
            Route("DELETE", f"/api/{word}/{{token}}", temporary.delete),
        ]
    return found


def _documents(documents: Documents) -> list[Route]:
    found = [Route("POST", "/api/families/{fam}", documents.create)]
    for path in _DOCUMENT:
        found += [
            Route("GET", path, documents.look),
            Route("PUT", path, documents.change),
            Route("DELETE", path, documents.delete),
        ]
    return found


def _attributes(attributes: Attributes) -> list[Route]:
    places = [f"{path}/{word}/{{attrid}}" for path in _DOCUMENT for word in FILE]
    found = []
    for path in (*places, *(f"{place}/{{index}}" for place in places)):
        found += [
            Route("POST", path, attributes.insert),
            Route("PUT", path, attributes.replace),
            Route("GET", path, attributes.look),
            Route("DELETE", path, attributes.remove),
        ]
    return found


async def unavailable(_: Request) -> ASGIApp:
    """Refuse any method."""
    raise MethodNotAllowed(allowed=[])
