"""The real server on a real port, spoken to by raw sockets."""

import contextlib
import json
import os
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

APP = Path(__file__).with_name("served_app.py")


class Served:
    """One run of the service and what it prints."""

    def __init__(self, options, environment):
        self.process = subprocess.Popen(
            [sys.executable, str(APP), json.dumps(options)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
            start_new_session=True,
        )
        self.lines, self.errors = queue.Queue(), []
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._read_errors, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.split())
        self.lines.put(None)

    def _read_errors(self):
        self.errors.extend(self.process.stderr)

    def wait_for(self, word, timeout=20.0):
        seen = []
        until = time.monotonic() + timeout
        while True:
            line = self.lines.get(timeout=max(0.01, until - time.monotonic()))
            assert line is not None, (seen, self.errors)
            seen.append(line)
            if line[:1] == [word]:
                return line

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def exchange(self, request):
        with self.connect() as client:
            client.sendall(request)
            return read_all(client)

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(20)


@pytest.fixture
def serve():
    running = []

    def start(environment=None, ready=True, **options):
        served = Served(options, environment or {})
        running.append(served)
        if ready:
            served.port = int(served.wait_for("ready")[2])
        return served

    yield start
    for served in running:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(served.process.pid, signal.SIGKILL)
        served.process.wait(10)


@pytest.fixture(scope="module")
def shared():
    limits = {"head_seconds": 0.5, "linger_seconds": 0.5, "stall_seconds": 0.5}
    served = Served({"limits": limits}, {})
    served.port = int(served.wait_for("ready")[2])
    yield served
    os.killpg(served.process.pid, signal.SIGKILL)


def read_all(client):
    """Read until the server closes, however it does."""
    got = b""
    with contextlib.suppress(ConnectionError):
        while piece := client.recv(65536):
            got += piece
    return got


def read_answer(client):
    got = b""
    while b"\r\n\r\n" not in got:
        piece = client.recv(65536)
        assert piece, got
        got += piece
    head, _, body = got.partition(b"\r\n\r\n")
    length = int(re.search(rb"content-length: (\d+)", head)[1])
    while len(body) < length:
        body += client.recv(65536)
    return head, body


def head(path="/hello", method="GET", *lines):
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *lines, "", ""]).encode()


CLOSE = "Connection: close"


def test_hello_and_keep_alive(shared):
    with shared.connect() as client:
        for _ in range(3):
            client.sendall(head())
            answer, body = read_answer(client)
            assert answer.startswith(b"HTTP/1.1 200 OK")
            assert body.startswith(b"hello")
            assert b"server:" not in answer
            assert b"x-request-id:" in answer


@pytest.mark.parametrize(
    "flood",
    [
        b"A: " + b"a" * 70_000,
        b"A" * 70_000 + b": b",
        b"\r\n".join(b"A%d: %s" % (i, b"a" * 1000) for i in range(70)),
        b"\r\n".join(b"A%d: b" % i for i in range(200)),
    ],
)
@pytest.mark.parametrize("complete", [True, False])
def test_too_many_header_bytes_or_lines(shared, flood, complete):
    """431 and close; without an end in sight too."""
    end = b"\r\n\r\n" if complete else b""
    got = shared.exchange(b"GET /hello HTTP/1.1\r\nHost: localhost\r\n" + flood + end)
    assert got.startswith(b"HTTP/1.1 431 ")
    assert got.count(b"HTTP/1.1") == 1


def test_headers_within_the_limits_pass(shared):
    lines = [f"A{i}: {'a' * 1000}" for i in range(60)]
    assert b"200 OK" in shared.exchange(head("/hello", "GET", CLOSE, *lines))


def test_an_endless_header_is_not_swallowed(shared):
    with shared.connect() as client:
        client.sendall(b"GET / HTTP/1.1\r\nA: ")
        sent = 0
        with contextlib.suppress(ConnectionError, TimeoutError):
            for _ in range(400):
                sent += client.send(b"a" * 65536)
        assert sent < 20_000_000
        assert b"431" in read_all(client) or sent


def test_a_long_target_is_refused(shared):
    assert shared.exchange(head("/" + "a" * 20_000)).startswith(b"HTTP/1.1 414 ")
    assert b"404" in shared.exchange(head("/" + "a" * 10_000, "GET", CLOSE))


def test_slow_headers_time_out(shared):
    """Slowloris: bytes that trickle in do not extend the time."""
    started = time.monotonic()
    with shared.connect() as client:
        client.sendall(b"GET /hello HTTP/1.1\r\n")
        with contextlib.suppress(ConnectionError):
            for i in range(20):
                client.sendall(b"A%d: b\r\n" % i)
                time.sleep(0.1)
        assert b"408" in read_all(client)
    assert time.monotonic() - started < 4


def test_silent_connections_are_closed(shared):
    with shared.connect() as client:
        assert read_all(client) == b""
    with shared.connect() as client:
        client.sendall(head())
        read_answer(client)
        client.sendall(b"\r\n")  # stops uvicorn's keep-alive timer and starts no request
        assert b"200" not in read_all(client)


