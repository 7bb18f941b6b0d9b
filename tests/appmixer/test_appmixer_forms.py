"""What an upload says of itself: headers, sizes, digests, forms, names, types (AM-11 … AM-16)."""

import base64
import hashlib
import os

import pytest

from tests.appmixer.support import Person, file_part, form, ok, refused

PNG = bytes.fromhex("89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489")


BAD_HEADERS = [
    {"uploader-chunk-number": "abc"},
    {"uploader-chunk-number": ""},
    {"uploader-chunk-number": "-1"},
    {"uploader-chunk-number": "1.0"},
    {"uploader-chunk-number": "0"},
    {"uploader-chunk-number": "2"},
    {"uploader-chunk-number": "2", "uploader-chunks-total": "3"},
    {"uploader-chunk-number": "4", "uploader-chunks-total": "3"},
    {"uploader-chunks-total": "0"},
    {"uploader-chunks-total": "100001"},
    {"uploader-chunks-total": "١"},
    {"uploader-chunk-size": "x"},
    {"uploader-file-id": ""},
    {"uploader-file-id": "no id"},
    {"uploader-file-id": "123456789012345678901"},
    {"uploader-file-id": "65f0c2a1000000000000002a"},
    {"uploader-file-id": "12", "uploader-chunk-number": "0"},
    {"uploader-file-id": "12", "uploader-chunks-total": "2"},
    {"uploader-file-id": "12", "uploader-chunk-number": "2", "uploader-chunks-total": "2"},
    {"uploader-file-id": "12", "uploader-chunk-number": "1", "uploader-chunks-total": "0"},
    {"uploader-file-id": "12", "uploader-chunk-number": "0", "uploader-chunks-total": "100001"},
]


@pytest.mark.parametrize("headers", BAD_HEADERS, ids=str)
def test_bad_headers(ines: Person, headers: dict[str, str]) -> None:
    """AM-14, AM-15, AM-18, AM-38, case 6: 400 bad_header that names the header; nothing stays."""
    before = ines.space.traces()
    sent = {name: value.encode() for name, value in headers.items()}
    answer = ines.http.post("/files", files={"file": b"data"}, headers=sent)
    refused(answer, 400, "bad_header")
    assert answer.json()["message"].startswith("uploader-")
    assert ines.space.traces() == before


@pytest.mark.parametrize("size", [4, 6, 0, 10**15])
@pytest.mark.parametrize("total", [None, 1, 2])
def test_the_announced_size_is_checked(ines: Person, size: int, total: int | None) -> None:
    """AM-14, case 6: another size than the part's: nothing is appended and nothing stays."""
    before = ines.space.traces()
    answer = ines.post(b"12345", total=total, uploader_chunk_size=str(size))
    if size == 10**15:  # the limit comes before the body
        refused(answer, 413, "file_too_large")
    else:
        refused(answer, 400, "chunk_size_mismatch")
    assert ines.space.traces() == before
    ok(ines.post(b"12345", total=total, uploader_chunk_size="5"))


def test_the_announced_size_of_a_further_chunk(ines: Person) -> None:
    """AM-14: the same for a further chunk, also for one that is repeated."""
    file_id = ines.begin(b"first")
    for number, data in ((2, b"second"), (1, b"first")):
        for size in (len(data) - 1, len(data) + 1):
            answer = ines.post(data, file_id, number, uploader_chunk_size=str(size))
            refused(answer, 400, "chunk_size_mismatch")
    assert ines.metadata(file_id)["length"] == 5
    ok(ines.post(b"second", file_id, 2, uploader_chunk_size="6"))


@pytest.mark.parametrize("total", [None, 2])
@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"Content-MD5": base64.b64encode(bytes(16)).decode()}, 400, "digest_mismatch"),
        ({"Content-Digest": "sha-256=:" + "A" * 43 + "=:"}, 400, "digest_mismatch"),
        ({"Content-MD5": "short"}, 400, "bad_header"),
    ],
)
def test_digests_of_the_request(
    ines: Person, total: int | None, headers: dict[str, str], status: int, code: str
) -> None:
    """AM-13, C-43: a digest on the request covers its content, framing and all."""
    before = ines.space.traces()
    chunked = {} if total is None else {"uploader-chunks-total": str(total)}
    body, kind = form((file_part(), b"x" * 100_000))
    sent = {**kind, **headers, **chunked}
    refused(ines.http.post("/files", content=body, headers=sent), status, code)
    assert ines.space.traces() == before
    right = {
        "Content-Digest": f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:",
        "Content-MD5": base64.b64encode(hashlib.md5(body).digest()).decode(),
    }
    ok(ines.http.post("/files", content=body, headers={**kind, **right, **chunked}))


