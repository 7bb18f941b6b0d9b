"""Answers that several families of routes give: a file with its headers, a page of things."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
from starlette.requests import Request

from consigne.core.clock import now_ms
from consigne.dialects.native.desk import API, Desk
from consigne.dialects.native.wire import file_document, projected, uuid_of
from consigne.http.answers import Answer, empty_response, json_response
from consigne.http.conditions import FIELDS, Outcome, evaluate
from consigne.http.digests import render_digests
from consigne.http.fields import Header, pick
from consigne.model.entities import File
from consigne.model.identity import Kind

_encode = msgspec.json.Encoder().encode
_JSON: Header = (b"content-type", b"application/json")
# Metadata and contents change and are for those who may see them: ask again each time.
REVALIDATE: Header = (b"cache-control", b"private, no-cache")


def file_answer(file: File, fields: frozenset[str] | None = None) -> Answer:
    """Return a file's metadata with the tag of its row."""
    document: Any = file_document(file, now_ms())
    if fields is not None:
        document = projected(document, fields)
    tag = (b"etag", file.revision.encode("ascii"))
    return Answer(200, _encode(document), [_JSON, REVALIDATE, tag])


def file_reply(request: Request, file: File, fields: frozenset[str] | None = None) -> Answer:
    """Return a file's metadata, or 304 where the client has it already (RFC 9110 §13)."""
    conditions = pick(request.scope["headers"], FIELDS)
    if conditions:
        outcome = evaluate(conditions, safe=True, etag=file.revision, modified_at=None)
        if outcome is Outcome.NOT_MODIFIED:
            return empty_response(304, [("ETag", file.revision)])
    return file_answer(file, fields)


def stored_reply(desk: Desk, file: File, status: int = 200) -> Answer:
    """Return the metadata of what was just stored, with the digest of its bytes."""
    answer = file_answer(file)
    answer.status = status
    if file.sha256:
        value = render_digests({"sha-256": file.sha256})
        answer.headers.append((b"repr-digest", value.encode("ascii")))
    if status == 201:
        place = location(desk, "files", uuid_of(Kind.FILE, file.id))
        answer.headers.append((b"location", place.encode("ascii")))
    return answer


def location(desk: Desk, *segments: str) -> str:
    """Return the path of a thing as clients reach it."""
    return "/".join([f"{desk.prefix}{API}", *(quote(segment, safe="") for segment in segments)])


def created(desk: Desk, document: Mapping[str, Any], *segments: str) -> Answer:
    """Return 201 with the document of a new thing and where it is."""
    return json_response(document, 201, [("Location", location(desk, *segments))])


def page_reply(
    desk: Desk,
    request: Request,
    name: str,
    items: list[Any],
    parameter: str,
    value: str | None,
    **further: Any,
) -> Answer:
    """Return a page of things under ``name``; ``next`` and ``Link`` lead on (RFC 8288).

    ``value`` is what the query parameter must be for the next page, None where there is none;
    ``further`` members stand beside.
    """
    headers = [("Cache-Control", "no-store")]
    if value is not None:
        pairs = [pair for pair in request.query_params.multi_items() if pair[0] != parameter]
        target = f"{desk.prefix}{request.url.path}?{urlencode([*pairs, (parameter, value)])}"
        headers.append(("Link", f'<{target}>; rel="next"'))
    return json_response({name: items, **further, "next": value}, 200, headers)
