"""``consigne catalog``: move the catalog to another database."""

import asyncio
from pathlib import Path

import click
import msgspec

from consigne import app, observe
from consigne.catalog import migrate
from consigne.cli.exits import HELP, Exit, Failure
from consigne.cli.local import data_options, require_installation, settings_of
from consigne.cli.output import Output, count_text, with_output
from consigne.cli.progress import steps
from consigne.core import copying
from consigne.core.copying import Copied
from consigne.core.texts import Texts
from consigne.settings import Settings


@click.group(epilog=HELP)
def catalog() -> None:
    """Move the catalog to another database, on the data folder of this machine."""


@catalog.command(epilog=HELP)
@click.option("--to", "target", required=True, metavar="URL",
              help="postgresql://user@host/database, or sqlite:///path.")  # fmt: skip
@data_options
@with_output
def copy(output: Output, target: str, data: str | None, config: Path | None) -> None:
    """Copy the catalog into an empty database, SQLite or PostgreSQL, and compare the two.

    Stop all servers and workers before; what runs is found, and nothing is copied then. The bytes
    stay where they are, and so does the old catalog.
    """
    settings = settings_of(data, config)
    require_installation(settings)
    observe.configure(msgspec.structs.replace(settings, log_level="warning"))
    wanted = msgspec.structs.replace(settings, catalog=target)
    if app.catalog_url(settings) == app.catalog_url(wanted):
        raise Failure("The catalog is there already.", hint="Name another database with --to.")
    try:
        copied = _copy(settings, wanted, output)
    except OSError as error:
        raise Failure(f"The target cannot be made: {error}", exit=Exit.UNAVAILABLE) from error
    if output.as_json:
        output.json({"rows": copied.rows, "tables": copied.tables})
    output.line(
        f"Copied {count_text(copied.rows, 'row')} of {len(copied.tables)} tables, all equal."
    )
    output.notice(f"Now set CONSIGNE_CATALOG to {_without_password(target)} and start the server.")


def _copy(settings: Settings, wanted: Settings, output: Output) -> Copied:
    app.open_catalog(wanted)  # an address that cannot be used is refused before anything is made
    url = app.catalog_url(wanted)
    with migrate.alone(url):
        present = migrate.current(url)
        if present is None:
            migrate.upgrade(url)
        elif present != migrate.newest():
            raise Failure(
                f"The target has the schema {present} of another version.",
                hint="Name an empty database.",
            )
        return asyncio.run(_run(settings, wanted, output))


async def _run(settings: Settings, wanted: Settings, output: Output) -> Copied:
    source, target = app.open_catalog(settings), app.open_catalog(wanted)
    try:
        await source.open()
        await target.open()
        texts = Texts(target, app.open_bucket(wanted), wanted)
        with steps(output) as progress:
            return await copying.copy(source, target, texts, progress)
    finally:
        await target.close()
        await source.close()


def _without_password(url: str) -> str:
    head, at, rest = url.rpartition("@")
    user = head.partition("://")[2].partition(":")[0]
    return f"{url.partition('://')[0]}://{user}@{rest}" if at else url
