"""Clients from npm, run unmodified under node."""

import json
import subprocess
from base64 import b64decode
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .process import node

TOP = Path(__file__).resolve().parents[2]
MODULES = TOP / ".cache/node"
SCRIPTS = Path(__file__).with_name("node")


@dataclass(frozen=True)
class HugeUpload:
    """What huge-uploader said in the end: `finish` with the last answer's body, or `error`."""

    event: str
    detail: Any
    retries: int


def huge_upload(endpoint: str, token: str, file: Path, chunk_megabytes: float = 1) -> HugeUpload:
    """Send a file with huge-uploader in chunks of so many million bytes."""
    assert (MODULES / "node_modules").exists(), "huge-uploader is missing: run scripts/parts"
    command = [str(node()), str(SCRIPTS / "huge_upload.mjs"), str(MODULES)]
    command += [endpoint, token, str(file), str(chunk_megabytes)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    detail = said["detail"]
    return HugeUpload(
        said["event"],
        json.loads(detail) if said["event"] == "finish" else detail,
        said["retries"],
    )


@dataclass(frozen=True)
class Answered:
    """An answer that the AWS SDK for JavaScript got, and the URL that it was sent to."""

    url: str
    status: int
    headers: dict[str, str]
    body: bytes


def aws_sdk(request: dict[str, Any]) -> list[Answered]:
    """Have the AWS SDK for JavaScript send requests; see ``node/aws_sdk.mjs``."""
    assert (MODULES / "node_modules/@aws-sdk").exists(), "the AWS SDK is missing: run scripts/parts"
    command = [str(node()), str(SCRIPTS / "aws_sdk.mjs"), str(MODULES)]
    done = subprocess.run(
        command, input=json.dumps(request), capture_output=True, text=True, check=False,
        timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [
        Answered(each["url"], each["status"], each["headers"], b64decode(each["body"]))
        for each in json.loads(done.stdout)
    ]
