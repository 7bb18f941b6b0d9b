"""A proxy that answers one chosen request with 503, before or after it has passed it on."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx


@contextmanager
def stumbling_proxy(upstream: str, at: int, *, after: bool) -> Iterator[str]:
    """Run the proxy and give its URL; request number ``at`` (from 0) gets 503.

    ``after``: the server has seen the request, only its answer is lost.
    """
    seen = iter(range(1_000_000))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            stumbles = next(seen) == at
            status, content = 503, b""
            if after or not stumbles:
                names = ("authorization", "content-type", "uploader-")
                sent = {n: v for n, v in self.headers.items() if n.lower().startswith(names)}
                answer = httpx.post(upstream + self.path, content=body, headers=sent, timeout=60)
                assert not stumbles or answer.status_code == 200, answer.text
                if not stumbles:
                    status, content = answer.status_code, answer.content
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.server_port}"
        finally:
            listening.shutdown()
            thread.join()
