"""The native dialect: the whole vault under ``/consigne/v1``, and the pages for people."""

from collections.abc import Mapping
from pathlib import Path

from consigne.core.depot import Depot
from consigne.dialects.native.desk import Desk
from consigne.dialects.native.pages import Codes
from consigne.dialects.native.routes import application
from consigne.http.dispatch import Dialect
from consigne.settings import Settings

OPENAPI = Path(__file__).parent / "openapi.yaml"
SEGMENTS = frozenset({"", "consigne", "docs", "favicon.ico", "metrics", "static"})


def dialect(
    depot: Depot,
    settings: Settings,
    documents: Mapping[str, Path] | None = None,
    codes: Mapping[str, Codes] | None = None,
) -> Dialect:
    """Return the dialect.

    ``documents``: the OpenAPI document of each dialect by its name; ``codes``: the error codes of
    those dialects whose answers lead to a page about them.
    """
    shown = {"native": OPENAPI, **(documents or {})}
    return Dialect("native", SEGMENTS, application(Desk(depot, settings), shown, codes or {}))
