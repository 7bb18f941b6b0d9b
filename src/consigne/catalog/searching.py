"""The search: names, metadata, tags and text in one ranked list.

Each needle of a question must be found somewhere in or about a file. What it is worth depends on
where: 4 in the name, 2 in a metadata value or tag, 1 in the text, once per needle at its best
place; 1 more where all needles stand in one passage. Equal ones come newest first. So the order is
the same on both databases, does not depend on what others have, and can be continued behind any
row.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    and_,
    case,
    func,
    literal,
    or_,
    select,
    union_all,
)

from consigne.catalog.engine import Tx
from consigne.catalog.filtering import conditions_of
from consigne.catalog.rows import reader
from consigne.catalog.schema import file, passage
from consigne.catalog.terms import Atom, atoms, file_terms, matches, passage_terms
from consigne.model.entities import File
from consigne.model.query import Scope, Term
from consigne.model.words import Needle

IN_NAME, IN_NOTES, IN_TEXT, TOGETHER = 4, 2, 1, 1

_file = reader(File)


class Hit(msgspec.Struct, frozen=True):
    """A file that was found, and what it is worth."""

    file: File
    score: int


def search(
    tx: Tx,
    scope: Scope,
    terms: tuple[Term, ...],
    needles: Sequence[Needle],
    limit: int,
    after: tuple[int, int] | None = None,
) -> tuple[list[Hit], int]:
    """Return files that have all needles, best first, and how many there are in all.

    ``after`` is (score, id) of the last hit of the page before.
    """
    ranked = _ranked(tx, scope, terms, needles).cte("ranked")
    total = select(func.count()).select_from(ranked).scalar_subquery()
    statement = select(*file.c, ranked.c.score, total).join(ranked, ranked.c.id == file.c.id)
    if after is not None:
        score, number = after
        lower = and_(ranked.c.score == score, ranked.c.id < number)
        statement = statement.where(or_(ranked.c.score < score, lower))
    rows = tx.all(statement.order_by(ranked.c.score.desc(), ranked.c.id.desc()).limit(limit))
    if not rows:
        return [], 0 if after is None else int(tx.value(select(func.count()).select_from(ranked)))
    return [Hit(_file(row[:-2]), int(row[-2])) for row in rows], int(rows[0][-1])


def text_atoms(needles: Sequence[Needle], space_id: int) -> list[list[Atom]]:
    """Return a question to the passages of a space: what will do for each needle."""
    return [atoms(needle, space_id, "w", "s") for needle in needles]


def _ranked(
    tx: Tx, scope: Scope, terms: tuple[Term, ...], needles: Sequence[Needle]
) -> Select[Any]:
    dialect, space = tx.dialect.name, scope.space_id
    found = [_found(dialect, space, needle).cte(f"n{i}") for i, needle in enumerate(needles)]
    score: ColumnElement[int] = sum((each.c.weight for each in found), literal(0))
    if len(needles) > 1:
        together = _contents(dialect, text_atoms(needles, space))
        score = score + case((file.c.content_id.in_(together), TOGETHER), else_=0)
    rows: FromClause = file
    for each in found:
        rows = rows.join(each, each.c.file_id == file.c.id)
    return (
        select(file.c.id, score.label("score"))
        .select_from(rows)
        # Said once more, so that SQLite begins with what was found and not with the whole space.
        .where(*[file.c.id.in_(select(each.c.file_id)) for each in found[:1]])
        .where(*conditions_of(tx, scope, terms))
    )


def _found(dialect: str, space_id: int, needle: Needle) -> Select[Any]:
    """Return the files that have a needle, each with the worth of its best place."""
    rows = union_all(
        _labelled(dialect, atoms(needle, space_id, "n", "m"), IN_NAME),
        _labelled(dialect, atoms(needle, space_id, "t", "u"), IN_NOTES),
        select(file.c.id, literal(IN_TEXT)).where(
            file.c.content_id.in_(_contents(dialect, text_atoms([needle], space_id)))
        ),
    ).subquery()
    return select(rows.c.file_id, func.max(rows.c.weight).label("weight")).group_by(rows.c.file_id)


def _labelled(dialect: str, any_of: list[Atom], weight: int) -> Select[Any]:
    return select(file_terms.c.rowid.label("file_id"), literal(weight).label("weight")).where(
        matches(file_terms, dialect, [any_of])
    )


def _contents(dialect: str, question: list[list[Atom]]) -> Select[Any]:
    """Return the contents of which a passage answers a question."""
    return (
        select(passage.c.content_id)
        .join(passage_terms, passage_terms.c.rowid == passage.c.id)
        .where(matches(passage_terms, dialect, question))
        .distinct()
    )
