"""The log: one JSON object a line, each with the request that it is about."""

import json
import re
import subprocess
import sys
from typing import Any

import httpx
from tests.parts.server import KEY, ServerStarter

JSON = {"CONSIGNE_LOG_FORMAT": "json", "CONSIGNE_ACCESS_LOG": "true"}
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def lines(log: str) -> list[dict[str, Any]]:
    """Return the lines of the log; what the greeting prints is no line of it."""
    return [json.loads(line) for line in log.splitlines() if line.startswith("{")]


def test_every_line_of_a_request_names_it(start_server: ServerStarter) -> None:
    """X-Request-Id comes in where it is harmless, goes out, and stands on each line."""
    server = start_server(env=JSON | {"CONSIGNE_SMALL_SIZE": "0"})
    with server.client() as client:
        sent = client.post(
            "/consigne/v1/files",
            params={"name": "a.bin"},
            content=b"x" * 5000,
            headers={"X-Request-Id": "upload/1", "traceparent": f"00-{TRACE}-00f067aa0ba902b7-01"},
        )
        assert sent.headers["x-request-id"] == "upload/1"
        for bad in ("two words", "x" * 129, "", 'a"b', "a\tb"):
            answer = client.get("/consigne/v1/me", headers={"X-Request-Id": bad})
            assert answer.headers["x-request-id"] not in ("", bad)
        zeros = {"traceparent": f"00-{'0' * 32}-00f067aa0ba902b7-01", "X-Request-Id": "untraced"}
        client.get("/consigne/v1/me?secret=hidden", headers=zeros)
        (stored,) = (path for path in (server.data / "blobs" / "objects").rglob("*")
                     if path.is_file())  # fmt: skip
        stored.write_bytes(b"y" * 5000)
        number = sent.json()["id"]
        broken = client.get(
            f"/consigne/v1/files/{number}/content", headers={"X-Request-Id": "broken"}
        )
        assert broken.status_code == 500
    metrics = httpx.get(f"{server.url}/metrics", timeout=30).text
    assert re.search(r'consigne_corrupt_reads_total{problem="block"} [1-9]', metrics)
    server.terminate()

    requests = {line["request_id"]: line for line in lines(server.log) if "path" in line}
    upload = requests["upload/1"]
    assert upload["trace_id"] == TRACE
    assert (upload["method"], upload["path"], upload["status"]) == (
        "POST", "/consigne/v1/files", 201
    )  # fmt: skip
    assert (upload["route"], upload["received"]) == ("/consigne/v1/files", 5000)
    assert upload["sent"] > 0
    assert upload["milliseconds"] > 0
    assert "trace_id" not in requests["untraced"]
    assert requests["broken"]["route"] == "/consigne/v1/files/{id}/content"
    (alarm,) = [line for line in lines(server.log) if line["event"] == "content_corrupt"]
    assert (alarm["request_id"], alarm["level"]) == ("broken", "error")
    assert "hidden" not in server.log
    assert KEY not in server.log


def test_the_access_log_is_off_by_default(start_server: ServerStarter) -> None:
    server = start_server(env={"CONSIGNE_LOG_FORMAT": "json", "CONSIGNE_LOG_LEVEL": "debug"})
    httpx.get(f"{server.url}/health/live", timeout=30)
    server.terminate()
    assert not [line for line in lines(server.log) if "path" in line]


def test_what_libraries_say_takes_the_same_form() -> None:
    program = """
        import logging, warnings
        from consigne import observe
        from consigne.settings import Settings
        observe.configure(Settings(log_format="json"))
        logging.getLogger("a.library").warning("hello %s", "you")
        warnings.warn("beware")
        try:
            1 / 0
        except ZeroDivisionError:
            logging.getLogger("a.library").exception("failed")
    """
    program = "\n".join(line.removeprefix(" " * 8) for line in program.splitlines())
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True,
                          check=True, timeout=60)  # fmt: skip
    said, warned, failed = (json.loads(line) for line in done.stderr.splitlines())
    assert (said["event"], said["level"], said["logger"]) == ("hello you", "warning", "a.library")
    assert "beware" in warned["event"]
    assert "ZeroDivisionError" in failed["exception"]
