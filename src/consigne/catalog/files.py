"""Statements about files, their replaced versions, metadata fields and tags."""

from functools import cache
from typing import Any

import msgspec
from sqlalchemy import bindparam, delete, func, insert, or_, select, update

from consigne.catalog import labels
from consigne.catalog.engine import Statement, Tx, any_of
from consigne.catalog.rows import params, reader
from consigne.catalog.schema import file, file_field, file_tag, tombstone, version
from consigne.model.entities import Annotations, File, State, Version
from consigne.model.names import fold

_file = reader(File)
_version = reader(Version)
_annotations = msgspec.json.Decoder(Annotations)

_INSERT = Statement(insert(file))
_BY_ID = Statement(select(file).where(file.c.id == bindparam("id")))
_LOCK = Statement(select(file).where(file.c.id == bindparam("id")).with_for_update())
_DELETE = Statement(delete(file).where(file.c.id == bindparam("id")))
_ADD_VERSION = Statement(insert(version))
_VERSIONS = Statement(
    select(version).where(version.c.file_id == bindparam("file")).order_by(version.c.number.desc())
)
_VERSION = Statement(
    select(version).where(
        version.c.file_id == bindparam("file"), version.c.number == bindparam("number")
    )
)
_DROP_VERSION = Statement(
    delete(version).where(
        version.c.file_id == bindparam("file"), version.c.number == bindparam("number")
    )
)
_ADD_FIELD = Statement(insert(file_field))
_DROP_FIELDS = Statement(delete(file_field).where(file_field.c.file_id == bindparam("file")))
_ADD_TAG = Statement(insert(file_tag))
_DROP_TAGS = Statement(delete(file_tag).where(file_tag.c.file_id == bindparam("file")))
_EXPIRED = Statement(
    select(file)
    .where(
        file.c.expires_at < bindparam("now"),
        any_of(file.c.state, (State.HELD.value, State.EXPECTED.value)),
    )
    .limit(bindparam("n"))
)
_RELEASED = Statement(
    select(file)
    .where(file.c.released_at < bindparam("before"), file.c.state == State.RELEASED.value)
    .order_by(file.c.released_at)
    .limit(bindparam("n"))
)
_RELEASED_IN = Statement(
    select(file)
    .where(
        file.c.space_id == bindparam("space"),
        file.c.released_at.is_not(None),
        file.c.state == State.RELEASED.value,
    )
    .order_by(file.c.released_at)
    .limit(bindparam("n"))
)
_OLD_VERSIONS = Statement(
    select(version, file.c.space_id)
    .join(file, file.c.id == version.c.file_id)
    .where(version.c.replaced_at < bindparam("before"), version.c.pins == 0)
    .order_by(version.c.replaced_at)
    .limit(bindparam("n"))
)
_OLD_VERSIONS_IN = Statement(
    select(version)
    .join(file, file.c.id == version.c.file_id)
    .where(file.c.space_id == bindparam("space"), version.c.pins == 0)
    .order_by(version.c.replaced_at)
    .limit(bindparam("n"))
)
_ORPHAN = Statement(
    update(file).where(file.c.parent_id == bindparam("parent")).values(parent_id=None)
)
_HELD_BY = Statement(
    select(func.count()).where(
        file.c.space_id == bindparam("space"),
        file.c.owner_id == bindparam("owner"),
        file.c.state == State.HELD.value,
        or_(file.c.expires_at.is_(None), file.c.expires_at > bindparam("now")),
    )
)
_ADD_TOMBSTONE = Statement(insert(tombstone))
_TOMBSTONE = Statement(
    select(tombstone.c.reason, tombstone.c.space_id, tombstone.c.owner_id).where(
        tombstone.c.kind == bindparam("kind"), tombstone.c.id == bindparam("id")
    )
)
_FORGET_TOMBSTONES = Statement(delete(tombstone).where(tombstone.c.keep_until < bindparam("now")))
_PAGE = Statement(
    select(file).where(file.c.id > bindparam("after")).order_by(file.c.id).limit(bindparam("n"))
)
_VERSIONS_PAGE = Statement(
    select(version)
    .where(version.c.file_id > bindparam("after"))
    .order_by(version.c.file_id, version.c.number)
    .limit(bindparam("n"))
)


def insert_file(tx: Tx, value: File) -> None:
    """Store a new file with its fields and tags."""
    tx.run(_INSERT, **params(value))
    if value.meta:
        _index(tx, value)
    labels.note(tx, value.space_id, value.id)


def by_id(tx: Tx, file_id: int) -> File | None:
    row = tx.one(_BY_ID, id=file_id)
    return _file(row) if row else None


def lock(tx: Tx, file_id: int) -> File | None:
    """Return a file and hold its row until the transaction ends."""
    row = tx.one(_LOCK, id=file_id)
    return _file(row) if row else None


def held_by(tx: Tx, space_id: int, owner_id: int, now: int) -> int:
    """Return how many held files an owner has whose time is not over."""
    return int(tx.value(_HELD_BY, space=space_id, owner=owner_id, now=now))


def change(tx: Tx, old: File, **fields: Any) -> File:
    """Store changed columns of a file that this transaction has locked; return the new value."""
    new = msgspec.structs.replace(old, **fields)
    plain = {name: value for name, value in params(new).items() if name in fields}
    tx.run(_update(frozenset(plain)), file=old.id, **{f"new_{n}": v for n, v in plain.items()})
    if new.meta != old.meta:
        reindex(tx, new)
    elif new.name != old.name:
        labels.note(tx, new.space_id, new.id)
    return new


