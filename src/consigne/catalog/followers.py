"""Statements about consumers of the chains: how far each has come in each space (C-50)."""

from sqlalchemy import and_, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from consigne.catalog.engine import Statement, Tx
from consigne.catalog.schema import chain, follower

_BEHIND = Statement(
    select(chain.c.space_id)
    .select_from(
        chain.outerjoin(
            follower,
            and_(follower.c.space_id == chain.c.space_id, follower.c.name == bindparam("who")),
        )
    )
    .where(chain.c.sequence > func.coalesce(follower.c.sequence, 0))
)
_START = Statement(upsert(follower).on_conflict_do_nothing())
_mine = (follower.c.name == bindparam("who"), follower.c.space_id == bindparam("space"))
_LOCK = Statement(select(follower.c.sequence).where(*_mine).with_for_update())
_ADVANCE = Statement(update(follower).where(*_mine).values(sequence=bindparam("upto")))


def behind(tx: Tx, name: str) -> list[int]:
    """Return the spaces that have sealed events which a follower has not seen."""
    return [row[0] for row in tx.all(_BEHIND, who=name)]


def take(tx: Tx, name: str, space_id: int) -> int:
    """Return the last sequence number that a follower has seen, holding its row."""
    tx.run(_START, name=name, space_id=space_id, sequence=0)
    return int(tx.value(_LOCK, who=name, space=space_id))


def advance(tx: Tx, name: str, space_id: int, sequence: int) -> None:
    """Say that a follower has seen everything up to a sequence number."""
    tx.run(_ADVANCE, who=name, space=space_id, upto=sequence)
