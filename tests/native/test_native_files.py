"""Files through the native API: receive, describe, move, copy, trash."""

import hashlib
import time

import httpx
import pytest
from native_support import (
    Client,
    Login,
    Row,
    Space,
    ids,
    make_space,
    md5_field,
    sha256_field,
)
from tests.parts.server import KEY, RunningServer

BODY = b"The bytes that come back are the bytes that went in.\n"
WRONG = sha256_field(b"other bytes")

RECEIVE = [
    Row("name in the query", "POST", "/files", 201, {"name": "a.txt"}, content=BODY,
        says={"name": "a.txt", "size": len(BODY), "detected_type": "text/plain", "state": "kept",
              "access": "space", "version": 1, "folder": None, "expires_at": None, "tags": [],
              "meta": {}, "guards": [], "source": False, "reference": None,
              "sha256": hashlib.sha256(BODY).hexdigest(), "md5": hashlib.md5(BODY).hexdigest()}),
    Row("name in Content-Disposition", "POST", "/files", 201, content=BODY,
        send={"Content-Disposition": "attachment; filename*=UTF-8''%E2%82%AC.txt"},
        says={"name": "€.txt"}),
    Row("the query wins over the header", "POST", "/files", 201, {"name": "b.txt"}, content=BODY,
        send={"Content-Disposition": 'attachment; filename="a.txt"'}, says={"name": "b.txt"}),
    Row("no name: one is made up, with an extension", "POST", "/files", 201, content=BODY,
        says={"name": "file.txt"}),
    Row("an empty file", "POST", "/files", 201, {"name": "empty"}, content=b"",
        says={"size": 0, "sha256": hashlib.sha256(b"").hexdigest()}),
    Row("the declared type is kept", "POST", "/files", 201, content=BODY,
        send={"Content-Type": "text/x-log; charset=utf-8"},
        says={"type": "text/x-log; charset=utf-8", "detected_type": "text/plain"}),
    Row("curl's own type says nothing", "POST", "/files", 201, content=BODY,
        send={"Content-Type": "application/x-www-form-urlencoded"}, says={"type": "text/plain"}),
    Row("private", "POST", "/files", 201, {"access": "private"}, content=BODY,
        says={"access": "private"}),
    Row("tags and metadata", "POST", "/files", 201, content=BODY,
        params=[("tag", "b"), ("tag", "a"), ("tag", "b"), ("meta.year", "2026"), ("meta.é", "ü")],
        says={"tags": ["a", "b"], "meta": {"year": "2026", "é": "ü"}}),
    Row("a reference", "POST", "/files", 201, {"reference": "INV-1"}, content=BODY,
        says={"reference": "INV-1"}),
    Row("a component source (AM-22)", "POST", "/files", 201, {"source": "true"}, content=BODY,
        says={"source": True}),
    Row("right digests", "POST", "/files", 201, content=BODY,
        send={"Content-Digest": sha256_field(BODY), "Repr-Digest": sha256_field(BODY),
              "Content-MD5": md5_field(BODY), "Digest": f"MD5={md5_field(BODY)}"},
        headers={"repr-digest": sha256_field(BODY)}),
    Row("sha-512", "POST", "/files", 400, content=BODY, code="digest_mismatch",
        send={"Content-Digest": "sha-512=:" + "A" * 86 + "==:"}),
    Row("wrong Content-Digest", "POST", "/files", 400, content=BODY,
        send={"Content-Digest": WRONG}, code="digest_mismatch",
        says={"algorithm": "sha-256", "actual": hashlib.sha256(BODY).hexdigest()}),
    Row("wrong Repr-Digest", "POST", "/files", 400, content=BODY, send={"Repr-Digest": WRONG},
        code="digest_mismatch"),
    Row("wrong Content-MD5", "POST", "/files", 400, content=BODY,
        send={"Content-MD5": md5_field(b"x")}, code="digest_mismatch"),
    Row("malformed digest", "POST", "/files", 400, content=BODY,
        send={"Content-Digest": "sha-256=:AAAA:"}, code="bad_header", parameter="Content-Digest"),
    Row("digests that contradict", "POST", "/files", 400, content=BODY,
        send={"Content-Digest": sha256_field(BODY), "Repr-Digest": WRONG}, code="bad_header"),
    Row("a range of a file", "POST", "/files", 400, content=BODY,
        send={"Content-Range": "bytes 0-9/100"}, code="bad_header", parameter="Content-Range"),
    Row("a coding", "POST", "/files", 415, content=BODY, send={"Content-Encoding": "gzip"},
        code="unsupported_media"),
    Row("nobody's access", "POST", "/files", 400, {"access": "public"}, content=BODY,
        code="bad_parameter", parameter="access"),
    Row("a hold that is no boolean", "POST", "/files", 400, {"hold": "maybe"}, content=BODY,
        code="bad_parameter", parameter="hold"),
    Row("an expiry without a hold", "POST", "/files", 400, {"expires_in": "9"}, content=BODY,
        code="bad_parameter", parameter="expires_in"),
    Row("an expiry of no time", "POST", "/files", 400, {"hold": "1", "expires_in": "0"},
        content=BODY, code="bad_parameter", parameter="expires_in"),
    Row("a type that is none", "POST", "/files", 400, {"type": "text"}, content=BODY,
        code="bad_parameter", parameter="type"),
    Row("an unknown folder path", "POST", "/files", 400, {"folder": "No/where"}, content=BODY,
        code="folder_unknown", parameter="folder"),
    Row("an unknown folder id", "POST", "/files", 400, content=BODY, code="folder_unknown",
        params={"folder": "00000000-0000-4000-8000-000000000000"}),
    Row("a NUL in the reference", "POST", "/files", 400, {"reference": "a\0b"}, content=BODY,
        code="bad_parameter", parameter="reference"),
    Row("a reserved key", "POST", "/files", 400, {"meta.userId": "1"}, content=BODY,
        code="bad_parameter"),
    Row("an empty tag", "POST", "/files", 400, {"tag": ""}, content=BODY, code="bad_parameter"),
    Row("a malformed idempotency key", "POST", "/files", 400, content=BODY,
        send={"Idempotency-Key": "a b"}, code="bad_header", parameter="Idempotency-Key"),
    Row("a name that vanishes", "POST", "/files", 400, {"name": "\u202e\0"}, content=BODY,
        code="bad_name"),
]  # fmt: skip


