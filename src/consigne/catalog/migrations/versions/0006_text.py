"""The text of contents, and the full-text indexes of contents and files."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "content_text",
        sa.Column("content_id", sa.BigInteger(), nullable=False),
        sa.Column("space_id", sa.BigInteger(), nullable=False),
        sa.Column("origin", _TEXT, nullable=False),
        sa.Column("pages", sa.Integer(), nullable=True),
        sa.Column("length", sa.BigInteger(), nullable=False),
        sa.Column("is_cut", sa.SmallInteger(), nullable=False),
        sa.Column("problem", _TEXT, nullable=True),
        sa.Column("rules", sa.Integer(), nullable=False),
        sa.Column("read_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("content_id", name="pk_content_text"),
    )
    op.create_table(
        "passage",
        sa.Column("id", _SEQUENCE, nullable=False, autoincrement=True),
        sa.Column("content_id", sa.BigInteger(), nullable=False),
        sa.Column("page", sa.Integer(), nullable=True),
        sa.Column("body", _TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_passage"),
    )
    op.create_index("ix_passage_content", "passage", ["content_id", "id"])
    op.create_index(
        "ix_file_content",
        "file",
        ["content_id"],
        sqlite_where=sa.text("content_id IS NOT NULL"),
        postgresql_where=sa.text("content_id IS NOT NULL"),
    )
    op.create_table(
        "label_due",
        sa.Column("space_id", sa.BigInteger(), nullable=False),
        sa.Column("file_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("space_id", "file_id", name="pk_label_due"),
    )
    op.execute("INSERT INTO label_due (space_id, file_id) SELECT space_id, id FROM file")
    is_postgres = op.get_bind().dialect.name == "postgresql"
    for table in ("passage_terms", "file_terms"):
        if is_postgres:
            op.execute(f"CREATE TABLE {table} (rowid BIGINT PRIMARY KEY, terms TSVECTOR NOT NULL)")
            op.execute(f"CREATE INDEX ix_{table} ON {table} USING GIN (terms)")
        else:
            # Only the dot is added to what the tokenizer takes for parts of a word: terms come cut.
            op.execute(
                f"CREATE VIRTUAL TABLE {table} USING fts5("
                "terms, columnsize=0, tokenize=\"ascii tokenchars '.'\")"
            )
