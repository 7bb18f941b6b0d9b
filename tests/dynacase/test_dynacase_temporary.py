"""Temporary files: made, replaced, shown, deleted, expired (DY-20..22, DY-40..43, DY-50..53)."""

import hashlib
import re
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from dynacase_support import (
    FILE_KEYS,
    PDF,
    Person,
    Space,
    client,
    file_of,
    found_space,
    good,
    refused,
    token_of,
)
from tests.parts.server import NUL, RunningServer, ServerStarter

from consigne.dialects.dynacase.wire import from_token, to_token
from consigne.model.identity import Kind, from_uuid

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")


def test_raw_file_is_held(space: Space, ana: Person) -> None:
    """DY-20, DY-40, DY-41, DY-43, DY-51, acceptance 1: 201, eight keys, held, of the caller."""
    headers = {"Content-Type": "application/pdf", "Content-Disposition": 'x; filename="a b.pdf"'}
    got = ana.http.post("/api/file", content=PDF, headers=headers)
    file = file_of(got, 201)
    token = token_of(file)
    assert got.headers["location"] == file["uri"] == f"{space.url}/api/files/{token}"
    assert got.headers["etag"] == f'"{token}-1"'
    assert file["reference"] == f"file://tmp/{token}"
    assert file["downloadUrl"] is None
    assert (file["mime"], file["size"], file["fileName"]) == (
        "application/pdf",
        len(PDF),
        "a b.pdf",
    )
    assert MOMENT.fullmatch(file["cdate"])
    assert file["mdate"] == file["cdate"]
    (held,) = space.files("held")
    assert (held["state"], held["access"]) == ("held", "private")
    assert held["sha256"] == hashlib.sha256(PDF).hexdigest()
    assert space.files("kept") == []
    assert space.usage == (len(PDF), 0)


@pytest.mark.parametrize("word", ["file", "files", "file.json", "files/", "files.json/"])
def test_spellings_of_the_route(ana: Person, word: str) -> None:
    """DY-01: `file` and `files`, a final slash and `.json` are the same; answers say `files`."""
    file = file_of(ana.http.post(f"/api/{word}", content=b"x"), 201)
    assert "/api/files/" in file["uri"]
    place = f"/api/{word.partition('.')[0].rstrip('/')}/{token_of(file)}"
    for suffix in ("", ".json", "/"):
        assert file_of(ana.http.get(place + suffix)) == file


def test_put_keeps_token_and_cdate(space: Space, ana: Person) -> None:
    """DY-21, acceptance 3: same token, reference, cdate; new size, mime, mdate, name if given."""
    first = ana.temporary(b"one", "one.txt")
    path = f"/api/file/{token_of(first)}"
    time.sleep(1.1)  # dates count seconds
    got = ana.http.put(path, content=PDF)
    second = file_of(got)
    same = ("uri", "reference", "cdate", "fileName", "downloadUrl")
    assert {key: second[key] for key in same} == {key: first[key] for key in same}
    assert second["mdate"] > first["mdate"]
    assert (second["mime"], second["size"]) == ("application/pdf", len(PDF))
    assert got.headers["etag"] == f'"{token_of(first)}-2"'
    third = file_of(ana.http.put(f"{path}?filename=two.bin", content=b"\x00\x01"))
    assert third["fileName"] == "two.bin"
    assert third["reference"] == first["reference"]
    assert file_of(ana.http.get(path)) == third
    assert space.usage == (2, 0)


def test_put_starts_the_time_again(start_server: ServerStarter) -> None:
    """DY-21, DY-53, acceptance 22: what nobody uses is gone after its time, at once and for all."""
    server = start_server(env={"CONSIGNE_HOLD_EXPIRY": "3", "CONSIGNE_SWEEP_EVERY": "0.2"})
    space = found_space(server)
    left, renewed = (
        token_of(file_of(space.http.post("/api/file", content=name), 201))
        for name in (b"left", b"renewed")
    )
    deadline = time.monotonic() + 20
    while space.http.get(f"/api/file/{left}").status_code != 404:
        file_of(space.http.put(f"/api/file/{renewed}", content=b"again"))
        assert time.monotonic() < deadline
        time.sleep(0.2)
    refused(space.http.get(f"/api/file/{left}"), 404, "CRUD0617")
    refused(space.http.put(f"/api/file/{left}", content=b"late"), 404, "CRUD0617")
    file_of(space.http.get(f"/api/file/{renewed}"))
    while not space.files("released"):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert space.usage == (len(b"again"), 0) or space.usage == (0, 0)


