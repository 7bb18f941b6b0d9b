"""Bodies and names: RAW, forms, forms sent as urlencoded (DY-10..15, DY-64, DY-65)."""

import hashlib
import os
import time

import pytest
from dynacase_support import (
    PDF,
    PNG,
    Person,
    Space,
    docx,
    file_of,
    multipart_body,
    refused,
    token_of,
    warnings,
)

FORM = "multipart/form-data; boundary=frontiere"
URLENCODED = "application/x-www-form-urlencoded"


def held(space: Space, file: dict) -> str:
    """Return the digest of the bytes that a temporary file has."""
    (found,) = [f for f in space.files("held") if f["name"] == file["fileName"]]
    return str(found["sha256"])


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(
    "kind", ["application/pdf", "application/json", "text/html", "x/y; charset=utf-8", None]
)
def test_raw(space: Space, ana: Person, kind: str | None) -> None:
    """DY-10, DY-15: whatever the type says, the body is the file; `mime` is what the bytes are."""
    headers = {"Content-Type": kind} if kind else {}
    file = file_of(ana.http.post("/api/file", content=PDF, headers=headers), 201)
    assert file["mime"] == "application/pdf"
    assert held(space, file) == sha(PDF)


def test_declared_type_is_kept_beside(space: Space, ana: Person) -> None:
    """DY-15: the declared type does not win, and is not lost."""
    ana.http.post("/api/file", content=PNG, headers={"Content-Type": "text/plain"})
    (native,) = space.files("held")
    assert native["type"] == "text/plain"
    assert native["detected_type"] == "image/png"


@pytest.mark.parametrize("content", [b"", iter([])], ids=["empty", "empty chunks"])
def test_empty_raw_body(space: Space, ana: Person, content: bytes) -> None:
    """DY-10: no file without a byte."""
    refused(ana.http.post("/api/file", content=content), 400, "CRUD0302", "No file transferred")
    assert space.files() == []


@pytest.mark.parametrize("field", ["fi_file", "file", "", "x[]", "é"])
def test_form(space: Space, ana: Person, field: str) -> None:
    """DY-11, acceptance 2: the first part with a file name is the file, whatever its field."""
    body = multipart_body(
        ("before", None, b"1"), (field, "drakkar.png", PNG), ("after", None, b"2")
    )
    got = ana.http.post("/api/file", content=body, headers={"Content-Type": FORM})
    file = file_of(got, 201)
    assert (file["fileName"], file["mime"]) == ("drakkar.png", "image/png")
    assert held(space, file) == sha(PNG)
    assert warnings(got) == []


def test_form_on_put(space: Space, ana: Person) -> None:
    """DY-11: forms on PUT as well; the name of the part is the new name."""
    path = f"/api/file/{token_of(ana.temporary())}"
    got = ana.http.put(path, files={"f": ("new.pdf", PDF)})
    assert (file_of(got)["fileName"], file_of(got)["mime"]) == ("new.pdf", "application/pdf")


def test_further_files_are_dropped(space: Space, ana: Person) -> None:
    """DY-11: one warning for all further files."""
    body = multipart_body(("a", "1.txt", b"one"), ("b", "2.txt", b"two"), ("c", "3.txt", b""))
    got = ana.http.post("/api/file", content=body, headers={"Content-Type": FORM})
    assert file_of(got, 201)["size"] == 3
    assert len(warnings(got)) == 1
    assert len(space.files()) == 1


def test_empty_named_part(ana: Person) -> None:
    """DY-11, DY-15: a named part without bytes is a file of size 0, of no particular type."""
    body = multipart_body(("a", "empty.pdf", b""))
    file = file_of(ana.http.post("/api/file", content=body, headers={"Content-Type": FORM}), 201)
    assert (file["size"], file["mime"]) == (0, "application/octet-stream")


def test_form_without_file(space: Space, ana: Person) -> None:
    """DY-11: no part with a file name, or one that the user left empty, is no file."""
    for parts in ([("a", None, b"text")], [("a", "", b"")], []):
        body = multipart_body(*parts)
        got = ana.http.post("/api/file", content=body, headers={"Content-Type": FORM})
        assert got.status_code == 400
        assert got.json()["messages"][0]["code"] in ("CRUD0302", "CRUD0303")
    assert space.files() == []


