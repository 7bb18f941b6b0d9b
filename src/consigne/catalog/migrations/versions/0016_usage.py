"""How full spaces were, day by day."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "usage_day",
        sa.Column("space_id", sa.BigInteger(), nullable=False),
        sa.Column("day", _TEXT, nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.Column("undo", sa.BigInteger(), nullable=False),
        sa.Column("files", sa.BigInteger(), nullable=False),
        sa.Column("quota", sa.BigInteger(), nullable=True),
        sa.Column("ocr_credits", sa.BigInteger(), nullable=False),
        sa.Column("ocr_pages", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("space_id", "day", name="pk_usage_day"),
    )
    op.create_index("ix_usage_day_day", "usage_day", ["day"])
