"""The table of Daxium's errors: total, and rendered as the spec has it."""

import asyncio
import json
import re
import sqlite3
from http import HTTPStatus
from typing import Any

import httpx
import pytest
from daxium_support import Instance, good, grant, refused
from starlette.types import Message
from tests.parts.server import RunningServer, ServerStarter

from consigne import errors
from consigne.dialects.daxium.errors import CODES, TABLE, Renderer
from consigne.errors import ConsigneError

ROWS: list[tuple[ConsigneError, int, str, str, list[dict[str, Any]]]] = [
    (errors.BadBody("no"), 400, "API1000", "Invalid payload.", [{"reason": "no"}]),
    (errors.BadParameter("no", parameter="page"), 400, "API1000", "Invalid payload.",
     [{"field": "page", "reason": "no"}]),
    (errors.UserNotFound(), 404, "API1001", "User not found.", []),
    (errors.RouteNotFound(), 404, "API1002", "Route not found.", []),
    (errors.TypeNotFound(), 404, "API1003", "Structure not found.", []),
    (errors.LoginThrottled(retry_after=7), 429, "LOG013", "Too many login attempts.", []),
    (errors.Unauthenticated(), 401, "AUT001", "Authentication required.", []),
    (errors.RightMissing(right="manage"), 403, "AUT002", "Not permitted.", [{"right": "manage"}]),
    (errors.BadCredentials("no", oauth="invalid_grant"), 400, "AUT003", "Token request refused.",
     []),
    (errors.SpaceNotFound(), 404, "APP001", "Instance not found.", []),
    (errors.NotMember(), 404, "APP001", "Instance not found.", []),
    (errors.DigestMismatch(), 400, "FIL001", "Invalid file body.", [{"reason": "checksum"}]),
    (errors.IncompleteBody(), 400, "FIL001", "Invalid file body.", [{"reason": "truncated"}]),
    (errors.FileTooLarge(limit=5, size=6), 413, "FIL002", "Body too large.",
     [{"max": 5, "size": 6}]),
    (errors.QuotaExceeded(quota=5, used=4, needed=2), 507, "FIL003", "Quota exceeded.",
     [{"quota": 5, "used": 4}]),
    (errors.AlreadyLinked(infos=[{"field": "photo", "file": "x"}]), 409, "FIL005",
     "File already linked.", [{"field": "photo", "file": "x"}]),
    (errors.TypeRefused(infos=[]), 400, "FIL006", "File type not allowed.", []),
    (errors.FileNotFound(), 404, "FIL007", "File not found.", []),
    (errors.JobNotFound(), 404, "FIL007", "File not found.", []),
    (errors.JobNotFound(status="running"), 404, "FIL007", "File not found.",
     [{"status": "running"}]),
    (errors.Infected(file="x"), 422, "FIL008", "File quarantined.", [{"file": "x"}]),
    (errors.UnsupportedMedia(reason="multipart"), 415, "FIL009", "Send the raw bytes.",
     [{"reason": "multipart"}]),
    (errors.RecordNotFound(), 404, "SUB001", "Submission not found.", []),
    (errors.RecordTrashed(), 404, "SUB001", "Submission not found.", []),
    (errors.IdempotencyConflict(id="x"), 409, "SUB002", "Already used.", [{"id": "x"}]),
    (errors.MethodNotAllowed(allowed=["GET"]), 405, "GEN405", "Method Not Allowed", []),
    (errors.PreconditionFailed(), 412, "GEN412", "Precondition Failed", []),
    (errors.RangeNotSatisfiable(size=5), 416, "GEN416", "Requested Range Not Satisfiable", []),
    (errors.HookRefused("Too late"), 422, "GEN422", "Unprocessable Entity",
     [{"reason": "Too late"}]),
    (errors.Internal("secret"), 500, "GEN500", "Internal Server Error", []),
    (errors.Corrupt("secret"), 500, "GEN500", "Internal Server Error", []),
    (errors.Unavailable("secret"), 503, "GEN503", "Service Unavailable", []),
    (errors.Busy(), 503, "GEN503", "Service Unavailable", []),
]  # fmt: skip


