"""Statements about folders (C-32)."""

from typing import Any

import msgspec
from sqlalchemy import bindparam, delete, insert, select, update

from consigne.catalog.engine import Statement, Tx
from consigne.catalog.rows import params, reader
from consigne.catalog.schema import file, folder
from consigne.model.entities import Folder, State

_folder = reader(Folder)

_INSERT = Statement(insert(folder))
_BY_ID = Statement(select(folder).where(folder.c.id == bindparam("id")))
_PIN = Statement(select(folder).where(folder.c.id == bindparam("id")).with_for_update(read=True))
_CHILDREN = Statement(
    select(folder)
    .where(
        folder.c.space_id == bindparam("space"),
        folder.c.parent_id == bindparam("parent"),
        folder.c.id > bindparam("after"),
    )
    .order_by(folder.c.id)
    .limit(bindparam("n"))
)
_ROOTS = Statement(
    select(folder)
    .where(
        folder.c.space_id == bindparam("space"),
        folder.c.parent_id.is_(None),
        folder.c.year_id.is_(None),
        folder.c.id > bindparam("after"),
    )
    .order_by(folder.c.id)
    .limit(bindparam("n"))
)
_NAMED = Statement(
    select(folder)
    .where(
        folder.c.space_id == bindparam("space"),
        folder.c.parent_id == bindparam("parent"),
        folder.c.name == bindparam("name"),
    )
    .order_by(folder.c.id)
    .limit(2)
)
_NAMED_ROOT = Statement(
    select(folder)
    .where(
        folder.c.space_id == bindparam("space"),
        folder.c.parent_id.is_(None),
        folder.c.year_id.is_(None),
        folder.c.name == bindparam("name"),
    )
    .order_by(folder.c.id)
    .limit(2)
)
_DELETE = Statement(delete(folder).where(folder.c.id == bindparam("id")))
_HAS_FILES = Statement(
    select(file.c.id)
    .where(file.c.folder_id == bindparam("folder"), file.c.state != State.RELEASED.value)
    .limit(1)
)
_EMPTY_OUT = Statement(
    update(file).where(file.c.folder_id == bindparam("folder")).values(folder_id=None)
)


def insert_folder(tx: Tx, value: Folder) -> None:
    tx.run(_INSERT, **params(value))


def by_id(tx: Tx, folder_id: int) -> Folder | None:
    row = tx.one(_BY_ID, id=folder_id)
    return _folder(row) if row else None


def pin(tx: Tx, folder_id: int) -> Folder | None:
    """Return a folder and keep it from being deleted until the transaction ends."""
    row = tx.one(_PIN, id=folder_id)
    return _folder(row) if row else None


def children(
    tx: Tx, space_id: int, parent_id: int | None, after: int = 0, limit: int = 1000
) -> list[Folder]:
    """Return the folders directly below a folder, or (None) at the top and outside any year."""
    if parent_id is None:
        rows = tx.all(_ROOTS, space=space_id, after=after, n=limit)
    else:
        rows = tx.all(_CHILDREN, space=space_id, parent=parent_id, after=after, n=limit)
    return [_folder(row) for row in rows]


def named(tx: Tx, space_id: int, parent_id: int | None, name: str) -> list[Folder]:
    """Return up to two folders of this name below a folder: two mean that it is ambiguous."""
    if parent_id is None:
        rows = tx.all(_NAMED_ROOT, space=space_id, name=name)
    else:
        rows = tx.all(_NAMED, space=space_id, parent=parent_id, name=name)
    return [_folder(row) for row in rows]


def change(tx: Tx, old: Folder, **fields: Any) -> Folder:
    new = msgspec.structs.replace(old, **fields)
    tx.run(update(folder).where(folder.c.id == old.id).values(**fields))
    return new


def remove(tx: Tx, folder_id: int) -> None:
    """Delete a folder without subfolders; its files move to the root.

    In this order: the deletion waits for whoever has pinned the folder, and then sees his files.
    """
    tx.run(_DELETE, id=folder_id)
    tx.run(_EMPTY_OUT, folder=folder_id)


def has_files(tx: Tx, folder_id: int) -> bool:
    return tx.one(_HAS_FILES, folder=folder_id) is not None
