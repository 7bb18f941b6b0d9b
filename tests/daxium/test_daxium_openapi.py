"""The OpenAPI document of the Daxium dialect says what the server does."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from daxium_support import Instance, good, log_in

import consigne.dialects.daxium
from consigne.dialects.daxium.errors import CODES
from consigne.dialects.daxium.routes import routes
from consigne.settings import Settings

DOCUMENT = yaml.safe_load(
    Path(consigne.dialects.daxium.__file__).with_name("openapi.yaml").read_text()
)
METHODS = {"get", "put", "post", "patch", "delete"}


class _Anything:
    def __getattr__(self, name: str) -> "_Anything":
        return self


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_router_and_document_have_the_same_routes() -> None:
    """DX-02, DX-55: every route is documented, and every documented route exists."""
    found = {(r.method, r.path) for r in routes(_Anything(), Settings())}  # type: ignore[arg-type]
    told = {
        (method.upper(), path)
        for path, item in DOCUMENT["paths"].items()
        for method in item
        if method in METHODS
    }
    assert told == found


def test_references_lead_somewhere() -> None:
    """DX-50: each reference of the document is there."""
    for reference in references(DOCUMENT):
        found: Any = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]


def test_every_code_is_documented() -> None:
    """DX-50, DX-51: the enumeration of codes is the table's."""
    told = DOCUMENT["components"]["schemas"]["Error"]["properties"]["code"]["enum"]
    assert told == [row.name for row in CODES]


def test_answers_have_the_members_told(instance: Instance) -> None:
    """DX-05, DX-11, DX-14, DX-22, DX-24: what is shown and what is documented are the same."""
    schemas = DOCUMENT["components"]["schemas"]
    form = instance.structure({"id": "photo", "type": "image"})
    upload = good(instance.send())
    submission = form.create(photo=[upload["uuid"]])
    structure = good(instance.admin.get(f"{instance.path}/structures/{form.id}"))
    for name, answer in (
        ("App", good(instance.admin.get("/apps"))["apps"][0]),
        ("TokenPair", log_in(instance.url, instance.person().email)),
        ("FileUploadResponse", upload),
        ("Structure", structure),
        ("Field", structure["fields"][0]),
        ("Submission", submission),
        ("File", submission["items"]["photo"][0]),
        ("Error", instance.admin.get("/nowhere").json()),
    ):
        assert list(answer) == list(schemas[name]["properties"]), name
