"""From settings to the verbs, and to those who work with them beside the server."""

import asyncio

from consigne import __version__, tracing
from consigne.app.opening import location_of, open_bucket, open_catalog, open_stores
from consigne.core.bulk.desk import KIND as BULK
from consigne.core.care.places import Places
from consigne.core.closed import ClosedCatalog
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
from consigne.jobs.bulk import BulkHandler
from consigne.jobs.caring import Caring
from consigne.jobs.departures import ClearSpaceHandler, HandOverHandler
from consigne.jobs.fetching import Fetcher
from consigne.jobs.hooks import KIND as POST_STORE
from consigne.jobs.hooks import HookDesk
from consigne.jobs.imports import ImportHandler
from consigne.jobs.invoices import InvoiceHandler
from consigne.jobs.ocr import OcrHandler, PageProbe
from consigne.jobs.posting import Poster
from consigne.jobs.previews import PreviewHandler
from consigne.jobs.queue import Queue
from consigne.jobs.sweeper import Sweeper
from consigne.jobs.texts import TextHandler
from consigne.jobs.webhooks import Sender
from consigne.jobs.worker import Worker
from consigne.settings import Settings


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


def start_traces(settings: Settings) -> None:
    """Send traces from this process, if the settings say where to. Raises Unavailable."""
    if settings.otel_endpoint:
        tracing.start(
            settings.otel_endpoint, settings.otel_headers, settings.otel_sample, __version__
        )


async def stop_traces() -> None:
    """Send the traces that are left."""
    await asyncio.to_thread(tracing.stop)
