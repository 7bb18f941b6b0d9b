"""Downloads and versions: ranges, conditions, safe headers, undo."""

import hashlib

import pytest
from native_support import Client, Row, Space, ids, md5_field, sha256_field
from tests.parts.server import KEY, ServerStarter

BODY = bytes(range(256)) * 40  # 10,240 bytes
SIZE = len(BODY)
TAG = f'"{hashlib.sha256(BODY).hexdigest()}"'
PAST, FUTURE = "Sun, 06 Nov 1994 08:49:37 GMT", "Fri, 01 Jan 2100 00:00:00 GMT"
URL = "/files/{id}/content"


def part(first: int, last: int) -> dict[str, str | None]:
    return {
        "content-range": f"bytes {first}-{last}/{SIZE}",
        "content-length": str(last - first + 1),
    }


ROWS = [
    Row("whole", "GET", URL, 200, body=BODY, headers={
        "etag": TAG, "content-length": str(SIZE), "accept-ranges": "bytes",
        "cache-control": "private, no-cache", "repr-digest": None, "content-range": None,
        "x-content-type-options": "nosniff"}),
    Row("head", "HEAD", URL, 200, body=b"", headers={"etag": TAG, "content-length": str(SIZE)}),
    Row("first bytes", "GET", URL, 206, send={"Range": "bytes=0-9"}, body=BODY[:10],
        headers=part(0, 9)),
    Row("from a byte on", "GET", URL, 206, send={"Range": "bytes=10000-"}, body=BODY[10000:],
        headers=part(10000, SIZE - 1)),
    Row("last bytes", "GET", URL, 206, send={"Range": "bytes=-5"}, body=BODY[-5:],
        headers=part(SIZE - 5, SIZE - 1)),
    Row("beyond the end is cut", "GET", URL, 206, send={"Range": "bytes=10239-99999"},
        body=BODY[-1:], headers=part(SIZE - 1, SIZE - 1)),
    Row("nothing of it", "GET", URL, 416, send={"Range": f"bytes={SIZE}-"},
        code="range_not_satisfiable", headers={"content-range": f"bytes */{SIZE}"}),
    Row("a malformed range is no range", "GET", URL, 200, send={"Range": "bytes=9-1"}, body=BODY),
    Row("another unit is no range", "GET", URL, 200, send={"Range": "lines=1-2"}, body=BODY),
    Row("head has no ranges", "HEAD", URL, 200, send={"Range": "bytes=0-9"}, body=b"",
        headers={"content-length": str(SIZE)}),
    Row("If-None-Match, same", "GET", URL, 304, send={"If-None-Match": TAG}, body=b"",
        headers={"etag": TAG}),
    Row("If-None-Match, weak and listed", "GET", URL, 304,
        send={"If-None-Match": f'"x", W/{TAG}'}, body=b""),
    Row("If-None-Match, star", "GET", URL, 304, send={"If-None-Match": "*"}, body=b""),
    Row("If-None-Match, other", "GET", URL, 200, send={"If-None-Match": '"x"'}, body=BODY),
    Row("If-Match, same", "GET", URL, 200, send={"If-Match": TAG}, body=BODY),
    Row("If-Match, other", "GET", URL, 412, send={"If-Match": '"x"'}, code="precondition_failed"),
    Row("If-Match is strong", "GET", URL, 412, send={"If-Match": f"W/{TAG}"},
        code="precondition_failed"),
    Row("If-Modified-Since, not since", "GET", URL, 304, send={"If-Modified-Since": FUTURE},
        body=b""),
    Row("If-Modified-Since, since", "GET", URL, 200, send={"If-Modified-Since": PAST}, body=BODY),
    Row("If-None-Match wins over the date", "GET", URL, 200, body=BODY,
        send={"If-None-Match": '"x"', "If-Modified-Since": FUTURE}),
    Row("If-Unmodified-Since, changed", "GET", URL, 412, send={"If-Unmodified-Since": PAST},
        code="precondition_failed"),
    Row("If-Range, same", "GET", URL, 206, send={"If-Range": TAG, "Range": "bytes=0-1"},
        body=BODY[:2]),
    Row("If-Range, other", "GET", URL, 200, send={"If-Range": '"x"', "Range": "bytes=0-1"},
        body=BODY),
    Row("If-Range, date of before", "GET", URL, 200,
        send={"If-Range": PAST, "Range": "bytes=0-1"}, body=BODY),
    Row("a condition comes before the range", "GET", URL, 304, body=b"",
        send={"If-None-Match": TAG, "Range": f"bytes={SIZE}-"}),
    Row("a digest wanted", "GET", URL, 200, send={"Want-Repr-Digest": "sha-256=5"}, body=BODY,
        headers={"repr-digest": sha256_field(BODY)}),
    Row("the digest of the whole with a range", "GET", URL, 206, body=BODY[:1],
        send={"Want-Repr-Digest": "md5=1", "Range": "bytes=0-0"},
        headers={"repr-digest": f"md5=:{md5_field(BODY)}:"}),
    Row("inline must be a boolean", "GET", URL, 400, {"inline": "maybe"}, code="bad_parameter"),
    Row("no id", "GET", "/files/not-an-id/content", 404, code="file_not_found"),
    Row("no such version", "GET", "/files/{id}/versions/9/content", 404,
        code="version_not_found"),
    Row("a version that is no number", "GET", "/files/{id}/versions/x/content", 404,
        code="version_not_found"),
    Row("the current version by number", "GET", "/files/{id}/versions/1/content", 200, body=BODY,
        headers={"etag": TAG}),
    Row("another method", "PATCH", URL, 405, code="method_not_allowed",
        headers={"allow": "GET, HEAD, PUT"}),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=ids(ROWS))
