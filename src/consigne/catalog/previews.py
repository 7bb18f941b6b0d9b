"""Statements about previews: what was made from a content, each with a content of its own.

A preview holds the one reference to its bytes and none to what it was made from: it goes when that
goes, in the transaction that dooms it (C-20).
"""

from sqlalchemy import bindparam, delete, exists, func, insert, or_, select, update

from consigne.catalog import contents
from consigne.catalog.engine import Row, Statement, Tx, any_of
from consigne.catalog.rows import params, reader
from consigne.catalog.schema import content, preview
from consigne.model.entities import Content, ContentState, Preview

_preview = reader(Preview)
_content = reader(Content)
_WIDTH = len(preview.c)

# What a row and its content cost beside the bytes, so that tiny pictures are bounded too.
OVERHEAD = 4096

_INSERT = Statement(insert(preview))
_FIND = Statement(
    select(preview, content)
    .join(content, content.c.id == preview.c.picture_id)
    .where(
        preview.c.content_id == bindparam("source"),
        preview.c.shape == bindparam("wish"),
        content.c.state == ContentState.DERIVED.value,
    )
)
_DROP = Statement(
    delete(preview)
    .where(preview.c.content_id == bindparam("source"), preview.c.shape == bindparam("wish"))
    .returning(preview.c.picture_id)
)
_DROP_OF = Statement(
    delete(preview)
    .where(preview.c.content_id == bindparam("source"))
    .returning(preview.c.picture_id)
)
_DROP_PICTURE = Statement(
    delete(preview)
    .where(preview.c.picture_id == bindparam("picture"))
    .returning(preview.c.picture_id)
)
_OF_PICTURE = Statement(select(preview.c.shape).where(preview.c.picture_id == bindparam("picture")))
_TOUCH = Statement(
    update(preview)
    .where(preview.c.content_id == bindparam("source"), preview.c.shape == bindparam("wish"))
    .values(used_at=bindparam("now"))
)
_WEIGHT = Statement(
    select(func.coalesce(func.sum(preview.c.size), 0) + func.count() * OVERHEAD).where(
        preview.c.space_id == bindparam("space")
    )
)
_OLDEST = Statement(
    select(preview)
    .where(preview.c.space_id == bindparam("space"))
    .order_by(preview.c.used_at)
    .limit(bindparam("n"))
)
_BROKEN = Statement(
    select(preview)
    .where(
        preview.c.picture_id > bindparam("after"),
        or_(
            ~exists().where(
                content.c.id == preview.c.picture_id,
                content.c.space_id == preview.c.space_id,
                content.c.size == preview.c.size,
                any_of(content.c.state, (ContentState.DERIVED.value, ContentState.CORRUPT.value)),
            ),
            ~exists().where(
                content.c.id == preview.c.content_id,
                content.c.space_id == preview.c.space_id,
                content.c.state != ContentState.DOOMED.value,
            ),
        ),
    )
    .order_by(preview.c.picture_id)
    .limit(bindparam("n"))
)


def find(tx: Tx, content_id: int, shape: str) -> tuple[Preview, Content] | None:
    """Return what was made from a content in a shape, with its bytes; None where they are bad."""
    row = tx.one(_FIND, source=content_id, wish=shape)
    return (_preview(row[:_WIDTH]), _content(row[_WIDTH:])) if row else None


def put(tx: Tx, value: Preview, now: int) -> None:
    """Store a preview in place of an earlier one; the caller has stored its content."""
    _release(tx, tx.all(_DROP, source=value.content_id, wish=value.shape), now)
    tx.run(_INSERT, **params(value))


def touch(tx: Tx, content_id: int, shape: str, now: int) -> None:
    """Say that a preview was asked for."""
    tx.run(_TOUCH, source=content_id, wish=shape, now=now)


def drop(tx: Tx, content_id: int, shape: str, now: int) -> int:
    """Forget one preview of a content; return how many there were."""
    return _release(tx, tx.all(_DROP, source=content_id, wish=shape), now)


def drop_of(tx: Tx, content_id: int, now: int) -> int:
    """Forget everything that was made from a content; return how many there were."""
    return _release(tx, tx.all(_DROP_OF, source=content_id), now)


def drop_picture(tx: Tx, picture_id: int, now: int) -> int:
    """Forget the preview that has these bytes; return how many there were."""
    return _release(tx, tx.all(_DROP_PICTURE, picture=picture_id), now)


def weight(tx: Tx, space_id: int) -> int:
    """Return what the previews of a space weigh, in bytes."""
    return int(tx.value(_WEIGHT, space=space_id))


def oldest(tx: Tx, space_id: int, limit: int) -> list[Preview]:
    """Return the previews of a space that nobody has asked for for longest."""
    return [_preview(row) for row in tx.all(_OLDEST, space=space_id, n=limit)]


def is_picture(tx: Tx, content_id: int) -> bool:
    """Tell whether a content has the bytes of a preview."""
    return tx.one(_OF_PICTURE, picture=content_id) is not None


def broken(tx: Tx, after: int, limit: int) -> list[Preview]:
    """Return previews that lack their own content or the one that they were made from, for proof,
    by ``picture_id``.
    """
    return [_preview(row) for row in tx.all(_BROKEN, after=after, n=limit)]


def _release(tx: Tx, rows: list[Row], now: int) -> int:
    for row in rows:
        contents.drop(tx, row[0], now)
    return len(rows)
