"""The full-text indexes: FTS5 tables on SQLite, ``tsvector`` with GIN on PostgreSQL.

Both are given the same *terms* (``model.words``), so that both find the same rows (C-55); neither
database cuts, folds or stems anything. A term is ``<kind><space>.<word>``, such as ``w12.facture``:
as the space is part of it, a question never looks at what another space has.

====  ==============================  ====  ==========================================
kind  of a passage                    kind  of a file
====  ==============================  ====  ==========================================
w     word                            n, m  word of its name, stem of one
s     stem                            t, u  word of a metadata value or tag, its stem
====  ==============================  ====  ==========================================

An index is a table with the columns ``rowid`` and ``terms``. It is no part of ``schema.metadata``,
as no one construct makes it on both engines; migration 0006 does.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Column, ColumnElement, MetaData, Table, Text, bindparam, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import NullType

from consigne.model.words import Needle

_metadata = MetaData()


def _index(name: str) -> Table:
    return Table(
        name,
        _metadata,
        Column("rowid", BigInteger, primary_key=True, autoincrement=False),
        Column("terms", Text),
    )


passage_terms = _index("passage_terms")
file_terms = _index("file_terms")

POSTGRES = "postgresql"
# PostgreSQL remembers no more places of a term in a row, and none beyond this one.
_MOST_PLACES = 255
_LAST_PLACE = 16_000
_GAP = "x"


class Atom(msgspec.Struct, frozen=True):
    """Terms side by side; ``is_open``: the last one may be the beginning of a longer one."""

    terms: tuple[str, ...]
    is_open: bool = False


class _Stored(FunctionElement[str]):
    """Terms as a row stores them; takes what ``document`` returns for the same database."""

    type = Text()
    inherit_cache = True


@compiles(_Stored, "sqlite")
def _stored_on_sqlite(element: _Stored, compiler: Any, **options: Any) -> str:
    return str(compiler.process(element.clauses, **options))


@compiles(_Stored, POSTGRES)
def _stored_on_postgres(element: _Stored, compiler: Any, **options: Any) -> str:
    return f"CAST({compiler.process(element.clauses, **options)} AS tsvector)"


class _Matches(FunctionElement[Any]):
    """Whether the terms of a row answer a question; takes the column and what ``asked`` returns.

    Of no type: for SQLite SQLAlchemy compares a truth with 1, and that no index serves.
    """

    type = NullType()
    inherit_cache = True


@compiles(_Matches, "sqlite")
def _matches_on_sqlite(element: _Matches, compiler: Any, **options: Any) -> str:
    column, question = (compiler.process(each, **options) for each in element.clauses)
    return f"{column} MATCH {question}"


@compiles(_Matches, POSTGRES)
def _matches_on_postgres(element: _Matches, compiler: Any, **options: Any) -> str:
    column, question = (compiler.process(each, **options) for each in element.clauses)
    return f"{column} @@ CAST({question} AS tsquery)"


def stored(name: str) -> ColumnElement[str]:
    """Return the value of ``terms`` in an insert, from the parameter of a name."""
    return _Stored(bindparam(name))


def matches(table: Table, dialect: str, question: Sequence[Sequence[Atom]]) -> ColumnElement[Any]:
    """Return the condition that of each group of atoms at least one is in a row."""
    return answers(table, literal(asked(dialect, question)))


def answers(table: Table, question: ColumnElement[Any]) -> ColumnElement[Any]:
    """Return the condition that a row answers a question in the language of its database."""
    return _Matches(table.c.terms, question)


def document(dialect: str, placed: Sequence[str | None], further: Sequence[str] = ()) -> str:
    """Return the terms of a row for a database: ``placed`` in their order, ``further`` anywhere.

    None is a gap that no phrase reaches across.
    """
    seen: Counter[str] = Counter()
    places: list[str | None] = []
    for term in placed[:_LAST_PLACE]:
        if term is not None:
            seen[term] += 1
        places.append(term if term is None or seen[term] <= _MOST_PLACES else None)
    if dialect != POSTGRES:
        return " ".join([term or _GAP for term in places] + [_GAP, *further])
    lexemes: dict[str, list[str]] = {}
    for place, term in enumerate(places, 1):
        if term is not None:
            lexemes.setdefault(term, []).append(str(place))
    parts = [f"{_quoted(term)}:{','.join(found)}" for term, found in lexemes.items()]
    return " ".join(parts + [_quoted(term) for term in further])


def asked(dialect: str, question: Sequence[Sequence[Atom]]) -> str:
    """Return a question in the language of a database: all groups, of each any atom."""
    if dialect == POSTGRES:
        return " & ".join(f"({' | '.join(map(_lexemes, group))})" for group in question)
    return " AND ".join(f"({' OR '.join(map(_phrase, group))})" for group in question)


def atoms(needle: Needle, space_id: int, word: str, stem: str) -> list[Atom]:
    """Return what will do for a needle, with the kinds of the words and stems of a table."""
    found = [Atom((spelled(stem, space_id, each),)) for each in needle.stems]
    if needle.is_exact or needle.is_open:
        words = tuple(spelled(word, space_id, each) for each in needle.words)
        found.append(Atom(words, needle.is_open))
    return found


def spelled(kind: str, space_id: int, word: str) -> str:
    """Return a term.

    >>> spelled("w", 12, "facture")
    'w12.facture'
    """
    return f"{kind}{space_id}.{word}"


def _phrase(atom: Atom) -> str:
    text = " ".join(atom.terms).replace('"', '""')
    return f'"{text}" *' if atom.is_open else f'"{text}"'


def _lexemes(atom: Atom) -> str:
    found = " <-> ".join(map(_quoted, atom.terms)) + (":*" if atom.is_open else "")
    return f"({found})" if len(atom.terms) > 1 else found


def _quoted(term: str) -> str:
    escaped = term.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"
