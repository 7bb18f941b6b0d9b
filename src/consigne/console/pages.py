"""Serve the built files. Every path but those of files is the one page, which knows its own places.

Names of files carry a hash of what is in them, so they may be kept for ever; the page may not. It
runs no script and shows no style but ours, is framed by nobody, and makes no HTML out of text
(trusted types): what people write into names and fields stays text.
"""

import gzip
import hashlib
from html import escape
from pathlib import Path
from urllib.parse import urlsplit

from starlette.types import Receive, Scope, Send

from consigne.http.answers import Answer, empty_response, problem
from consigne.http.conditions import entity_tags
from consigne.http.fields import Header, value_of

STATIC = Path(__file__).with_name("static")
FOLDER = "/console/static/"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "media-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)

_TYPES = {
    ".html": b"text/html; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".css": b"text/css; charset=utf-8",
    ".svg": b"image/svg+xml",
    ".txt": b"text/plain; charset=utf-8",
}
_COMMON: list[Header] = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"vary", b"Accept-Encoding"),
]
_PAGE: list[Header] = [
    (b"content-security-policy", POLICY.encode("ascii")),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
    (b"cache-control", b"no-cache"),
]
_FOR_EVER: list[Header] = [(b"cache-control", b"public, max-age=31536000, immutable")]


class Console:
    """The ASGI application under ``/console``. ``base_url`` tells the path that a proxy adds."""

    def __init__(self, base_url: str) -> None:
        self._prefix = urlsplit(base_url).path.rstrip("/")
        self._files: dict[str, _File] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._answer(scope)(scope, receive, send)

    def _answer(self, scope: Scope) -> Answer:
        if scope["method"] not in ("GET", "HEAD"):
            return problem(405, "Method not allowed", headers=[("Allow", "GET, HEAD")])
        path = scope["path"]
        name = path.removeprefix(FOLDER) if path.startswith(FOLDER) else "index.html"
        file = self._file(name)
        if file is None:
            return problem(404, "There is no such file")
        known = value_of(scope["headers"], b"if-none-match")
        if known is not None and file.etag in entity_tags(known):
            return empty_response(304, [("ETag", file.etag)])
        headers = [*file.headers, *_COMMON, *(_PAGE if name == "index.html" else _FOR_EVER)]
        if "gzip" in (value_of(scope["headers"], b"accept-encoding") or ""):
            return Answer(200, file.packed, [*headers, (b"content-encoding", b"gzip")])
        return Answer(200, file.body, headers)

    def _file(self, name: str) -> "_File | None":
        """Return a file by its name; read once, as they only change with the program."""
        if name not in self._files:
            path = STATIC / name
            if "/" in name or path.suffix not in _TYPES or not path.is_file():
                return None
            body = path.read_bytes()
            if name == "index.html":
                body = body.replace(b"{prefix}", escape(self._prefix).encode())
            self._files[name] = _File(body, _TYPES[path.suffix])
        return self._files[name]


class _File:
    """A file in memory, as it is and compressed."""

    __slots__ = ("body", "etag", "headers", "packed")

    def __init__(self, body: bytes, kind: bytes) -> None:
        self.body = body
        self.packed = gzip.compress(body, 9, mtime=0)
        # Weak: one tag for both codings.
        self.etag = f'W/"{hashlib.sha256(body).hexdigest()[:32]}"'
        self.headers: list[Header] = [
            (b"content-type", kind),
            (b"etag", self.etag.encode("ascii")),
        ]
