"""The rows of the table: what is measured, and how one round of it goes for one server."""

import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from bench.load import LargeFile, LoadError, Wrk, curl_download, curl_upload
from bench.peers.peer import Peer

MB = 1_000_000
SMALL, MEDIUM = 4 * 1024, 64 * 1024
SEEDED_FILES = 400
WRITERS, READERS = 16, 32


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    title: str
    unit: str
    less_is_better: bool = False


ROWS = {
    "large_upload": Row("one large upload", "MB/s"),
    "small_uploads": Row("4 KiB uploads", "a second"),
    "medium_downloads": Row("64 KiB downloads", "a second"),
    "metadata": Row("metadata of one file", "a second"),
    "large_download": Row("one large download", "MB/s"),
    "memory": Row("resident memory after the run", "MB", less_is_better=True),
}


class Stand:
    """A running server with files in it that can be read."""

    def __init__(self, peer: Peer, folder: Path) -> None:
        self.peer = peer
        self._contents = folder / "contents"
        self._metadata = folder / "metadata"
        folder.mkdir()

    def seed(self) -> None:
        """Upload the files that the reading rows read, and check that one comes back as it went."""
        upload = self.peer.upload(MEDIUM)
        head, tail = upload.head.encode(), upload.tail.encode()
        contents, metadata = [], []
        with httpx.Client(base_url=self.peer.url, timeout=30) as client:
            for _ in range(SEEDED_FILES):
                sent = os.urandom(MEDIUM)
                path = upload.path.replace("{name}", uuid.uuid4().hex)
                body = head + sent + tail
                answer = client.request(upload.method, path, headers=upload.headers, content=body)
                answer.raise_for_status()
                contents.append(self.peer.content_path(answer))
                metadata.append(self.peer.metadata_path(answer))
            if contents[-1] is not None:
                received = client.get(contents[-1], headers=self.peer.read_headers)
                if received.content != sent:
                    raise LoadError(f"{self.peer.name} gives back other bytes than it was sent")
        for file, paths in ((self._contents, contents), (self._metadata, metadata)):
            file.write_text("".join(f"{path}\n" for path in paths if path is not None))

    def round(self, wrk: Wrk, large: LargeFile) -> Iterator[tuple[str, float]]:
        """Measure every row once; yield the row's key and the figure."""
        peer = self.peer
        upload = peer.upload(large.size)
        body = large.body(upload)
        _settle()
        seconds, answer = curl_upload(peer.url, upload, body, uuid.uuid4().hex)
        yield "large_upload", large.size / MB / seconds
        path = peer.content_path(answer)
        if path is not None:
            _settle()
            seconds = curl_download(peer.url + path, peer.read_headers, large.size)
            yield "large_download", large.size / MB / seconds
        _settle()
        yield "small_uploads", wrk.upload(peer.url, peer.upload(SMALL), SMALL, WRITERS).per_second
        _settle()
        for row, paths in (("medium_downloads", self._contents), ("metadata", self._metadata)):
            if paths.stat().st_size:
                rate = wrk.read(peer.url, paths, peer.read_headers, READERS)
                yield row, rate.per_second


def resident_memory(pid: int) -> float:
    """Return the resident memory of a process and all its descendants, in MB."""
    return sum(_status_kb(process, "VmRSS") for process in process_tree(pid)) * 1024 / MB


def peak_memory(pid: int) -> float:
    """Return the highest resident memory that any one process of a tree ever had, in MB."""
    return max(_status_kb(process, "VmHWM") for process in process_tree(pid)) * 1024 / MB


def process_tree(pid: int) -> list[int]:
    """Return a process and all its descendants."""
    tree = [pid]
    for parent in tree:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            tree += map(int, task.read_text().split())
    return tree


def _status_kb(pid: int, field: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1])
    return 0


def _settle() -> None:
    """Write out what is dirty, so that it does not slow down the next measurement."""
    os.sync()
