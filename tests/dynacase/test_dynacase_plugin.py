"""A real plug-in looks at what comes in by this door (DY-58; acceptance 13 and 16)."""

from pathlib import Path

import pytest
from dynacase_desk import contract
from dynacase_support import Space, file_of, found_space, good, refused, spelled, token_of
from tests.hooks.plugin_support import write_plugin
from tests.parts.server import ServerStarter

CUSTOMS = """
from consigne.plugins import hookimpl


def opened(ctx):
    return [file.open().read() for file in ctx.files]


@hookimpl
def consigne_pre_store(ctx):
    if any(content.startswith(b"BAD") for content in opened(ctx)):
        return "Refused by the customs"


@hookimpl
def consigne_pre_insert(ctx):
    if any(file.name.startswith("~$") for file in ctx.files):
        return "A lock file"


@hookimpl
def consigne_post_store(ctx):
    sizes = ", ".join(str(len(content)) for content in opened(ctx))
    return f"{ctx.action} [{sizes}]"
"""


@pytest.fixture
def space(start_server: ServerStarter, tmp_path: Path) -> Space:
    folder = write_plugin(tmp_path / "plugins", "customs", CUSTOMS)
    made = found_space(start_server(env={"CONSIGNE_PLUGIN_PATH": str(folder)}))
    made.native("PUT", "/types", json={"types": [{"name": "CONTRACT", "attributes": [
        {"id": field.id, "type": field.kind, "multiple": field.multiple}
        for field in contract() if field.id in ("ct_title", "ct_scan", "ct_pages")
    ]}]})  # fmt: skip
    return made


def told(got) -> list[tuple[str, str, str]]:  # type: ignore[no-untyped-def]
    return [(m["type"], m["contentText"], m["code"]) for m in got.json()["messages"]]


@pytest.mark.parametrize("size", [10, 2_000_000], ids=["small", "large"])
def test_bytes_are_seen_before_they_are_kept(space: Space, size: int) -> None:
    """DY-58, acceptance 13: what the plug-in refuses is gone, and the quota as before."""
    bad, fine = b"BAD" + b"x" * size, b"fine" + b"x" * size
    number = space.number()
    path = f"/api/documents/{number}/file/ct_scan"
    refused(space.http.post(path, content=bad), 400, "API0103", "Refused by the customs")
    refused(
        space.http.post(f"{path}?filename=~$a.doc", content=fine), 400, "API0103", "A lock file"
    )
    assert space.files("held", "kept", "released") == []
    assert space.usage == (0, 0)
    got = space.http.post(path, content=fine)
    file = file_of(got, 201)
    assert told(got) == [("userMessage", f"change [{len(fine)}]", "store")]
    refused(space.http.put(path, content=bad), 400, "API0103", "Refused by the customs")
    assert space.http.get(file["downloadUrl"]).content == fine
    assert space.usage == (len(fine), 0)
    got = space.http.put(path, content=fine + b"!")
    assert file_of(got)["reference"] == file["reference"]
    assert told(got) == [("userMessage", f"change [{len(fine) + 1}]", "store")]


def test_a_temporary_file_stays(space: Space) -> None:
    """DY-58, acceptance 13: a refused save leaves the temporary file; PUT document is API0107."""
    token = token_of(file_of(space.http.post("/api/file", content=b"BAD"), 201))
    save = {"attributes": {"ct_scan": spelled(f"file://tmp/{token}")}}
    text = "Refused by the customs"
    refused(space.http.post("/api/families/CONTRACT", json=save), 400, "API0103", text)
    path = f"/api/documents/{space.number()}"
    refused(space.http.put(path, json=save), 400, "API0107", text)
    file_of(space.http.put(f"/api/file/{token}", content=b"good"))
    got = space.http.put(path, json=save)
    good(got)
    assert told(got) == [("userMessage", "change [4]", "store")]


def test_once_per_write(space: Space) -> None:
    """DY-58, acceptance 16: each write is told once, in the answer."""
    got = space.http.post("/api/families/CONTRACT", json={"attributes": {}})
    number = good(got, 201)["document"]["properties"]["id"]
    assert told(got) == [("userMessage", "create []", "store")]
    path = f"/api/documents/{number}"
    assert len(told(space.http.post(f"{path}/file/ct_pages", content=b"1"))) == 1
    assert len(told(space.http.delete(f"{path}/file/ct_pages/0"))) == 1
    assert told(space.http.get(path)) == []
    assert told(space.http.delete(path)) == [("userMessage", "trash []", "store")]
