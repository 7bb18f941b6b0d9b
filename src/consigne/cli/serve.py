"""``consigne serve``."""

import sys
from pathlib import Path

import click

from consigne.cli.exits import HELP, Exit, Failure
from consigne.cli.local import data_options, settings_of
from consigne.cli.output import Output, with_output


@click.command(epilog=HELP)
@data_options
@click.option("--host", help="Address to listen on.  [env: CONSIGNE_HOST; default: 127.0.0.1]")
@click.option("--port", type=int, help="Port; 0: any.  [env: CONSIGNE_PORT; default: 8080]")
@click.option("--workers", type=int, help="Processes.  [env: CONSIGNE_WORKERS; default: 1]")
@click.option(
    "--no-worker",
    is_flag=True,
    help="Do no jobs here: `consigne worker` does.  [env: CONSIGNE_WORKER]",
)
@with_output
def serve(
    output: Output,
    data: str | None,
    config: Path | None,
    host: str | None,
    port: int | None,
    workers: int | None,
    no_worker: bool,
) -> None:
    """Run the server until SIGTERM or Ctrl-C.

    The first start of an empty data folder makes a space, its administrator and a key, and prints
    them once. Every setting can be given as CONSIGNE_<NAME> or in a TOML file.
    """
    from consigne.app import serve as run

    worker = False if no_worker else None
    settings = settings_of(data, config, host=host, port=port, workers=workers, worker=worker)
    try:
        sys.exit(run(settings))
    except OSError as error:
        raise Failure(
            f"The server cannot listen on {settings.host}:{settings.port}: {error.strerror}.",
            hint="Choose another --port or --host, or stop what listens there.",
            exit=Exit.UNAVAILABLE,
        ) from error
