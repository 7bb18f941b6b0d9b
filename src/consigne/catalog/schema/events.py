"""What happened, who is told of it, and how far each consumer is."""

from sqlalchemy import Column, Index, Integer, Table, text

from consigne.catalog.schema.columns import binary, flag, metadata, number, serial, string

event = Table(
    "event",
    metadata,
    number("id", key=True),
    number("space_id"),
    number("at"),
    number("actor_id", null=True),
    string("action"),
    number("subject", null=True),
    string("data", null=True),
    number("sequence", null=True),
    binary("digest", null=True),
    Index(
        "ix_event_unsealed",
        "space_id",
        "id",
        sqlite_where=text("sequence IS NULL"),
        postgresql_where=text("sequence IS NULL"),
    ),
    Index("ix_event_sequence", "space_id", "sequence"),
    Index("ix_event_subject", "subject", "id"),
)

# Head of each space's hash chain (C-50).
chain = Table(
    "chain",
    metadata,
    number("space_id", key=True),
    number("sequence"),
    binary("digest"),
)

# How far a consumer of the chain has come in each space.
follower = Table(
    "follower",
    metadata,
    string("name", key=True),
    number("space_id", key=True),
    number("sequence"),
)

webhook = Table(
    "webhook",
    metadata,
    serial("id"),
    number("space_id"),
    string("name"),
    string("name_fold"),
    string("url"),
    string("events"),
    string("types"),
    string("on_failure"),
    flag("is_active"),
    flag("is_hook"),
    string("reason", null=True),
    binary("secret"),
    binary("old_secret", null=True),
    number("old_until", null=True),
    number("created_at"),
    number("created_by", null=True),
    number("updated_at", null=True),
    number("succeeded_at", null=True),
    number("failed_at", null=True),
    Index("uq_webhook_name", "space_id", "name_fold", unique=True),
    Index(
        "ix_webhook_active",
        "space_id",
        "id",
        sqlite_where=text("is_active = 1"),
        postgresql_where=text("is_active = 1"),
    ),
    sqlite_autoincrement=True,
)

# Messages for webhooks: the outbox.
delivery = Table(
    "delivery",
    metadata,
    number("id", key=True),
    number("space_id"),
    number("webhook_id"),
    string("message"),
    string("event"),
    string("payload"),
    string("state"),
    Column("attempts", Integer, nullable=False),
    number("next_at"),
    number("give_up_at"),
    number("created_at"),
    number("attempted_at", null=True),
    number("ended_at", null=True),
    Column("status", Integer, nullable=True),
    string("error", null=True),
    string("response", null=True),
    Column("duration", Integer, nullable=True),
    Index("ix_delivery_webhook", "webhook_id", "id"),
    Index(
        "ix_delivery_due",
        "next_at",
        "id",
        sqlite_where=text("state = 'pending'"),
        postgresql_where=text("state = 'pending'"),
    ),
    Index(
        "ix_delivery_ended",
        "ended_at",
        sqlite_where=text("ended_at IS NOT NULL"),
        postgresql_where=text("ended_at IS NOT NULL"),
    ),
)
