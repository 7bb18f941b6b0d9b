"""A folder on this machine for what a run gathers before it is sent."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

PIECE = 256 << 10


@asynccontextmanager
async def spool(folder: Path) -> AsyncIterator[Path]:
    """Make the folder, without what a killed run has left in it, and remove it in the end.

    The caller holds the vault (``hold.Hold``), so nobody else uses it.
    """
    await asyncio.to_thread(_clear, folder)
    await asyncio.to_thread(folder.mkdir, 0o700, True)
    try:
        yield folder
    finally:
        await asyncio.to_thread(_clear, folder)


def _clear(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