def test_the_second_head_has_a_deadline_too(shared):
    with shared.connect() as client:
        client.sendall(head())
        read_answer(client)
        client.sendall(b"GET /hello HTTP/1.1\r\nHost:")
        started = time.monotonic()
        assert b"408" in read_all(client)
        assert time.monotonic() - started < 4


@pytest.mark.parametrize("lines", [["Content-Length: 100"], ["Transfer-Encoding: chunked"]])
def test_a_cut_body_is_never_an_upload(shared, lines):
    """DX-16, DX-18: the client vanishes, the server goes on."""
    with shared.connect() as client:
        client.sendall(head("/upload", "POST", *lines) + b"5\r\nhello\r\n")
    assert b"200 OK" in shared.exchange(head("/hello", "GET", CLOSE))


def test_a_broken_chunk_is_refused(shared):
    request = head("/upload", "POST", "Transfer-Encoding: chunked") + b"zz\r\n"
    got = shared.exchange(request)
    assert got.startswith(b"HTTP/1.1 400 ")
    assert got.count(b"HTTP/1.1") == 1


def test_trailers_are_dropped(shared):
    chunked = head("/upload", "POST", CLOSE, "Transfer-Encoding: chunked")
    got = shared.exchange(chunked + b"5\r\nhello\r\n0\r\nX-Evil: 1\r\n\r\n")
    assert got.endswith(b"got 5")


@pytest.mark.parametrize("start", [b"0\r\nX-Evil: ", b"5;extension="])
def test_endless_trailers_and_chunk_extensions_are_refused(shared, start):
    with shared.connect() as client:
        client.sendall(head("/upload", "POST", "Transfer-Encoding: chunked") + b"1\r\na\r\n")
        with contextlib.suppress(ConnectionError):
            client.sendall(start)
            for _ in range(10):
                client.sendall(b"a" * 20_000)
                time.sleep(0.02)
        got = read_all(client)
    assert b"200" not in got


def test_smuggling_attempts_are_refused(shared):
    both = head("/upload", "POST", "Content-Length: 5", "Transfer-Encoding: chunked")
    assert shared.exchange(both + b"0\r\n\r\n").startswith(b"HTTP/1.1 400 ")
    two = head("/upload", "POST", "Content-Length: 5", "Content-Length: 6")
    assert shared.exchange(two + b"hello!").startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("path", ["/refuse", "/early"])
def test_a_body_that_nobody_wants_is_not_read_to_its_end(shared, path):
    """The client gets its answer, and cannot push a gigabyte through us."""
    with shared.connect() as client:
        client.sendall(head(path, "POST", f"Content-Length: {2**30}"))
        answer, _ = read_answer(client)
        assert answer.startswith(b"HTTP/1.1 " + (b"403" if path == "/refuse" else b"200"))
        sent = 0
        with contextlib.suppress(ConnectionError, TimeoutError):
            while sent < 2**30:
                sent += client.send(b"x" * 65536)
        assert sent < 64 * 2**20


def test_a_sender_that_looks_late_still_finds_the_answer(shared):
    with shared.connect() as client:
        client.sendall(head("/refuse", "POST", f"Content-Length: {2**30}") + b"x" * 500_000)
        assert read_answer(client)[0].startswith(b"HTTP/1.1 403")


def test_a_short_unwanted_body_keeps_the_connection(shared):
    with shared.connect() as client:
        for _ in range(3):
            client.sendall(head("/refuse", "POST", "Content-Length: 50000") + b"x" * 50_000)
            answer, _ = read_answer(client)
            assert b"403" in answer
            assert b"connection: close" not in answer


def test_a_body_that_trickles_after_the_answer_ends_the_connection(shared):
    with shared.connect() as client:
        client.sendall(head("/refuse", "POST", "Content-Length: 50000"))
        read_answer(client)
        started = time.monotonic()
        with contextlib.suppress(ConnectionError):
            for _ in range(100):
                client.sendall(b"x")
                time.sleep(0.05)
        assert time.monotonic() - started < 4


def test_unusual_request_forms(shared):
    """An upgrade that we do not offer is ignored; a target may be absolute."""
    upgrade = ["Connection: Upgrade, close", "Upgrade: h2c", "Content-Length: 5"]
    assert shared.exchange(head("/upload", "POST", *upgrade) + b"hello").endswith(b"got 5")
    offer = ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAA"]
    with shared.connect() as client:
        for _ in range(3):
            client.sendall(head("/hello", "GET", *offer))
            assert b"200 OK" in read_answer(client)[0]
        client.sendall(head("/upload", "POST", *offer, "Transfer-Encoding: chunked"))
        client.sendall(b"5\r\nhello\r\n0\r\n\r\n")
        assert read_answer(client)[1] == b"got 5"
    pipelined = head("/hello", "GET", *offer) * 3 + head("/hello", "GET", CLOSE)
    assert shared.exchange(pipelined).count(b"200 OK") == 4
    assert b" 400 " in shared.exchange(head("localhost:80", "CONNECT", CLOSE))
    assert b"HTTP/1.1 40" in shared.exchange(head("*", "OPTIONS", *upgrade[:2]))
    assert b"200 OK" in shared.exchange(head("/hello", "GET", CLOSE, "Upgrade: websocket"))
    assert b"200 OK" in shared.exchange(head("http://localhost/hello", "GET", CLOSE))
    for target in ("*", "localhost:80", "/%ff%00", "/hello?%ff"):
        answer = shared.exchange(head(target, "OPTIONS", CLOSE))
        assert re.match(rb"HTTP/1.1 40[0-9] ", answer), answer