@pytest.mark.parametrize("end", ["\r\n", "\n"], ids=["CRLF", "LF"])
@pytest.mark.parametrize("blank", ["", " "], ids=["", "blank"])
def test_form_sent_as_urlencoded(space: Space, ana: Person, end: str, blank: str) -> None:
    """DY-12, DY-64, acceptance 2: the seed's sample, under its type, is a form."""
    data = bytes(range(256)) * 3000 + b"\r\n--almost\n"
    boundary = "---------------------------70122309720638098951066485136"
    head = (
        f"--{boundary}{blank}{end}"
        f'Content-Disposition: form-data; name="fi_file"; filename="drakkar.jpeg"{blank}{end}'
        f"Content-Type: image/jpeg{end}{end}"
    )
    body = head.encode() + data + f"{end}--{boundary}--{end}".encode()
    got = ana.http.post("/api/file", content=body, headers={"Content-Type": URLENCODED})
    file = file_of(got, 201)
    assert (file["fileName"], file["size"]) == ("drakkar.jpeg", len(data))
    assert held(space, file) == sha(data)


@pytest.mark.parametrize("body", [b"a=b", b"--x", b"--x\r\nContent-Type: a/b\r\n\r\n", b"\r\n--x"])
def test_urlencoded_without_form(space: Space, ana: Person, body: bytes) -> None:
    """DY-12, acceptance 2: any other urlencoded body cannot carry a file; nothing is kept."""
    got = ana.http.post("/api/file", content=body, headers={"Content-Type": URLENCODED})
    refused(got, 400, "CRUD0302")
    assert space.files() == []
    assert space.usage == (0, 0)


@pytest.mark.parametrize(
    "body",
    [
        multipart_body(("a", "a.txt", b"x" * 1000))[:-8],
        multipart_body(("a", "a.txt", b"x" * 1000))[:500],
        b"--frontiere\r\nno head",
        b"nothing of the kind",
        b"--frontiere\r\nContent-Disposition: form-data; name=a; filename=b\r\n\r\n",
    ],
)
def test_broken_form(space: Space, ana: Person, body: bytes) -> None:
    """DY-11: a form without its end is incomplete, whatever came before; nothing is kept."""
    got = ana.http.post("/api/file", content=body, headers={"Content-Type": FORM})
    refused(got, 400, "CRUD0303", "Upload incomplete")
    assert (space.files(), space.usage) == ([], (0, 0))


def test_too_many_parts_and_too_large_fields(space: Space, ana: Person) -> None:
    """DY-65: 100 parts, 1 MiB of fields."""
    many = multipart_body(*[("a", None, b"1")] * 101, ("f", "f.txt", b"x"))
    got = ana.http.post("/api/file", content=many, headers={"Content-Type": FORM})
    refused(got, 400, "CRUD0303")
    large = multipart_body(("a", None, b"1" * 1_100_000), ("f", "f.txt", b"x"))
    got = ana.http.post("/api/file", content=large, headers={"Content-Type": FORM})
    refused(got, 413, "CSG0413")
    assert (space.files(), space.usage) == ([], (0, 0))


@pytest.mark.parametrize("headers", [("Content-Type: text/plain",), (f"Content-Type: {FORM}",)])
def test_cut_body(space: Space, headers: tuple[str, ...]) -> None:
    """DY-61, acceptance 21: of a body that ends early nothing stays."""
    start = multipart_body(("a", "a.txt", b"x" * 2_000_000))[:1_500_000]
    with space.raw("POST", "/api/file", start, 2_000_200, *headers):
        time.sleep(0.3)
    deadline = time.monotonic() + 10
    while space.usage != (0, 0):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert space.files() == []


def test_chunked_bodies(space: Space, ana: Person) -> None:
    """DY-64: bodies without a length, RAW and form."""
    data = os.urandom(3_000_000)
    pieces = [data[at : at + 70_001] for at in range(0, len(data), 70_001)]
    file = file_of(ana.http.post("/api/file?filename=raw.bin", content=iter(pieces)), 201)
    assert held(space, file) == sha(data)
    body = multipart_body(("f", "form.bin", data))
    pieces = [body[at : at + 65_003] for at in range(0, len(body), 65_003)]
    got = ana.http.post("/api/file", content=iter(pieces), headers={"Content-Type": FORM})
    assert held(space, file_of(got, 201)) == sha(data)


def test_codings_and_ranges_are_refused(space: Space, ana: Person) -> None:
    """DY-62: 415 for a Content-Encoding, 400 for a range; the body is not touched."""
    got = ana.http.post("/api/file", content=b"x", headers={"Content-Encoding": "gzip"})
    refused(got, 415, "CSG0415", "Unsupported type")
    got = ana.http.post("/api/file", content=b"x", headers={"Content-Range": "bytes 0-0/1"})
    refused(got, 400, "CSG0400")
    assert space.files() == []


