"""Statements about records: documents and submissions, live, trashed and frozen."""

from functools import cache
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Select,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from consigne.catalog.engine import Statement, Tx
from consigne.catalog.rows import params, reader
from consigne.catalog.schema import record, record_counter
from consigne.errors import NameTaken
from consigne.model.records import Record, RecordList, RecordState

_record = reader(Record)
_LAST = "\U0010ffff"  # behind every text with the same beginning

_INSERT = Statement(
    insert(record)
    .values({c: bindparam(c.name) for c in record.c if c.name != "id"})
    .returning(record.c.id)
)
_BY_ID = Statement(select(record).where(record.c.id == bindparam("id")))
_LOCK = Statement(select(record).where(record.c.id == bindparam("id")).with_for_update())
_BY_UUID = Statement(
    select(record).where(
        record.c.space_id == bindparam("space"), record.c.uuid == bindparam("uuid")
    )
)
_BY_NAME = Statement(
    select(record).where(
        record.c.space_id == bindparam("space"), record.c.name_fold == bindparam("name_fold")
    )
)
_BY_TYPE_NUMBER = Statement(
    select(record).where(
        record.c.type_id == bindparam("type"),
        record.c.state == RecordState.LIVE.value,
        record.c.number == bindparam("number"),
    )
)
_REVISIONS = Statement(
    select(record).where(record.c.origin == bindparam("origin")).order_by(record.c.revision)
)
_REVISION = Statement(
    select(record).where(
        record.c.origin == bindparam("origin"), record.c.revision == bindparam("revision")
    )
)
_COUNT_UP = Statement(
    upsert(record_counter)
    .values(
        [
            {"space_id": bindparam("space"), "type_id": 0, "last": 1},
            {"space_id": bindparam("space"), "type_id": bindparam("type"), "last": 1},
        ]
    )
    .on_conflict_do_update(
        index_elements=[record_counter.c.space_id, record_counter.c.type_id],
        set_={"last": record_counter.c.last + 1},
    )
    .returning(record_counter.c.type_id, record_counter.c.last)
)
_DELETE = Statement(delete(record).where(record.c.id == bindparam("id")))
_TRASHED = Statement(
    select(record)
    .where(record.c.trashed_at < bindparam("before"), record.c.id > bindparam("after"))
    .order_by(record.c.id)
    .limit(bindparam("n"))
)
_HAS_OWN_ACL = (record.c.space_id == bindparam("space"), record.c.acl.is_not(None))
_OVERRIDES = Statement(
    select(record.c.type_id, record.c.acl)
    .where(*_HAS_OWN_ACL)
    .group_by(record.c.type_id, record.c.acl)
)


def insert_record(tx: Tx, value: Record) -> Record:
    """Store a new record and return it with its number. Raises NameTaken (the logical name)."""
    fields = params(value)
    del fields["id"]
    if value.name_fold is not None and by_name(tx, value.space_id, value.name_fold) is not None:
        raise NameTaken(f"A record named {value.name!r} exists in this space.", parameter="name")
    return msgspec.structs.replace(value, id=int(tx.value(_INSERT, **fields)))


def by_id(tx: Tx, number: int) -> Record | None:
    row = tx.one(_BY_ID, id=number)
    return _record(row) if row else None


def lock(tx: Tx, number: int) -> Record | None:
    """Return a record and hold its row until the transaction ends."""
    row = tx.one(_LOCK, id=number)
    return _record(row) if row else None


def by_uuid(tx: Tx, space_id: int, uuid: str) -> Record | None:
    row = tx.one(_BY_UUID, space=space_id, uuid=uuid)
    return _record(row) if row else None


def by_name(tx: Tx, space_id: int, name_fold: str) -> Record | None:
    row = tx.one(_BY_NAME, space=space_id, name_fold=name_fold)
    return _record(row) if row else None


def by_number(tx: Tx, type_id: int, number: int) -> Record | None:
    """Return the live record of a type with this number of its space."""
    row = tx.one(_BY_TYPE_NUMBER, type=type_id, number=number)
    return _record(row) if row else None


def revisions(tx: Tx, origin: int) -> list[Record]:
    """Return the frozen revisions of a record, oldest first."""
    return [_record(row) for row in tx.all(_REVISIONS, origin=origin)]


def revision_of(tx: Tx, origin: int, number: int) -> Record | None:
    row = tx.one(_REVISION, origin=origin, revision=number)
    return _record(row) if row else None


