"""Speak ASGI to an application without a server."""

import asyncio
from dataclasses import dataclass, field

from starlette.requests import Request


@dataclass
class Got:
    status: int = 0
    headers: dict = field(default_factory=dict)
    body: bytes = b""
    complete: bool = False


def scope_of(method="GET", path="/", headers=None, client=("10.0.0.9", 1234), host="localhost"):
    raw = [(k.lower().encode(), v.encode("latin-1")) for k, v in (headers or {}).items()]
    if host is not None:
        raw.append((b"host", host.encode()))
    return {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"secret=1",
        "headers": raw,
        "client": client,
        "server": ("localhost", 80),
        "scheme": "http",
        "root_path": "",
        "http_version": "1.1",
        "state": {},
    }


def receiver(pieces, cut=False):
    """Return ``receive`` for a body in pieces; ``cut``: the client goes away after the last one."""
    messages = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    if not cut:
        messages.append({"type": "http.request", "body": b"", "more_body": False})
    queue = iter(messages)
    state = {"cut": cut}

    async def receive():
        message = next(queue, None)
        if message is not None:
            return message
        if not state["cut"]:
            await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    return receive


def request_of(pieces, headers=None, cut=False):
    return Request(scope_of("POST", "/", headers), receiver(pieces, cut))


async def call(app, method="GET", path="/", headers=None, pieces=(), cut=False, **kwargs):
    got = Got()

    async def send(message):
        if message["type"] == "http.response.start":
            assert got.status == 0
            got.status = message["status"]
            got.headers = {k.decode(): v.decode("latin-1") for k, v in message["headers"]}
        else:
            got.body += message.get("body", b"")
            got.complete = not message.get("more_body", False)

    scope = scope_of(method, path, headers, **kwargs)
    try:
        await app(scope, receiver(pieces, cut), send)
    except Exception as error:
        error.got = got
        raise
    got.state = scope["state"]
    return got


async def pieces_of(data, size=7):
    for start in range(0, len(data), size):
        yield data[start : start + size]
