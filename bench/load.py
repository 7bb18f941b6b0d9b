"""The load: wrk for many small requests, curl for one large one; the same for every server."""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from bench.parts import debian_program
from bench.peers.peer import Upload

LUA = Path(__file__).with_name("lua")
COPY = 1 << 20


class LoadError(RuntimeError):
    """The server did not do what it was asked; a figure would mean nothing."""


@dataclass(frozen=True)
class Rate:
    """What a run of wrk measured."""

    per_second: float
    p50_ms: float
    p99_ms: float


class Wrk:
    """wrk on one thread, so that it takes the same share of the machine from every server."""

    def __init__(self, seconds: float) -> None:
        self._program, self._environment = debian_program(
            "wrk", "usr/bin/wrk", "libluajit-5.1-2", "libluajit-5.1-common"
        )
        self._seconds = max(1, round(seconds))

    def upload(self, url: str, upload: Upload, size: int, connections: int) -> Rate:
        """Upload small files, each with bytes of its own."""
        arguments = [upload.method, upload.path, str(size), upload.head, upload.tail]
        return self._run("upload.lua", url, upload.headers, connections, arguments)

    def read(self, url: str, paths: Path, headers: Mapping[str, str], connections: int) -> Rate:
        """Get the paths that a file lists, one per line."""
        return self._run("read.lua", url, headers, connections, [str(paths)])

    def _run(
        self, script: str, url: str, headers: Mapping[str, str], connections: int, args: list[str]
    ) -> Rate:
        # wrk takes one script: ours are two, the second with what both have in common.
        joined = self._program.with_name(script)
        joined.write_text((LUA / script).read_text() + (LUA / "summary.lua").read_text())
        command = [str(self._program), "--threads", "1", "--connections", str(connections)]
        command += ["--duration", f"{self._seconds}s", "--timeout", "10s", "--script", str(joined)]
        for name, value in headers.items():
            command += ["--header", f"{name}: {value}"]
        done = subprocess.run(
            [*command, url, "--", *args],
            env=os.environ | self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        summary = done.stdout.rpartition("SUMMARY ")[2]
        if done.returncode != 0 or not summary:
            raise LoadError(f"wrk failed: {done.stdout}{done.stderr}")
        measured = json.loads(summary)
        if measured["failed"] or not measured["requests"]:
            raise LoadError(f"{measured['failed']} of {measured['requests']} requests failed")
        rate = measured["requests"] / measured["seconds"]
        return Rate(rate, measured["p50_ms"], measured["p99_ms"])


class LargeFile:
    """A file of random bytes, made once and changed a little before each upload."""

    def __init__(self, folder: Path, size: int) -> None:
        self.size = size
        self._random = folder / "large"
        with self._random.open("wb") as file:
            for _ in range(0, size, COPY):
                file.write(os.urandom(COPY))
            file.truncate(size)

    def body(self, upload: Upload) -> Path:
        """Return a file with the request body of an upload that nobody has seen before."""
        with self._random.open("r+b") as file:
            file.write(os.urandom(32))
        if not upload.head and not upload.tail:
            return self._random
        framed = self._random.with_name("large.framed")
        with framed.open("wb") as target, self._random.open("rb") as source:
            target.write(upload.head.encode())
            while block := source.read(COPY):
                target.write(block)
            target.write(upload.tail.encode())
        return framed


def curl_upload(base: str, upload: Upload, body: Path, name: str) -> tuple[float, httpx.Response]:
    """Upload a large body; return the seconds it took and the answer."""
    headers, answer = body.with_name("headers"), body.with_name("answer")
    url = base + upload.path.replace("{name}", name)
    command = ["curl", "--request", upload.method, "--upload-file", str(body)]
    command += ["--header", "Expect:", "--dump-header", str(headers), "--output", str(answer)]
    seconds, _ = _curl(command, upload.headers, url)
    pairs = [line.split(": ", 1) for line in headers.read_text().splitlines() if ": " in line]
    return seconds, httpx.Response(
        200,
        headers=[(name, value) for name, value in pairs],
        content=answer.read_bytes() if answer.exists() else b"",
        request=httpx.Request(upload.method, url),
    )


def curl_download(url: str, headers: Mapping[str, str], size: int) -> float:
    """Download a large body to nowhere; return the seconds it took."""
    seconds, received = _curl(["curl", "--output", "/dev/null"], headers, url)
    if received != size:
        raise LoadError(f"{received} bytes came back instead of {size}")
    return seconds


def _curl(command: list[str], headers: Mapping[str, str], url: str) -> tuple[float, int]:
    for name, value in headers.items():
        command += ["--header", f"{name}: {value}"]
    form = "%{http_code} %{time_total} %{size_download}"
    command += ["--silent", "--show-error", "--noproxy", "*", "--write-out", form, url]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LoadError(f"curl failed: {done.stderr}")
    status, seconds, received = done.stdout.split()
    if not status.startswith("2"):
        raise LoadError(f"{url} answered {status}")
    return float(seconds), int(received)
