"""Statements about record types, their versions, and the groups that ACLs name."""

from typing import Any

import msgspec
from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from consigne.catalog.engine import Statement, Tx
from consigne.catalog.rows import params, reader
from consigne.catalog.schema import (
    group_member,
    link,
    record,
    record_counter,
    record_type,
    type_version,
)
from consigne.errors import NameTaken
from consigne.model.records import RecordType, TypeVersion

_type = reader(RecordType)
_version = reader(TypeVersion)

_INSERT = Statement(
    upsert(record_type)
    .values({c: bindparam(c.name) for c in record_type.c if c.name != "id"})
    .on_conflict_do_nothing()
    .returning(record_type.c.id)
)
_BY_ID = Statement(select(record_type).where(record_type.c.id == bindparam("id")))
_NAMED = (
    record_type.c.space_id == bindparam("space"),
    record_type.c.name_fold == bindparam("name_fold"),
)
_BY_NAME = Statement(select(record_type).where(*_NAMED))
_PIN = Statement(
    select(record_type).where(record_type.c.id == bindparam("id")).with_for_update(read=True)
)
_LOCK = Statement(select(record_type).where(record_type.c.id == bindparam("id")).with_for_update())
_PAGE = Statement(
    select(record_type)
    .where(record_type.c.space_id == bindparam("space"), record_type.c.id > bindparam("after"))
    .order_by(record_type.c.id)
    .limit(bindparam("n"))
)
_DELETE = Statement(delete(record_type).where(record_type.c.id == bindparam("id")))
_ADD_VERSION = Statement(insert(type_version))
_FIELDS = Statement(
    select(type_version.c.fields).where(
        type_version.c.type_id == bindparam("type"), type_version.c.number == bindparam("number")
    )
)
_VERSIONS = Statement(
    select(type_version)
    .where(type_version.c.type_id == bindparam("type"))
    .order_by(type_version.c.number)
)
_DROP_VERSIONS = Statement(delete(type_version).where(type_version.c.type_id == bindparam("type")))
_DROP_COUNTER = Statement(
    delete(record_counter).where(record_counter.c.type_id == bindparam("type"))
)
_HAS_RECORDS = Statement(select(record.c.id).where(record.c.type_id == bindparam("type")).limit(1))
_HAS_LINKS = Statement(
    select(link.c.record_id)
    .join(record, record.c.id == link.c.record_id)
    .where(record.c.type_id == bindparam("type"), link.c.field == bindparam("field"))
    .limit(1)
)
# A look for the key in the JSON text first: what it finds is read properly by the caller.
_BODIES = Statement(
    select(record.c.id, record.c.body)
    .where(
        record.c.type_id == bindparam("type"),
        record.c.id > bindparam("after"),
        record.c.body.contains(bindparam("needle")),
    )
    .order_by(record.c.id)
    .limit(bindparam("n"))
)
_ADD_TO_GROUP = Statement(upsert(group_member).on_conflict_do_nothing())
_MEMBERSHIP = (
    group_member.c.space_id == bindparam("space"),
    group_member.c.principal_id == bindparam("principal"),
)
_GROUPS_OF = Statement(select(group_member.c.name).where(*_MEMBERSHIP))
_LEAVE_GROUPS = Statement(delete(group_member).where(*_MEMBERSHIP))
_GROUPS = Statement(
    select(group_member.c.name, group_member.c.principal_id)
    .where(group_member.c.space_id == bindparam("space"))
    .order_by(group_member.c.name, group_member.c.principal_id)
)
_DROP_GROUP = Statement(
    delete(group_member).where(
        group_member.c.space_id == bindparam("space"), group_member.c.name == bindparam("name")
    )
)


def insert_type(tx: Tx, value: RecordType) -> RecordType:
    """Store a new type and return it with its number. Raises NameTaken."""
    fields = params(value)
    del fields["id"]
    number = tx.value(_INSERT, **fields)
    if number is None:
        raise NameTaken(f"A type named {value.name!r} exists in this space.", parameter="name")
    return msgspec.structs.replace(value, id=number)


