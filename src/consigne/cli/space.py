"""``consigne space``: the walls around files, members and a quota."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from consigne.cli.confirming import confirm
from consigne.cli.durations import Duration, Size
from consigne.cli.exits import HELP
from consigne.cli.local import OPERATOR, data_options, on_catalog, settings_of
from consigne.cli.output import Output, size_text, with_output
from consigne.core.access import Seat
from consigne.core.depot import Depot
from consigne.model.entities import Job, Space, UsageDay
from consigne.model.rights import Role

_PAGE = 500
_DAYS = click.DateTime(["%Y-%m-%d"])


@click.group(epilog=HELP)
def space() -> None:
    """Make and change spaces, on the data folder of this machine.

    A running server knows of a change within five seconds.
    """


@space.command(epilog=HELP)
@click.argument("short")
@click.option("--name", default="", help="Name for people.")
@click.option("--quota", type=Size(), help="Bytes, such as 500GiB; 0: unlimited.")
@click.option("--owner", metavar="LOGIN", help="A user who becomes the space's first admin.")
@data_options
@with_output
def create(
    output: Output,
    short: str,
    name: str,
    quota: int | None,
    owner: str | None,
    data: str | None,
    config: Path | None,
) -> None:
    """Make a space. SHORT is its name in addresses: a-z, 0-9, - and _."""

    async def work(depot: Depot) -> Space:
        user = await depot.accounts.user_named(owner) if owner else None
        made = await depot.tenancy.create(short, name, quota=quota, owner=user)
        if quota == 0:
            made = await depot.tenancy.change(OPERATOR, made, quota=None)
        return made

    made = on_catalog(settings_of(data, config), work)
    if output.as_json:
        output.json(document(made))
    output.line(f"Made the space {made.short!r} with {_quota(made)}.")


@space.command("list", epilog=HELP)
@data_options
@with_output
def list_spaces(output: Output, data: str | None, config: Path | None) -> None:
    """List all spaces with what they use."""

    async def work(depot: Depot) -> list[Space]:
        found: list[Space] = []
        while page := await depot.tenancy.page(found[-1].id if found else 0, _PAGE):
            found += page
        return found

    found = on_catalog(settings_of(data, config), work)
    if output.as_json:
        for each in found:
            output.json(document(each))
        return
    output.table(
        ("space", "name", "used", "reserved", "undo", "quota"),
        (
            (each.short, each.name, size_text(each.used), size_text(each.reserved),
             size_text(each.undo), "none" if each.quota is None else size_text(each.quota))
            for each in found
        ),
    )  # fmt: skip


@space.command(epilog=HELP)
@click.argument("short")
@data_options
@with_output
def show(output: Output, short: str, data: str | None, config: Path | None) -> None:
    """Show a space: counters, host names, members."""

    async def work(depot: Depot) -> tuple[Space, list[str], list[Any]]:
        found = await depot.tenancy.named(short)
        seat = Seat(OPERATOR, found, Role.ADMIN)
        members: list[Any] = []
        while page := await depot.tenancy.members(seat, members[-1][1].id if members else 0, _PAGE):
            members += page
        return found, await depot.tenancy.hosts(found), members

    found, hosts, members = on_catalog(settings_of(data, config), work)
    people = [{"user": user.email, "role": role} for role, user in members]
    if output.as_json:
        output.json(document(found) | {"hosts": hosts, "members": people})
        return
    output.line(f"{found.short}: {found.name}")
    output.line(f"used {size_text(found.used)}, reserved {size_text(found.reserved)}, "
                f"undo {size_text(found.undo)}, {_quota(found)}")  # fmt: skip
    output.line(f"hosts: {', '.join(hosts) or 'none'}")
    output.table(("member", "role"), ((person["user"], person["role"]) for person in people))


@space.command(epilog=HELP)
@click.argument("short")
@click.option("--since", type=_DAYS, metavar="DAY", help="The first day, such as 2026-01-31 (UTC).")
@click.option("--until", type=_DAYS, metavar="DAY", help="The last day.")
@data_options
@with_output
def usage(
    output: Output,
    short: str,
    since: datetime | None,
    until: datetime | None,
    data: str | None,
    config: Path | None,
) -> None:
    """Show how full a space was day by day, and how many pages were read (OCR)."""
    first, last = (since or datetime.min).date(), (until or datetime.max).date()

    async def work(depot: Depot) -> list[UsageDay]:
        seat = Seat(OPERATOR, await depot.tenancy.named(short), Role.ADMIN)
        return await depot.usage.over(seat, first.isoformat(), last.isoformat())

    days = on_catalog(settings_of(data, config), work)
    if output.as_json:
        for day in days:
            output.json(day_document(day))
        return
    output.table(
        ("day", "files", "used", "undo", "quota", "pages read", "pages left"),
        (
            (day.day, str(day.files), size_text(day.used), size_text(day.undo),
             "none" if day.quota is None else size_text(day.quota),
             str(day.ocr_pages), str(day.ocr_credits))
            for day in days
        ),
    )  # fmt: skip


@space.command("set", epilog=HELP)
@click.argument("short")
@click.option("--name", help="Name for people.")
@click.option("--quota", type=Size(), help="Bytes, such as 500GiB; 0: unlimited.")
@click.option("--host", "hosts", multiple=True, help="Host name of the space; repeatable.")
@click.option("--no-hosts", is_flag=True, help="Take all host names away.")
@click.option("--signup/--no-signup", default=None, help="Whether strangers may sign up.")
@data_options
@with_output
def set_space(
    output: Output,
    short: str,
    name: str | None,
    quota: int | None,
    hosts: tuple[str, ...],
    no_hosts: bool,
    signup: bool | None,
    data: str | None,
    config: Path | None,
) -> None:
    """Change a space; what is not named stays."""
    changes: dict[str, Any] = {}
    if name is not None:
        changes["name"] = name
    if quota is not None:
        changes["quota"] = quota or None
    if signup is not None:
        changes["signup_open"] = signup
    if hosts or no_hosts:
        changes["hosts"] = [] if no_hosts else list(hosts)
    if not changes:
        raise click.UsageError("Nothing to change: name at least one option.")

    async def work(depot: Depot) -> Space:
        return await depot.tenancy.change(OPERATOR, await depot.tenancy.named(short), **changes)

    changed = on_catalog(settings_of(data, config), work)
    if output.as_json:
        output.json(document(changed))
    output.line(f"Changed the space {changed.short!r}: {', '.join(sorted(changes))}.")


@space.command(epilog=HELP)
@click.argument("short")
@click.option("--grace", type=Duration(), help="How long it can be restored, such as 7d; 0: not.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@data_options
@with_output
def delete(
    output: Output,
    short: str,
    grace: float | None,
    yes: bool,
    data: str | None,
    config: Path | None,
) -> None:
    """Close a space at once, and have a worker remove all that is in it after a time of grace."""
    settings = settings_of(data, config)
    if not yes:
        confirm(f"the space {short!r} with all its files")

    async def work(depot: Depot) -> tuple[Space, Job]:
        return await depot.departures.delete_space(OPERATOR, short, grace=grace)

    closed, job = on_catalog(settings, work)
    when = datetime.fromtimestamp(job.run_at / 1000, UTC).isoformat(timespec="seconds")
    if output.as_json:
        output.json(document(closed) | {"clears_at": when, "files": job.total})
    output.line(f"Closed the space {closed.short!r}; its {job.total} files go after {when}.")


@space.command(epilog=HELP)
@click.argument("short")
@data_options
@with_output
def restore(output: Output, short: str, data: str | None, config: Path | None) -> None:
    """Open a deleted space again, until its files are being removed."""

    async def work(depot: Depot) -> Space:
        return await depot.departures.restore_space(OPERATOR, short)

    opened = on_catalog(settings_of(data, config), work)
    if output.as_json:
        output.json(document(opened))
    output.line(f"The space {opened.short!r} is open again.")


def document(found: Space) -> dict[str, Any]:
    """Return a space as JSON shows it; sizes in bytes, ``quota`` null for none."""
    return {
        "short": found.short,
        "name": found.name,
        "quota": found.quota,
        "used": found.used,
        "reserved": found.reserved,
        "undo": found.undo,
        "signup_open": found.signup_open,
    }


def day_document(day: UsageDay) -> dict[str, Any]:
    """Return how full a space was on a day as JSON shows it; sizes in bytes."""
    return {name: getattr(day, name) for name in day.__struct_fields__ if name != "space_id"}


def _quota(found: Space) -> str:
    return "no quota" if found.quota is None else f"a quota of {size_text(found.quota)}"
