"""Statements about webhooks."""

from typing import Any

import msgspec
from sqlalchemy import bindparam, delete, func, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from consigne.catalog.engine import Statement, Tx
from consigne.catalog.rows import params, reader
from consigne.catalog.schema import chain, follower, webhook
from consigne.errors import NameTaken
from consigne.model.webhooks import Webhook

FOLLOWER = "webhooks"

_webhook = reader(Webhook)
# Spelled out, as the partial index is.
_is_active = webhook.c.is_active == literal_column("1")

_INSERT = Statement(
    upsert(webhook)
    .values({c: bindparam(c.name) for c in webhook.c if c.name != "id"})
    .on_conflict_do_nothing()
    .returning(webhook.c.id)
)
_BY_ID = Statement(select(webhook).where(webhook.c.id == bindparam("number")))
_LOCK = Statement(select(webhook).where(webhook.c.id == bindparam("number")).with_for_update())
_PAGE = Statement(
    select(webhook)
    .where(webhook.c.space_id == bindparam("space"), webhook.c.id > bindparam("after"))
    .order_by(webhook.c.id)
    .limit(bindparam("n"))
)
_COUNT = Statement(
    select(func.count()).select_from(webhook).where(webhook.c.space_id == bindparam("space"))
)
_ACTIVE = Statement(
    select(webhook)
    .where(webhook.c.space_id == bindparam("space"), _is_active)
    .order_by(webhook.c.id)
)
_SPEAKS = Statement(
    select(webhook.c.id)
    .where(webhook.c.space_id == bindparam("space"), _is_active, webhook.c.is_hook == 1)
    .limit(1)
)
_NAMED = Statement(
    select(webhook.c.id).where(
        webhook.c.space_id == bindparam("space"), webhook.c.name_fold == bindparam("name_fold")
    )
)
_CHANGE = Statement(
    update(webhook)
    .where(webhook.c.id == bindparam("number"))
    .values(
        {c: bindparam(c.name) for c in webhook.c if c.name not in ("id", "space_id", "created_at")}
    )
)
_REMOVE = Statement(delete(webhook).where(webhook.c.id == bindparam("number")))
_SUCCEEDED = Statement(
    update(webhook).where(webhook.c.id == bindparam("number")).values(succeeded_at=bindparam("now"))
)
_FAILED = Statement(
    update(webhook).where(webhook.c.id == bindparam("number")).values(failed_at=bindparam("now"))
)
_BEHIND = Statement(
    select(webhook.c.space_id)
    .join(chain, chain.c.space_id == webhook.c.space_id)
    .outerjoin(
        follower, (follower.c.space_id == webhook.c.space_id) & (follower.c.name == FOLLOWER)
    )
    .where(_is_active, chain.c.sequence > func.coalesce(follower.c.sequence, 0))
    .distinct()
)


def insert_webhook(tx: Tx, value: Webhook) -> Webhook:
    """Store a new webhook and return it with its number. Raises NameTaken."""
    fields = params(value)
    del fields["id"]
    number = tx.value(_INSERT, **fields)
    if number is None:
        raise _taken(value.name)
    return msgspec.structs.replace(value, id=number)


def by_id(tx: Tx, number: int) -> Webhook | None:
    row = tx.one(_BY_ID, number=number)
    return _webhook(row) if row else None


def lock(tx: Tx, number: int) -> Webhook | None:
    """Return a webhook and hold its row."""
    row = tx.one(_LOCK, number=number)
    return _webhook(row) if row else None


def page(tx: Tx, space_id: int, after: int, limit: int) -> list[Webhook]:
    """Return webhooks of a space in the order of their numbers."""
    return [_webhook(row) for row in tx.all(_PAGE, space=space_id, after=after, n=limit)]


def count(tx: Tx, space_id: int) -> int:
    return int(tx.value(_COUNT, space=space_id))


def active(tx: Tx, space_id: int) -> list[Webhook]:
    """Return the webhooks of a space that are not disabled."""
    return [_webhook(row) for row in tx.all(_ACTIVE, space=space_id)]


def speaks(tx: Tx, space_id: int) -> bool:
    """Tell whether a webhook listens to points of saves in a space."""
    return tx.value(_SPEAKS, space=space_id) is not None


def change(tx: Tx, old: Webhook, **fields: Any) -> Webhook:
    """Change columns of a webhook whose row is held. Raises NameTaken."""
    new = msgspec.structs.replace(old, **fields)
    named = tx.value(_NAMED, space=new.space_id, name_fold=new.name_fold)
    if named not in (None, new.id):
        raise _taken(new.name)
    values = params(new)
    for name in ("id", "space_id", "created_at"):
        del values[name]
    tx.run(_CHANGE, number=new.id, **values)
    return new


def disable_all(tx: Tx, reason: str) -> None:
    """Let no webhook be told of anything until it is enabled again."""
    tx.run(update(webhook).where(_is_active).values(is_active=0, reason=reason))


def remove(tx: Tx, number: int) -> None:
    tx.run(_REMOVE, number=number)


def note(tx: Tx, number: int, now: int, *, success: bool) -> None:
    """Say how the last attempt to reach a webhook ended."""
    tx.run(_SUCCEEDED if success else _FAILED, number=number, now=now)


def behind(tx: Tx) -> list[int]:
    """Return the spaces with active webhooks whose sealed events have not all been looked at."""
    return [row[0] for row in tx.all(_BEHIND)]


def _taken(name: str) -> NameTaken:
    return NameTaken(f"A webhook named {name!r} exists in this space.", parameter="name")
