"""What `/metrics` tells of mirror and move, and `/metrics` of a worker that runs apart."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from test_metrics import Series, post, scrape, until
from tests.parts.process import free_port
from tests.parts.server import COMMAND, RunningServer, ServerStarter, WorkerProcess

BEHIND = ("consigne_mirror_behind_contents", "")
LEFT = ("consigne_move_left_contents", "")
ENDED = 'round="mirror",outcome="done"'


@pytest.fixture
def server(start_server: ServerStarter, tmp_path: Path) -> RunningServer:
    """A server that does no work itself, with a mirror that nobody fills yet."""
    (tmp_path / "mirror").mkdir()
    env = {"CONSIGNE_MIRROR": f"file://{tmp_path}/mirror", "CONSIGNE_WORKER": "false"}
    env["CONSIGNE_SCRUB_EVERY"] = "0"  # it copies what it finds missing, too
    server = start_server(env=env)
    for number in range(3):
        post(server.url, f"f{number}", 5000)
    return server


@pytest.fixture
def watched(server: RunningServer) -> Iterator[str]:
    """The address of a worker's metrics."""
    port = free_port()
    env = dict(server.env) | {"CONSIGNE_WORKER_METRICS_PORT": str(port)}
    worker = WorkerProcess(server.data, env)
    worker.start()
    yield f"http://127.0.0.1:{port}"
    worker.terminate()  # it ends with 0


def test_the_mirror_and_a_worker_are_told_of(
    server: RunningServer, request: pytest.FixtureRequest
) -> None:
    """Issue 5: how far the mirror is behind; a worker apart counts what it does, and shows it."""
    before = scrape(server.url)
    assert before[BEHIND] == 3
    assert before["consigne_mirror_behind_bytes", ""] == 15_000
    assert 0 < before["consigne_mirror_lag_seconds", ""] < 600
    assert before["consigne_mirror_copied_contents", ""] == 0
    assert not [name for name, _ in before if name.startswith("consigne_move_")]

    url = request.getfixturevalue("watched")
    until(lambda: scrape(server.url)[BEHIND] == 0)
    after = scrape(server.url)
    assert after["consigne_mirror_lag_seconds", ""] == 0
    assert after["consigne_mirror_copied_contents", ""] == 3
    assert after["consigne_mirror_copied_bytes", ""] == 15_000

    until(lambda: scrape(url).get(("consigne_rounds_total", ENDED), 0) > 0)
    until(lambda: ("consigne_loop_lag_seconds_sum", "") in scrape(url))
    of_worker: Series = scrape(url)
    assert of_worker["consigne_process_resident_bytes", 'process="0"'] > 10e6
    assert of_worker["consigne_catalog_seconds_count", 'operation="write"'] > 0
    assert httpx.get(f"{url}/metrics/x").status_code == 404
    assert httpx.get(f"{url}/metrics", headers={"X-Real-IP": "127.0.0.1"}).status_code == 403
    assert httpx.get(f"{url}/metrics", headers={"Host": "elsewhere"}).status_code == 421
    with server.client() as client:
        assert client.get(f"{url}/consigne/v1/me").status_code == 404


def test_a_worker_whose_port_is_taken_says_so(server: RunningServer) -> None:
    """It ends, and names the setting."""
    env = os.environ | server.env | {"CONSIGNE_WORKER_METRICS_PORT": str(server.port)}
    command = [*COMMAND, "worker", "--data", str(server.data)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 5, done.stderr
    assert "CONSIGNE_WORKER_METRICS_PORT" in done.stderr


def test_a_move_is_told_of(start_server: ServerStarter, tmp_path: Path) -> None:
    """Issue 5: while bytes move to another store, how many have and how many are left."""
    server = start_server()
    for number in range(3):
        post(server.url, f"f{number}", 5000)
    assert LEFT not in scrape(server.url)
    target = tmp_path / "target"
    target.mkdir()

    def migrate(*options: str) -> None:
        command = [*COMMAND, "migrate", *options, "--data", str(server.data)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
        assert done.returncode == 0, done.stderr

    migrate("--to", f"file://{target}")
    series = scrape(server.url)
    assert series[LEFT] == series["consigne_move_left_uploads", ""] == 0
    assert series["consigne_move_moved_contents", ""] == 3
    assert series["consigne_move_moved_bytes", ""] == 15_000
    assert series["consigne_move_start_timestamp_seconds", ""] > 1e9
    migrate("--finish")
    assert LEFT not in scrape(server.url)
