"""The front of the core: one value with all verbs, family by family."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from consigne.blobs.bucket import Bucket
from consigne.catalog import spaces
from consigne.catalog.engine import Catalog
from consigne.core.accounts import Accounts
from consigne.core.appending import Appending
from consigne.core.arrivals import Arrivals
from consigne.core.bulk.desk import Bulk
from consigne.core.bulk.running import BulkRunner
from consigne.core.care.mirror import Mirror
from consigne.core.care.moving import Moving
from consigne.core.care.places import Places
from consigne.core.care.scrub import Scrub
from consigne.core.departures import Clearing, Departures
from consigne.core.derived import Derivatives
from consigne.core.direct import Direct
from consigne.core.finding import Finding
from consigne.core.folders import Folders
from consigne.core.grants import Grants
from consigne.core.history import History
from consigne.core.imports.desk import Imports
from consigne.core.imports.fetching import Fetching
from consigne.core.imports.running import Importing
from consigne.core.imports.taking import Taking
from consigne.core.incoming import Incoming
from consigne.core.intake import Intake
from consigne.core.invoices import Invoices
from consigne.core.jobs import Jobs
from consigne.core.joining import Joining
from consigne.core.objects import Objects
from consigne.core.ocr import Ocr, Probe
from consigne.core.outbox import Outbox
from consigne.core.passwords import Passwords
from consigne.core.previews import Previews
from consigne.core.quarantine import Quarantine
from consigne.core.reading import Reader
from consigne.core.records.desk import Records
from consigne.core.records.hooks import Hooks
from consigne.core.records.types import Types
from consigne.core.reports import Reports
from consigne.core.resuming import Resuming
from consigne.core.search import Search
from consigne.core.secrets import Secrets, master_key
from consigne.core.shelf import Shelf
from consigne.core.tenancy import Tenancy
from consigne.core.texts import Texts
from consigne.core.tokens import Tokens
from consigne.core.uploads import Uploads
from consigne.core.usage import UsageHistory
from consigne.core.vault import Vault
from consigne.core.webhooks import Webhooks
from consigne.core.years import Years
from consigne.settings import Settings


@dataclass(frozen=True)
class Depot:
    """All verbs over one catalog and one bucket. ``open`` before, ``close`` after use."""

    settings: Settings
    catalog: Catalog
    bucket: Bucket
    secrets: Secrets
    accounts: Accounts
    tenancy: Tenancy
    usage: UsageHistory
    departures: Departures
    clearing: Clearing
    intake: Intake
    uploads: Uploads
    appending: Appending
    resuming: Resuming
    joining: Joining
    vault: Vault
    folders: Folders
    finding: Finding
    reader: Reader
    history: History
    years: Years
    shelf: Shelf
    incoming: Incoming
    direct: Direct
    objects: Objects
    jobs: Jobs
    ocr: Ocr
    types: Types
    records: Records
    derived: Derivatives
    previews: Previews
    invoices: Invoices
    texts: Texts
    search: Search
    quarantine: Quarantine
    webhooks: Webhooks
    outbox: Outbox
    hooks: Hooks | None
    reports: Reports
    imports: Imports
    importing: Importing
    bulk: Bulk
    bulk_runner: BulkRunner
    scrub: Scrub
    places: Places | None
    mirror: Mirror | None
    moving: Moving | None

    async def open(self) -> None:
        await self.bucket.open()
        await self.catalog.open()
        if self.places is not None:
            await self.places.open()

    async def probe_catalog(self) -> None:
        """Raise errors.Unavailable where the catalog does not answer, or takes no transaction."""
        await self.catalog.look(lambda tx: spaces.by_id(tx, 0))
        await self.catalog.always.write(lambda tx: spaces.by_id(tx, 0))

    async def probe_store(self) -> None:
        """Raise a ConsigneError where the store does not take, give and forget a byte.

        One of a vault that is only read has to answer, no more.
        """
        if self.settings.read_only:
            await self.bucket.holds("probe")
            return
        async with await self.bucket.draft(_one_byte()) as draft:
            key = await draft.store()
            await self.bucket.read_all(key, draft.size, draft.block_size, draft.blocks)
            await self.bucket.delete(key)

    async def close(self) -> None:
        if self.hooks is not None:
            await self.hooks.close()
        await self.usage.close()
        await self.catalog.close()
        if self.mirror is not None:
            await self.mirror.close()
        await self.bucket.close()


async def _one_byte() -> AsyncIterator[bytes]:
    yield b"?"


def build(
    settings: Settings,
    catalog: Catalog,
    bucket: Bucket,
    probe: Probe | None = None,
    hooks: Hooks | None = None,
    places: Places | None = None,
) -> Depot:
    """Put the families of verbs together; ``probe`` counts pages outside this process (C-54),
    ``hooks`` asks plug-ins and webhooks about saves (C-53), ``places`` knows further stores.
    """
    mirror = moving = None
    if places is not None:
        moving = Moving(catalog, bucket, places, settings)
        mirror = Mirror(catalog, bucket, places, settings) if settings.mirror else None
    key = master_key(settings.master_key, Path(settings.data))
    secrets = Secrets(catalog, key)
    tokens, grants = Tokens(catalog, secrets), Grants(catalog, settings)
    accounts = Accounts(catalog, Passwords(catalog, settings), tokens, grants)
    intake = Intake(catalog, bucket, settings)
    uploads = Uploads(catalog, bucket, intake, settings)
    reader, arrivals = Reader(catalog, bucket, settings), Arrivals(bucket, settings)
    texts = Texts(catalog, bucket, settings)
    derived = Derivatives(catalog, bucket, reader, settings)
    vault, reports = Vault(catalog, settings), Reports(catalog, bucket, reader)
    jobs = Jobs(catalog)
    return Depot(
        settings=settings,
        catalog=catalog,
        bucket=bucket,
        secrets=secrets,
        accounts=accounts,
        tenancy=Tenancy(catalog, accounts, settings),
        usage=UsageHistory(catalog, settings),
        departures=Departures(catalog, accounts, settings),
        clearing=Clearing(catalog, bucket, settings),
        intake=intake,
        uploads=uploads,
        appending=Appending(catalog, bucket, intake, uploads, settings),
        resuming=Resuming(catalog, bucket, uploads, settings),
        joining=Joining(catalog, bucket, intake, uploads, settings),
        vault=vault,
        folders=Folders(catalog),
        finding=Finding(catalog),
        reader=reader,
        history=History(catalog),
        years=Years(catalog),
        shelf=Shelf(catalog, bucket, settings),
        incoming=Incoming(catalog, bucket, intake, uploads, arrivals, settings),
        direct=Direct(catalog, bucket, uploads, arrivals, settings),
        objects=Objects(catalog, secrets, arrivals, settings),
        jobs=jobs,
        ocr=Ocr(catalog, bucket, intake, reader, settings, probe),
        types=Types(catalog),
        records=Records(catalog, intake, settings, hooks),
        derived=derived,
        previews=Previews(catalog, reader, derived, settings),
        invoices=Invoices(catalog, reader, derived, settings),
        texts=texts,
        search=Search(catalog, texts),
        quarantine=Quarantine(catalog),
        webhooks=Webhooks(catalog, secrets, settings),
        outbox=Outbox(catalog, secrets, settings),
        hooks=hooks,
        reports=reports,
        imports=Imports(catalog, intake, vault, reports, settings),
        importing=Importing(
            catalog,
            reader,
            reports,
            Taking(catalog, intake, settings, hooks),
            Fetching(intake, settings),
        ),
        bulk=Bulk(catalog, jobs, reports, settings),
        bulk_runner=BulkRunner(catalog, intake, reader, reports),
        scrub=Scrub(catalog, bucket, settings, mirror),
        places=places,
        mirror=mirror,
        moving=moving,
    )