def test_expect_100_is_answered_only_when_the_body_is_wanted(shared):
    """DX-17."""
    with shared.connect() as client:
        client.sendall(head("/upload", "POST", "Content-Length: 3", "Expect: 100-continue", CLOSE))
        assert client.recv(100).startswith(b"HTTP/1.1 100 ")
        client.sendall(b"abc")
        assert read_all(client).endswith(b"got 3")
    refused = head("/refuse", "POST", "Content-Length: 3", "Expect: 100-continue")
    with shared.connect() as client:
        client.sendall(refused)
        answer, _ = read_answer(client)
        assert answer.startswith(b"HTTP/1.1 403")
        assert b"connection: close" in answer


def test_damage_closes_the_connection_short_of_the_length(shared):
    """C-25, design "Digests end to end": never a quiet success."""
    got = shared.exchange(head("/damaged"))
    answer, _, body = got.partition(b"\r\n\r\n")
    length = int(re.search(rb"content-length: (\d+)", answer)[1])
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert len(body) < length


def test_rubbish_behind_a_request_never_becomes_its_content(shared):
    with shared.connect() as client:
        client.sendall(head("/slow?seconds=0.2") + b"\x00rubbish\r\n\r\n")
        got = read_all(client)
    assert got.count(b"HTTP/1.1") == 1


def test_a_client_that_takes_nothing_is_cut_off(shared):
    with shared.connect() as client:
        client.sendall(head("/flood"))
        time.sleep(2)
        assert len(read_all(client)) < 2**27


def test_sigterm_finishes_what_is_in_flight(serve):
    """First signal: no new connections, answers are completed, exit status 0."""
    served = serve()
    with served.connect() as client, served.connect() as idle:
        client.sendall(head("/slow?seconds=1"))
        time.sleep(0.3)
        served.process.send_signal(signal.SIGTERM)
        time.sleep(0.4)
        with pytest.raises(ConnectionError):
            served.connect()
        answer, body = read_answer(client)
        assert body == b"done"
        assert b"connection: close" in answer
        assert read_all(idle) == b""
    assert served.process.wait(10) == 0
    served.wait_for("shutdown")
    assert served.wait_for("status")[1] == "0"


def test_sigint_does_the_same_and_draining_has_an_end(serve):
    served = serve(drain_seconds=1)
    with served.connect() as client:
        client.sendall(head("/slow?seconds=60"))
        time.sleep(0.3)
        started = time.monotonic()
        assert served.stop(signal.SIGINT) == 0
        assert time.monotonic() - started < 5


@pytest.mark.parametrize("workers", [1, 2])
def test_a_second_signal_stops_at_once(serve, workers):
    served = serve(workers=workers)
    with served.connect() as client:
        client.sendall(head("/slow?seconds=60"))
        time.sleep(0.3)
        served.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        assert served.process.poll() is None
        started = time.monotonic()
        assert served.stop() == 0
        assert time.monotonic() - started < 3


def workers_seen(served, tries=200):
    seen = set()
    for _ in range(tries):
        with contextlib.suppress(ConnectionError):
            found = re.search(rb"hello (\d+)", served.exchange(head("/hello", "GET", CLOSE)))
            seen.update({int(found[1])} if found else ())
    return seen


def test_two_workers_share_the_socket_and_drain(serve):
    served = serve(workers=2)
    assert served.process.pid not in workers_seen(served, 20)
    with served.connect() as client:
        client.sendall(head("/slow?seconds=1"))
        time.sleep(0.3)
        os.killpg(served.process.pid, signal.SIGTERM)  # as a service manager does: to all of them
        assert read_answer(client)[1] == b"done"
    assert served.process.wait(10) == 0
    served.wait_for("shutdown")
    served.wait_for("shutdown")


def test_a_killed_worker_is_replaced(serve):
    served = serve(workers=2)
    before = workers_seen(served)
    served.exchange(head("/die"))
    replacement = int(served.wait_for("startup")[1])
    time.sleep(0.3)
    assert replacement not in before
    after = workers_seen(served)
    assert after
    assert after != before
    assert served.stop() == 0


def test_workers_end_when_their_parent_vanishes(serve):
    served = serve(workers=2)
    served.process.kill()
    served.process.wait(10)
    served.wait_for("shutdown")
    served.wait_for("shutdown")


@pytest.mark.parametrize("workers", [1, 2])
def test_a_failing_start_ends_with_a_status(serve, workers):
    served = serve({"FAIL_STARTUP": "1"}, ready=False, workers=workers)
    assert served.process.wait(20) == 3
