"""The file API of Dynacase Platform: temporary files, and files in attributes of documents."""

from consigne.core.depot import Depot
from consigne.dialects.dynacase.credentials import Credentials
from consigne.dialects.dynacase.desk import Desk
from consigne.dialects.dynacase.errors import Refusals
from consigne.dialects.dynacase.gate import Gate
from consigne.dialects.dynacase.routes import routes
from consigne.dialects.dynacase.v1 import Levels, application
from consigne.http.cors import CorsMiddleware
from consigne.http.dispatch import Dialect
from consigne.http.faults import FaultMiddleware
from consigne.http.routing import Router
from consigne.settings import Settings

SEGMENTS = frozenset({"api", "file"})


def dialect(depot: Depot, settings: Settings) -> Dialect:
    """Return the dialect for the dispatcher. Raises BadParameter (time zone)."""
    desk = Desk(depot, settings)
    gate = Gate(Router(routes(desk)), Credentials(depot.accounts, settings))
    app = CorsMiddleware(
        Levels(
            FaultMiddleware(gate, Refusals(desk.envelopes)),
            application(desk, depot.accounts, settings),
        ),
        origins=settings.cors_origins,
        methods=["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"],
        headers=[
            "Authorization",
            "Content-Digest",
            "Content-Disposition",
            "Content-Type",
            "If-Match",
            "Range",
            "X-Consigne-Space",
            "X-DCP-Api-Version",
            "X-File-Name",
            "X-HTTP-Method-Override",
        ],
        exposed=[
            "Accept-Ranges",
            "Allow",
            "Content-Disposition",
            "Content-Range",
            "ETag",
            "Location",
            "X-DCP-Api-Version",
            "X-Request-Id",
        ],
    )
    return Dialect("dynacase", SEGMENTS, app)