def answer_of(error: ConsigneError) -> tuple[int, dict[str, str], dict[str, Any]]:
    """Return status, headers and JSON of what a refusal is rendered to."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        raise AssertionError("an answer reads nothing")

    scope = {"type": "http", "method": "GET", "headers": []}
    answer = Renderer("https://files.example")(error, scope)
    asyncio.run(answer(scope, receive, send))  # type: ignore[arg-type]
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, json.loads(sent[1]["body"])


def test_the_table_is_total() -> None:
    """DX-50, DX-51, C-41: every class of the closed list has a row of its own or of its family."""
    assert TABLE.missing() == []


@pytest.mark.parametrize("kind", list(errors.leaves()), ids=lambda kind: kind.__name__)
def test_every_class_is_rendered(kind: type[ConsigneError]) -> None:
    """DX-50, C-41: six keys, a code that the page explains, the time as a string."""
    status, headers, body = answer_of(kind())
    assert list(body) == ["code", "message", "url", "api_version", "infos", "server_time"]
    assert (body["code"], status, body["message"]) in [(r.name, r.status, r.message) for r in CODES]
    assert body["url"] == f"https://files.example/docs/errors/daxium#{body['code']}"
    assert body["api_version"] == "v1.3"
    assert re.fullmatch(r"1\d{9}|[2-9]\d{9}", body["server_time"])
    assert isinstance(body["infos"], list)
    if body["code"].startswith("DAERR-GEN"):
        assert body["code"] == f"DAERR-GEN{status}"
        assert body["message"] == HTTPStatus(status).phrase
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("error", "status", "code", "message", "infos"), ROWS, ids=lambda v: type(v).__name__
)
def test_rows(
    error: ConsigneError, status: int, code: str, message: str, infos: list[dict[str, Any]]
) -> None:
    """DX-51: the table of the specification, line by line; a fault tells nothing of itself."""
    found, headers, body = answer_of(error)
    told = (found, body["code"], body["message"], body["infos"])
    assert told == (status, f"DAERR-{code}", HTTPStatus(status).phrase if code.startswith("GEN")
                    else message, infos)  # fmt: skip
    assert ("www-authenticate" in headers) == (status == 401)
    assert ("retry-after" in headers) == (status in (429, 503))
    assert "secret" not in json.dumps(body)


def test_the_page_explains_every_code(server: RunningServer) -> None:
    """DX-50: ``url`` leads to a page of ours with an anchor for each code."""
    url = httpx.get(f"{server.url}/nowhere").json()["url"]
    got = httpx.get(url, follow_redirects=True)
    assert got.status_code == 200
    anchors = re.findall(r'<h3 id="([^"]+)">', got.text)
    assert anchors == [row.name for row in CODES]
    assert len(set(anchors)) == len(anchors)
    assert url.partition("#")[2] in anchors
    assert httpx.get(f"{server.url}/docs/errors/nothing").status_code == 404


def test_unknown_paths(instance: Instance) -> None:
    """DX-50, DX-55, C-40: what no dialect claims, and what is out of scope, is API1002."""
    short = instance.short
    for method, path in (
        ("GET", "/nowhere"), ("GET", "/no/where"), ("POST", "/oauth"), ("GET", "/oauth/v2"),
        ("GET", "/apps/"), ("GET", f"/{short}"), ("GET", f"/{short}/"), ("GET", f"/{short}/files"),
        ("GET", f"/{short}/tasks"), ("GET", f"/{short}/lists"), ("GET", f"/{short}/reports"),
        ("GET", f"/{short}/users"), ("GET", f"/{short}/files/upload/"),
        ("DELETE", f"/{short}/files/{short}"), ("GET", f"/{short}/custom_apps"),
        ("GET", "/apps/files/upload"), ("GET", "/filesystem"), ("GET", "/consignes"),
    ):  # fmt: skip
        for http in (instance.admin, httpx.Client(base_url=instance.url)):
            got = http.request(method, path)
            refused(got, 404, "API1002", [])
            assert got.headers["content-type"] == "application/json"


def test_methods(instance: Instance) -> None:
    """DX-04, DX-51, case 17: route, then method, and only then the token."""
    nobody = httpx.Client(base_url=instance.url)
    for method, path, allow in (
        ("DELETE", f"{instance.path}/files/upload", "POST"),
        ("GET", f"{instance.path}/files/upload", "POST"),
        ("GET", "/oauth/v2/token", "POST"),
        ("POST", "/apps", "GET, HEAD"),
        ("OPTIONS", f"{instance.path}/files/upload", "POST"),
    ):
        got = nobody.request(method, path)
        refused(got, 405, "GEN405", [])
        assert got.headers["allow"] == allow


@pytest.mark.embedded("looks into the files of the embedded vault")
def test_a_fault_tells_nothing_of_itself(start_server: ServerStarter) -> None:
    """DX-51, case 17: GEN500 without a word about the inside."""
    server = start_server()
    with sqlite3.connect(server.data / "catalog.db") as database:
        database.execute("ALTER TABLE oauth_pair RENAME TO hidden")
    got = grant(server.url, grant_type="refresh_token", refresh_token="csr_x")
    assert got.status_code in (500, 503)
    body = refused(got, got.status_code, f"GEN{got.status_code}", [])
    assert "oauth" not in got.text.replace(body["url"], "")
    assert "Traceback" not in got.text


def test_error_files_of_unknown_workers(instance: Instance, stranger: Instance) -> None:
    """DX-04, DX-48, DX-49, case 10, case 17: FIL007 with nothing, API1002 for what is no UUID."""
    uuid = "11111111-1111-4111-8111-111111111111"
    path = f"{instance.path}/files/download_errors"
    for http in (instance.admin, instance.person("manager").http):
        refused(http.get(f"{path}/{uuid}"), 404, "FIL007", [])
        refused(http.get(f"{path}/{uuid.upper()}"), 404, "FIL007", [])
        refused(http.get(f"{path}/abc"), 404, "API1002", [])
        assert http.head(f"{path}/{uuid}").status_code == 404
    refused(stranger.admin.get(f"{path}/{uuid}"), 404, "APP001", [])
    writer = instance.person("writer").http
    refused(writer.get(f"{path}/{uuid}"), 403, "AUT002", [{"right": "manage"}])
    refused(httpx.get(f"{instance.url}{path}/{uuid}"), 401, "AUT001", [])
    job = good(instance.admin.get("/consigne/v1/jobs"))
    assert job["jobs"] == []
