"""A PostgreSQL of our own: one cluster per test process, a fresh database per test.

The cluster lives in a temporary folder, listens on the loopback address only, and does
not sync (the tests are about conformance, not about PostgreSQL's durability).
"""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from .process import bound_to_us, free_port, kill_family, stop

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "log_min_messages": "fatal",
}
START_TIMEOUT = 30.0


class Cluster:
    """A running PostgreSQL by its base URL; makes and drops databases."""

    def __init__(self, base: str) -> None:
        self.base = base

    def url(self, database: str) -> str:
        """Return the address of a database."""
        return f"{self.base}/{database}"

    def create(self, template: str = "template1") -> str:
        """Create a database, empty or a copy of another one that nobody uses; return its name."""
        name = f"test_{secrets.token_hex(8)}"
        self._execute("CREATE DATABASE {} TEMPLATE {}", name, template)
        return name

    def drop(self, database: str) -> None:
        """Drop a database, and whatever connections are open to it."""
        self._execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", database)

    def _execute(self, statement: str, *names: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def program(name: str) -> str:
    """Find one of PostgreSQL's programs: the newest in Debian's folders, else on the PATH."""
    folders = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"),
        key=lambda folder: float(folder.parent.name),
        reverse=True,
    )
    found = next((str(folder / name) for folder in folders if (folder / name).exists()), None)
    found = found or shutil.which(name)
    assert found, f"PostgreSQL's {name} is missing: run scripts/parts"
    return found


class OwnCluster(Cluster):
    """A PostgreSQL in a folder, at a port of its own; it can be killed and started again.

    ``settings`` go before those of all test clusters.
    """

    def __init__(self, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        self._folder = folder
        self._user = "postgres" if os.geteuid() == 0 else None  # it refuses to run as root
        self._settings = SETTINGS | dict(settings or {})
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        password = secrets.token_urlsafe(16)
        if self._user:
            os.chown(folder, pwd.getpwnam(self._user).pw_uid, -1)
        _initdb(folder, password, self._user)
        super().__init__(f"postgresql://postgres:{password}@127.0.0.1:{self._port}")

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        assert self._process is None, "it is running already"
        command = [program("postgres"), "-D", str(self._folder / "data"), "-p", str(self._port)]
        for name, value in self._settings.items():
            command += ["-c", f"{name}={value}"]
        log = self._folder / "log"
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                bound_to_us(command, signal="INT", user=self._user),
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # a ctrl-C is for pytest, which then stops the cluster
            )
        try:
            _wait_until_ready(self._process, self, log)
        except BaseException:
            self.stop(signal.SIGQUIT)
            raise

    def stop(self, how: int = signal.SIGINT) -> None:
        """Stop it, by default with PostgreSQL's fast shutdown."""
        if self._process is not None:
            stop(self._process, how, timeout=10)
            self._process = None

    def kill9(self) -> None:
        """Kill it and all that serve its connections, without a warning."""
        if self._process is not None:
            kill_family(self._process.pid)
            self._process.wait()
            self._process = None


@contextmanager
def running_cluster(settings: Mapping[str, str] | None = None) -> Iterator[OwnCluster]:
    """Make a cluster, run it, and remove it."""
    folder = Path(tempfile.mkdtemp(prefix="consigne-postgres-", dir="/tmp"))
    try:
        cluster = OwnCluster(folder, settings)
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _initdb(folder: Path, password: str, user: str | None) -> None:
    secret = folder / "password"
    secret.write_text(password)
    command = [program("initdb"), "--pgdata", str(folder / "data"), "--username=postgres"]
    command += ["--auth=password", f"--pwfile={secret}", "--encoding=UTF8", "--locale=C.UTF-8"]
    command += ["--no-sync", "--no-instructions"]
    done = subprocess.run(
        bound_to_us(command, user=user), cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"initdb failed:\n{done.stdout}{done.stderr}"


def _wait_until_ready(process: "subprocess.Popen[bytes]", cluster: Cluster, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while True:
        try:
            psycopg.connect(cluster.url("postgres")).close()
        except psycopg.OperationalError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"PostgreSQL does not start:\n{log.read_text()}") from error
            time.sleep(0.05)
        else:
            return


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[Cluster]:
    """Run a PostgreSQL for this test process, started when the first test asks for it."""
    with running_cluster() as cluster:
        yield cluster


@pytest.fixture
def postgres_url(postgres_cluster: Cluster) -> Iterator[str]:
    """Give the address of a fresh, empty database, `postgresql://…`; it goes after the test."""
    database = postgres_cluster.create()
    yield postgres_cluster.url(database)
    postgres_cluster.drop(database)
