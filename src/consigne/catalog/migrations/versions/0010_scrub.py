"""Passes of the scrub, and contents that are marked corrupt."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "scrub_pass",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("last_id", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("checked", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("found", sa.BigInteger(), nullable=False),
        sa.Column("repaired", sa.BigInteger(), nullable=False),
        sa.Column("copied", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_scrub_pass"),
    )
    op.create_table(
        "scrub_finding",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("pass_number", sa.Integer(), nullable=False),
        sa.Column("content_id", sa.BigInteger(), nullable=False),
        sa.Column("space_id", sa.BigInteger(), nullable=False),
        sa.Column("place", _TEXT, nullable=False),
        sa.Column("problem", _TEXT, nullable=False),
        sa.Column("is_repaired", sa.SmallInteger(), nullable=False),
        sa.Column("found_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_scrub_finding"),
    )
    op.create_index("ix_scrub_finding_pass", "scrub_finding", ["pass_number", "id"])
    op.create_index(
        "ix_content_corrupt",
        "content",
        ["id"],
        sqlite_where=sa.text("state = 'corrupt'"),
        postgresql_where=sa.text("state = 'corrupt'"),
    )
