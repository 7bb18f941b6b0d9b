"""The storage API of Arrhes: documents of accounting years, by signed URLs."""

from consigne.core.depot import Depot
from consigne.dialects.arrhes.errors import render
from consigne.dialects.arrhes.routes import routes
from consigne.http.cors import CorsMiddleware
from consigne.http.dispatch import Dialect
from consigne.http.faults import FaultMiddleware
from consigne.http.routing import Router
from consigne.settings import Settings

SEGMENTS = frozenset({"organizations", "users", "v1"})


def dialect(depot: Depot, settings: Settings) -> Dialect:
    """Return the dialect for the dispatcher."""
    app = CorsMiddleware(
        FaultMiddleware(Router(routes(depot, settings)), render),
        origins=settings.cors_origins,
        methods=["GET", "POST", "PATCH", "DELETE", "OPTIONS"],
        headers=["Authorization", "Content-Type", "Prefer", "X-Organization-Id"],
        exposed=["X-Total-Count", "Location", "Preference-Applied", "X-Request-Id"],
    )
    return Dialect("arrhes", SEGMENTS, app)
