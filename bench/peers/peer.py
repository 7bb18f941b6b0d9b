"""What the benchmark has to know about a server: how to run it, and what its requests look like."""

import os
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGTERM
from typing import ClassVar

import httpx
from tests.parts.process import bound_to_us, free_port, kill_group, stop

START_TIMEOUT = 60.0
BOUNDARY = "consigne-bench-boundary"


@dataclass(frozen=True)
class Upload:
    """How one upload is spelled; curl, wrk and the seeding send exactly this.

    `path` has `{name}` where each upload puts a name of its own. `head` and `tail` are
    what stands around the bytes of the file in the body.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    head: str = ""
    tail: str = ""


def multipart(path: str, part: str) -> Upload:
    """Spell an upload as a form with one file."""
    disposition = f'form-data; name="{part}"; filename="bench.bin"'
    return Upload(
        "POST",
        path,
        {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"},
        f"--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\n"
        "Content-Type: application/octet-stream\r\n\r\n",
        f"\r\n--{BOUNDARY}--\r\n",
    )


class Peer(ABC):
    """A server under measurement.

    A subclass says how to install, start and talk to it. `read_headers` are sent with
    downloads and metadata requests.
    """

    name: str
    version: str
    durability: str
    read_headers: ClassVar[Mapping[str, str]] = {}
    environment: ClassVar[Mapping[str, str]] = {}
    ready_path = "/"
    ready_statuses = frozenset({200})

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def install(self) -> None:
        """Fetch the server if it is not there yet, and learn its version."""

    @abstractmethod
    def command(self) -> list[str]:
        """Return the command that runs the server on `port` in `folder`."""

    @abstractmethod
    def upload(self, size: int) -> Upload:
        """Return how a file of this size is uploaded."""

    def content_path(self, answer: httpx.Response) -> str | None:
        """Return where the bytes are to be read, from the answer to an upload, if anywhere."""
        return None

    def metadata_path(self, answer: httpx.Response) -> str | None:
        """Return where the file's metadata is to be read as JSON, if there is such a place."""
        return None

    def prepare(self) -> None:  # noqa: B027 (most have nothing to prepare)
        """Make what has to be there before the start."""

    def configure(self) -> None:  # noqa: B027
        """Make what has to be made through the running server."""

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self.folder.mkdir(parents=True)
        self.prepare()
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                bound_to_us(self.command()),
                cwd=self.folder,
                env=os.environ | dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait_until_ready()
        self.configure()

    def stop(self) -> None:
        """End the server."""
        if self._process is not None:
            stop(self._process, SIGTERM, timeout=15)
            kill_group(self._process.pid)
            self._process = None

    @property
    def pid(self) -> int:
        """The process id of the command; what it started are its children."""
        assert self._process is not None, f"{self.name} is not running"
        return self._process.pid

    def _wait_until_ready(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            try:
                answer = httpx.get(self.url + self.ready_path, timeout=2)
                if answer.status_code in self.ready_statuses:
                    return
            except httpx.TransportError:
                pass
            if self._process.poll() is not None or time.monotonic() > deadline:
                log = (self.folder / "log").read_text(errors="replace")
                raise RuntimeError(f"{self.name} does not start:\n{log[-3000:]}")
            time.sleep(0.1)


class Running(ExitStack):
    """Peers that are started one by one and all stopped at the end."""

    def start(self, peer: Peer) -> None:
        self.callback(peer.stop)
        peer.start()


def scratch_folder() -> tempfile.TemporaryDirectory[str]:
    """Make a folder for all the servers' data, on the disk of the checkout."""
    cache = Path(".cache/bench").resolve()
    cache.mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryDirectory(prefix="run-", dir=cache, ignore_cleanup_errors=True)
