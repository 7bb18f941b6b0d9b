"""The ASGI application of a server process, and the processes of a server."""

import ctypes
from functools import partial
from pathlib import Path

from consigne import console, manual, observe, tracing
from consigne.app.building import (
    build_caring,
    build_depot,
    build_sender,
    build_sweeper,
    build_worker,
    start_traces,
    stop_traces,
)
from consigne.app.hosts import Hosts
from consigne.app.starting import prepare
from consigne.core.accounts import FRESH
from consigne.core.census import Census
from consigne.dialects import appmixer, arrhes, daxium, dynacase, native, s3, tus
from consigne.health import Health
from consigne.http import server
from consigne.http.dispatch import Dispatcher
from consigne.http.watchers import Watchers
from consigne.jobs.caring import LEARN
from consigne.jobs.invoices import InvoiceFollower
from consigne.jobs.rounds import Rounds
from consigne.meters import meter
from consigne.meters.board import Board
from consigne.metrics import Metrics, Pulse, disk, installation, mirroring, moving, pool, scrubbing
from consigne.settings import Settings

_M_MMAP_THRESHOLD = -3  # malloc.h


def create_app(settings: Settings) -> Dispatcher:
    """Return the ASGI application of one server process."""
    observe.configure(settings)
    start_traces(settings)
    depot = build_depot(settings, closed=settings.read_only)
    works = settings.worker and not settings.read_only
    worker = build_worker(depot) if works else None
    rounds = Rounds(depot.catalog, build_sweeper(depot), depot.history, settings, worker)
    watchers = Watchers(settings.metrics_networks, settings.metrics_token)
    census = Census(depot.catalog, settings.metrics_spaces)
    health = Health(depot, census, watchers)
    collectors = [
        disk(settings.data_path),
        installation(census),
        scrubbing(depot.scrub),
        pool(depot.catalog.pool),
    ]
    if depot.mirror is not None:
        collectors.append(mirroring(depot.mirror))
    if depot.moving is not None:
        collectors.append(moving(depot.moving))
    metrics = Metrics(watchers, collectors)
    pulse = Pulse()
    hosts = Hosts(settings)

    async def learn_hosts() -> None:
        hosts.learn(await depot.tenancy.all_hosts())

    rounds.every("hosts", FRESH, learn_hosts)
    if depot.places is not None:
        rounds.every("stores", LEARN, depot.places.learn)
    if not settings.read_only:
        follower = InvoiceFollower(depot.catalog, depot.invoices)
        rounds.every("usage", settings.usage_every, depot.usage.note)
        rounds.every("words", settings.text_every, depot.texts.catch_up)
        rounds.every("invoices", settings.invoice_every, follower.look)
        rounds.every("webhooks", settings.webhook_every, depot.outbox.look)
        rounds.every("deliveries", 3600, depot.outbox.forget)
    sender = build_sender(depot)
    caring = build_caring(depot)
    working = [sender.start, caring.start] if works else []
    spoken = [
        appmixer.dialect(depot, settings),
        arrhes.dialect(depot, settings),
        dynacase.dialect(depot, settings),
        s3.dialect(depot, settings),
        tus.dialect(depot, settings),
        native.dialect(depot, settings),
        health.dialect(),
        console.dialect(settings),
        manual.dialect(_documents(), settings.base_url),
        metrics.dialect(),
    ]
    return Dispatcher(
        spoken,
        daxium.dialect(depot, settings),
        allowed_hosts=hosts,
        trusted_proxies=settings.trusted_proxies,
        startup=[depot.open, learn_hosts, rounds.start, *working, pulse.start],
        shutdown=[stop_traces, depot.close, rounds.stop, sender.stop, caring.stop, pulse.stop],
        access_log=settings.access_log,
    )


def serve(settings: Settings) -> int:
    """Run the server until a signal comes; return the exit status."""
    _give_large_memory_back()
    observe.configure(settings)
    if settings.otel_endpoint:
        tracing.require()
    first = prepare(settings)

    def ready(host: str, port: int) -> None:
        observe.greet(settings, host, port, first)

    return server.run(
        lambda: create_app(settings),
        host=settings.host,
        port=settings.port,
        workers=settings.workers,
        drain_seconds=settings.drain,
        on_ready=ready,
        on_worker=partial(meter.join, Board(settings.workers)),
    )


def _give_large_memory_back() -> None:
    """Have the C library return large pieces to the system as soon as they are free.

    By default glibc raises its limit for that with use, and a process keeps the 19 MiB that one
    password took for ever.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, 4 << 20)


def _documents() -> dict[str, Path]:
    """Return the OpenAPI document of each dialect by its name."""
    folder = Path(__file__).parent.parent / "dialects"
    return {path.parent.name: path for path in sorted(folder.glob("*/openapi.yaml"))}
