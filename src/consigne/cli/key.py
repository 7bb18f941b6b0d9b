"""``consigne key``: API keys. A secret is shown once, when its key is made."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from consigne.cli.durations import Duration
from consigne.cli.exits import HELP, Exit, Failure
from consigne.cli.local import OPERATOR, data_options, on_catalog, settings_of
from consigne.cli.output import Output, with_output
from consigne.core.access import Caller, Seat
from consigne.core.clock import ms, now_ms
from consigne.core.depot import Depot
from consigne.core.objects import PAIR_PREFIX
from consigne.model.entities import ApiKey, SigningKey
from consigne.model.identity import Kind, from_uuid, to_uuid
from consigne.model.rights import Role
from consigne.settings import Settings

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


@click.group(epilog=HELP)
def key() -> None:
    """Make and revoke API keys, on the data folder of this machine.

    A running server knows of a change within five seconds.
    """


@key.command(epilog=HELP)
@click.option("--user", "login", required=True, metavar="LOGIN", help="Whose key it is.")
@click.option("--space", metavar="SHORT", help="The only space that it is good for.")
@click.option("--name", default="", help="What it is for.")
@click.option("--method", "methods", multiple=True, type=click.Choice(_METHODS, False),
              help="Allow only this HTTP method; repeatable.")  # fmt: skip
@click.option("--expires", type=Duration(), help="How long it is valid, such as 90d.")
@click.option("--s3", is_flag=True, help="Make a key pair that signs S3 URLs instead.")
@data_options
@with_output
def create(
    output: Output,
    login: str,
    space: str | None,
    name: str,
    methods: tuple[str, ...],
    expires: float | None,
    s3: bool,
    data: str | None,
    config: Path | None,
) -> None:
    """Make a key for a user and print its secret."""
    if s3:
        if methods:
            raise click.UsageError("A key pair for S3 cannot be limited to methods.")
        _create_pair(output, login, space, name, expires, settings_of(data, config))
        return

    async def work(depot: Depot) -> tuple[ApiKey, str]:
        owner = await depot.accounts.user_named(login)
        return await depot.accounts.create_key(
            owner,
            name,
            space=await depot.tenancy.named(space) if space else None,
            methods=list(methods) or None,
            expires_at=now_ms() + ms(expires) if expires else None,
        )

    made, secret = on_catalog(settings_of(data, config), work)
    if output.as_json:
        output.json(document(made) | {"secret": secret})
    output.line(secret)
    output.notice(f"Made the key {_ident(made)}. Its secret is shown only now.")


@key.command("list", epilog=HELP)
@click.option("--user", "login", metavar="LOGIN", help="Keys of this user.")
@click.option("--space", metavar="SHORT", help="Keys that are bound to this space.")
@data_options
@with_output
def list_keys(
    output: Output, login: str | None, space: str | None, data: str | None, config: Path | None
) -> None:
    """List keys, without their secrets: of a user, of a space, or all."""

    async def work(depot: Depot) -> list[ApiKey]:
        if login:
            found = await depot.accounts.keys(Caller(await depot.accounts.user_named(login)))
        elif space:
            seat = Seat(OPERATOR, await depot.tenancy.named(space), Role.ADMIN)
            return await depot.accounts.keys_in(seat)
        else:
            found = await _all_keys(depot)
        if not space:
            return found
        number = (await depot.tenancy.named(space)).id
        return [each for each in found if each.space_id == number]

    found = on_catalog(settings_of(data, config), work)
    if output.as_json:
        for each in found:
            output.json(document(each))
        return
    output.table(
        ("id", "name", "user", "space", "ends in", "expires"),
        ((_ident(each), each.name, str(each.principal_id), str(each.space_id or "any"),
          f"…{each.hint}", _date(each.expires_at)) for each in found),
    )  # fmt: skip


@key.command(epilog=HELP)
@click.argument("ident", metavar="ID")
@data_options
@with_output
def revoke(output: Output, ident: str, data: str | None, config: Path | None) -> None:
    """Make a key useless. ID as 'key list' shows it, or the access key of a pair for S3."""
    if ident.startswith(PAIR_PREFIX):
        on_catalog(
            settings_of(data, config), lambda depot: depot.objects.revoke_key(OPERATOR, ident)
        )
        if output.as_json:
            output.json({"id": ident, "revoked": True})
        output.line(f"Revoked the key pair {ident}.")
        return
    number = from_uuid(Kind.KEY, ident)
    if number is None:
        raise Failure(
            f"{ident!r} is not the id of a key.", rule="key_not_found",
            hint="'consigne key list' shows the ids.", exit=Exit.MISSING,
        )  # fmt: skip

    async def work(depot: Depot) -> None:
        await depot.accounts.revoke_key(OPERATOR, number)

    on_catalog(settings_of(data, config), work)
    if output.as_json:
        output.json({"id": ident, "revoked": True})
    output.line(f"Revoked the key {ident}.")


def document(found: ApiKey) -> dict[str, Any]:
    """Return a key as JSON shows it; ``expires_at`` in milliseconds since 1970."""
    return {
        "id": _ident(found),
        "name": found.name,
        "user": found.principal_id,
        "space": found.space_id,
        "methods": found.methods.split(",") if found.methods else None,
        "hint": found.hint,
        "expires_at": found.expires_at,
        "created_at": found.created_at,
    }


def _create_pair(
    output: Output,
    login: str,
    space: str | None,
    name: str,
    expires: float | None,
    settings: Settings,
) -> None:
    """Make a key pair for S3 and print both halves."""

    async def work(depot: Depot) -> tuple[SigningKey, str]:
        return await depot.objects.create_key(
            await depot.accounts.user_named(login),
            name,
            space=await depot.tenancy.named(space) if space else None,
            expires_at=now_ms() + ms(expires) if expires else None,
        )

    made, secret = on_catalog(settings, work)
    if output.as_json:
        output.json(
            {
                "access_key": made.access_key,
                "secret_key": secret,
                "name": made.name,
                "user": made.principal_id,
                "space": made.space_id,
                "expires_at": made.expires_at,
            }
        )
    output.line(f"{made.access_key} {secret}")
    output.notice("Access key and secret key; the secret is shown only now.")


async def _all_keys(depot: Depot) -> list[ApiKey]:
    found: list[ApiKey] = []
    after = 0
    while page := await depot.accounts.users(after, 500):
        for owner in page:
            found += await depot.accounts.keys(Caller(owner))
        after = page[-1].id
    return found


def _ident(found: ApiKey) -> str:
    return to_uuid(Kind.KEY, found.id)


def _date(milliseconds: int | None) -> str:
    if milliseconds is None:
        return "never"
    return datetime.fromtimestamp(milliseconds / 1000, UTC).date().isoformat()
