"""Small answers that are complete in memory: JSON and problem+json (RFC 9457)."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from starlette.types import Receive, Scope, Send

from consigne.http.fields import Header, encode_headers

HeaderPairs = Mapping[str, str] | Iterable[tuple[str, str]]

_encode = msgspec.json.Encoder().encode

_JSON = (b"content-type", b"application/json")
_PROBLEM = (b"content-type", b"application/problem+json")


class Answer:
    """An ASGI response held in memory: status, raw headers, body.

    A router of Starlette takes it wherever it takes a ``Response``. ``Content-Length`` is added;
    the server leaves the body out for HEAD.
    """

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, body: bytes, headers: list[Header]) -> None:
        self.status = status
        self.body = body
        self.headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = self.headers
        if self.status >= 200 and self.status not in (204, 304):
            headers = [*headers, (b"content-length", b"%d" % len(self.body))]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


def json_response(obj: Any, status: int = 200, headers: HeaderPairs = ()) -> Answer:
    """Return compact JSON of anything msgspec encodes. ``headers`` may not carry control bytes."""
    extra = encode_headers(headers) if headers else []
    return Answer(status, _encode(obj), [_JSON, *extra])


def empty_response(status: int = 204, headers: HeaderPairs = ()) -> Answer:
    """Return an answer without content."""
    return Answer(status, b"", encode_headers(headers))


def text_response(
    text: str, status: int = 200, headers: HeaderPairs = (), media_type: str = "text/plain"
) -> Answer:
    """Return UTF-8 text."""
    extra = encode_headers(headers) if headers else []
    kind = (b"content-type", f"{media_type}; charset=utf-8".encode("ascii"))
    return Answer(status, text.encode(), [kind, *extra])


def problem(
    status: int,
    title: str,
    *,
    detail: str | None = None,
    type_uri: str = "about:blank",
    instance: str | None = None,
    extensions: Mapping[str, Any] | None = None,
    headers: HeaderPairs = (),
) -> Answer:
    """Return a problem document (RFC 9457 §3).

    ``extensions`` are further members; one that has the name of a standard member is dropped, so
    that data can never change what the document says about itself.
    """
    document: dict[str, Any] = {"type": type_uri, "title": title, "status": status}
    if detail:
        document["detail"] = detail
    if instance:
        document["instance"] = instance
    for name, value in (extensions or {}).items():
        if name not in ("type", "title", "status", "detail", "instance"):
            document[name] = value
    extra = encode_headers(headers) if headers else []
    return Answer(status, _encode(document), [_PROBLEM, *extra])