def by_id(tx: Tx, number: int) -> RecordType | None:
    row = tx.one(_BY_ID, id=number)
    return _type(row) if row else None


def by_name(tx: Tx, space_id: int, name_fold: str) -> RecordType | None:
    row = tx.one(_BY_NAME, space=space_id, name_fold=name_fold)
    return _type(row) if row else None


def pin(tx: Tx, number: int) -> RecordType | None:
    """Return a type that stays as it is until the transaction ends."""
    row = tx.one(_PIN, id=number)
    return _type(row) if row else None


def lock(tx: Tx, number: int) -> RecordType | None:
    """Return a type and hold its row until the transaction ends."""
    row = tx.one(_LOCK, id=number)
    return _type(row) if row else None


def page(tx: Tx, space_id: int, after: int, limit: int) -> list[RecordType]:
    return [_type(row) for row in tx.all(_PAGE, space=space_id, after=after, n=limit)]


def change(tx: Tx, old: RecordType, **fields: Any) -> RecordType:
    """Store changed columns of a locked type. Raises NameTaken."""
    new = msgspec.structs.replace(old, **fields)
    if new.name_fold != old.name_fold and by_name(tx, old.space_id, new.name_fold) is not None:
        raise NameTaken(f"A type named {new.name!r} exists in this space.", parameter="name")
    plain = {name: value for name, value in params(new).items() if name in fields}
    tx.run(update(record_type).where(record_type.c.id == old.id).values(**plain))
    return new


def remove(tx: Tx, number: int) -> None:
    """Delete a type without records, and its versions."""
    tx.run(_DROP_VERSIONS, type=number)
    tx.run(_DROP_COUNTER, type=number)
    tx.run(_DELETE, id=number)


def add_version(tx: Tx, value: TypeVersion) -> None:
    tx.run(_ADD_VERSION, **params(value))


def fields_of(tx: Tx, type_id: int, number: int) -> str | None:
    """Return the fields of a version of a type, as JSON."""
    fields: str | None = tx.value(_FIELDS, type=type_id, number=number)
    return fields


def versions(tx: Tx, type_id: int) -> list[TypeVersion]:
    """Return all versions of a type, oldest first."""
    return [_version(row) for row in tx.all(_VERSIONS, type=type_id)]


def has_records(tx: Tx, type_id: int) -> bool:
    """Tell whether records of a type exist in any state."""
    return tx.one(_HAS_RECORDS, type=type_id) is not None


def has_links(tx: Tx, type_id: int, field: str) -> bool:
    """Tell whether a record of a type, or a frozen revision, has a file in a field."""
    return tx.one(_HAS_LINKS, type=type_id, field=field) is not None


def bodies(tx: Tx, type_id: int, needle: str, after: int, limit: int) -> list[tuple[int, str]]:
    """Return (id, body) of records of a type whose JSON has a text; a scan of the type."""
    rows = tx.all(_BODIES, type=type_id, needle=needle, after=after, n=limit)
    return [(row[0], row[1]) for row in rows]


def groups_of(tx: Tx, space_id: int, principal_id: int) -> frozenset[str]:
    """Return the names of a principal's groups in a space."""
    rows = tx.all(_GROUPS_OF, space=space_id, principal=principal_id)
    return frozenset(row[0] for row in rows)


def groups(tx: Tx, space_id: int) -> list[tuple[str, int]]:
    """Return (name, principal) of all groups of a space."""
    return [(row[0], row[1]) for row in tx.all(_GROUPS, space=space_id)]


def set_group(tx: Tx, space_id: int, name: str, principals: list[int]) -> bool:
    """Make these the members of a group, none of them: no group; tell whether there was one."""
    present = bool(tx.run(_DROP_GROUP, space=space_id, name=name))
    for number in principals:
        tx.run(_ADD_TO_GROUP, space_id=space_id, name=name, principal_id=number)
    return present


def leave_groups(tx: Tx, space_id: int, principal_id: int) -> None:
    """Take a principal out of all groups of a space."""
    tx.run(_LEAVE_GROUPS, space=space_id, principal=principal_id)
