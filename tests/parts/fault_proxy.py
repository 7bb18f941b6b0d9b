"""A proxy before an HTTP service that does to each request what the test says."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal

_CONNECTION = re.compile(rb"(?im)^connection:[^\r\n]*\r\n")


@dataclass(frozen=True)
class Fault:
    """``answer``: this status and code instead of passing the request on. ``cut``: pass it on and
    let so many bytes of the answer through. ``silent``: take the request and say nothing.
    """

    kind: Literal["answer", "cut", "silent"]
    number: int = 0
    code: str = "InternalError"


@dataclass
class FaultProxy:
    """Where it listens, what it has seen (method and target), and what it does.

    ``plan`` gets method and target of each request and returns its fault, None: pass it on.
    ``latency``: seconds before anything happens to a request.
    """

    url: str = ""
    seen: list[tuple[str, str]] = field(default_factory=list)
    latency: float = 0
    plan: Callable[[str, str], Fault | None] = lambda method, target: None

    def first(self, count: int, fault: Fault, *, of: Callable[[str, str], bool]) -> None:
        """Do ``fault`` to the first ``count`` requests that ``of`` picks."""
        left = iter(range(count))

        def plan(method: str, target: str) -> Fault | None:
            return fault if of(method, target) and next(left, None) is not None else None

        self.plan = plan


@asynccontextmanager
async def fault_proxy(target: str) -> AsyncIterator[FaultProxy]:
    """Run a proxy before the service at the base URL ``target``, one request a connection."""
    host, _, port = target.removeprefix("http://").partition(":")
    proxy = FaultProxy()
    busy: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        busy.add(task)
        task.add_done_callback(busy.discard)
        with suppress(OSError, asyncio.IncompleteReadError):
            await _one(proxy, reader, writer, host, int(port))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        server.close()
        for task in list(busy):
            task.cancel()
        await asyncio.gather(*busy, return_exceptions=True)


async def _one(
    proxy: FaultProxy,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    host: str,
    port: int,
) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
    proxy.seen.append((method, target))
    fault = proxy.plan(method, target)
    await asyncio.sleep(proxy.latency)
    if fault is not None and fault.kind == "silent":
        await asyncio.Event().wait()
    if fault is not None and fault.kind == "answer":
        body = f"<Error><Code>{fault.code}</Code><Message>planned</Message></Error>".encode()
        lines = f"HTTP/1.1 {fault.number} Planned\r\nContent-Type: application/xml\r\n"
        lines += f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(lines.encode() + body)
        await writer.drain()
        return
    up_reader, up_writer = await asyncio.open_connection(host, port)
    up_writer.write(_CONNECTION.sub(b"", head).replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
    sending = asyncio.create_task(_pipe(reader, up_writer, None))
    try:
        await _pipe(up_reader, writer, fault.number if fault else None)
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        up_writer.close()


async def _pipe(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, limit: int | None
) -> None:
    while data := await reader.read(65536):
        if limit is not None:
            data, limit = data[:limit], limit - min(limit, len(data))
        writer.write(data)
        await writer.drain()
        if limit == 0:
            return
