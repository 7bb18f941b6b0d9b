"""The native dialect: the whole vault under ``/consigne/v1``, and the page at the root."""

from pathlib import Path

from consigne.core.depot import Depot
from consigne.dialects.native.desk import Desk
from consigne.dialects.native.routes import application
from consigne.http.dispatch import Dialect
from consigne.settings import Settings

OPENAPI = Path(__file__).parent / "openapi.yaml"
SEGMENTS = frozenset({"", "consigne", "favicon.ico", "static"})


def dialect(depot: Depot, settings: Settings) -> Dialect:
    """Return the dialect."""
    return Dialect("native", SEGMENTS, application(Desk(depot, settings)))
