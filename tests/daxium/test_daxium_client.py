"""The client that ``openapi-python-client`` generates from the seed, unmodified (DX-52)."""

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import UUID

import pytest
from daxium_support import NOBODY, PNG, Instance

SEED = Path(__file__).with_name("seed")
GENERATOR = Path(sys.executable).with_name("openapi-python-client")
PACKAGE = "daxium_seed_client"


def seed() -> dict[str, Any]:
    """Return the two documents of the seed as one: they differ in their paths alone."""
    first, second = (
        json.loads((SEED / f"{name}.json").read_text())
        for name in ("uploadFile", "downloadErrorFile")
    )
    assert first["info"] == second["info"]
    return {**first, "paths": first["paths"] | second["paths"]}


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """Generate the package and import it."""
    folder = tmp_path_factory.mktemp("client")
    (folder / "openapi.json").write_text(json.dumps(seed()))
    command = [str(GENERATOR), "generate", "--path", "openapi.json", "--meta", "none"]
    done = subprocess.run(
        [*command, "--output-path", PACKAGE], cwd=folder, capture_output=True, text=True,
        check=False, timeout=60,
        env={**os.environ, "PATH": f"{GENERATOR.parent}:{os.environ['PATH']}"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    sys.path.insert(0, str(folder))
    try:
        yield importlib.import_module(PACKAGE)
    finally:
        sys.path.remove(str(folder))


def call(generated: ModuleType, name: str) -> Any:
    return importlib.import_module(f"{PACKAGE}.api.files.{name}").sync_detailed


def test_upload(generated: ModuleType, instance: Instance) -> None:
    """DX-12, DX-13, DX-14, DX-52, case 2: a PNG as octet-stream: its uuid, image/png, its size."""
    person = instance.person()
    token = person.http.headers["authorization"].removeprefix("Bearer ")
    client = generated.AuthenticatedClient(base_url=instance.url, token=token)
    file = importlib.import_module(f"{PACKAGE}.types").File(payload=BytesIO(PNG))
    answer = call(generated, "upload_file")(instance.short, client=client, body=file)
    assert answer.status_code == 200
    assert isinstance(answer.parsed.uuid, UUID)
    assert answer.parsed.mime_type == "image/png"
    assert answer.parsed.size == len(PNG)
    stored = instance.file(str(answer.parsed.uuid))
    assert stored["state"] == "held"
    content = instance.admin.get(f"/consigne/v1/files/{answer.parsed.uuid}/content")
    assert content.content == PNG


def test_download_of_an_error_file(generated: ModuleType, instance: Instance) -> None:
    """DX-48, DX-49, DX-52: a worker that there is not, as the client asks for it."""
    token = instance.admin.headers["authorization"].removeprefix("Bearer ")
    client = generated.AuthenticatedClient(base_url=instance.url, token=token)
    ask = call(generated, "download_error_file")
    answer = ask(instance.short, UUID(NOBODY), client=client)
    assert answer.status_code == 404
    assert json.loads(answer.content)["code"] == "DAERR-FIL007"


def test_every_operation_of_the_seed_is_served(instance: Instance) -> None:
    """DX-01, DX-02, DX-03: its paths, methods and scheme are in our own document."""
    import yaml

    import consigne.dialects.daxium as dialect

    ours = yaml.safe_load(Path(dialect.__file__).with_name("openapi.yaml").read_text())
    theirs = seed()
    assert ours["info"]["version"] == theirs["info"]["version"] == "v1.3"
    assert ours["info"]["title"] == theirs["info"]["title"] == "Daxium Air API"
    assert ours["security"] == theirs["security"]
    assert ours["components"]["securitySchemes"]["BearerAuth"] == {
        "type": "http",
        "scheme": "bearer",
    }
    for path, item in theirs["paths"].items():
        for method, operation in item.items():
            mine = ours["paths"][path][method]
            assert mine["operationId"] == operation["operationId"]
            assert mine["tags"] == operation["tags"]
            assert "200" in mine["responses"]
