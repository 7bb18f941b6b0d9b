"""Content, the walls between users and spaces, methods, CORS (AM-01, AM-24, AM-33, AM-37)."""

import os

import httpx
import pytest

from tests.appmixer.support import UNKNOWN, Person, Space, bearer, ok, refused
from tests.parts.server import NUL, RunningServer, ServerStarter

PDF = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"


def test_content(ines: Person) -> None:
    """AM-24, case 24: headers of a passive file; HEAD as GET; conditions."""
    file = ines.keep(PDF, "été.pdf", media_type="application/pdf")
    path = f"/files/{file['fileId']}"
    got = ines.http.get(path)
    assert (got.status_code, got.content) == (200, PDF)
    assert got.headers["content-type"] == "application/pdf"
    assert got.headers["content-length"] == str(len(PDF))
    assert got.headers["content-disposition"] == (
        "inline; filename=\"ete.pdf\"; filename*=UTF-8''%C3%A9t%C3%A9.pdf"
    )
    assert got.headers["x-content-type-options"] == "nosniff"
    assert got.headers["accept-ranges"] == "bytes"
    assert "content-security-policy" not in got.headers
    head = ines.http.head(path)
    names = set(got.headers) - {"date", "x-request-id"}
    assert {n: head.headers[n] for n in names} == {n: got.headers[n] for n in names}
    assert head.content == b""
    for condition in (
        {"If-None-Match": got.headers["etag"]},
        {"If-Modified-Since": got.headers["last-modified"]},
    ):
        assert ines.http.get(path, headers=condition).status_code == 304
    failed = ines.http.get(path, headers={"If-Match": '"other"'})
    refused(failed, 412, "precondition_failed")


def test_ranges(ines: Person) -> None:
    """AM-24, case 24: one range 206, several 200 whole, beyond the end 416."""
    data = os.urandom(700_000)
    path = f"/files/{ines.keep(data)['fileId']}"
    for value, expected in (
        ("bytes=0-9", data[:10]),
        ("bytes=300000-500000", data[300_000:500_001]),
        ("bytes=-5", data[-5:]),
        ("bytes=699999-", data[-1:]),
    ):
        part = ines.http.get(path, headers={"Range": value})
        assert (part.status_code, part.content) == (206, expected)
        assert part.headers["content-range"].endswith("/700000")
    whole = ines.http.get(path, headers={"Range": "bytes=0-1,5-6"})
    assert (whole.status_code, whole.content) == (200, data)
    beyond = ines.http.get(path, headers={"Range": "bytes=700000-"})
    refused(beyond, 416, "range_not_satisfiable")
    assert beyond.json()["error"] == "Requested Range Not Satisfiable"
    assert beyond.headers["content-range"] == "bytes */700000"


@pytest.mark.parametrize(
    ("name", "data", "declared"),
    [
        ("page.html", b"<!doctype html><script>1</script>", "text/html"),
        ("page.png", b"<!doctype html><script>1</script>", "image/png"),
        ("art.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml"),
        ("x.bin", b"\x00\x01\x02", "application/octet-stream"),
    ],
)
def test_active_content_is_an_attachment(
    ines: Person, name: str, data: bytes, declared: str
) -> None:
    """AM-24, case 23: anything that is not passive downloads, under a sandbox."""
    file = ines.keep(data, name, media_type=declared)
    got = ines.http.get(f"/files/{file['fileId']}")
    assert got.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert got.headers["content-security-policy"].startswith("sandbox")
    assert got.headers["x-content-type-options"] == "nosniff"


def test_the_same_file_at_the_native_door(ines: Person) -> None:
    """AM-24, case 25: same ETag and bytes; deleted there, 404 here; and restored, here again."""
    data = os.urandom(50_000)
    file_id = ines.keep(data)["fileId"]
    native = f"/consigne/v1/files/{file_id}"
    there, here = ines.http.get(f"{native}/content"), ines.http.get(f"/files/{file_id}")
    assert there.content == here.content == data
    assert there.headers["etag"] == here.headers["etag"]
    assert ines.http.delete(native).status_code in (200, 204)
    refused(ines.http.get(f"/files/{file_id}"), 404, "file_not_found")
    assert ines.files() == []
    assert ines.http.post(f"{native}/restore").status_code == 200
    assert ines.content(file_id) == data


def test_uploads_are_private(ines: Person, zoe: Person, space: Space) -> None:
    """AM-33, C-03: seen by the owner and managers until the owner opens them."""
    file_id = ines.keep(b"mine")["fileId"]
    refused(zoe.http.get(f"/files/{file_id}"), 404, "file_not_found")
    assert space.person("manager").content(file_id) == b"mine"
    opened = ines.http.patch(f"/consigne/v1/files/{file_id}", json={"access": "space"})
    assert opened.status_code == 200, opened.text
    assert zoe.content(file_id) == b"mine"
    assert zoe.metadata(file_id)["metadata"] == {"userId": ines.id}
    assert zoe.files() == []


def test_walls(server: RunningServer, ines: Person, zoe: Person) -> None:
    """AM-33, AM-34, case 21: another's file answers as an unknown one does, byte for byte."""
    stranger = Space(server).person("admin")
    mine, begun = ines.keep(b"secret", "secret.txt")["fileId"], ines.begin(b"secret")
    for other in (zoe, stranger):
        for method, path in (
            ("GET", "/files/metadata/{}"),
            ("GET", "/files/{}"),
            ("HEAD", "/files/{}"),
            ("DELETE", "/files/{}"),
        ):
            unknown = other.http.request(method, path.format(UNKNOWN))
            for file_id in (mine, begun):
                answer = other.http.request(method, path.format(file_id))
                assert answer.status_code == 404
                assert answer.content == unknown.content
        unknown = other.post(b"x", UNKNOWN, 2, 3)
        for file_id in (mine, begun):
            assert other.post(b"x", file_id, 2, 3).content == unknown.content
        refused(unknown, 404, "file_not_found")
        assert other.files() == []
        assert other.count("filter=filename:~secret") == 0
    assert ines.content(mine) == b"secret"


