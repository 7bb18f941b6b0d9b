"""Whoever waits for an upload asks its writer in another process to give way."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0013"


def upgrade() -> None:
    asked_at = sa.Column("asked_at", sa.BigInteger(), nullable=False, server_default=sa.text("0"))
    op.add_column("upload", asked_at)
    op.create_index(
        "ix_upload_asked",
        "upload",
        ["asked_at"],
        sqlite_where=sa.text("asked_at > 0"),
        postgresql_where=sa.text("asked_at > 0"),
    )
