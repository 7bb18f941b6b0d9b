"""Uploads in parts through the native API."""

import hashlib

from native_support import Login, Space, md5_field, sha256_field

ONE, TWO, THREE = b"a" * 1000, b"b" * 1000, b"c" * 500
WHOLE = ONE + TWO + THREE


def test_parts_in_order(space: Space) -> None:
    """C-14, C-23: parts of any size come in order, are counted once, and finish makes the file."""
    api = space.admin
    opened = api.call("POST", "/uploads", json={"name": "a.bin", "tags": ["x"], "meta": {"k": "v"}})
    assert opened.status_code == 201
    upload = opened.json()
    url = f"/uploads/{upload['id']}"
    assert opened.headers["location"] == f"/consigne/v1{url}"
    assert (upload["state"], upload["received"], upload["parts_received"]) == ("open", 0, 0)
    assert api.ok("GET", "/files")["files"] == []
    assert api.call("GET", f"/files/{upload['file']}").status_code == 404
    early = api.call("PUT", f"{url}/parts/2", content=TWO)
    assert (early.status_code, early.json()["code"]) == (409, "chunk_out_of_order")
    assert early.json()["expected"] == 1
    api.ok("PUT", f"{url}/parts/1", content=ONE, headers={"Content-MD5": md5_field(ONE)})
    again = api.ok("PUT", f"{url}/parts/1", content=ONE)
    assert (again["received"], again["parts_received"]) == (1000, 1)
    other = api.call("PUT", f"{url}/parts/1", content=TWO)
    assert (other.status_code, other.json()["code"]) == (409, "chunk_conflict")
    wrong = {"Content-Digest": sha256_field(b"x")}
    bad = api.call("PUT", f"{url}/parts/2", content=TWO, headers=wrong)
    assert (bad.status_code, bad.json()["code"]) == (400, "digest_mismatch")
    api.ok("PUT", f"{url}/parts/2", content=TWO, headers={"Content-Digest": sha256_field(TWO)})
    seen = api.ok("GET", url)
    assert seen["received"] == 2000
    assert [(p["number"], p["size"]) for p in seen["parts"]] == [(1, 1000), (2, 1000)]
    assert seen["parts"][0]["sha256"] == hashlib.sha256(ONE).hexdigest()
    assert [u["id"] for u in api.ok("GET", "/uploads")["uploads"]] == [upload["id"]]
    mismatch = api.call("POST", f"{url}/finish", json={"sha256": "00" * 32})
    assert (mismatch.status_code, mismatch.json()["code"]) == (400, "digest_mismatch")
    whole = {"sha256": hashlib.sha256(ONE + TWO).hexdigest()}
    done = api.call("POST", f"{url}/finish", json=whole)
    assert done.status_code == 201
    file = done.json()
    assert (file["id"], file["state"], file["tags"]) == (upload["file"], "kept", ["x"])
    assert done.headers["location"] == f"/consigne/v1/files/{file['id']}"
    assert api.content(file["id"]) == ONE + TWO
    assert api.ok("POST", f"{url}/finish", 201)["id"] == file["id"]
    assert api.call("POST", f"{url}/finish", json={"md5": "00" * 16}).status_code == 400
    late = api.call("PUT", f"{url}/parts/3", content=THREE)
    assert (late.status_code, late.json()["code"]) == (409, "upload_complete")
    assert api.call("DELETE", url).status_code == 409
    assert api.ok("GET", "/uploads")["uploads"] == []
    usage = space.usage()
    assert (usage["used"], usage["reserved"]) == (2000, 0)


def test_parts_in_any_order(space: Space) -> None:
    """C-23, C-24: with a part size the order is free; the length is reserved; the last announced
    part completes."""
    api = space.admin
    body = {"name": "a", "length": 2500, "part_size": 1000, "parts_total": 3, "hold": True}
    upload = api.ok("POST", "/uploads", 201, json=body)
    url = f"/uploads/{upload['id']}"
    assert space.usage()["reserved"] == 2500
    api.ok("PUT", f"{url}/parts/3", content=THREE)
    short = api.call("PUT", f"{url}/parts/2", content=THREE)
    assert (short.status_code, short.json()["code"]) == (400, "size_mismatch")
    api.ok("PUT", f"{url}/parts/1", content=ONE)
    unfinished = api.call("POST", f"{url}/finish")
    assert (unfinished.status_code, unfinished.json()["code"]) == (409, "upload_incomplete")
    last = api.ok("PUT", f"{url}/parts/2", content=TWO)
    assert (last["state"], last["completed"]["state"]) == ("done", "held")
    assert last["completed"]["expires_at"] is not None
    assert api.content(upload["file"]) == WHOLE
    assert (space.usage()["used"], space.usage()["reserved"]) == (2500, 0)


