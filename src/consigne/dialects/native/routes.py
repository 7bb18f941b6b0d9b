"""All routes of the native dialect, family by family, behind its own faults and CORS."""

from starlette.types import ASGIApp

from consigne.dialects.native.bulk import BulkRoutes
from consigne.dialects.native.care import CareRoutes
from consigne.dialects.native.contents import Contents
from consigne.dialects.native.derived import DerivedRoutes
from consigne.dialects.native.desk import Desk
from consigne.dialects.native.errors import Renderer
from consigne.dialects.native.events import Events
from consigne.dialects.native.files import Files
from consigne.dialects.native.folders import FolderRoutes
from consigne.dialects.native.guards import Guards
from consigne.dialects.native.handing import Handing
from consigne.dialects.native.imports import ImportRoutes
from consigne.dialects.native.jobs import JobRoutes
from consigne.dialects.native.people import People
from consigne.dialects.native.receiving import Receiving
from consigne.dialects.native.record_files import RecordFiles
from consigne.dialects.native.records import RecordRoutes
from consigne.dialects.native.search import SearchRoutes
from consigne.dialects.native.site import Site
from consigne.dialects.native.spaces import Spaces
from consigne.dialects.native.types import TypeRoutes
from consigne.dialects.native.uploads import UploadRoutes
from consigne.dialects.native.webhooks import WebhookRoutes
from consigne.dialects.native.years import YearRoutes
from consigne.http.cors import CorsMiddleware
from consigne.http.faults import FaultMiddleware
from consigne.http.routing import Router

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_HEADERS = (
    "Authorization",
    "Content-Digest",
    "Content-Disposition",
    "Content-MD5",
    "Content-Type",
    "Digest",
    "Idempotency-Key",
    "If-Match",
    "If-Modified-Since",
    "If-None-Match",
    "If-Range",
    "If-Unmodified-Since",
    "Last-Event-ID",
    "Prefer",
    "Range",
    "Repr-Digest",
    "Upload-Complete",
    "Upload-Draft-Interop-Version",
    "Upload-Incomplete",
    "Upload-Length",
    "Upload-Offset",
    "Want-Repr-Digest",
    "X-Consigne-Space",
    "X-Request-Id",
)
_EXPOSED = (
    "Accept-Patch",
    "Accept-Ranges",
    "Content-Disposition",
    "Content-Location",
    "Content-Range",
    "ETag",
    "Link",
    "Location",
    "Preference-Applied",
    "Repr-Digest",
    "Retry-After",
    "Upload-Complete",
    "Upload-Incomplete",
    "Upload-Length",
    "Upload-Limit",
    "Upload-Offset",
    "X-Consigne-Pages",
    "X-Request-Id",
)


def router(desk: Desk) -> Router:
    """Return the router over every route; tests compare it with the OpenAPI document."""
    families = (
        Files(desk),
        Contents(desk),
        Receiving(desk),
        Guards(desk),
        UploadRoutes(desk),
        FolderRoutes(desk),
        YearRoutes(desk),
        Handing(desk),
        Spaces(desk),
        People(desk),
        Events(desk),
        ImportRoutes(desk),
        JobRoutes(desk),
        BulkRoutes(desk),
        WebhookRoutes(desk),
        SearchRoutes(desk),
        DerivedRoutes(desk),
        TypeRoutes(desk),
        RecordRoutes(desk),
        RecordFiles(desk),
        CareRoutes(desk),
        Site(desk),
    )
    return Router(route for family in families for route in family.routes())


def application(desk: Desk) -> ASGIApp:
    """Return the dialect's ASGI application."""
    faults = FaultMiddleware(router(desk), Renderer(desk.settings.base_url))
    if not desk.settings.cors_origins:
        return faults
    return CorsMiddleware(
        faults,
        origins=desk.settings.cors_origins,
        methods=_METHODS,
        headers=_HEADERS,
        exposed=_EXPOSED,
    )
