"""All of it on loopback: PostgreSQL, SeaweedFS, two servers, two workers, one nginx.

``python -m tests.parts.cluster`` (``make cluster``) starts it, says where everything is, and ends
it at Ctrl-C; with a command behind it, the command runs against it: tests find it by the variables
``CONSIGNE_TEST_VAULT`` and ``CONSIGNE_TEST_CLUSTER``. Every part can be killed and started again.
"""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest

from .nginx import Nginx
from .postgres import Cluster, OwnCluster, running_cluster
from .seaweedfs import ObjectStore, running_store
from .server import EMAIL, KEY, PASSWORD, RunningServer, WorkerProcess

# What a commit promises has to hold: these tests kill PostgreSQL itself.
POSTGRES = {"synchronous_commit": "on"}


@dataclass(frozen=True)
class Vault:
    """A running set-up as tests see it: what ``RunningServer`` shows of one server.

    ``env``: the settings of its processes, for commands beside them.
    """

    url: str
    data: Path
    env: Mapping[str, str]
    postgres: str
    store: ObjectStore

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @property
    def log(self) -> str:
        """Everything that both servers have written."""
        logs = sorted(self.data.parent.glob("server-*.log"))
        return "".join(path.read_text(errors="replace") for path in logs)

    def client(self) -> httpx.Client:
        """Return a client that is logged in with the bootstrap key."""
        headers = {"Authorization": f"Bearer {KEY}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30)

    @contextmanager
    def fresh_vault(self) -> Iterator[dict[str, str]]:
        """Give the settings of a server on an empty database and an empty part of the store."""
        cluster = Cluster(self.postgres)
        database = cluster.create()
        try:
            yield {"CONSIGNE_CATALOG": cluster.url(database)} | self.store.env(secrets.token_hex(8))
        finally:
            cluster.drop(database)

    def told(self) -> str:
        """Return it as the text that ``heard`` understands."""
        store = replace(self.store, volumes=())
        return json.dumps(vars(self) | {"data": str(self.data), "store": vars(store)})


def heard(text: str) -> Vault:
    """Return a set-up that another process has started."""
    told = json.loads(text)
    store = ObjectStore(**told.pop("store"))
    return Vault(**told | {"data": Path(told["data"])}, store=store)


class RunningSetUp:
    """All parts, running, each by its name."""

    def __init__(self, folder: Path, started: ExitStack, settings: Mapping[str, str]) -> None:
        self.postgres: OwnCluster = started.enter_context(running_cluster(POSTGRES))
        self.store = started.enter_context(running_store(further=2))
        ports = [RunningServer(folder / f"server-{n}").port for n in (1, 2)]
        self.nginx = Nginx(folder / "nginx", ports)
        self.env = {
            "CONSIGNE_CATALOG": self.postgres.url(self.postgres.create()),
            "CONSIGNE_MASTER_KEY": secrets.token_hex(32),
            "CONSIGNE_PUBLIC_URL": self.nginx.url,
            "CONSIGNE_TRUSTED_PROXIES": "127.0.0.1",
            **self.store.env(secrets.token_hex(8)),
            **settings,
        }
        self.servers = [
            RunningServer(
                folder / f"server-{n}", env=self.env, args=["--no-worker"], port=ports[n - 1]
            )
            for n in (1, 2)
        ]
        self.workers = [WorkerProcess(folder / f"worker-{n}", self.env) for n in (1, 2)]
        for part in (*self.servers, *self.workers, self.nginx):
            started.callback(part.kill9)
            part.start()
        self.vault = Vault(
            self.nginx.url, folder / "server-1", self.env, self.postgres.base, self.store
        )

    def end(self) -> None:
        """End servers and workers politely; each has to hand back what it has and exit with 0."""
        for part in (*self.servers, *self.workers):
            part.terminate()


@contextmanager
def running_set_up(settings: Mapping[str, str] | None = None) -> Iterator[RunningSetUp]:
    """Start everything, and remove it."""
    folder = Path(tempfile.mkdtemp(prefix="consigne-cluster-", dir="/tmp"))
    try:
        with ExitStack() as started:
            yield RunningSetUp(folder, started, settings or {})
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Vault]:
    """Give the set-up that is running for this test run, else start one for this process.

    Commands that tests start beside it find the vault by their environment.
    """
    before = dict(os.environ)
    with ExitStack() as started:
        told = os.environ.get("CONSIGNE_TEST_CLUSTER")
        vault = heard(told) if told else started.enter_context(running_set_up()).vault
        for name in ("CONSIGNE_TEST_VAULT", "CONSIGNE_TEST_CLUSTER"):
            os.environ.pop(name, None)  # commands would take them for settings
        os.environ.update(vault.env)
        yield vault
        os.environ.clear()
        os.environ.update(before)


def main(command: list[str]) -> int:
    """Run the set-up until Ctrl-C, or until a command that gets it is over; return its status."""
    told_to_end = [signal.SIGINT, signal.SIGTERM]
    signal.pthread_sigmask(signal.SIG_BLOCK, told_to_end)
    with running_set_up() as all_of_it:
        vault = all_of_it.vault
        if command:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, told_to_end)
            tests = {"CONSIGNE_TEST_VAULT": "cluster", "CONSIGNE_TEST_CLUSTER": vault.told()}
            return subprocess.run(command, env=os.environ | tests, check=False).returncode
        first, second = all_of_it.servers
        print(f"Consigne    {vault.url}/  (nginx before {first.url} and {second.url})")
        print(f"key         {KEY}\nuser        {EMAIL}  password: {PASSWORD}")
        print(f"PostgreSQL  {vault.env['CONSIGNE_CATALOG']}")
        print(f"SeaweedFS   {vault.store.endpoint}  {vault.env['CONSIGNE_BLOBS']}")
        print(f"logs        {vault.data.parent}\n\nCtrl-C ends it all.", flush=True)
        signal.sigwait(told_to_end)
        all_of_it.end()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