def test_delete(space: Space, ana: Person) -> None:
    """DY-22, acceptance 3: DELETE answers null once, then 404 as for any unknown token."""
    path = f"/api/file/{token_of(ana.temporary())}"
    assert good(ana.http.delete(path)) is None
    text = f'Temporary file "{path.rpartition("/")[2]}" not found'
    for method in ("GET", "PUT", "DELETE"):
        got = ana.http.request(method, path, content=b"x" if method == "PUT" else None)
        refused(got, 404, "CRUD0617", text)
    assert space.usage == (0, 0)


@pytest.mark.parametrize(
    "token",
    [
        "a" * 14,
        "z" * 14,
        "a" * 13,
        "a" * 15,
        "A" * 14,
        "aaaaaaaaaaaaa1",
        "12345",
        "é" * 14,
        f"{NUL}a",
    ],
)
def test_other_spellings_are_unknown(ana: Person, token: str) -> None:
    """DY-50: whatever is no token of a file of one's own is 404."""
    for method in ("GET", "DELETE"):
        refused(ana.http.request(method, f"/api/file/{token}"), 404, "CRUD0617")


def test_token_spells_the_identity(space: Space) -> None:
    """DY-50: the token is the identity in base 26, computed both ways; a file that another door
    holds has one too."""
    for number in (0, 1, 25, 26, (1 << 63) - 1):
        assert from_token(to_token(number)) == number
        assert re.fullmatch("[a-z]{14}", to_token(number))
    assert from_token(to_token((1 << 63) - 1)[:-1] + "z") is None
    made = space.native("POST", "/files?hold=true&name=n.txt", 201, content=b"native")
    token = to_token(from_uuid(Kind.FILE, made["id"]) or 0)
    assert file_of(space.http.get(f"/api/file/{token}"))["fileName"] == "n.txt"
    kept = space.native("POST", "/files?name=k.txt", 201, content=b"kept")
    token = to_token(from_uuid(Kind.FILE, kept["id"]) or 0)
    refused(space.http.get(f"/api/file/{token}"), 404, "CRUD0617")
    refused(space.http.put(f"/api/file/{token}", content=b"x"), 404, "CRUD0617")


def test_it_belongs_to_who_made_it(space: Space, ana: Person, ben: Person) -> None:
    """DY-52, acceptance 5: for another member, a manager and an admin the token is unknown."""
    path = f"/api/file/{token_of(ana.temporary())}"
    for other in (ben.http, space.member("manager").http, space.http):
        for method in ("GET", "PUT", "DELETE"):
            got = other.request(method, path, content=b"x" if method == "PUT" else None)
            refused(got, 404, "CRUD0617")
    assert file_of(ana.http.get(path))["size"] == 5


def test_another_space(space: Space, stranger: Space, ana: Person) -> None:
    """DY-05, acceptance 23: a user of another space gets what he would for an unknown token."""
    token = token_of(ana.temporary())
    body = refused(stranger.http.get(f"/api/file/{token}"), 404, "CRUD0617")
    unknown = refused(stranger.http.get(f"/api/file/{'b' * 14}"), 404, "CRUD0617")
    assert body["contentText"].replace(token, "b" * 14) == unknown["contentText"]


def test_a_user_acts_in_the_space_of_the_token(space: Space, stranger: Space, ana: Person) -> None:
    """DY-05: a member of two spaces finds his token without naming the space, or naming another."""
    stranger.native("PUT", f"/spaces/{stranger.short}/members/{ana.email}", json={"role": "writer"})
    token = token_of(ana.temporary())
    unnamed = client(space.url, ana.token)
    misnamed = client(space.url, ana.token, **{"X-Consigne-Space": stranger.short})
    unknown = client(space.url, ana.token, **{"X-Consigne-Space": "no-such-space"})
    for http in (unnamed, misnamed, unknown):
        assert token_of(file_of(http.get(f"/api/file/{token}"))) == token
    refused(unknown.post("/api/file", content=b"x"), 404, "CSG0404")
    there = file_of(unnamed.post(f"/api/file?space={stranger.short}", content=b"there"), 201)
    assert [f["size"] for f in stranger.files("held")] == [5]
    file_of(ana.http.get(f"/api/file/{token_of(there)}"))


def test_reader_sends_nothing(space: Space) -> None:
    """DY-56: a reader has no `edit`; nothing is kept."""
    reader = space.member("reader")
    refused(reader.http.post("/api/file", content=b"x"), 403, "API0106")
    assert space.usage == (0, 0)


def test_if_match(ana: Person) -> None:
    """DY-43: the tag of the metadata guards a PUT and a DELETE."""
    file = ana.temporary()
    path, tag = f"/api/file/{token_of(file)}", f'"{token_of(file)}-1"'
    assert ana.http.get(path).headers["etag"] == tag
    file_of(ana.http.put(path, content=b"2", headers={"If-Match": tag}))
    for method in ("PUT", "DELETE"):
        content = b"3" if method == "PUT" else None
        got = ana.http.request(method, path, content=content, headers={"If-Match": tag})
        refused(got, 412, "CSG0412", "File was changed")
    assert file_of(ana.http.get(path))["size"] == 1


