"""Lists and filters, each with the index that must serve it on both databases (C-55)."""

from typing import Any

from consigne.catalog.engine import Tx
from consigne.model.query import Field, Op, Order, Query, Scope, Term

SPACE = 1
DAY = 86_400_000


class Planner(Tx):
    """A transaction that asks for plans beside rows."""

    def __init__(self, tx: Tx) -> None:
        self.dialect = tx.dialect
        self._tx = tx
        self.plan = ""

    def execute(self, sql: str, params: Any) -> Any:
        is_sqlite = self.dialect.name == "sqlite"
        rows = self._tx.execute(f"EXPLAIN {'QUERY PLAN ' * is_sqlite}{sql}", params).fetchall()
        self.plan += "\n".join(row[-1] for row in rows)
        return self._tx.execute(sql, params)

    def execute_many(self, sql: str, rows: Any) -> None:
        raise NotImplementedError


def _by(field: Field | None, *, descending: bool = False, after: Any = None, **scope: Any) -> Query:
    position = None if after is None else (after, 7) if field else (after,)
    order = (Order(field, descending),) if field else ()
    return Query(Scope(SPACE, **scope), order=order, limit=9, after=position)


SORTED = {
    "name": ("ix_file_title", _by(Field.NAME)),
    "name, further": ("ix_file_title", _by(Field.NAME, after="bill-5")),
    "-name, further": ("ix_file_title", _by(Field.NAME, descending=True, after="bill-5")),
    "size": ("ix_file_size", _by(Field.SIZE, after=4_000)),
    "-size": ("ix_file_size", _by(Field.SIZE, descending=True, after=4_000)),
    "created": ("ix_file_created", _by(Field.CREATED, after=4_000)),
    "-created": ("ix_file_created", _by(Field.CREATED, descending=True, after=4_000)),
    "-completed": ("ix_file_completed", _by(Field.COMPLETED, descending=True, after=4_000)),
    "type": ("ix_file_type", _by(Field.TYPE)),
    "folder by name": ("ix_file_place", _by(Field.NAME, after="bill-5", folder_id=3)),
}
# PostgreSQL does not see that an index orders what lies in no folder: it reads names and leaves out
# what lies in one, or sorts, whatever is less.
AT_ROOT = {
    "root by name": ("ix_file_place", _by(Field.NAME, after="bill-5", in_root=True)),
    "root by -name": ("ix_file_place", _by(Field.NAME, descending=True, in_root=True)),
}
# A part of a space is looked at, and sorted, and not the space in the order that is asked for.
FEW = {
    "folder": ("ix_file_folder", _by(None, after=7, folder_id=3)),
    "owner": ("ix_file_owner", _by(None, after=7, owner=2)),
    "year": ("ix_file_year", _by(None, after=7, year_id=4)),
    "year by name": ("ix_file_year", _by(Field.NAME, year_id=4)),
    "owner by name": ("ix_file_owner", _by(Field.NAME, owner=2)),
    "owner by -size": ("ix_file_owner", _by(Field.SIZE, descending=True, owner=2)),
}
FILTERS = {
    "name": ("ix_file_title", (Term(Field.NAME, Op.EQUAL, "bill-77.pdf"),)),
    "type": ("ix_file_type", (Term(Field.TYPE, Op.EQUAL, "text/x-77"),)),
    "size": ("ix_file_size", (Term(Field.SIZE, Op.FROM, 7_990),)),
    "sizes": ("ix_file_size", (Term(Field.SIZE, Op.FROM, 77), Term(Field.SIZE, Op.BELOW, 88))),
    "created": ("ix_file_created", (Term(Field.CREATED, Op.FROM, 7_990),)),
    "completed": ("ix_file_completed", (Term(Field.COMPLETED, Op.BELOW, 77),)),
    "day": ("ix_file_completed", (Term(Field.COMPLETED, Op.EQUAL, 7, unit=11),)),
    "updated": ("ix_file_updated", (Term(Field.UPDATED, Op.FROM, 7_990),)),
    "sha256": ("uq_content_live", (Term(Field.SHA256, Op.EQUAL, b"77"),)),
    "md5": ("ix_content_md5", (Term(Field.MD5, Op.EQUAL, b"77"),)),
    "reference": ("ix_file_reference", (Term(Field.REFERENCE, Op.EQUAL, "v77"),)),
    "date": ("ix_file_date", (Term(Field.DATE, Op.EQUAL, "d77"),)),
    "tag": ("ix_file_tag_tag", (Term(Field.TAG, Op.EQUAL, "t77"),)),
    "metadata": ("ix_file_field_value", (Term(None, Op.EQUAL, "v77", key="client"),)),
}
