"""Names that contain something are found by their trigrams, on PostgreSQL."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

_OFFERED = sa.text("SELECT 1 FROM pg_available_extensions WHERE name = 'pg_trgm'")


def upgrade() -> None:
    database = op.get_bind()
    # It comes with PostgreSQL; some installations leave it away, and look through names then.
    if database.dialect.name == "postgresql" and database.scalar(_OFFERED):
        op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        op.execute("CREATE INDEX ix_file_name_letters ON file USING GIN (name_fold gin_trgm_ops)")
