"""Lists are sorted and narrowed by indexes."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"

_LISTS = {
    "ix_file_place": ["space_id", "state", "folder_id", "name", "id"],
    "ix_file_title": ["space_id", "state", "name", "id"],
    "ix_file_size": ["space_id", "state", "size", "id"],
    "ix_file_created": ["space_id", "state", "created_at", "id"],
    "ix_file_completed": ["space_id", "state", "completed_at", "id"],
}
_TYPE = "coalesce(declared_type, detected_type)"
# Of columns that few files have.
_RARE = {
    "ix_file_updated": ["space_id", "state", "updated_at", "id"],
    "ix_file_reference": ["space_id", "reference", "id"],
    "ix_file_date": ["space_id", "date", "id"],
}
# One whose building was cut short serves nobody.
_HALF = sa.text("SELECT 1 FROM pg_index WHERE indexrelid = :name ::regclass AND NOT indisvalid")


def upgrade() -> None:
    # Each in a transaction of its own: nobody waits for all of them; on PostgreSQL for none.
    with op.get_context().autocommit_block():
        for name, columns in _LISTS.items():
            _build(name, "file", columns)
        # Where lists have files without a type: SQLite begins with them anyway.
        first = " NULLS FIRST" if op.get_bind().dialect.name == "postgresql" else ""
        _build("ix_file_type", "file", ["space_id", "state", sa.text(_TYPE + first), "id"])
        for name, columns in _RARE.items():
            _build(name, "file", columns, f"{columns[-2]} IS NOT NULL")
        _build("ix_content_md5", "content", ["space_id", "md5"])


def _build(name: str, table: str, columns: list[Any], where: str | None = None) -> None:
    condition = sa.text(where) if where else None
    op.create_index(
        name,
        table,
        columns,
        if_not_exists=True,
        sqlite_where=condition,
        postgresql_where=condition,
        postgresql_concurrently=True,
    )
    if op.get_bind().dialect.name == "postgresql" and op.get_bind().scalar(_HALF, {"name": name}):
        op.execute(f"REINDEX INDEX CONCURRENTLY {name}")
