"""The bytes behind a downloadUrl, and files of documents at other doors (DY-32, C-04, C-12)."""

import hashlib

import httpx
import pytest
from dynacase_desk import contract, file
from dynacase_support import PDF, PNG, Person, Space, client, file_of, good, refused

HTML = b"<!doctype html><html><script>alert(1)</script></html>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.fixture
def number(space: Space) -> int:
    """An empty document."""
    space.office.family("CONTRACT", *contract())
    return space.number()


def put(space: Space, number: int, content: bytes, name: str = "a.pdf") -> str:
    """Store a file in the document and return its downloadUrl."""
    path = f"/api/documents/{number}/file/ct_scan"
    got = space.http.post(path, params={"filename": name}, content=content)
    return str(file_of(got, 201)["downloadUrl"])


def test_headers(space: Space, number: int) -> None:
    """DY-32: attachment, ETag of the content, nosniff, private; HEAD the same."""
    url = put(space, number, PDF)
    got, head = space.http.get(url), space.http.head(url)
    assert got.content == PDF
    assert got.headers["content-type"] == "application/pdf"
    assert got.headers["content-disposition"] == 'attachment; filename="a.pdf"'
    assert got.headers["etag"] == f'"{hashlib.sha256(PDF).hexdigest()}"'
    assert got.headers["x-content-type-options"] == "nosniff"
    assert got.headers["cache-control"] == "private, no-cache"
    assert got.headers["x-dcp-api-version"] == "1"
    assert head.content == b""
    assert head.headers["content-length"] == str(len(PDF))


def test_type_is_the_detected_one(space: Space, number: int) -> None:
    """DY-15, DY-32: the bytes go out under the type that `mime` tells, whatever was declared."""
    path = f"/api/documents/{number}/file/ct_scan"
    headers = {"Content-Type": "text/html"}
    told = file_of(space.http.post(path, content=PNG, headers=headers), 201)
    assert told["mime"] == "image/png"
    assert space.http.get(told["downloadUrl"]).headers["content-type"] == "image/png"


@pytest.mark.parametrize("word", ["1", "yes", "true", "TRUE"])
def test_inline(space: Space, number: int, word: str) -> None:
    """DY-32: `?inline=` shows passive content."""
    url = put(space, number, PNG, "a.png")
    assert (
        space.http.get(f"{url}?inline={word}").headers["content-disposition"].startswith("inline")
    )
    for other in ("0", "no", ""):
        got = space.http.get(f"{url}?inline={other}")
        assert got.headers["content-disposition"].startswith("attachment")


@pytest.mark.parametrize(("content", "name"), [(HTML, "a.html"), (SVG, "a.svg"), (HTML, "a.png")])
def test_active_content(space: Space, number: int, content: bytes, name: str) -> None:
    """DY-32, acceptance 26: HTML and SVG are attachments under a sandbox, whatever is asked."""
    got = space.http.get(f"{put(space, number, content, name)}?inline=1")
    assert got.headers["content-disposition"].startswith("attachment")
    assert got.headers["content-security-policy"] == "sandbox; default-src 'none'"


def test_names_in_headers(space: Space, number: int) -> None:
    """DY-32, DY-42, acceptance 26: both forms of a name that is not ASCII."""
    url = put(space, number, PDF, 'é"€.pdf')
    assert url.endswith("/%C3%A9%22%E2%82%AC.pdf")
    assert space.http.get(url).headers["content-disposition"] == (
        "attachment; filename=\"e__.pdf\"; filename*=UTF-8''%C3%A9%22%E2%82%AC.pdf"
    )


def test_ranges_and_conditions(space: Space, number: int) -> None:
    """DY-32, acceptance 26: Range 206, 416, If-None-Match 304, If-Match 412."""
    url = put(space, number, b"0123456789")
    part = space.http.get(url, headers={"Range": "bytes=2-4"})
    assert (part.status_code, part.content) == (206, b"234")
    assert part.headers["content-range"] == "bytes 2-4/10"
    refused(space.http.get(url, headers={"Range": "bytes=50-"}), 416, "CSG0416")
    tag = part.headers["etag"]
    assert space.http.get(url, headers={"If-None-Match": tag}).status_code == 304
    refused(space.http.get(url, headers={"If-Match": '"other"'}), 412, "CSG0412")


