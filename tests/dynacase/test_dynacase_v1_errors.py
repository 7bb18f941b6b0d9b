"""DY-83: the table of level 2, total, and the shapes of its answers."""

import asyncio
import json
from typing import Any

import pytest
from starlette.types import Message

from consigne import errors
from consigne.dialects.dynacase.envelope import Message as Told
from consigne.dialects.dynacase.v1.envelope import Envelopes
from consigne.dialects.dynacase.v1.errors import TABLE, Refusals
from consigne.errors import ConsigneError

ALL = list(errors.leaves())
ENVELOPES = Envelopes("http://api.dynacase.org/code/")
REFUSALS = Refusals(ENVELOPES)
ROWS: list[tuple[ConsigneError, str, int, str]] = [
    (errors.Unauthenticated(), "GET", 403, ""),
    (errors.RightMissing(right="view"), "GET", 403, "CRUD0201"),
    (errors.RightMissing(right="edit"), "PUT", 403, "CRUD0201"),
    (errors.RightMissing(right="read"), "GET", 403, "CRUD0201"),
    (errors.RightMissing(right="delete"), "DELETE", 403, "CRUD0216"),
    (errors.RightMissing(right="create"), "POST", 403, "API0204"),
    (errors.RightMissing(right="modify"), "POST", 500, "CRUD0205"),
    (errors.RightMissing(right="modify"), "PUT", 500, "CRUD0211"),
    (errors.FieldNotFound(), "GET", 400, "CRUD0605"),
    (errors.HookRefused("no"), "POST", 400, "CRUD0206"),
    (errors.HookRefused("no"), "PUT", 500, "CRUD0212"),
    (errors.HookRefused("no"), "DELETE", 500, "CRUD0212"),
    (errors.QuotaExceeded(), "POST", 400, "CRUD0300"),
    (errors.TooManyUploads(), "POST", 400, "CRUD0300"),
    (errors.FileTooLarge(), "POST", 400, "CRUD0302"),
    (errors.IncompleteBody(), "POST", 400, "CRUD0303"),
    (errors.DigestMismatch(), "POST", 400, "CRUD0303"),
    (errors.NoContent(), "POST", 400, "CRUD0302"),
    (errors.NoContent(), "GET", 404, "CRUD0608"),
    (errors.FileNotFound(), "GET", 404, "CRUD0608"),
    (errors.VersionNotFound(), "GET", 404, "CRUD0608"),
    (errors.LinkNotFound(), "GET", 404, "CRUD0607"),
    (errors.TypeRefused(), "GET", 400, "CRUD0601"),
    (errors.TooManyPixels(), "GET", 400, "CRUD0601"),
    (errors.DocumentUnreadable(), "GET", 400, "CRUD0602"),
    (errors.MethodNotAllowed(), "PUT", 405, "CRUD0103"),
    (errors.Busy(), "GET", 503, "CSG0503"),
    (errors.Corrupt(), "GET", 500, "CSG0500"),
]


def answer(error: ConsigneError, method: str, path: str = "/api/v1/x") -> tuple[int, str]:
    """Render a refusal and return status and body."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    scope: dict[str, Any] = {
        "type": "http", "method": method, "path": path, "query_string": b"", "headers": [],
        "path_params": {}, "state": {"request_id": "r-1", "method": method},
    }  # fmt: skip
    asyncio.run(REFUSALS(error, scope)(scope, receive, send))
    return sent[0]["status"], sent[1]["body"].decode()


def test_table_is_total() -> None:
    """C-41: every refusal of the core has a row."""
    assert TABLE.missing() == []


@pytest.mark.parametrize("kind", ALL)
def test_every_refusal_is_told(kind: type[ConsigneError]) -> None:
    """DY-71, C-41: whatever is refused, an envelope without empty keys, or a line of text."""
    for method in ("GET", "POST", "PUT"):
        status, body = answer(kind(), method)
        assert 400 <= status < 600
        (message,) = json.loads(body)["messages"]
        assert "{" not in message["contentText"]
        assert all(value not in ("", None) for value in message.values())
        assert answer(kind(), method, "/api/v1/a/b.pdf")[1].startswith("error")


@pytest.mark.parametrize(("error", "method", "status", "code"), ROWS)
def test_row(error: ConsigneError, method: str, status: int, code: str) -> None:
    """DY-83: statuses and codes."""
    found, body = answer(error, method)
    assert (found, json.loads(body)["messages"][0].get("code", "")) == (status, code)


def test_what_hooks_say() -> None:
    """DY-71: text of a hook is a ``message`` with the code ``store``."""
    scope = {"type": "http", "query_string": b""}
    told = ENVELOPES.success(scope, None, [Told("userMessage", "sent", "store")])
    assert json.loads(told.body)["messages"] == [
        {
            "type": "message", "contentText": "sent", "code": "store",
            "uri": "http://api.dynacase.org/code/store.html",
        }
    ]  # fmt: skip
