"""Who may come in and how it is asked: keys, organizations, bodies, errors, walls, browsers."""

import json
import re
from typing import Any

import httpx
import pytest
from arrhes_support import Organization, Year, client, good, refused
from tests.parts.server import KEY, RunningServer, ServerStarter

from consigne import errors
from consigne.dialects.arrhes.errors import TABLE, render
from consigne.dialects.arrhes.routes import routes

UNKNOWN = "0" * 16
PAIRS = sorted({(route.method, route.path) for route in routes(None, None)})  # type: ignore[arg-type]
ABOUT_ORGANIZATION = [(m, p) for m, p in PAIRS if "{idOrganization}" in p]


def spelled(path: str, ids: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: ids[found[1]], path)


def test_both_forms_of_every_route() -> None:
    """AR-01: each route of the seed exists, and again under /v1."""
    plain = {(m, p) for m, p in PAIRS if not p.startswith("/v1")}
    assert {(m, p.removeprefix("/v1")) for m, p in PAIRS if p.startswith("/v1")} == plain
    year = "/organizations/{idOrganization}/years/{idYear}"
    file, folder = f"{year}/files/{{idFile}}", f"{year}/folders/{{idFolder}}"
    seed = {
        ("POST", f"{year}/files"), ("GET", f"{year}/files"), ("GET", file), ("PATCH", file),
        ("DELETE", file), ("POST", f"{file}/upload-url"), ("POST", f"{file}/download-url"),
        ("POST", f"{file}/delete-url"), ("POST", f"{file}/finalize"), ("POST", f"{file}/ocr"),
        ("POST", f"{year}/folders"), ("GET", f"{year}/folders"), ("GET", folder),
        ("PATCH", folder), ("DELETE", folder),
    }  # fmt: skip
    assert seed <= plain


@pytest.mark.parametrize(("method", "path"), PAIRS)
def test_no_key(server: RunningServer, method: str, path: str) -> None:
    """AR-02, AR-60: 401 with WWW-Authenticate on every route; nothing is told."""
    ids = dict.fromkeys(
        ["idOrganization", "idYear", "idFile", "idFolder", "idJob", "idApiKey"], "x"
    )
    for headers in ({}, {"Authorization": "Bearer nobody"}, {"Authorization": "Basic YTpi"}):
        got = httpx.request(method, server.url + spelled(path, ids), headers=headers)
        body = refused(got, 401, "unauthorized")
        assert body["message"] == "Authentification requise"
        assert got.headers["www-authenticate"] == "Bearer"


def test_the_scheme_in_any_case(organization: Organization) -> None:
    """AR-02: a native API key; cookies are no sessions."""
    url = f"{organization.url}/v1/users/me"
    for scheme in ("Bearer", "bearer", "BEARER"):
        got = httpx.get(url, headers={"Authorization": f"{scheme} {organization.key}"})
        assert got.status_code == 200
        assert got.json().keys() == {"id", "email", "name"}
    assert httpx.get(url, cookies={"session": organization.key}).status_code == 401


def test_organization(organization: Organization) -> None:
    """AR-09, AR-75: the shape, spelling included; unlimited storage as the largest exact number."""
    found = organization.document()
    assert list(found) == [
        "id", "scope", "name", "siren", "email", "subcriptionEndingAt", "storageLimit",
        "storageCurrentUsage", "createdAt", "lastUpdatedAt", "createdBy", "lastUpdatedBy",
        "ocrPagesTotalLeft",
    ]  # fmt: skip
    assert found["storageLimit"] == 9007199254740991
    assert found["scope"] == organization.short


def test_me(server: RunningServer, organization: Organization, stranger: Organization) -> None:
    """AR-03: the key's organization; for a key with several the one in X-Organization-Id."""
    assert good(organization.http.get("/v1/organizations/me"))["id"] == organization.id
    several = client(server.url, KEY)
    refused(several.get("/organizations/me"), 400, "organization_required")
    for each in (organization, stranger):
        got = several.get("/organizations/me", headers={"X-Organization-Id": each.id})
        assert good(got)["id"] == each.id
        assert good(several.get(f"/organizations/{each.id}"))["id"] == each.id
    got = several.get("/organizations/me", headers={"X-Organization-Id": UNKNOWN})
    refused(got, 404, "organization_not_found")


