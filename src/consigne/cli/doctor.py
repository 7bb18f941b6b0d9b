"""``consigne doctor``: whether this machine is fit to keep files."""

import sys
from pathlib import Path

import click

from consigne.cli.checks import Health, examine
from consigne.cli.local import data_options, settings_of
from consigne.cli.output import Output, with_output

_EPILOG = (
    "Exit status: 0 fit (perhaps with warnings), 1 something must be changed, "
    "2 wrong usage or wrong settings."
)


@click.command(epilog=_EPILOG)
@data_options
@with_output
def doctor(output: Output, data: str | None, config: Path | None) -> None:
    """Examine this machine and the settings, and say what to do.

    Versions, data folder, file system, syncs, room, limits, catalog, store, keys, address, clock.
    It changes nothing, and may run beside a server.
    """
    checks = list(examine(settings_of(data, config)))
    failed = [check for check in checks if check.health is Health.FAILED]
    if output.as_json:
        output.json({"fit": not failed, "checks": checks})
    else:
        output.table(
            ("", "what", "found", "what to do"),
            ((check.health, check.name, check.detail, check.advice) for check in checks),
        )
        warnings = sum(check.health is Health.WARNING for check in checks)
        output.line(f"{len(checks)} checks, {warnings} warnings, {len(failed)} to be changed.")
    sys.exit(1 if failed else 0)
