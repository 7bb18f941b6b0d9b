"""A Ceph of our own with its object gateway: a second store that speaks S3, with habits of its own.

One monitor, one OSD that keeps everything in memory, one gateway, on loopback ports; no need to be
root. Each test gets a prefix of its own.
"""

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from .process import bound_to_us, free_port, stop
from .seaweedfs import ObjectStore

START_TIMEOUT = 90.0
_NAMES = ("client.admin", "client.rgw", "osd.0")
_CONF = """
[global]
fsid = {fsid}
run dir = {folder}
log file = {folder}/$name.log
pid file =
admin socket = {folder}/$name.asok
keyring = {folder}/keyring
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
auth allow insecure global id reclaim = false
mon host = v2:127.0.0.1:{mon}
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind msgr1 = false
osd pool default size = 1
osd pool default min size = 1
osd pool default pg autoscale mode = off
osd pool default pg num = 1
osd pool default pgp num = 1
osd crush chooseleaf type = 0
osd objectstore = memstore
memstore device bytes = 4294967296
mon data avail crit = 0
mon max pg per osd = 1000
paxos propose interval = 0.05
paxos min wait = 0.02
[mon.a]
mon data = {folder}/mon
[osd.0]
osd data = {folder}/osd
[client.rgw]
keyring = {folder}/keyring
rgw data = {folder}/rgw
rgw frontends = beast endpoint=127.0.0.1:{port}
rgw thread pool size = 32
"""


def program(name: str) -> str:
    """Find one of Ceph's programs."""
    found = shutil.which(name)
    assert found, f"Ceph's {name} is missing: run scripts/parts"
    return found


@contextmanager
def running_ceph() -> Iterator[ObjectStore]:
    """Start a cluster with one bucket, and remove it."""
    folder = Path(tempfile.mkdtemp(prefix="consigne-ceph-", dir="/tmp"))
    try:
        with ExitStack() as running:
            yield _Cluster(folder, running).start()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _Cluster:
    """The daemons; they end with ``running``."""

    def __init__(self, folder: Path, running: ExitStack) -> None:
        self._folder = folder
        self._running = running
        self._daemons: list[subprocess.Popen[bytes]] = []
        self._env = os.environ | {"CEPH_CONF": str(folder / "ceph.conf")}

    def start(self) -> ObjectStore:
        """Bring everything up; return when an object can be stored."""
        fsid, mon, port = str(uuid.uuid4()), free_port(), free_port()
        text = _CONF.format(fsid=fsid, folder=self._folder, mon=mon, port=port)
        (self._folder / "ceph.conf").write_text(text)
        self._make_keys()
        self._run("monmaptool", "--create", "--fsid", fsid, "--addv", "a",
                  f"[v2:127.0.0.1:{mon}]", "monmap")  # fmt: skip
        self._run("ceph-mon", "--mkfs", "-i", "a", "--monmap", "monmap", "--keyring", "keyring")
        self._daemon("ceph-mon", "-i", "a", "-f")
        osd = str(uuid.uuid4())
        self._run("ceph", "--connect-timeout", "60", "osd", "new", osd)
        (self._folder / "osd").mkdir()
        self._run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd)
        self._daemon("ceph-osd", "-i", "0", "-f")
        self._daemon("radosgw", "-n", "client.rgw", "-f")
        access, secret = secrets.token_hex(8), secrets.token_hex(16)
        self._run("radosgw-admin", "-n", "client.rgw", "user", "create", "--uid", "consigne",
                  "--display-name", "consigne", "--access-key", access,
                  "--secret-key", secret)  # fmt: skip
        store = ObjectStore(f"http://127.0.0.1:{port}", access, secret)
        self._wait_until_ready(store)
        return store

    def _make_keys(self) -> None:
        make = ("ceph-authtool", "keyring", "--gen-key", "--cap", "mon", "allow *")
        self._run(*make, "--create-keyring", "-n", "mon.")
        for name in _NAMES:
            self._run(*make, "-n", name, "--cap", "osd", "allow *", "--cap", "mgr", "allow *")

    def _run(self, name: str, *args: str) -> None:
        done = subprocess.run(
            bound_to_us([program(name), *args]),
            cwd=self._folder,
            env=self._env,
            capture_output=True,
            text=True,
            timeout=START_TIMEOUT,
            check=False,
        )
        assert done.returncode == 0, f"{name} failed:\n{done.stdout}{done.stderr}{self._logs()}"

    def _daemon(self, name: str, *args: str) -> None:
        with (self._folder / f"{name}.out").open("wb") as output:
            process = subprocess.Popen(
                bound_to_us([program(name), *args], signal="KILL"),
                cwd=self._folder,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._daemons.append(process)
        # Everything is in memory: there is nothing to be saved.
        self._running.callback(stop, process, signal.SIGKILL, 10)

    def _wait_until_ready(self, store: ObjectStore) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        client = store.client()
        while True:
            try:
                client.create_bucket(Bucket=store.bucket)
                client.put_object(Bucket=store.bucket, Key="ready", Body=b"x")
                client.delete_object(Bucket=store.bucket, Key="ready")
            except (BotoCoreError, ClientError) as error:
                ended = any(each.poll() is not None for each in self._daemons)
                if ended or time.monotonic() > deadline:
                    raise AssertionError(f"Ceph does not start:\n{self._logs()}") from error
                time.sleep(0.1)
            else:
                return

    def _logs(self) -> str:
        found = sorted([*self._folder.glob("*.out"), *self._folder.glob("*.log")])
        return "\n".join(f"{p.name}: {p.read_text(errors='replace')[-1500:]}" for p in found)


@pytest.fixture(scope="session")
def ceph_store() -> Iterator[ObjectStore]:
    """Run a Ceph for this test process, started when the first test asks for it."""
    with running_ceph() as store:
        yield store