def test_download(api: Client, row: Row) -> None:
    """C-22; RFC 9110 §13, §14: one row of the matrix of ranges and conditions."""
    file = api.upload(BODY, params={"name": "data.bin"})
    row.run(api, id=file["id"])


def test_several_ranges(api: Client) -> None:
    """RFC 9110 §14.6: several ranges come as multipart/byteranges."""
    file = api.upload(BODY)
    got = api.call("GET", URL.format(id=file["id"]), headers={"Range": "bytes=0-1,100-101,-2"})
    assert got.status_code == 206
    boundary = got.headers["content-type"].removeprefix("multipart/byteranges; boundary=")
    pieces = got.content.split(f"--{boundary}".encode())
    assert len(pieces) == 5
    for piece, (first, last) in zip(pieces[1:4], [(0, 1), (100, 101), (10238, 10239)], strict=True):
        head, _, content = piece.partition(b"\r\n\r\n")
        assert f"Content-Range: bytes {first}-{last}/{SIZE}".encode() in head
        assert content.removesuffix(b"\r\n") == BODY[first : last + 1]
    assert int(got.headers["content-length"]) == len(got.content)


def test_large_content_in_blocks(api: Client) -> None:
    """C-22: contents of many blocks, whole and across a block's border."""
    body = hashlib.shake_256(b"large").digest(3_000_001)
    file = api.upload(body)
    assert api.content(file["id"]) == body
    got = api.call("GET", URL.format(id=file["id"]), headers={"Range": "bytes=262100-1048600"})
    assert got.content == body[262100:1048601]


