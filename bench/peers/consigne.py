"""Ours, started by its own command, spoken to in its native API."""

import sys
from pathlib import Path
from typing import ClassVar

import httpx

import consigne

from .peer import Peer, Upload

KEY = "bench-key-of-at-least-thirty-two-characters"
FILES = "/consigne/v1/files"


class Consigne(Peer):
    name = "Consigne"
    durability = "2xx after bytes and row are synced; SHA-256 and MD5 of every byte"
    ready_path = "/health/ready"
    read_headers: ClassVar = {"Authorization": f"Bearer {KEY}"}
    environment: ClassVar = {
        "CONSIGNE_BOOTSTRAP_USER": "bench@example.org:bench-password-of-some-length",
        "CONSIGNE_BOOTSTRAP_KEY": KEY,
    }

    def install(self) -> None:
        self.version = consigne.__version__

    def command(self) -> list[str]:
        program = Path(sys.executable).with_name("consigne")
        command = [str(program), "serve", "--data", str(self.folder / "data")]
        return [*command, "--host", "127.0.0.1", "--port", str(self.port), "--workers", "2"]

    def upload(self, size: int) -> Upload:
        headers = {"Content-Type": "application/octet-stream", **self.read_headers}
        return Upload("POST", FILES + "?name={name}", headers)

    def content_path(self, answer: httpx.Response) -> str | None:
        return f"{FILES}/{answer.json()['id']}/content"

    def metadata_path(self, answer: httpx.Response) -> str | None:
        return f"{FILES}/{answer.json()['id']}"
