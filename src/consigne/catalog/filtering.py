"""From scopes and terms to conditions on files (C-55).

A term is written so that a file without the property matches under no operator. Equality and
ranges are served by indexes inside the scope, owners alone excepted (decision 0024). ``CONTAINS``
on names looks at the scope one by one, which costs about a microsecond a file; on PostgreSQL an
index of trigrams serves it from three letters on. ``CONTAINS`` elsewhere, and whatever is denied,
costs such a look, too. ``CONTAINS`` on an id is evaluated in Python, some ten microseconds a file
of the scope, and refuses needles that too many files have.
"""

import operator
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    Select,
    Table,
    UnaryExpression,
    and_,
    exists,
    func,
    literal_column,
    or_,
    select,
    union_all,
)
from sqlalchemy import cast as cast_to
from sqlalchemy import false as never
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.operators import custom_op
from sqlalchemy.types import Text

from consigne.catalog.engine import Tx
from consigne.catalog.schema import content, file, file_field, file_tag
from consigne.errors import BadFilter
from consigne.model.entities import Access, State
from consigne.model.identity import Kind, to_uuid
from consigne.model.names import fold
from consigne.model.query import Field, Op, Scope, Term

_LARGEST = (1 << 63) - 1
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
COLUMNS: dict[Field, ColumnElement[Any]] = {
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
_DIGESTS = (Field.SHA256, Field.MD5)
_DENYING = (Op.DIFFERENT, Op.LACKS)


def conditions_of(
    tx: Tx, scope: Scope, terms: tuple[Term, ...], *, by_id: bool = False
) -> list[ColumnElement[bool]]:
    """Return the conditions under which a file is in a scope and matches all terms.

    ``by_id``: they are for a list in the order of ids.
    """
    space: ColumnElement[Any] = file.c.space_id
    state: ColumnElement[Any] = file.c.state
    if tx.dialect.name == "sqlite":
        # It would look through the whole space in the order that is asked for, and sort nothing.
        if scope.year_id is not None or (by_id and scope.folder_id is not None):
            space = _plus(space)
        elif scope.owner is not None and not by_id:
            state = _plus(state)
    states = [state == each.value for each in scope.states]
    found: list[ColumnElement[bool]] = [space == scope.space_id, or_(*states)]
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


def _plus(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return a column by which SQLite chooses no index."""
    return UnaryExpression(column, operator=custom_op("+"), type_=column.type)


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
            found = _substring(file_field.c.value_fold, term, {fold(text)})
        else:
            found = _compare(file_field.c.value, term.op, term.value)
        if term.op in _DENYING:
            return exists().where(mine, found)
        return _listed(file_field, space_id, file_field.c.name == term.key, found)
    column = COLUMNS[term.field]
    if term.op in (Op.CONTAINS, Op.LACKS):
        if term.field is Field.NAME:
            return _substring(file.c.name_fold, term, {fold(str(term.value))})
        if term.field in (Field.SHA256, Field.MD5):
            return and_(column.is_not(None), _lowered(_Hex(column), term))
        return _lowered(cast_to(column, Text), term)
    if term.unit != 1:
        return and_(column.is_not(None), _divided(column, term))
    found = and_(column.is_not(None), _compare(column, term.op, term.value))
    if term.op is Op.EQUAL and term.field in _DIGESTS:
        return and_(file.c.id.in_(_of_contents(space_id, term)), found)
    return found


def _of_contents(space_id: int, term: Term) -> Select[Any]:
    """Return the files of contents with a digest, by the indexes that contents have for it."""
    mine = content.c.space_id == space_id
    if term.field is Field.MD5:
        found = select(content.c.id).where(mine, content.c.md5 == term.value)
    else:
        same = content.c.sha256 == term.value
        states = {"live": (mine, same), "quarantined": (mine, same), "corrupt": (same,)}
        found = select(
            union_all(
                *(
                    # Spelled out: a bound parameter would keep SQLite from using partial indexes.
                    select(content.c.id).where(content.c.state == literal_column(f"'{state}'"), *of)
                    for state, of in states.items()
                )
            )
            .subquery()
            .c.id
        )
    holder = file.alias("holder")
    return select(holder.c.id).where(holder.c.content_id.in_(found))


def _divided(column: ColumnElement[Any], term: Term) -> ColumnElement[bool]:
    """Compare after division, as a range, which an index serves; nothing is below 0."""
    assert isinstance(term.value, int)
    first, last = term.value * term.unit, min((term.value + 1) * term.unit - 1, _LARGEST)
    return {
        Op.EQUAL: column.between(first, last),
        Op.DIFFERENT: ~column.between(first, last),
        Op.ABOVE: column > last,
        Op.FROM: column >= first,
        Op.BELOW: column < first,
        Op.UPTO: column <= last,
    }[term.op]


def _listed(table: Table, space_id: int, *where: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition that a file has such a row; SQLite may begin with these rows."""
    return file.c.id.in_(select(table.c.file_id).where(table.c.space_id == space_id, *where))


def _tag(term: Term, space_id: int) -> ColumnElement[bool]:
    if term.op is Op.EQUAL:
        return _listed(file_tag, space_id, file_tag.c.tag == term.value)
    mine = file_tag.c.file_id == file.c.id
    return and_(exists().where(mine), ~exists().where(mine, file_tag.c.tag == term.value))


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
