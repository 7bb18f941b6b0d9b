"""The OpenAPI documents of the Arrhes and S3 doors say what the server does."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from arrhes_support import Year, good

import consigne.dialects
from consigne.dialects.arrhes.routes import routes

FOLDER = Path(consigne.dialects.__file__).parent
DOCUMENT = yaml.safe_load((FOLDER / "arrhes/openapi.yaml").read_text())
METHODS = {"get", "put", "post", "patch", "delete"}


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
    """AR-01, AR-76: every route is documented, and every documented route exists."""
    found = {(r.method, r.path) for r in routes(None, None)}  # type: ignore[arg-type]
    told = {
        (method.upper(), path)
        for path, item in DOCUMENT["paths"].items()
        for method in item
        if method in METHODS
    }
    assert told == {(method, path) for method, path in found if not path.startswith("/v1")}


@pytest.mark.parametrize("name", ["arrhes", "s3"])
def test_references_lead_somewhere(name: str) -> None:
    """C-40: each reference of the documents is there."""
    document = yaml.safe_load((FOLDER / name / "openapi.yaml").read_text())
    for reference in references(document):
        found: Any = document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]


def test_answers_have_the_members_told(year: Year) -> None:
    """AR-09, AR-10, AR-40: what is shown and what is documented are the same members."""
    schemas = DOCUMENT["components"]["schemas"]
    folder = good(year.http.get(f"{year.path}/folders/{year.folder()}"))
    for name, answer in (
        ("File", year.store(b"x")),
        ("Folder", folder),
        ("Year", good(year.http.get(year.path))),
        ("Organization", year.organization.document()),
        ("User", good(year.http.get("/users/me"))),
        ("ApiKey", good(year.http.get(f"/organizations/{year.organization.id}/api-keys"))[0]),
    ):
        assert list(answer) == list(schemas[name]["properties"]), name