def test_index_and_name_are_decoration(space: Space, number: int) -> None:
    """DY-32: the attribute counts, in any case; index and name do not."""
    url = put(space, number, b"bytes")
    base, _, _ = url.partition("/-1/")
    for tail in ("/7/ct_scan/x", "/zzz/CT_SCAN/y.pdf"):
        assert space.http.get(base + tail).content == b"bytes"
    for tail in ("/-1/ct_pages/a.pdf", "/-1/ct_x/a.pdf", "/-1/ct_secret/a"):
        refused(space.http.get(base + tail), 404, "CRUD0608", "File not found")


def test_credentials(space: Space, number: int) -> None:
    """DY-04, DY-32: nobody without credentials; `access_token` for who cannot send headers."""
    url = put(space, number, b"bytes")
    refused(httpx.get(url), 401, "CSG0401")
    assert httpx.get(f"{url}?access_token={space.key}").content == b"bytes"


def test_large(space: Space, number: int) -> None:
    """DY-32: a content of many blocks comes back as it went in."""
    content = bytes(range(256)) * 12_000
    assert space.http.get(put(space, number, content)).content == content


def test_hidden_afterwards(space: Space, number: int) -> None:
    """DY-32, DY-57: once the attribute has visibility I its file is not served here any more."""
    url = put(space, number, b"bytes")
    fields = [each for each in contract() if each.id != "ct_scan"]
    space.office.family("CONTRACT", *fields, file("ct_scan", visibility="I"))
    refused(space.http.get(url), 404, "CRUD0608")


def test_other_doors(space: Space, ana: Person, number: int) -> None:
    """C-04, C-12, DY-51: the native door shows a linked file, and protects it."""
    url = put(space, number, b"bytes")
    (native,) = space.files("kept")
    place = f"/consigne/v1/files/{native['id']}"
    assert ana.http.get(f"{place}/content").content == b"bytes"
    for got in (
        space.http.delete(place),
        space.http.put(f"{place}/content", content=b"other"),
        space.http.patch(place, json={"name": "other"}),
    ):
        assert got.status_code == 409, got.text
    assert space.http.get(url).content == b"bytes"


def test_access_follows_the_document(space: Space, ana: Person, number: int) -> None:
    """C-04: who may not view the document sees its files at no door, though he sent them."""
    path = f"/api/documents/{number}/file/ct_scan"
    file_of(ana.http.post(path, content=b"mine"), 201)
    (native,) = space.files("kept")
    place = f"/consigne/v1/files/{native['id']}/content"
    assert ana.http.get(place).status_code == 200
    space.office.set_acl(number, view=["role:manager"])
    assert ana.http.get(place).status_code == 404
    assert space.http.get(place).status_code == 200


def test_trash_of_the_vault(space: Space, number: int) -> None:
    """C-16, DY-51: what an attribute let go is in the trash of the vault, and comes back alone."""
    put(space, number, b"bytes")
    good(space.http.delete(f"/api/documents/{number}/file/ct_scan"))
    (gone,) = space.files("released")
    assert space.usage == (0, 0)
    space.native("POST", f"/files/{gone['id']}/restore")
    assert space.usage == (5, 0)
    refused(space.http.get(f"/api/documents/{number}/file/ct_scan"), 404, "CRUD0607")


def test_walk_with_another_spaces_key(space: Space, stranger: Space, number: int) -> None:
    """DY-05, C-01, acceptance 23: another space's key gets 404 on every route, changes nothing."""
    url = put(space, number, b"bytes")
    temporary = file_of(space.http.post("/api/file", content=b"tmp"), 201)
    vault_id = url.split("/")[5]
    document = f"/api/documents/{number}"
    paths = [document, f"/api/families/CONTRACT/{number}", temporary["uri"], url]
    for tail in ("ct_scan", "ct_pages/0", vault_id):
        paths += [
            f"{document}/file/{tail}",
            f"/api/families/CONTRACT/documents/{number}/file/{tail}",
        ]
    before = good(space.http.get(document))
    http = client(space.url, stranger.key)
    for path in paths:
        for method in ("GET", "HEAD", "POST", "PUT", "DELETE"):
            got = http.request(method, path, content=b"x" if method in ("POST", "PUT") else None)
            assert got.status_code in (404, 501), f"{method} {path}: {got.status_code}"
    refused(http.post("/api/families/CONTRACT", json={"attributes": {}}), 404, "API0102")
    assert good(space.http.get(document)) == before
    assert stranger.usage == (0, 0)
    assert space.usage == (8, 0)
