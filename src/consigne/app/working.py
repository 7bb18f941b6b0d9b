"""A worker that runs apart from the server."""

import asyncio
import signal

import structlog

from consigne import observe
from consigne.app.building import (
    build_caring,
    build_depot,
    build_sender,
    build_worker,
    start_traces,
    stop_traces,
)
from consigne.app.hosts import Hosts
from consigne.app.opening import catalog_url, require_whole
from consigne.catalog import migrate
from consigne.core.closed import refusal
from consigne.core.depot import Depot
from consigne.http import server
from consigne.http.dispatch import Dispatcher
from consigne.http.watchers import Watchers
from consigne.metrics import Metrics, Pulse, pool
from consigne.settings import Settings

log = structlog.get_logger()


def work(settings: Settings) -> int:
    """Run a worker apart from the server until a signal comes; return the exit status.

    Raises Unavailable where the vault is only read.
    """
    observe.configure(settings)
    if settings.read_only:
        raise refusal()
    with migrate.alone(catalog_url(settings)):
        migrate.upgrade(catalog_url(settings))
    asyncio.run(_work(settings))
    return 0


async def _work(settings: Settings) -> None:
    told_to_stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told_to_stop.set)
    start_traces(settings)
    depot = build_depot(settings)
    await depot.open()
    worker, sender, caring = build_worker(depot), build_sender(depot), build_caring(depot)
    seen = _Seen(settings, depot)
    try:
        await require_whole(depot.catalog)
        await seen.start()
        await worker.start()
        await sender.start()
        await caring.start()
        log.info("worker_started", holder=worker.holder, slots=settings.worker_slots)
        await told_to_stop.wait()
    finally:
        await caring.stop()
        await sender.stop()
        await worker.stop()
        await seen.stop()
        await depot.close()
        await stop_traces()


class _Seen:
    """The metrics of a worker that runs apart, where its settings name a port for them."""

    def __init__(self, settings: Settings, depot: Depot) -> None:
        watchers = Watchers(settings.metrics_networks, settings.metrics_token)
        metrics = Metrics(watchers, [pool(depot.catalog.pool)]).dialect()
        app = Dispatcher(
            [metrics],
            metrics,
            allowed_hosts=Hosts(settings),
            trusted_proxies=settings.trusted_proxies,
            access_log=settings.access_log,
        )
        self._pulse = Pulse()
        self._site: server.Site | None = None
        if settings.worker_metrics_port:
            host, port = settings.worker_metrics_host, settings.worker_metrics_port
            self._site = server.Site(app, host, port)

    async def start(self) -> None:
        """Raises OSError where the address is not free."""
        if self._site is not None:
            await self._site.start()
            await self._pulse.start()

    async def stop(self) -> None:
        if self._site is not None:
            await self._pulse.stop()
            await self._site.stop()
