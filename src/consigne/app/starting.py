"""Before any process serves: migrations, and at the very first start a space, a user and a key."""

import asyncio
import secrets
from dataclasses import dataclass

from consigne.app.building import build_depot
from consigne.app.opening import catalog_url, require_whole
from consigne.catalog import migrate
from consigne.errors import BadParameter, Unavailable
from consigne.settings import Settings

FIRST_SPACE = "default"
FIRST_USER = "admin@localhost.localdomain"


@dataclass(frozen=True)
class FirstStart:
    """What the very first start generated; shown once and not kept."""

    email: str
    password: str | None
    key: str | None
    client_id: str
    client_secret: str | None


def prepare(settings: Settings) -> FirstStart | None:
    """Make the data folder, migrate the catalog and, at the very first start, the first space, user
    and key. Return what was generated, None at later starts. A vault that is only read is left as
    it is, and has to be there. Raises Unavailable, BadParameter.
    """
    if settings.read_only:
        _require_vault(settings)
        return None
    try:
        settings.data_path.mkdir(parents=True, exist_ok=True)
        with migrate.alone(catalog_url(settings)):
            migrate.upgrade(catalog_url(settings))
            return asyncio.run(_first_start(settings))
    except OSError as error:
        raise Unavailable(f"The data folder cannot be used: {error}") from error


def _require_vault(settings: Settings) -> None:
    schema, needed = migrate.current(catalog_url(settings)), migrate.newest()
    # A newer one will do: migrations only add (decision 0020).
    if schema is None or (schema.isdigit() and int(schema) < int(needed)):
        raise Unavailable(
            f"The catalog has the schema {schema or 'of nothing'}, needed is {needed}.",
            hint="Start once without CONSIGNE_READ_ONLY: that makes what is missing.",
        )


async def _first_start(settings: Settings) -> FirstStart | None:
    """Make the first space, its admin and a key, unless the installation has a user already."""
    depot = build_depot(settings)
    await depot.catalog.open()
    try:
        await require_whole(depot.catalog)
        if await depot.accounts.users(limit=1):
            return None
        email, _, password = settings.bootstrap_user.partition(":")
        generated = None if password else secrets.token_urlsafe(12)
        if settings.bootstrap_user and not password:
            raise BadParameter("CONSIGNE_BOOTSTRAP_USER must be email:password.")
        user = await depot.accounts.create_user(
            email or FIRST_USER, password or generated, is_operator=True
        )
        space = await depot.tenancy.create(FIRST_SPACE, owner=user)
        await depot.accounts.change_user(user.id, home_space_id=space.id)
        value = settings.bootstrap_key or None
        _, key = await depot.accounts.create_key(user, "bootstrap", value=value)
        client_id, _, secret = settings.bootstrap_client.partition(":")
        if settings.bootstrap_client and not (client_id and secret):
            raise BadParameter("CONSIGNE_BOOTSTRAP_CLIENT must be id:secret.")
        made = await depot.accounts.create_client("first", client_id=client_id, secret=secret)
        return FirstStart(
            user.email, generated, None if value else key, made[0], None if secret else made[1]
        )
    finally:
        await depot.catalog.close()
