"""The front of the core: one value with all verbs, family by family."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from consigne.blobs.bucket import Bucket
from consigne.catalog import spaces
from consigne.catalog.engine import Catalog
from consigne.core.accounts import Accounts
from consigne.core.appending import Appending
from consigne.core.finding import Finding
from consigne.core.folders import Folders
from consigne.core.history import History
from consigne.core.incoming import Incoming
from consigne.core.intake import Intake
from consigne.core.jobs import Jobs
from consigne.core.objects import Objects
from consigne.core.ocr import Ocr, Probe
from consigne.core.passwords import Passwords
from consigne.core.reading import Reader
from consigne.core.secrets import Secrets, master_key
from consigne.core.shelf import Shelf
from consigne.core.tenancy import Tenancy
from consigne.core.tokens import Tokens
from consigne.core.uploads import Uploads
from consigne.core.vault import Vault
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
    intake: Intake
    uploads: Uploads
    appending: Appending
    vault: Vault
    folders: Folders
    finding: Finding
    reader: Reader
    history: History
    years: Years
    shelf: Shelf
    incoming: Incoming
    objects: Objects
    jobs: Jobs
    ocr: Ocr

    async def open(self) -> None:
        await self.bucket.open()
        await self.catalog.open()

    async def probe_catalog(self) -> None:
        """Raise errors.Unavailable where the catalog does not answer."""
        await self.catalog.look(lambda tx: spaces.by_id(tx, 0))

    async def probe_store(self) -> None:
        """Raise a ConsigneError where the store does not take, give and forget a byte."""
        async with await self.bucket.draft(_one_byte()) as draft:
            key = await draft.store()
            await self.bucket.read_all(key, draft.size, draft.block_size, draft.blocks)
            await self.bucket.delete(key)

    async def close(self) -> None:
        await self.catalog.close()
        await self.bucket.close()


async def _one_byte() -> AsyncIterator[bytes]:
    yield b"?"


def build(
    settings: Settings, catalog: Catalog, bucket: Bucket, probe: Probe | None = None
) -> Depot:
    """Put the families of verbs together; ``probe`` counts pages outside this process (C-54)."""
    key = master_key(settings.master_key, Path(settings.data))
    secrets = Secrets(catalog, key)
    accounts = Accounts(catalog, Passwords(catalog, settings), Tokens(catalog, secrets))
    intake = Intake(catalog, bucket, settings)
    uploads = Uploads(catalog, bucket, intake, settings)
    reader = Reader(catalog, bucket)
    return Depot(
        settings=settings,
        catalog=catalog,
        bucket=bucket,
        secrets=secrets,
        accounts=accounts,
        tenancy=Tenancy(catalog, accounts, settings),
        intake=intake,
        uploads=uploads,
        appending=Appending(catalog, bucket, intake, uploads, settings),
        vault=Vault(catalog, settings),
        folders=Folders(catalog),
        finding=Finding(catalog),
        reader=reader,
        history=History(catalog),
        years=Years(catalog),
        shelf=Shelf(catalog, bucket, settings),
        incoming=Incoming(catalog, bucket, intake, uploads, settings),
        objects=Objects(catalog, secrets, settings),
        jobs=Jobs(catalog),
        ocr=Ocr(catalog, bucket, intake, reader, settings, probe),
    )
