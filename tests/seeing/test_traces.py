"""Traces: what a collector receives by OTLP over HTTP, and that nothing is loaded without one."""

import gzip
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from tests.parts.process import free_port
from tests.parts.server import ServerStarter

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


class Collector(ThreadingHTTPServer):
    """Takes spans as a collector does, and keeps them."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.spans: list[Any] = []
        self.headers: list[dict[str, str]] = []
        self.resources: list[dict[str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def named(self, name: str) -> list[Any]:
        return [span for span in list(self.spans) if span.name == name]


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        assert self.path == "/v1/traces"
        self.server.headers.append({name.lower(): value for name, value in self.headers.items()})
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            attributes = {
                each.key: each.value.string_value for each in resource.resource.attributes
            }
            self.server.resources.append(attributes)
            for scope in resource.scope_spans:
                self.server.spans.extend(scope.spans)
        answer = ExportTraceServiceResponse().SerializeToString()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def attributes(span: Any) -> dict[str, Any]:
    return {
        each.key: getattr(each.value, each.value.WhichOneof("value")) for each in span.attributes
    }


def until(condition: Any) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not happen within a minute"
        time.sleep(0.05)


def test_a_request_and_its_work_are_one_trace(
    start_server: ServerStarter, collector: Collector
) -> None:
    """Below the client's span stands the request, below it transactions and bytes; jobs too."""
    env = {
        "CONSIGNE_OTEL_ENDPOINT": collector.url,
        "CONSIGNE_OTEL_HEADERS": "x-tenant=files, authorization=Bearer abc",
        "CONSIGNE_LOG_FORMAT": "json",
        "CONSIGNE_ACCESS_LOG": "true",
    }
    server = start_server(env=env, args=["--workers", "2"])
    with server.client() as client:
        sent = client.post(
            "/consigne/v1/files?name=a.txt&secret=hidden",
            content=b"some words to index",
            headers={"traceparent": f"00-{TRACE}-{PARENT}-01", "X-Request-Id": "traced"},
        )
        assert sent.status_code == 201, sent.text
        large = client.post("/consigne/v1/files", params={"name": "b"}, content=b"x" * 3_000_000)
        assert large.status_code == 201
        client.get("/consigne/v1/files/nothing")
        # Neither is its trace when the client does not want it.
        client.get("/consigne/v1/me", headers={"traceparent": f"00-{TRACE[::-1]}-{PARENT}-00"})
    until(lambda: collector.named("job text"))
    server.terminate()  # what is left is sent

    (upload,) = [
        span for span in collector.named("POST /consigne/v1/files") if span.trace_id.hex() == TRACE
    ]
    assert upload.parent_span_id.hex() == PARENT
    assert upload.kind == upload.SPAN_KIND_SERVER
    told = attributes(upload)
    assert (told["http.route"], told["http.response.status_code"]) == ("/consigne/v1/files", 201)
    assert (told["consigne.request_id"], told["consigne.dialect"]) == ("traced", "native")
    assert told["http.request.body.size"] == len(b"some words to index")
    below = [span for span in collector.spans if span.parent_span_id == upload.span_id]
    assert {span.name for span in below} == {"catalog.write", "store.write"}
    assert all(span.trace_id == upload.trace_id for span in below)
    assert all(span.start_time_unix_nano <= span.end_time_unix_nano for span in below)
    assert any(attributes(span).get("consigne.bytes") == 3_000_000
               for span in collector.named("store.write"))  # fmt: skip
    (missing,) = collector.named("GET /consigne/v1/files/{id}")
    assert attributes(missing)["http.response.status_code"] == 404
    assert missing.status.code != missing.status.STATUS_CODE_ERROR
    assert not [span for span in collector.spans if span.trace_id.hex() == TRACE[::-1]]
    job = attributes(collector.named("job text")[0])
    assert (job["outcome"], job["attempt"]) == ("done", "1")
    assert all(told["service.name"] == "consigne" for told in collector.resources)
    assert all(told["x-tenant"] == "files" for told in collector.headers)
    assert all(told["authorization"] == "Bearer abc" for told in collector.headers)
    assert "hidden" not in str(collector.spans)
    assert f'"trace_id":"{TRACE}"' in server.log.replace(" ", "")


def test_a_collector_that_is_down_harms_nothing(start_server: ServerStarter) -> None:
    """Uploads work, and the server ends in its time."""
    server = start_server(env={"CONSIGNE_OTEL_ENDPOINT": f"http://127.0.0.1:{free_port()}"})
    with server.client() as client:
        for number in range(5):
            sent = client.post("/consigne/v1/files", params={"name": f"{number}"}, content=b"x")
            assert sent.status_code == 201
    assert httpx.get(f"{server.url}/health/ready", timeout=30).status_code == 200
    server.terminate()


def test_nothing_is_loaded_without_a_collector() -> None:
    program = (
        "import sys\n"
        "from consigne import app, tracing\n"
        "from consigne.settings import Settings\n"
        "app.start_traces(Settings())\n"
        "assert tracing.span('x') is tracing.span('y', traceparent='')\n"
        "assert not [name for name in sys.modules if name.startswith('opentelemetry')]\n"
        "sys.modules['opentelemetry'] = None\n"
        "try:\n"
        "    app.start_traces(Settings(otel_endpoint='http://127.0.0.1:1'))\n"
        "except Exception as error:\n"
        "    print(type(error).__name__, error.hint)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True,
                          check=False, timeout=60)  # fmt: skip
    assert done.stdout == "Unavailable pip install 'consigne[otel]'\n", done.stderr
