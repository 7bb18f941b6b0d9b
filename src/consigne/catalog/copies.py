"""Statements about the copies of contents in a mirror."""

from typing import NamedTuple

from sqlalchemy import and_, bindparam, delete, func, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from consigne.catalog.engine import Statement, Tx, any_of
from consigne.catalog.rows import params, reader
from consigne.catalog.schema import content, copy
from consigne.model.care import Copy
from consigne.model.entities import ContentState

_copy = reader(Copy)

_INSERT = upsert(copy)
_PUT = Statement(
    _INSERT.on_conflict_do_update(
        index_elements=["content_id"],
        set_={name: _INSERT.excluded[name] for name in ("store", "key", "size", "made_at")},
    )
)
_OF = Statement(select(copy).where(copy.c.content_id == bindparam("content")))
_BESIDE = content.outerjoin(
    copy, and_(copy.c.content_id == content.c.id, copy.c.store == bindparam("which"))
)
_WANTED = any_of(
    content.c.state,
    (ContentState.LIVE.value, ContentState.DERIVED.value, ContentState.QUARANTINED.value),
)
_LACKING = (content.c.id > bindparam("after"), copy.c.content_id.is_(None), _WANTED)
_MISSING = Statement(
    select(content.c.id)
    .select_from(_BESIDE)
    .where(*_LACKING)
    .order_by(content.c.id)
    .limit(bindparam("n"))
)
_LACKED = (
    select(content.c.size, content.c.created_at)
    .select_from(_BESIDE)
    .where(*_LACKING)
    .order_by(content.c.id)
    .limit(bindparam("most"))
    .subquery()
)
_LAG = Statement(
    select(
        func.count(), func.coalesce(func.sum(_LACKED.c.size), 0), func.min(_LACKED.c.created_at)
    ).select_from(_LACKED)
)
_MENDABLE = Statement(
    select(content.c.id)
    .where(
        content.c.state == literal_column("'corrupt'"),
        content.c.references > 0,
        content.c.id > bindparam("after"),
        select(copy.c.content_id).where(copy.c.content_id == content.c.id).exists(),
    )
    .order_by(content.c.id)
    .limit(bindparam("n"))
)
_PAGE = Statement(
    select(copy)
    .where(copy.c.content_id > bindparam("after"))
    .order_by(copy.c.content_id)
    .limit(bindparam("n"))
)
_ORPHAN = Statement(
    update(copy)
    .where(copy.c.content_id == bindparam("content"))
    .values(idle_since=bindparam("now"))
)
_IDLE = Statement(
    select(copy).where(copy.c.idle_since <= bindparam("before")).limit(bindparam("n"))
)
_DROP = Statement(
    delete(copy).where(copy.c.content_id == bindparam("content"), copy.c.key == bindparam("seen"))
)
_FORGET = Statement(delete(copy))


class Lag(NamedTuple):
    """Contents without a copy, their bytes, and when the first of them came (ms)."""

    contents: int
    size: int
    since: int | None


def of(tx: Tx, content_id: int) -> Copy | None:
    """Return the copy of a content."""
    row = tx.one(_OF, content=content_id)
    return _copy(row) if row else None


def put(tx: Tx, value: Copy) -> None:
    """Note a copy, in place of an earlier one."""
    tx.run(_PUT, **params(value))


def missing(tx: Tx, store: int, after: int, limit: int) -> list[int]:
    """Return contents above ``after`` that have no copy in a mirror."""
    return [row[0] for row in tx.all(_MISSING, which=store, after=after, n=limit)]


def lag(tx: Tx, store: int, after: int, most: int) -> Lag:
    """Return what a mirror lacks of the contents above ``after``, counted to ``most``."""
    row = tx.one(_LAG, which=store, after=after, most=most)
    assert row is not None
    return Lag(int(row[0]), int(row[1]), row[2])


def mendable(tx: Tx, after: int, limit: int) -> list[int]:
    """Return contents that are marked corrupt and have a copy."""
    return [row[0] for row in tx.all(_MENDABLE, after=after, n=limit)]


def page(tx: Tx, after: int, limit: int) -> list[Copy]:
    """Return copies by the content's id."""
    return [_copy(row) for row in tx.all(_PAGE, after=after, n=limit)]


def known(tx: Tx, keys: list[str]) -> set[str]:
    """Return those of the keys that are a copy's."""
    return {row[0] for row in tx.all(select(copy.c.key).where(copy.c.key.in_(keys)))}


def orphan(tx: Tx, content_id: int, now: int) -> None:
    """Note that a content was removed, and that its copy is to follow."""
    tx.run(_ORPHAN, content=content_id, now=now)


def idle(tx: Tx, before: int, limit: int) -> list[Copy]:
    """Return copies whose contents were removed by then."""
    return [_copy(row) for row in tx.all(_IDLE, before=before, n=limit)]


def drop(tx: Tx, value: Copy) -> None:
    """Forget a copy, unless another one has taken its place."""
    tx.run(_DROP, content=value.content_id, seen=value.key)


def forget(tx: Tx) -> None:
    """Forget all copies; their bytes are another vault's."""
    tx.run(_FORGET)
