"""Routes for people: ``/``, ``/docs``, ``/favicon.ico``. They need no credentials and no network.

Each answer carries a policy that allows nothing but what this server serves.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from starlette.requests import Request
from starlette.types import ASGIApp

from consigne.dialects.native import pages
from consigne.dialects.native.desk import API, Desk
from consigne.dialects.native.pages import Codes
from consigne.errors import BadParameter, RouteNotFound
from consigne.http.answers import Answer, empty_response, json_response
from consigne.http.conditions import FIELDS, Outcome, evaluate
from consigne.http.fields import Header, pick
from consigne.http.routing import Route

_STATIC = Path(__file__).parent / "static"
_TYPES = {
    "swagger-ui-bundle.js": b"text/javascript; charset=utf-8",
    "browser.js": b"text/javascript; charset=utf-8",
    "swagger-ui.css": b"text/css; charset=utf-8",
    "site.css": b"text/css; charset=utf-8",
}
_ICON = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect x="3" y="10" width="26" '
    b'height="18" rx="3" fill="#0a6"/><path d="M11 10V7a3 3 0 0 1 3-3h4a3 3 0 0 1 3 3v3" '
    b'fill="none" stroke="#0a6" stroke-width="3"/></svg>'
)
_COMMON: list[Header] = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-cache"),
]
_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
# The browser draws its arrows from data URLs and calls the API that it documents.
_BROWSER_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Site:
    """``documents``: the OpenAPI document of each dialect by its name; ``codes``: the error codes
    of dialects that have a page about them."""

    def __init__(
        self, desk: Desk, documents: Mapping[str, Path], codes: Mapping[str, Codes]
    ) -> None:
        self._desk = desk
        self._prefix = desk.prefix
        self._base = desk.settings.base_url
        self._documents = dict(documents)
        self._codes = codes
        self._static: dict[str, tuple[bytes, str]] = {}

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/", self.landing),
            Route("GET", "/favicon.ico", self.icon),
            Route("GET", "/docs", self.index),
            Route("GET", "/docs/", self.index),
            Route("GET", "/docs/errors", self.errors),
            Route("GET", "/docs/errors/{dialect}", self.codes),
            Route("GET", "/docs/api", self.browser),
            Route("GET", "/docs/api/{document}", self.document),
            Route("GET", "/docs/static/{name}", self.static),
            Route("GET", API, self.about),
        ]

    async def landing(self, request: Request) -> ASGIApp:
        return _html(pages.landing(self._prefix, self._base))

    async def index(self, request: Request) -> ASGIApp:
        return _html(pages.index(self._prefix, self._base, self._documents))

    async def errors(self, request: Request) -> ASGIApp:
        return _html(pages.error_list(self._prefix))

    async def codes(self, request: Request) -> ASGIApp:
        """Explain the error codes of a dialect: ``/docs/errors/<dialect>``."""
        name = request.path_params["dialect"]
        if name not in self._codes:
            raise RouteNotFound
        return _html(pages.code_list(self._prefix, name, self._codes[name]))

    async def browser(self, request: Request) -> ASGIApp:
        chosen = request.query_params.get("document") or "native"
        if chosen not in self._documents:
            raise BadParameter("There is no such document.", parameter="document")
        return _html(
            pages.api_browser(self._prefix, self._documents, chosen), policy=_BROWSER_POLICY
        )

    async def document(self, request: Request) -> ASGIApp:
        """Send the OpenAPI document of a dialect: ``/docs/api/<dialect>.yaml``."""
        name = request.path_params["document"]
        path = self._documents.get(name.removesuffix(".yaml")) if name.endswith(".yaml") else None
        if path is None:
            raise RouteNotFound
        return self._file(request, path, b"application/yaml")

    async def static(self, request: Request) -> ASGIApp:
        name = request.path_params["name"]
        if name not in _TYPES:
            raise RouteNotFound
        return self._file(request, _STATIC / name, _TYPES[name])

    async def icon(self, request: Request) -> ASGIApp:
        return Answer(200, _ICON, [(b"content-type", b"image/svg+xml"), *_COMMON])

    async def about(self, request: Request) -> ASGIApp:
        """Say what is here, to someone who follows the path of the API."""
        docs = f"{self._base}/docs"
        return json_response({"name": "consigne", "api": "v1", "documentation": docs})

    def _file(self, request: Request, path: Path, kind: bytes) -> ASGIApp:
        """Send one of our own files; read once, as they only change with the program."""
        key = str(path)
        if key not in self._static:
            body = path.read_bytes()
            self._static[key] = (body, f'"{hashlib.sha256(body).hexdigest()[:32]}"')
        body, etag = self._static[key]
        conditions = pick(request.scope["headers"], FIELDS)
        outcome = evaluate(conditions, safe=True, etag=etag, modified_at=None)
        if outcome is Outcome.NOT_MODIFIED:
            return empty_response(304, [("ETag", etag)])
        return Answer(200, body, [(b"content-type", kind), (b"etag", etag.encode()), *_COMMON])


def _html(text: str, policy: str = _POLICY) -> Answer:
    headers = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-security-policy", policy.encode("ascii")),
        *_COMMON,
    ]
    return Answer(200, text.encode(), headers)
