"""Statements about key pairs that sign requests (C-42)."""

from sqlalchemy import bindparam, delete, insert, select

from consigne.catalog.engine import Statement, Tx
from consigne.catalog.rows import params, reader
from consigne.catalog.schema import signing_key
from consigne.model.entities import SigningKey

_key = reader(SigningKey)

_INSERT = Statement(insert(signing_key))
_BY_ACCESS_KEY = Statement(
    select(signing_key).where(signing_key.c.access_key == bindparam("access_key"))
)
_OF = Statement(
    select(signing_key)
    .where(signing_key.c.principal_id == bindparam("principal"))
    .order_by(signing_key.c.id)
)
_DELETE = Statement(delete(signing_key).where(signing_key.c.access_key == bindparam("access_key")))


def add(tx: Tx, value: SigningKey) -> None:
    tx.run(_INSERT, **params(value))


def forget_all(tx: Tx) -> None:
    tx.run(delete(signing_key))


def by_access_key(tx: Tx, access_key: str) -> SigningKey | None:
    row = tx.one(_BY_ACCESS_KEY, access_key=access_key)
    return _key(row) if row else None


def of(tx: Tx, principal_id: int) -> list[SigningKey]:
    """Return the key pairs of a principal, oldest first."""
    return [_key(row) for row in tx.all(_OF, principal=principal_id)]


def remove(tx: Tx, access_key: str) -> None:
    tx.run(_DELETE, access_key=access_key)
