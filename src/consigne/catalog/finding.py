"""From a ``Query`` to statements: lists, counts and the releases of everything that matches (C-55).

A term is written so that a file without the property matches under no operator. Equality of names,
tags and metadata is served by indexes inside the scope. ``CONTAINS`` on names looks at the scope
one by one, which costs about a microsecond a file; on PostgreSQL an index of trigrams serves it
from three letters on. Every other field costs such a look at the files of the scope. ``CONTAINS``
on an id, and on metadata with letters beyond ASCII, is evaluated in Python, some ten microseconds a
file of the scope, and refuses needles that too many files have.
"""

import operator
from typing import Any, cast

from sqlalchemy import ColumnElement, Select, and_, exists, func, literal, or_, select, update
from sqlalchemy import cast as cast_to
from sqlalchemy import false as never
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import Text

from consigne.catalog.engine import Tx
from consigne.catalog.rows import reader
from consigne.catalog.schema import file, file_field, file_tag
from consigne.errors import BadFilter
from consigne.model.entities import Access, File, Guard, Reason, State
from consigne.model.identity import Kind, to_uuid
from consigne.model.names import fold
from consigne.model.query import Field, Op, Order, Query, Scope, Term

_file = reader(File)

_MOST_IDS = 1_500  # twenty such terms fit into one statement of either database
# Both databases lower ASCII letters only in text that is compared byte by byte.
_ASCII_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


class _Hex(FunctionElement[str]):
    """Bytes spelled in lower-case hexadecimal digits."""

    type = Text()
    inherit_cache = True


@compiles(_Hex, "sqlite")
def _hex_on_sqlite(element: _Hex, compiler: Any, **options: Any) -> str:
    return f"lower(hex({compiler.process(element.clauses, **options)}))"


@compiles(_Hex, "postgresql")
def _hex_on_postgresql(element: _Hex, compiler: Any, **options: Any) -> str:
    return f"encode({compiler.process(element.clauses, **options)}, 'hex')"


_TYPE = func.coalesce(file.c.declared_type, file.c.detected_type)
_OPERATORS = {
    Op.EQUAL: operator.eq,
    Op.DIFFERENT: operator.ne,
    Op.ABOVE: operator.gt,
    Op.FROM: operator.ge,
    Op.BELOW: operator.lt,
    Op.UPTO: operator.le,
}
_COLUMNS: dict[Field, ColumnElement[Any]] = {
    Field.ID: file.c.id,
    Field.NAME: file.c.name,
    Field.TYPE: _TYPE,
    Field.SIZE: file.c.size,
    Field.CREATED: file.c.created_at,
    Field.COMPLETED: file.c.completed_at,
    Field.UPDATED: file.c.updated_at,
    Field.SHA256: file.c.sha256,
    Field.MD5: file.c.md5,
    Field.OWNER: file.c.owner_id,
    Field.REFERENCE: file.c.reference,
    Field.DATE: file.c.date,
}


def page(tx: Tx, query: Query) -> list[File]:
    """Return the files of a query, in its order."""
    statement = select(file).where(*conditions_of(tx, query.scope, query.terms))
    statement = _ordered(statement, query)
    if query.limit is not None:
        statement = statement.limit(query.limit)
    if query.offset:
        statement = statement.offset(query.offset)
    return [_file(row) for row in tx.all(statement)]


def count(tx: Tx, scope: Scope, terms: tuple[Term, ...] = ()) -> tuple[int, int]:
    """Return how many files match, and their bytes."""
    row = tx.one(
        select(func.count(), func.coalesce(func.sum(file.c.size), 0)).where(
            *conditions_of(tx, scope, terms)
        )
    )
    assert row is not None
    return int(row[0]), int(row[1])


def release_matching(
    tx: Tx, scope: Scope, terms: tuple[Term, ...], now: int, *, only_owned: bool
) -> tuple[int, int, int]:
    """Release every unguarded file that matches, in one set statement.

    With ``only_owned`` files that anything but their owner keeps are left alone too (C-13). Returns
    (files released, their bytes, files skipped).
    """
    conditions = conditions_of(tx, scope, terms)
    matched, _ = count(tx, scope, terms)
    rows = tx.all(
        update(file)
        .where(*conditions, *_free(now, only_owned))
        .values(state=State.RELEASED.value, released_at=now, reasons=0, is_open=0, updated_at=now)
        .returning(file.c.size)
    )
    return len(rows), sum(row[0] for row in rows), matched - len(rows)


def count_deletable(
    tx: Tx, scope: Scope, terms: tuple[Term, ...], now: int, *, only_owned: bool
) -> tuple[int, int]:
    """Return (files that ``release_matching`` would release, files it would skip)."""
    matched, _ = count(tx, scope, terms)
    statement = select(func.count()).select_from(file)
    deletable = int(
        tx.value(statement.where(*conditions_of(tx, scope, terms), *_free(now, only_owned)))
    )
    return deletable, matched - deletable


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