@pytest.mark.parametrize("total", [None, 2])
def test_digests_of_the_part(ines: Person, total: int | None) -> None:
    """AM-13, C-43: a digest inside the part covers the part."""
    before = ines.space.traces()
    chunked = {} if total is None else {"uploader-chunks-total": str(total)}
    data = b"y" * 100_000
    right = base64.b64encode(hashlib.md5(data).digest()).decode()
    for digest, good in ((right, True), (base64.b64encode(bytes(16)).decode(), False)):
        body, kind = form((file_part(more=f"\r\nContent-MD5: {digest}"), data))
        answer = ines.http.post("/files", content=body, headers={**kind, **chunked})
        if good:
            ok(ines.http.delete(f"/files/{ok(answer)['fileId']}"))
        else:
            refused(answer, 400, "digest_mismatch")
    if total:
        assert ines.space.traces() == before


FIELD = 'Content-Disposition: form-data; name="{}"'
BROKEN = {
    "no file": form((FIELD.format("other"), b"x")),
    "two files": form((file_part(), b"x"), (file_part(), b"y")),
    "no parts": form(),
    "no end": (form((file_part(), b"x" * 9000))[0][:-8], form()[1]),
    "no boundary in the body": (b"x" * 9000, form()[1]),
    "no boundary in the type": (
        form((file_part(), b"x"))[0],
        {"Content-Type": "multipart/form-data"},
    ),
    "51 others": form(*[(FIELD.format(f"f{i}"), b"v") for i in range(51)], (file_part(), b"x")),
    "64 KiB of others": form((FIELD.format("f"), b"v" * 65_537), (file_part(), b"x")),
    "64 KiB behind it": form((file_part(), b"x"), (FIELD.format("f"), b"v" * 65_537)),
    "64 KiB in a file": form(
        (FIELD.format("f") + '; filename="a"', b"v" * 65_537), (file_part(), b"")
    ),
}


@pytest.mark.parametrize("total", ["1", "2"])
@pytest.mark.parametrize("case", BROKEN)
def test_broken_forms(ines: Person, case: str, total: str) -> None:
    """AM-13, case 6: 400 bad_multipart; nothing stays."""
    before = ines.space.traces()
    body, headers = BROKEN[case]
    sent = {**headers, "uploader-chunks-total": total}
    refused(ines.http.post("/files", content=body, headers=sent), 400, "bad_multipart")
    assert ines.space.traces() == before


@pytest.mark.parametrize("case", BROKEN)
def test_broken_forms_of_further_chunks(ines: Person, case: str) -> None:
    """AM-13, AM-16: a chunk counts wholly or not at all."""
    file_id = ines.begin(b"first")
    before = ines.space.traces()[:5]
    body, headers = BROKEN[case]
    sent = {**headers, "uploader-file-id": file_id}
    refused(ines.http.post("/files", content=body, headers=sent), 400, "bad_multipart")
    assert ines.space.traces()[:5] == before
    assert ines.metadata(file_id)["length"] == 5


@pytest.mark.parametrize(
    "kind", ["application/json", "application/octet-stream", "multipart/mixed; boundary=x", ""]
)
def test_other_media_types(ines: Person, kind: str) -> None:
    """AM-13, case 6: 415 not_multipart."""
    headers = {"Content-Type": kind} if kind else {}
    answer = ines.http.post("/files", content=b'{"file":"x"}', headers=headers)
    refused(answer, 415, "not_multipart")
    assert answer.json()["message"] == "Use multipart/form-data"
    assert ines.files() == []


def test_other_parts_are_ignored(ines: Person) -> None:
    """AM-13: fields before and behind the file, 50 of them; and a file without a file name."""
    others = [(FIELD.format(f"field{i}"), b"value") for i in range(50)]
    part = ('Content-Disposition: form-data; name="file"', b"the bytes")
    body, headers = form(*others[:25], part, *others[25:])
    file = ok(ines.http.post("/files", content=body, headers=headers))
    assert (file["filename"], file["length"]) == ("file", 9)
    assert ines.content(file["fileId"]) == b"the bytes"


@pytest.mark.parametrize("total", [None, 2])
def test_without_a_content_length(ines: Person, total: int | None) -> None:
    """AM-13: a missing Content-Length is accepted."""
    data = os.urandom(3_000_000)
    body, headers = form((file_part(), data))
    pieces = (body[at : at + 50_000] for at in range(0, len(body), 50_000))
    chunked = {} if total is None else {"uploader-chunks-total": str(total)}
    sent = ines.http.post("/files", content=pieces, headers={**headers, **chunked})
    assert ok(sent)["length"] == len(data)