@pytest.mark.parametrize("row", RECEIVE, ids=ids(RECEIVE))
def test_receive(space: Space, row: Row) -> None:
    """C-30, C-31, C-41: what is accepted comes back; what is refused leaves nothing behind."""
    before = space.state()
    got = row.run(space.admin)
    if row.status == 201:
        file = got.json()
        assert got.headers["location"] == f"/consigne/v1/files/{file['id']}"
        assert space.admin.content(file["id"]) == (row.content or b"")
        assert space.admin.ok("GET", f"/files/{file['id']}") == file
        assert space.usage()["used"] == file["size"]
    else:
        assert space.state() == before


NAMES = [
    ("../../etc/passwd", "passwd"),
    ("..\\..\\windows\\system.ini", "system.ini"),
    ("CON", "CON"),
    ("文" * 300, "文" * 256),
    ("档" * 300 + ".pdf", "档" * 252 + ".pdf"),
    ("invoice\u202efdp.exe", "invoicefdp.exe"),
    ("\u200fשלום.txt", "שלום.txt"),
    ("🧾 receipt 🎉.png", "🧾 receipt 🎉.png"),
    ("a\0b.txt", "ab.txt"),
    ('say "hi".txt', 'say "hi".txt'),
    ("line\r\nbreak\n.txt", "linebreak.txt"),
    ("e\u0301te\u0301.txt", "été.txt"),
    ("semi;colon=1.txt", "semi;colon=1.txt"),
    ("100%.txt", "100%.txt"),
    ("trailing ", "trailing"),
]


