"""Record types, records, links of files and groups."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "record_type",
        sa.Column("id", _SEQUENCE, nullable=False, autoincrement=True),
        sa.Column("space_id", sa.BigInteger(), nullable=False),
        sa.Column("dialect", _TEXT, nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("name_fold", _TEXT, nullable=False),
        sa.Column("label", _TEXT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("acl", _TEXT, nullable=False),
        sa.Column("hooks", _TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        sa.Column("updated_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_record_type"),
    )
    op.create_index("uq_record_type_name", "record_type", ["space_id", "name_fold"], unique=True)

    op.create_table(
        "type_version",
        sa.Column("type_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("fields", _TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("type_id", "number", name="pk_type_version"),
    )

    _create_record()

    op.create_table(
        "record_counter",
        sa.Column("space_id", sa.BigInteger(), nullable=False),
        sa.Column("type_id", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("space_id", "type_id", name="pk_record_counter"),
    )

    op.create_table(
        "link",
        sa.Column("record_id", sa.BigInteger(), nullable=False),
        sa.Column("field", _TEXT, nullable=False),
        sa.Column("idx", sa.Integer(), nullable=False),
        sa.Column("space_id", sa.BigInteger(), nullable=False),
        sa.Column("file_id", sa.BigInteger(), nullable=False),
        sa.Column("is_live", sa.SmallInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("reference", _TEXT, nullable=False),
        sa.Column("name", _TEXT, nullable=True),
        sa.Column("comment", _TEXT, nullable=True),
        sa.Column("access", _TEXT, nullable=False),
        sa.Column("linked_at", sa.BigInteger(), nullable=False),
        sa.Column("linked_by", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("record_id", "field", "idx", name="pk_link"),
    )
    op.create_index(
        "uq_link_live",
        "link",
        ["file_id"],
        unique=True,
        sqlite_where=sa.text("is_live = 1"),
        postgresql_where=sa.text("is_live = 1"),
    )
    op.create_index("ix_link_file", "link", ["file_id"])

    op.create_table(
        "group_member",
        sa.Column("space_id", sa.BigInteger(), nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("principal_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("space_id", "name", "principal_id", name="pk_group_member"),
    )
    op.create_index("ix_group_member_principal", "group_member", ["space_id", "principal_id"])


def _create_record() -> None:
    op.create_table(
        "record",
        sa.Column("id", _SEQUENCE, nullable=False, autoincrement=True),
        sa.Column("space_id", sa.BigInteger(), nullable=False),
        sa.Column("type_id", sa.BigInteger(), nullable=False),
        sa.Column("type_version", sa.Integer(), nullable=False),
        sa.Column("uuid", _TEXT, nullable=False),
        sa.Column("name", _TEXT, nullable=True),
        sa.Column("name_fold", _TEXT, nullable=True),
        sa.Column("title", _TEXT, nullable=False),
        sa.Column("title_fold", _TEXT, nullable=False),
        sa.Column("state", _TEXT, nullable=False),
        sa.Column("origin", sa.BigInteger(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("type_number", sa.BigInteger(), nullable=False),
        sa.Column("is_partial", sa.SmallInteger(), nullable=False),
        sa.Column("reference", _TEXT, nullable=True),
        sa.Column("is_reference", sa.SmallInteger(), nullable=False),
        sa.Column("body", _TEXT, nullable=False),
        sa.Column("acl", _TEXT, nullable=True),
        sa.Column("locked_by", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_by", sa.BigInteger(), nullable=True),
        sa.Column("data_created_at", sa.BigInteger(), nullable=True),
        sa.Column("data_updated_at", sa.BigInteger(), nullable=True),
        sa.Column("latitude", sa.Float(53), nullable=True),
        sa.Column("longitude", sa.Float(53), nullable=True),
        sa.Column("trashed_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_record"),
        sqlite_autoincrement=True,
    )
    op.create_index("uq_record_uuid", "record", ["space_id", "uuid"], unique=True)
    op.create_index("ix_record_space", "record", ["space_id", "state", "number"])
    op.create_index("ix_record_type", "record", ["type_id", "state", "number"])
    op.create_index("ix_record_title", "record", ["type_id", "state", "title_fold", "number"])
    _partial("uq_record_name", ["space_id", "name_fold"], "name_fold IS NOT NULL", unique=True)
    _partial("ix_record_revision", ["origin", "revision"], "origin IS NOT NULL")
    _partial("ix_record_reference", ["space_id", "number"], "is_reference = 1")
    _partial("ix_record_acl", ["space_id", "type_id"], "acl IS NOT NULL")
    _partial("ix_record_trashed", ["trashed_at"], "trashed_at IS NOT NULL")


def _partial(name: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    op.create_index(
        name,
        "record",
        columns,
        unique=unique,
        sqlite_where=sa.text(where),
        postgresql_where=sa.text(where),
    )
