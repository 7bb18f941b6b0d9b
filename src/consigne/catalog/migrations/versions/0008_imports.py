"""Imports of records, jobs over many files, and what jobs leave to be downloaded."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "report",
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("space_id", sa.BigInteger(), nullable=False),
        sa.Column("content_id", sa.BigInteger(), nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("job_id", name="pk_report"),
    )
    op.create_index("uq_report_content", "report", ["content_id"], unique=True)

    op.create_table(
        "import_run",
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("space_id", sa.BigInteger(), nullable=False),
        sa.Column("type_id", sa.BigInteger(), nullable=False),
        sa.Column("file_id", sa.BigInteger(), nullable=False),
        sa.Column("mode", _TEXT, nullable=False),
        sa.Column("succeeded", sa.BigInteger(), nullable=False),
        sa.Column("failed", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("job_id", name="pk_import_run"),
    )
    op.create_index("ix_import_run_space", "import_run", ["space_id", "job_id"])
    op.create_index("ix_import_run_file", "import_run", ["file_id"])

    op.create_table(
        "import_row",
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("record_id", sa.BigInteger(), nullable=True),
        sa.Column("faults", _TEXT, nullable=True),
        sa.PrimaryKeyConstraint("job_id", "line", name="pk_import_row"),
    )

    op.create_table(
        "bulk_run",
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("last_id", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("failed", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("job_id", name="pk_bulk_run"),
    )

    op.create_table(
        "bulk_refusal",
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("file_id", sa.BigInteger(), nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("code", _TEXT, nullable=False),
        sa.Column("detail", _TEXT, nullable=False),
        sa.PrimaryKeyConstraint("job_id", "file_id", name="pk_bulk_refusal"),
    )