@pytest.mark.parametrize(("sent", "kept"), NAMES, ids=[repr(sent)[:24] for sent, _ in NAMES])
def test_names_are_data(api: Client, sent: str, kept: str) -> None:
    """C-31: a name is cleaned, never a path, and comes back in an RFC 6266 header."""
    file = api.upload(params={"name": sent})
    assert file["name"] == kept
    got = api.call("GET", f"/files/{file['id']}/content")
    disposition = got.headers["content-disposition"]
    assert disposition.isascii()
    assert disposition.startswith("attachment; filename=")
    renamed = api.ok("PATCH", f"/files/{file['id']}", json={"name": sent})
    assert renamed["name"] == kept


def test_form_with_fields_on_both_sides(space: Space) -> None:
    """C-43: fields of a form count before and behind the file; part headers tell name and type."""
    boundary, crlf = "xyz", "\r\n"
    body = crlf.join([
        f"--{boundary}", 'Content-Disposition: form-data; name="tag"', "", "one",
        f"--{boundary}", 'Content-Disposition: form-data; name="f"; filename="a.txt"',
        "Content-Type: text/x-mine", f"Content-Digest: {sha256_field(BODY)}", "", BODY.decode(),
        f"--{boundary}", 'Content-Disposition: form-data; name="tag"', "", "two",
        f"--{boundary}", 'Content-Disposition: form-data; name="meta.k"', "", "v",
        f"--{boundary}", 'Content-Disposition: form-data; name="access"', "", "private",
        f"--{boundary}--", "",
    ]).encode()  # fmt: skip
    kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    digest = {"Content-Digest": sha256_field(body)}
    file = space.admin.upload(body, headers=kind | digest)
    assert (file["name"], file["type"]) == ("a.txt", "text/x-mine")
    assert (file["tags"], file["meta"], file["access"]) == (["one", "two"], {"k": "v"}, "private")
    assert space.admin.content(file["id"]) == BODY
    before = space.state()
    for name, broken, headers, code in (
        ("digest of the form", body, {"Content-Digest": WRONG}, "digest_mismatch"),
        ("digest of the part", body.replace(b"sha-256=:", b"sha-256=:AAAA"), {}, "bad_header"),
        ("no end", body[:-6], {}, "bad_multipart"),
        ("no file", body.replace(b'; filename="a.txt"', b""), {}, "bad_multipart"),
        ("an unknown field", body.replace(b'"access"', b'"acess"'), {}, "bad_parameter"),
        ("a bad field behind", body.replace(b"private", b"public"), {}, "bad_parameter"),
        ("two files", body.replace(b'"meta.k"', b'"g"; filename="b"'), {}, "bad_multipart"),
    ):
        got = space.admin.call("POST", "/files", content=broken, headers=kind | headers)
        assert (got.status_code, got.json()["code"]) == (400, code), name
        assert space.state() == before, name


def test_form_of_httpx(api: Client) -> None:
    """C-31: an ordinary form of an ordinary client, with a name beyond ASCII."""
    got = api.call("POST", "/files", files={"file": ("été €.txt", BODY)}, data={"reference": "r"})
    assert got.status_code == 201
    assert (got.json()["name"], got.json()["reference"]) == ("été €.txt", "r")


def test_a_body_without_length_and_one_cut_short(space: Space) -> None:
    """C-24, C-41: a chunked body is stored; one that ends early leaves nothing behind."""
    file = space.admin.upload(iter([b"a" * 70_000, b"b" * 70_000]))  # type: ignore[arg-type]
    assert file["size"] == 140_000
    before = space.state()

    def breaks() -> object:
        yield b"a" * 70_000
        raise ConnectionResetError

    with pytest.raises((httpx.TransportError, ConnectionResetError)):
        space.admin.call("POST", "/files", content=breaks())
    deadline = time.monotonic() + 5
    while space.state() != before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert space.state() == before


def test_quota(operator: Client, space: Space) -> None:
    """C-24: what does not fit is refused with the numbers, and nothing stays reserved."""
    operator.ok("PATCH", f"/spaces/{space.short}", json={"quota": 1000})
    space.admin.upload(b"x" * 600)
    for body in (b"x" * 500, iter([b"x" * 300, b"y" * 300])):
        got = space.admin.call("POST", "/files", content=body)
        assert got.status_code == 507
        assert got.json()["code"] == "quota_exceeded"
        assert got.json()["quota"] == 1000
    usage = space.usage()
    assert (usage["used"], usage["reserved"], usage["free"], usage["files"]) == (600, 0, 400, 1)
    space.admin.upload(b"z" * 400)
    assert space.usage()["free"] == 0


