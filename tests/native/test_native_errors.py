"""The fault table of the native dialect, and how problems are rendered."""

import json
from typing import Any

import pytest

from consigne import errors
from consigne.dialects.native.errors import TABLE, Renderer
from consigne.http.answers import Answer


def rendered(error: errors.ConsigneError) -> tuple[Answer, dict[str, Any], dict[str, str]]:
    answer = Renderer("https://files.example/base")(error, {"type": "http"})
    assert isinstance(answer, Answer)
    headers = {name.decode(): value.decode() for name, value in answer.headers}
    return answer, json.loads(answer.body), headers


def test_the_table_is_total() -> None:
    """C-41: every class of the core has a row."""
    assert TABLE.missing() == []


@pytest.mark.parametrize("kind", list(errors.leaves()), ids=lambda kind: kind.code)
def test_every_error_renders(kind: type[errors.ConsigneError]) -> None:
    """C-41; RFC 9457: type, title, status, detail and code for each, with the status it owes."""
    answer, document, headers = rendered(kind())
    assert headers["content-type"] == "application/problem+json"
    assert document["type"] == f"https://files.example/base/docs/errors#{kind.code}"
    assert document["status"] == answer.status
    assert 400 <= answer.status < 600
    assert document["title"]
    assert document["detail"] == kind.default
    assert document["code"] == kind.code
    assert ("www-authenticate" in headers) is (answer.status == 401)


def test_families_have_their_statuses() -> None:
    """C-06, C-12, C-15, C-24, C-25: what the core rules say about statuses."""
    expected = {
        errors.BadCredentials: 401, errors.NotMember: 403, errors.FolderNotFound: 404,
        errors.UploadExpired: 410, errors.Protected: 409, errors.PreconditionFailed: 412,
        errors.FileTooLarge: 413, errors.LoginThrottled: 429, errors.QuotaExceeded: 507,
        errors.StorageFull: 507, errors.Corrupt: 500, errors.Infected: 422, errors.Busy: 503,
        errors.FolderCycle: 400, errors.EngineMissing: 503, errors.HeadersTooLarge: 431,
        errors.YearClosed: 409, errors.OcrUnreadable: 400,
    }  # fmt: skip
    assert {kind: TABLE.row(kind()).status for kind in expected} == expected


def test_facts_are_members() -> None:
    """C-30; RFC 9457 §3.2: details become members, large numbers strings; none overwrites."""
    error = errors.QuotaExceeded(
        "No room.", hint="Delete something.", quota=10, used=1 << 60, digest=b"\x01\xff",
        guards={"hold"}, nested={"n": [1 << 62]}, status=200, code="x",
    )  # fmt: skip
    _, document, _ = rendered(error)
    assert document == {
        "type": "https://files.example/base/docs/errors#quota_exceeded",
        "title": "The storage quota is exceeded", "status": 507, "detail": "No room.",
        "hint": "Delete something.", "code": "quota_exceeded", "quota": 10,
        "used": str(1 << 60), "digest": "01ff", "guards": ["hold"],
        "nested": {"n": [str(1 << 62)]},
    }  # fmt: skip


def test_headers_that_a_status_owes() -> None:
    """RFC 9110 §10.2.3, §15.5: Retry-After, Allow, Content-Range, WWW-Authenticate."""
    assert rendered(errors.LoginThrottled(retry_after=7.9))[2]["retry-after"] == "7"
    assert rendered(errors.Busy())[2]["retry-after"] == "1"
    assert rendered(errors.MethodNotAllowed(allowed=["GET", "PUT"]))[2]["allow"] == "GET, PUT"
    assert rendered(errors.RangeNotSatisfiable(size=5))[2]["content-range"] == "bytes */5"
    assert "retry-after" not in rendered(errors.FileNotFound())[2]
