"""The OpenAPI document says what the server does, and the pages that show it work offline."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import yaml
from native_routes import ROUTES
from native_support import API, Client, Space
from tests.parts.papers import text_pdf

from consigne.core.records import forms
from consigne.dialects.native import OPENAPI, bodies, records, types, webhooks
from consigne.dialects.native.wire import FileDocument

DOCUMENT = yaml.safe_load(OPENAPI.read_text())
METHODS = {"get", "put", "post", "patch", "delete", "options"}
SCHEMAS = DOCUMENT["components"]["schemas"]
FOR_OPERATORS = tuple(f"{API}/{name}" for name in ("users", "scrub", "mirror", "migration"))


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in DOCUMENT["paths"].items():
        for method, operation in item.items():
            if method in METHODS:
                yield (
                    method.upper(),
                    path,
                    item | operation | {"shared": item.get("parameters", [])},
                )


def resolved(node: Any) -> Any:
    """Follow a reference inside the document; KeyError where it leads nowhere."""
    if isinstance(node, dict) and "$ref" in node:
        found: Any = DOCUMENT
        for step in node["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        return resolved(found)
    return node


def references(node: Any) -> Iterator[dict[str, str]]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield node
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_router_and_document_have_the_same_routes() -> None:
    """C-40: every route is documented, and every documented route exists."""
    assert sorted((method, path) for method, path, _ in operations()) == ROUTES


def test_references_lead_somewhere_and_nothing_is_left_over() -> None:
    used = {node["$ref"] for node in references(DOCUMENT)}
    for node in references(DOCUMENT):
        assert resolved(node) is not None
    for family, members in DOCUMENT["components"].items():
        if family != "securitySchemes":
            for name in members:
                assert f"#/components/{family}/{name}" in used, f"{family}/{name}"


def test_operations_are_complete() -> None:
    seen: set[str] = set()
    for method, path, operation in operations():
        assert operation["operationId"] not in seen
        seen.add(operation["operationId"])
        assert operation["summary"]
        assert set(operation["tags"]) <= {tag["name"] for tag in DOCUMENT["tags"]}
        given = {
            p["name"]
            for p in map(resolved, operation.get("parameters", []) + operation["shared"])
            if p["in"] == "path"
        }
        assert given == set(re.findall(r"{(\w+)}", path)), (method, path)


SHAPES = {
    bodies.NewUpload: ("POST", "/consigne/v1/uploads"),
    bodies.Finish: ("POST", "/consigne/v1/uploads/{id}/finish"),
    bodies.PartWishes: ("POST", "/consigne/v1/uploads/{id}/urls"),
    bodies.FileChange: ("PATCH", "/consigne/v1/files/{id}"),
    bodies.Hold: ("PUT", "/consigne/v1/files/{id}/hold"),
    bodies.Retention: ("PUT", "/consigne/v1/files/{id}/retention"),
    bodies.NewFolder: ("POST", "/consigne/v1/folders"),
    bodies.FolderChange: ("PATCH", "/consigne/v1/folders/{id}"),
    bodies.NewSpace: ("POST", "/consigne/v1/spaces"),
    bodies.SpaceChange: ("PATCH", "/consigne/v1/spaces/{short}"),
    bodies.Membership: ("PUT", "/consigne/v1/spaces/{short}/members/{member}"),
    bodies.NewUser: ("POST", "/consigne/v1/users"),
    bodies.UserChange: ("PATCH", "/consigne/v1/users/{n}"),
    bodies.LogIn: ("POST", "/consigne/v1/session"),
    bodies.NewKey: ("POST", "/consigne/v1/keys"),
    forms.TypeForm: ("POST", "/consigne/v1/types"),
    types.TypeForms: ("PUT", "/consigne/v1/types"),
    types.Group: ("PUT", "/consigne/v1/groups/{name}"),
    records.NewRecord: ("POST", "/consigne/v1/records"),
    records.RecordChange: ("PATCH", "/consigne/v1/records/{id}"),
    records.AclForm: ("PUT", "/consigne/v1/records/{id}/acl"),
    webhooks.NewWebhook: ("POST", "/consigne/v1/webhooks"),
    webhooks.WebhookChange: ("PATCH", "/consigne/v1/webhooks/{id}"),
    webhooks.Rotation: ("POST", "/consigne/v1/webhooks/{id}/rotate"),
    records.FileLink: ("PUT", "/consigne/v1/records/{id}/files/{field}"),
}


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_bodies_have_the_members_that_are_documented(shape: type[Any]) -> None:
    operation = {(m, p): o for m, p, o in operations()}[SHAPES[shape]]
    schema = resolved(operation["requestBody"]["content"]["application/json"]["schema"])
    fields = {field.name: field for field in msgspec.structs.fields(shape)}
    assert set(schema["properties"]) == set(fields)
    assert schema["additionalProperties"] is False
    required = {name for name, field in fields.items() if field.required}
    assert set(schema.get("required", [])) == required


def test_fields_of_types_have_the_members_that_are_documented() -> None:
    """DY-60: a field is written in the API as in TOML."""
    assert set(SCHEMAS["Field"]["properties"]) == set(forms.FieldForm.__struct_fields__)


def test_a_file_has_the_members_that_are_documented() -> None:
    assert list(SCHEMAS["File"]["properties"]) == list(FileDocument.__struct_fields__)


def matches(schema: Any, value: Any) -> None:
    """Check a value against the parts of JSON Schema that the document uses for answers."""
    schema = resolved(schema)
    if "enum" in schema:
        assert value in schema["enum"]
    if "oneOf" in schema:
        assert any(_fits(each, value) for each in schema["oneOf"])
    kinds = schema.get("type")
    names = {
        "object": dict, "array": list, "string": str, "integer": int, "boolean": bool,
        "number": int | float,
        "null": type(None),
    }  # fmt: skip
    if kinds:
        allowed = tuple(names[k] for k in ([kinds] if isinstance(kinds, str) else kinds))
        assert isinstance(value, allowed), (schema, value)
    if isinstance(value, dict) and "properties" in schema:
        assert set(schema.get("required", [])) <= set(value)
        assert set(value) <= set(schema["properties"]), set(value) - set(schema["properties"])
        for name, member in value.items():
            matches(schema["properties"][name], member)
    if isinstance(value, list) and "items" in schema:
        for member in value:
            matches(schema["items"], member)


def _fits(schema: Any, value: Any) -> bool:
    try:
        matches(schema, value)
    except AssertionError:
        return False
    return True


def test_answers_look_as_documented(space: Space) -> None:
    """C-30: real answers against their schemas; nothing undocumented comes out."""
    api = space.admin
    file = api.upload(params={"name": "a", "tag": "t", "meta.k": "v"})
    api.ok("PUT", f"/files/{file['id']}/content", content=b"two")
    folder = api.ok("PUT", "/folders", params={"path": "A/B"})
    upload = api.ok("POST", "/uploads", 201, json={"parts_total": 2})
    api.ok("PUT", f"/uploads/{upload['id']}/parts/1", content=b"x")
    paper = api.upload(text_pdf(["a"]))
    reading = api.ok("POST", f"/files/{paper['id']}/ocr")
    fields = [{"id": "scan", "type": "file"}, {"id": "word", "type": "text", "needed": True}]
    api.ok("POST", "/types", 201, json={"name": "PAPER", "fields": fields})
    linked = api.upload(params={"hold": "true"})
    wish = {"type": "PAPER", "values": {"word": "w"}, "files": {"scan": linked["id"]}}
    record = api.ok("POST", "/records", 201, json=wish)
    api.ok("POST", f"/records/{record['id']}/freeze", 201)
    started = api.ok("POST", "/imports", 202, params={"type": "paper"}, content=b"userEmail,word\n")
    api.ok("PUT", "/groups/legal", json={"members": [api.ok("GET", "/me")["user"]["email"]]})
    hook = {"name": "ledger", "url": "http://127.0.0.1:9/", "events": ["file.*"]}
    hook = api.ok("POST", "/webhooks", 201, json=hook)
    ping = api.ok("POST", f"/webhooks/{hook['id']}/ping", 202)
    names = {
        "/webhooks/{id}": str(hook["id"]), "/deliveries/{n}": ping["id"],
        "/types/{id}": "paper", "/records/{id}": record["id"],
        "/files/{id}": file["id"], "/folders/{id}": folder["id"], "/uploads/{id}": upload["id"],
        "/jobs/{id}": reading["job"]["id"], "/imports/{id}": started["id"],
    }  # fmt: skip
    done = 0
    for method, path, operation in operations():
        content = resolved(operation["responses"].get("200", {})).get("content", {})
        if method != "GET" or "application/json" not in content:
            continue
        url = path
        for prefix, number in names.items():
            url = url.replace(prefix, prefix.replace("{id}", number).replace("{n}", number))
        url = url.replace("{short}", space.short).replace("{n}", "1")
        client = space.operator if path.startswith(FOR_OPERATORS) else api
        got = client.request("GET", url, params={"q": "a"} if url.endswith("/search") else None)
        if got.status_code == 204 and "204" in operation["responses"]:
            continue  # there is no session
        assert got.status_code == 200, url
        matches(content["application/json"]["schema"], got.json())
        done += 1
    text = resolved(DOCUMENT["paths"][f"{API}/files/{{id}}/ocr"]["post"]["responses"]["200"])
    matches(text["content"]["application/json"]["schema"], reading)
    assert done >= 20


def test_what_is_not_here_is_a_problem(operator: Client) -> None:
    """C-40: an unknown route and a wrong method under what is native, in problem words."""
    for method, path, status, code in (
        ("GET", "/static/x.js", 404, "route_not_found"),
        ("POST", "/consigne", 404, "route_not_found"),
        ("GET", "/consigne/v2/files", 404, "route_not_found"),
        ("GET", "/consigne/v1/files/", 404, "route_not_found"),
        ("GET", "/consigne/v1//files", 404, "route_not_found"),
        ("PUT", "/consigne/v1/files", 405, "method_not_allowed"),
        ("OPTIONS", "/consigne/v1/uploads", 405, "method_not_allowed"),
        ("DELETE", "/", 405, "method_not_allowed"),
    ):
        got = operator.request(method, path)
        assert (got.status_code, got.json()["code"]) == (status, code), path
        assert got.headers["content-type"] == "application/problem+json"
    assert operator.put("/consigne/v1/files").headers["allow"] == "DELETE, GET, HEAD, OPTIONS, POST"
