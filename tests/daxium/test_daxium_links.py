"""Single use: a file is claimed by one record, once, against every door and under races."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import pytest
from daxium_support import (
    NOBODY,
    PNG,
    Instance,
    Structure,
    apply_type,
    client,
    found_instance,
    good,
    new_user,
    refused,
)
from tests.parts.server import KEY, RunningServer, ServerStarter

from consigne.model.identity import Kind, from_uuid, to_letters

PHOTO = {"id": "photo", "type": "image", "multiple": True}
FILE = {"id": "doc", "type": "file", "multiple": True}
PDF = b"%PDF-1.4\n%\xe2\xe3\n1 0 obj\n<<>>\nendobj\n%%EOF\n"


@pytest.fixture
def form(instance: Instance) -> Structure:
    """A structure with photos and documents."""
    return instance.structure(PHOTO, FILE, {"id": "title", "type": "text"})


def linked(uuid: str, field: str = "photo") -> list[dict[str, str]]:
    return [{"field": field, "file": uuid}]


def test_life(form: Structure) -> None:
    """DX-30, DX-31, DX-36, case 5, case 11: held, kept, released; never used again."""
    instance = form.instance
    uuid = instance.upload()
    assert instance.state(uuid) == "held"
    body = form.create(photo=[uuid])
    kept = instance.file(uuid)
    assert (kept["state"], kept["expires_at"]) == ("kept", None)
    refused(form.post(items={"photo": [uuid]}), 409, "FIL005", linked(uuid))
    assert form.count() == 1
    assert instance.books() == (len(PNG), 0)
    assert instance.admin.delete(f"{form.path}/{body['id']}").status_code == 204
    # Gone from this API at once, its quota free, and not to be had again.
    refused(instance.admin.get(f"{form.path}/{body['id']}/file/{uuid}"), 404, "SUB001")
    assert instance.state(uuid) == "released"
    assert instance.books() == (0, 0)
    refused(form.post(items={"photo": [uuid]}), 409, "FIL005", linked(uuid))
    # An administrator can bring it back during the grace; it still was used.
    good(instance.admin.post(f"/consigne/v1/files/{uuid}/restore"))
    assert instance.books() == (len(PNG), 0)
    refused(form.post(items={"photo": [uuid]}), 409, "FIL005", linked(uuid))


def test_purged(form: Structure) -> None:
    """DX-32: after the purge nothing is known of it any more."""
    instance = form.instance
    uuid = instance.upload()
    body = form.create(photo=[uuid])
    instance.admin.delete(f"{form.path}/{body['id']}")
    got = instance.admin.delete(f"/consigne/v1/files/{uuid}", params={"purge": "true"})
    assert (got.status_code, instance.state(uuid)) == (204, "gone")
    refused(form.post(items={"photo": [uuid]}), 400, "FIL004", linked(uuid))


def test_unlinked(form: Structure) -> None:
    """DX-33, DX-36: taken out of the record it goes, and cannot come back."""
    instance = form.instance
    one, two = instance.upload(), instance.upload(PNG + b"2")
    body = form.create(photo=[one, two])
    path = f"{form.path}/{body['id']}"
    put = good(instance.admin.patch(path, json={"items": {"photo": [two]}}))
    assert [file["id"] for file in put["items"]["photo"]] == [two]
    assert instance.state(one) == "released"
    refused(instance.admin.get(f"{path}/file/{one}"), 404, "FIL007", [])
    for method in ("PUT", "PATCH"):
        got = instance.admin.request(method, path, json={"items": {"photo": [two, one]}})
        refused(got, 409, "FIL005", linked(one))
    assert good(instance.admin.get(path)) == put


def test_sent_again_and_moved(form: Structure) -> None:
    """DX-28, DX-33, case 7: its own file is no second use, in another field neither."""
    instance = form.instance
    uuid = instance.upload()
    body = form.create(photo=[{"uuid": uuid.upper(), "name": "a.png", "comment": "one"}])
    path = f"{form.path}/{body['id']}"
    item = {"id": uuid, "name": "a.png", "mimeType": "image/png", "extension": "png",
            "size": len(PNG), "comment": "one"}  # fmt: skip
    assert body["items"] == {"photo": [item]}
    for sent in ([uuid], [{"id": uuid}], [{"uuid": uuid}], [item], [{"id": uuid, "size": 5}], uuid):
        put = good(instance.admin.put(path, json={"items": {"photo": sent}}))
        assert put["items"] == {"photo": [item]}
    renamed = {"id": uuid, "name": "../b.PNG", "comment": ""}
    put = good(instance.admin.put(path, json={"items": {"photo": [renamed]}}))
    item |= {"name": "b.PNG", "extension": "png", "comment": ""}
    assert put["items"] == {"photo": [item]}
    moved = good(instance.admin.put(path, json={"items": {"doc": [uuid]}}))
    assert moved["items"] == {"doc": [item]}
    assert instance.state(uuid) == "kept"
    both = {"items": {"doc": [uuid], "photo": [uuid]}}
    got = refused(instance.admin.put(path, json=both), 409, "FIL005")
    assert got["infos"][0]["file"] == uuid
    refused(instance.admin.patch(path, json={"items": {"doc": [uuid, uuid]}}), 409, "FIL005")
    assert good(instance.admin.get(path)) == moved


def test_twice_in_one_request(form: Structure) -> None:
    """DX-33, case 7: one uuid in two places of one new record."""
    uuid = form.instance.upload()
    for items in ({"photo": [uuid, uuid.upper()]}, {"photo": [uuid], "doc": [uuid]}):
        refused(form.post(items=items), 409, "FIL005")
    assert form.instance.state(uuid) == "held"
    assert form.count() == 0
    form.create(photo=[uuid])


def test_all_or_none(form: Structure, stranger: Instance) -> None:
    """DX-32, DX-34, DX-38, case 6, case 10: unknown ones are all told alike; nothing is made."""
    instance = form.instance
    mine, theirs = instance.upload(), stranger.upload()
    token = instance.person().http
    bad = [NOBODY, theirs, "7c1e0b52-93d4-4f0a-8a6e-2b51c09d77e3"]
    body = refused(form.post(token, items={"photo": [mine, *bad]}), 400, "FIL004")
    assert body["infos"] == [{"field": "photo", "file": each} for each in bad]
    items = {"photo": [NOBODY.upper()], "doc": [mine, NOBODY]}
    body = refused(form.post(items=items), 400, "FIL004")
    assert body["infos"] == [*linked(NOBODY.upper()), *linked(NOBODY, "doc")]
    assert instance.state(mine) == "held"
    assert form.count() == 0
    assert good(stranger.admin.get(f"/consigne/v1/files/{theirs}"))["state"] == "held"


def test_precedence(form: Structure) -> None:
    """DX-38: shape, then unknown, then linked, then type; only that class is told."""
    instance = form.instance
    used, text = instance.upload(), instance.upload(b"plain text\n")
    form.create(photo=[used])
    wrong: list[Any] = [text]
    refused(form.post(items={"photo": wrong}), 400, "FIL006")
    refused(form.post(items={"photo": [*wrong, used]}), 409, "FIL005", linked(used))
    body = form.post(items={"photo": [*wrong, used, NOBODY]})
    refused(body, 400, "FIL004", linked(NOBODY))
    body = form.post(items={"photo": [*wrong, used, NOBODY], "title": 5})
    assert [i["field"] for i in refused(body, 400, "API1000")["infos"]] == ["title"]
    assert instance.state(text) == "held"


def test_types(instance: Instance) -> None:
    """DX-35, case 6: images by their bytes, whatever was declared; accept of the field."""
    made = instance.structure(
        PHOTO, {"id": "sign", "type": "signature"},
        {"id": "doc", "type": "file", "accept": ["application/pdf", ".csv"]},
        {"id": "any", "type": "file"},
    )  # fmt: skip
    liar = instance.upload(PDF, Content_Type="image/png")
    body = refused(made.post(items={"photo": [liar], "sign": [liar]}), 409, "FIL005")
    body = refused(made.post(items={"photo": [liar]}), 400, "FIL006")
    assert body["infos"] == [{"field": "photo", "file": liar, "mime": "application/pdf"}]
    refused(made.post(items={"sign": [liar]}), 400, "FIL006")
    image = instance.upload(Content_Type="application/pdf")
    assert made.create(photo=[image])["items"]["photo"][0]["mimeType"] == "application/pdf"
    refused(made.post(items={"doc": [instance.upload()]}), 400, "FIL006")
    for uuid in (
        instance.upload(PDF),
        instance.upload(b"a;b\n1;2\n", Content_Disposition="attachment; filename=a.CSV"),
    ):
        made.create(doc=[uuid])
    heic = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(64)
    made.create(photo=[instance.upload(heic)])
    made.create(any=[liar])
    two = [instance.upload(PNG + b"a"), instance.upload(PNG + b"b")]
    for field in ("sign", "any"):
        body = refused(made.post(items={field: two}), 400, "API1000")
        assert body["infos"][0]["field"] == field


def test_a_hundred_files(form: Structure) -> None:
    """DX-54: as many as a field has room for, in their order; one more is refused."""
    uuids = [form.instance.upload(b"%d" % n) for n in range(101)]
    refused(form.post(items={"doc": uuids}), 400, "API1000")
    body = form.create(doc=uuids[:100])
    assert [file["id"] for file in body["items"]["doc"]] == uuids[:100]


def test_files_of_other_doors(form: Structure) -> None:
    """DX-32, C-11: a file that another door keeps and nobody ever linked may be linked."""
    instance = form.instance
    http = instance.admin
    native = good(
        http.post("/consigne/v1/files", params={"name": "n.txt"}, content=b"native"), 201
    )["id"]
    body = form.create(doc=[native])
    assert body["items"]["doc"][0]["name"] == "n.txt"
    # Unlinking takes the record's reason only: the other door still keeps it.
    http.delete(f"{form.path}/{body['id']}")
    assert instance.file(native)["state"] == "kept"
    got = http.get(f"/consigne/v1/files/{native}/content")
    assert got.content == b"native"
    refused(form.post(items={"doc": [native]}), 409, "FIL005", linked(native, "doc"))


def test_against_every_door(form: Structure) -> None:
    """DX-31, case 11, C-04, C-12: others may read it, but neither change, delete nor link it."""
    instance = form.instance
    uuid = instance.upload(Content_Disposition='attachment; filename="a.png"')
    body = form.create(photo=[uuid])
    http = instance.admin
    native = f"/consigne/v1/files/{uuid}"
    assert http.get(f"{native}/content").content == PNG
    for got in (
        http.delete(native),
        http.patch(native, json={"name": "b.png"}),
        http.put(f"{native}/content", content=b"other"),
    ):
        assert (got.status_code, got.json()["code"]) == (409, "file_protected"), got.text
    shown = good(http.get(f"{form.path}/{body['id']}"))
    assert shown == body
    assert http.get(f"{form.path}/{body['id']}/file/{uuid}").content == PNG


def test_through_appmixer(server: RunningServer) -> None:
    """DX-31, C-13: Appmixer's delete is refused with its own conflict."""
    instance = found_instance(server)
    form = instance.structure(PHOTO)
    email, _ = new_user(server.url)
    operator = client(server.url, KEY)
    place = f"/consigne/v1/spaces/{instance.short}/members/{email}"
    good(operator.put(place, json={"role": "manager"}))
    key = good(
        instance.admin.post("/consigne/v1/keys", json={"name": "k", "space": instance.short}), 201
    )["key"]
    http = client(server.url, key)
    uuid = instance.upload(http=http)
    form.create(http, photo=[uuid])
    assert http.get(f"/files/{uuid}").content == PNG
    got = http.delete(f"/files/{uuid}")
    assert got.status_code == 409, got.text
    assert got.json()["details"]["code"] == "file_protected"
    assert instance.state(uuid) == "kept"


