"""The Daxium Air API: files that are sent to an instance and then linked by a submission, once.

It also answers every first segment that no dialect claims (C-40), as the name of an instance.
"""

from consigne.core.depot import Depot
from consigne.dialects.daxium.errors import Renderer
from consigne.dialects.daxium.routes import routes
from consigne.http.cors import CorsMiddleware
from consigne.http.dispatch import Dialect
from consigne.http.faults import FaultMiddleware
from consigne.http.routing import Router
from consigne.settings import Settings

SEGMENTS = frozenset({"oauth", "apps"})


def dialect(depot: Depot, settings: Settings) -> Dialect:
    """Return the dialect for the dispatcher."""
    app = CorsMiddleware(
        FaultMiddleware(Router(routes(depot, settings)), Renderer(settings.base_url)),
        origins=settings.cors_origins,
        methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
        headers=[
            "Authorization", "Content-Digest", "Content-Disposition", "Content-MD5",
            "Content-Type", "Digest", "Idempotency-Key", "If-Match", "If-Modified-Since",
            "If-None-Match", "If-Range", "If-Unmodified-Since", "Range", "X-Accept-Version",
            "X-Request-Id",
        ],
        exposed=[
            "Accept-Ranges", "Content-Disposition", "Content-Range", "ETag", "Retry-After",
            "X-Consigne-SHA256", "X-Request-Id",
        ],
    )  # fmt: skip
    return Dialect("daxium", SEGMENTS, app)
