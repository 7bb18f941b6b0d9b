"""Statements about links: which file stands in which field of which record."""

from collections.abc import Iterable

from sqlalchemy import (
    Select,
    and_,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    select,
    update,
)

from consigne.catalog.engine import Statement, Tx
from consigne.catalog.rows import params, reader
from consigne.catalog.schema import (
    content,
    file,
    link,
    record,
    record_type,
    type_version,
    version,
)
from consigne.model.entities import Access, ContentState, File, State
from consigne.model.records import Link, Record, RecordState, RecordType

_link = reader(Link)
_file = reader(File)
_record = reader(Record)
_type = reader(RecordType)

# Spelled out: a bound parameter would keep SQLite from using the partial index.
_IS_LIVE = link.c.is_live == literal_column("1")
_AT = (
    link.c.record_id == bindparam("record"),
    link.c.field == bindparam("field_id"),
    link.c.idx == bindparam("row"),
)
_INSERT = Statement(insert(link))
_OF = Statement(
    select(link).where(link.c.record_id == bindparam("record")).order_by(link.c.field, link.c.idx)
)
_WITH_FILES = Statement(
    select(*link.c, *file.c)
    .join(file, file.c.id == link.c.file_id)
    .where(link.c.record_id == bindparam("record"))
    .order_by(link.c.field, link.c.idx)
)
_COUNT_FROZEN = Statement(
    select(func.count())
    .select_from(link)
    .where(link.c.file_id == bindparam("file"), link.c.is_live == 0)
)
_PINS = Statement(
    select(func.count())
    .select_from(link)
    .where(
        link.c.file_id == bindparam("file"),
        link.c.is_live == 0,
        link.c.version == bindparam("number"),
    )
)
_DROP = Statement(delete(link).where(*_AT))
_DROP_ALL = Statement(delete(link).where(link.c.record_id == bindparam("record")))
_DESCRIBE = Statement(
    update(link).where(*_AT).values(name=bindparam("new_name"), comment=bindparam("new_comment"))
)
_SIGHT = Statement(
    select(link.c.field, type_version.c.fields, *record.c, *record_type.c)
    .join(record, record.c.id == link.c.record_id)
    .join(record_type, record_type.c.id == record.c.type_id)
    .join(
        type_version,
        and_(
            type_version.c.type_id == record_type.c.id,
            type_version.c.number == record_type.c.version,
        ),
    )
    .where(link.c.file_id == bindparam("file"))
)
_TAKE = Statement(
    update(file)
    .where(file.c.id == bindparam("file"))
    .values(
        state=State.KEPT.value,
        access=bindparam("new_access"),
        reasons=bindparam("new_reasons"),
        guards=bindparam("new_guards"),
        was_linked=1,
        expires_at=None,
    )
)
_PIN = Statement(
    update(file)
    .where(file.c.id == bindparam("file"))
    .values(reasons=file.c.reasons.op("|")(bindparam("reason")))
)
_UNPIN_VERSION = Statement(
    update(version)
    .where(version.c.file_id == bindparam("file"), version.c.number == bindparam("number"))
    .values(pins=version.c.pins - 1)
)
_SET_ACCESS = Statement(
    update(file).where(file.c.id == bindparam("file")).values(access=bindparam("new_access"))
)
_CONTENT_STATE = Statement(select(content.c.state).where(content.c.id == bindparam("content")))


def insert_link(tx: Tx, value: Link) -> None:
    tx.run(_INSERT, **params(value))


def of(tx: Tx, record_id: int) -> list[Link]:
    """Return the links of a record, by field and row."""
    return [_link(row) for row in tx.all(_OF, record=record_id)]


def with_files(tx: Tx, record_id: int) -> list[tuple[Link, File]]:
    """Return the links of a record with their files, by field and row."""
    width = len(link.c)
    rows = tx.all(_WITH_FILES, record=record_id)
    return [(_link(row[:width]), _file(row[width:])) for row in rows]


def count_frozen(tx: Tx, file_id: int) -> int:
    """Return how many links of frozen revisions a file has."""
    return int(tx.value(_COUNT_FROZEN, file=file_id))


def pins(tx: Tx, file_id: int, number: int) -> int:
    """Return how many frozen revisions show a version of a file."""
    return int(tx.value(_PINS, file=file_id, number=number))


def drop(tx: Tx, value: Link) -> None:
    tx.run(_DROP, record=value.record_id, field_id=value.field, row=value.idx)


def drop_all(tx: Tx, record_id: int) -> None:
    tx.run(_DROP_ALL, record=record_id)


def describe(tx: Tx, value: Link, name: str | None, comment: str | None) -> None:
    """Store the display name and comment of a link."""
    tx.run(
        _DESCRIBE,
        record=value.record_id, field_id=value.field, row=value.idx,
        new_name=name, new_comment=comment,
    )  # fmt: skip


def sight(tx: Tx, file_id: int) -> list[tuple[str, str, Record, RecordType]]:
    """Return (field, fields of the newest version as JSON, record, type) of each link of a file."""
    width = len(record.c) + 2
    return [
        (row[0], row[1], _record(row[2:width]), _type(row[width:]))
        for row in tx.all(_SIGHT, file=file_id)
    ]


def take(tx: Tx, old: File, *, access: Access, reasons: int, guards: int) -> None:
    """Keep a file, whose row this transaction holds, for a record."""
    tx.run(
        _TAKE,
        file=old.id,
        new_access=access.value,
        new_reasons=reasons,
        new_guards=guards,
    )


def set_access(tx: Tx, file_id: int, access: Access) -> None:
    tx.run(_SET_ACCESS, file=file_id, new_access=access.value)


def add_reason(tx: Tx, file_id: int, reason: int) -> None:
    """Keep a file for one more reason."""
    tx.run(_PIN, file=file_id, reason=reason)


def unpin(tx: Tx, file_id: int, number: int) -> bool:
    """Take one pin from a replaced version; False where the version is the current one."""
    return bool(tx.run(_UNPIN_VERSION, file=file_id, number=number))


def is_quarantined(tx: Tx, content_id: int) -> bool:
    state: str | None = tx.value(_CONTENT_STATE, content=content_id)
    return state == ContentState.QUARANTINED.value


def stamp_type(
    tx: Tx, type_id: int, acl: str | None, *, restricted: bool, hidden: Iterable[str]
) -> None:
    """Bring the access of files in live records of a type into line with what they allow now.

    ``acl``: of the records with this ACL of their own; None: of those that have none.
    """
    mine = (
        select(link.c.file_id)
        .join(record, record.c.id == link.c.record_id)
        .where(
            record.c.type_id == type_id,
            record.c.state == RecordState.LIVE.value,
            record.c.acl.is_(None) if acl is None else record.c.acl == acl,
        )
    )
    _stamp(tx, mine, restricted, hidden)


def stamp_record(tx: Tx, record_id: int, *, restricted: bool, hidden: Iterable[str]) -> None:
    """Bring the access of the live files of one record into line with what it allows."""
    mine = select(link.c.file_id).where(link.c.record_id == record_id)
    _stamp(tx, mine, restricted, hidden)


def _stamp(tx: Tx, mine: Select[tuple[int]], restricted: bool, hidden: Iterable[str]) -> None:
    mine = mine.where(link.c.is_live == 1)
    closed = link.c.field.in_(sorted(hidden))
    stamps = [(Access.RECORD, mine if restricted else mine.where(closed))]
    if not restricted:
        stamps.append((Access.SPACE, mine.where(~closed)))
    for access, chosen in stamps:
        tx.run(update(file).where(file.c.id.in_(chosen)).values(access=access.value))
