"""``consigne worker``."""

import sys
from pathlib import Path

import click

from consigne.cli.exits import HELP, Exit, Failure
from consigne.cli.local import data_options, settings_of
from consigne.cli.output import Output, with_output


@click.command(epilog=HELP)
@data_options
@with_output
def worker(output: Output, data: str | None, config: Path | None) -> None:
    """Do jobs apart from the server until SIGTERM or Ctrl-C.

    Start as many as you like, on as many machines as reach the catalog and the store. A server
    does jobs itself unless CONSIGNE_WORKER is false. CONSIGNE_WORKER_METRICS_PORT shows its metrics
    to Prometheus, on loopback unless CONSIGNE_WORKER_METRICS_HOST names another address.
    """
    from consigne.app import work

    settings = settings_of(data, config)
    try:
        sys.exit(work(settings))
    except OSError as error:
        host, port = settings.worker_metrics_host, settings.worker_metrics_port
        raise Failure(
            f"The worker cannot show its metrics on {host}:{port}: {error.strerror}.",
            hint="Set another CONSIGNE_WORKER_METRICS_PORT, or 0 for none.",
            exit=Exit.UNAVAILABLE,
        ) from error
