"""From addresses in the settings to catalogs, stores and places for backups, not yet opened."""

import sys
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from consigne.blobs.archive import Archive, FolderArchive
from consigne.blobs.bucket import FAR_READ, READ, Bucket
from consigne.blobs.driver import Driver
from consigne.blobs.local import LocalDriver
from consigne.blobs.memory import MemoryDriver
from consigne.blobs.stores import Stores
from consigne.catalog import filling
from consigne.catalog.engine import Catalog
from consigne.catalog.sqlite import SqliteCatalog
from consigne.core.closed import ClosedBucket
from consigne.errors import Unavailable
from consigne.settings import Settings

if TYPE_CHECKING:
    from consigne.blobs.s3_client import Place

_CORRECT = "Correct the address."
# Memory for bodies on their way in, for all of a process: a handful of blocks for each of them.
BUFFERS = 4 << 20


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
