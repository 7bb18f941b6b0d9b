"""Routes for people: ``/``, ``/favicon.ico``, and what says where the documentation is.

They need no credentials and no network, and carry a policy that allows nothing but what this
server serves.
"""

from starlette.requests import Request
from starlette.types import ASGIApp

from consigne.dialects.native import pages
from consigne.dialects.native.desk import API, Desk
from consigne.http.answers import Answer, json_response
from consigne.http.fields import Header
from consigne.http.routing import Route

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
    b"default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; "
    b"frame-ancestors 'none'"
)


class Site:
    def __init__(self, desk: Desk) -> None:
        self._prefix = desk.prefix
        self._base = desk.settings.base_url

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/", self.landing),
            Route("GET", "/favicon.ico", self.icon),
            Route("GET", API, self.about),
        ]

    async def landing(self, request: Request) -> ASGIApp:
        text = pages.landing(self._prefix, self._base)
        headers = [
            (b"content-type", b"text/html; charset=utf-8"),
            (b"content-security-policy", _POLICY),
            *_COMMON,
        ]
        return Answer(200, text.encode(), headers)

    async def icon(self, request: Request) -> ASGIApp:
        return Answer(200, _ICON, [(b"content-type", b"image/svg+xml"), *_COMMON])

    async def about(self, request: Request) -> ASGIApp:
        """Say what is here, to someone who follows the path of the API."""
        docs = f"{self._base}/docs"
        return json_response({"name": "consigne", "api": "v1", "documentation": docs})
