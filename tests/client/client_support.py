"""Both clients behind one face, and a server that says what a test wrote down."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from inspect import isasyncgen, iscoroutine
from typing import Any

from consigne.client import AsyncClient, Client


class Awaited:
    """An ``AsyncClient`` whose methods are called as those of a ``Client``."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self._loop = asyncio.new_event_loop()
        self._client = AsyncClient(*args, **options)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)
        if not callable(method):
            return method

        def call(*args: Any, **options: Any) -> Any:
            result = method(*args, **options)
            if isasyncgen(result):
                return iter(self._loop.run_until_complete(_all(result)))
            return self._loop.run_until_complete(result) if iscoroutine(result) else result

        return call

    def close(self) -> None:
        self._loop.run_until_complete(self._client.close())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()


async def _all(things: Any) -> list[Any]:
    return [each async for each in things]


KINDS: dict[str, Callable[..., Any]] = {"blocking": Client, "async": Awaited}


class Heard:
    """A request that the scripted server got."""

    def __init__(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        self.method = method
        self.path = path
        self.headers = headers
        self.body = body


Answer = tuple[int, dict[str, str], bytes]


@contextmanager
def scripted(*answers: Answer) -> Iterator[tuple[str, list[Heard]]]:
    """Run a server that gives these answers, the last one for ever; yield its URL and what it got.

    An answer with a Content-Length larger than its body is cut short.
    """
    heard: list[Heard] = []
    waiting = list(answers)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            fields = {name.lower(): value for name, value in self.headers.items()}
            heard.append(Heard(self.command, self.path, fields, body))
            status, headers, content = waiting.pop(0) if len(waiting) > 1 else waiting[0]
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(content))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)
            self.close_connection = headers.get("Content-Length", "") not in ("", str(len(content)))

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _answer

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", heard
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
