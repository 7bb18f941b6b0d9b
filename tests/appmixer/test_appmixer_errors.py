"""Boom: one table, total, and the shapes of its answers (AM-34)."""

import asyncio
import json
from http import HTTPStatus
from typing import Any

import pytest
from starlette.types import Message

from consigne import errors
from consigne.dialects.appmixer.errors import TABLE, render
from consigne.errors import ConsigneError
from tests.appmixer.support import Person, refused
from tests.parts.server import ServerStarter

ALL = list(errors.leaves())

# Boom's phrases that are not those of RFC 9110.
PHRASES = {
    408: "Request Time-out",
    413: "Request Entity Too Large",
    416: "Requested Range Not Satisfiable",
    422: "Unprocessable Entity",
    507: "Insufficient Storage",
}

ROWS: list[tuple[ConsigneError, int, str, str]] = [
    (errors.Unauthenticated(), 401, "unauthorized", "Missing or invalid token"),
    (errors.BadCredentials(), 401, "bad_credentials", "Wrong user name or password"),
    (errors.RightMissing("x"), 403, "forbidden", "Not allowed"),
    (errors.MethodRefused("x"), 403, "forbidden", "Not allowed"),
    (errors.NotMember("x"), 403, "not_member", "Not allowed"),
    (errors.SignupClosed(), 403, "signup_closed", "Not allowed"),
    (errors.FileNotFound("x"), 404, "file_not_found", "File (id) not found"),
    (errors.UploadNotFound("x"), 404, "upload_unknown", "No upload under this key"),
    (errors.RouteNotFound("x"), 404, "route_not_found", "Not Found"),
    (errors.MethodNotAllowed("x"), 405, "method_not_allowed", "Method Not Allowed"),
    (errors.BadFilter("filter: no"), 400, "bad_filter", "filter: no"),
    (errors.BadSort("sort: no"), 400, "bad_sort", "sort: no"),
    (errors.BadParameter("limit: no"), 400, "bad_parameter", "limit: no"),
    (errors.BadName("name: no"), 400, "bad_parameter", "name: no"),
    (errors.BadHeader("x: no"), 400, "bad_header", "x: no"),
    (errors.BadMultipart("no"), 400, "bad_multipart", "no"),
    (errors.IncompleteBody("no"), 400, "bad_multipart", "no"),
    (errors.BadBody("no"), 400, "bad_json", "no"),
    (errors.SizeMismatch("no"), 400, "chunk_size_mismatch", "no"),
    (errors.DigestMismatch("no"), 400, "digest_mismatch", "no"),
    (errors.ChunkConflict("no"), 409, "chunk_conflict", "no"),
    (errors.ChunkOutOfOrder("no"), 409, "chunk_out_of_order", "no"),
    (errors.UploadComplete("no"), 409, "upload_complete", "no"),
    (errors.UploadIncomplete("no"), 409, "upload_incomplete", "no"),
    (errors.Protected("no"), 409, "file_protected", "no"),
    (errors.UploadExpired("no"), 410, "upload_expired", "Upload has expired"),
    (errors.FileTooLarge("no"), 413, "file_too_large", "File too large"),
    (errors.QuotaExceeded("no"), 507, "quota_exceeded", "Storage quota exceeded"),
    (errors.StorageFull("no"), 507, "quota_exceeded", "Storage quota exceeded"),
    (errors.Infected("no"), 422, "quarantined", "File is quarantined"),
    (errors.UnsupportedMedia("no"), 415, "not_multipart", "Use multipart/form-data"),
    (errors.RangeNotSatisfiable(size=5), 416, "range_not_satisfiable", "Range not satisfiable"),
    (errors.LoginThrottled(retry_after=7), 429, "too_many_requests", "Too many requests"),
    (errors.TooManyUploads(), 429, "too_many_requests", "Too many requests"),
    (errors.Busy("no"), 503, "busy", "Try again"),
    (errors.Unavailable("no"), 503, "busy", "Try again"),
]


def answer_of(error: ConsigneError) -> tuple[int, dict[str, str], dict[str, Any]]:
    """Return status, headers and JSON of what a refusal is rendered to."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        raise AssertionError("an answer reads nothing")

    scope = {"type": "http", "method": "GET", "headers": []}
    asyncio.run(render(error, scope)(scope, receive, send))  # type: ignore[arg-type]
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, json.loads(sent[1]["body"])


def test_the_table_is_total() -> None:
    """AM-34, C-41: every class of the closed list has a row of its own or of its family."""
    assert TABLE.missing() == []


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_every_class_is_rendered_in_boom(kind: type[ConsigneError]) -> None:
    """AM-34: status, Boom's phrase, message, code; 500 alone has no details."""
    status, headers, body = answer_of(kind())
    assert headers["content-type"] == "application/json"
    assert body["statusCode"] == status
    assert body["error"] == PHRASES.get(status, HTTPStatus(status).phrase)
    if status == 500:
        fault = {"message": "An internal server error occurred", "error": "Internal Server Error"}
        assert body == {"statusCode": 500, **fault}
        assert kind in (errors.Internal, errors.Corrupt)
    else:
        assert set(body) == {"statusCode", "error", "message", "details"}
        assert body["message"]
        assert body["details"]["code"]


@pytest.mark.parametrize(
    ("error", "status", "code", "message"), ROWS, ids=lambda v: type(v).__name__
)
def test_rows(error: ConsigneError, status: int, code: str, message: str) -> None:
    """AM-34: the table of the specification, line by line."""
    found, headers, body = answer_of(error)
    assert (found, body["details"]["code"], body["message"]) == (status, code, message)
    assert ("www-authenticate" in headers) == (status == 401)
    assert ("retry-after" in headers) == (status in (429, 503))
    if error.retry_after:
        assert headers["retry-after"] == str(error.retry_after)


def test_facts_go_along_and_cannot_pass_for_the_code() -> None:
    """AM-34: details carry what a client can use."""
    error = errors.QuotaExceeded(quota=5, used=4, needed=2, code="x", secret=object())
    assert answer_of(error)[2]["details"] == {
        "quota": 5,
        "used": 4,
        "needed": 2,
        "code": "quota_exceeded",
    }


@pytest.mark.embedded("looks into the files of the embedded vault")
def test_damaged_content(start_server: ServerStarter) -> None:
    """AM-34, C-25: a fault tells nothing of itself, and no damaged byte leaves."""
    from tests.appmixer.support import Space

    running = start_server()
    ines = Space(running).person()
    file_id = ines.keep(b"x" * 500_000)["fileId"]
    (stored,) = (p for p in (running.data / "blobs/objects").rglob("*") if p.is_file())
    stored.chmod(0o600)
    stored.write_bytes(b"y" * 500_000)
    answer = ines.http.get(f"/files/{file_id}")
    assert answer.status_code == 500
    assert answer.json() == {
        "statusCode": 500,
        "error": "Internal Server Error",
        "message": "An internal server error occurred",
    }


def test_quarantined_content(ines: Person) -> None:
    """AM-34: 422 quarantined."""
    data = b"bad" * 100
    file_id = ines.keep(data)["fileId"]
    with ines.space.catalog() as db:
        db.execute("UPDATE content SET state = 'quarantined' WHERE space_id = ?", (ines.space.id,))
    refused(ines.http.get(f"/files/{file_id}"), 422, "quarantined")
    assert ines.metadata(file_id)["length"] == 300