def test_two_puts_with_one_tag(ana: Person) -> None:
    """DY-43, acceptance 19: of many PUTs that name the same tag one comes to pass."""
    path = f"/api/file/{token_of(ana.temporary())}"
    headers = {"If-Match": ana.http.get(path).headers["etag"]}

    def put(number: int) -> int:
        body = bytes([number]) * 100_000
        return httpx.put(
            f"{ana.http.base_url}{path}",
            content=body,
            headers=headers | dict(ana.http.headers),
            timeout=30,
        ).status_code

    with ThreadPoolExecutor(8) as pool:
        found = sorted(pool.map(put, range(8)))
    assert found == [200] + [412] * 7
    assert file_of(ana.http.get(path))["size"] == 100_000


def test_head(ana: Person) -> None:
    """DY-09: HEAD wherever GET."""
    path = f"/api/file/{token_of(ana.temporary())}"
    got, head = ana.http.get(path), ana.http.head(path)
    assert head.status_code == 200
    assert head.content == b""
    for name in ("etag", "content-length", "content-type"):
        assert head.headers[name] == got.headers[name]


def test_dates_in_the_time_zone(start_server: ServerStarter) -> None:
    """DY-43: dates are shown as the clocks of the configured zone show them."""
    server = start_server(env={"CONSIGNE_DYNACASE_TIMEZONE": "Asia/Tokyo"})
    space = found_space(server)
    file = file_of(space.http.post("/api/file", content=b"x"), 201)
    (native,) = space.files("held")
    shown = time.strptime(file["cdate"], "%Y-%m-%dT%H:%M:%S")
    utc = time.strptime(native["created_at"][:19], "%Y-%m-%dT%H:%M:%S")
    assert round(time.mktime(shown) - time.mktime(utc)) == 9 * 3600


def test_number_of_temporary_files(start_server: ServerStarter) -> None:
    """DY-65: beyond so many of one user there is no more space, also for many at once."""
    server = start_server(env={"CONSIGNE_DYNACASE_TEMPORARY_FILES": "3"})
    space = found_space(server)
    ana, ben = space.member(), space.member()

    def post(_: int) -> int:
        return httpx.post(
            f"{space.url}/api/file", content=b"x", headers=dict(ana.http.headers), timeout=30
        ).status_code

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(post, range(6))) == [201] * 3 + [507] * 3
    refused(ana.http.post("/api/file", content=b"x"), 507, "API0200", "No more space available")
    file_of(ben.http.post("/api/file", content=b"x"), 201)
    assert space.usage == (4, 0)


def test_quota(server: RunningServer) -> None:
    """DY-61, acceptance 15: 507 API0200 before the bytes; nothing kept; no larger content goes."""
    space = found_space(server, quota=3_000_000)
    big, small = b"b" * 2_900_000, b"s" * 200_000
    kept = token_of(file_of(space.http.post("/api/file", content=big), 201))
    refused(space.http.post("/api/file", content=small), 507, "API0200", "No more space available")
    refused(space.http.post("/api/file", content=iter([small])), 507, "API0200")
    form = {"f": ("a.bin", small)}
    refused(space.http.post("/api/file", files=form), 507, "API0200")
    larger = b"c" * 3_100_000
    refused(space.http.put(f"/api/file/{kept}", content=larger), 507, "API0200")
    assert space.usage == (len(big), 0)
    file_of(space.http.put(f"/api/file/{kept}", content=b"d" * 2_900_000))
    assert space.usage == (len(big), 0)
    assert len(space.files("held")) == 1


def test_largest_file(start_server: ServerStarter) -> None:
    """DY-65: a file over the limit is 413, told by its length or not; nothing is kept."""
    server = start_server(env={"CONSIGNE_DYNACASE_MAX_SIZE": "1000"})
    space = found_space(server)
    file_of(space.http.post("/api/file", content=b"x" * 1000), 201)
    for content in (b"x" * 1001, iter([b"x" * 1001])):
        refused(space.http.post("/api/file", content=content), 413, "CSG0413", "Too large")
    refused(space.http.post("/api/file", files={"a": ("a", b"x" * 1001)}), 413, "CSG0413")
    assert space.usage == (1000, 0)


def test_all_keys_in_order() -> None:
    """DY-40: the order of the keys is the seed's."""
    assert FILE_KEYS == [
        "uri", "mime", "size", "cdate", "mdate", "fileName", "reference", "downloadUrl",
    ]  # fmt: skip
