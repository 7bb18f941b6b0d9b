"""The care for stored bytes: passes of the scrub, the stores, and the copies in a mirror."""

from sqlalchemy import Column, Index, Integer, Table, text

from consigne.catalog.schema.columns import flag, metadata, number, string

# One reading of all contents, and how far it is.
scrub_pass = Table(
    "scrub_pass",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    number("started_at"),
    number("ended_at", null=True),
    number("last_id"),
    number("total"),
    number("checked"),
    number("size"),
    number("found"),
    number("repaired"),
    number("copied"),
)

scrub_finding = Table(
    "scrub_finding",
    metadata,
    number("id", key=True),
    Column("pass_number", Integer, nullable=False),
    number("content_id"),
    number("space_id"),
    string("place"),
    string("problem"),
    flag("is_repaired"),
    number("found_at"),
    Index("ix_scrub_finding_pass", "pass_number", "id"),
)

# Where bytes lie, by the number with which keys begin. Without rows: one store, from the settings.
store = Table(
    "store",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    string("location"),
    string("state"),
    number("since"),
    number("last_id"),
    number("count"),
    number("size"),
    Index(
        "uq_store_home",
        "state",
        unique=True,
        sqlite_where=text("state = 'home'"),
        postgresql_where=text("state = 'home'"),
    ),
)

# The bytes of a content once more, in a mirror.
copy = Table(
    "copy",
    metadata,
    number("content_id", key=True),
    Column("store", Integer, nullable=False),
    string("key"),
    number("size"),
    number("made_at"),
    number("idle_since", null=True),
    Index("uq_copy_key", "key", unique=True),
    Index(
        "ix_copy_idle",
        "idle_since",
        sqlite_where=text("idle_since IS NOT NULL"),
        postgresql_where=text("idle_since IS NOT NULL"),
    ),
)
