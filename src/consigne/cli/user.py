"""``consigne user``: people, their passwords and their roles."""

import secrets
import sys
from pathlib import Path
from typing import Any

import click

from consigne.cli.confirming import confirm
from consigne.cli.exits import HELP
from consigne.cli.local import OPERATOR, data_options, on_catalog, settings_of
from consigne.cli.output import Output, with_output
from consigne.core.access import Seat
from consigne.core.depot import Depot
from consigne.model.entities import Principal
from consigne.model.rights import Role

_PAGE = 500
_ROLES = [role.value for role in Role]


@click.group(epilog=HELP)
def user() -> None:
    """Make users and change them, on the data folder of this machine.

    A running server knows of a change within five seconds.
    """


def _password_option(command: Any) -> Any:
    return click.option(
        "--password-stdin",
        is_flag=True,
        help="Read the password from standard input; else one is made up and shown once.",
    )(command)


@user.command(epilog=HELP)
@click.argument("email")
@click.option("--username", default="", help="A second name to log in with.")
@click.option("--name", default="", help="Name for people.")
@click.option("--space", metavar="SHORT", help="Home space; the user becomes a member of it.")
@click.option("--role", type=click.Choice(_ROLES), default="writer", show_default=True)
@click.option("--operator", is_flag=True, help="May administrate the whole installation.")
@_password_option
@data_options
@with_output
def create(
    output: Output,
    email: str,
    username: str,
    name: str,
    space: str | None,
    role: str,
    operator: bool,
    password_stdin: bool,
    data: str | None,
    config: Path | None,
) -> None:
    """Make a user."""
    password, shown = _password(password_stdin)

    async def work(depot: Depot) -> Principal:
        home = await depot.tenancy.named(space) if space else None
        made = await depot.accounts.create_user(
            email, password, username=username, name=name, home=home, is_operator=operator
        )
        if home is not None:
            seat = Seat(OPERATOR, home, Role.ADMIN)
            await depot.tenancy.set_member(seat, made.email, Role(role))
        return made

    made = on_catalog(settings_of(data, config), work)
    _tell(output, made, f"Made the user {made.email}.", shown)


@user.command("list", epilog=HELP)
@data_options
@with_output
def list_users(output: Output, data: str | None, config: Path | None) -> None:
    """List all users."""

    async def work(depot: Depot) -> list[Principal]:
        found: list[Principal] = []
        while page := await depot.accounts.users(found[-1].id if found else 0, _PAGE):
            found += page
        return found

    found = on_catalog(settings_of(data, config), work)
    if output.as_json:
        for each in found:
            output.json(document(each))
        return
    output.table(
        ("id", "e-mail", "user name", "name", ""),
        ((str(each.id), each.email, each.username, each.name, _standing(each)) for each in found),
    )


@user.command(epilog=HELP)
@click.argument("login")
@_password_option
@data_options
@with_output
def passwd(
    output: Output, login: str, password_stdin: bool, data: str | None, config: Path | None
) -> None:
    """Give a user a new password; all tokens issued before become void."""
    password, shown = _password(password_stdin)
    changed = _change(login, data, config, password=password)
    _tell(output, changed, f"Changed the password of {changed.email}.", shown)


@user.command(epilog=HELP)
@click.argument("login")
@click.argument("space")
@click.argument("role", type=click.Choice([*_ROLES, "none"]))
@data_options
@with_output
def role(
    output: Output, login: str, space: str, role: str, data: str | None, config: Path | None
) -> None:
    """Give a user a ROLE in a SPACE, or take the membership away with 'none'."""

    async def work(depot: Depot) -> Principal:
        found = await depot.accounts.user_named(login)
        seat = Seat(OPERATOR, await depot.tenancy.named(space), Role.ADMIN)
        if role == "none":
            await depot.tenancy.drop_member(seat, found.id)
        else:
            await depot.tenancy.set_member(seat, found.email, Role(role))
        return found

    found = on_catalog(settings_of(data, config), work)
    if output.as_json:
        output.json(document(found) | {"space": space, "role": None if role == "none" else role})
    what = "is no member of" if role == "none" else f"is {role} in"
    output.line(f"{found.email} {what} {space!r}.")


@user.command(epilog=HELP)
@click.argument("login")
@data_options
@with_output
def deactivate(output: Output, login: str, data: str | None, config: Path | None) -> None:
    """Lock a user out: password, keys and tokens stop working. Files stay."""
    changed = _change(login, data, config, is_active=False)
    _tell(output, changed, f"{changed.email} is locked out.", None)


@user.command(epilog=HELP)
@click.argument("login")
@data_options
@with_output
def activate(output: Output, login: str, data: str | None, config: Path | None) -> None:
    """Let a user in again."""
    changed = _change(login, data, config, is_active=True)
    _tell(output, changed, f"{changed.email} may log in.", None)


@user.command(epilog=HELP)
@click.argument("login")
@click.option("--yes", is_flag=True, help="Do not ask.")
@data_options
@with_output
def delete(output: Output, login: str, yes: bool, data: str | None, config: Path | None) -> None:
    """Delete a user for good. Files become the property of their spaces."""
    settings = settings_of(data, config)
    if not yes:
        confirm(f"the user {login}")

    async def work(depot: Depot) -> tuple[Principal, int]:
        found = await depot.accounts.user_named(login)
        made = await depot.departures.delete_user(OPERATOR, found.id)
        return found, sum(job.total or 0 for job in made)

    gone, count = on_catalog(settings, work)
    if output.as_json:
        output.json({"id": gone.id, "email": gone.email, "files": count})
    output.line(f"Deleted {gone.email}; {count} files are handed to their spaces.")


def document(found: Principal) -> dict[str, Any]:
    """Return a user as JSON shows it."""
    return {
        "id": found.id,
        "email": found.email,
        "username": found.username,
        "name": found.name,
        "is_active": found.is_active,
        "is_operator": found.is_operator,
    }


def _change(login: str, data: str | None, config: Path | None, **changes: Any) -> Principal:
    async def work(depot: Depot) -> Principal:
        found = await depot.accounts.user_named(login)
        return await depot.accounts.change_user(found.id, **changes)

    return on_catalog(settings_of(data, config), work)


def _password(from_stdin: bool) -> tuple[str, str | None]:
    """Return a password, and what must be shown of it: only one that was made up."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\n"), None
    made_up = secrets.token_urlsafe(12)
    return made_up, made_up


def _tell(output: Output, found: Principal, text: str, password: str | None) -> None:
    if output.as_json:
        output.json(document(found) | ({"password": password} if password else {}))
    output.line(text)
    if password:
        output.line(f"Password: {password}   (shown only now)")


def _standing(found: Principal) -> str:
    if not found.is_active:
        return "locked out"
    return "operator" if found.is_operator else ""
