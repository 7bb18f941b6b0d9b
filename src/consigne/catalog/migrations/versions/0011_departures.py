"""Users and spaces can be deleted."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    for table in ("space", "principal"):
        op.add_column(table, sa.Column("deleted_at", sa.BigInteger(), nullable=True))
