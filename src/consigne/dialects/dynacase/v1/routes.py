"""The routes of level 2; those of JSON stand without suffix, a final slash marks a collection."""

from consigne.dialects.dynacase.cabinet import Cabinet
from consigne.dialects.dynacase.desk import Desk
from consigne.dialects.dynacase.documents import Documents as Saving
from consigne.dialects.dynacase.holding import Holding
from consigne.dialects.dynacase.v1.documents import Documents
from consigne.dialects.dynacase.v1.envelope import Envelopes
from consigne.dialects.dynacase.v1.families import Families
from consigne.dialects.dynacase.v1.files import Files
from consigne.dialects.dynacase.v1.images import Images
from consigne.dialects.dynacase.v1.lookup import Lookup
from consigne.dialects.dynacase.v1.paths import BASE
from consigne.dialects.dynacase.v1.temporary import Temporary, TemporaryBytes
from consigne.dialects.dynacase.v1.wire import OpenWire
from consigne.http.routing import Route

_DOCUMENT = f"{BASE}/documents/{{docid}}"
_REVISION = f"{_DOCUMENT}/revisions/{{revision}}"
_FAMILY = f"{BASE}/families/{{fam}}"
_FILE = "files/{attrid}"
_PICTURE = "images/{attrid}/{index}/sizes/{size}"


def document_routes(desk: Desk, envelopes: Envelopes) -> list[Route]:
    """Return the routes that answer with an envelope."""
    wire = OpenWire(desk.wire, desk.settings)
    cabinet, holding, lookup = Cabinet(desk), Holding(desk), Lookup(desk)
    saving = Saving(desk, cabinet, holding)
    documents = Documents(desk, envelopes, wire, cabinet, lookup, saving)
    families = Families(desk, envelopes, wire, cabinet, lookup)
    temporary = Temporary(desk, envelopes, wire, holding)
    return [
        Route("POST", f"{BASE}/temporaryFiles/", temporary.create),
        Route("DELETE", f"{BASE}/temporaryFiles/", temporary.delete),
        Route("GET", _DOCUMENT, documents.look),
        Route("PUT", _DOCUMENT, documents.change),
        Route("DELETE", _DOCUMENT, documents.delete),
        Route("PUT", f"{BASE}/trash/{{docid}}", documents.restore),
        Route("GET", _FAMILY, families.look),
        Route("GET", f"{_FAMILY}/documents/", families.documents),
        Route("POST", f"{_FAMILY}/documents/", documents.create),
        Route("GET", f"{_FAMILY}/documents/{{docid}}", families.document),
    ]


def byte_routes(desk: Desk) -> list[Route]:
    """Return the routes that answer with bytes; their last segment comes with its suffix."""
    lookup = Lookup(desk)
    files, images = Files(desk, lookup), Images(desk, Cabinet(desk), lookup)
    temporary = TemporaryBytes(desk, lookup)
    return [
        Route("GET", f"{BASE}/files/recorded/temporary/{{token}}", temporary.download),
        Route("GET", f"{_DOCUMENT}/{_FILE}", files.download),
        Route("GET", f"{_DOCUMENT}/{_FILE}/{{index}}", files.download),
        Route("GET", f"{_DOCUMENT}/{_FILE}/{{index}}/{{name}}", files.download),
        Route("GET", f"{_REVISION}/{_FILE}/{{index}}", files.download_of_revision),
        Route("GET", f"{_DOCUMENT}/{_PICTURE}", images.of_document),
        Route("GET", f"{_REVISION}/{_PICTURE}", images.of_document),
        Route("GET", f"{BASE}/images/recorded/original/{{token}}", images.recorded),
        Route("GET", f"{BASE}/images/recorded/sizes/{{size}}/{{token}}", images.recorded_in_size),
        Route("GET", f"{BASE}/images/assets/original/{{name}}", images.icon),
        Route("GET", f"{BASE}/images/assets/sizes/{{size}}/{{name}}", images.icon),
    ]
