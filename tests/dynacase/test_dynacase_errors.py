"""Section 6 of the spec: one table, total, and the shapes of its answers (DY-63)."""

import asyncio
import json
from typing import Any

import pytest
from starlette.types import Message

from consigne import errors
from consigne.dialects.dynacase.envelope import Envelopes
from consigne.dialects.dynacase.errors import TABLE, Refusals, refuse
from consigne.errors import ConsigneError

ALL = list(errors.leaves())
REFUSALS = Refusals(Envelopes("http://api.dynacase.org/code/"))
FILE = {"docid": "12", "attrid": "ct_scan"}
DOCUMENT = {"docid": "12"}
TOKEN = {"token": "abc"}

ROWS: list[tuple[ConsigneError, str, dict[str, str], int, str, str]] = [
    (errors.Unauthenticated(), "GET", {}, 401, "CSG0401", "User must be authenticated"),
    (errors.BadCredentials(), "GET", {}, 401, "CSG0401", "User must be authenticated"),
    (errors.OriginRefused(), "PUT", {}, 403, "CSG0403", "Request refused"),
    (errors.MethodRefused(), "PUT", {}, 403, "CRUD0105", "Method not allowed for this key"),
    (errors.RouteNotFound(), "GET", {}, 404, "API0004", "Route not found"),
    (errors.MethodNotAllowed(), "GET", {}, 501, "CRUD0103", "Method not available"),
    (
        errors.RightMissing(right="edit"), "POST", FILE,
        403, "API0106", 'Need acl "edit" to insert file',
    ),
    (
        errors.RightMissing(right="edit"), "PUT", DOCUMENT,
        403, "API0106", 'Need acl "edit" to modify the document',
    ),
    (
        errors.RightMissing(right="edit"), "DELETE", FILE,
        403, "API0011", 'Need acl "edit" to access to the document',
    ),
    (
        errors.RightMissing(right="delete"), "DELETE", DOCUMENT,
        403, "API0011", 'Need acl "DELETE" to access to the document',
    ),
    (
        errors.RightMissing(right="view"), "GET", FILE,
        403, "API0010", 'Need acl "view" to access to the document',
    ),
    (
        errors.RightMissing(right="create"), "POST", {"fam": "F"},
        403, "API0100", 'Need acl "create"',
    ),
    (
        errors.RightMissing(right="modify", field="x"), "POST", FILE,
        403, "API0101", 'Attribute "x" may not be modified',
    ),
    (errors.TypeNotFound(), "POST", {"fam": "F"}, 404, "API0102", 'Family "F" not found'),
    (errors.RecordNotFound(), "GET", DOCUMENT, 404, "API0010", 'Document "12" not found'),
    (errors.RecordTrashed(), "GET", DOCUMENT, 404, "API0108", 'Document "12" is deleted'),
    (errors.RecordTrashed(), "PUT", DOCUMENT, 403, "API0108", 'Document "12" is deleted'),
    (errors.RecordLocked(), "PUT", DOCUMENT, 403, "API0109", 'Document "12" is locked'),
    (errors.HookRefused("no"), "POST", FILE, 400, "API0103", "no"),
    (errors.HookRefused("no"), "PUT", FILE, 400, "API0103", "no"),
    (errors.HookRefused("no"), "PUT", DOCUMENT, 400, "API0107", "no"),
    (errors.QuotaExceeded(), "POST", {}, 507, "API0200", "No more space available"),
    (errors.StorageFull(), "POST", {}, 507, "API0200", "No more space available"),
    (errors.FieldNotFound(), "GET", FILE, 400, "CRUD0605", 'Attribute "ct_scan" not found'),
    (errors.LinkNotFound(), "GET", FILE, 404, "CRUD0607", 'No file in attribute "ct_scan"'),
    (errors.LinkNotFound(), "GET", {**FILE, "attrid": "12"}, 404, "CRUD0608", "File not found"),
    (errors.FileNotFound(), "GET", TOKEN, 404, "CRUD0617", 'Temporary file "abc" not found'),
    (errors.FileNotFound(), "GET", FILE, 404, "CRUD0608", "File not found"),
    (errors.NoContent(), "POST", {}, 400, "CRUD0302", "No file transferred"),
    (errors.BadMultipart(), "POST", {}, 400, "CRUD0303", "Upload incomplete"),
    (errors.IncompleteBody(), "POST", {}, 400, "CRUD0303", "Upload incomplete"),
    (errors.BadBody(), "PUT", DOCUMENT, 400, "CRUD0208", "Bad JSON"),
    (refuse("CRUD0612", "Bad index"), "GET", FILE, 400, "CRUD0612", "Bad index"),
    (errors.PreconditionFailed(), "PUT", FILE, 412, "CSG0412", "File was changed"),
    (errors.FileTooLarge(), "POST", {}, 413, "CSG0413", "Too large"),
    (errors.UnsupportedMedia(), "POST", {}, 415, "CSG0415", "Unsupported type"),
    (errors.Internal(), "GET", {}, 500, "CSG0500", "Internal error r-1"),
    (errors.Unavailable(), "GET", {}, 503, "CSG0503", "Maintenance"),
    (errors.LoginThrottled(retry_after=7), "GET", {}, 429, "CSG0429", "Too many requests"),
]  # fmt: skip


