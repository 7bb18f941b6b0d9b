"""Signed URLs: the part of S3 that ``/s3/<bucket>/<key>`` speaks."""

from consigne.core.depot import Depot
from consigne.dialects.s3.errors import render
from consigne.dialects.s3.routes import Door
from consigne.http.cors import CorsMiddleware
from consigne.http.dispatch import Dialect
from consigne.http.faults import FaultMiddleware
from consigne.settings import Settings

SEGMENTS = frozenset({"s3"})
# A signed URL is the credential, so any page that was given one may use it (AR-72).
_HEADERS = (
    "Content-Type",
    "Content-MD5",
    "Content-Digest",
    "Range",
    "If-Range",
    "If-Match",
    "If-None-Match",
    "If-Modified-Since",
    "If-Unmodified-Since",
    "*",
)
_EXPOSED = (
    "ETag",
    "Content-Length",
    "Content-Range",
    "Content-Disposition",
    "Accept-Ranges",
    "Last-Modified",
    "X-Request-Id",
)


def dialect(depot: Depot, settings: Settings) -> Dialect:
    """Return the dialect for the dispatcher."""
    app = CorsMiddleware(
        FaultMiddleware(Door(depot, settings), render),
        origins=["*"],
        methods=["GET", "HEAD", "PUT", "DELETE"],
        headers=_HEADERS,
        exposed=_EXPOSED,
    )
    return Dialect("s3", SEGMENTS, app)