def test_through_arrhes(form: Structure) -> None:
    """DX-31, C-12: Arrhes reads it under any year, and its delete is refused in its own words."""
    instance = form.instance
    uuid = instance.upload()
    form.create(photo=[uuid])
    http = instance.admin
    me = good(http.get("/organizations/me"))["id"]
    days = {"startingAt": "2026-01-01", "endingAt": "2026-12-31"}
    year = good(http.post(f"/organizations/{me}/years", json=days))["id"]
    letters = _letters(uuid)
    path = f"/organizations/{me}/years/{year}/files/{letters}"
    assert good(http.get(path))["size"] == len(PNG)
    got = http.delete(path)
    assert (got.status_code, got.json()["cause"]) == (409, "file_protected")
    assert instance.state(uuid) == "kept"


def test_through_dynacase(form: Structure) -> None:
    """DX-31, DX-32, C-11: a used photo is no document's; an unused one may become it, once."""
    instance = form.instance
    http = instance.admin
    family = {"name": "CONTRACT", "dialect": "dynacase"}
    apply_type(instance, {**family, "fields": [{"id": "ct_scan", "type": "file"}]})

    def save(uuid: str) -> httpx.Response:
        reference = f"image/png|{_number(uuid)}|a.png"
        attributes = {"ct_scan": {"value": reference}}
        return http.post("/api/families/CONTRACT", json={"attributes": attributes})

    used, unused = instance.upload(), instance.upload(PNG + b"2")
    form.create(photo=[used])
    got = save(used)
    assert (got.status_code, got.json()["messages"][0]["code"]) == (400, "API0104"), got.text
    assert instance.state(used) == "kept"
    assert save(unused).status_code < 300
    assert instance.state(unused) == "kept"
    refused(form.post(items={"photo": [unused]}), 409, "FIL005", linked(unused))
    assert save(unused).status_code == 400


