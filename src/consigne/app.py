"""The composition root: settings → drivers → depot → dialects → ASGI application.

This is the only place that names concrete classes. ``prepare`` runs once before any server process
(migrations, first start); ``create_app`` makes the application of one process; ``serve`` runs them.
"""

import asyncio
import ctypes
import secrets
import signal
import sys
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import structlog

from consigne import __version__, console, manual, observe, tracing
from consigne.blobs.archive import Archive, FolderArchive
from consigne.blobs.bucket import FAR_READ, READ, Bucket
from consigne.blobs.driver import Driver
from consigne.blobs.local import LocalDriver
from consigne.blobs.memory import MemoryDriver
from consigne.blobs.stores import Stores
from consigne.catalog import filling, migrate
from consigne.catalog.engine import Catalog
from consigne.catalog.sqlite import SqliteCatalog
from consigne.core.accounts import FRESH
from consigne.core.bulk.desk import KIND as BULK
from consigne.core.care.places import Places
from consigne.core.census import Census
from consigne.core.closed import ClosedBucket, ClosedCatalog, refusal
from consigne.core.departures import CLEAR_SPACE, HAND_OVER
from consigne.core.depot import Depot, build
from consigne.core.imports.desk import KIND as IMPORT
from consigne.core.invoices import KIND as INVOICE
from consigne.core.ocr import KIND as OCR
from consigne.core.outbox import Outbox
from consigne.core.previews import KIND as PREVIEW
from consigne.core.proof import Proof
from consigne.core.secrets import Secrets, master_key
from consigne.core.texts import KIND as TEXT
from consigne.dialects import appmixer, arrhes, daxium, dynacase, native, s3, tus
from consigne.errors import BadParameter, Unavailable
from consigne.health import Health
from consigne.http import server
from consigne.http.dispatch import LOOPBACK_HOSTS, Dispatcher
from consigne.http.watchers import Watchers
from consigne.jobs.bulk import BulkHandler
from consigne.jobs.caring import LEARN, Caring
from consigne.jobs.departures import ClearSpaceHandler, HandOverHandler
from consigne.jobs.fetching import Fetcher
from consigne.jobs.hooks import KIND as POST_STORE
from consigne.jobs.hooks import HookDesk
from consigne.jobs.imports import ImportHandler
from consigne.jobs.invoices import InvoiceFollower, InvoiceHandler
from consigne.jobs.ocr import OcrHandler, PageProbe
from consigne.jobs.posting import Poster
from consigne.jobs.previews import PreviewHandler
from consigne.jobs.queue import Queue
from consigne.jobs.rounds import Rounds
from consigne.jobs.sweeper import Sweeper
from consigne.jobs.texts import TextHandler
from consigne.jobs.webhooks import Sender
from consigne.jobs.worker import Worker
from consigne.meters import meter
from consigne.meters.board import Board
from consigne.metrics import (
    Metrics,
    Pulse,
    disk,
    installation,
    mirroring,
    moving,
    pool,
    scrubbing,
)
from consigne.settings import Settings

if TYPE_CHECKING:
    from consigne.blobs.s3_client import Place

log = structlog.get_logger()

_CORRECT = "Correct the address."
FIRST_SPACE = "default"
# Memory for bodies on their way in, for all of a process: a handful of blocks for each of them.
BUFFERS = 4 << 20
_M_MMAP_THRESHOLD = -3  # malloc.h
FIRST_USER = "admin@localhost.localdomain"


@dataclass(frozen=True)
class FirstStart:
    """What the very first start generated; shown once and not kept."""

    email: str
    password: str | None
    key: str | None
    client_id: str
    client_secret: str | None


def catalog_url(settings: Settings) -> str:
    """Return the database URL: the configured one, else SQLite in the data folder."""
    return settings.catalog or f"sqlite:///{settings.data_path.absolute() / 'catalog.db'}"


