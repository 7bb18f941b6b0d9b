"""Statements about requests that have their effect once, and about leases on work."""

from sqlalchemy import bindparam, delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from consigne.catalog.engine import Statement, Tx
from consigne.catalog.schema import lease, once

_INSERT = Statement(upsert(once).on_conflict_do_nothing())
_FIND = Statement(
    select(once.c.fingerprint, once.c.subject).where(
        once.c.space_id == bindparam("space"),
        once.c.principal_id == bindparam("principal"),
        once.c.route == bindparam("route"),
        once.c.key == bindparam("key"),
    )
)
_SETTLE = Statement(
    update(once)
    .where(
        once.c.space_id == bindparam("space"),
        once.c.principal_id == bindparam("principal"),
        once.c.route == bindparam("on_route"),
        once.c.key == bindparam("by_key"),
    )
    .values(subject=bindparam("new_subject"))
)
_FORGET = Statement(delete(once).where(once.c.expires_at < bindparam("now")))
_NEW_LEASE = Statement(upsert(lease).on_conflict_do_nothing())
_TAKE_LEASE = Statement(
    update(lease)
    .where(
        lease.c.name == bindparam("lease"),
        or_(lease.c.holder == bindparam("by"), lease.c.until < bindparam("now")),
    )
    .values(holder=bindparam("by"), until=bindparam("new_until"))
)

_HOLDER = Statement(select(lease.c.holder).where(lease.c.name == bindparam("lease")))
_LEASE = Statement(select(lease.c.holder, lease.c.until).where(lease.c.name == bindparam("lease")))
_TAKE_OVER = Statement(
    update(lease)
    .where(lease.c.name == bindparam("lease"), lease.c.holder == bindparam("past"))
    .values(holder=bindparam("by"), until=bindparam("new_until"))
)
_LIVE_HOLDER = Statement(
    select(lease.c.holder).where(
        lease.c.name == bindparam("lease"), lease.c.until >= bindparam("now")
    )
)
_GIVE_BACK = Statement(
    delete(lease).where(lease.c.name == bindparam("lease"), lease.c.holder == bindparam("by"))
)


def remember(
    tx: Tx,
    space_id: int,
    principal_id: int,
    route: str,
    key: str,
    fingerprint: bytes,
    subject: int,
    expires_at: int,
) -> bool:
    """Record what a keyed request made; False where the key is known already."""
    return bool(
        tx.run(
            _INSERT,
            space_id=space_id,
            principal_id=principal_id,
            route=route,
            key=key,
            fingerprint=fingerprint,
            subject=subject,
            expires_at=expires_at,
        )
    )


def settle(tx: Tx, space_id: int, principal_id: int, route: str, key: str, subject: int) -> None:
    """Say what a keyed request has made, where that was not known when it was recorded."""
    tx.run(
        _SETTLE,
        space=space_id,
        principal=principal_id,
        on_route=route,
        by_key=key,
        new_subject=subject,
    )


def recall(
    tx: Tx, space_id: int, principal_id: int, route: str, key: str
) -> tuple[bytes, int] | None:
    """Return fingerprint and subject of an earlier request with this key."""
    row = tx.one(_FIND, space=space_id, principal=principal_id, route=route, key=key)
    return (row[0], row[1]) if row else None


def forget(tx: Tx, now: int) -> None:
    tx.run(_FORGET, now=now)


def take_lease(tx: Tx, name: str, holder: str, now: int, until: int) -> bool:
    """Become, or stay, the one process that does a work; False while another does."""
    if tx.run(_NEW_LEASE, name=name, holder=holder, until=until):
        return True
    return bool(tx.run(_TAKE_LEASE, lease=name, by=holder, now=now, new_until=until))


def holder_of(tx: Tx, name: str) -> str | None:
    """Return who holds, or last held, the lease on a work."""
    holder: str | None = tx.value(_HOLDER, lease=name)
    return holder


def lease_of(tx: Tx, name: str) -> tuple[str, int] | None:
    """Return who holds, or last held, the lease on a work, and until when."""
    row = tx.one(_LEASE, lease=name)
    return (row[0], row[1]) if row else None


def take_over(tx: Tx, name: str, past: str, holder: str, until: int) -> bool:
    """Take a lease from a holder who is known to be dead; False where another was faster."""
    return bool(tx.run(_TAKE_OVER, lease=name, past=past, by=holder, new_until=until))


def live_holder(tx: Tx, name: str, now: int) -> str | None:
    """Return who holds a lease that has not ended."""
    holder: str | None = tx.value(_LIVE_HOLDER, lease=name, now=now)
    return holder


def give_back(tx: Tx, name: str, holder: str) -> None:
    """Let go of a lease, if it is still this holder's."""
    tx.run(_GIVE_BACK, lease=name, by=holder)
