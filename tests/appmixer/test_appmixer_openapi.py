"""openapi.yaml says what the routes are."""

from pathlib import Path
from typing import Any

import yaml

from consigne import errors
from consigne.dialects import appmixer
from consigne.dialects.appmixer import parameters
from consigne.dialects.appmixer.errors import TABLE
from consigne.dialects.appmixer.filters import FIELDS
from consigne.dialects.appmixer.routes import routes
from consigne.settings import Settings
from tests.appmixer.support import Person, ok

DOCUMENT: dict[str, Any] = yaml.safe_load(
    Path(appmixer.__file__).with_name("openapi.yaml").read_text()
)
METHODS = {"get", "post", "put", "patch", "delete"}


class Anything:
    """Stands in for the core: the routes are named, none is called."""

    def __getattr__(self, name: str) -> "Anything":
        return Anything()


def test_paths_and_methods() -> None:
    """AM-01: every route stands in the document, and nothing else does."""
    spoken = {
        (route.path, route.method.lower())
        for route in routes(Anything(), Settings())  # type: ignore[arg-type]
        if route.method != "OPTIONS"
    }
    written = {
        (path, method)
        for path, item in DOCUMENT["paths"].items()
        for method in METHODS.intersection(item)
    }
    assert spoken == written


def test_references_lead_somewhere() -> None:
    """Each $ref has its target."""

    def visit(node: Any) -> None:
        if isinstance(node, dict):
            if "$ref" in node:
                target: Any = DOCUMENT
                for step in node["$ref"].removeprefix("#/").split("/"):
                    target = target[step]
            for value in node.values():
                visit(value)
        elif isinstance(node, list):
            for value in node:
                visit(value)

    visit(DOCUMENT)


def test_headers_fields_and_codes() -> None:
    """AM-14, AM-27, AM-34: all of them are documented."""
    post = DOCUMENT["paths"]["/files"]["post"]
    names = {parameter["name"] for parameter in post["parameters"]}
    assert names == set(parameters.HEADERS.values())
    text = str(DOCUMENT)
    for field in FIELDS:
        assert f"`{field}`" in text
    named = [errors.BadFilter, errors.ChunkConflict, errors.Protected, errors.QuotaExceeded]
    for kind in named:
        row = TABLE.row(kind())
        assert f"`{row.code or kind.code}`" in text


def test_the_schema_has_what_files_have(ines: Person) -> None:
    """AM-10: the eight keys."""
    schema = DOCUMENT["components"]["schemas"]["File"]
    file = ines.keep(b"x")
    assert list(file) == list(schema["properties"])
    assert set(ok(ines.http.get("/user"))) >= set(
        DOCUMENT["components"]["schemas"]["User"]["required"]
    )


def test_the_document_is_served(ines: Person) -> None:
    """The documentation of the server offers this dialect's document."""
    answer = ines.http.get("/docs/api/appmixer.yaml")
    assert answer.status_code == 200
    assert "Appmixer" in answer.text
