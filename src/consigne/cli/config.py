"""``consigne config``: what the settings are, where each comes from, and whether they work."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from consigne.cli import checks, reference
from consigne.cli.checks import Check, Health
from consigne.cli.exits import HELP, Exit, Failure
from consigne.cli.local import data_options
from consigne.cli.output import Output, with_output
from consigne.settings import Given, Problem, Settings, SettingsError, convert, gather

_EPILOG = (
    "Exit status: 0 all well (perhaps with warnings), 1 something cannot be reached or written, "
    "2 wrong usage or wrong settings."
)


class Shown(msgspec.Struct, frozen=True):
    """A setting as it is: ``source`` is ``default``, a variable, a file, or an option."""

    name: str
    value: str
    source: str
    default: str
    meaning: str


@click.group(epilog=HELP)
def config() -> None:
    """See and check the settings: options, environment, file and defaults taken together."""


@config.command(epilog=HELP)
@click.argument("names", metavar="[NAME]…", nargs=-1)
@click.option("--changed", is_flag=True, help="Only what is not left at its default.")
@data_options
@with_output
def show(
    output: Output, names: tuple[str, ...], changed: bool, data: str | None, config: Path | None
) -> None:
    """Show every setting, its value, and where it comes from.

    NAME is one such as quota or CONSIGNE_QUOTA. Secrets are not shown.
    """
    given = gather({"data": data}, file=config, environ=os.environ)
    wanted = [name.lower().removeprefix("consigne_") for name in names]
    rows = [each for each in _shown(convert(given), given) if not wanted or each.name in wanted]
    if unknown := set(wanted) - {each.name for each in rows}:
        raise Failure(f"There is no setting {', '.join(sorted(unknown))}.", exit=Exit.USAGE)
    rows = [each for each in rows if not changed or each.source != "default"]
    if output.as_json:
        output.json(rows)
        return
    output.table(("setting", "value", "from"), ((r.name, r.value, r.source) for r in rows))


@config.command(epilog=_EPILOG)
@data_options
@with_output
def check(output: Output, data: str | None, config: Path | None) -> None:
    """Name everything that is wrong with the settings, then try what they point to.

    The data folder, the catalog, the store and the key must be usable; nothing is changed. For the
    machine itself there is `consigne doctor`.
    """
    try:
        settings = convert(gather({"data": data}, file=config, environ=os.environ))
    except SettingsError as error:
        _tell(output, error.problems, [])
        sys.exit(Exit.USAGE)
    found = list(_examine(settings))
    _tell(output, [], found)
    sys.exit(Exit.FAILED if any(each.health is Health.FAILED for each in found) else Exit.OK)


def _examine(settings: Settings) -> Iterator[Check]:
    yield checks.data_folder(settings.data_path)
    yield checks.schema(settings)
    yield checks.store(settings)
    yield from checks.mirror(settings)
    yield checks.master_key(settings)


def _tell(output: Output, problems: list[Problem], found: list[Check]) -> None:
    if output.as_json:
        well = not problems and all(each.health is not Health.FAILED for each in found)
        output.json({"well": well, "problems": problems, "checks": found})
        return
    for each in problems:
        output.line("wrong", each.name, f"{each.message} ({each.source})", each.hint)
    output.table(
        ("", "what", "found", "what to do"),
        ((each.health, each.name, each.detail, each.advice) for each in found),
    )
    if problems:
        output.notice(f"{len(problems)} settings are wrong; nothing else was looked at.")


def _shown(settings: Settings, given: dict[str, Given]) -> Iterator[Shown]:
    for each in reference.settings():
        value = reference.shown_value(settings, each.name)
        source = given[each.name].source if each.name in given else "default"
        yield Shown(each.name, value, source, each.default, each.meaning)
