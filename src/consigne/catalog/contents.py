"""Statements about contents: immutable bytes, shared inside a space by reference count (C-20)."""

from sqlalchemy import and_, bindparam, case, delete, func, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from consigne.catalog.engine import Statement, Tx, any_of
from consigne.catalog.rows import params, reader
from consigne.catalog.schema import content
from consigne.model.entities import Content, ContentState

_content = reader(Content)

_INSERT = Statement(upsert(content).on_conflict_do_nothing())
_BY_ID = Statement(select(content).where(content.c.id == bindparam("id")))
_BY_KEY = Statement(select(content).where(content.c.key == bindparam("key")))
_LIVE = and_(
    content.c.space_id == bindparam("space"),
    content.c.sha256 == bindparam("digest"),
    # Spelled out: a bound parameter would keep SQLite from using the partial index.
    content.c.state == literal_column("'live'"),
)
_FIND = Statement(select(content).where(_LIVE))
_ADOPT = Statement(
    update(content)
    .where(_LIVE)
    .values(references=content.c.references + 1, idle_since=None)
    .returning(*content.c)
)
_SHARE = Statement(
    update(content)
    .where(content.c.id == bindparam("content"), content.c.state != ContentState.DOOMED.value)
    .values(references=content.c.references + 1, idle_since=None)
)
_DROP = Statement(
    update(content)
    .where(content.c.id == bindparam("content"))
    .values(
        references=content.c.references - 1,
        idle_since=case((content.c.references <= 1, bindparam("now")), else_=content.c.idle_since),
    )
)
_IDLE = Statement(
    select(content)
    .where(content.c.idle_since < bindparam("before"), content.c.references == 0)
    .limit(bindparam("n"))
)
_DOOM = Statement(
    update(content)
    .where(
        content.c.id == bindparam("content"),
        content.c.references == 0,
        content.c.idle_since < bindparam("before"),
    )
    .values(state=ContentState.DOOMED.value)
)
_DELETE = Statement(
    delete(content).where(
        content.c.id == bindparam("content"), content.c.state == ContentState.DOOMED.value
    )
)
_MARK = Statement(
    update(content).where(content.c.id == bindparam("content")).values(state=bindparam("new_state"))
)
# Only the bytes that were seen to be damaged: others may lie under another key by now.
_DAMAGE = Statement(
    update(content)
    .where(
        content.c.id == bindparam("content"),
        content.c.key == bindparam("seen"),
        any_of(content.c.state, (ContentState.LIVE.value, ContentState.DERIVED.value)),
    )
    .values(state=ContentState.CORRUPT.value)
)
_REKEY = Statement(
    update(content)
    .where(content.c.id == bindparam("content"))
    .values(
        key=bindparam("new_key"),
        block_size=bindparam("new_block_size"),
        blocks=bindparam("new_blocks"),
    )
)
_MOVE = Statement(
    update(content)
    .where(
        content.c.id == bindparam("content"),
        content.c.key == bindparam("old_key"),
        content.c.state != ContentState.DOOMED.value,
    )
    .values(key=bindparam("new_key"))
)
_CONFINED = Statement(
    select(content.c.id)
    .where(
        content.c.space_id == bindparam("space"),
        content.c.sha256 == bindparam("digest"),
        content.c.state == literal_column("'quarantined'"),
    )
    .limit(1)
)
_LOCK = Statement(select(content).where(content.c.id == bindparam("id")).with_for_update())
_PAGE = Statement(
    select(content)
    .where(content.c.id > bindparam("after"))
    .order_by(content.c.id)
    .limit(bindparam("n"))
)
_COUNT = Statement(select(func.count()).where(content.c.id <= bindparam("upto")))


def find(tx: Tx, space_id: int, sha256: bytes) -> Content | None:
    """Return the live content of this digest in the space."""
    row = tx.one(_FIND, space=space_id, digest=sha256)
    return _content(row) if row else None


def adopt(tx: Tx, space_id: int, sha256: bytes) -> Content | None:
    """Take a reference to the live content of this digest; None where there is none."""
    row = tx.one(_ADOPT, space=space_id, digest=sha256)
    return _content(row) if row else None


def add(tx: Tx, value: Content) -> bool:
    """Store a content with its first reference; False where another live one came first."""
    return bool(tx.run(_INSERT, **params(value)))


def share(tx: Tx, content_id: int) -> bool:
    """Take a further reference; False where the content is on its way out."""
    return bool(tx.run(_SHARE, content=content_id))


def drop(tx: Tx, content_id: int, now: int) -> None:
    """Give a reference back; a content without any is idle from ``now``."""
    tx.run(_DROP, content=content_id, now=now)


def by_id(tx: Tx, content_id: int) -> Content | None:
    row = tx.one(_BY_ID, id=content_id)
    return _content(row) if row else None


def is_confined(tx: Tx, space_id: int, sha256: bytes) -> bool:
    """Return whether bytes of this digest are in quarantine in the space."""
    return tx.value(_CONFINED, space=space_id, digest=sha256) is not None


def lock(tx: Tx, content_id: int) -> Content | None:
    """Return a content and hold its row until the transaction ends."""
    row = tx.one(_LOCK, id=content_id)
    return _content(row) if row else None


def by_key(tx: Tx, key: str) -> Content | None:
    row = tx.one(_BY_KEY, key=key)
    return _content(row) if row else None


def idle(tx: Tx, before: int, limit: int) -> list[Content]:
    """Return contents that nobody has referred to since ``before``."""
    return [_content(row) for row in tx.all(_IDLE, before=before, n=limit)]


def doom(tx: Tx, content_id: int, before: int) -> bool:
    """Mark an idle content so that nobody can adopt it any more; False if someone just did."""
    return bool(tx.run(_DOOM, content=content_id, before=before))


def delete_doomed(tx: Tx, content_id: int) -> None:
    tx.run(_DELETE, content=content_id)


def mark(tx: Tx, content_id: int, state: ContentState) -> None:
    tx.run(_MARK, content=content_id, new_state=state.value)


def damage(tx: Tx, content_id: int, key: str) -> bool:
    """Mark a content corrupt whose bytes under ``key`` are; False where others stand in already."""
    return bool(tx.run(_DAMAGE, content=content_id, seen=key))


def move(tx: Tx, content_id: int, old: str, new: str) -> bool:
    """Let bytes under another key be a content's; False where it is doomed, or others are."""
    return bool(tx.run(_MOVE, content=content_id, old_key=old, new_key=new))


def count(tx: Tx, upto: int) -> int:
    """Return how many contents there are up to an id."""
    return int(tx.value(_COUNT, upto=upto))


def rekey(tx: Tx, content_id: int, key: str, block_size: int, blocks: bytes) -> None:
    """Say that the same bytes are under another key, with these checksums of their blocks."""
    tx.run(_REKEY, content=content_id, new_key=key, new_block_size=block_size, new_blocks=blocks)


def page(tx: Tx, after: int, limit: int) -> list[Content]:
    """Return contents by id, for proof and scrub."""
    return [_content(row) for row in tx.all(_PAGE, after=after, n=limit)]