def conditions_of(tx: Tx, scope: Scope, terms: tuple[Term, ...]) -> list[ColumnElement[bool]]:
    """Return the conditions under which a file is in a scope and matches all terms."""
    states = [file.c.state == state.value for state in scope.states]
    found: list[ColumnElement[bool]] = [file.c.space_id == scope.space_id, or_(*states)]
    if scope.owner is not None:
        found.append(file.c.owner_id == scope.owner)
    if scope.sees is not None:
        own = and_(file.c.owner_id == scope.sees, file.c.access != Access.RECORD.value)
        found.append(or_(own, file.c.access == Access.SPACE.value))
    if not scope.sources:
        found.append(file.c.is_source == 0)
    if scope.folder_id is not None:
        found.append(file.c.folder_id == scope.folder_id)
    elif scope.in_root:
        found.append(file.c.folder_id.is_(None))
    if scope.year_id is not None:
        found.append(file.c.year_id == scope.year_id)
    if scope.access is not None:
        found.append(file.c.access == scope.access.value)
    if scope.now is not None and State.HELD in scope.states:
        found.append(or_(file.c.expires_at.is_(None), file.c.expires_at > scope.now))
    within = tuple(found)
    for term in terms:
        if isinstance(term.value, str) and "\0" in term.value:
            raise BadFilter("No text has a NUL character.", parameter="filter")
        if _needs_seeking(term):
            found.append(_sought(tx, within, term))
        else:
            found.append(_term(term, scope.space_id))
    return found


def _needs_seeking(term: Term) -> bool:
    """Tell whether only Python can look for a text: in an id's UUID, which no row spells out."""
    return term.op in (Op.CONTAINS, Op.LACKS) and term.field is Field.ID


def _sought(tx: Tx, within: tuple[ColumnElement[bool], ...], term: Term) -> ColumnElement[bool]:
    """Return the condition that one of the files is, or is not, one that has the text.

    Raises BadFilter where more have it than a statement can carry.
    """
    needle = str(term.value).lower()
    numbers = [row[0] for row in tx.all(select(file.c.id).where(*within))]
    found = [number for number in numbers if needle in to_uuid(Kind.FILE, number)]
    if len(found) > _MOST_IDS:
        raise BadFilter(
            f"More than {_MOST_IDS} files have {term.value!r}; use a longer text.",
            parameter="filter",
        )
    inside = file.c.id.in_(found) if found else never()
    return inside if term.op is Op.CONTAINS else ~inside


def _term(term: Term, space_id: int) -> ColumnElement[bool]:
    """Return the condition of a term; the space is what lets indexes of labels serve it."""
    if term.field is Field.NOTHING:
        return never()
    if term.field is Field.TAG:
        return _tag(term, space_id)
    if term.field is None:
        text = str(term.value)
        mine = and_(
            file_field.c.file_id == file.c.id,
            file_field.c.space_id == space_id,
            file_field.c.name == term.key,
        )
        if term.op in (Op.CONTAINS, Op.LACKS):
            return exists().where(mine, _substring(file_field.c.value_fold, term, {fold(text)}))
        return exists().where(mine, _compare(file_field.c.value, term.op, term.value))
    column = _COLUMNS[term.field]
    if term.op in (Op.CONTAINS, Op.LACKS):
        if term.field is Field.NAME:
            return _substring(file.c.name_fold, term, {fold(str(term.value))})
        if term.field in (Field.SHA256, Field.MD5):
            return and_(column.is_not(None), _lowered(_Hex(column), term))
        return _lowered(cast_to(column, Text), term)
    if term.field is Field.NAME and term.op is Op.EQUAL:
        return and_(file.c.name_fold == fold(str(term.value)), column == term.value)
    if term.unit != 1:
        column = column // term.unit
    return and_(column.is_not(None), _compare(column, term.op, term.value))


def _tag(term: Term, space_id: int) -> ColumnElement[bool]:
    mine = exists().where(
        file_tag.c.file_id == file.c.id,
        file_tag.c.space_id == space_id,
        file_tag.c.tag == term.value,
    )
    if term.op is Op.DIFFERENT:
        return and_(exists().where(file_tag.c.file_id == file.c.id), ~mine)
    return mine


def _lowered(column: ColumnElement[Any], term: Term) -> ColumnElement[bool]:
    """Look for a text without regard to case; letters beyond ASCII all in one case or other."""
    text = str(term.value)
    needles = {t.translate(_ASCII_LOWER) for t in (text, text.lower(), text.upper())}
    return _substring(func.lower(column), term, needles)


def _substring(column: ColumnElement[Any], term: Term, needles: set[str]) -> ColumnElement[bool]:
    inside = or_(*[column.contains(needle, autoescape=True) for needle in sorted(needles)])
    return inside if term.op is Op.CONTAINS else and_(column.is_not(None), ~inside)


def _compare(column: ColumnElement[Any], op: Op, value: Any) -> ColumnElement[bool]:
    return cast(ColumnElement[bool], _OPERATORS[op](column, value))


def _sort_column(order: Order) -> ColumnElement[Any]:
    if order.field is None:
        return (
            select(file_field.c.value)
            .where(file_field.c.file_id == file.c.id, file_field.c.name == order.key)
            .scalar_subquery()
        )
    if order.field in (Field.TAG, Field.NOTHING):
        return literal(0)
    return _COLUMNS[order.field]


def _ordered(statement: Select[Any], query: Query) -> Select[Any]:
    """Order by the keys, absent values first, ties by id; start behind ``after``."""
    columns = [(_sort_column(order), order.descending) for order in query.order]
    if query.after is not None:
        statement = statement.where(_behind(columns, query.after))
    for column, descending in columns:
        statement = statement.order_by(
            (column.desc() if descending else column.asc()).nulls_first()
        )
    return statement.order_by(file.c.id)


def _behind(
    columns: list[tuple[ColumnElement[Any], bool]], after: tuple[Any, ...]
) -> ColumnElement[bool]:
    if not columns:
        return cast(ColumnElement[bool], file.c.id > after[-1])
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
    return or_(*alternatives)
