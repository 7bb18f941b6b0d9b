"""Plug-ins in a real server: the example that is shipped, and a crash between commit and hook."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from plugin_support import write_plugin
from tests.parts.papers import text_pdf
from tests.parts.server import RunningServer, ServerStarter

EXAMPLE = Path(__file__).parents[2] / "examples/plugin"
API = "/consigne/v1"
TYPE = {
    "name": "PAPER",
    "fields": [
        {"id": "title", "type": "text", "in_title": True},
        {"id": "account", "type": "text", "constraints": ["iban"]},
        {"id": "scan", "type": "file"},
    ],
}


def served(server: RunningServer, **type: Any) -> httpx.Client:
    """Return a client of a server that has the type."""
    http = server.client()
    got = http.post(f"{API}/types", json=TYPE | type)
    assert got.status_code == 201, got.text
    return http


def sent(http: httpx.Client, name: str, body: bytes = b"hello") -> str:
    got = http.post(f"{API}/files", params={"name": name, "hold": "true"}, content=body)
    assert got.status_code == 201, got.text
    return str(got.json()["id"])


def save(http: httpx.Client, **record: Any) -> httpx.Response:
    return http.post(f"{API}/records", json={"type": "PAPER", **record})


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the example as its README says."""
    folder = tmp_path_factory.mktemp("plugins")
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index"]
    command += ["--no-build-isolation", "--no-cache-dir", "--target", str(folder), str(EXAMPLE)]
    subprocess.run(command, check=True, timeout=120)
    return folder


def test_the_example_vetoes_an_insert(start_server: ServerStarter, installed: Path) -> None:
    """examples/plugin, installed by pip, refuses what it says it refuses (DY-58, DY-59)."""
    server = start_server(env={"CONSIGNE_PLUGIN_PATH": str(installed)})
    http = served(server)
    lock, paper = sent(http, "~$report.docx"), sent(http, "report.txt")
    before = http.get(f"{API}/spaces/default/usage").json()
    refused = save(http, values={"title": "One"}, files={"scan": lock})
    assert refused.status_code == 422, refused.text
    assert refused.json()["code"] == "hook_refused"
    assert refused.json()["detail"].startswith("~$report.docx is a lock file")
    assert http.get(f"{API}/files/{lock}").json()["state"] == "held"
    assert http.get(f"{API}/spaces/default/usage").json() == before

    locked = sent(http, "contract.pdf", text_pdf(["x"]) + b"\n% /Encrypt 5 0 R\n")
    refused = save(http, values={"title": "Two"}, files={"scan": locked})
    assert (refused.status_code, refused.json()["detail"]) == (422, "contract.pdf is encrypted.")

    wrong = save(http, values={"account": "FR76 3000 6000 0112 3456 7890 188"})
    assert wrong.json()["code"] == "constraint_failed", wrong.text
    wrong = save(http, values={"account": "no"})
    assert "FR76" in wrong.text
    assert http.get(f"{API}/records").json()["records"] == []

    right = {"title": "Three", "account": "FR76 3000 6000 0112 3456 7890 189"}
    made = save(http, values=right, files={"scan": paper})
    assert made.status_code == 201, made.text
    assert made.json()["messages"] == ["1 filed"]
    assert "filed 1 in PAPER" in server.log


LATE = """
import json, os, time
from consigne.plugins import hookimpl

@hookimpl
def consigne_post_store(ctx):
    with open(os.environ["TEST_DIARY"], "a") as diary:
        said = ctx.files[0].open().read().decode()
        diary.write(json.dumps([ctx.record.id, ctx.redelivered, said, os.getpid()]) + "\\n")
    if not ctx.redelivered:
        time.sleep(600)
"""


def test_a_crash_before_post_store_loses_nothing(
    start_server: ServerStarter, tmp_path: Path
) -> None:
    """Killed after the commit, in the hook: the next server tells it again, once (DY-58, C-53)."""
    diary = tmp_path / "diary"
    env = {
        "CONSIGNE_PLUGIN_PATH": str(write_plugin(tmp_path / "plugins", "late", LATE)),
        "CONSIGNE_PLUGIN_ENV": "TEST_DIARY",
        "CONSIGNE_HOOK_TIME": "3",
        "TEST_DIARY": str(diary),
    }
    server = start_server(env=env)
    http = served(server, fields=TYPE["fields"][::2])
    file = sent(http, "note.txt", b"what was sent")
    with pytest.raises(httpx.TransportError):
        _until_written(http, diary, server, file)
    ((number, redelivered, said, pid),) = told(diary)
    assert (redelivered, said) == (False, "what was sent")
    assert not _is_running(pid), "a child outlived its server"
    server.start()
    assert http.get(f"{API}/records/{number}").json()["title"] == "Late"
    deadline = time.monotonic() + 60
    while len(told(diary)) < 2:
        assert time.monotonic() < deadline, server.log
        time.sleep(0.1)
    assert told(diary)[1][:3] == [number, True, "what was sent"]
    server.restart()
    time.sleep(1)
    assert len(told(diary)) == 2


def _until_written(http: httpx.Client, diary: Path, server: RunningServer, file: str) -> None:
    """Save a record, and kill the server as soon as the hook has begun."""
    import threading

    def kill() -> None:
        while not told(diary):
            time.sleep(0.01)
        server.kill9()

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        save(http, values={"title": "Late"}, files={"scan": file})
    finally:
        killer.join()


def told(diary: Path) -> list[Any]:
    text = diary.read_text() if diary.exists() else ""
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def _is_running(pid: int) -> bool:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return False
        if state == "Z":
            return False
        time.sleep(0.02)
    return True


def test_with_several_server_processes(start_server: ServerStarter, installed: Path) -> None:
    """Each server process has children of its own; all of them end with the server (C-53)."""
    server = start_server(env={"CONSIGNE_PLUGIN_PATH": str(installed)}, args=("--workers", "2"))
    http = served(server)
    lock = sent(http, "~$report.docx")
    for _ in range(8):
        with server.client() as fresh:
            assert save(fresh, files={"scan": lock}).status_code == 422
    server.terminate()