def open_catalog(settings: Settings) -> Catalog:
    """Return the catalog that the settings name, not yet opened. Raises Unavailable."""
    url = catalog_url(settings)
    if url.startswith("sqlite:///"):
        return SqliteCatalog(Path(url.removeprefix("sqlite:///")))
    if url.startswith(("postgresql://", "postgres://")):
        # Here, so that a server on SQLite does not carry the other driver: 10 MB a process.
        from consigne.catalog.postgres import Patience, PostgresCatalog

        patience = Patience(
            turn=settings.catalog_wait,
            statement=settings.catalog_statement_time,
            lock=settings.catalog_lock_time,
        )
        return PostgresCatalog(url, settings.catalog_pool, patience)
    raise Unavailable(
        f"The catalog {url.split('://')[0]!r} is not known: sqlite or postgresql.", hint=_CORRECT
    )


def location_of(text: str) -> str:
    """Return a store as it is spelled in the catalog. Raises Unavailable for what is none."""
    if text in ("", "local"):
        return "local"
    if text == "memory":
        return text
    if text.startswith("file:///"):
        return f"file://{PurePosixPath(text.removeprefix('file://'))}"
    if text.startswith("s3://"):
        from consigne.blobs.s3 import parse_location

        bucket, prefix = parse_location(text)
        return f"s3://{bucket}/{prefix}".rstrip("/")
    raise Unavailable(
        f"The store {text!r} is not known: local, file:///…, s3://… or memory.", hint=_CORRECT
    )


def open_driver(settings: Settings, store: str | None = None) -> Driver:
    """Return the store of bytes at a location, by default that of the settings, not yet opened.

    Raises Unavailable.
    """
    location = location_of(settings.blobs if store is None else store)
    if location == "memory":
        return MemoryDriver()
    if not location.startswith("s3://"):
        folder = settings.data_path / "blobs"
        if location != "local":
            folder = Path(location.removeprefix("file://"))
            # One that is made because of a slip, or before a disk is mounted, would look like a
            # vault without its bytes.
            if not folder.is_dir():
                raise Unavailable(f"There is no folder {folder}.", hint="Make it, or mount it.")
        if settings.small_size is None:
            return LocalDriver(folder)
        return LocalDriver(folder, small_limit=settings.small_size)
    # Here, so that a server on a folder does not carry the client: 40 MB a process.
    from consigne.blobs.s3 import SMALL_LIMIT, S3Driver, parse_location

    prefix = parse_location(location)[1]
    small = SMALL_LIMIT if settings.small_size is None else settings.small_size
    return S3Driver(place_of(settings, location), prefix, small_limit=small)


def place_of(settings: Settings, location: str) -> "Place":
    """Return how a store in an object store is reached: as one in the first, or in the second."""
    from consigne.blobs.s3 import parse_location
    from consigne.blobs.s3_client import Place

    first = Place(
        bucket=parse_location(location)[0],
        endpoint=settings.s3_endpoint,
        public_endpoint=settings.s3_public_endpoint,
        region=settings.s3_region,
        access_key=settings.s3_access_key,
        secret_key=settings.s3_secret_key,
        connect_time=settings.s3_connect_time,
        idle_time=settings.s3_idle_time,
        total_time=settings.s3_total_time,
        retries=settings.s3_retries,
    )
    second = location_of(settings.second_s3) if settings.second_s3 else ""
    if not second or not f"{location}/".startswith(f"{second}/"):
        return first
    endpoint = settings.second_s3_endpoint
    own = settings.second_s3_access_key
    return replace(
        first,
        endpoint=endpoint or first.endpoint,
        public_endpoint=settings.second_s3_public_endpoint
        or ("" if endpoint else first.public_endpoint),
        region=settings.second_s3_region or first.region,
        access_key=own or first.access_key,
        secret_key=settings.second_s3_secret_key if own else first.secret_key,
    )


def open_stores(settings: Settings) -> Stores:
    """Return the stores that bytes may lie in, not yet opened; first, what the settings name."""
    return Stores(location_of(settings.blobs), lambda location: open_driver(settings, location))


def open_bucket(
    settings: Settings, stores: Stores | None = None, *, closed: bool = False
) -> Bucket:
    """Return what stands above the stores of the settings, not yet opened."""
    stores = stores or open_stores(settings)
    read_bytes = FAR_READ if stores.first.capabilities.shared else READ
    kind = ClosedBucket if closed else Bucket
    return kind(stores.view(), buffer_bytes=BUFFERS, read_bytes=read_bytes)


