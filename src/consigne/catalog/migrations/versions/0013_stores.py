"""Several stores, and the copies in a mirror."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "store",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("location", _TEXT, nullable=False),
        sa.Column("state", _TEXT, nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("last_id", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_store"),
    )
    op.create_index(
        "uq_store_home",
        "store",
        ["state"],
        unique=True,
        sqlite_where=sa.text("state = 'home'"),
        postgresql_where=sa.text("state = 'home'"),
    )
    op.create_table(
        "copy",
        sa.Column("content_id", sa.BigInteger(), nullable=False),
        sa.Column("store", sa.Integer(), nullable=False),
        sa.Column("key", _TEXT, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("idle_since", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("content_id", name="pk_copy"),
    )
    op.create_index("uq_copy_key", "copy", ["key"], unique=True)
    op.create_index(
        "ix_copy_idle",
        "copy",
        ["idle_since"],
        sqlite_where=sa.text("idle_since IS NOT NULL"),
        postgresql_where=sa.text("idle_since IS NOT NULL"),
    )