def test_on_hold(form: Structure) -> None:
    """DX-36, C-12: what is under a legal hold neither leaves its submission nor goes with it."""
    instance = form.instance
    uuid = instance.upload()
    body = form.create(photo=[uuid])
    path, http = f"{form.path}/{body['id']}", instance.admin
    good(http.put(f"/consigne/v1/files/{uuid}/hold", json={"reason": "lawsuit"}))
    refused(http.delete(path), 409, "GEN409")
    refused(http.patch(path, json={"items": {"photo": []}}), 409, "GEN409")
    assert good(http.get(path)) == body
    assert http.delete(f"/consigne/v1/files/{uuid}/hold").status_code in (200, 204)
    assert http.delete(path).status_code == 204


def _letters(uuid: str) -> str:
    return to_letters(_number(uuid))


def _number(uuid: str) -> int:
    number = from_uuid(Kind.FILE, uuid)
    assert number is not None
    return number


def test_twenty_at_once(form: Structure) -> None:
    """DX-34, case 5: of twenty parallel creates one wins, and the others leave nothing."""
    people = [form.instance.person().http for _ in range(4)]
    for _ in range(3):
        before, uuid = form.count(), form.instance.upload(os.urandom(100))

        def create(number: int, uuid: str = uuid) -> httpx.Response:
            return form.post(people[number % 4], items={"doc": [uuid], "title": str(number)})

        with ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(create, range(20)))
        assert sorted(a.status_code for a in answers) == [200] + [409] * 19
        for answer in answers:
            if answer.status_code == 409:
                refused(answer, 409, "FIL005", linked(uuid, "doc"))
        assert form.count() == before + 1