def open_archive(address: str, settings: Settings) -> Archive:
    """Return the place for backups at an address: a folder, ``s3://bucket/prefix``, or ``-``, which
    is standard output.

    Raises Unavailable.
    """
    if address == "-":
        from consigne.blobs.archive_stream import StreamArchive

        return StreamArchive(sys.stdout.buffer, settings.data_path)
    if not address.startswith("s3://"):
        return FolderArchive(Path(address).absolute())
    from consigne.blobs.archive_s3 import S3Archive
    from consigne.blobs.s3 import parse_location
    from consigne.blobs.s3_client import Place

    bucket, prefix = parse_location(address)
    own = settings.backup_access_key
    return S3Archive(
        Place(
            bucket=bucket,
            endpoint=settings.backup_endpoint or settings.s3_endpoint,
            region=settings.s3_region,
            access_key=own or settings.s3_access_key,
            secret_key=settings.backup_secret_key if own else settings.s3_secret_key,
            connect_time=settings.s3_connect_time,
            idle_time=settings.s3_idle_time,
            total_time=settings.s3_total_time,
            retries=settings.s3_retries,
        ),
        prefix,
    )


async def require_whole(catalog: Catalog) -> None:
    """Raise Unavailable where an open catalog is being filled, or its filling was killed."""
    begun = await catalog.look(filling.under_way)
    if begun is not None:
        raise Unavailable(
            f"{begun} into this catalog has not ended.",
            hint="If it does not run any more, run the same command again.",
        )


def build_depot(settings: Settings, *, closed: bool = False) -> Depot:
    """Return all verbs over the catalog and store of the settings; ``closed``: they refuse every
    change.
    """
    catalog, stores = open_catalog(settings), open_stores(settings)
    bucket = open_bucket(settings, stores, closed=closed)
    if closed:
        catalog = ClosedCatalog(catalog)
    mirror = location_of(settings.mirror) if settings.mirror else ""
    places = Places(catalog, stores, location_of(settings.blobs), mirror)
    keeper = Secrets(catalog, master_key(settings.master_key, settings.data_path))
    hooks = HookDesk(catalog, bucket, Outbox(catalog, keeper, settings), settings)
    return build(settings, catalog, bucket, PageProbe(settings), hooks, places)


def build_proof(depot: Depot) -> Proof:
    """Return fsck over the same catalog and store."""
    return Proof(depot.catalog, depot.bucket, depot.settings.purge_guard, depot.mirror)


def build_caring(depot: Depot) -> Caring:
    """Return what looks after the stored bytes while the service runs."""
    return Caring(depot.scrub, depot.mirror, depot.places)


def build_sweeper(depot: Depot) -> Sweeper:
    """Return the sweeper over the same catalog and store."""
    return Sweeper(depot.catalog, depot.bucket, depot.settings)


def build_sender(depot: Depot) -> Sender:
    """Return what sends messages to webhooks."""
    settings = depot.settings
    return Sender(depot.outbox, Poster(settings.webhook_allow_private), settings)


def build_worker(depot: Depot) -> Worker:
    """Return a worker for all kinds of jobs."""
    settings = depot.settings
    assert isinstance(depot.hooks, HookDesk)
    return Worker(
        Queue(depot.catalog, settings.job_lease),
        {
            OCR: OcrHandler(depot.ocr, settings),
            PREVIEW: PreviewHandler(depot.derived, settings),
            INVOICE: InvoiceHandler(depot.invoices, depot.derived, settings),
            TEXT: TextHandler(depot.texts, settings),
            BULK: BulkHandler(depot.bulk_runner),
            IMPORT: ImportHandler(depot.importing, Fetcher(settings)),
            POST_STORE: depot.hooks.redeliver,
            HAND_OVER: HandOverHandler(depot.clearing),
            CLEAR_SPACE: ClearSpaceHandler(depot.clearing),
        },
        slots=settings.worker_slots,
        poll=settings.job_poll,
        quick=(PREVIEW, INVOICE, POST_STORE),
        patient=(TEXT,),
        apart=(IMPORT, BULK, HAND_OVER, CLEAR_SPACE),
    )


