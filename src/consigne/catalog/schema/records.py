"""Types, records, and the files that they link."""

from sqlalchemy import Column, Float, Index, Integer, Table, text

from consigne.catalog.schema.columns import flag, metadata, number, serial, string

# Types of records: families, structures (C-33); the fields are in their versions.
record_type = Table(
    "record_type",
    metadata,
    serial("id"),
    number("space_id"),
    string("dialect"),
    string("name"),
    string("name_fold"),
    string("label"),
    Column("version", Integer, nullable=False),
    string("acl"),
    string("hooks"),
    number("created_at"),
    number("created_by", null=True),
    number("updated_at", null=True),
    Index("uq_record_type_name", "space_id", "name_fold", unique=True),
)

type_version = Table(
    "type_version",
    metadata,
    number("type_id", key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    string("fields"),
    number("created_at"),
    number("created_by", null=True),
)

record = Table(
    "record",
    metadata,
    serial("id"),
    number("space_id"),
    number("type_id"),
    Column("type_version", Integer, nullable=False),
    string("uuid"),
    string("name", null=True),
    string("name_fold", null=True),
    string("title"),
    string("title_fold"),
    string("state"),
    number("origin", null=True),
    Column("revision", Integer, nullable=False),
    number("number"),
    number("type_number"),
    flag("is_partial"),
    string("reference", null=True),
    flag("is_reference"),
    string("body"),
    string("acl", null=True),
    number("locked_by", null=True),
    number("created_at"),
    number("created_by", null=True),
    number("updated_at"),
    number("updated_by", null=True),
    number("data_created_at", null=True),
    number("data_updated_at", null=True),
    Column("latitude", Float(53), nullable=True),
    Column("longitude", Float(53), nullable=True),
    number("trashed_at", null=True),
    Index("uq_record_uuid", "space_id", "uuid", unique=True),
    Index(
        "uq_record_name",
        "space_id",
        "name_fold",
        unique=True,
        sqlite_where=text("name_fold IS NOT NULL"),
        postgresql_where=text("name_fold IS NOT NULL"),
    ),
    Index("ix_record_space", "space_id", "state", "number"),
    Index("ix_record_type", "type_id", "state", "number"),
    Index("ix_record_title", "type_id", "state", "title_fold", "number"),
    Index(
        "ix_record_revision",
        "origin",
        "revision",
        sqlite_where=text("origin IS NOT NULL"),
        postgresql_where=text("origin IS NOT NULL"),
    ),
    Index(
        "ix_record_reference",
        "space_id",
        "number",
        sqlite_where=text("is_reference = 1"),
        postgresql_where=text("is_reference = 1"),
    ),
    Index(
        "ix_record_acl",
        "space_id",
        "type_id",
        sqlite_where=text("acl IS NOT NULL"),
        postgresql_where=text("acl IS NOT NULL"),
    ),
    Index(
        "ix_record_trashed",
        "trashed_at",
        sqlite_where=text("trashed_at IS NOT NULL"),
        postgresql_where=text("trashed_at IS NOT NULL"),
    ),
    sqlite_autoincrement=True,
)

# The last numbers given out: of a space (type 0) and of each type.
record_counter = Table(
    "record_counter",
    metadata,
    number("space_id", key=True),
    number("type_id", key=True),
    number("last"),
)

link = Table(
    "link",
    metadata,
    number("record_id", key=True),
    string("field", key=True),
    Column("idx", Integer, primary_key=True, autoincrement=False),
    number("space_id"),
    number("file_id"),
    flag("is_live"),
    Column("version", Integer, nullable=False),
    string("reference"),
    string("name", null=True),
    string("comment", null=True),
    string("access"),
    number("linked_at"),
    number("linked_by", null=True),
    # Of several attempts to link one file one wins, whatever dialect they come by (C-11).
    Index(
        "uq_link_live",
        "file_id",
        unique=True,
        sqlite_where=text("is_live = 1"),
        postgresql_where=text("is_live = 1"),
    ),
    Index("ix_link_file", "file_id"),
)
