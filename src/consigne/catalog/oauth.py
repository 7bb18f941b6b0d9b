"""Statements about pairs of OAuth tokens."""

from sqlalchemy import bindparam, delete, insert, select, update

from consigne.catalog.engine import Statement, Tx
from consigne.catalog.rows import params, reader
from consigne.catalog.schema import oauth_pair
from consigne.model.entities import TokenPair

_pair = reader(TokenPair)

_ADD = Statement(insert(oauth_pair))
_BY_ACCESS = Statement(select(oauth_pair).where(oauth_pair.c.access_hash == bindparam("hash")))
_BY_REFRESH = Statement(select(oauth_pair).where(oauth_pair.c.refresh_hash == bindparam("hash")))
_USE = Statement(
    update(oauth_pair)
    .where(oauth_pair.c.id == bindparam("pair"), oauth_pair.c.used_at.is_(None))
    .values(used_at=bindparam("now"))
)
_RETIRE = Statement(
    update(oauth_pair)
    .where(oauth_pair.c.id == bindparam("pair"), oauth_pair.c.refresh_until > bindparam("until"))
    .values(refresh_until=bindparam("until"))
)
_OVERFLOW = Statement(
    select(oauth_pair.c.id)
    .where(oauth_pair.c.principal_id == bindparam("principal"))
    .order_by(oauth_pair.c.id.desc())
    .limit(1)
    .offset(bindparam("kept"))
)
_DROP_OLDER = Statement(
    delete(oauth_pair).where(
        oauth_pair.c.principal_id == bindparam("principal"), oauth_pair.c.id <= bindparam("last")
    )
)
_FORGET = Statement(
    delete(oauth_pair).where(
        oauth_pair.c.refresh_until < bindparam("now"), oauth_pair.c.access_until < bindparam("now")
    )
)


def add(tx: Tx, value: TokenPair) -> None:
    tx.run(_ADD, **params(value))


def by_access(tx: Tx, token_hash: bytes) -> TokenPair | None:
    row = tx.one(_BY_ACCESS, hash=token_hash)
    return _pair(row) if row else None


def by_refresh(tx: Tx, token_hash: bytes) -> TokenPair | None:
    row = tx.one(_BY_REFRESH, hash=token_hash)
    return _pair(row) if row else None


def use(tx: Tx, pair: TokenPair, now: int, retired_at: int) -> None:
    """Note the first use of a pair; the refresh token that it came from dies at ``retired_at``."""
    if tx.run(_USE, pair=pair.id, now=now) and pair.parent_id is not None:
        tx.run(_RETIRE, pair=pair.parent_id, until=retired_at)


def trim(tx: Tx, principal_id: int, kept: int) -> None:
    """Drop the oldest pairs of a principal beyond a number."""
    last = tx.value(_OVERFLOW, principal=principal_id, kept=kept)
    if last is not None:
        tx.run(_DROP_OLDER, principal=principal_id, last=last)


def forget(tx: Tx, now: int) -> None:
    """Drop pairs of which neither token is good for anything any more."""
    tx.run(_FORGET, now=now)
