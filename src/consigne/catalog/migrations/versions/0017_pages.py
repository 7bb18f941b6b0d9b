"""How many pages the document of a picture has."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.add_column("preview", sa.Column("pages", sa.Integer(), nullable=True))
