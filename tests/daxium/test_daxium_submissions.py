"""Submissions: what goes in comes out, versions, lists, repeats, and everything that is refused."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from daxium_support import NOBODY, PNG, Instance, Structure, good, raw_request, refused
from tests.parts.server import NUL

TEXT = {"id": "title", "type": "text"}
PHOTO = {"id": "photo", "type": "image", "multiple": True}
UNKNOWN = "There is no such field."


@pytest.fixture
def form(instance: Instance) -> Structure:
    """A structure with a text and photos."""
    return instance.structure(TEXT, PHOTO)


def test_a_submission(form: Structure) -> None:
    """DX-23, DX-24, DX-25: every key in its order; numbers by the server."""
    person, uuid = form.instance.person(), form.instance.upload(Content_Type="image/png")
    got = form.post(
        person.http,
        items={"title": "Façade", "photo": [{"id": uuid, "name": "façade.png", "comment": "est"}]},
        data_created_at=1760615000,
        latitude=48.85,
        longitude=2.35,
    )
    body = good(got)
    assert list(body) == [
        "id", "structure_id", "structure_version", "created_at", "updated_at", "data_created_at",
        "data_updated_at", "user_id", "channels", "items", "submission_number",
        "number_in_structure", "latitude", "longitude", "partial", "reference",
    ]  # fmt: skip
    assert (body["structure_id"], body["structure_version"]) == (form.id, 1)
    assert abs(body["created_at"] - time.time()) < 100
    assert body["updated_at"] == body["created_at"]
    assert body["data_created_at"] == 1760615000
    assert body["user_id"] == str(person.number)
    assert body["channels"] == []
    assert body["items"] == {
        "title": "Façade",
        "photo": [
            {"id": uuid, "name": "façade.png", "mimeType": "image/png", "extension": "png",
             "size": len(PNG), "comment": "est"},
        ],
    }  # fmt: skip
    assert (body["submission_number"], body["number_in_structure"]) == (1, 1)
    assert (body["latitude"], body["longitude"]) == (48.85, 2.35)
    assert (body["partial"], body["reference"]) == (False, False)
    assert form.look(body["id"]) == body
    assert form.look(body["id"].upper()) == body


def test_numbers(form: Structure) -> None:
    """DX-24: one series per instance, one per structure."""
    other = form.instance.structure(TEXT)
    made = [form.create(), other.create(), form.create(), other.create()]
    told = [(body["submission_number"], body["number_in_structure"]) for body in made]
    assert told == [(1, 1), (2, 1), (3, 2), (4, 2)]


VALUES: list[tuple[Any, Any, Any]] = [
    ("text", "é\n€", "é\n€"), ("text", ["a"], "a"), ("longtext", "x" * 10_000, "x" * 10_000),
    ("email", "a@example.org", "a@example.org"), ("double", 1.5, 1.5), ("double", 3, 3),
    ("int", 4, 4), ("int", 4.0, 4), ("int", [7], 7), ("boolean", False, False),
    ("timestamp", 1760616000, 1760616000), ("timestamp", -5, -5),
    ("date", 1760616000, 1760572800), ("date", -1, -86400),
    ("duration", 90_000, 90_000), ("phone", "tel:+33-1-23-45", "tel:+33-1-23-45"),
    ("phone", "+33 1 23 45", "tel:+33-1-23-45"), ("phone", "0123456789", "0123456789"),
    ("location", {"lat": 1.5, "lng": -2}, {"lat": 1.5, "lng": -2, "address": None}),
    ("location", {"lat": 0, "lng": 0, "address": "Rue X"}, {"lat": 0, "lng": 0,
                                                            "address": "Rue X"}),
    ("location", [{"lat": 0, "lng": 0, "address": None}], {"lat": 0, "lng": 0, "address": None}),
    ("list", ["1"], ["1"]), ("list", [1], ["1"]), ("list", "2", ["2"]),
    ("relation", {"submissions": [{"id": NOBODY, "count": 2}]},
     {"submissions": [{"id": NOBODY, "count": 2}]}),
    ("relation", {"submissions": [{"id": NOBODY}]}, {"submissions": [{"id": NOBODY}]}),
    ("user", [{"id": "1"}], [{"id": "1"}]), ("user", [{"id": 12}], [{"id": "12"}]),
    ("user", {"id": 12}, [{"id": "12"}]), ("user", ["3"], [{"id": "3"}]),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "sent", "shown"), VALUES, ids=lambda v: str(v)[:20])
def test_values(instance: Instance, kind: str, sent: Any, shown: Any) -> None:
    """DX-23: each type of value, as clients write it and as it is shown, and sent back."""
    options = [{"id": "1", "name": "un"}, {"id": "2"}] if kind == "list" else []
    made = instance.structure({"id": "x", "type": kind, "options": options})
    body = made.create(x=sent)
    assert body["items"] == {"x": shown}
    if shown != sent:
        time.sleep(1)  # what is noted of a change is its second
    again = instance.admin.put(f"{made.path}/{body['id']}", json={"items": body["items"]})
    assert good(again)["items"] == {"x": shown}
    assert good(again)["updated_at"] == body["updated_at"]
    for empty in (None, []):
        made.create(x=sent)
        cleared = instance.admin.patch(f"{made.path}/{body['id']}", json={"items": {"x": empty}})
        assert good(cleared)["items"] == {}


def test_multiple_values(instance: Instance) -> None:
    """DX-23: lists of values, of choices, of users, and the rows of an array."""
    options = [{"id": "a"}, {"id": "b"}]
    made = instance.structure(
        {"id": "texts", "type": "text", "multiple": True},
        {"id": "choices", "type": "list", "multiple": True, "options": options},
        {"id": "people", "type": "user", "multiple": True},
        {"id": "rows", "type": "array"},
        {"id": "when", "type": "date", "parent": "rows"},
        {"id": "doc", "type": "file", "parent": "rows"},
    )
    one, two = instance.upload(b"1"), instance.upload(b"2")
    items = {
        "texts": ["a", "b"],
        "choices": ["b", "a"],
        "people": [{"id": "1"}, {"id": "2"}],
        "when": [86400, 0],
    }
    body = made.create(**items, doc=[one, two])
    files = body["items"].pop("doc")
    assert body["items"] == items
    assert [file["id"] for file in files] == [one, two]
    assert made.create(texts="alone")["items"] == {"texts": ["alone"]}


BAD: list[tuple[str, Any]] = [
    ("text", 5), ("text", {"a": 1}), ("text", ["a", "b"]), ("text", "a\u0000b"), ("int", "5"),
    ("int", 1.5), ("int", True), ("double", "x"), ("boolean", "yes"), ("boolean", 1),
    ("timestamp", "2026-01-01"), ("date", "2026-01-01T00:00"), ("date", 10**30),
    ("date", True), ("email", "nobody"), ("phone", "call me"), ("location", {"lat": 1}),
    ("location", {"lat": 91, "lng": 0}), ("location", "48,2"), ("list", ["c"]),
    ("list", ["1", "2"]), ("list", [["1"]]), ("relation", [NOBODY]),
    ("relation", {"submissions": [{"id": "x"}]}), ("relation", {"submissions": NOBODY}),
    ("user", "nobody"), ("user", [{"id": "x"}]), ("user", [{"id": "1"}, {"id": "2"}]),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "value"), BAD, ids=lambda v: str(v)[:20])
def test_values_that_are_none(instance: Instance, kind: str, value: Any) -> None:
    """DX-23, DX-51: a value of the wrong kind is told by its field; nothing is made."""
    options = [{"id": "1"}, {"id": "2"}] if kind == "list" else []
    made = instance.structure({"id": "x", "type": kind, "options": options})
    body = refused(made.post(items={"x": value}), 400, "API1000")
    assert [info["field"] for info in body["infos"]] == ["x"]
    assert body["infos"][0]["reason"]
    assert made.count() == 0


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "structure_id"), ({"structure_id": None, "items": {}}, "structure_id"),
        ({"structure_id": "x"}, "structure_id"), ({"structure_id": 1.5}, "structure_id"),
        ({"structure_id": -1}, "structure_id"), ({"structure_id": True}, "structure_id"),
        ({"items": None}, "items"), ({"items": "x"}, "items"), ({"items": [1]}, "items"),
        ({"structure_version": 99}, "structure_version"),
        ({"structure_version": "x"}, "structure_version"), ({"id": "x"}, "id"), ({"id": 5}, "id"),
        ({"partial": "maybe"}, "partial"), ({"partial": 1}, "partial"),
        ({"reference": "x"}, "reference"), ({"reference": {}}, "reference"),
        ({"latitude": 91}, "latitude"), ({"latitude": "1"}, "latitude"),
        ({"longitude": 181}, "longitude"), ({"longitude": True}, "longitude"),
        ({"data_created_at": "x"}, "data_created_at"), ({"data_created_at": -1}, "data_created_at"),
        ({"data_updated_at": 10**12}, "data_updated_at"), ({"items": {"nothing": 1}}, "nothing"),
        ({"items": {"hidden": 1}}, "hidden"), ({"items": {"title": "a", "TITLE": "b"}}, "TITLE"),
        ({"items": {"photo": "x"}}, "photo"), ({"items": {"photo": 5}}, "photo"),
        ({"items": {"photo": [{"name": "x"}]}}, "photo"), ({"items": {"photo": [None]}}, "photo"),
        ({"items": {"photo": [{"id": NOBODY, "name": "x" * 256}]}}, "photo"),
        ({"items": {"photo": [{"id": NOBODY, "name": 5}]}}, "photo"),
        ({"items": {"photo": [{"id": NOBODY, "comment": "x" * 2001}]}}, "photo"),
        ({"items": {"photo": [{"id": NOBODY, "comment": "\u0000"}]}}, "photo"),
        ({"items": {"photo": [NOBODY] * 101}}, "photo"),
        ({"items": {"one": [NOBODY, NOBODY]}}, "one"),
    ],
    ids=lambda v: str(v)[:40],
)  # fmt: skip
def test_bodies_that_are_refused(instance: Instance, body: dict[str, Any], field: str) -> None:
    """DX-25, DX-28, DX-51, DX-54: shape and limits, told by name; nothing is made."""
    made = instance.structure(
        TEXT, PHOTO, {"id": "one", "type": "file"},
        {"id": "hidden", "type": "text", "visibility": "I"},
    )  # fmt: skip
    told = body if "structure_id" in body or not body else {"structure_id": made.id, "items": {}}
    got = refused(instance.admin.post(made.path, json=told | body), 400, "API1000")
    assert field in [info["field"] for info in got["infos"]]
    assert made.count() == 0


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'"x"', b"\xff", b"null", b'{"items":"\\ud800"}', b"[" * 5000]
)
def test_bodies_that_are_no_object(form: Structure, content: bytes) -> None:
    """DX-51: what is no JSON object."""
    for method, path in (("POST", form.path), ("PUT", f"{form.path}/{form.create()['id']}")):
        refused(form.instance.admin.request(method, path, content=content), 400, "API1000")


def test_half_a_body(form: Structure) -> None:
    """DX-25: a JSON body that breaks off makes nothing."""
    body = json.dumps({"structure_id": form.id, "items": {"title": "x" * 1000}}).encode()
    token = form.instance.admin.headers["authorization"]
    for length in (len(body), len(body) + 5):
        head = (
            f"POST {form.path} HTTP/1.1\nHost: localhost\nAuthorization: {token}\n"
            f"Content-Type: application/json\nContent-Length: {length}"
        )
        raw_request(form.instance.server, head, body[: length - 10]).close()
    assert form.create()["number_in_structure"] == 1


def test_large_bodies(form: Structure) -> None:
    """DX-51, DX-54: JSON of more than 5 MiB."""
    most = 5 << 20
    got = form.instance.admin.post(form.path, content=b" " * (most + 1))
    refused(got, 413, "FIL002", [{"max": most, "size": most + 1}])
    good(form.post(items={"title": "x" * 500_000}))


def test_all_faults_at_once(instance: Instance) -> None:
    """DX-38, DX-51: every value that is wrong is told, and none of another class."""
    made = instance.structure(
        {"id": "a", "type": "int", "max": 5}, {"id": "b", "type": "text", "needed": True},
        {"id": "c", "type": "text"}, PHOTO,
    )  # fmt: skip
    body = refused(made.post(items={"a": 6, "c": 1, "photo": [NOBODY]}), 400, "API1000")
    assert {info["field"] for info in body["infos"]} == {"a", "b", "c"}


def test_required(instance: Instance) -> None:
    """DX-25: partial skips the required checks, and still links; later they hold."""
    made = instance.structure({**TEXT, "needed": True}, {**PHOTO, "needed": True})
    body = refused(made.post(), 400, "API1000")
    assert {info["field"] for info in body["infos"]} == {"title", "photo"}
    refused(made.post(partial="false"), 400, "API1000")
    uuid = instance.upload()
    for value in (True, "true"):
        part = good(made.post(partial=value, items={} if value is True else {"photo": [uuid]}))
        assert part["partial"] is True
    assert instance.file(uuid)["state"] == "kept"
    path = f"{made.path}/{part['id']}"
    refused(instance.admin.patch(path, json={"partial": False}), 400, "API1000")
    done = good(instance.admin.patch(path, json={"partial": False, "items": {"title": "x"}}))
    assert (done["partial"], done["items"]["photo"][0]["id"]) == (False, uuid)
    refused(instance.admin.put(path, json={"items": {"title": "x"}}), 400, "API1000")


def test_put_replaces_and_patch_does_not(instance: Instance) -> None:
    """DX-26: PUT clears what it does not name, PATCH leaves it; null empties."""
    made = instance.structure(TEXT, {"id": "note", "type": "text"}, PHOTO)
    uuid = instance.upload()
    body = made.create(title="a", note="b", photo=[uuid])
    path = f"{made.path}/{body['id']}"
    patched = good(instance.admin.patch(path, json={"items": {"note": "c"}}))
    assert (patched["items"]["title"], patched["items"]["note"]) == ("a", "c")
    assert patched["items"]["photo"][0]["id"] == uuid
    assert good(instance.admin.patch(path, json={})) == patched
    assert "note" not in good(instance.admin.patch(path, json={"items": {"note": None}}))["items"]
    whole = {"structure_id": made.id, "structure_version": 1, "id": body["id"].upper()}
    put = good(instance.admin.put(path, json={**whole, "items": {"title": "z"}}))
    assert put["items"] == {"title": "z"}
    assert instance.state(uuid) == "released"
    # A whole answer can be sent back as it came.
    again = good(instance.admin.put(path, json=put))
    assert again == {**put, "updated_at": again["updated_at"]}
    assert again["updated_at"] >= put["updated_at"]
    refused(instance.admin.put(path, json={"structure_id": made.id}), 400, "API1000")
    other = instance.structure(TEXT)
    got = instance.admin.put(path, json={**whole, "structure_id": other.id, "items": {}})
    assert refused(got, 400, "API1000")["infos"][0]["field"] == "structure_id"
    got = instance.admin.patch(path, json={"id": NOBODY})
    assert refused(got, 400, "API1000")["infos"][0]["field"] == "id"


def test_an_older_version(instance: Instance) -> None:
    """DX-26, case 7: an outdated mobile clears nothing that it does not know."""
    made = instance.structure(TEXT)
    body = made.create(title="a")
    made.change(TEXT, PHOTO)
    uuid = instance.upload()
    path = f"{made.path}/{body['id']}"
    new = {"structure_version": 2, "items": {"photo": [uuid]}}
    assert good(instance.admin.patch(path, json=new))["structure_version"] == 2
    put = good(instance.admin.put(path, json={"structure_version": 1, "items": {"title": "b"}}))
    assert put["items"]["title"] == "b"
    assert put["items"]["photo"][0]["id"] == uuid
    put = good(instance.admin.put(path, json={"structure_version": 2, "items": {"title": "b"}}))
    assert put["items"] == {"title": "b"}
    assert made.create(title="old")["structure_version"] == 1


def test_fields_that_cannot_be_changed(instance: Instance) -> None:
    """DX-26: editable false is set once; the same value again is no change."""
    made = instance.structure({**TEXT, "editable": False}, {"id": "note", "type": "text"})
    body = made.create(title="a", note="b")
    path = f"{made.path}/{body['id']}"
    got = refused(instance.admin.patch(path, json={"items": {"title": "x"}}), 400, "API1000")
    assert got["infos"][0]["field"] == "title"
    good(instance.admin.patch(path, json={"items": {"title": "a", "note": "c"}}))
    assert good(instance.admin.put(path, json={"items": {}}))["items"] == {"title": "a"}


def test_system_names_in_any_case(form: Structure) -> None:
    """DX-23: what a client types is found, and shown as the structure has it."""
    assert form.create(TITLE="x")["items"] == {"title": "x"}


def test_list(form: Structure) -> None:
    """DX-09, DX-10, DX-27: the submissions of a structure by number, in pages."""
    other = form.instance.structure(TEXT)
    made = [form.create(title=f"t{n}")["id"] for n in range(5)]
    other.create()
    list_of = {"structure_id": form.id}
    body = good(form.instance.admin.get(form.path, params=list_of))
    assert list(body) == ["submissions", "total_count", "total_pages", "server_time"]
    assert [each["id"] for each in body["submissions"]] == made
    assert body["submissions"][0] == form.look(made[0])
    for page, expected in ((1, made[:2]), (2, made[2:4]), (3, made[4:]), (4, [])):
        wish = {**list_of, "limit": 2, "page": page, "fields": "id"}
        body = good(form.instance.admin.get(form.path, params=wish))
        assert body["submissions"] == [{"id": each} for each in expected]
        assert (body["total_count"], body["total_pages"]) == (5, 3)


def test_reference_data(form: Structure) -> None:
    """DX-24, DX-27: reference data of all forms, or of one; not among the others."""
    other = form.instance.structure(TEXT)
    plain, first = form.create()["id"], good(form.post(reference=True))
    assert first["reference"] is True
    second = good(other.post(reference="true"))["id"]

    def ids(**params: Any) -> list[str]:
        found = good(form.instance.admin.get(form.path, params=params))
        assert found["total_count"] == len(found["submissions"])
        return [each["id"] for each in found["submissions"]]

    assert ids(reference="true") == [first["id"], second]
    assert ids(reference="true", structure_id=other.id) == [second]
    assert ids(structure_id=form.id) == [plain]
    assert ids(structure_id=form.id, reference="false") == [plain]


@pytest.mark.parametrize(
    ("params", "status", "code"),
    [
        ({}, 400, "API1000"), ({"reference": "false"}, 400, "API1000"),
        ({"reference": "1"}, 400, "API1000"), ({"structure_id": "x"}, 400, "API1000"),
        ({"structure_id": "0"}, 400, "API1000"), ({"structure_id": "99999999"}, 404, "API1003"),
        ({"structure_id": "9" * 30}, 400, "API1000"),
    ],
)  # fmt: skip
def test_bad_lists(form: Structure, params: dict[str, str], status: int, code: str) -> None:
    """DX-27: neither a structure nor reference data; a structure that there is not."""
    refused(form.instance.admin.get(form.path, params=params), status, code)


def test_unknown_structures(form: Structure, stranger: Instance) -> None:
    """DX-25, DX-51: missing, another instance's, another dialect's, or not for the caller."""
    instance = form.instance
    family = instance.structure(TEXT, dialect="dynacase")
    closed = instance.structure(TEXT, acl={"view": ["role:admin"], "create": ["role:admin"]})
    readonly = instance.structure(TEXT, acl={"create": ["role:admin"]})
    foreign = stranger.structure(TEXT)
    writer = instance.person().http
    for number in (99_999_999, family.id, closed.id, readonly.id, foreign.id):
        refused(form.post(writer, structure_id=number), 404, "API1003", [])
    good(form.post(structure_id=closed.id))
    hidden = good(closed.post())["id"]
    refused(writer.get(f"{form.path}/{hidden}"), 404, "SUB001", [])
    refused(writer.delete(f"{form.path}/{hidden}"), 404, "SUB001", [])
    shown = good(readonly.post())["id"]
    good(writer.get(f"{form.path}/{shown}"))


def test_native_types(instance: Instance) -> None:
    """DX-22, C-33: a native type is a structure like any other."""
    made = instance.structure(TEXT, dialect="native")
    assert made.create(title="x")["items"] == {"title": "x"}
    family = instance.structure(TEXT, dialect="dynacase")
    refused(family.post(), 404, "API1003")


def test_delete(form: Structure) -> None:
    """DX-27, case 11: 204, then 404 for every verb."""
    body = form.create(title="x")
    path = f"{form.path}/{body['id']}"
    admin = form.instance.admin
    got = admin.delete(path)
    assert (got.status_code, got.content) == (204, b"")
    for method in ("DELETE", "GET", "PUT", "PATCH"):
        json_body = {"items": {}} if method in ("PUT", "PATCH") else None
        refused(admin.request(method, path, json=json_body), 404, "SUB001", [])
    assert form.count() == 0


@pytest.mark.parametrize("spelled", [NOBODY, "x", "0", "1", "9" * 40, NUL, "é"])
def test_unknown_submissions(form: Structure, spelled: str) -> None:
    """DX-51: whatever is no submission of the instance."""
    form.create()
    admin = form.instance.admin
    refused(admin.get(f"{form.path}/{spelled}"), 404, "SUB001", [])
    refused(admin.delete(f"{form.path}/{spelled}"), 404, "SUB001", [])
    refused(admin.get(f"{form.path}/{spelled}/file/{NOBODY}"), 404, "SUB001", [])


def test_rights(form: Structure) -> None:
    """DX-04: readers read; writers make and change; 403 names the right that is missing."""
    instance = form.instance
    reader, writer = instance.person("reader").http, instance.person().http
    body = form.create(writer, title="a")
    path = f"{form.path}/{body['id']}"
    good(reader.get(path))
    good(reader.get(form.path, params={"structure_id": form.id}))
    right = [{"right": "write"}]
    refused(form.post(reader), 403, "AUT002", right)
    refused(reader.put(path, json={"items": {}}), 403, "AUT002", right)
    refused(reader.patch(path, content=b"nonsense"), 403, "AUT002", right)
    refused(reader.delete(path), 403, "AUT002", right)
    good(writer.patch(path, json={"items": {"title": "b"}}))


def test_acl(instance: Instance) -> None:
    """DX-04, C-04: who may not edit or delete by the structure's rules gets 403, not 404."""
    made = instance.structure(TEXT, acl={"edit": ["role:admin"], "delete": ["role:admin"]})
    writer = instance.person().http
    path = f"{made.path}/{good(made.post(writer))['id']}"
    refused(writer.patch(path, json={"items": {"title": "x"}}), 403, "AUT002", [{"right": "edit"}])
    refused(writer.delete(path), 403, "AUT002", [{"right": "delete"}])
    good(instance.admin.patch(path, json={"items": {"title": "x"}}))


