"""`/metrics` of a real server: what it counts, over several processes, and who may see it."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from starlette.types import Scope
from tests.parts.server import COMMAND, KEY, RunningServer, ServerStarter

from consigne.http.watchers import Watchers
from consigne.meters import known
from consigne.meters.meter import Meter

AUTHORIZED = {"Authorization": f"Bearer {KEY}"}
TOKEN = "watch-this-service-with-this-token"
# Not before something goes wrong, a job or a scrub ends, a space has a quota.
RARE = {"CORRUPT", "JOBS", "JOB_SECONDS", "SPACE_QUOTA", "QUEUE_AGE", "QUEUE_JOBS", "WORKERS"}
RARE |= {"SCRUB_BYTES", "SCRUB_CONTENTS", "SCRUB_STARTED"}
RARE |= {name for name in vars(known) if name.startswith(("MIRROR_", "MOVE"))}

Series = dict[tuple[str, str], float]


def scrape(url: str) -> Series:
    """Return the value of each series by name and labels; the format is checked line by line."""
    answer = httpx.get(f"{url}/metrics", timeout=30)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    found: Series = {}
    for line in answer.text.splitlines():
        if not line.startswith("#"):
            match = re.fullmatch(r'(\w+)(?:\{(\w+="[^"]*"(?:,\w+="[^"]*")*)\})? (\S+)', line)
            assert match, line
            key = match[1], match[2] or ""
            assert key not in found, line
            found[key] = float(match[3])
    return found


def uploads(series: Series) -> float:
    labels = 'dialect="native",route="/consigne/v1/files",method="POST",status="2xx"'
    return series.get(("consigne_requests_total", labels), 0)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not happen within a minute"
        time.sleep(0.05)


def post(url: str, name: str, size: int) -> str:
    """Upload and return the id; the kernel gives the connection to any of the processes."""
    body = name.encode().ljust(size, b".")
    sent = httpx.post(f"{url}/consigne/v1/files", params={"name": name}, content=body,
                      headers=AUTHORIZED, timeout=30)  # fmt: skip
    assert sent.status_code == 201, sent.text
    return str(sent.json()["id"])


def test_any_process_tells_of_all_and_outlives_them(start_server: ServerStarter) -> None:
    """Counts are exact over the processes, and stay where one is killed and replaced."""
    server = start_server(args=["--workers", "2"], env={"CONSIGNE_METRICS_NETWORKS": "127.0.0.1"})
    for number in range(12):
        post(server.url, f"f{number}", 1000)
    series = scrape(server.url)
    assert uploads(series) == 12
    assert series["consigne_received_bytes_total", 'dialect="native"'] == 12_000
    labels = 'dialect="native",route="/consigne/v1/files",method="POST"'
    assert series["consigne_request_seconds_count", labels] == 12
    assert series["consigne_request_seconds_bucket", f'{labels},le="+Inf"'] == 12
    assert series["consigne_requests_under_way", 'dialect="native"'] == 0
    assert series["consigne_requests_under_way", 'dialect="metrics"'] == 1
    assert series["consigne_uploads_under_way", ""] == 0
    until(lambda: scrape(server.url)["consigne_used_bytes", ""] == 12_000)
    of_space = ("consigne_space_used_bytes", 'space="default"')
    until(lambda: scrape(server.url)[of_space] == 12_000)
    memory = {key[1]: value for key, value in series.items() if "resident" in key[0]}
    assert memory.keys() == {'process="0"', 'process="1"'}
    assert all(10e6 < value < 2e9 for value in memory.values())

    for child in children(server.pid):
        os.kill(child, signal.SIGKILL)
    for number in range(12, 20):
        until(lambda: answers(server.url))
        post(server.url, f"f{number}", 1000)
    assert uploads(scrape(server.url)) == 20


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health/live", timeout=10).status_code == 200
    except httpx.TransportError:
        return False


def children(parent: int) -> list[int]:
    return [
        int(text) for text in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    ]


def test_everything_that_is_declared_is_told(server: RunningServer) -> None:
    """A meter that nothing writes to would be missing; so would one that nobody declared."""
    number = post(server.url, "a", 2000)
    with server.client() as client:
        client.get(f"/consigne/v1/files/{number}/content").raise_for_status()
    wanted = {
        value.name
        for name, value in vars(known).items()
        if isinstance(value, Meter) and name not in RARE
    }

    def missing() -> set[str]:
        told = {re.sub("_(bucket|sum|count)$", "", name) for name, _ in scrape(server.url)}
        return wanted - told

    until(lambda: not missing())


def test_clients_cannot_make_series(server: RunningServer) -> None:
    """Unknown paths and methods have one name, and an id is the variable of its route."""
    httpx.request("PROPFIND", f"{server.url}/nowhere", timeout=30)
    httpx.get(f"{server.url}/consigne/v1/nothing", timeout=30)
    before = {key for key in scrape(server.url) if "requests_total" in key[0]}
    with server.client() as client:
        for number in range(20):
            client.get(f"/consigne/v1/nothing{number}")
            client.get(f"/nobody{number}/x/{number}")
            client.request("PROPFIND", f"/x{number}")
            client.get(f"/consigne/v1/files/{number:036}")
            client.get(f"/api/documents/{number + 10_000}.json")
            client.put(f"/s3/default/{number}", content=b"")
    after = {labels for name, labels in scrape(server.url) if name == "consigne_requests_total"}
    assert not [
        labels for labels in after if re.search(r"nothing\d|x\d|nobody\d|10[0-9]{3}", labels)
    ]
    assert any('route="/consigne/v1/files/{id}"' in labels for labels in after)
    assert any('route="/s3/{bucket}/{key}"' in labels for labels in after)
    assert any('route="/api/documents/{docid}"' in labels for labels in after)
    assert any('method="other"' in labels for labels in after)
    assert len(after) - len(before) < 10


def test_who_may_see_it(start_server: ServerStarter) -> None:
    """The token opens it from anywhere; the peer's address only without a stranger's proxy."""
    env = {"CONSIGNE_METRICS_TOKEN": TOKEN}
    url = start_server(env=env).url

    def status(*, path: str = "/metrics", method: str = "GET", **headers: str | bytes) -> int:
        return httpx.request(method, url + path, headers=headers, timeout=30).status_code

    proxied = {"X-Forwarded-For": "203.0.113.9"}
    assert status() == 200
    assert status(method="HEAD") == 200
    assert status(method="POST") == 405
    assert status(path="/metrics/x") == 404
    assert status(**proxied) == 401
    assert status(**{"X-Real-IP": "127.0.0.1"}) == 401
    assert status(Forwarded="for=127.0.0.1") == 401
    assert status(**proxied, Authorization=f"Bearer {TOKEN}") == 200
    assert status(**proxied, Authorization=f"Bearer {TOKEN}x") == 401
    assert status(**proxied, Authorization=b"Bearer \xe9") == 401
    assert status(**proxied, **AUTHORIZED) == 401


def scope(client: str, peer: str = "10.0.0.1", *headers: tuple[bytes, bytes]) -> Scope:
    return {"type": "http", "client": (peer, 1), "headers": headers, "state": {"client": client}}


@pytest.mark.parametrize(
    ("client", "near"),
    [
        ("10.0.0.7", True),
        ("::ffff:10.0.0.7", True),
        ("10.0.1.7", False),
        ("fe80::1", False),
        ("", False),
        ("unknown", False),
    ],
)
def test_watchers_are_known_by_their_network(client: str, near: bool) -> None:
    watchers = Watchers(["10.0.0.0/24"], "")
    assert watchers.include(scope(client)) is near
    assert not watchers.include(scope(client, client, (b"x-forwarded-for", b"1.2.3.4")))


def test_an_empty_token_opens_nothing() -> None:
    watchers = Watchers([], "")
    assert not watchers.include(scope("127.0.0.1"))
    assert not watchers.include(scope("127.0.0.1", "x", (b"authorization", b"Bearer ")))
    with pytest.raises(ValueError):
        Watchers(["localhost"], "")


def test_the_scrub_is_told_of(start_server: ServerStarter) -> None:
    """Nothing before the first pass; then what it has looked at."""
    server = start_server(env={"CONSIGNE_SCRUB_EVERY": "0"})
    post(server.url, "a", 3000)
    assert ("consigne_scrub_bytes", "") not in scrape(server.url)
    command = [*COMMAND, "scrub", "--now", "--data", str(server.data)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stderr
    until(lambda: scrape(server.url).get(("consigne_scrub_contents", 'what="checked"')) == 1)
    series = scrape(server.url)
    assert series["consigne_scrub_contents", 'what="found"'] == 0
    assert series["consigne_scrub_bytes", ""] == 3000
    assert series["consigne_scrub_running", ""] == 0
    assert series["consigne_scrub_start_timestamp_seconds", ""] > 1e9
