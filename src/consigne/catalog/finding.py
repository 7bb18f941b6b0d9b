"""From a ``Query`` to statements: lists, counts and the releases of everything that matches (C-55).

Lists by name, size, type and times are served by indexes (decision 0024), of a folder those by
name; by anything else they are sorted, which costs a look at each file that matches.
"""

from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    func,
    literal,
    or_,
    select,
    tuple_,
    update,
)

from consigne.catalog.engine import Tx
from consigne.catalog.filtering import COLUMNS, conditions_of
from consigne.catalog.rows import reader
from consigne.catalog.schema import file, file_field
from consigne.model.entities import File, Guard, Reason, State
from consigne.model.query import Field, Order, Query, Scope, Term

_file = reader(File)


def page(tx: Tx, query: Query) -> list[File]:
    """Return the files of a query, in its order."""
    by_id = not query.order
    statement = select(file).where(*conditions_of(tx, query.scope, query.terms, by_id=by_id))
    statement = _ordered(statement, query)
    if query.limit is not None:
        statement = statement.limit(query.limit)
    if query.offset:
        statement = statement.offset(query.offset)
    return [_file(row) for row in tx.all(statement)]


def count(tx: Tx, scope: Scope, terms: tuple[Term, ...] = ()) -> int:
    """Return how many files match."""
    statement = select(func.count()).select_from(file)
    return int(tx.value(statement.where(*conditions_of(tx, scope, terms))))


def release_matching(
    tx: Tx, scope: Scope, terms: tuple[Term, ...], now: int, *, only_owned: bool
) -> tuple[int, int, int]:
    """Release every unguarded file that matches, in one set statement.

    With ``only_owned`` files that anything but their owner keeps are left alone too (C-13). Returns
    (files released, their bytes, files skipped).
    """
    conditions = conditions_of(tx, scope, terms)
    matched = count(tx, scope, terms)
    rows = tx.all(
        update(file)
        .where(*conditions, *_free(now, only_owned))
        .values(state=State.RELEASED.value, released_at=now, reasons=0, is_open=0, updated_at=now)
        .returning(file.c.size)
    )
    return len(rows), sum(row[0] for row in rows), matched - len(rows)


def count_deletable(
    tx: Tx, scope: Scope, terms: tuple[Term, ...], now: int, *, only_owned: bool
) -> tuple[int, int, int]:
    """Return (files that ``release_matching`` would release, bytes of all that match, skipped)."""
    free = func.count().filter(*_free(now, only_owned))
    row = tx.one(
        select(free, func.coalesce(func.sum(file.c.size), 0), func.count())
        .select_from(file)
        .where(*conditions_of(tx, scope, terms))
    )
    assert row is not None
    return int(row[0]), int(row[1]), int(row[2] - row[0])


def sort_values(query: Query, last: File, fields: dict[str, str]) -> tuple[Any, ...]:
    """Return what ``Query.after`` must be for the page behind ``last``."""
    values: list[Any] = []
    for order in query.order:
        values.append(fields.get(order.key) if order.field is None else _value(order.field, last))
    return (*values, last.id)


def _value(field: Field, row: File) -> Any:
    if field in (Field.TAG, Field.NOTHING):
        return 0
    if field is Field.TYPE:
        return row.declared_type or row.detected_type
    return getattr(row, {"owner": "owner_id"}.get(field.value, field.value), None)


def _free(now: int, only_owned: bool) -> list[ColumnElement[bool]]:
    """Return the conditions under which a file may be released in bulk (C-12, C-13)."""
    over = and_(file.c.guards == int(Guard.RETENTION), file.c.retain_until <= now)
    free: list[ColumnElement[bool]] = [or_(file.c.guards == 0, over)]
    if only_owned:
        free += [file.c.reasons == int(Reason.OWNER), file.c.year_id.is_(None)]
    return free


def _sort_column(order: Order) -> ColumnElement[Any]:
    if order.field is None:
        return (
            select(file_field.c.value)
            .where(file_field.c.file_id == file.c.id, file_field.c.name == order.key)
            .scalar_subquery()
        )
    if order.field in (Field.TAG, Field.NOTHING):
        return literal(0)
    return COLUMNS[order.field]


def _ordered(statement: Select[Any], query: Query) -> Select[Any]:
    """Order by the keys, absent values first, ties by id; start behind ``after``."""
    columns = [(_sort_column(order), order.descending) for order in query.order]
    if query.after is not None:
        statement = statement.where(_behind(columns, query.after))
    for column, descending in columns:
        key = column.desc() if descending else column.asc()
        # PostgreSQL does not see by itself that an index without nulls has them first.
        statement = statement.order_by(key.nulls_first() if _may_be_absent(column) else key)
    return statement.order_by(file.c.id)


def _may_be_absent(column: ColumnElement[Any]) -> bool:
    return bool(getattr(column, "nullable", True))


def _behind(
    columns: list[tuple[ColumnElement[Any], bool]], after: tuple[Any, ...]
) -> ColumnElement[bool]:
    if not columns:
        return cast(ColumnElement[bool], file.c.id > after[-1])
    first, values = columns[0][0], [literal(value) for value in after]
    if None not in after and not any(descending for _, descending in columns):
        return tuple_(*(column for column, _ in columns), file.c.id) > tuple_(*values)
    alternatives: list[ColumnElement[bool]] = []
    equal: list[ColumnElement[bool]] = []
    for (column, descending), value in zip(columns, after[:-1], strict=True):
        if value is None:
            alternatives.append(and_(*equal, column.is_not(None)))
            equal.append(column.is_(None))
        else:
            further = column < value if descending else column > value
            alternatives.append(and_(*equal, further))
            equal.append(column == value)
    alternatives.append(and_(*equal, file.c.id > after[-1]))
    if after[0] is None:
        return or_(*alternatives)
    # Said once more, as a border from which an index can be read.
    border = first <= values[0] if columns[0][1] else first >= values[0]
    return and_(border, or_(*alternatives))
