"""The real command, `consigne serve`, as a child process on a real port."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import httpx
import pytest

from .process import bound_to_us, free_port, kill_group, stop

EMAIL, PASSWORD = "admin@example.org", "correct horse battery staple"
KEY = "test-key-of-at-least-thirty-two-characters"
CLIENT_ID, CLIENT_SECRET = "test-client", "test-secret-of-at-least-thirty-two-characters"
BOOTSTRAP = {
    "CONSIGNE_BOOTSTRAP_USER": f"{EMAIL}:{PASSWORD}",
    "CONSIGNE_BOOTSTRAP_KEY": KEY,
    "CONSIGNE_BOOTSTRAP_CLIENT": f"{CLIENT_ID}:{CLIENT_SECRET}",
}
COMMAND = (str(Path(sys.executable).with_name("consigne")),)
_WORKS = "worker_started"
_VAULT = os.environ.get("CONSIGNE_TEST_VAULT", "embedded")
NUL = "%00" if _VAULT == "embedded" else "%01"
"""Something in a path that names nothing; nginx answers %00 by itself."""
START_TIMEOUT = 60.0
STOP_TIMEOUT = 30.0


class RunningServer:
    """A server on a data folder; it can be killed, ended and started again on the same port."""

    def __init__(
        self,
        data: Path,
        *,
        env: Mapping[str, str] | None = None,
        args: Sequence[str] = (),
        command: Sequence[str] = COMMAND,
        port: int | None = None,
    ) -> None:
        self.data = data
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = data.with_name(f"{data.name}.log")
        self._env = BOOTSTRAP | dict(env or {})
        self._command = [*command, "serve", "--data", str(data), "--host", "127.0.0.1"]
        self._command += ["--port", str(self.port), *args]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        """Everything that the server has written so far, over all its starts."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    @property
    def env(self) -> Mapping[str, str]:
        """The settings that it got by its environment."""
        return self._env

    @property
    def pid(self) -> int:
        """The process id of the command (workers are its children)."""
        assert self._process is not None, "the server is not running"
        return self._process.pid

    def client(self) -> httpx.Client:
        """Return a client that is logged in with the bootstrap key."""
        headers = {"Authorization": f"Bearer {KEY}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30)

    def start(self) -> "RunningServer":
        """Start the command and wait until it says that it is ready."""
        assert self._process is None, "the server is running already"
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("CONSIGNE_")}
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                bound_to_us(self._command),
                env=inherited | self._env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # so that kill9 reaches the workers, and ctrl-C does not
            )
        try:
            self._wait_until_ready()
        except BaseException:
            self.kill9()
            raise
        return self

    def kill9(self) -> None:
        """Kill the command and its workers as a power cut would, without a warning."""
        if self._process is not None:
            kill_group(self._process.pid)
            self._process.wait()
            self._process = None

    def terminate(self) -> None:
        """End the server politely; it has to drain and exit with 0."""
        if self._process is not None:
            group = self._process.pid
            try:
                status = stop(self._process, signal.SIGTERM, STOP_TIMEOUT)
                self._process = None
                assert status == 0, f"exit {status} after SIGTERM:\n{self.log}"
                deadline = time.monotonic() + 2
                while _is_alive(group):
                    assert time.monotonic() < deadline, "a worker outlived the command"
                    time.sleep(0.02)
            finally:
                kill_group(group)

    def restart(self) -> None:
        """End the server politely if it runs, and start it again."""
        self.terminate()
        self.start()

    def _wait_until_ready(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            status = self._process.poll()
            assert status is None, f"exit {status} at the start:\n{self.log}"
            try:
                if httpx.get(f"{self.url}/health/ready", timeout=1).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            assert time.monotonic() < deadline, f"not ready in {START_TIMEOUT} s:\n{self.log}"
            time.sleep(0.05)


def _is_alive(group: int) -> bool:
    """Say whether a process group has a process that is more than a zombie."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _parent, of_group = stat.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue  # it ended while we looked
        if int(of_group) == group and state != "Z":
            return True
    return False


class WorkerProcess:
    """The command `consigne worker`; it can be killed, ended and started again."""

    def __init__(self, data: Path, env: Mapping[str, str]) -> None:
        self._log = data.with_name(f"{data.name}.log")
        self._env = dict(env)
        self._command = [*COMMAND, "worker", "--data", str(data)]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        """Everything that the worker has written so far, over all its starts."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def start(self) -> None:
        """Start it and wait until it says that it works."""
        assert self._process is None, "the worker is running already"
        starts = self.log.count(_WORKS)
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("CONSIGNE_")}
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                bound_to_us(self._command),
                env=inherited | self._env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_TIMEOUT
        while self.log.count(_WORKS) == starts:
            status = self._process.poll()
            assert status is None, f"exit {status} at the start:\n{self.log}"
            assert time.monotonic() < deadline, f"not ready in {START_TIMEOUT} s:\n{self.log}"
            time.sleep(0.05)

    def kill9(self) -> None:
        """Kill it without a warning."""
        if self._process is not None:
            kill_group(self._process.pid)
            self._process.wait()
            self._process = None

    def terminate(self) -> None:
        """End it politely; it has to hand back its jobs and exit with 0."""
        if self._process is not None:
            group = self._process.pid
            status = stop(self._process, signal.SIGTERM, STOP_TIMEOUT)
            self._process = None
            kill_group(group)
            assert status == 0, f"exit {status} after SIGTERM:\n{self.log}"


class ServerStarter(Protocol):
    """Starts a server of the test's own, by default on an empty data folder."""

    def __call__(
        self,
        data: Path | None = None,
        *,
        env: Mapping[str, str] | None = None,
        args: Sequence[str] = (),
        command: Sequence[str] = COMMAND,
    ) -> RunningServer: ...


def others_forget() -> None:
    """Return when every process knows what another one has changed about credentials and roles: at
    once on one process, after the five seconds of docs/operations.md on a cluster."""
    if vault() == "cluster":
        time.sleep(5.5)


@pytest.fixture(scope="session")
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    """Run one server (SQLite and a folder) for all the tests of this process: leave it usable.

    Where ``CONSIGNE_TEST_VAULT`` is ``cluster``, it is the whole set-up of ``tests.parts.cluster``.
    """
    if vault() == "cluster":
        yield request.getfixturevalue("cluster")
        return
    running = RunningServer(tmp_path_factory.mktemp("server") / "data").start()
    try:
        yield running
        running.terminate()
    finally:
        running.kill9()


def vault() -> str:
    """Return behind which vault the servers of the tests stand: ``embedded`` or ``cluster``."""
    assert _VAULT in ("embedded", "cluster"), f"CONSIGNE_TEST_VAULT={_VAULT} is not known"
    return _VAULT


@pytest.fixture
def start_server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ServerStarter]:
    """Give a function that starts servers; they are killed when the test ends.

    On a cluster they have a database and a part of the object store of their own.
    """
    with ExitStack() as started:
        own: dict[str, str] = {}
        if vault() == "cluster":
            own = started.enter_context(request.getfixturevalue("cluster").fresh_vault())

        def start(
            data: Path | None = None,
            *,
            env: Mapping[str, str] | None = None,
            args: Sequence[str] = (),
            command: Sequence[str] = COMMAND,
        ) -> RunningServer:
            running = RunningServer(
                data or tmp_path / "data", env=own | dict(env or {}), args=args, command=command
            )
            started.callback(running.kill9)
            return running.start()

        yield start


@pytest.fixture
def fresh_server(start_server: ServerStarter) -> RunningServer:
    """Run a server on an empty data folder, for this test alone."""
    return start_server()
