"""OCR through the native routes of a real server, and what is left when it is killed."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from tests.parts.children import orphans, until
from tests.parts.papers import INVOICE, RECEIPT, encoded, error_rate, paper, text_pdf
from tests.parts.process import bound_to_us
from tests.parts.server import COMMAND, RunningServer, ServerStarter

API = "/consigne/v1"


def put(client: httpx.Client, data: bytes, name: str) -> str:
    got = client.post(f"{API}/files", params={"name": name}, content=data)
    assert got.status_code == 201, got.text
    number: str = got.json()["id"]
    return number


def credits(server: RunningServer) -> int:
    with server.client() as client:
        usage = client.get(f"{API}/spaces/default/usage").json()
    left: int = usage["ocr_credits"]
    return left


def until_over(client: httpx.Client, job: str, seconds: float = 60) -> dict[str, Any]:
    deadline = time.monotonic() + seconds
    while True:
        seen: dict[str, Any] = client.get(f"{API}/jobs/{job}").json()
        if seen["ended_at"]:
            return seen
        assert time.monotonic() < deadline, seen
        time.sleep(0.05)


def test_ocr_route(server: RunningServer) -> None:
    """AR-20, AR-21: 200 with the text; with respond-async 202 with a job that can be followed."""
    with server.client() as client:
        source = put(client, encoded(paper(RECEIPT, 150)), "ticket.png")
        before = credits(server)
        got = client.post(f"{API}/files/{source}/ocr")
        assert got.status_code == 200, got.text
        made = got.json()["file"]
        assert (made["name"], made["type"]) == ("ticket.md", "text/markdown")
        text = client.get(f"{API}/files/{made['id']}/content").text
        assert error_rate(RECEIPT, text) < 0.1
        assert credits(server) == before - 1
        other = put(client, text_pdf([INVOICE, RECEIPT]), "facture.pdf")
        got = client.post(f"{API}/files/{other}/ocr", headers={"Prefer": "respond-async"})
        assert got.status_code == 202
        assert got.headers["preference-applied"] == "respond-async"
        job = got.json()["job"]
        assert got.headers["location"] == f"{API}/jobs/{job['id']}"
        assert (job["file"], job["progress"]["total"]) == (other, 2)
        assert until_over(client, job["id"])["state"] == "done"
        again = client.post(f"{API}/files/{other}/ocr")
        assert again.status_code == 200
        assert again.json()["job"]["id"] == job["id"]
        mine = {"kind": "ocr", "limit": 1}
        listed = client.get(f"{API}/jobs", params=mine).json()
        assert [each["id"] for each in listed["jobs"]] == [job["id"]]
        rest = client.get(f"{API}/jobs", params={"cursor": listed["next"]}).json()
        assert client.get(f"{API}/jobs", params={"kind": "odd"}).json()["jobs"] == []
        assert job["id"] not in [each["id"] for each in rest["jobs"]]
        assert client.delete(f"{API}/jobs/{job['id']}").status_code == 409


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/jobs/nothing", 404),
        ("/jobs?state=odd", 400),
        ("/jobs?cursor=odd", 400),
        ("/jobs?limit=0", 400),
    ],
)
def test_bad_requests(server: RunningServer, path: str, status: int) -> None:
    """C-30: ids and parameters that are none are refused."""
    with server.client() as client:
        assert client.get(API + path).status_code == status


def test_refusals(server: RunningServer) -> None:
    """AR-20: what cannot be read says so, and costs nothing."""
    with server.client() as client:
        before = credits(server)
        plain = put(client, b"Bonjour", "a.txt")
        broken = put(client, b"%PDF-1.7\nnothing", "a.pdf")
        for source, status, code in (
            (plain, 415, "type_refused"),
            (broken, 400, "ocr_unreadable"),
        ):
            got = client.post(f"{API}/files/{source}/ocr")
            assert (got.status_code, got.json()["code"]) == (status, code)
        assert client.post(f"{API}/files/{'0' * 36}/ocr").status_code == 404
        assert credits(server) == before


def test_without_worker(start_server: ServerStarter) -> None:
    """C-54: a server without a worker answers 503 at once."""
    server = start_server(env={"CONSIGNE_WORKER": "0"})
    with server.client() as client:
        source = put(client, text_pdf(["x"]), "a.pdf")
        got = client.post(f"{API}/files/{source}/ocr")
        assert (got.status_code, got.json()["code"]) == (503, "engine_missing")


@pytest.mark.timeout(180)
@pytest.mark.parametrize("pause", [0.3, 1.5])
def test_kill9(start_server: ServerStarter, pause: float) -> None:
    """C-54, AR-22: killed in the middle, the server takes the job up again: one text, paid once."""
    server = start_server(env={"CONSIGNE_JOB_LEASE": "2"})
    sheets = [paper(text, 150) for text in (INVOICE, RECEIPT)]
    data = encoded(sheets[0], "TIFF", save_all=True, append_images=sheets[1:])
    with server.client() as client:
        source = put(client, data, "scan.tiff")
        got = client.post(f"{API}/files/{source}/ocr", headers={"Prefer": "respond-async"})
        job = got.json()["job"]["id"]
        time.sleep(pause)
    server.kill9()
    assert until(lambda: not orphans(), 5), "a child outlived the server"
    server.start()
    with server.client() as client:
        over = until_over(client, job, 120)
        assert over["state"] == "done", over
        files = client.get(f"{API}/files").json()["files"]
    assert sorted(file["name"] for file in files) == ["scan.md", "scan.tiff"]
    assert credits(server) == 98


@pytest.mark.timeout(180)
def test_workers_apart(start_server: ServerStarter, migrated_url: str) -> None:
    """C-54: on PostgreSQL any number of workers beside the server share the jobs; a polite end
    gives back what they were at.
    """
    env = {"CONSIGNE_WORKER": "0", "CONSIGNE_CATALOG": migrated_url, "CONSIGNE_JOB_POLL": "0.05"}
    server = start_server(env=env)
    scans = [encoded(paper(f"Facture numéro {n}\n{RECEIPT}", 100)) for n in range(6)]
    with workers(server, env) as first, workers(server, env) as second, server.client() as client:
        sources = [put(client, data, f"scan{n}.png") for n, data in enumerate(scans)]
        jobs = [start(client, source) for source in sources]
        assert stopped(first) == 0
        assert [until_over(client, job)["state"] for job in jobs] == ["done"] * 6
        assert [until_over(client, job)["attempts"] for job in jobs] == [1] * 6
        assert stopped(second) == 0
        files = client.get(f"{API}/files").json()["files"]
        assert len(files) == 12
        assert client.post(f"{API}/files/{sources[0]}/ocr").status_code == 200
        fresh = put(client, text_pdf(["neuf"]), "neuf.pdf")
        assert client.post(f"{API}/files/{fresh}/ocr").status_code == 503
    assert credits(server) == 94


def start(client: httpx.Client, source: str) -> str:
    """Ask for the text of a file without waiting, as soon as a worker is there; return the job."""
    deadline = time.monotonic() + 30
    while True:
        got = client.post(f"{API}/files/{source}/ocr", headers={"Prefer": "respond-async"})
        if got.status_code == 202:
            job: str = got.json()["job"]["id"]
            return job
        assert got.status_code == 503, got.text
        assert time.monotonic() < deadline, "no worker came up"
        time.sleep(0.1)


@contextmanager
def workers(server: RunningServer, env: dict[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    """Run `consigne worker` on the data of a server."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("CONSIGNE_")}
    process = subprocess.Popen(
        bound_to_us([*COMMAND, "worker", "--data", str(server.data)]),
        env=inherited | env,
        stdout=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def stopped(process: "subprocess.Popen[bytes]") -> int:
    """End a worker politely; return its exit status."""
    process.send_signal(signal.SIGTERM)
    return process.wait(20)
