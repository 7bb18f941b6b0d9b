"""A PostgreSQL of our own: one cluster per test process, a fresh database per test.

The cluster lives in a temporary folder, listens on the loopback address only, and does
not sync (the tests are about conformance, not about PostgreSQL's durability).
"""

import itertools
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from .process import bound_to_us, free_port, stop

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
    """A running PostgreSQL; makes and drops databases."""

    def __init__(self, port: int, password: str) -> None:
        self._base = f"postgresql://postgres:{password}@127.0.0.1:{port}"
        self._numbers = itertools.count(1)

    def url(self, database: str) -> str:
        """Return the address of a database."""
        return f"{self._base}/{database}"

    def create(self, template: str = "template1") -> str:
        """Create a database, empty or a copy of another one that nobody uses; return its name."""
        name = f"test_{next(self._numbers)}"
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


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    """Make a cluster, run it, and remove it."""
    user = "postgres" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
    folder = Path(tempfile.mkdtemp(prefix="consigne-postgres-", dir="/tmp"))
    try:
        if user:
            os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
        password = secrets.token_urlsafe(16)
        _initdb(folder, password, user)
        process, cluster = _start(folder, password, user)
        try:
            yield cluster
        finally:
            stop(process, signal.SIGINT, timeout=10)  # PostgreSQL's fast shutdown
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


def _start(
    folder: Path, password: str, user: str | None
) -> tuple["subprocess.Popen[bytes]", Cluster]:
    port = free_port()
    command = [program("postgres"), "-D", str(folder / "data"), "-p", str(port)]
    for name, value in SETTINGS.items():
        command += ["-c", f"{name}={value}"]
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            bound_to_us(command, signal="INT", user=user),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # a ctrl-C is for pytest, which then stops the cluster
        )
    cluster = Cluster(port, password)
    try:
        _wait_until_ready(process, cluster, log)
    except BaseException:
        stop(process, signal.SIGQUIT, timeout=10)
        raise
    return process, cluster


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