def test_two_records_want_each_others_files(form: Structure) -> None:
    """DX-34: changes that cross end, with one of the two refused each time, and nothing lost."""
    instance = form.instance
    one, two = instance.upload(b"one"), instance.upload(b"two")
    first, second = form.create(doc=[one]), form.create(doc=[two])

    def change(which: tuple[str, list[str]]) -> int:
        body = {"items": {"doc": which[1]}}
        return instance.admin.patch(f"{form.path}/{which[0]}", json=body).status_code

    with ThreadPoolExecutor(8) as pool:
        wishes = [(first["id"], [one, two]), (second["id"], [two, one])] * 4
        assert set(pool.map(change, wishes)) == {409}
    assert form.look(first["id"]) == first
    assert form.look(second["id"]) == second


def test_another_door_deletes_at_the_same_time(form: Structure) -> None:
    """DX-31, DX-34, case 11: the link or the delete wins, and the other gets its conflict."""
    instance = form.instance
    for _ in range(12):
        data = os.urandom(64)
        uuid = instance.upload(data)
        with ThreadPoolExecutor(2) as pool:
            link = pool.submit(form.post, items={"doc": [uuid]})
            delete = pool.submit(instance.admin.delete, f"/consigne/v1/files/{uuid}")
        told = (link.result().status_code, delete.result().status_code)
        if told[0] == 200:
            assert told[1] == 409
            path = f"{form.path}/{link.result().json()['id']}/file/{uuid}"
            assert instance.admin.get(path).content == data
        else:
            refused(link.result(), 400, "FIL004", linked(uuid, "doc"))
            assert told[1] == 204
            assert instance.state(uuid) == "released"


