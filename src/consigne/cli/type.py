"""``consigne type``: what records of a space look like."""

from pathlib import Path

import click

from consigne.app import FIRST_SPACE
from consigne.cli import type_files
from consigne.cli.exits import HELP
from consigne.cli.local import OPERATOR, data_options, on_catalog, settings_of
from consigne.cli.output import Output, with_output
from consigne.core.access import Seat
from consigne.core.depot import Depot
from consigne.core.records.forms import form_of
from consigne.core.records.types import Applied, Typed
from consigne.model.rights import Role

_PAGE = 500
_in_space = click.option(
    "--space", default=FIRST_SPACE, show_default=True, metavar="SHORT", help="Of this space."
)


@click.group("type", epilog=HELP)
def record_type() -> None:
    """Make, change, list and export record types (families, structures)."""


@record_type.command(epilog=HELP)
@click.argument("file")
@_in_space
@data_options
@with_output
def apply(output: Output, file: str, space: str, data: str | None, config: Path | None) -> None:
    """Make the types of FILE, or change those that there are, all or none.

    FILE is TOML or JSON with [[family]] or [[type]] tables; - reads standard input. Applied again
    it changes nothing. A field that has values neither goes nor changes its type.
    """
    specs = type_files.read(file)

    async def work(depot: Depot) -> list[Applied]:
        return await depot.types.apply(await _seat(depot, space), specs)

    for each in on_catalog(settings_of(data, config), work):
        type = each.typed.type
        if output.as_json:
            output.json({"outcome": each.outcome.value} | form_of(each.typed))
        output.line(each.outcome.value, type.name, f"version {type.version}")


@record_type.command(epilog=HELP)
@click.argument("names", nargs=-1)
@_in_space
@data_options
@with_output
def export(
    output: Output, names: tuple[str, ...], space: str, data: str | None, config: Path | None
) -> None:
    """Print types as 'apply' reads them: the NAMES, or all. TOML, with --json JSON."""

    async def work(depot: Depot) -> list[Typed]:
        seat = await _seat(depot, space)
        if names:
            return [await depot.types.get(seat, name) for name in names]
        return await _all(depot, seat)

    forms = [form_of(each) for each in on_catalog(settings_of(data, config), work)]
    if output.as_json:
        output.json({"family": forms})
    else:
        click.echo(type_files.toml(forms), nl=False)


@record_type.command("ls", epilog=HELP)
@_in_space
@data_options
@with_output
def list_types(output: Output, space: str, data: str | None, config: Path | None) -> None:
    """List the types of a space."""

    async def work(depot: Depot) -> list[Typed]:
        return await _all(depot, await _seat(depot, space))

    found = on_catalog(settings_of(data, config), work)
    if output.as_json:
        for each in found:
            output.json(form_of(each))
        return
    output.table(
        ("number", "name", "label", "dialect", "version", "fields"),
        (
            (str(each.type.id), each.type.name, each.type.label, each.type.dialect,
             str(each.type.version), str(len(each.fields)))
            for each in found
        ),
    )  # fmt: skip


async def _seat(depot: Depot, space: str) -> Seat:
    return Seat(OPERATOR, await depot.tenancy.named(space), Role.ADMIN)


async def _all(depot: Depot, seat: Seat) -> list[Typed]:
    found: list[Typed] = []
    while page := await depot.types.page(
        seat, after=found[-1].type.id if found else 0, limit=_PAGE
    ):
        found += page
    return found
