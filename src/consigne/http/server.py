"""Run the ASGI application: one process, or N workers with a listening socket each.

The kernel spreads connections over the sockets of one port (SO_REUSEPORT); from a shared socket the
worker that wakes first takes most of them (12 and 4 of 16, measured). The parent makes the sockets
and keeps them, so ``port=0`` works, and what waits for a worker that died is served by the next one
in its place. First SIGTERM or SIGINT: stop accepting, finish what is in flight within
``drain_seconds``, exit status 0. Second signal: stop at once.
"""

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

import structlog
import uvicorn
import uvloop
from starlette.types import ASGIApp
from uvicorn.config import STARTUP_FAILURE

from consigne.http.protocol import Limits, limited_protocol
from consigne.http.workers import supervise

# Longer than the minute for which common proxies keep idle connections to us: the side that opened
# a connection should be the one that closes it, or a request crosses the close.
KEEP_ALIVE_SECONDS = 75

BACKLOG = 2048

OnReady = Callable[[str, int], None]

_log = structlog.get_logger("consigne.http")


@dataclass(frozen=True)
class Service:
    """What to serve and how. ``app``: a factory without arguments, or its import string
    ``package.module:factory``; it is called once in every worker. ``drain_seconds``: how long
    requests in flight may take after the first signal."""

    app: str | Callable[[], ASGIApp]
    drain_seconds: float = 30.0
    keep_alive_seconds: int = KEEP_ALIVE_SECONDS
    limits: Limits = field(default_factory=Limits)


def run(
    app: str | Callable[[], ASGIApp],
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    workers: int = 1,
    drain_seconds: float = 30.0,
    on_ready: OnReady | None = None,
    on_worker: Callable[[int], None] | None = None,
    limits: Limits | None = None,
) -> int:
    """Serve until a signal comes; return the exit status (0, or 3 where start-up failed).

    Call it in the main thread, and for several workers before any thread, loop or database is
    opened: workers are forked. ``on_ready(host, port)`` is called in this process once, when every
    worker accepts requests, with the actual port; ``on_worker(number)`` in each serving process
    before the application is made, with its number from 0. Raises OSError where the address is not
    free.
    """
    service = Service(app, drain_seconds, limits=limits or Limits())
    sockets = listen(host, port, workers)
    actual_port: int = sockets[0].getsockname()[1]

    def ready() -> None:
        if on_ready is not None:
            on_ready(host, actual_port)

    def worker(number: int, on_ready: Callable[[], None], lifeline: int | None = None) -> int:
        if on_worker is not None:
            on_worker(number)
        return serve(service, sockets[number], on_ready, lifeline)

    def stop_listening() -> None:
        for listening in sockets:
            listening.close()

    if workers == 1:
        return worker(0, ready)
    return supervise(worker, workers, drain_seconds, ready, stop_listening)


def listen(host: str, port: int, count: int) -> list[socket.socket]:
    """Return TCP sockets that listen at one address; port 0 picks a free one. Raises OSError."""
    first = _listening(host, port, shared=False)
    if count == 1:
        return [first]
    # Only a socket that does not share shows that nobody else has the port.
    port = first.getsockname()[1]
    first.close()
    return [_listening(host, port, shared=True) for _ in range(count)]


def _listening(host: str, port: int, *, shared: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listening.bind((host, port))
        listening.listen(BACKLOG)
        listening.setblocking(False)
    except OSError:
        listening.close()
        raise
    return listening


def serve(
    service: Service,
    listening: socket.socket,
    on_ready: Callable[[], None],
    lifeline: int | None = None,
) -> int:
    """Serve on a socket in this process; return the exit status.

    ``lifeline``: a file descriptor that becomes readable when the parent is gone; this process is
    then a worker, whose parent alone hears the keyboard and forces the end.
    """
    server = _Server(_config(service), on_ready, lifeline)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(server.serve(sockets=[listening]))
    except SystemExit as end:  # uvicorn's way to say that the application did not load or start
        return end.code if isinstance(end.code, int) else STARTUP_FAILURE
    return 0


def _config(service: Service) -> uvicorn.Config:
    return uvicorn.Config(
        service.app,
        factory=True,
        loop="none",
        http=limited_protocol(service.limits),
        ws="none",
        lifespan="on",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=service.keep_alive_seconds,
        # Uvicorn takes whole seconds; 0 would be no limit at all in its log and none in effect.
        timeout_graceful_shutdown=max(1, round(service.drain_seconds)),
    )


class Site:
    """A small application beside other work, in the event loop that runs: ``start``, ``stop``."""

    def __init__(self, app: ASGIApp, host: str, port: int) -> None:
        self._address = host, port
        self._server = _Guest(_config(Service(lambda: app, drain_seconds=1)))
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen. Raises OSError where the address is not free."""
        sockets = listen(*self._address, 1)
        self._serving = asyncio.create_task(self._server.serve(sockets=sockets))

    async def stop(self) -> None:
        """Finish what is being answered, for a second at most."""
        self._server.should_exit = True
        if self._serving is not None:
            await asyncio.gather(self._serving, return_exceptions=True)


class _Guest(uvicorn.Server):
    """Uvicorn's server, which leaves signals to whoever runs the process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Server(uvicorn.Server):
    """Uvicorn's server with our handling of signals: it would raise them again after draining, so
    that the exit status tells of a kill where all went well."""

    def __init__(
        self, config: uvicorn.Config, on_ready: Callable[[], None], lifeline: int | None
    ) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self._lifeline = lifeline
        self._draining = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # Each request finds it in ``scope["state"]``: an answer without an end watches it.
        self.lifespan.state["draining"] = self._draining
        if self._lifeline is not None:
            asyncio.get_running_loop().add_reader(self._lifeline, self._orphaned, self._lifeline)
        self._on_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._draining.set()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.should_exit and self._lifeline is None:
            self.force_exit = True
        self.should_exit = True

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        terminate = signal.signal(signal.SIGTERM, self.handle_exit)
        # Ctrl-C reaches the whole process group; a worker waits for its parent's word.
        ours = self.handle_exit if self._lifeline is None else signal.SIG_IGN
        interrupt = signal.signal(signal.SIGINT, ours)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, terminate)
            signal.signal(signal.SIGINT, interrupt)

    def _orphaned(self, lifeline: int) -> None:
        asyncio.get_running_loop().remove_reader(lifeline)
        _log.warning("worker.orphaned")
        self.should_exit = True
