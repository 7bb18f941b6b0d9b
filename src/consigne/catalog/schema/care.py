"""The care for stored bytes: passes of the scrub and their findings."""

from sqlalchemy import Column, Index, Integer, Table

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
