"""Statements about events: unchained in the request's transaction, sealed afterwards (C-50)."""

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from consigne.catalog.engine import Statement, Tx
from consigne.catalog.rows import params, reader
from consigne.catalog.schema import chain, event
from consigne.model.entities import Event

_event = reader(Event)

_INSERT = Statement(insert(event))
_UNSEALED_SPACES = Statement(
    select(event.c.space_id).where(event.c.sequence.is_(None)).group_by(event.c.space_id)
)
_UNSEALED = Statement(
    select(event)
    .where(event.c.space_id == bindparam("space"), event.c.sequence.is_(None))
    .order_by(event.c.id)
    .limit(bindparam("n"))
)
_SEAL = Statement(
    update(event)
    .where(event.c.id == bindparam("event"))
    .values(sequence=bindparam("new_sequence"), digest=bindparam("new_digest"))
)
_START = Statement(upsert(chain).on_conflict_do_nothing())
_HEAD = Statement(
    select(chain.c.sequence, chain.c.digest)
    .where(chain.c.space_id == bindparam("space"))
    .with_for_update()
)
_ADVANCE = Statement(
    update(chain)
    .where(chain.c.space_id == bindparam("space"))
    .values(sequence=bindparam("new_sequence"), digest=bindparam("new_digest"))
)
_AFTER = Statement(
    select(event)
    .where(event.c.space_id == bindparam("space"), event.c.sequence > bindparam("after"))
    .order_by(event.c.sequence)
    .limit(bindparam("n"))
)
_BEFORE = Statement(
    select(event)
    .where(event.c.space_id == bindparam("space"), event.c.sequence < bindparam("before"))
    .order_by(event.c.sequence.desc())
    .limit(bindparam("n"))
)
_OF = Statement(
    select(event)
    .where(event.c.subject == bindparam("subject"), event.c.space_id == bindparam("space"))
    .order_by(event.c.id)
)
_LAST = Statement(select(func.max(event.c.sequence)).where(event.c.space_id == bindparam("space")))
_SPAN = Statement(
    select(func.min(event.c.sequence), func.max(event.c.sequence)).where(
        event.c.space_id == bindparam("space"),
        event.c.sequence.is_not(None),
        event.c.at >= bindparam("since"),
        event.c.at < bindparam("before"),
    )
)


def add(tx: Tx, value: Event) -> None:
    tx.run(_INSERT, **params(value))


def unsealed_spaces(tx: Tx) -> list[int]:
    return [row[0] for row in tx.all(_UNSEALED_SPACES)]


def unsealed(tx: Tx, space_id: int, limit: int) -> list[Event]:
    return [_event(row) for row in tx.all(_UNSEALED, space=space_id, n=limit)]


def head(tx: Tx, space_id: int) -> tuple[int, bytes]:
    """Return sequence and digest of the chain's last event, holding the head's row."""
    row = tx.one(_HEAD, space=space_id)
    if row is None:
        tx.run(_START, space_id=space_id, sequence=0, digest=bytes(32))
        row = tx.one(_HEAD, space=space_id)
        assert row is not None
    return row[0], row[1]


def seal(tx: Tx, space_id: int, sealed: list[tuple[int, int, bytes]]) -> None:
    """Store (id, sequence, digest) of newly chained events and move the head."""
    tx.many(
        _SEAL,
        [{"event": n, "new_sequence": seq, "new_digest": digest} for n, seq, digest in sealed],
    )
    _, sequence, digest = sealed[-1]
    tx.run(_ADVANCE, space=space_id, new_sequence=sequence, new_digest=digest)


def after(tx: Tx, space_id: int, sequence: int, limit: int) -> list[Event]:
    """Return sealed events after a sequence number, in order."""
    return [_event(row) for row in tx.all(_AFTER, space=space_id, after=sequence, n=limit)]


def before(tx: Tx, space_id: int, sequence: int, limit: int) -> list[Event]:
    """Return sealed events before a sequence number, newest first."""
    return [_event(row) for row in tx.all(_BEFORE, space=space_id, before=sequence, n=limit)]


def of(tx: Tx, space_id: int, subject: int) -> list[Event]:
    """Return the history of one thing, oldest first."""
    return [_event(row) for row in tx.all(_OF, space=space_id, subject=subject)]


def last_sequence(tx: Tx, space_id: int) -> int:
    return int(tx.value(_LAST, space=space_id) or 0)


def span(tx: Tx, space_id: int, since: int, before: int) -> tuple[int | None, int | None]:
    """Return the first and the last sequence number of some time; looks at the whole chain."""
    row = tx.one(_SPAN, space=space_id, since=since, before=before)
    assert row is not None
    return row[0], row[1]
