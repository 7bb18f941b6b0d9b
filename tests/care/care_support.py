"""What the tests of the care for bytes ask of a site."""

from pathlib import Path

from sqlalchemy import select
from tests.parts.damage import Change, damage_folder
from tests.parts.sites import Site

from consigne.blobs.stores import split
from consigne.catalog import contents, copies, schema
from consigne.core.proof import Options, Proof, Report
from consigne.model.care import Copy
from consigne.model.entities import Content, File


async def content_of(site: Site, file: File) -> Content:
    """Return the content that a file has now."""
    found = await site.run(lambda tx: contents.by_id(tx, file.content_id or 0))
    assert isinstance(found, Content)
    return found


async def copy_of(site: Site, file: File) -> Copy | None:
    """Return the copy of a file's bytes."""
    found: Copy | None = await site.run(lambda tx: copies.of(tx, file.content_id or 0))
    return found


async def actions(site: Site) -> list[str]:
    """Return the actions of all events."""
    return [row[0] for row in await site.run(lambda tx: tx.all(select(schema.event.c.action)))]


def damage_at(site: Site, location: str, key: str, change: Change) -> None:
    """Change the bytes of a key in one of the stores."""
    damage_folder(Path(site.settings.data) / location, split(key)[1], change)


async def reopen(site: Site) -> None:
    """Let go of everything, files that are open among it, as a restart does."""
    await site.depot.close()
    await start(site)


async def start(site: Site) -> None:
    """Open what was closed, as a new process does."""
    site.depot = site.store.depot()
    await site.depot.open()


async def fsck(site: Site, **options: bool) -> Report:
    """Run fsck as a process of its own would, when no server runs."""
    other = await site.again()
    try:
        proof = Proof(other.depot.catalog, other.depot.bucket, 0, other.depot.mirror)
        return await proof.check(Options(age=0, **options))
    finally:
        await other.depot.close()


async def require_clean(site: Site, **options: bool) -> None:
    """Assert that fsck has nothing to report, having read every byte."""
    report = await fsck(site, rehash=True, **options)
    assert not report.findings, report.findings
