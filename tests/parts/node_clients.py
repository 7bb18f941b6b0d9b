"""Clients from npm, run unmodified under node."""

import json
import os
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


def bundle(script: str, target: Path) -> None:
    """Bundle a script with the packages that it imports, for a browser."""
    assert (MODULES / "node_modules/esbuild").exists(), "esbuild is missing: run scripts/parts"
    command = [
        str(node()),
        str(MODULES / "node_modules/esbuild/bin/esbuild"),
        str(SCRIPTS / script),
    ]
    command += ["--bundle", "--format=iife", f"--outfile={target}", "--log-level=warning"]
    env = {**os.environ, "NODE_PATH": str(MODULES / "node_modules")}
    subprocess.run(command, env=env, check=True, timeout=100)


@dataclass(frozen=True)
class TusUpload:
    """What tus-js-client said in the end: `success` with the upload's URL, or `error`."""

    event: str
    url: str
    file: str | None
    detail: str | None
    retries: int


def start_tus_js(
    endpoint: str, token: str, path: Path, *, stream: bool = False, **options: Any
) -> "subprocess.Popen[str]":
    """Have tus-js-client send a file; ``options`` are its own."""
    assert (MODULES / "node_modules/tus-js-client").exists(), "run scripts/parts"
    process = subprocess.Popen(
        [str(node()), str(SCRIPTS / "tus_upload.mjs"), str(MODULES)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wish = {"endpoint": endpoint, "token": token, "path": str(path), "stream": stream}
    assert process.stdin is not None
    process.stdin.write(json.dumps(wish | {"options": options}))
    process.stdin.close()
    process.stdin = None
    return process


def end_tus_js(process: "subprocess.Popen[str]") -> TusUpload:
    """Wait for tus-js-client and return how it ended."""
    try:
        said, complaints = process.communicate(timeout=90)
    finally:
        process.kill()
    assert process.returncode == 0, complaints
    return TusUpload(**json.loads(said))


def tus_js(endpoint: str, token: str, path: Path, **options: Any) -> TusUpload:
    """Send a file with tus-js-client."""
    return end_tus_js(start_tus_js(endpoint, token, path, **options))