def test_idempotency_key(space: Space) -> None:
    """C-15: the same key and bytes give the same file; other bytes are a conflict."""
    key = {"Idempotency-Key": "upload-1"}
    first = space.admin.upload(BODY, headers=key)
    assert space.admin.upload(BODY, headers=key)["id"] == first["id"]
    got = space.admin.call("POST", "/files", content=b"other", headers=key)
    assert (got.status_code, got.json()["code"]) == (409, "idempotency_conflict")
    assert space.usage()["used"] == len(BODY)
    assert space.admin.ok("GET", "/files/count")["count"] == 1


def test_hold_and_keep(space: Space) -> None:
    """C-10, C-14: a held file is listed apart, expires, and is kept when asked to be."""
    api = space.admin
    held = api.upload(params={"hold": "true", "expires_in": "3600"})
    assert held["state"] == "held"
    assert held["expires_at"] > held["created_at"]
    assert api.ok("GET", "/files")["files"] == []
    assert api.ok("GET", "/files/count", params={"state": "held"})["count"] == 1
    later = api.ok("PATCH", f"/files/{held['id']}", json={"expires_at": "2100-01-01"})
    assert later["expires_at"] == "2100-01-01T00:00:00.000Z"
    kept = api.ok("POST", f"/files/{held['id']}/keep")
    assert (kept["state"], kept["expires_at"]) == ("kept", None)
    assert api.ok("POST", f"/files/{held['id']}/keep")["state"] == "kept"
    got = api.call("PATCH", f"/files/{held['id']}", json={"expires_at": "2100-01-01"})
    assert (got.status_code, got.json()["parameter"]) == (400, "expires_at")


def test_change(space: Space) -> None:
    """C-31, C-32: only what is named changes; folders by path or id, null is the root."""
    api = space.admin
    file = api.upload(params={"name": "a.txt", "tag": "x", "meta.k": "v"})
    folder = api.ok("PUT", "/folders", params={"path": "A/B"})
    url = f"/files/{file['id']}"
    moved = api.ok("PATCH", url, json={"folder": "A/B", "reference": "r", "type": "text/x-a"})
    assert (moved["folder"], moved["reference"], moved["type"]) == (folder["id"], "r", "text/x-a")
    assert (moved["name"], moved["tags"], moved["meta"]) == ("a.txt", ["x"], {"k": "v"})
    assert moved["updated_at"] is not None
    back = api.ok("PATCH", url, json={"folder": None, "reference": None, "tags": [], "meta": {}})
    assert (back["folder"], back["reference"], back["tags"], back["meta"]) == (None, None, [], {})
    assert api.ok("PATCH", url, json={"access": "private"})["access"] == "private"
    same = api.call("PATCH", url, json={})
    assert same.json() == api.ok("GET", url)


def test_conditions_on_metadata(space: Space) -> None:
    """RFC 9110 §13: the tag of the metadata changes with anything; If-Match takes it, or the
    content's."""
    api = space.admin
    file = api.upload()
    url = f"/files/{file['id']}"
    tag = api.call("GET", url).headers["etag"]
    assert api.call("HEAD", url).headers["etag"] == tag
    assert api.call("GET", url, headers={"If-None-Match": tag}).status_code == 304
    got = api.call("PATCH", url, json={"name": "b"}, headers={"If-Match": tag})
    assert got.status_code == 200
    assert got.headers["etag"] != tag
    stale = api.call("PATCH", url, json={"name": "c"}, headers={"If-Match": tag})
    assert (stale.status_code, stale.json()["code"]) == (412, "precondition_failed")
    content = {"If-Match": f'"{file["sha256"]}"'}
    assert api.call("PATCH", url, json={"name": "d"}, headers=content).status_code == 200
    assert api.call("DELETE", url, headers={"If-Match": tag}).status_code == 412
    assert api.call("DELETE", url, headers={"If-None-Match": "*"}).status_code == 412
    since = {"If-Unmodified-Since": "Sun, 06 Nov 1994 08:49:37 GMT"}
    assert api.call("DELETE", url, headers=since).status_code == 412
    assert api.call("DELETE", url, headers={"If-Match": "*"}).status_code == 204


