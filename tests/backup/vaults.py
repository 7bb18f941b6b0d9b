"""A vault with something of everything in it, the command, and what two vaults have in common."""

import contextlib
import hashlib
import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
from click.testing import CliRunner
from tests.parts.process import bound_to_us
from tests.parts.server import COMMAND, EMAIL, KEY, RunningServer

from consigne.cli import main

API = "/consigne/v1"
TYPES = """
[[type]]
name = "CONTRACT"
fields = [{ id = "title", type = "text", in_title = true }, { id = "scan", type = "file" }]
"""
WORDS = {
    "facture.txt": "La facture n° 12 de l'été, payée à Noël.",
    "report.txt": "Reports of the machines, running and reported.",
    "notes.txt": "Une machine, deux machines; the running total.",
}
QUESTIONS = ("facture", "machine", "reported", '"running total"', "noel", "mach", "bilan")


def client(server: RunningServer) -> httpx.Client:
    return server.client()


def call(api: httpx.Client, method: str, path: str, **options: Any) -> Any:
    """Send a request that must succeed; return its JSON."""
    got = api.request(method, API + path, **options)
    assert got.is_success, f"{method} {path}: {got.status_code} {got.text}"
    return got.json() if got.content else None


def put(api: httpx.Client, data: bytes, name: str, **params: str) -> str:
    number: str = call(api, "POST", "/files", params={"name": name, **params}, content=data)["id"]
    return number


def fill(server: RunningServer, tmp_path: Path, *, large: int = 1_500_000) -> dict[str, str]:
    """Put something of everything into a vault; return the ids of files that can be read, with the
    SHA-256 of their bytes.
    """
    types = tmp_path / "types.toml"
    types.write_text(TYPES)
    run("type", "apply", types, "--data", server.data, env=env_of(server))
    made_by = ("--owner", EMAIL, "--data", server.data)
    run("space", "create", "second", *made_by, env=env_of(server))
    with server.client() as api:
        made = {name: put(api, text.encode(), name) for name, text in WORDS.items()}
        blob = os.urandom(large)
        made["large"] = put(api, blob, "bilan 2026.bin", **{"meta.client": "Noël & Co", "tag": "x"})
        made["twin"] = put(api, blob, "twin.bin")
        made["empty"] = put(api, b"", "empty")
        made["elsewhere"] = put(api, blob[:70_000], "é.bin", space="second")
        # A version, the trash, a folder, a record with a file.
        call(api, "PUT", f"/files/{made['notes.txt']}/content", content=WORDS["notes.txt"].encode())
        call(api, "PUT", f"/files/{made['twin']}/content", content=os.urandom(300_000))
        gone = put(api, b"in the trash", "gone.txt")
        call(api, "DELETE", f"/files/{gone}")
        folder = call(api, "PUT", "/folders", params={"path": "a/b"})["id"]
        made["below"] = put(api, b"below", "below.txt", folder=folder)
        scan = put(api, b"%PDF-1.4 no more", "scan.pdf", hold="true")
        wish = {"type": "CONTRACT", "values": {"title": "Un"}, "files": {"scan": scan}}
        call(api, "POST", "/records", json=wish)
        last = call(api, "POST", "/records", json={"type": "CONTRACT", "values": {"title": "Deux"}})
        call(api, "DELETE", f"/records/{last['id']}", params={"purge": "true"})
        # An upload that is under way.
        opened = call(api, "POST", "/uploads", json={"name": "half.bin", "length": 9000})
        call(api, "PUT", f"/uploads/{opened['id']}/parts/1", content=bytes(1000))
        return {number: digest_of(api, number) for number in made.values()}


def digest_of(api: httpx.Client, number: str) -> str:
    """Return the SHA-256 of a file's bytes as they come back."""
    for space in ("default", "second"):
        got = api.get(f"{API}/files/{number}/content", headers={"X-Consigne-Space": space})
        if got.status_code == 200:
            return hashlib.sha256(got.content).hexdigest()
    raise AssertionError(got.text)


def hits(api: httpx.Client) -> dict[str, Any]:
    """Return what each question finds: names, and the places in the text."""
    found = {}
    for question in QUESTIONS:
        answer = call(api, "GET", "/search", params={"q": question})
        found[question] = sorted(
            (hit["file"]["name"], [part["text"] for part in hit["snippets"]])
            for hit in answer["hits"]
        )
    return found


def env_of(server: RunningServer) -> dict[str, str]:
    """Return the settings that a server has and a command on its data needs, too."""
    return {k: v for k, v in server._env.items() if not k.startswith("CONSIGNE_BOOTSTRAP")}


def run(*args: object, exit: int = 0, env: Mapping[str, str] | None = None) -> Any:
    """Run the command to its end in this process; return its JSON with ``--json``."""
    ours: dict[str, str | None] = {k: None for k in os.environ if k.startswith("CONSIGNE_")}
    result = CliRunner(env=ours | dict(env or {})).invoke(main, [*map(str, args)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == exit, (result.exit_code, result.stdout, result.stderr)
    if "--json" in args:
        text = result.stdout or result.stderr
        lines = [json.loads(line) for line in text.splitlines()]
        return lines[0] if len(lines) == 1 else lines
    return result


def start(*args: object, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start the command as a process of its own."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("CONSIGNE_")}
    return subprocess.Popen(
        bound_to_us([*COMMAND, *map(str, args)]),
        env=inherited | dict(env or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@contextlib.contextmanager
def logged_in(server: RunningServer) -> Iterator[httpx.Client]:
    """Give a client with the key that the first vault was made with."""
    headers = {"Authorization": f"Bearer {KEY}"}
    with httpx.Client(base_url=server.url, headers=headers, timeout=60) as api:
        yield api