@pytest.mark.parametrize(
    ("body", "kind", "inline", "sandbox"),
    [
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 32, "image/png", "inline", False),
        (b"plain text\n", "text/plain", "inline", False),
        (b"<!doctype html><script>alert(1)</script>", "text/html", "attachment", True),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml", "attachment", True),
        (b"<!doctype html><script>alert(1)</script>", "image/png", "attachment", True),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 32, "text/html", "attachment", True),
    ],
)
def test_only_passive_types_are_shown(
    api: Client, body: bytes, kind: str, inline: str, sandbox: bool
) -> None:
    """C-22: inline needs a passive declared and detected type; the rest is sandboxed."""
    file = api.upload(body, params={"name": "x"}, headers={"Content-Type": kind})
    url = URL.format(id=file["id"])
    assert api.call("GET", url).headers["content-disposition"].startswith("attachment")
    got = api.call("GET", url, params={"inline": "1"})
    assert got.headers["content-disposition"].startswith(inline)
    assert ("sandbox" in got.headers.get("content-security-policy", "")) is sandbox


def test_replace_and_versions(space: Space) -> None:
    """C-24: a replace makes a version; old ones are read, restored, and are undo, not charged."""
    api = space.admin
    file = api.upload(b"one", params={"name": "a.txt"}, headers={"Content-Type": "text/x-one"})
    url = f"/files/{file['id']}"
    got = api.call(
        "PUT", f"{url}/content", content=b"second", headers={"If-Match": f'"{file["sha256"]}"'}
    )
    assert got.status_code == 200
    second = got.json()
    assert (second["version"], second["size"], second["name"]) == (2, 6, "a.txt")
    assert got.headers["repr-digest"] == sha256_field(b"second")
    stale = api.call(
        "PUT", f"{url}/content", content=b"third", headers={"If-Match": f'"{file["sha256"]}"'}
    )
    assert (stale.status_code, stale.json()["code"]) == (412, "precondition_failed")
    bad = api.call(
        "PUT", f"{url}/content", content=b"third", headers={"Content-MD5": md5_field(b"no")}
    )
    assert (bad.status_code, bad.json()["code"]) == (400, "digest_mismatch")
    usage = space.usage()
    assert (usage["used"], usage["undo"], usage["reserved"]) == (6, 3, 0)
    versions = api.ok("GET", f"{url}/versions")["versions"]
    assert [(v["number"], v["current"], v["size"]) for v in versions] == [
        (2, True, 6), (1, False, 3),
    ]  # fmt: skip
    assert versions[1]["type"] == "text/x-one"
    assert api.call("GET", f"{url}/versions/1/content").content == b"one"
    assert api.content(file["id"]) == b"second"
    back = api.ok("POST", f"{url}/versions/1/restore")
    assert (back["version"], back["sha256"], back["type"]) == (3, file["sha256"], "text/x-one")
    assert api.content(file["id"]) == b"one"
    assert api.call("POST", f"{url}/versions/7/restore").status_code == 404
    usage = space.usage()
    assert (usage["used"], usage["undo"]) == (3, 9)


def test_replace_changes_name_and_type(api: Client) -> None:
    """C-31: a replace may rename; the type is the new body's own."""
    file = api.upload(b"one", params={"name": "a.txt"}, headers={"Content-Type": "text/x-one"})
    url = f"/files/{file['id']}/content"
    new = api.ok("PUT", url, content=b"%PDF-1.7\n", params={"name": "b.pdf"})
    assert (new["name"], new["type"]) == ("b.pdf", "application/pdf")


@pytest.mark.embedded("looks into the files of the embedded vault")
def test_damage_is_an_error(start_server: ServerStarter) -> None:
    """C-25: damaged bytes are a 5xx in problem words, and stay refused."""
    server = start_server(env={"CONSIGNE_SMALL_SIZE": "0"})
    api = Client(server.url, KEY)
    file = api.upload(BODY)
    contents = [p for p in (server.data / "blobs").rglob("*") if p.is_file()]
    damaged = [p for p in contents if p.read_bytes() == BODY]
    assert len(damaged) == 1
    damaged[0].chmod(0o644)
    damaged[0].write_bytes(BODY[:100] + b"!" + BODY[101:])
    for _ in range(2):
        got = api.call("GET", URL.format(id=file["id"]))
        assert (got.status_code, got.json()["code"]) == (500, "corrupt")