def test_changes_and_a_delete_at_the_same_time(form: Structure) -> None:
    """DX-26, DX-27, DX-34: what comes after the delete is 404; no file is left behind."""
    instance = form.instance
    for _ in range(4):
        uuids = [instance.upload(os.urandom(64)) for _ in range(6)]
        path = f"{form.path}/{form.create()['id']}"

        def change(uuid: str, path: str = path) -> int:
            body = {"items": {"doc": [uuid]}}
            return instance.admin.patch(path, json=body).status_code

        with ThreadPoolExecutor(8) as pool:
            changes = [pool.submit(change, uuid) for uuid in uuids]
            deletes = [pool.submit(instance.admin.delete, path) for _ in range(2)]
        assert {each.result() for each in changes} <= {200, 404}
        assert sorted(each.result().status_code for each in deletes) == [204, 404]
        refused(instance.admin.get(path), 404, "SUB001")
        for uuid, each in zip(uuids, changes, strict=True):
            expected = "released" if each.result() == 200 else "held"
            assert instance.state(uuid) == expected


def test_expiry_racing_a_link(start_server: ServerStarter) -> None:
    """DX-21, DX-34, case 11: linked in time or unknown; bytes of a linked file are there."""
    server = start_server(
        env={"CONSIGNE_DAXIUM_HOLD_EXPIRY": "0.4", "CONSIGNE_SWEEP_EVERY": "0.02"}
    )
    instance = found_instance(server)
    form = instance.structure(FILE)
    outcomes = set()
    for number in range(25):
        data = os.urandom(64)
        uuid = instance.upload(data)
        time.sleep(0.3 + (number % 9) * 0.02)
        got = form.post(items={"doc": [uuid]})
        outcomes.add(got.status_code)
        if got.status_code == 200:
            path = f"{form.path}/{got.json()['id']}/file/{uuid}"
            assert instance.admin.get(path).content == data
        else:
            refused(got, 400, "FIL004", linked(uuid, "doc"))
    time.sleep(1)
    for submission in good(
        instance.admin.get(form.path, params={"structure_id": form.id, "limit": 100})
    )["submissions"]:
        (file,) = submission["items"]["doc"]
        path = f"{form.path}/{submission['id']}/file/{file['id']}"
        assert instance.admin.get(path).status_code == 200
    assert outcomes <= {200, 400}


def test_killed_in_a_create(start_server: ServerStarter) -> None:
    """DX-34, DX-37, case 8: after kill -9 there is the record with its link, or neither."""
    server = start_server()
    instance = found_instance(server)
    form = instance.structure(FILE)
    for delay in (0.0, 0.002, 0.005, 0.01, 0.02):
        uuid, wish = instance.upload(os.urandom(50)), str(uuid4())
        before = form.count()
        killer = threading.Timer(delay, server.kill9)
        killer.start()
        try:
            answered = form.post(id=wish, items={"doc": [uuid]}).status_code == 200
        except httpx.HTTPError:
            answered = False
        killer.join()
        server.start()
        there = form.count() > before
        assert there or not answered
        assert instance.state(uuid) == ("kept" if there else "held")
        # Sent again, it is the same one.
        again = good(form.post(id=wish, items={"doc": [uuid]}))
        assert again["items"]["doc"][0]["id"] == uuid
        assert form.count() == before + 1


def test_quarantined(form: Structure) -> None:
    """DX-35, C-25: neither linked nor sent, with its own code."""
    instance = form.instance
    held, used = instance.upload(b"held"), instance.upload(b"used")
    body = form.create(doc=[used])
    for uuid in (held, used):
        path = f"/consigne/v1/files/{uuid}/quarantine"
        good(instance.admin.put(path, json={"reason": "scan"}))
    refused(form.post(items={"doc": [held]}), 422, "FIL008", [{"file": held}])
    path = f"{form.path}/{body['id']}/file/{used}"
    refused(instance.admin.get(path), 422, "FIL008", [{"file": used}])
    assert form.count() == 1