def test_empty_file(space: Space) -> None:
    """C-14: a length of nothing needs no part."""
    upload = space.admin.ok("POST", "/uploads", 201, json={"name": "e", "length": 0})
    file = space.admin.ok("POST", f"/uploads/{upload['id']}/finish", 201)
    assert (file["size"], space.admin.content(file["id"])) == (0, b"")
    open_ended = space.admin.ok("POST", "/uploads", 201, json={"name": "e"})
    got = space.admin.call("POST", f"/uploads/{open_ended['id']}/finish")
    assert (got.status_code, got.json()["code"]) == (409, "upload_incomplete")


def test_abort(space: Space) -> None:
    """C-24: giving up frees the reservation, the bytes and the expected file."""
    before = space.state()
    upload = space.admin.ok("POST", "/uploads", 201, json={"length": 5000})
    url = f"/uploads/{upload['id']}"
    space.admin.ok("PUT", f"{url}/parts/1", content=ONE)
    space.admin.ok("DELETE", url, 204)
    assert space.state() == before
    for method, path in (("GET", url), ("DELETE", url), ("PUT", f"{url}/parts/2")):
        got = space.admin.call(method, path)
        assert (got.status_code, got.json()["code"]) == (404, "upload_not_found")


def test_refused_uploads_leave_nothing(space: Space) -> None:
    """C-24, C-41: bad announcements open nothing and reserve nothing."""
    before = space.state()
    for body in (
        {"length": -1}, {"length": "5"}, {"part_size": 10}, {"length": 5, "part_size": 0},
        {"parts_total": 0}, {"parts_total": 100_001}, {"type": "x"}, {"folder": "no/where"},
        {"expires_in": 5}, {"tags": [""]}, {"meta": {"tmp": "x"}}, {"unknown": 1}, [], "x",
        {"reference": "a\0b"}, {"access": "public"}, {"length": 1 << 52},
    ):  # fmt: skip
        got = space.admin.call("POST", "/uploads", json=body)
        assert got.status_code in (400, 413), (body, got.text)
        assert got.headers["content-type"] == "application/problem+json"
    assert space.admin.call("POST", "/uploads", content=b"{").json()["code"] == "bad_body"
    upload = space.admin.ok("POST", "/uploads", 201, json={"length": 10})
    for number in ("0", "x", "100001", "-1"):
        got = space.admin.call("PUT", f"/uploads/{upload['id']}/parts/{number}", content=b"x")
        assert got.status_code == 400, number
    got = space.admin.call("PUT", f"/uploads/{upload['id']}/parts/1", content=b"x" * 11)
    assert (got.status_code, got.json()["code"]) == (400, "size_mismatch")
    assert space.admin.ok("GET", f"/uploads/{upload['id']}")["received"] == 0
    space.admin.ok("DELETE", f"/uploads/{upload['id']}", 204)
    assert space.state() == before


def test_uploads_are_ones_own(space: Space, logins: list[Login]) -> None:
    """C-03: nobody else sees an unfinished upload, not even a manager; pages lead on."""
    writer = space.member(logins[0], "writer")
    made = [writer.ok("POST", "/uploads", 201, json={"name": str(n)})["id"] for n in range(3)]
    assert space.admin.ok("GET", "/uploads")["uploads"] == []
    assert space.admin.call("GET", f"/uploads/{made[0]}").status_code == 404
    page = writer.ok("GET", "/uploads", params={"limit": 2})
    rest = writer.ok("GET", "/uploads", params={"limit": 2, "cursor": page["next"]})
    assert [u["id"] for u in page["uploads"] + rest["uploads"]] == made
    assert rest["next"] is None
    assert writer.call("GET", "/uploads", params={"cursor": "x"}).json()["code"] == "bad_cursor"
