"""The table of refusals is total, and the OpenAPI document says what the router does."""

from pathlib import Path

import pytest
import yaml

import consigne.dialects
from consigne import errors
from consigne.dialects.tus.errors import TABLE
from consigne.dialects.tus.routes import routes
from consigne.errors import ConsigneError

DOCUMENT = Path(consigne.dialects.__file__).parent / "tus/openapi.yaml"


def test_every_refusal_has_a_row() -> None:
    """C-41: the table covers the closed list."""
    assert TABLE.missing() == []


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.ChunkOutOfOrder(), 409),
        (errors.UploadExpired(), 410),
        (errors.PreconditionFailed(), 412),
        (errors.FileTooLarge(), 413),
        (errors.UnsupportedMedia(), 415),
        (errors.Busy(), 423),
        (errors.DigestMismatch(), 460),
        (errors.StorageFull(), 507),
    ],
)
def test_statuses_of_the_protocol(error: ConsigneError, status: int) -> None:
    """tus: each refusal that a client acts on has its status."""
    assert TABLE.row(error) == status


def test_router_and_document_have_the_same_routes() -> None:
    """Every route is documented, and every documented route exists."""
    document = yaml.safe_load(DOCUMENT.read_text())
    found = {(r.method, r.path) for r in routes(None, None)}  # type: ignore[arg-type]
    told = {
        (method.upper(), path)
        for path, item in document["paths"].items()
        for method in item
        if method != "parameters"
    }
    assert told == {(method, path) for method, path in found if not path.endswith("/")}
