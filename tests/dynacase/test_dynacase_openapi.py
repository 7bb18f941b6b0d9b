"""The OpenAPI document of the Dynacase door says what the server does."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import yaml
from dynacase_support import Person
from dynacase_v1_support import sent

import consigne.dialects
from consigne.dialects.dynacase.routes import routes
from consigne.dialects.dynacase.v1.routes import byte_routes, document_routes

FOLDER = Path(consigne.dialects.__file__).parent
DOCUMENT = yaml.safe_load((FOLDER / "dynacase/openapi.yaml").read_text())
METHODS = {"get", "put", "post", "patch", "delete"}
SYNONYMS = (
    ("/files", "/file"),
    ("/api/families/{fam}/documents/{docid}", "/api/documents/{docid}"),
    ("/api/families/{fam}/{docid}", "/api/documents/{docid}"),
)


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def plain(path: str) -> str:
    for synonym, word in SYNONYMS:
        path = path.replace(synonym, word)
    return path


def test_router_and_document_have_the_same_routes() -> None:
    """DY-01, DY-66, DY-70: every route is documented, synonyms aside, and each one told exists."""
    found = {(route.method, plain(route.path)) for route in routes(MagicMock())}
    second = [*document_routes(MagicMock(), MagicMock()), *byte_routes(MagicMock())]
    found |= {(route.method, route.path) for route in second}
    told = {
        (method.upper(), path)
        for path, item in DOCUMENT["paths"].items()
        for method in item
        if method in METHODS
    }
    assert told == found


def test_references_lead_somewhere() -> None:
    """DY-01: each reference of the document is there."""
    for reference in references(DOCUMENT):
        found: Any = DOCUMENT
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]


def test_answers_have_the_members_told(ana: Person) -> None:
    """DY-07, DY-40: what is shown and what is documented are the same members."""
    schemas = DOCUMENT["components"]["schemas"]
    got = ana.http.post("/api/file?filename=a?.txt", content=b"x").json()
    assert list(got) == list(schemas["FileEnvelope"]["properties"])
    assert list(got["data"]["file"]) == list(schemas["File"]["properties"])
    assert list(got["messages"][0]) == list(schemas["Message"]["properties"])
    refusal = ana.http.get("/api/file/none").json()
    assert list(refusal) == list(schemas["Failure"]["properties"])


def test_answers_of_level_2_have_the_members_told(ana: Person) -> None:
    """DY-72: what level 2 shows of a file and what is documented are the same members."""
    told = DOCUMENT["components"]["schemas"]["V1File"]["properties"]
    assert list(sent(ana.http)) == list(told)
