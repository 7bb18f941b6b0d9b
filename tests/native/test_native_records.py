"""Record types and records over the native API: one row is one request and everything expected."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from native_support import Client, Login, Row, Space

PDF = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
NOBODY = "11111111-1111-4111-8111-111111111111"
CONTRACT = {
    "name": "CONTRACT",
    "label": "Contract",
    "attributes": [
        {"id": "ct_title", "type": "text", "needed": True, "in_title": True, "max": 20},
        {"id": "ct_scan", "type": "file", "accept": ["application/pdf"], "max_size": "1KB"},
        {"id": "ct_notes", "type": "file", "multiple": True},
        {"id": "ct_state", "type": "list", "options": ["open", {"id": "done", "name": "Done"}]},
        {"id": "ct_secret", "type": "file", "visibility": "I"},
    ],
}


@pytest.fixture
def typed(api: Client) -> Any:
    return api.ok("POST", "/types", 201, json=CONTRACT)


def held(api: Client, body: bytes = PDF, **params: str) -> str:
    made = api.upload(body, params={"hold": "true", "name": "scan.pdf", **params})
    number: str = made["id"]
    return number


def make(api: Client, **body: Any) -> Any:
    body.setdefault("values", {"ct_title": "One"})
    return api.ok("POST", "/records", 201, json={"type": "contract", **body})


def test_a_document_lives_from_create_to_purge(space: Space, typed: Any) -> None:
    """Values, files, tags, lists, revisions, lock, trash, end (DY-29, DY-54, DY-55, C-10, C-16)."""
    api = space.admin
    scan, note = held(api), held(api, b"note")
    record = make(
        api,
        name="Main-1",
        files={"ct_scan": {"file": scan, "comment": "signed"}, "ct_notes": [note]},
    )
    assert record["title"] == "One"
    assert record["files"]["ct_scan"]["reference"].startswith("application/pdf|")
    assert record["files"]["ct_notes"][0]["name"] == "scan.pdf"
    for spelled in (record["id"], str(record["number"]), "main-1"):
        assert api.ok("GET", f"/records/{spelled}") == record
    assert api.ok("GET", f"/files/{scan}")["guards"] == ["linked"]
    one = f"/records/{record['id']}"
    tag = api.call("GET", one).headers["etag"]
    changed = api.call(
        "PATCH", one, json={"values": {"ct_title": "Two"}}, headers={"If-Match": tag}
    )
    assert changed.json()["title"] == "Two"
    stale = api.call("PATCH", one, json={}, headers={"If-Match": tag})
    assert (stale.status_code, stale.json()["code"]) == (412, "precondition_failed")
    frozen = api.ok("POST", f"{one}/freeze", 201)
    assert (frozen["state"], frozen["live"]) == ("frozen", record["number"])
    put = api.call("PUT", f"{one}/files/CT_SCAN/content", content=PDF + b"more")
    assert put.json()["files"]["ct_scan"]["version"] == 2
    assert put.json()["files"]["ct_scan"]["reference"] == record["files"]["ct_scan"]["reference"]
    got = api.call("GET", f"/records/{frozen['number']}/files/ct_scan/content")
    assert got.content == PDF
    assert api.call("GET", f"{one}/files/ct_scan/content").content == PDF + b"more"
    assert api.content(scan) == PDF + b"more"
    revisions = api.ok("GET", f"{one}/revisions")["revisions"]
    assert [each["number"] for each in revisions] == [frozen["number"]]
    assert api.ok("GET", one, params={"revision": 0})["title"] == "Two"
    more = api.ok("POST", f"{one}/files/ct_notes", json={"file": held(api, b"more")})
    assert len(more["files"]["ct_notes"]) == 2
    fewer = api.ok("DELETE", f"{one}/files/ct_notes", params={"row": 0})
    assert fewer["files"]["ct_notes"][0] is None
    assert api.ok("PUT", f"{one}/lock")["locked_by"] == api.ok("GET", "/me")["user"]["id"]
    assert api.ok("DELETE", f"{one}/lock")["locked_by"] is None
    assert api.ok("GET", "/records/count", params={"type": "CONTRACT"}) == {"count": 1}
    api.ok("DELETE", one, 204)
    assert api.call("GET", one).json()["code"] == "record_trashed"
    assert api.ok("GET", "/records")["records"] == []
    listed = api.ok("GET", "/records", params={"state": "trashed"})["records"]
    assert [each["number"] for each in listed] == [record["number"]]
    assert api.ok("POST", f"{one}/restore")["state"] == "live"
    api.ok("DELETE", one, 204)
    api.ok("DELETE", one, 204, params={"purge": "true"})
    assert api.call("GET", f"/files/{scan}").status_code == 404
    assert space.usage()["used"] == 0
    api.ok("DELETE", "/types/contract", 204)


def test_records_are_found_by_how_their_titles_begin(space: Space, typed: Any) -> None:
    """Whatever the case; a wildcard of the database is a character like any other."""
    api = space.admin
    for title in ("École", "ecole", "100%", "100 m", "éclair"):
        make(api, values={"ct_title": title})

    def begin(title: str, **params: Any) -> list[str]:
        asked = {"type": "contract", "order": "title", "title": title, **params}
        page = api.ok("GET", "/records", params=asked)
        assert api.ok("GET", "/records/count", params=asked) == {"count": len(page["records"])}
        return [each["title"] for each in page["records"]]

    assert begin("ÉC") == ["éclair", "École"]
    assert begin("éc", order="-title") == ["École", "éclair"]
    assert begin("100%") == ["100%"]
    assert begin("%") == begin("nothing like it") == []
    assert len(begin("")) == 5
    page = api.ok("GET", "/records", params={"title": "1", "order": "title", "limit": 1})
    last = api.ok(
        "GET", "/records", params={"title": "1", "order": "title", "cursor": page["next"]}
    )
    assert [each["title"] for each in (*page["records"], *last["records"])] == ["100 m", "100%"]
    long = api.call("GET", "/records", params={"title": "x" * 257})
    assert (long.status_code, long.json()["parameter"]) == (400, "title")


def test_pages_follow_one_another(space: Space, typed: Any) -> None:
    """By number and by title, forth and back, with a cursor (DX-10, DX-27, DY-81)."""
    api = space.admin
    for title in "bdac":
        make(api, values={"ct_title": title}, is_reference=title in "ab")
    for order, expected in (("number", "bdac"), ("-number", "cadb"), ("title", "abcd")):
        seen, cursor = "", None
        while True:
            page = api.ok(
                "GET",
                "/records",
                params={"order": order, "limit": 3} | ({"cursor": cursor} if cursor else {}),
            )
            seen += "".join(each["title"] for each in page["records"])
            cursor = page["next"]
            if cursor is None:
                break
        assert seen == expected, order
    found = api.ok("GET", "/records", params={"is_reference": "true", "type": typed["number"]})
    assert [each["title"] for each in found["records"]] == ["b", "a"]


def test_of_many_requests_for_one_file_one_gets_it(space: Space, typed: Any) -> None:
    """Over HTTP, at once: one record links the file itself, all others a file of their own or
    nothing (C-11, DX-34)."""
    file = held(space.admin)

    def attempt(number: int) -> tuple[int, Any]:
        client = Client(space.url, space.admin.token)
        wish = {"type": "CONTRACT", "values": {"ct_title": str(number)}, "share": False}
        got = client.call("POST", "/records", json=wish | {"files": {"ct_scan": file}})
        return got.status_code, got.json()

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(attempt, range(50)))
    assert [status for status, _ in answers].count(201) == 1
    refused = [answer for status, answer in answers if status != 201]
    assert {answer["code"] for answer in refused} == {"already_linked"}
    assert refused[0]["files"] == [{"field": "ct_scan", "file": file, "why": "linked"}]
    assert space.admin.ok("GET", "/records/count") == {"count": 1}


def test_a_repeated_create_answers_with_its_record(space: Space, typed: Any) -> None:
    """By its id or its Idempotency-Key; other content is refused (DX-37)."""
    api = space.admin
    wish = {"type": "CONTRACT", "values": {"ct_title": "x"}, "files": {"ct_scan": held(api)}}
    for how in ({"headers": {"Idempotency-Key": "k1"}}, {}):
        mine = {"id": "7C1E0B52-93d4-4f0a-8a6e-2b51c09d77e3"} if not how else {}
        first = api.ok("POST", "/records", 201, json=wish | mine, **how)
        again = api.ok("POST", "/records", 200, json=wish | mine, **how)
        assert again == first
        other = api.call(
            "POST", "/records", json=wish | mine | {"values": {"ct_title": "y"}}, **how
        )
        assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")
        wish["files"] = {}


BAD = [
    Row("no type", "POST", "/records", 400, json={}, code="bad_body"),
    Row("unknown type", "POST", "/records", 404, json={"type": "X"}, code="type_not_found"),
    Row("type 0", "POST", "/records", 404, json={"type": 0}, code="type_not_found"),
    Row("half a body", "POST", "/records", 400, content=b'{"type": "CON', code="bad_body"),
    Row("unknown member", "POST", "/records", 400, json={"type": "CONTRACT", "x": 1},
        code="bad_body"),
    Row("values as list", "POST", "/records", 400, json={"type": "CONTRACT", "values": []},
        code="bad_body"),
    Row("bad id", "POST", "/records", 400, json={"type": "CONTRACT", "id": "x"},
        code="bad_parameter", parameter="id"),
    Row("bad name", "POST", "/records", 400,
        json={"type": "CONTRACT", "name": "files", "values": {"ct_title": "x"}}, code="bad_name"),
    Row("future version", "POST", "/records", 400, json={"type": "CONTRACT", "type_version": 9},
        code="bad_parameter", parameter="type_version"),
    Row("bad time", "POST", "/records", 400, json={"type": "CONTRACT", "data_created_at": "noon"},
        code="bad_parameter", parameter="data_created_at"),
    Row("too far north", "POST", "/records", 400, json={"type": "CONTRACT", "latitude": 91},
        code="bad_body"),
    Row("a field for nothing", "POST", "/records", 422, code="constraint_failed",
        json={"type": "CONTRACT", "values": {"ct_title": "x" * 21, "ct_state": ["lost"], "no": 1}},
        says={"failures": [
            {"field": "no", "code": "unknown_field", "message": "There is no such field."},
            {"field": "ct_title", "code": "too_large", "message": "At most 20 is accepted."},
            {"field": "ct_state", "code": "unknown_option",
             "message": "'lost' is not one of the choices."},
        ]}),
    Row("nothing at all", "POST", "/records", 422, json={"type": "CONTRACT"},
        code="constraint_failed",
        says={"failures": [{"field": "ct_title", "code": "required",
                            "message": "A value is needed."}]}),
    Row("an unknown file", "POST", "/records", 400, code="link_refused",
        json={"type": "CONTRACT", "values": {"ct_title": "x"}, "files": {"ct_scan": "x"}}),
    Row("a file of the wrong type", "POST", "/records", 422, code="constraint_failed",
        json={"type": "CONTRACT", "values": {"ct_title": "x"}, "files": {"ct_scan": "{text}"}}),
    Row("a hidden field", "PATCH", "/records/{record}", 403, json={"files": {"ct_secret": None}},
        code="right_missing", says={"right": "modify"}),
    Row("values of another kind", "PATCH", "/records/{record}", 422,
        json={"values": {"ct_title": {"a": 1}}}, code="constraint_failed"),
    Row("a needed field emptied", "PUT", "/records/{record}", 422, json={},
        code="constraint_failed"),
    Row("another's file", "PUT", "/records/{record}/files/ct_scan", 400,
        json={"file": NOBODY}, code="link_refused"),
    Row("no such field", "PUT", "/records/{record}/files/nope", 404,
        json={"file": NOBODY}, code="field_not_found"),
    Row("not a field for files", "PUT", "/records/{record}/files/ct_title", 400,
        json={"file": NOBODY}, code="bad_parameter", parameter="field"),
    Row("a row too far", "PUT", "/records/{record}/files/ct_notes?row=1000", 400,
        json={"file": NOBODY}, code="bad_parameter", parameter="row"),
    Row("a row too many", "PUT", "/records/{record}/files/ct_scan?row=0", 400,
        json={"file": NOBODY}, code="bad_parameter", parameter="index"),
    Row("nothing there", "DELETE", "/records/{record}/files/ct_scan", 404, code="link_not_found"),
    Row("nothing to read", "GET", "/records/{record}/files/ct_scan/content", 404,
        code="link_not_found"),
    Row("nothing hidden to read", "GET", "/records/{record}/files/ct_secret/content", 404,
        code="link_not_found"),
    Row("nothing to replace", "PUT", "/records/{record}/files/ct_scan/content", 404,
        content=b"x", code="link_not_found"),
    Row("not in the trash", "POST", "/records/{record}/restore", 409, code="wrong_state"),
    Row("a bad entry", "PUT", "/records/{record}/acl", 400, json={"view": ["bob"]},
        code="bad_parameter", parameter="acl"),
    Row("a bad cursor", "GET", "/records?cursor=W10", 400, code="bad_cursor"),
    Row("a bad order", "GET", "/records?order=size", 400, code="bad_parameter", parameter="order"),
    Row("a frozen list", "GET", "/records?state=frozen", 400, code="bad_parameter",
        parameter="state"),
    Row("a large number", "GET", "/records/99999999999999999", 404, code="record_not_found"),
    Row("a type twice", "POST", "/types", 409, json=CONTRACT, code="name_taken"),
    Row("a type of no kind", "POST", "/types", 400, code="bad_body",
        json={"name": "B", "fields": [{"id": "a", "type": "colour"}]}),
    Row("two words for fields", "POST", "/types", 400, code="bad_parameter", parameter="fields",
        json={"name": "B", "fields": [{"id": "a", "type": "int"}],
              "attributes": [{"id": "b", "type": "int"}]}),
    Row("a bad size", "POST", "/types", 400, code="bad_parameter", parameter="max_size",
        json={"name": "B", "fields": [{"id": "a", "type": "file", "max_size": "big"}]}),
    Row("a costly pattern", "POST", "/types", 400, code="bad_parameter", parameter="fields",
        json={"name": "B", "fields": [{"id": "a", "type": "file", "name_regex": "(a*)*$"}]}),
    Row("a used field gone", "PUT", "/types/CONTRACT", 409, json={"name": "CONTRACT"},
        code="type_in_use"),
    Row("a used type gone", "DELETE", "/types/CONTRACT", 409, code="type_in_use"),
    Row("nobody in a group", "PUT", "/groups/legal", 400, json={"members": []}, code="bad_body"),
    Row("a stranger in a group", "PUT", "/groups/legal", 404, json={"members": ["x@example.org"]},
        code="user_not_found"),
]  # fmt: skip


def test_bad_requests_leave_nothing_behind(space: Space, typed: Any) -> None:
    """Each refusal says its rule; no row, no link, no byte more (C-41, DX-38, DY-59)."""
    api = space.admin
    record = make(api)
    text = held(api, b"only words")
    before = (space.state(), api.ok("GET", "/records"), api.ok("GET", "/types"))
    for row in BAD:
        if row.json is not None and "{text}" in str(row.json):
            row.json["files"] = {"ct_scan": text}
        row.run(api, record=record["id"])
        assert (space.state(), api.ok("GET", "/records"), api.ok("GET", "/types")) == before, (
            row.name
        )


def test_a_replacement_must_fit_its_field(space: Space, typed: Any) -> None:
    """Type, size and digest are checked before anything changes; other doors are shut (C-12,
    DY-25, DY-61)."""
    api = space.admin
    record = make(api, files={"ct_scan": (scan := held(api))})
    content = f"/records/{record['id']}/files/ct_scan/content"
    for body, send, status, code in (
        (b"words", {}, 422, "constraint_failed"),
        (PDF + bytes(1000), {}, 422, "constraint_failed"),
        (PDF + b"x", {"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="}, 400, "digest_mismatch"),
        (PDF + b"x", {"If-Match": '"other"'}, 412, "precondition_failed"),
    ):
        got = api.call("PUT", content, content=body, headers=send)
        assert (got.status_code, got.json()["code"]) == (status, code)
    for method, path, body in (
        ("PUT", f"/files/{scan}/content", b"x"),
        ("DELETE", f"/files/{scan}", None),
        ("PATCH", f"/files/{scan}", b'{"name": "b.pdf"}'),
    ):
        assert api.call(method, path, content=body).json()["code"] == "file_protected"
    assert api.content(scan) == PDF
    etag = api.call("GET", content).headers["etag"]
    assert (
        api.call("PUT", content, content=PDF + b"x", headers={"If-Match": etag}).status_code == 200
    )


def test_acls_groups_and_roles(space: Space, typed: Any, logins: list[Login]) -> None:
    """An ACL holds for records, their files and lists, under each role (C-02, C-04, DY-56)."""
    api = space.admin
    writer, reader, other = (
        space.member(login, role)
        for login, role in zip(logins, ("writer", "reader", "writer"), strict=True)
    )
    api.ok("PUT", "/groups/legal", json={"members": [logins[0].email, logins[1].email]})
    rules = {"view": ["group:legal"], "edit": ["group:legal"], "create": ["group:legal"]}
    api.ok("PUT", "/types/CONTRACT", json=CONTRACT | {"acl": rules})
    scan = held(writer)
    record = make(writer, files={"ct_scan": scan})
    one = f"/records/{record['id']}"
    for client, sees, writes in ((writer, 200, 200), (reader, 200, 403), (other, 403, 403)):
        assert client.call("GET", one).status_code == sees
        assert client.call("GET", f"{one}/files/ct_scan/content").status_code == sees
        assert (client.call("GET", f"/files/{scan}/content").status_code == 200) == (sees == 200)
        assert len(client.ok("GET", "/records")["records"]) == int(sees == 200)
        assert client.call("PATCH", one, json={}).status_code == writes
    for path, body in (
        ("/types", {"name": "B"}),
        (f"{one}/acl", {}),
        ("/groups/b", {"members": ["x"]}),
    ):
        method = "POST" if path == "/types" else "PUT"
        assert writer.call(method, path, json=body).json()["code"] == "right_missing", path
    got = other.call("POST", "/records", json={"type": "CONTRACT"})
    assert (got.status_code, got.json()["right"]) == (403, "create")
    api.ok("DELETE", "/groups/legal", 204)
    assert writer.call("GET", f"/files/{scan}").status_code == 404
    api.ok("PUT", f"{one}/acl", json={})
    assert other.call("GET", f"/files/{scan}/content").content == PDF
    assert other.call("DELETE", one, params={"purge": "true"}).json()["code"] == "right_missing"


def test_types_are_applied_together(space: Space) -> None:
    """All or none; what is applied again changes nothing (DY-60)."""
    api = space.admin
    bad = {"name": "B", "fields": [{"id": "Bad Id", "type": "int"}]}
    got = api.call("PUT", "/types", json={"types": [CONTRACT, bad]})
    assert (got.status_code, got.json()["parameter"]) == (400, "fields")
    assert api.ok("GET", "/types")["types"] == []
    for outcomes in (["created", "created"], ["unchanged", "unchanged"]):
        done = api.ok("PUT", "/types", json={"types": [CONTRACT, {"name": "B"}]})["types"]
        assert [each["outcome"] for each in done] == outcomes
    shown = api.ok("GET", "/types/contract")
    assert shown["fields"][1]["max_size"] == 1000
    form = {"name": "CONTRACT", "label": shown["label"], "fields": shown["fields"]}
    assert api.ok("PUT", "/types/CONTRACT", json=form)["version"] == 1
    assert len(api.ok("GET", "/types/CONTRACT/versions")["versions"]) == 1