def answer(
    error: ConsigneError, method: str = "GET", names: dict[str, str] | None = None
) -> tuple[int, dict[str, str], Any]:
    """Render a refusal and return status, headers and JSON."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    scope = {
        "type": "http", "method": method, "path": "/api", "query_string": b"", "headers": [],
        "path_params": names or {}, "state": {"request_id": "r-1", "method": method},
    }  # fmt: skip
    asyncio.run(REFUSALS(error, scope)(scope, receive, send))  # type: ignore[arg-type]
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, json.loads(sent[1]["body"])


def test_table_is_total() -> None:
    """C-41: every refusal of the core has a row."""
    assert TABLE.missing() == []


@pytest.mark.parametrize("kind", ALL)
def test_every_refusal_is_an_envelope(kind: type[ConsigneError]) -> None:
    """DY-07, C-41: whatever is refused, the envelope has its keys, a code and a text."""
    for names in ({}, FILE, DOCUMENT, TOKEN):
        status, headers, body = answer(kind(), "PUT", names)
        assert 400 <= status < 600
        assert headers["x-dcp-api-version"] == "1"
        assert list(body) == ["success", "messages", "data", "exceptionMessage"]
        (message,) = body["messages"]
        assert message["code"]
        assert message["contentText"]
        assert "{" not in message["contentText"]


@pytest.mark.parametrize(("error", "method", "names", "status", "code", "text"), ROWS)
def test_row(
    error: ConsigneError, method: str, names: dict[str, str], status: int, code: str, text: str
) -> None:
    """DY-63: section 6, row by row."""
    found, _, body = answer(error, method, names)
    assert (found, body["messages"][0]["code"]) == (status, code)
    assert body["messages"][0]["contentText"] == text


def test_acl_error_is_the_seeds_example() -> None:
    """DY-07, DY-63, acceptance 11: the body of section 1, byte by byte."""
    _, _, body = answer(errors.RightMissing(right="edit"), "POST", FILE)
    assert body == {
        "success": False,
        "messages": [
            {
                "type": "error",
                "contentText": 'Need acl "edit" to insert file',
                "contentHtml": "",
                "code": "API0106",
                "uri": "http://api.dynacase.org/code/API0106.html",
                "data": None,
            }
        ],
        "data": None,
        "exceptionMessage": 'Need acl "edit" to insert file',
    }


def test_headers_of_refusals() -> None:
    """DY-04, DY-09: the challenge, what is allowed, when to come back."""
    assert answer(errors.Unauthenticated())[1]["www-authenticate"] == 'Basic realm="Consigne"'
    allowed = errors.MethodNotAllowed(allowed=["GET", "PUT"])
    assert answer(allowed)[1]["allow"] == "GET, PUT"
    assert answer(errors.LoginThrottled(retry_after=7))[1]["retry-after"] == "7"
