"""Statements about stores: where bytes lie, and what is left to be moved from one to another."""

from sqlalchemy import bindparam, delete, func, insert, literal_column, select, update

from consigne.catalog.engine import Statement, Tx, any_of
from consigne.catalog.rows import params, reader
from consigne.catalog.schema import content, store, upload
from consigne.model.care import StoreRow, StoreState
from consigne.model.entities import UploadState

_store = reader(StoreRow)

_ALL = Statement(select(store).order_by(store.c.number))
_ADD = Statement(insert(store))
_TURN = Statement(
    update(store)
    .where(store.c.number == bindparam("which"), store.c.state == bindparam("old_state"))
    .values(state=bindparam("new_state"), since=bindparam("now"))
)
_FORGET = Statement(delete(store))
_COUNT = Statement(
    update(store)
    .where(store.c.number == bindparam("which"))
    .values(count=store.c.count + 1, size=store.c.size + bindparam("more"))
)
_ADVANCE = Statement(
    update(store)
    .where(store.c.number == bindparam("which"), store.c.last_id < bindparam("upto"))
    .values(last_id=bindparam("upto"))
)
# Spelled out: what is damaged cannot be moved, what is doomed need not be.
_MOVABLE = (
    content.c.key > bindparam("after"),
    content.c.key < bindparam("end"),
    content.c.state.notin_((literal_column("'corrupt'"), literal_column("'doomed'"))),
)
_CONTENTS_IN = Statement(
    select(content.c.id, content.c.key)
    .where(*_MOVABLE)
    .order_by(content.c.key)
    .limit(bindparam("n"))
)
_LEFT = select(content.c.id).where(*_MOVABLE).limit(bindparam("most")).subquery()
_LEFT_IN = Statement(select(func.count()).select_from(_LEFT))
_UNFINISHED = any_of(
    upload.c.state,
    (UploadState.OPEN.value, UploadState.RECEIVING.value, UploadState.VERIFYING.value),
)
_UPLOADS_IN = Statement(
    select(func.count()).where(_UNFINISHED, upload.c.stage.like(bindparam("begin")))
)
_UPLOADS_IN_FIRST = Statement(
    select(func.count()).where(
        _UNFINISHED, upload.c.stage != literal_column("''"), upload.c.stage.notlike("%/%")
    )
)


def every(tx: Tx) -> list[StoreRow]:
    """Return all stores by number; none where there has only ever been one."""
    return [_store(row) for row in tx.all(_ALL)]


def add(tx: Tx, number: int, location: str, state: StoreState, now: int) -> StoreRow:
    """Note a store under a number that was never given out."""
    made = StoreRow(number, location, state, now, 0, 0, 0)
    tx.run(_ADD, **params(made))
    return made


def turn(tx: Tx, number: int, old: StoreState, new: StoreState, now: int) -> bool:
    """Change what a store is for; False where it was not for that."""
    changed = tx.run(_TURN, which=number, old_state=old.value, new_state=new.value, now=now)
    return bool(changed)


def count(tx: Tx, number: int, size: int) -> None:
    """Note that a content of this size was moved or copied to a store."""
    tx.run(_COUNT, which=number, more=size)


def advance(tx: Tx, number: int, upto: int) -> None:
    """Note that a mirror has all contents up to this one."""
    tx.run(_ADVANCE, which=number, upto=upto)


def forget(tx: Tx) -> None:
    """Forget all stores: what is here now lies in the one that the settings name."""
    tx.run(_FORGET)


def contents_in(tx: Tx, number: int, after: str, limit: int) -> list[tuple[int, str]]:
    """Return id and key of contents that can be moved out of a store, by key, above ``after``."""
    low, end = _range(number)
    return [(row[0], row[1]) for row in tx.all(_CONTENTS_IN, after=after or low, end=end, n=limit)]


def left_in(tx: Tx, number: int, most: int) -> int:
    """Return how many contents are still to be moved out of a store, counted to ``most``."""
    low, end = _range(number)
    return int(tx.value(_LEFT_IN, after=low, end=end, most=most))


def uploads_in(tx: Tx, number: int) -> int:
    """Return how many unfinished uploads have their parts in a store."""
    if not number:
        return int(tx.value(_UPLOADS_IN_FIRST))
    return int(tx.value(_UPLOADS_IN, begin=f"{number}/%"))


def _range(number: int) -> tuple[str, str]:
    """Return between what all keys of a store lie, byte by byte; those of 0 begin with a letter."""
    return (f"{number}/", f"{number}0") if number else ("a", "{")