def build_text_worker(depot: Depot) -> Worker:
    """Return a worker that reads texts for the search and does nothing else."""
    settings = depot.settings
    handlers = {TEXT: TextHandler(depot.texts, settings)}
    queue = Queue(depot.catalog, settings.job_lease)
    return Worker(queue, handlers, slots=settings.worker_slots, poll=settings.job_poll)


def prepare(settings: Settings) -> FirstStart | None:
    """Make the data folder, migrate the catalog and, at the very first start, the first space, user
    and key. Return what was generated, None at later starts. A vault that is only read is left as
    it is, and has to be there. Raises Unavailable, BadParameter.
    """
    if settings.read_only:
        _require_vault(settings)
        return None
    try:
        settings.data_path.mkdir(parents=True, exist_ok=True)
        with migrate.alone(catalog_url(settings)):
            migrate.upgrade(catalog_url(settings))
            return asyncio.run(_first_start(settings))
    except OSError as error:
        raise Unavailable(f"The data folder cannot be used: {error}") from error


def _require_vault(settings: Settings) -> None:
    schema, needed = migrate.current(catalog_url(settings)), migrate.newest()
    # A newer one will do: migrations only add (decision 0020).
    if schema is None or (schema.isdigit() and int(schema) < int(needed)):
        raise Unavailable(
            f"The catalog has the schema {schema or 'of nothing'}, needed is {needed}.",
            hint="Start once without CONSIGNE_READ_ONLY: that makes what is missing.",
        )


def start_traces(settings: Settings) -> None:
    """Send traces from this process, if the settings say where to. Raises Unavailable."""
    if settings.otel_endpoint:
        tracing.start(
            settings.otel_endpoint, settings.otel_headers, settings.otel_sample, __version__
        )


async def stop_traces() -> None:
    """Send the traces that are left."""
    await asyncio.to_thread(tracing.stop)


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
    hosts = _Hosts(settings)

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
            allowed_hosts=_Hosts(settings),
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
    folder = Path(__file__).parent / "dialects"
    return {path.parent.name: path for path in sorted(folder.glob("*/openapi.yaml"))}


async def _first_start(settings: Settings) -> FirstStart | None:
    """Make the first space, its admin and a key, unless the installation has a user already."""
    depot = build_depot(settings)
    await depot.catalog.open()
    try:
        await require_whole(depot.catalog)
        if await depot.accounts.users(limit=1):
            return None
        email, _, password = settings.bootstrap_user.partition(":")
        generated = None if password else secrets.token_urlsafe(12)
        if settings.bootstrap_user and not password:
            raise BadParameter("CONSIGNE_BOOTSTRAP_USER must be email:password.")
        user = await depot.accounts.create_user(
            email or FIRST_USER, password or generated, is_operator=True
        )
        space = await depot.tenancy.create(FIRST_SPACE, owner=user)
        await depot.accounts.change_user(user.id, home_space_id=space.id)
        value = settings.bootstrap_key or None
        _, key = await depot.accounts.create_key(user, "bootstrap", value=value)
        client_id, _, secret = settings.bootstrap_client.partition(":")
        if settings.bootstrap_client and not (client_id and secret):
            raise BadParameter("CONSIGNE_BOOTSTRAP_CLIENT must be id:secret.")
        made = await depot.accounts.create_client("first", client_id=client_id, secret=secret)
        return FirstStart(
            user.email, generated, None if value else key, made[0], None if secret else made[1]
        )
    finally:
        await depot.catalog.close()


class _Hosts:
    """The host names that are served (C-07): settings, loopback, and those of spaces."""

    def __init__(self, settings: Settings) -> None:
        own = settings.base_url.partition("://")[2].partition("/")[0]
        name = own if own.endswith("]") else own.rpartition(":")[0] or own
        self._names = {name.lower(), *LOOPBACK_HOSTS}
        self._names.update(host.lower() for host in settings.allowed_hosts)
        self._of_spaces: frozenset[str] = frozenset()

    def learn(self, names: list[str]) -> None:
        """Take the host names of spaces as they are now."""
        self._of_spaces = frozenset(names)

    def __contains__(self, host: object) -> bool:
        return host in self._names or host in self._of_spaces
