"""Each part of the set-up is killed in turn under mixed load; nothing acknowledged is lost.

What comes back while a part is away is a 503 with ``Retry-After`` (or, where nginx itself is away,
no connection); what is left serves on; when the part is back all goes on without hands.
`make soak-cluster` does it again and again.
"""

import asyncio
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from consigne import app
from consigne.core.proof import Options, Proof
from consigne.settings import load
from tests.cluster.load import API, Clients
from tests.parts.cluster import RunningSetUp
from tests.soak.test_kill import LEFTOVERS

SECONDS = 240


class Load:
    """Clients in a thread of their own; what they find wrong is raised where somebody waits."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._wrong: BaseException | None = None
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        """Let each client finish what it is at, and read all that was acknowledged."""
        self._clients.stop()
        self._thread.join()
        self._look()
        asyncio.run(self._clients.compare())

    def acknowledge(self, more: int = 12) -> None:
        """Wait until so much more has been acknowledged."""
        self._grow(lambda: self._clients.acknowledged, more)

    def refuse(self, kind: str, more: int = 6) -> None:
        """Wait until so many more requests have been refused in this way."""
        self._grow(lambda: self._clients.refused[kind], more)

    def _grow(self, count: Callable[[], int], by: int) -> None:
        goal = count() + by
        deadline = time.monotonic() + SECONDS
        while count() < goal:
            self._look()
            assert time.monotonic() < deadline, f"it stands at {count()} and not at {goal}"
            time.sleep(0.05)

    def _run(self) -> None:
        try:
            asyncio.run(self._clients.run())
        except BaseException as error:
            self._wrong = error

    def _look(self) -> None:
        if self._wrong is not None:
            raise self._wrong


@contextmanager
def under_load(set_up: RunningSetUp, seed: int) -> Iterator[Load]:
    """Load the set-up for the time of a block, and compare what it says with what it has said."""
    clients = Clients(set_up.nginx.url, seed)
    load = Load(clients)
    load.start()
    try:
        yield load
    except BaseException:
        clients.stop()
        raise
    load.end()


async def fsck(set_up: RunningSetUp, folder: Path) -> None:
    """Prove that rows and bytes agree; whatever is left over is too much and not too little."""
    depot = app.build_depot(load({"data": str(folder)}, environ=set_up.env))
    await depot.open()
    try:
        report = await Proof(depot.catalog, depot.bucket).check(Options(age=0, rehash=True))
        assert set(report.tallies) <= LEFTOVERS, report.findings
    finally:
        await depot.close()


def do_a_job(set_up: RunningSetUp) -> None:
    """Start a job and wait until a worker has done it."""
    with set_up.vault.client() as client:
        order = {"action": "tag", "add": ["seen"]}
        answer = client.post(f"{API}/bulk?filter=name=none.bin", json=order)
        assert answer.status_code == 202, answer.text
        deadline = time.monotonic() + SECONDS
        while True:
            job: httpx.Response = client.get(f"{API}/jobs/{answer.json()['id']}")
            if job.json()["state"] == "done":
                return
            assert time.monotonic() < deadline, f"no worker did it: {job.text}"
            time.sleep(0.1)


@pytest.mark.timeout(0)
def test_each_part_is_killed_under_load(set_up: RunningSetUp, tmp_path: Path) -> None:
    """C-54, C-20: 503 with Retry-After, nothing acknowledged is lost, all comes back by itself."""
    for _ in range(int(os.environ.get("SOAK_ROUNDS", "1"))):
        seed = random.SystemRandom().getrandbits(32)
        try:
            one_round(set_up, seed)
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise
    asyncio.run(fsck(set_up, tmp_path))


def one_round(set_up: RunningSetUp, seed: int) -> None:
    """Kill one of each kind and start it again."""
    which = seed % 2
    server, worker = set_up.servers[which], set_up.workers[which]
    volume = set_up.store.volumes[which]
    with under_load(set_up, seed) as load:
        load.acknowledge()

        server.kill9()
        load.acknowledge()  # the other one does
        server.start()

        worker.kill9()
        do_a_job(set_up)
        worker.start()

        volume.kill9()
        load.acknowledge()  # on the two that are left
        volume.start()

        set_up.postgres.kill9()
        load.refuse("503")
        set_up.postgres.start()
        load.acknowledge()
        do_a_job(set_up)

        set_up.nginx.kill9()
        load.refuse("connection")
        set_up.nginx.start()
        load.acknowledge()


@pytest.mark.timeout(0)
def test_a_rolling_restart_under_load(set_up: RunningSetUp, tmp_path: Path) -> None:
    """One process after the other is replaced politely: no client that tries again sees a failure,
    what was in flight is finished, and nothing is left behind."""
    with under_load(set_up, 5) as load:
        for part in (*set_up.servers, *set_up.workers):
            load.acknowledge(8)
            part.terminate()  # it has to end with 0
            load.acknowledge(8)
            part.start()
        do_a_job(set_up)
    asyncio.run(fsck(set_up, tmp_path))