# Repeats


def test_repeated_with_its_id(form: Structure) -> None:
    """DX-37, case 8: the same record, as it is now; other content or a deleted record is SUB002."""
    uuid, photo = str(uuid4()), form.instance.upload()
    wish: dict[str, Any] = {"id": uuid.upper(), "items": {"title": "a", "photo": [photo]}}
    first = good(form.post(**wish))
    assert first["id"] == uuid
    assert good(form.post(**wish)) == first
    path = f"{form.path}/{uuid}"
    changed = good(form.instance.admin.patch(path, json={"items": {"title": "now"}}))
    assert good(form.post(**wish)) == changed
    assert form.count() == 1
    refused(form.post(**{**wish, "items": {"title": "b"}}), 409, "SUB002", [{"id": uuid}])
    refused(form.post(id=uuid, items=wish["items"], partial=True), 409, "SUB002")
    # Another person's repeat is one, too: an id names one record in the instance.
    assert good(form.post(form.instance.person().http, **wish))["id"] == uuid
    form.instance.admin.delete(path)
    refused(form.post(**wish), 409, "SUB002", [{"id": uuid}])
    assert form.count() == 0


def test_repeated_with_its_key(form: Structure) -> None:
    """DX-37: an Idempotency-Key is a principal's own."""
    one, two = form.instance.person().http, form.instance.person().http
    first = good(form.post(one, key="k-1", items={"title": "a"}))
    assert good(form.post(one, key='"k-1"', items={"title": "a"})) == first
    refused(form.post(one, key="k-1", items={"title": "b"}), 409, "SUB002", [{"id": "k-1"}])
    assert good(form.post(two, key="k-1", items={"title": "a"}))["id"] != first["id"]
    assert good(form.post(one, key="k-2", items={"title": "a"}))["id"] != first["id"]
    assert form.count() == 3
    for key in ("", "é".encode(), "x" * 256):
        headers = {b"Idempotency-Key": key if isinstance(key, bytes) else key.encode()}
        got = one.post(form.path, json={"structure_id": form.id, "items": {}}, headers=headers)
        assert refused(got, 400, "API1000")["infos"][0]["field"] == "Idempotency-Key"
    one.delete(f"{form.path}/{first['id']}")
    refused(form.post(one, key="k-1", items={"title": "a"}), 409, "SUB002")


def test_repeats_at_the_same_time(form: Structure) -> None:
    """DX-37: a simultaneous repeat waits and gets the same record."""
    photo, uuid = form.instance.upload(), str(uuid4())
    wishes = [{"id": uuid}, {"key": "at-once"}]
    for wish in wishes:
        items = {"title": "a", **({"photo": [photo]} if "id" in wish else {})}
        with ThreadPoolExecutor(10) as pool:
            told = [pool.submit(form.post, items=items, **wish) for _ in range(10)]
        bodies = [good(each.result()) for each in told]
        assert all(body == bodies[0] for body in bodies)
    assert form.count() == 2


def test_json_is_compact_and_typed(form: Structure) -> None:
    """DX-25: any declared type of a JSON body will do; the answer is JSON."""
    content = json.dumps({"structure_id": str(form.id), "items": []}).encode()
    for kind in ("application/json", "text/plain", "application/x-www-form-urlencoded"):
        headers = {"Content-Type": kind}
        got = form.instance.admin.post(form.path, content=content, headers=headers)
        assert good(got)["items"] == {}
        assert got.headers["content-type"] == "application/json"
