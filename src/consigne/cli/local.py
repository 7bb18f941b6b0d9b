"""Commands on the data folder of this machine: its settings, and the core without a server."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from consigne import app
from consigne.catalog import migrate
from consigne.cli.exits import Exit, Failure
from consigne.core.access import Caller
from consigne.core.depot import Depot
from consigne.model.entities import Principal
from consigne.settings import Settings, load

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

# Who acts: whoever may write to the data folder is above all users. The audit trail shows user 0.
OPERATOR = Caller(
    Principal(
        id=0,
        email="",
        username="command line",
        name="",
        password_hash=None,
        is_active=True,
        is_operator=True,
        home_space_id=None,
        tokens_valid_from=0,
        created_at=0,
    )
)


def data_options(command: F) -> F:
    """Give a command the options ``--data`` and ``--config``."""
    command = click.option(
        "--config",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="Settings in TOML.  [env: CONSIGNE_CONFIG]",
    )(command)
    return click.option(
        "--data",
        type=click.Path(file_okay=False),
        help="Data folder.  [env: CONSIGNE_DATA; default: ./data]",
    )(command)


def settings_of(data: str | None, config: Path | None, **overrides: Any) -> Settings:
    """Return the settings that options, environment and file give. Raises SettingsError."""
    return load({"data": data, **overrides}, file=config)


def on_catalog(settings: Settings, work: Callable[[Depot], Awaitable[T]]) -> T:
    """Run ``work`` with an open catalog (and a closed store), beside a running server or without.

    Raises Failure where there is no installation, or another version's.
    """
    require_installation(settings)

    async def run() -> T:
        depot = app.build_depot(settings)
        await depot.catalog.open()
        try:
            await app.require_whole(depot.catalog)
            return await work(depot)
        finally:
            await depot.catalog.close()

    return asyncio.run(run())


def require_installation(settings: Settings) -> None:
    """Raise Failure unless the catalog is there and has the schema of this version."""
    url = app.catalog_url(settings)
    if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).exists():
        raise Failure(
            f"There is no installation in {settings.data_path.absolute()}.",
            hint="Name the data folder with --data, or make it with 'consigne serve'.",
            exit=Exit.MISSING,
        )
    present, wanted = migrate.current(url), migrate.newest()
    if present != wanted:
        raise Failure(
            f"The catalog has schema {present or 'none'}, this version needs {wanted}.",
            hint="Start the server of this version once: it brings the catalog up to date.",
            exit=Exit.UNAVAILABLE,
        )
