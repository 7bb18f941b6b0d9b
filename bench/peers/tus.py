"""The reference implementation of tus for Node, with its file store.

Uploads only: its GET is an extra beside the protocol, and ends the process under load
(Node 24, `ERR_INVALID_STATE: ReadableStream is already closed`).
"""

from pathlib import Path
from typing import ClassVar

from tests.parts.process import node

from bench.parts import node_packages

from .peer import Peer, Upload


class Tus(Peer):
    name = "@tus/server"
    durability = "2xx before the bytes are synced; a JSON file beside each upload"
    ready_statuses = frozenset({200, 404})
    environment: ClassVar = {"NODE_ENV": "production"}
    _modules: Path

    def install(self) -> None:
        self._modules, self.version = node_packages("@tus/server", "@tus/file-store")

    def prepare(self) -> None:
        (self.folder / "files").mkdir()

    def command(self) -> list[str]:
        script = Path(__file__).with_name("tus_server.mjs")
        arguments = [str(self.port), str(self.folder / "files"), str(self._modules)]
        return [str(node()), str(script), *arguments]

    def upload(self, size: int) -> Upload:
        """Create and send in one request (the extension creation-with-upload)."""
        headers = {
            "Tus-Resumable": "1.0.0",
            "Upload-Length": str(size),
            "Content-Type": "application/offset+octet-stream",
        }
        return Upload("POST", "/files", headers)
