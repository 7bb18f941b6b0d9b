"""The manual: everything under ``/docs``, for people. It needs no credentials and no network.

``site/`` is what ``scripts/docs.py`` has built of the pages in ``docs/``; ``static/`` holds the
OpenAPI browser. Every page carries a policy that allows nothing but what this server serves; its
inline scripts are named there by their digests.
"""

import hashlib
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple

from starlette.requests import Request
from starlette.types import ASGIApp, Scope

from consigne.errors import ConsigneError, MethodNotAllowed, PreconditionFailed, RouteNotFound
from consigne.http.answers import Answer, empty_response, problem
from consigne.http.conditions import FIELDS, Outcome, evaluate
from consigne.http.dispatch import Dialect
from consigne.http.faults import FaultMiddleware
from consigne.http.fields import Header, pick, value_of
from consigne.http.routing import Route, Router
from consigne.manual import pages

ROOT = "/docs"
SITE = Path(__file__).parent / "site"
_STATIC = Path(__file__).parent / "static"
_SERVED = ("swagger-ui-bundle.js", "swagger-ui.css", "browser.js", "site.css")

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".xml": "application/xml",
    ".yaml": "application/yaml",
}
_TEXT = "text/plain; charset=utf-8"
_COMMON: list[Header] = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-cache"),
]
# Icons are data URLs in the style sheets; the search runs in a worker and fetches its index, and
# the OpenAPI browser calls the API that it shows.
_POLICY = (
    "default-src 'none'; script-src 'self'{scripts}; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_STATUSES = {RouteNotFound: 404, MethodNotAllowed: 405, PreconditionFailed: 412}
_INLINE = re.compile(rb"<script>(.*?)</script>", re.DOTALL)


class _Kept(NamedTuple):
    """A file as it is sent: these never change while the program runs."""

    body: bytes
    etag: str
    headers: list[Header]


class Manual:
    """``documents``: the OpenAPI document of each dialect by its name."""

    def __init__(self, documents: Mapping[str, Path], site: Path = SITE) -> None:
        self._documents = dict(documents)
        self._site = site
        self._kept: dict[Path, _Kept] = {}

    def router(self) -> Router:
        """Return the router over every page and file there is: no other path can be asked for."""
        return Router([*self._browser_routes(), *self._site_routes()])

    def _browser_routes(self) -> Iterator[Route]:
        for name, path in self._documents.items():
            page = pages.api_browser(name, self._documents)
            yield Route("GET", f"{ROOT}/api/{name}", _Page(page))
            yield Route("GET", f"{ROOT}/api/{name}.yaml", _File(self, path))
        for name in _SERVED:
            yield Route("GET", f"{ROOT}/static/{name}", _File(self, _STATIC / name))

    def _site_routes(self) -> Iterator[Route]:
        found = sorted(path for path in self._site.rglob("*") if path.is_file())
        if not found:
            yield Route("GET", ROOT, _Page(pages.missing()))
        for path in found:
            place = f"{ROOT}/{path.relative_to(self._site).as_posix()}"
            if path.name == "index.html":
                folder = place.removesuffix("/index.html")
                yield Route("GET", folder, _Elsewhere(f"{folder.rpartition('/')[2]}/"))
                yield Route("GET", f"{folder}/", _File(self, path))
            elif not path.name.startswith("."):
                yield Route("GET", place, _File(self, path))

    def file(self, path: Path) -> _Kept:
        """Return one of our own files, read once."""
        kept = self._kept.get(path)
        if kept is None:
            kept = self._kept[path] = _keep(path.read_bytes(), path.suffix)
        return kept


class _File:
    def __init__(self, manual: Manual, path: Path) -> None:
        self._manual = manual
        self._path = path

    async def __call__(self, request: Request) -> ASGIApp:
        return _send(self._manual.file(self._path), request)


class _Page:
    def __init__(self, text: str) -> None:
        self._kept = _keep(text.encode(), ".html")

    async def __call__(self, request: Request) -> ASGIApp:
        return _send(self._kept, request)


class _Elsewhere:
    """A page without its final slash. The target is relative: a proxy may have put us anywhere."""

    def __init__(self, target: str) -> None:
        self._target = target

    async def __call__(self, request: Request) -> ASGIApp:
        return empty_response(308, [("Location", self._target), ("Cache-Control", "no-cache")])


def dialect(documents: Mapping[str, Path], base_url: str) -> Dialect:
    """Return what answers ``/docs``. ``base_url``: where clients reach this server."""
    app = FaultMiddleware(Manual(documents).router(), _Refusals(base_url))
    return Dialect("manual", frozenset({"docs"}), app)


def _keep(body: bytes, suffix: str) -> _Kept:
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    kind = _TYPES.get(suffix, _TEXT)
    headers = [(b"content-type", kind.encode()), (b"etag", etag.encode()), *_COMMON]
    if suffix == ".html":
        headers.append((b"content-security-policy", _policy(body).encode("ascii")))
    return _Kept(body, etag, headers)


def _policy(page: bytes) -> str:
    """Return the policy of a page, which names the digest of each script in it (CSP 3 §2.3.1)."""
    digests = (hashlib.sha256(script).digest() for script in _INLINE.findall(page))
    scripts = "".join(f" 'sha256-{b64encode(digest).decode()}'" for digest in digests)
    return _POLICY.format(scripts=scripts)


def _send(kept: _Kept, request: Request) -> ASGIApp:
    conditions = pick(request.scope["headers"], FIELDS)
    if evaluate(conditions, safe=True, etag=kept.etag, modified_at=None) is Outcome.NOT_MODIFIED:
        return empty_response(304, [("ETag", kept.etag)])
    return Answer(200, kept.body, kept.headers)


class _Refusals:
    """What is refused: a page for a browser, a problem document for a program (RFC 9457)."""

    def __init__(self, base_url: str) -> None:
        self._page = pages.absent(f"{base_url}{ROOT}/").encode()

    def __call__(self, error: ConsigneError, scope: Scope) -> ASGIApp:
        status = next((s for kind, s in _STATUSES.items() if isinstance(error, kind)), 500)
        headers = [("Cache-Control", "no-store")]
        if isinstance(error, MethodNotAllowed):
            headers.append(("Allow", ", ".join(error.details["allowed"])))
        if status == 404 and "text/html" in (value_of(scope["headers"], b"accept") or ""):
            return Answer(404, self._page, _keep(self._page, ".html").headers)
        title = HTTPStatus(status).phrase
        code = {"code": error.code}
        return problem(status, title, detail=error.message, extensions=code, headers=headers)
