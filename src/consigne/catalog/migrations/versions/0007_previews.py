"""Previews, and how far consumers of the chain have come."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "preview",
        sa.Column("content_id", sa.BigInteger(), nullable=False),
        sa.Column("shape", _TEXT, nullable=False),
        sa.Column("space_id", sa.BigInteger(), nullable=False),
        sa.Column("picture_id", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("content_id", "shape", name="pk_preview"),
    )
    op.create_index("uq_preview_picture", "preview", ["picture_id"], unique=True)
    op.create_index("ix_preview_space", "preview", ["space_id", "used_at"])

    op.create_table(
        "follower",
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("space_id", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", "space_id", name="pk_follower"),
    )
