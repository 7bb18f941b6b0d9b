"""Webhooks and their deliveries."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "webhook",
        sa.Column("id", _SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("space_id", sa.BigInteger(), nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("name_fold", _TEXT, nullable=False),
        sa.Column("url", _TEXT, nullable=False),
        sa.Column("events", _TEXT, nullable=False),
        sa.Column("types", _TEXT, nullable=False),
        sa.Column("on_failure", _TEXT, nullable=False),
        sa.Column("is_active", sa.SmallInteger(), nullable=False),
        sa.Column("is_hook", sa.SmallInteger(), nullable=False),
        sa.Column("reason", _TEXT, nullable=True),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("old_secret", sa.LargeBinary(), nullable=True),
        sa.Column("old_until", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        sa.Column("updated_at", sa.BigInteger(), nullable=True),
        sa.Column("succeeded_at", sa.BigInteger(), nullable=True),
        sa.Column("failed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_webhook"),
        sqlite_autoincrement=True,
    )
    op.create_index("uq_webhook_name", "webhook", ["space_id", "name_fold"], unique=True)
    op.create_index(
        "ix_webhook_active",
        "webhook",
        ["space_id", "id"],
        sqlite_where=sa.text("is_active = 1"),
        postgresql_where=sa.text("is_active = 1"),
    )

    op.create_table(
        "delivery",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("space_id", sa.BigInteger(), nullable=False),
        sa.Column("webhook_id", sa.BigInteger(), nullable=False),
        sa.Column("message", _TEXT, nullable=False),
        sa.Column("event", _TEXT, nullable=False),
        sa.Column("payload", _TEXT, nullable=False),
        sa.Column("state", _TEXT, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("give_up_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("attempted_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("error", _TEXT, nullable=True),
        sa.Column("response", _TEXT, nullable=True),
        sa.Column("duration", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_delivery"),
    )
    op.create_index("ix_delivery_webhook", "delivery", ["webhook_id", "id"])
    op.create_index(
        "ix_delivery_due",
        "delivery",
        ["next_at", "id"],
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(
        "ix_delivery_ended",
        "delivery",
        ["ended_at"],
        sqlite_where=sa.text("ended_at IS NOT NULL"),
        postgresql_where=sa.text("ended_at IS NOT NULL"),
    )
