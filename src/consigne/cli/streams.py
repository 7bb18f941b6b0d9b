"""Backups by standard output and standard input, as ``-``."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from consigne.core.backup.receiving import receive

STREAM = "-"


def require_reader() -> None:
    """Raise UsageError where a backup would be written to a terminal."""
    if sys.stdout.isatty():
        raise click.UsageError("A backup is not for a terminal: write 'consigne backup - > FILE'.")


@contextmanager
def received(address: str, folder: Path) -> Iterator[str]:
    """Give the address of a backup; one from standard input is laid out in ``folder`` meanwhile.

    Raises Corrupt where it is cut off.
    """
    if address != STREAM:
        yield address
        return
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    try:
        receive(sys.stdin.buffer, folder)
        yield str(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
