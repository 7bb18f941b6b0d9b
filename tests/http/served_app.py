"""A small service for the tests of the server: run it with workers, drain seconds and limits."""

import asyncio
import json
import os
import signal
import sys

from starlette.requests import Request
from starlette.routing import Route, Router

from consigne import errors
from consigne.http.answers import json_response, text_response
from consigne.http.bodies import raw_body
from consigne.http.delivery import Delivery
from consigne.http.dispatch import Dialect, Dispatcher
from consigne.http.faults import FaultMiddleware
from consigne.http.protocol import Limits
from consigne.http.server import run

BLOCK = 256 * 1024


def say(*words):
    """Print a line in one write: several processes share the pipe."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


class Content:
    """A content of three blocks, the third of which is damaged."""

    size = 3 * BLOCK
    etag = '"e"'
    media_type = detected_type = "application/octet-stream"
    name = "a"
    modified_at = 1_700_000_000_000
    sha256, md5 = bytes(32), bytes(16)

    async def stream(self, offset, length):
        for start in range(offset, offset + length, BLOCK):
            if start >= 2 * BLOCK:
                raise errors.Corrupt
            yield b"x" * min(BLOCK, offset + length - start)

    async def small(self):
        raise NotImplementedError


async def hello(request: Request):
    return text_response(f"hello {os.getpid()} {len(request.headers)}")


async def slow(request: Request):
    await asyncio.sleep(float(request.query_params["seconds"]))
    return text_response("done")


async def upload(request: Request):
    size = 0
    async for piece in raw_body(request, idle_timeout=2):
        size += len(piece)
    return text_response(f"got {size}")


async def refuse(request: Request):
    raise errors.Forbidden


async def early(request: Request):
    return text_response("early")


async def damaged(request: Request):
    return Delivery(Content())


async def flood(request: Request):
    content = Content()
    content.size = 2 * BLOCK

    async def endless(offset, length):
        while True:
            yield b"x" * BLOCK

    content.stream = endless
    content.size = 1 << 40
    return Delivery(content)


async def die(request: Request):
    os.kill(os.getpid(), signal.SIGKILL)


def render(error, scope):
    status = 404 if isinstance(error, errors.NotFound) else 403
    return json_response({"code": error.code}, status)


def factory():
    async def note():
        say("startup", os.getpid())
        if os.environ.get("FAIL_STARTUP"):
            raise RuntimeError("no")

    async def finish():
        say("shutdown", os.getpid())

    endpoints = (hello, slow, upload, refuse, early, damaged, flood, die)
    routes = [Route(f"/{e.__name__}", e, methods=["GET", "POST"]) for e in endpoints]
    app = FaultMiddleware(Router(routes, redirect_slashes=False), render)
    return Dispatcher(
        [],
        Dialect("test", frozenset(), app),
        startup=[note],
        shutdown=[finish],
        access_log=False,
    )


if __name__ == "__main__":
    options = json.loads(sys.argv[1])
    limits = Limits(**options.pop("limits", {}))
    status = run(
        factory,
        port=0,
        limits=limits,
        on_ready=lambda host, port: say("ready", host, port),
        **options,
    )
    say("status", status)
    sys.exit(status)