def reindex(tx: Tx, value: File) -> None:
    """Write the rows that a file's name, fields and tags are searched by anew."""
    tx.run(_DROP_FIELDS, file=value.id)
    tx.run(_DROP_TAGS, file=value.id)
    _index(tx, value)
    labels.note(tx, value.space_id, value.id)


def remove(tx: Tx, file_id: int) -> None:
    """Delete the row of a file with its fields, tags, words; versions must be gone already."""
    tx.run(_DROP_FIELDS, file=file_id)
    tx.run(_DROP_TAGS, file=file_id)
    labels.remove(tx, file_id)
    tx.run(_DELETE, id=file_id)


def index_words(tx: Tx, space_id: int | None, limit: int) -> int:
    """Index the words of files that are due; return how many there were."""
    due = labels.take(tx, space_id, limit)
    for number in due:
        found = by_id(tx, number)
        if found is None:
            labels.remove(tx, number)
        else:
            labels.replace(tx, found, annotations(found))
    return len(due)


def orphan(tx: Tx, file_id: int) -> None:
    """Let the files that were made from a file name no parent any more."""
    tx.run(_ORPHAN, parent=file_id)


def annotations(value: File) -> Annotations:
    """Return the metadata fields and tags of a file."""
    return _annotations.decode(value.meta) if value.meta else Annotations()


def add_version(tx: Tx, value: Version) -> None:
    tx.run(_ADD_VERSION, **params(value))


def versions(tx: Tx, file_id: int) -> list[Version]:
    """Return the replaced versions of a file, newest first."""
    return [_version(row) for row in tx.all(_VERSIONS, file=file_id)]


def version_of(tx: Tx, file_id: int, number: int) -> Version | None:
    row = tx.one(_VERSION, file=file_id, number=number)
    return _version(row) if row else None


def drop_version(tx: Tx, file_id: int, number: int) -> bool:
    """Delete the row of a version; False where another transaction has done so."""
    return bool(tx.run(_DROP_VERSION, file=file_id, number=number))


def expired(tx: Tx, now: int, limit: int) -> list[File]:
    """Return held and expected files whose time is over."""
    return [_file(row) for row in tx.all(_EXPIRED, now=now, n=limit)]


def released(tx: Tx, before: int, limit: int) -> list[File]:
    """Return files that were released before a moment, oldest first."""
    return [_file(row) for row in tx.all(_RELEASED, before=before, n=limit)]


def released_in(tx: Tx, space_id: int, limit: int) -> list[File]:
    """Return released files of a space, oldest first."""
    return [_file(row) for row in tx.all(_RELEASED_IN, space=space_id, n=limit)]


def old_versions(tx: Tx, before: int, limit: int) -> list[tuple[Version, int]]:
    """Return unpinned versions replaced before a moment, each with its space's number."""
    rows = tx.all(_OLD_VERSIONS, before=before, n=limit)
    return [(_version(row[:-1]), row[-1]) for row in rows]


def old_versions_in(tx: Tx, space_id: int, limit: int) -> list[Version]:
    """Return unpinned replaced versions of a space, oldest first."""
    return [_version(row) for row in tx.all(_OLD_VERSIONS_IN, space=space_id, n=limit)]


def bury(
    tx: Tx,
    kind: str,
    number: int,
    space_id: int,
    owner_id: int | None,
    reason: str,
    ended_at: int,
    keep_until: int | None,
) -> None:
    """Leave a tombstone (C-15); ``keep_until`` None keeps it for ever."""
    tx.run(
        _ADD_TOMBSTONE,
        kind=kind,
        id=number,
        space_id=space_id,
        owner_id=owner_id,
        reason=reason,
        ended_at=ended_at,
        keep_until=keep_until,
    )


def tombstone_of(tx: Tx, kind: str, number: int) -> tuple[str, int, int | None] | None:
    """Return (reason, space, owner) of something that has ended."""
    row = tx.one(_TOMBSTONE, kind=kind, id=number)
    return (row[0], row[1], row[2]) if row else None


def forget_tombstones(tx: Tx, now: int) -> None:
    tx.run(_FORGET_TOMBSTONES, now=now)


def page(tx: Tx, after: int, limit: int) -> list[File]:
    """Return files by id, for proof."""
    return [_file(row) for row in tx.all(_PAGE, after=after, n=limit)]


def versions_page(tx: Tx, after: int, limit: int) -> list[Version]:
    """Return versions by file id, for proof."""
    return [_version(row) for row in tx.all(_VERSIONS_PAGE, after=after, n=limit)]


def _index(tx: Tx, value: File) -> None:
    notes = annotations(value)
    tx.many(
        _ADD_FIELD,
        [
            {
                "file_id": value.id,
                "name": name,
                "space_id": value.space_id,
                "value": text,
                "value_fold": fold(text),
            }
            for name, text in notes.known.items()
        ],
    )
    tx.many(
        _ADD_TAG,
        [{"file_id": value.id, "tag": tag, "space_id": value.space_id} for tag in notes.tags],
    )


@cache
def _update(names: frozenset[str]) -> Statement:
    return Statement(
        update(file)
        .where(file.c.id == bindparam("file"))
        .values({file.c[name]: bindparam(f"new_{name}") for name in sorted(names)})
    )
