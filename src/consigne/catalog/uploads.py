"""Statements about upload sessions, their parts and the leases on them (C-14, C-23)."""

from typing import Any

import msgspec
from sqlalchemy import bindparam, delete, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from consigne.catalog.engine import Statement, Tx, any_of
from consigne.catalog.rows import params, reader
from consigne.catalog.schema import part, upload
from consigne.model.entities import Part, Upload, UploadState

_upload = reader(Upload)
_part = reader(Part)

_UNFINISHED = (UploadState.OPEN.value, UploadState.RECEIVING.value, UploadState.VERIFYING.value)

_INSERT = Statement(upsert(upload).on_conflict_do_nothing())
_BY_ID = Statement(select(upload).where(upload.c.id == bindparam("id")))
_LOCK = Statement(select(upload).where(upload.c.id == bindparam("id")).with_for_update())
_BY_FILE = Statement(
    select(upload)
    .where(upload.c.file_id == bindparam("file"), upload.c.is_signed == 0)
    .order_by(upload.c.id.desc())
    .limit(1)
)
_SIGNED = Statement(
    select(upload)
    .where(upload.c.file_id == bindparam("file"), upload.c.is_signed == 1)
    .order_by(upload.c.id.desc())
    .with_for_update()
)
_BY_CLIENT_KEY = Statement(
    select(upload).where(
        upload.c.space_id == bindparam("space"),
        upload.c.principal_id == bindparam("principal"),
        upload.c.client_key == bindparam("key"),
    )
)
_BY_STAGE = Statement(select(upload.c.id).where(upload.c.stage == bindparam("stage")))
_COUNT = Statement(
    select(func.count()).where(
        upload.c.space_id == bindparam("space"),
        upload.c.principal_id == bindparam("principal"),
        any_of(upload.c.state, _UNFINISHED),
        upload.c.file_id.is_not(None),
    )
)
_LIST = Statement(
    select(upload)
    .where(
        upload.c.space_id == bindparam("space"),
        upload.c.principal_id == bindparam("principal"),
        any_of(upload.c.state, _UNFINISHED),
        upload.c.file_id.is_not(None),
        upload.c.is_signed == 0,
        upload.c.id > bindparam("after"),
    )
    .order_by(upload.c.id)
    .limit(bindparam("n"))
)
_LEASE = Statement(
    update(upload)
    .where(
        upload.c.id == bindparam("upload"),
        or_(upload.c.holder.is_(None), upload.c.lease_until < bindparam("now")),
    )
    .values(holder=bindparam("new_holder"), lease_until=bindparam("until"), asked_at=0)
)
_RENEW = Statement(
    update(upload)
    .where(upload.c.id == bindparam("upload"), upload.c.holder == bindparam("by"))
    .values(lease_until=bindparam("until"))
)
_ASKED = Statement(select(upload.c.id, upload.c.holder).where(upload.c.asked_at > 0))
_DELETE = Statement(delete(upload).where(upload.c.id == bindparam("id")))
_EXPIRED = Statement(
    select(upload)
    .where(
        upload.c.expires_at < bindparam("now"),
        or_(upload.c.holder.is_(None), upload.c.lease_until < bindparam("now")),
    )
    .order_by(upload.c.expires_at)
    .limit(bindparam("n"))
)
_RESERVATIONS = Statement(
    select(upload)
    .where(upload.c.stage == "", upload.c.file_id.is_(None), upload.c.id > bindparam("after"))
    .order_by(upload.c.id)
    .limit(bindparam("n"))
)
_EVERY = Statement(
    select(upload)
    .where(upload.c.id > bindparam("after"))
    .order_by(upload.c.id)
    .limit(bindparam("n"))
)
_ADD_PART = Statement(insert(part))
_PART = Statement(
    select(part).where(part.c.upload_id == bindparam("upload"), part.c.number == bindparam("n"))
)
_PARTS = Statement(
    select(part).where(part.c.upload_id == bindparam("upload")).order_by(part.c.number)
)
_DROP_PARTS = Statement(delete(part).where(part.c.upload_id == bindparam("upload")))


