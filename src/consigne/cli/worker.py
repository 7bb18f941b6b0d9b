"""``consigne worker``."""

import sys
from pathlib import Path

import click

from consigne.cli.exits import HELP
from consigne.cli.local import data_options, settings_of
from consigne.cli.output import Output, with_output


@click.command(epilog=HELP)
@data_options
@with_output
def worker(output: Output, data: str | None, config: Path | None) -> None:
    """Do jobs apart from the server until SIGTERM or Ctrl-C.

    Start as many as you like, on as many machines as reach the catalog and the store. A server
    does jobs itself unless CONSIGNE_WORKER is false.
    """
    from consigne.app import work

    sys.exit(work(settings_of(data, config)))