NAMES = [
    ({"uploader-file-name": b"plan.pdf"}, "x.bin", "plan.pdf"),
    ({"uploader-file-name": "été.pdf".encode()}, "x.bin", "été.pdf"),
    ({"uploader-file-name": "été.pdf".encode("latin-1")}, "x.bin", "été.pdf"),
    ({"uploader-file-name": b"UTF-8''caf%C3%A9.pdf"}, "x.bin", "café.pdf"),
    ({"uploader-file-name": b"utf-8'fr'caf%C3%A9.pdf"}, "x.bin", "café.pdf"),
    ({"uploader-file-name": b"100%25.pdf"}, "x.bin", "100%25.pdf"),
    ({"uploader-file-name": b"UTF-8''%FF.pdf"}, "x.bin", "UTF-8''%FF.pdf"),
    ({"uploader-file-name": b"../../etc/passwd"}, "x.bin", "passwd"),
    ({"uploader-file-name": b"C:\\temp\\a.txt"}, "x.bin", "a.txt"),
    ({"uploader-file-name": b"UTF-8''e%CC%81t%C3%A9%07.html"}, "x.bin", "été.html"),
    ({"uploader-file-name": b".."}, "x.bin", "x.bin"),
    ({"uploader-file-name": b""}, "x.bin", "x.bin"),
    ({}, "x.bin", "x.bin"),
    ({}, "été.bin", "été.bin"),
    ({}, "..", "file"),
    ({}, None, "file"),
]


@pytest.mark.parametrize(("headers", "filename", "expected"), NAMES, ids=lambda v: ascii(v))
@pytest.mark.parametrize("total", ["1", "2"])
def test_names(
    ines: Person, headers: dict[str, bytes], filename: str | None, expected: str, total: str
) -> None:
    """AM-14, case 23: the header, else the part, else ``file``; then the core's rule (C-31)."""
    sent = headers | {"uploader-chunks-total": total.encode()}
    answer = ines.http.post("/files", files={"file": (filename, b"x")}, headers=sent)
    assert ok(answer)["filename"] == expected


def test_the_name_of_a_further_chunk_is_ignored(ines: Person) -> None:
    """AM-14: uploader-file-name counts for new files only."""
    file_id = ines.begin(b"a", total=2, name="first.bin")
    answer = ines.post(b"b", file_id, 2, name="second.bin", uploader_file_name="third.bin")
    assert ok(answer)["filename"] == "first.bin"


TYPES = [
    (b"plain words", "a.txt", "text/csv", "text/csv"),
    (b"plain words", "a.txt", "text/html; charset=utf-8", "text/html; charset=utf-8"),
    (PNG, "a.bin", "application/octet-stream", "image/png"),
    (PNG, "a.bin", "APPLICATION/Octet-Stream", "image/png"),
    (PNG, "a.bin", "image/png", "image/png"),
    (b"", "a.pdf", "application/octet-stream", "application/pdf"),
    (b"\x00\x01\x02\x03" * 9, "a.unknown", "application/octet-stream", "application/octet-stream"),
    (b"", "empty", "no type", "application/octet-stream"),
]


@pytest.mark.parametrize(
    ("data", "name", "declared", "expected"), TYPES, ids=lambda v: repr(v)[:20]
)
@pytest.mark.parametrize("total", [1, 2])
def test_types(
    ines: Person, data: bytes, name: str, declared: str, expected: str, total: int
) -> None:
    """AM-11: the part's type; else what the bytes say, else the name; complete files have one."""
    file = ok(ines.post(data, None, 1, total, name=name, media_type=declared))
    if total == 2:
        file = ok(ines.post(b"", file["fileId"], 2, media_type="audio/mpeg"))
    assert file["contentType"] == expected
    assert ines.http.head(f"/files/{file['fileId']}").headers["content-type"] == expected
    assert ines.files(f"filter=contentType:{expected.replace(' ', '+')}") == [file]


def test_metadata_of_the_native_api(ines: Person) -> None:
    """AM-11: further metadata keys are the string metadata of the native API."""
    file = ines.keep(b"x")
    path = f"/consigne/v1/files/{file['fileId']}"
    changed = ines.http.patch(path, json={"meta": {"project": "bridge", "page": "7"}})
    assert changed.status_code == 200, changed.text
    metadata = ines.metadata(file["fileId"])["metadata"]
    assert metadata == {"userId": ines.id, "project": "bridge", "page": "7"}
    for key in ("userId", "fileId", "hashState", "tmp"):
        assert ines.http.patch(path, json={"meta": {key: "x"}}).status_code == 400
    assert ines.metadata(file["fileId"])["metadata"] == metadata
