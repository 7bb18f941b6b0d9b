"""A receiver of webhooks on a real port of this machine, which answers as a test tells it to."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks.webhooks import Webhook as Verifier


@dataclass
class Got:
    """A message that arrived."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def type(self) -> str:
        return str(json.loads(self.body)["type"])

    @property
    def data(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)["data"]
        return found

    def verify(self, secret: str) -> Any:
        """Return the message; raise where its signature is not right."""
        return Verifier(secret).verify(self.body, self.headers)


Answer = tuple[int, bytes] | tuple[int, bytes, dict[str, str]]


class Receiver:
    """``answer`` decides on each message; by default 204."""

    def __init__(self) -> None:
        self.got: list[Got] = []
        self.answer: Callable[[Got], Answer] = lambda got: (204, b"")
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                fields = {name.lower(): value for name, value in self.headers.items()}
                got = Got(self.path, fields, body)
                receiver.got.append(got)
                status, said, *more = receiver.answer(got)
                try:
                    self.send_response(status)
                    for name, value in (more[0] if more else {}).items():
                        self.send_header(name, value)
                    self.send_header("content-length", str(len(said)))
                    self.end_headers()
                    self.wfile.write(said)
                except OSError:
                    pass  # the other end did not wait

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/hook"

    def of(self, *types: str) -> list[Got]:
        return [each for each in list(self.got) if each.type in types]

    def wait(self, condition: Callable[[], Any], seconds: float = 60) -> Any:
        """Wait until something holds, and return it."""
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < deadline, [each.type for each in self.got]
            time.sleep(0.05)
        return found

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
