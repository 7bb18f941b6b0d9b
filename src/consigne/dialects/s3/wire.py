"""Requests and answers of the S3 door as data: paths, signed requests, XML errors (AR-35)."""

from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from starlette.requests import Request

from consigne.core.objects import PREFIX, Signed
from consigne.http.answers import Answer, HeaderPairs
from consigne.http.fields import encode_headers

_XML = (b"content-type", b"application/xml")


def split_path(path: str) -> tuple[str, str]:
    """Return (bucket, key) of a path.

    >>> split_path("/s3/acme/organizations/a/storage/b")
    ('acme', 'organizations/a/storage/b')
    """
    bucket, _, key = path.removeprefix(PREFIX).removeprefix("/").partition("/")
    return bucket, key


def signed_request(request: Request) -> Signed:
    """Return what the signature covers, as the client sent it."""
    headers: dict[str, str] = {}
    for name, value in request.headers.items():
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return Signed(
        method=request.method,
        host=headers.get("host", ""),
        path=request.scope["path"],
        query=request.scope["query_string"],
        headers=headers,
    )


def version_of(request: Request) -> int | None:
    """Return the version that the query pins; None for the present one, 0 for one that never is."""
    values = parse_qs(request.scope["query_string"].decode("latin-1")).get("versionId")
    if not values:
        return None
    text = values[0]
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def error_document(
    status: int, code: str, message: str, request_id: str, headers: HeaderPairs = ()
) -> Answer:
    """Return an error in S3's form: ``<Error><Code/><Message/><RequestId/></Error>``."""
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
        f"<RequestId>{escape(request_id)}</RequestId></Error>"
    )
    return Answer(status, body.encode(), [_XML, *encode_headers(headers)])