def test_digests(space: Space, ana: Person) -> None:
    """DY-61: an announced digest that the bytes do not have stores nothing."""
    headers = {"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="}
    refused(ana.http.post("/api/file", content=b"x", headers=headers), 400, "CRUD0303")
    form = ana.http.post("/api/file", files={"f": ("a", b"x")}, headers=headers)
    refused(form, 400, "CRUD0303")
    assert space.usage == (0, 0)


@pytest.mark.parametrize(
    ("headers", "query", "name"),
    [
        (
            {"Content-Disposition": "a; filename*=UTF-8''%C3%A9t%C3%A9.txt; filename=b"},
            "",
            "été.txt",
        ),
        ({"Content-Disposition": 'a; filename="b.txt"', "X-File-Name": "c"}, "filename=d", "b.txt"),
        ({"X-File-Name": "c%20d.txt"}, "filename=q.txt", "q.txt"),
        ({"X-File-Name": "c%20%C3%A9.txt"}, "", "c é.txt"),
        ({"X-File-Name": "%E9.txt"}, "", "é.txt"),
        ({}, "filename=%E9t%E9.txt", "été.txt"),
        ({}, "filename=e%CC%81.txt", "é.txt"),
        ({}, "filename=..%2F..%2Fetc%2Fpasswd", "passwd"),
        ({}, "filename=C:%5Cscans%5Ca.pdf", "a.pdf"),
        ({}, "filename=a%00%0Ab.txt", "ab.txt"),
        ({}, "filename=%2F", "file.txt"),
        ({}, "filename=" + "x" * 300 + ".pdf", "x" * 251 + ".pdf"),
        ({}, "filename=" + "%C3%A9" * 200 + ".pdf", "é" * 125 + ".pdf"),
        ({}, "", "file.txt"),
    ],
)
def test_raw_names(ana: Person, headers: dict[str, str], query: str, name: str) -> None:
    """DY-13, DY-14: where the name comes from, and what becomes of it."""
    got = ana.http.post(f"/api/file?{query}", content=b"plain text", headers=headers)
    assert file_of(got, 201)["fileName"] == name


@pytest.mark.parametrize(
    ("content", "name"), [(PDF, "file.pdf"), (PNG, "file.png"), (b"\x00\xff\x01", "file.bin")]
)
def test_default_name(ana: Person, content: bytes, name: str) -> None:
    """DY-13: without a name, `file` and the extension of the detected type."""
    assert file_of(ana.http.post("/api/file", content=content), 201)["fileName"] == name


def test_part_names(ana: Person) -> None:
    """DY-14, DY-64: UTF-8 else ISO-8859-1, paths of Windows, characters that are replaced."""
    for told, name in (
        ("été.txt".encode(), "été.txt"),
        ("été.txt".encode("latin-1"), "été.txt"),
        (rb"C:\Documents and Settings\ana\scan.txt", "scan.txt"),
        (b"a/b/c.txt", "c.txt"),
    ):
        body = multipart_body(("f", "NAME", b"x")).replace(b"NAME", told)
        got = ana.http.post("/api/file", content=body, headers={"Content-Type": FORM})
        assert file_of(got, 201)["fileName"] == name


def test_replaced_characters(ana: Person) -> None:
    """DY-14: `? * :` become `-`, and one warning says so."""
    got = ana.http.post("/api/file?filename=a?b*c:d.txt", content=b"x")
    assert file_of(got, 201)["fileName"] == "a-b-c-d.txt"
    assert warnings(got) == ['The file was renamed to "a-b-c-d.txt"']


def test_type_by_content_and_name(ana: Person) -> None:
    """DY-15: a text document is found to be one, though it is a zip."""
    file = file_of(ana.http.post("/api/file?filename=a.docx", content=docx()), 201)
    assert "zip" not in file["mime"] or file["mime"] == "application/zip"
    assert file["mime"] != "application/octet-stream"


@pytest.mark.parametrize(
    ("path", "length", "headers", "status"),
    [
        ("/api/nothing", 5_000_000, (), b"404"),
        ("/api/file", 3_000_000_000, ("Content-Type: a/b",), b"413"),
        ("/api/file", 5_000_000, ("Content-Encoding: gzip",), b"415"),
        pytest.param(
            "/api/file/aaaaaaaaaaaaaa", 5_000_000, ("Expect: 100-continue",), b"501",
            marks=pytest.mark.embedded("nginx answers 100 by itself"),
        ),
    ],
)  # fmt: skip
def test_headers_are_answered_before_the_body(
    space: Space, path: str, length: int, headers: tuple[str, ...], status: bytes
) -> None:
    """DY-62: what headers decide is answered without a byte of the body."""
    with space.raw("POST", path, b"", length, *headers) as connection:
        answer = connection.recv(64)
    assert answer.startswith(b"HTTP/1.1 " + status), answer
