"""Pairs of OAuth tokens."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "oauth_pair",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("principal_id", sa.BigInteger(), nullable=False),
        sa.Column("client_id", _TEXT, nullable=False),
        sa.Column("parent_id", sa.BigInteger(), nullable=True),
        sa.Column("access_hash", sa.LargeBinary(), nullable=False),
        sa.Column("access_until", sa.BigInteger(), nullable=False),
        sa.Column("refresh_hash", sa.LargeBinary(), nullable=False),
        sa.Column("refresh_until", sa.BigInteger(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_oauth_pair"),
    )
    op.create_index("uq_oauth_pair_access_hash", "oauth_pair", ["access_hash"], unique=True)
    op.create_index("uq_oauth_pair_refresh_hash", "oauth_pair", ["refresh_hash"], unique=True)
    op.create_index("ix_oauth_pair_principal", "oauth_pair", ["principal_id", "id"])
    op.create_index("ix_oauth_pair_refresh_until", "oauth_pair", ["refresh_until"])
