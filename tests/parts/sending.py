"""Uploads in parts, as a writer of a site sends them."""

from typing import Any

from consigne.core.entry import Entry
from consigne.core.sessions import Progress

from .sites import Site, chunks


async def expect(site: Site, name: str = "a.bin", **more: Any) -> Progress:
    """Open an upload."""
    return await site.depot.uploads.expect(site.writer, Entry(name=name), **more)


async def send(site: Site, at: Progress, data: bytes, **more: Any) -> Progress:
    """Send a part."""
    return await site.depot.uploads.receive_part(site.writer, at.upload.id, chunks(data), **more)


async def finish(site: Site, at: Progress, **more: Any) -> Progress:
    """Complete an upload."""
    return await site.depot.uploads.finish(site.writer, at.upload.id, **more)