def test_copy(space: Space) -> None:
    """C-20, C-24: a copy shares the bytes and is charged like any file."""
    api = space.admin
    file = api.upload(BODY, params={"name": "a.txt", "tag": "x", "reference": "r"})
    got = api.call("POST", f"/files/{file['id']}/copy")
    twin = got.json()
    assert got.headers["location"].endswith(twin["id"])
    assert twin["id"] != file["id"]
    assert (twin["name"], twin["tags"], twin["sha256"]) == ("a.txt", ["x"], file["sha256"])
    other = api.ok(
        "POST", f"/files/{file['id']}/copy", 201,
        json={"name": "../b.txt", "tags": ["y"], "meta": {"k": "v"}, "access": "private"},
    )  # fmt: skip
    assert (other["name"], other["tags"], other["meta"]) == ("b.txt", ["y"], {"k": "v"})
    assert (other["access"], other["reference"]) == ("private", "r")
    assert space.usage()["used"] == 3 * len(BODY)
    api.ok("DELETE", f"/files/{file['id']}", 204)
    assert api.content(twin["id"]) == BODY


def test_trash(space: Space) -> None:
    """C-16: deleted files are uncharged, listed apart, restored, or purged for good."""
    api = space.admin
    file = api.upload(BODY)
    url = f"/files/{file['id']}"
    assert api.call("DELETE", url, params={"purge": "1"}).status_code == 404
    api.ok("DELETE", url, 204)
    for path in (url, f"{url}/content", f"{url}/versions", f"{url}/guards"):
        assert api.call("GET", path).status_code == 404
    assert api.call("DELETE", url).status_code == 404
    assert api.ok("GET", "/files")["files"] == []
    assert space.usage()["used"] == 0
    assert space.usage()["undo"] == len(BODY)
    trash = api.ok("GET", "/files", params={"state": "released"})["files"]
    assert [each["id"] for each in trash] == [file["id"]]
    assert trash[0]["released_at"] is not None
    assert api.ok("GET", url, params={"state": "released"})["state"] == "released"
    assert api.ok("POST", f"{url}/restore")["state"] == "kept"
    assert api.content(file["id"]) == BODY
    assert api.call("POST", f"{url}/restore").status_code == 404
    api.ok("DELETE", url, 204)
    api.ok("DELETE", url, 204, params={"purge": "true"})
    assert api.ok("GET", "/files", params={"state": "released"})["files"] == []
    assert (space.usage()["used"], space.usage()["undo"]) == (0, 0)
    actions = [event["action"] for event in api.ok("GET", f"{url}/history")["events"]]
    assert actions == [
        "file.kept", "file.released", "file.restored", "file.released", "file.purged",
    ]  # fmt: skip


def test_private_files_and_roles(space: Space, logins: list[Login]) -> None:
    """C-02, C-03: private files exist for owner and managers only; readers do not write."""
    reader = space.member(logins[0], "reader")
    writer = space.member(logins[1], "writer")
    mine = writer.upload(params={"name": "private", "access": "private"})
    shown = writer.upload(params={"name": "shown"})
    names = [file["name"] for file in reader.ok("GET", "/files")["files"]]
    assert names == ["shown"]
    assert reader.call("GET", f"/files/{mine['id']}").status_code == 404
    assert reader.call("GET", f"/files/{shown['id']}/content").status_code == 200
    assert space.admin.call("GET", f"/files/{mine['id']}").status_code == 200
    for method, path in (
        ("POST", "/files"), ("POST", "/uploads"), ("PUT", f"/files/{shown['id']}/content"),
        ("DELETE", f"/files/{shown['id']}"), ("POST", f"/files/{shown['id']}/copy"),
        ("PATCH", f"/files/{shown['id']}"), ("PUT", "/folders?path=x"),
        ("DELETE", "/files?all=1"), ("PUT", f"/files/{shown['id']}/hold"),
    ):  # fmt: skip
        body = b'{"reason": "r"}' if path.endswith("hold") else b"{}"
        got = reader.call(method, path, content=body)
        assert (got.status_code, got.json()["code"]) == (403, "right_missing"), (method, path)
    writer.ok("DELETE", f"/files/{shown['id']}", 204)
    assert reader.ok("GET", "/files", params={"state": "released"})["files"] == []
    assert len(writer.ok("GET", "/files", params={"state": "released"})["files"]) == 1
    got = writer.call("DELETE", f"/files/{shown['id']}", params={"purge": "1"})
    assert (got.status_code, got.json()["right"]) == (403, "manage")