@pytest.mark.parametrize(
    "file_id",
    [
        UNKNOWN,
        "65f0c2a1000000000000002a",  # a database id (AM-39)
        "1753170000123",
        "x",
        pytest.param(
            "..%2F..%2Fetc%2Fpasswd", marks=pytest.mark.embedded("nginx answers this by itself")
        ),
        NUL,
        "4" * 300,
        "{}",
    ],
)
@pytest.mark.parametrize("path", ["/files/{}", "/files/metadata/{}"])
def test_malformed_ids(ines: Person, path: str, file_id: str) -> None:
    """AM-34, AM-39: no such file, or no such path."""
    answer = ines.http.get(path.format(file_id))
    refused(answer, 404, "route_not_found" if "%2F" in file_id else "file_not_found")


@pytest.mark.parametrize(
    "path", ["/files/", "/files/metadata", "/files/metadata/", "/files/a/b", "/files/count/x",
             "/user/", "/user/x", "/user/auth/x", "/files/metadata/a/b"],
)  # fmt: skip
def test_unknown_paths(ines: Person, path: str) -> None:
    """AM-01, AM-34: 404 in Boom under /files and /user; ``metadata`` is never an id."""
    answer = ines.http.get(path)
    refused(answer, 404, "route_not_found")
    assert answer.json()["error"] == answer.json()["message"] == "Not Found"


@pytest.mark.parametrize("path", ["/flows", "/accounts", "/stores", "/people", "/public-files"])
def test_other_paths_are_not_of_this_dialect(ines: Person, path: str) -> None:
    """AM-39, C-40: what is out of scope is 404 in the words of the dialect behind all others."""
    answer = ines.http.get(path)
    assert answer.status_code == 404
    assert answer.json()["code"] == "DAERR-API1002"


METHODS = [
    ("/files", "PUT", "DELETE, GET, HEAD, OPTIONS, POST"),
    ("/files", "PATCH", "DELETE, GET, HEAD, OPTIONS, POST"),
    ("/files/count", "DELETE", "GET, HEAD, OPTIONS"),
    ("/files/count", "POST", "GET, HEAD, OPTIONS"),
    (f"/files/metadata/{UNKNOWN}", "DELETE", "GET, HEAD, OPTIONS"),
    (f"/files/{UNKNOWN}", "PUT", "DELETE, GET, HEAD, OPTIONS"),
    (f"/files/{UNKNOWN}", "POST", "DELETE, GET, HEAD, OPTIONS"),
    ("/user", "DELETE", "GET, HEAD, OPTIONS, POST"),
    ("/user/auth", "GET", "OPTIONS, POST"),
]


@pytest.mark.parametrize(("path", "method", "allowed"), METHODS)
def test_methods(server: RunningServer, path: str, method: str, allowed: str) -> None:
    """AM-01, AM-34, case 24: 405 with Allow; ``count`` is never an id; OPTIONS needs no token."""
    answer = httpx.request(method, server.url + path)
    refused(answer, 405, "method_not_allowed")
    assert answer.json()["message"] == "Method Not Allowed"
    assert answer.headers["allow"] == allowed
    options = httpx.options(server.url + path)
    assert (options.status_code, options.headers["allow"]) == (204, allowed)


def test_heads(ines: Person) -> None:
    """AM-24: every GET route answers HEAD, without a body."""
    file_id = ines.keep(b"x")["fileId"]
    for path in ("/files", "/files/count", f"/files/metadata/{file_id}", "/user"):
        got, head = ines.http.get(path), ines.http.head(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == str(len(got.content))


ORIGIN = "https://flows.example"


def test_cors(start_server: ServerStarter) -> None:
    """AM-37: pages of configured origins, with these methods and headers; errors are readable."""
    running = start_server(env={"CONSIGNE_CORS_ORIGINS": ORIGIN})
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    preflight = httpx.options(f"{running.url}/files", headers=asked)
    assert preflight.status_code == 204
    allowed = {h.strip() for h in preflight.headers["access-control-allow-headers"].split(",")}
    assert allowed == {
        "Authorization",
        "Content-Type",
        "Range",
        "uploader-file-id",
        "uploader-file-name",
        "uploader-chunk-size",
        "uploader-chunk-number",
        "uploader-chunks-total",
    }
    methods = {m.strip() for m in preflight.headers["access-control-allow-methods"].split(",")}
    assert methods == {"GET", "HEAD", "POST", "DELETE", "OPTIONS"}
    assert preflight.headers["access-control-allow-origin"] == ORIGIN
    for headers in ({"Origin": ORIGIN}, {"Origin": ORIGIN, **bearer()}):
        answer = httpx.get(f"{running.url}/files", headers=headers)
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        exposed = {h.strip() for h in answer.headers["access-control-expose-headers"].split(",")}
        assert exposed == {"ETag", "Content-Range", "Content-Disposition", "Retry-After"}
    stranger = httpx.options(
        f"{running.url}/files", headers=asked | {"Origin": "https://evil.example"}
    )
    assert "access-control-allow-origin" not in stranger.headers


def test_no_cors_by_default(ines: Person) -> None:
    """AM-37, AM-38: without configured origins no page may call."""
    answer = ines.http.get("/files", headers={"Origin": ORIGIN})
    assert "access-control-allow-origin" not in answer.headers
    assert ok(answer) == []
