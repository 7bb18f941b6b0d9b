"""``GET /api/``: the resources as a page, for people who look around; no login (DY-31)."""

from starlette.requests import Request
from starlette.types import ASGIApp

from consigne.dialects.dynacase.envelope import API_VERSION
from consigne.http.answers import text_response

_RESOURCES = (
    ("POST /api/file", "make a temporary file"),
    ("GET, PUT, DELETE /api/file/&lt;token&gt;", "a temporary file"),
    ("POST /api/families/&lt;family&gt;", "make a document"),
    ("GET, PUT, DELETE /api/documents/&lt;document&gt;", "a document"),
    ("/api/documents/&lt;document&gt;/file/&lt;attribute&gt;[/&lt;index&gt;]", "its files"),
)
_PAGE = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Resources</title></head>'
    "<body><h1>Resources</h1><dl>"
    + "".join(f"<dt><code>{what}</code></dt><dd>{why}</dd>" for what, why in _RESOURCES)
    + '</dl><p><a href="/docs/api">All routes</a></p></body></html>'
)
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-DCP-Api-Version": API_VERSION,
}


async def home(_: Request) -> ASGIApp:
    """Show the list."""
    return text_response(_PAGE, 200, _HEADERS, "text/html")