def test_quarantine(space: Space, server: RunningServer, logins: list[Login]) -> None:
    """C-25: confined bytes reach nobody of the space by any name, not even when sent again."""
    api, body = space.admin, b"pretend this is a virus"
    other = make_space(server.url, KEY)
    file, same = api.upload(body), api.upload(body, params={"name": "same"})
    url = f"/files/{file['id']}/quarantine"
    assert api.ok("GET", url) == {"state": "live"}
    for wrong in ({}, {"reason": ""}, {"reason": " "}, {"why": "x"}):
        assert api.call("PUT", url, json=wrong).status_code == 400, wrong
    assert api.ok("PUT", url, json={"reason": "EICAR"}) == {"state": "quarantined"}
    for each in (file, same):
        got = api.call("GET", f"/files/{each['id']}/content")
        assert (got.status_code, got.json()["code"]) == (422, "quarantined")
    got = api.call("POST", "/files", content=body)
    assert (got.status_code, got.json()["code"]) == (422, "quarantined")
    assert len(api.ok("GET", "/files")["files"]) == 2
    assert other.admin.content(other.admin.upload(body)["id"]) == body
    assert other.admin.call("DELETE", url).status_code == 404
    writer = space.member(logins[0], "writer")
    assert writer.call("DELETE", url).status_code == 403
    history = api.ok("GET", f"/files/{file['id']}/history")["events"]
    assert history[-1]["action"] == "content.quarantined"
    assert api.ok("DELETE", url) == {"state": "live"}
    assert api.content(same["id"]) == api.content(api.upload(body)["id"]) == body


def test_guards(space: Space) -> None:
    """C-12: hold and retention protect, are listed, and say so in the refusal."""
    api = space.admin
    file = api.upload()
    url = f"/files/{file['id']}"
    held = api.ok("PUT", f"{url}/hold", json={"reason": "case 7"})
    assert (held["guards"], held["hold_reason"]) == (["hold"], "case 7")
    for method, path, body in (
        ("DELETE", url, None), ("PATCH", url, {"name": "x"}), ("PUT", f"{url}/content", {}),
    ):  # fmt: skip
        got = api.call(method, path, json=body) if body is not None else api.call(method, path)
        assert (got.status_code, got.json()["code"]) == (409, "file_protected")
        assert got.json()["guards"] == ["hold"]
        assert got.json()["hint"]
    done = api.ok("DELETE", "/files", params={"all": "true"})
    assert (done["count"], done["skipped"]) == (0, 1)
    until = "2100-01-01T00:00:00.000Z"
    assert api.ok("PUT", f"{url}/retention", json={"until": until})["retain_until"] == until
    assert api.ok("GET", f"{url}/guards") == {
        "guards": ["retention", "hold"], "hold_reason": "case 7", "retain_until": until,
    }  # fmt: skip
    assert api.ok("DELETE", f"{url}/hold")["guards"] == ["retention"]
    for wrong in ("2099-01-01", None, "2000-01-01", "soon"):
        got = api.call("PUT", f"{url}/retention", json={"until": wrong})
        assert got.status_code == 400, wrong
    for wrong in ({}, {"reason": ""}, {"reason": "  "}, {"reason": 1}, {"why": "x"}):
        assert api.call("PUT", f"{url}/hold", json=wrong).status_code == 400, wrong