@pytest.mark.parametrize("text", [UNKNOWN, "x", "ME", "a" * 17, "é" * 16, "default"])
def test_unknown_organizations(organization: Organization, text: str) -> None:
    """AR-03, AR-08: a malformed id is 404 like an unknown one."""
    refused(organization.http.get(f"/organizations/{text}"), 404, "organization_not_found")


@pytest.mark.parametrize(("method", "path"), ABOUT_ORGANIZATION)
def test_walls(year: Year, stranger: Organization, method: str, path: str) -> None:
    """AR-03, AR-04, AR-52, C-01: another organization's things do not exist, on every route."""
    file, folder = year.store(b"secret", "secret name"), year.folder("secret name")
    ids = {
        "idOrganization": year.organization.id, "idYear": year.id, "idFile": file["id"],
        "idFolder": folder, "idJob": UNKNOWN, "idApiKey": UNKNOWN,
    }  # fmt: skip
    body = {"name": "n", "startingAt": "2026-01-01", "endingAt": "2026-12-31"}
    if path.endswith("upload-url"):
        body |= {"type": "", "size": 1}  # type: ignore[dict-item]
    got = stranger.http.request(method, spelled(path, ids), json=body)
    refused(got, 404, "organization_not_found")

    mine = ids | {"idOrganization": stranger.id}
    inside = stranger.http.request(method, spelled(path, mine), json=body)
    if "{idYear}" in path:
        nothing = mine | {"idYear": UNKNOWN, "idFile": UNKNOWN, "idFolder": UNKNOWN}
        unknown = stranger.http.request(method, spelled(path, nothing), json=body)
        assert (inside.status_code, inside.content) == (404, unknown.content)
    own = mine | {"idYear": stranger.year().id}
    if "{idFile}" in path or "{idFolder}" in path:
        got = stranger.http.request(method, spelled(path, own), json=body)
        nothing = own | {"idFile": UNKNOWN, "idFolder": UNKNOWN}
        unknown = stranger.http.request(method, spelled(path, nothing), json=body)
        assert (got.status_code, got.content) == (404, unknown.content)
    assert "secret" not in inside.text
    assert year.file(file["id"]) == file


@pytest.mark.parametrize("text", ["x", UNKNOWN, "A" * 16, "1" * 15])
def test_malformed_ids(year: Year, text: str) -> None:
    """AR-08, AR-60: 404 in the usual shape for each kind of id."""
    get = year.http.get
    refused(get(f"{year.path}/files/{text}"), 404, "file_not_found")
    refused(get(f"{year.path}/folders/{text}"), 404, "folder_not_found")
    place = year.path.removesuffix(year.id)
    refused(get(f"{place}{text}"), 404, "year_not_found")
    file = year.store(b"x")["id"]
    refused(get(f"{year.path}/files/{file}/ocr/{text}"), 404, "job_not_found")


def test_bodies(year: Year) -> None:
    """AR-05, AR-60: what a body may be; a refused one leaves nothing behind."""
    path = f"{year.path}/files"

    def post(data: bytes, kind: str | None = "application/json") -> httpx.Response:
        headers = {"Content-Type": kind} if kind else {}
        return year.http.post(path, content=data, headers=headers)

    for data in (b"{", b"[]", b"null", b'"text"', b"\xff", b"[" * 100_000):
        assert refused(post(data), 400, "bad_json")["message"] == "Requête incorrecte"
    body = refused(post(b'{"name":"a"}', "multipart/form-data; boundary=x"), 415, "not_json")
    assert body["message"] == "Corps de requête refusé"
    refused(post(b" " * ((1 << 20) + 1)), 413, "body_too_large")
    assert year.files() == []
    for kind in ("text/plain", "application/x-www-form-urlencoded", None, "nonsense"):
        good(post(b'{"name":"a","unknown":{"key":[1]}}', kind))
    refused(post(b'{"name":"a","idYear":"x"}'), 400, "id_conflict")
    refused(post(b'{"name":"a","idOrganization":"x"}'), 400, "id_conflict")
    same = {"name": "a", "idYear": year.id, "idOrganization": year.organization.id}
    file = good(year.http.post(path, json=same))["id"]
    for verb in ("upload-url", "download-url", "delete-url", "finalize", "ocr"):
        refused(year.post(file, verb, idFile="x", type="", size=1), 400, "id_conflict")
    good(year.post(file, "upload-url", idFile=file, type="", size=1))
    got = year.http.request("GET", f"{path}/{file}", content=b"{not json")
    assert good(got)["id"] == file
    got = year.http.request("DELETE", f"{path}/{file}", json={"idFile": "x"})
    refused(got, 400, "id_conflict")
    assert good(year.http.request("DELETE", f"{path}/{file}", json={"idFile": file})) == {}