def insert_upload(tx: Tx, value: Upload) -> bool:
    """Store a new session; False where its client key is taken."""
    return bool(tx.run(_INSERT, **params(value)))


def by_id(tx: Tx, upload_id: int) -> Upload | None:
    row = tx.one(_BY_ID, id=upload_id)
    return _upload(row) if row else None


def lock(tx: Tx, upload_id: int) -> Upload | None:
    """Return a session and hold its row until the transaction ends."""
    row = tx.one(_LOCK, id=upload_id)
    return _upload(row) if row else None


def by_file(tx: Tx, file_id: int) -> Upload | None:
    """Return the newest session of a file that takes its bytes in parts."""
    row = tx.one(_BY_FILE, file=file_id)
    return _upload(row) if row else None


def signed_of(tx: Tx, file_id: int) -> list[Upload]:
    """Return the sessions of a file's signed URLs, newest first, and hold their rows."""
    return [_upload(row) for row in tx.all(_SIGNED, file=file_id)]


def by_client_key(tx: Tx, space_id: int, principal_id: int, key: str) -> Upload | None:
    row = tx.one(_BY_CLIENT_KEY, space=space_id, principal=principal_id, key=key)
    return _upload(row) if row else None


def stage_is_known(tx: Tx, stage: str) -> bool:
    return tx.one(_BY_STAGE, stage=stage) is not None


def count(tx: Tx, space_id: int, principal_id: int) -> int:
    """Return how many sessions a principal has not finished."""
    return int(tx.value(_COUNT, space=space_id, principal=principal_id))


def page(tx: Tx, space_id: int, principal_id: int, after: int, limit: int) -> list[Upload]:
    rows = tx.all(_LIST, space=space_id, principal=principal_id, after=after, n=limit)
    return [_upload(row) for row in rows]


def change(tx: Tx, old: Upload, **fields: Any) -> Upload:
    """Store changed columns of a session; return the new value."""
    new = msgspec.structs.replace(old, **fields)
    plain = {name: value for name, value in params(new).items() if name in fields}
    tx.run(update(upload).where(upload.c.id == old.id).values(**plain))
    return new


def take_lease(tx: Tx, upload_id: int, holder: str, now: int, until: int) -> bool:
    """Become the one writer of a session, unless another's lease still runs."""
    return bool(tx.run(_LEASE, upload=upload_id, new_holder=holder, now=now, until=until))


def renew_lease(tx: Tx, upload_id: int, holder: str, until: int) -> bool:
    """Prolong a lease; False where it was lost."""
    return bool(tx.run(_RENEW, upload=upload_id, by=holder, until=until))


def asked(tx: Tx) -> list[tuple[int, str | None]]:
    """Return the sessions whose holder is asked to give way, each with that holder."""
    return [(row[0], row[1]) for row in tx.all(_ASKED)]


def remove(tx: Tx, upload_id: int) -> bool:
    """Delete a session with its parts; False where it was gone."""
    tx.run(_DROP_PARTS, upload=upload_id)
    return bool(tx.run(_DELETE, id=upload_id))


def expired(tx: Tx, now: int, limit: int) -> list[Upload]:
    """Return sessions whose time is over and that nobody is writing to."""
    return [_upload(row) for row in tx.all(_EXPIRED, now=now, n=limit)]


def every(tx: Tx, after: int, limit: int) -> list[Upload]:
    """Return sessions of all spaces in any state, by id."""
    return [_upload(row) for row in tx.all(_EVERY, after=after, n=limit)]


def reservations(tx: Tx, after: int, limit: int) -> list[Upload]:
    """Return sessions that are nothing but room for a body under way."""
    return [_upload(row) for row in tx.all(_RESERVATIONS, after=after, n=limit)]


def add_part(tx: Tx, value: Part) -> None:
    tx.run(_ADD_PART, **params(value))


def part_of(tx: Tx, upload_id: int, number: int) -> Part | None:
    row = tx.one(_PART, upload=upload_id, n=number)
    return _part(row) if row else None


def parts(tx: Tx, upload_id: int) -> list[Part]:
    return [_part(row) for row in tx.all(_PARTS, upload=upload_id)]
