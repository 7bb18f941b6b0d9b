"""Statements about deliveries to webhooks: an outbox whose rows are claimed for some time.

A claim moves the next attempt behind the longest time that this one can take; so a delivery whose
sender died is due again by itself. What a sender says counts only for the attempt that it claimed.
"""

from sqlalchemy import bindparam, delete, insert, literal_column, select, update

from consigne.catalog.engine import Statement, Tx
from consigne.catalog.rows import params, reader
from consigne.catalog.schema import delivery
from consigne.model.webhooks import Attempt, Delivery, DeliveryState

_delivery = reader(Delivery)
_PENDING, _PAUSED = DeliveryState.PENDING.value, DeliveryState.PAUSED.value
_is_pending = delivery.c.state == literal_column("'pending'")

_INSERT = Statement(insert(delivery))
_BY_ID = Statement(
    select(delivery).where(
        delivery.c.id == bindparam("number"), delivery.c.webhook_id == bindparam("webhook")
    )
)
_PAGE = Statement(
    select(delivery)
    .where(delivery.c.webhook_id == bindparam("webhook"), delivery.c.id < bindparam("before"))
    .order_by(delivery.c.id.desc())
    .limit(bindparam("n"))
)
_PAGE_IN = Statement(
    select(delivery)
    .where(
        delivery.c.webhook_id == bindparam("webhook"),
        delivery.c.id < bindparam("before"),
        delivery.c.state == bindparam("in_state"),
    )
    .order_by(delivery.c.id.desc())
    .limit(bindparam("n"))
)
_NEXT = Statement(
    select(delivery.c.next_at).where(_is_pending).order_by(delivery.c.next_at).limit(1)
)
_SETTLE = Statement(
    update(delivery)
    .where(
        delivery.c.id == bindparam("number"),
        delivery.c.attempts == bindparam("attempt"),
        delivery.c.state == _PENDING,
    )
    .values(
        state=bindparam("new_state"),
        next_at=bindparam("again_at"),
        attempted_at=bindparam("now"),
        ended_at=bindparam("over_at"),
        status=bindparam("new_status"),
        error=bindparam("why"),
        response=bindparam("said"),
        duration=bindparam("took"),
    )
)
_REPLAY = Statement(
    update(delivery)
    .where(delivery.c.id == bindparam("number"))
    .values(
        state=_PENDING,
        attempts=0,
        next_at=bindparam("now"),
        give_up_at=bindparam("until"),
        ended_at=None,
    )
)
_PAUSE = Statement(
    update(delivery)
    .where(delivery.c.webhook_id == bindparam("webhook"), _is_pending)
    .values(state=_PAUSED)
)
_RESUME = Statement(
    update(delivery)
    .where(delivery.c.webhook_id == bindparam("webhook"), delivery.c.state == _PAUSED)
    .values(state=_PENDING, next_at=bindparam("now"), give_up_at=bindparam("until"))
)
_HOLD_BACK = Statement(
    update(delivery)
    .where(_is_pending)
    .values(state=DeliveryState.FAILED.value, ended_at=bindparam("now"), error=bindparam("why"))
)
_REMOVE_OF = Statement(delete(delivery).where(delivery.c.webhook_id == bindparam("webhook")))
_FORGET = Statement(delete(delivery).where(delivery.c.ended_at < bindparam("before")))


def add(tx: Tx, value: Delivery) -> None:
    tx.run(_INSERT, **params(value))


def by_id(tx: Tx, webhook_id: int, number: int) -> Delivery | None:
    row = tx.one(_BY_ID, webhook=webhook_id, number=number)
    return _delivery(row) if row else None


def page(tx: Tx, webhook_id: int, state: str | None, before: int, limit: int) -> list[Delivery]:
    """Return deliveries below an id, newest first."""
    if state is None:
        found = tx.all(_PAGE, webhook=webhook_id, before=before, n=limit)
    else:
        found = tx.all(_PAGE_IN, webhook=webhook_id, before=before, n=limit, in_state=state)
    return [_delivery(row) for row in found]


def is_due(tx: Tx, now: int) -> bool:
    """Tell whether there may be something to claim."""
    due = tx.value(_NEXT)
    return due is not None and due <= now


def claim(tx: Tx, busy: list[int], now: int, until: int) -> Delivery | None:
    """Take what has been due for longest, but for webhooks that are ``busy``."""
    chosen = (
        select(delivery.c.id)
        .where(_is_pending, delivery.c.next_at <= now, delivery.c.webhook_id.not_in(busy))
        .order_by(delivery.c.next_at, delivery.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    taken = (
        update(delivery)
        .where(delivery.c.id == chosen)
        .values(next_at=until, attempts=delivery.c.attempts + 1)
        .returning(*delivery.c)
    )
    rows = tx.all(taken)
    return _delivery(rows[0]) if rows else None


def settle(
    tx: Tx, value: Delivery, attempt: Attempt, state: DeliveryState, now: int, again_at: int
) -> bool:
    """Store how an attempt ended; False where the delivery was claimed anew meanwhile."""
    return bool(
        tx.run(
            _SETTLE,
            number=value.id,
            attempt=value.attempts,
            new_state=state.value,
            again_at=again_at,
            now=now,
            over_at=None if state is DeliveryState.PENDING else now,
            new_status=attempt.status,
            why=attempt.error,
            said=attempt.response,
            took=attempt.duration,
        )
    )


def replay(tx: Tx, number: int, now: int, until: int) -> None:
    """Make a delivery due once more."""
    tx.run(_REPLAY, number=number, now=now, until=until)


def pause(tx: Tx, webhook_id: int) -> None:
    """Put aside what waits for a webhook."""
    tx.run(_PAUSE, webhook=webhook_id)


def resume(tx: Tx, webhook_id: int, now: int, until: int) -> None:
    """Take up again what was put aside."""
    tx.run(_RESUME, webhook=webhook_id, now=now, until=until)


def hold_back(tx: Tx, now: int, why: str) -> int:
    """Put all that waits into the log as failed, from where it can be replayed; return how many."""
    return tx.run(_HOLD_BACK, now=now, why=why)


def remove_of(tx: Tx, webhook_id: int) -> None:
    tx.run(_REMOVE_OF, webhook=webhook_id)


def forget(tx: Tx, before: int) -> None:
    """Drop what ended before a moment."""
    tx.run(_FORGET, before=before)
