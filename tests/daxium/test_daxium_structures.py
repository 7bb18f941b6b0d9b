"""Structures: how the types of the vault look at the Daxium dialect."""

import pytest
from daxium_support import Instance, good, refused

PHOTO = {"id": "photo", "type": "image", "label": "Photo", "multiple": True, "needed": True}
KINDS = {
    "text": "text", "longtext": "text", "int": "number", "double": "number", "boolean": "boolean",
    "date": "date", "timestamp": "date", "email": "email", "phone": "phone",
    "duration": "duration", "location": "location", "list": "list", "relation": "relation",
    "user": "user", "file": "file", "image": "image", "signature": "signature",
}  # fmt: skip


def test_a_structure(instance: Instance) -> None:
    """DX-22: every key, in its order; what is not spoken is empty."""
    options = [{"id": "a", "name": "Oui", "external": "X1"}, {"id": "b"}]
    made = instance.structure(
        PHOTO,
        {"id": "Choix", "type": "list", "options": options},
        {"id": "age", "type": "int", "min": 1, "max": 150, "editable": False},
        {"id": "pdf", "type": "file", "accept": ["application/pdf", ".csv"]},
        {"id": "secret", "type": "text", "visibility": "I"},
        label="Visite de chantier",
    )
    body = good(instance.admin.get(f"{instance.path}/structures/{made.id}"))
    assert list(body) == [
        "id", "version", "name", "created_at", "updated_at", "settings", "conditions", "fields",
        "layout", "workflows", "triggers",
    ]  # fmt: skip
    assert (body["id"], body["version"], body["name"]) == (made.id, 1, "Visite de chantier")
    assert isinstance(body["created_at"], int)
    assert body["created_at"] == body["updated_at"] < 1 << 34
    assert body["settings"] == {}
    for name in ("conditions", "layout", "workflows", "triggers"):
        assert body[name] == []
    none = {"min": None, "max": None, "accept": [], "options": []}
    shape = {"required": False, "editable": True, "multiple": False, "settings": none}
    assert body["fields"] == [
        shape | {"name": "photo", "label": "Photo", "type": "image", "required": True,
                 "multiple": True},
        shape | {"name": "Choix", "label": "Choix", "type": "list", "settings": none | {"options": [
            {"id": "a", "name": "Oui", "external": "X1"},
            {"id": "b", "name": "b", "external": None},
        ]}},
        shape | {"name": "age", "label": "age", "type": "number", "editable": False,
                 "settings": none | {"min": 1.0, "max": 150.0}},
        shape | {"name": "pdf", "label": "pdf", "type": "file",
                 "settings": none | {"accept": ["application/pdf", ".csv"]}},
    ]  # fmt: skip


def test_types_of_fields(instance: Instance) -> None:
    """DX-22, DX-23: each kind of field has one of Daxium's types; tabs and frames have none."""
    fields = [{"id": f"f_{kind}", "type": kind} for kind in KINDS]
    made = instance.structure({"id": "tab", "type": "tab"}, *fields)
    body = good(instance.admin.get(f"{instance.path}/structures/{made.id}"))
    assert {f["name"].removeprefix("f_"): f["type"] for f in body["fields"]} == KINDS


def test_versions(instance: Instance) -> None:
    """DX-22: a change of the fields makes a new version, with its time."""
    made = instance.structure(PHOTO)
    made.change(PHOTO, {"id": "note", "type": "text"}, label="Autre")
    body = good(instance.admin.get(f"{instance.path}/structures/{made.id}"))
    assert (body["version"], body["name"]) == (2, "Autre")
    assert [f["name"] for f in body["fields"]] == ["photo", "note"]


def test_list(instance: Instance) -> None:
    """DX-09, DX-10, DX-22, DX-53: pages by number, with what the reference adds to them."""
    made = [instance.structure(PHOTO).id for _ in range(3)]
    body = good(instance.admin.get(f"{instance.path}/structures"))
    assert list(body) == [
        "structures", "total_count", "total_pages", "next_page", "workflows", "required",
        "server_time",
    ]  # fmt: skip
    assert [each["id"] for each in body["structures"]] == made
    assert (body["total_count"], body["total_pages"], body["next_page"]) == (3, 1, None)
    assert body["workflows"] == []
    assert body["required"] == {"linked_list_ids": [], "structure_ids": []}
    alone = good(instance.admin.get(f"{instance.path}/structures/{made[0]}"))
    assert body["structures"][0] == alone
    for page, expected, following in ((1, made[:2], 2), (2, made[2:], None), (9, [], None)):
        wish = {"limit": 2, "page": page, "fields": "id,version"}
        body = good(instance.admin.get(f"{instance.path}/structures", params=wish))
        assert body["structures"] == [{"id": number, "version": 1} for number in expected]
        assert (body["total_count"], body["total_pages"]) == (3, 2)
        assert body["next_page"] == following


def test_whose_types(instance: Instance, stranger: Instance) -> None:
    """DX-22, DX-51, C-33: own and native types; others', hidden and foreign ones are unknown."""
    native = instance.structure({"id": "a", "type": "text"}, dialect="native").id
    family = instance.structure({"id": "a", "type": "text"}, dialect="dynacase").id
    closed = instance.structure(PHOTO, acl={"view": ["user:nobody@example.org"]}).id
    foreign = stranger.structure(PHOTO).id
    reader = instance.person("reader").http
    body = good(reader.get(f"{instance.path}/structures"))
    assert [each["id"] for each in body["structures"]] == [native]
    good(reader.get(f"{instance.path}/structures/{native}"))
    good(instance.admin.get(f"{instance.path}/structures/{closed}"))
    for wrong in (family, closed, foreign, 0, 10**15, 10**30, "x", "-1", "1.0", "²"):
        refused(reader.get(f"{instance.path}/structures/{wrong}"), 404, "API1003", [])
    refused(reader.get(f"{instance.path}/structures", params={"page": 0}), 400, "API1000")
    refused(stranger.admin.get(f"{instance.path}/structures"), 404, "APP001", [])


@pytest.mark.parametrize("name", ["1a", "a-b", "é", "userEmail", "submissionnumber", ""])
def test_system_names(instance: Instance, name: str) -> None:
    """DX-22: what cannot be a system name."""
    spec = {"name": "S", "dialect": "daxium", "fields": [{"id": name, "type": "text"}]}
    got = instance.admin.post("/consigne/v1/types", json=spec)
    assert (got.status_code, got.json()["parameter"]) == (400, "fields")
