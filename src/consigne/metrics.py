"""``/metrics``: what Prometheus reads. Any server process answers for all of its machine's, a
worker that runs apart for itself, where it is told to.

Counters come from the board that the processes share; gauges are found out at each scrape by
collectors, those of the census at most every five seconds.
"""

import asyncio
import os
import platform
import shutil
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path

from starlette.types import Receive, Scope, Send

from consigne import __version__
from consigne.core.care.mirror import Mirror
from consigne.core.care.moving import Moving
from consigne.core.care.scrub import Scrub
from consigne.core.census import Census, Figures
from consigne.core.clock import now_ms
from consigne.errors import ConsigneError
from consigne.http.answers import Answer, text_response
from consigne.http.dispatch import Dialect
from consigne.http.watchers import Watchers
from consigne.meters import known, meter
from consigne.meters.exposition import CONTENT_TYPE, Sheet

Collector = Callable[[Sheet], Awaitable[None]]
"""Sets gauges. One that raises a ConsigneError or OSError leaves its gauges out of this answer."""

_PULSE = 0.25
_MOST = 100_000  # what is more takes too long to count at each scrape
_TICKS, _PAGE = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")


class Metrics:
    """The answer at ``/metrics``, for ``watchers`` only."""

    def __init__(self, watchers: Watchers, collectors: Sequence[Collector]) -> None:
        self._watchers = watchers
        self._collectors = [processes, *collectors]

    def dialect(self) -> Dialect:
        return Dialect("metrics", frozenset({"metrics"}), self)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (await self._answer(scope))(scope, receive, send)

    async def _answer(self, scope: Scope) -> Answer:
        if scope["path"] != "/metrics":
            return text_response("There is only /metrics.\n", 404)
        if scope["method"] not in ("GET", "HEAD"):
            return text_response("Only GET.\n", 405, [("Allow", "GET, HEAD")])
        if not self._watchers.include(scope):
            return _refusal(self._watchers.has_token)
        scope["state"]["route"] = "/metrics"
        sheet = Sheet(meter.present())
        for collect in self._collectors:
            with suppress(ConsigneError, OSError):
                await collect(sheet)
        return text_response(sheet.text(), headers=[("Cache-Control", "no-store")],
                             media_type=CONTENT_TYPE)  # fmt: skip


class Pulse:
    """Measures how late the event loop is: ``start`` and ``stop``."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._beat())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _beat(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + _PULSE
            await asyncio.sleep(_PULSE)
            known.LOOP_LAG.observe(max(0.0, loop.time() - due))


async def processes(sheet: Sheet) -> None:
    """Look at the processes of this server or worker, and at what they run."""
    sheet.set(known.BUILD, 1, __version__, platform.python_version())
    for number, part in enumerate(meter.present().parts):
        about, label = Path("/proc", str(part.process_id or os.getpid())), str(number)
        with suppress(OSError, ValueError):
            pages = int((about / "statm").read_text().split()[1])
            spent = (about / "stat").read_text().rpartition(")")[2].split()[11:13]
            sheet.set(known.PROCESS_MEMORY, pages * _PAGE, label)
            sheet.set(known.PROCESS_CPU, sum(map(int, spent)) / _TICKS, label)
            sheet.set(known.PROCESS_FILES, len(os.listdir(about / "fd")), label)


def disk(folder: Path) -> Collector:
    """Return a collector of the room in the data folder."""

    async def collect(sheet: Sheet) -> None:
        usage = shutil.disk_usage(folder)
        sheet.set(known.DISK_BYTES, usage.total)
        sheet.set(known.DISK_FREE, usage.free)

    return collect


def pool(size: int) -> Collector:
    """Return a collector of how many transactions the processes can run at a time."""

    async def collect(sheet: Sheet) -> None:
        sheet.set(known.CATALOG_POOL, size * len(meter.present().parts))

    return collect


def scrubbing(scrub: Scrub) -> Collector:
    """Return a collector of how far the scrub is; nothing before its first pass."""

    async def collect(sheet: Sheet) -> None:
        status = await scrub.status()
        sheet.set(known.SCRUB_RUNNING, status.is_running)
        if status.latest is not None:
            present = status.latest
            sheet.set(known.SCRUB_STARTED, present.started_at / 1000)
            sheet.set(known.SCRUB_BYTES, present.size)
            for what in ("total", "checked", "found", "repaired"):
                sheet.set(known.SCRUB_CONTENTS, getattr(present, what), what)

    return collect


def mirroring(mirror: Mirror) -> Collector:
    """Return a collector of how far the mirror is behind."""

    async def collect(sheet: Sheet) -> None:
        status = await mirror.status(_MOST)
        since = status.behind_since
        sheet.set(known.MIRROR_BEHIND, status.behind)
        sheet.set(known.MIRROR_BEHIND_BYTES, status.behind_size)
        sheet.set(known.MIRROR_LAG, 0 if since is None else max(0, now_ms() - since) / 1000)
        sheet.set(known.MIRROR_COPIED, status.copied)
        sheet.set(known.MIRROR_COPIED_BYTES, status.size)

    return collect


def moving(move: Moving) -> Collector:
    """Return a collector of how far a move to another store is; nothing where there is none."""

    async def collect(sheet: Sheet) -> None:
        status = await move.status(_MOST)
        if status is not None:
            sheet.set(known.MOVE_STARTED, status.begun_at / 1000)
            sheet.set(known.MOVE_LEFT, status.left)
            sheet.set(known.MOVE_UPLOADS, status.uploads)
            sheet.set(known.MOVED, status.moved)
            sheet.set(known.MOVED_BYTES, status.size)

    return collect


def installation(census: Census) -> Collector:
    """Return a collector of what the catalog knows."""

    async def collect(sheet: Sheet) -> None:
        figures = await census.figures()
        sheet.set(known.DELIVERIES, figures.deliveries)
        sheet.set(known.QUARANTINED, figures.quarantined)
        _queues(sheet, figures)
        _spaces(sheet, figures)

    return collect


def _queues(sheet: Sheet, figures: Figures) -> None:
    for kind, queue in figures.queues.items():
        sheet.set(known.QUEUE_JOBS, queue.queued, kind, "queued")
        sheet.set(known.QUEUE_JOBS, queue.running, kind, "running")
        sheet.set(known.QUEUE_AGE, queue.age, kind)
        sheet.set(known.WORKERS, queue.workers, kind)


def _spaces(sheet: Sheet, figures: Figures) -> None:
    sheet.set(known.SPACES, figures.spaces)
    sheet.set(known.USED, figures.used)
    sheet.set(known.RESERVED, figures.reserved)
    for space in figures.fullest:
        sheet.set(known.SPACE_USED, space.used, space.short)
        sheet.set(known.SPACE_RESERVED, space.reserved, space.short)
        if space.quota is not None:
            sheet.set(known.SPACE_QUOTA, space.quota, space.short)


def _refusal(has_token: bool) -> Answer:
    if has_token:
        headers = [("WWW-Authenticate", 'Bearer realm="metrics"')]
        return text_response("Send CONSIGNE_METRICS_TOKEN as a bearer token.\n", 401, headers)
    return text_response(
        "Metrics are for the addresses in CONSIGNE_METRICS_NETWORKS (loopback), or for those who "
        "send CONSIGNE_METRICS_TOKEN as a bearer token; none is set.\n",
        403,
    )