def test_me_in_path_and_id_in_body(organization: Organization) -> None:
    """AR-03, AR-05: under ``me`` a body may spell the organization either way."""
    year = organization.year()
    path = f"/organizations/me/years/{year.id}/files"
    for told in ("me", organization.id):
        good(organization.http.post(path, json={"name": "a", "idOrganization": told}))


def test_errors(year: Year) -> None:
    """AR-60, AR-76: unknown routes and methods in the dialect's words."""
    for path in (
        "/organizations", "/v1", "/v1/", "/users", "/v1/invoices", f"{year.path}/files/",
        f"{year.path}/entries", "/organizations/me/accounts", "/users/sign-up",
    ):  # fmt: skip
        got = year.http.get(path)
        assert (got.status_code, got.json()) == (404, {"message": "Endpoint not found"})
    got = year.http.put(f"{year.path}/files")
    assert refused(got, 405, "method_not_allowed")["message"] == "Méthode non autorisée"
    assert got.headers["allow"] == "GET, HEAD, POST"


def test_the_table_is_total() -> None:
    """AR-60, C-41: every class of the core's errors has its row; a fault tells nothing."""
    assert TABLE.missing() == []
    for kind in errors.leaves():
        row = TABLE.row(kind())
        assert 400 <= row.status <= 503
        assert row.message
    fault: Any = render(errors.Internal("secret"), {"type": "http"})
    assert (fault.status, json.loads(fault.body)) == (500, {"message": "Internal error"})
    busy: Any = render(errors.Busy(), {"type": "http"})
    assert (busy.status, json.loads(busy.body)["cause"]) == (503, "busy")
    missing: Any = render(errors.EngineMissing(), {"type": "http"})
    assert json.loads(missing.body)["cause"] == "ocr_unavailable"


def test_keys_that_are_limited_to_methods(organization: Organization) -> None:
    """AR-02, AR-52: a key limited to reading reads."""
    body = {"name": "r", "space": organization.short, "methods": ["GET"]}
    made = organization.http.post("/consigne/v1/keys", json=body).json()
    reading = client(organization.url, made["key"])
    assert good(reading.get("/organizations/me"))["id"] == organization.id
    refused(reading.post("/organizations/me/years", json={}), 403, "forbidden")


def test_cors(start_server: ServerStarter) -> None:
    """AR-72: configured origins get the methods and headers of the spec; /s3 answers every one."""
    server = start_server(env={"CONSIGNE_CORS_ORIGINS": "https://app.example"})
    asked = {"Access-Control-Request-Method": "PATCH"}
    path = f"{server.url}/organizations/me"
    got = httpx.options(path, headers={"Origin": "https://app.example", **asked})
    assert got.status_code == 204
    allowed = got.headers["access-control-allow-methods"]
    assert allowed == "GET, POST, PATCH, DELETE, OPTIONS"
    names = got.headers["access-control-allow-headers"].split(", ")
    assert names == ["Authorization", "Content-Type", "Prefer", "X-Organization-Id"]
    got = httpx.options(path, headers={"Origin": "https://evil.example", **asked})
    assert "access-control-allow-origin" not in got.headers
    for origin in ("https://app.example", "https://anyone.example"):
        headers = {"Origin": origin, "Access-Control-Request-Method": "PUT"}
        got = httpx.options(f"{server.url}/s3/default/x", headers=headers)
        assert got.headers["access-control-allow-origin"] == origin
        assert got.headers["access-control-allow-methods"] == "GET, HEAD, PUT, DELETE"
        assert "access-control-allow-credentials" not in got.headers
        got = httpx.put(f"{server.url}/s3/default/x", headers={"Origin": origin})
        assert got.headers["access-control-allow-origin"] == origin