# Downloads


@pytest.fixture
def photo(form: Structure) -> tuple[Instance, str, bytes]:
    """A linked PNG: its instance, its path and its bytes."""
    data = PNG + os.urandom(400_000)
    uuid = form.instance.upload(data, Content_Type="image/png")
    body = form.create(photo=[{"id": uuid, "name": "façade.png"}])
    return form.instance, f"{form.path}/{body['id']}/file/{uuid}", data


def test_download(photo: tuple[Instance, str, bytes]) -> None:
    """DX-29, case 9: bytes, type, name, ETag; HEAD, ranges, conditions."""
    instance, path, data = photo
    http = instance.person("reader").http
    got = http.get(path)
    assert (got.status_code, got.content) == (200, data)
    assert got.headers["content-type"] == "image/png"
    assert got.headers["content-disposition"] == (
        "inline; filename=\"facade.png\"; filename*=UTF-8''fa%C3%A7ade.png"
    )
    assert got.headers["x-content-type-options"] == "nosniff"
    tag = got.headers["etag"]
    assert len(tag) == 66
    head = http.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(data))
    part = http.get(path, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, data[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{len(data)}"
    assert http.get(path, headers={"If-None-Match": tag}).status_code == 304
    since = {"If-Modified-Since": got.headers["last-modified"]}
    assert http.get(path, headers=since).status_code == 304
    refused(http.get(path, headers={"If-Match": '"x"'}), 412, "GEN412", [])
    got = http.get(path, headers={"Range": f"bytes={len(data)}-"})
    refused(got, 416, "GEN416", [])
    assert got.headers["content-range"] == f"bytes */{len(data)}"


def test_uuids_in_any_case(photo: tuple[Instance, str, bytes]) -> None:
    """DX-14, DX-29: both ids of the path are read in any case."""
    instance, path, data = photo
    start, submission, file, uuid = path.rsplit("/", 3)
    assert instance.admin.get(f"{start}/{submission.upper()}/{file}/{uuid.upper()}").content == data


def test_active_content(form: Structure) -> None:
    """DX-29, case 9: HTML and SVG are attachments in a sandbox, whatever they are called."""
    for data, declared in (
        (b"<html><script>alert(1)</script></html>", "text/html"),
        (b"<html><script>alert(1)</script></html>", "image/png"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "image/svg+xml"),
    ):
        uuid = form.instance.upload(data, Content_Type=declared)
        body = form.create(doc=[uuid])
        got = form.instance.admin.get(f"{form.path}/{body['id']}/file/{uuid}")
        assert got.content == data
        assert got.headers["content-type"] == declared
        assert got.headers["content-disposition"].startswith("attachment")
        assert "sandbox" in got.headers["content-security-policy"]


def test_files_that_are_not_there(form: Structure, stranger: Instance) -> None:
    """DX-29, DX-51: another record's file, a held one, none at all: FIL007, all alike."""
    instance = form.instance
    mine, held = instance.upload(b"mine"), instance.upload(b"held")
    body, other = form.create(doc=[mine]), form.create()
    path = f"{form.path}/{other['id']}/file"
    for uuid in (mine, held, NOBODY, "x", "0" * 36):
        refused(instance.admin.get(f"{path}/{uuid}"), 404, "FIL007", [])
        assert instance.admin.head(f"{path}/{uuid}").status_code == 404
    place = f"{form.path}/{body['id']}/file/{mine}"
    refused(stranger.admin.get(place), 404, "APP001", [])
    refused(httpx.get(instance.url + place), 401, "AUT001", [])
    for method in ("PUT", "POST", "DELETE"):
        refused(instance.admin.request(method, place), 405, "GEN405", [])


def test_a_hidden_file(instance: Instance) -> None:
    """DX-29, C-04: what stands in a field that nobody may see is not there."""
    made = instance.structure(FILE)
    uuid = instance.upload(b"x")
    body = made.create(doc=[uuid])
    made.change({**FILE, "visibility": "I"})
    assert made.look(body["id"])["items"] == {}
    refused(instance.admin.get(f"{made.path}/{body['id']}/file/{uuid}"), 404, "FIL007", [])
