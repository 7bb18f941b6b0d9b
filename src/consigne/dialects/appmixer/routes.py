"""The paths of the dialect and what stands around them: CORS, then faults, then the routes."""

from collections.abc import Iterable, Iterator

from starlette.requests import Request
from starlette.types import ASGIApp

from consigne.core.depot import Depot
from consigne.dialects.appmixer.errors import render
from consigne.dialects.appmixer.listing import Listing
from consigne.dialects.appmixer.session import Gate, Sessions
from consigne.dialects.appmixer.upload import Uploading
from consigne.http.answers import empty_response
from consigne.http.cors import CorsMiddleware
from consigne.http.dispatch import Dialect
from consigne.http.faults import FaultMiddleware
from consigne.http.routing import Endpoint, Route, Router
from consigne.settings import Settings

SEGMENTS = frozenset({"files", "user"})

# What pages of configured origins may send and read (AM-37).
_METHODS = ("GET", "HEAD", "POST", "DELETE", "OPTIONS")
_HEADERS = (
    "Authorization",
    "Content-Type",
    "Range",
    "uploader-file-id",
    "uploader-file-name",
    "uploader-chunk-size",
    "uploader-chunk-number",
    "uploader-chunks-total",
)
_EXPOSED = ("ETag", "Content-Range", "Content-Disposition", "Retry-After")


def dialect(depot: Depot, settings: Settings) -> Dialect:
    """Return the dialect: segments ``files`` and ``user``, and all paths of its own hosts."""
    app = CorsMiddleware(
        FaultMiddleware(Router(routes(depot, settings)), render),
        origins=settings.cors_origins,
        methods=_METHODS,
        headers=_HEADERS,
        exposed=_EXPOSED,
    )
    hosts = frozenset(host.lower() for host in settings.appmixer_hosts)
    return Dialect("appmixer", SEGMENTS, app, hosts)


def routes(depot: Depot, settings: Settings) -> list[Route]:
    """Return all routes. ``count`` and ``metadata`` are never ids: a literal wins (AM-01)."""
    gate = Gate(depot)
    uploading = Uploading(depot, settings, gate)
    listing = Listing(depot, gate)
    sessions = Sessions(depot, settings, gate)
    spoken = [
        Route("GET", "/files", listing.page),
        Route("POST", "/files", uploading.post),
        Route("DELETE", "/files", listing.delete_matching),
        Route("GET", "/files/count", listing.count),
        Route("GET", "/files/metadata/{file_id}", listing.metadata),
        Route("GET", "/files/{file_id}", listing.content),
        Route("DELETE", "/files/{file_id}", listing.delete),
        Route("GET", "/user", sessions.profile),
        Route("POST", "/user", sessions.sign_up),
        Route("POST", "/user/auth", sessions.log_in),
    ]
    return [*spoken, *_options(spoken)]


def _options(spoken: Iterable[Route]) -> Iterator[Route]:
    """Yield OPTIONS for every path: it names the methods and needs no token (AM-03)."""
    methods: dict[str, list[str]] = {}
    for route in spoken:
        found = methods.setdefault(route.path, ["OPTIONS"])
        found += ["GET", "HEAD"] if route.method == "GET" else [route.method]
    for path, allowed in methods.items():
        yield Route("OPTIONS", path, _naming(", ".join(sorted(allowed))))


def _naming(allowed: str) -> Endpoint:
    async def answer(request: Request) -> ASGIApp:
        return empty_response(204, [("Allow", allowed)])

    return answer