def count_up(tx: Tx, space_id: int, type_id: int) -> tuple[int, int]:
    """Return the next numbers of a space and of a type; whoever has them holds their rows."""
    last = {row[0]: int(row[1]) for row in tx.all(_COUNT_UP, space=space_id, type=type_id)}
    return last[0], last[type_id]


def change(tx: Tx, old: Record, **fields: Any) -> Record:
    """Store changed columns of a locked record; return the new value. Raises NameTaken."""
    new = msgspec.structs.replace(old, **fields)
    if new.name_fold is not None and new.name_fold != old.name_fold:
        taken = by_name(tx, old.space_id, new.name_fold)
        if taken is not None:
            raise NameTaken(f"A record named {new.name!r} exists in this space.", parameter="name")
    plain = {name: value for name, value in params(new).items() if name in fields}
    tx.run(_update(frozenset(plain)), record=old.id, **{f"new_{n}": v for n, v in plain.items()})
    return new


def remove(tx: Tx, number: int) -> None:
    """Delete the row of a record; its links must be gone already."""
    tx.run(_DELETE, id=number)


def trashed(tx: Tx, before: int, after: int, limit: int) -> list[Record]:
    """Return records that went into the trash before a moment, by number."""
    return [_record(row) for row in tx.all(_TRASHED, before=before, after=after, n=limit)]


def overrides(tx: Tx, space_id: int) -> list[tuple[int, str]]:
    """Return each (type, ACL) that a record of the space has in place of its type's."""
    return [(row[0], row[1]) for row in tx.all(_OVERRIDES, space=space_id)]


def page(
    tx: Tx, query: RecordList, after: tuple[str | int, ...] | None, limit: int, offset: int = 0
) -> list[Record]:
    """Return records of a list in its order; ``after``: ``place`` of the last one before."""
    values = _values(query)
    if after is not None:
        values |= {f"after_{index}": value for index, value in enumerate(after)}
    statement = _page(query.shape, after is not None)
    return [_record(row) for row in tx.all(statement, **values, n=limit, skip=offset)]


def place(query: RecordList, value: Record) -> tuple[str | int, ...]:
    """Return what ``after`` must be for the records behind this one."""
    return (value.title_fold, value.number) if query.by_title else (value.number,)


def count(tx: Tx, query: RecordList) -> dict[tuple[int, str | None], int]:
    """Return how many records a list has, by type and by the ACL of their own."""
    rows = tx.all(_count(query.shape), **_values(query))
    return {(row[0], row[1]): int(row[2]) for row in rows}


def _values(query: RecordList) -> dict[str, Any]:
    values: dict[str, Any] = {"space": query.space_id, "state": query.state.value}
    if query.type_id is not None:
        values["type"] = query.type_id
    if query.begins is not None:
        values |= {"first": query.begins, "last": query.begins + _LAST}
    return values


_Shape = tuple[bool, bool | None, bool, bool, bool]


def _conditions(shape: _Shape) -> list[ColumnElement[bool]]:
    of_type, is_reference, _, _, begins = shape
    found: list[ColumnElement[bool]] = [
        record.c.space_id == bindparam("space"),
        record.c.state == bindparam("state"),
    ]
    if of_type:
        found.append(record.c.type_id == bindparam("type"))
    if is_reference is not None:
        found.append(record.c.is_reference == literal_column(str(int(is_reference))))
    if begins:
        found += [
            record.c.title_fold >= bindparam("first"),
            record.c.title_fold < bindparam("last"),
        ]
    return found


@cache
def _page(shape: _Shape, is_next: bool) -> Statement:
    _, _, by_title, descending, _ = shape
    keys = [record.c.title_fold, record.c.number] if by_title else [record.c.number]
    statement: Select[Any] = select(record).where(*_conditions(shape))
    if is_next:
        here = tuple_(*keys)
        there = tuple_(
            *[bindparam(f"after_{index}", type_=key.type) for index, key in enumerate(keys)]
        )
        statement = statement.where(here < there if descending else here > there)
    order = [key.desc() if descending else key.asc() for key in keys]
    return Statement(statement.order_by(*order).limit(bindparam("n")).offset(bindparam("skip")))


@cache
def _count(shape: _Shape) -> Statement:
    grouped = (record.c.type_id, record.c.acl)
    return Statement(select(*grouped, func.count()).where(*_conditions(shape)).group_by(*grouped))


@cache
def _update(names: frozenset[str]) -> Statement:
    return Statement(
        update(record)
        .where(record.c.id == bindparam("record"))
        .values({record.c[name]: bindparam(f"new_{name}") for name in sorted(names)})
    )
