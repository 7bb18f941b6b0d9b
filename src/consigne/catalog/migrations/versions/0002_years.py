"""Accounting years, signed uploads and the key pairs that sign."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "year",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("space_id", sa.BigInteger(), nullable=False),
        sa.Column("previous_id", sa.BigInteger(), nullable=True),
        sa.Column("label", _TEXT, nullable=False),
        sa.Column("starting_at", _TEXT, nullable=False),
        sa.Column("ending_at", _TEXT, nullable=False),
        sa.Column("is_closed", sa.SmallInteger(), nullable=False),
        sa.Column("closed_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=True),
        sa.Column("updated_by", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_year"),
    )
    op.create_index("ix_year_space", "year", ["space_id", "id"])

    op.create_table(
        "signing_key",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("access_key", _TEXT, nullable=False),
        sa.Column("principal_id", sa.BigInteger(), nullable=False),
        sa.Column("space_id", sa.BigInteger(), nullable=True),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_signing_key"),
    )
    op.create_index("uq_signing_key_access_key", "signing_key", ["access_key"], unique=True)
    op.create_index("ix_signing_key_principal", "signing_key", ["principal_id"])

    op.add_column(
        "upload", sa.Column("is_signed", sa.SmallInteger(), nullable=False, server_default="0")
    )
    op.create_index(
        "ix_file_parent",
        "file",
        ["parent_id"],
        sqlite_where=sa.text("parent_id IS NOT NULL"),
        postgresql_where=sa.text("parent_id IS NOT NULL"),
    )
