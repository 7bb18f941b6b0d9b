"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "api_key",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("principal_id", sa.BigInteger(), nullable=False),
        sa.Column("space_id", sa.BigInteger(), nullable=True),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hint", _TEXT, nullable=False),
        sa.Column("methods", _TEXT, nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_api_key"),
    )
    op.create_index("ix_api_key_principal", "api_key", ["principal_id"])
    op.create_index("uq_api_key_token_hash", "api_key", ["token_hash"], unique=True)

    op.create_table(
        "chain",
        sa.Column("space_id", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("space_id", name="pk_chain"),
    )
    op.create_table(
        "content",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("space_id", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("md5", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("key", _TEXT, nullable=False),
        sa.Column("block_size", sa.Integer(), nullable=False),
        sa.Column("blocks", sa.LargeBinary(), nullable=False),
        sa.Column("references", sa.BigInteger(), nullable=False),
        sa.Column("state", _TEXT, nullable=False),
        sa.Column("detected_type", _TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("idle_since", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_content"),
    )
    op.create_index(
        "ix_content_idle",
        "content",
        ["idle_since"],
        sqlite_where=sa.text("idle_since IS NOT NULL"),
        postgresql_where=sa.text("idle_since IS NOT NULL"),
    )
    op.create_index(
        "ix_content_confined",
        "content",
        ["space_id", "sha256"],
        sqlite_where=sa.text("state = 'quarantined'"),
        postgresql_where=sa.text("state = 'quarantined'"),
    )
    op.create_index("uq_content_key", "content", ["key"], unique=True)
    op.create_index(
        "uq_content_live",
        "content",
        ["space_id", "sha256"],
        unique=True,
        sqlite_where=sa.text("state = 'live'"),
        postgresql_where=sa.text("state = 'live'"),
    )

    op.create_table(
        "event",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("space_id", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("action", _TEXT, nullable=False),
        sa.Column("subject", sa.BigInteger(), nullable=True),
        sa.Column("data", _TEXT, nullable=True),
        sa.Column("sequence", sa.BigInteger(), nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_event"),
    )
    op.create_index("ix_event_sequence", "event", ["space_id", "sequence"])
    op.create_index("ix_event_subject", "event", ["subject", "id"])
    op.create_index(
        "ix_event_unsealed",
        "event",
        ["space_id", "id"],
        sqlite_where=sa.text("sequence IS NULL"),
        postgresql_where=sa.text("sequence IS NULL"),
    )

    op.create_table(
        "file",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("space_id", sa.BigInteger(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=True),
        sa.Column("state", _TEXT, nullable=False),
        sa.Column("access", _TEXT, nullable=False),
        sa.Column("policy", _TEXT, nullable=False),
        sa.Column("reasons", sa.SmallInteger(), nullable=False),
        sa.Column("guards", sa.SmallInteger(), nullable=False),
        sa.Column("folder_id", sa.BigInteger(), nullable=True),
        sa.Column("year_id", sa.BigInteger(), nullable=True),
        sa.Column("parent_id", sa.BigInteger(), nullable=True),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("name_fold", _TEXT, nullable=False),
        sa.Column("reference", _TEXT, nullable=True),
        sa.Column("declared_type", _TEXT, nullable=True),
        sa.Column("detected_type", _TEXT, nullable=True),
        sa.Column("is_source", sa.SmallInteger(), nullable=False),
        sa.Column("is_open", sa.SmallInteger(), nullable=False),
        sa.Column("was_linked", sa.SmallInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content_id", sa.BigInteger(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=True),
        sa.Column("md5", sa.LargeBinary(), nullable=True),
        sa.Column("client_hash", _TEXT, nullable=True),
        sa.Column("date", _TEXT, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("completed_at", sa.BigInteger(), nullable=True),
        sa.Column("updated_at", sa.BigInteger(), nullable=True),
        sa.Column("updated_by", sa.BigInteger(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("released_at", sa.BigInteger(), nullable=True),
        sa.Column("retain_until", sa.BigInteger(), nullable=True),
        sa.Column("hold_reason", _TEXT, nullable=True),
        sa.Column("meta", _TEXT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_file"),
    )
    op.create_index(
        "ix_file_expires",
        "file",
        ["expires_at"],
        sqlite_where=sa.text("expires_at IS NOT NULL"),
        postgresql_where=sa.text("expires_at IS NOT NULL"),
    )
    op.create_index(
        "ix_file_folder",
        "file",
        ["folder_id", "id"],
        sqlite_where=sa.text("folder_id IS NOT NULL"),
        postgresql_where=sa.text("folder_id IS NOT NULL"),
    )
    op.create_index("ix_file_name", "file", ["space_id", "state", "name_fold", "id"])
    op.create_index("ix_file_owner", "file", ["space_id", "owner_id", "state", "id"])
    op.create_index(
        "ix_file_released",
        "file",
        ["released_at"],
        sqlite_where=sa.text("released_at IS NOT NULL"),
        postgresql_where=sa.text("released_at IS NOT NULL"),
    )
    op.create_index("ix_file_space", "file", ["space_id", "state", "id"])
    op.create_index(
        "ix_file_year",
        "file",
        ["year_id", "id"],
        sqlite_where=sa.text("year_id IS NOT NULL"),
        postgresql_where=sa.text("year_id IS NOT NULL"),
    )

    op.create_table(
        "file_field",
        sa.Column("file_id", sa.BigInteger(), nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("space_id", sa.BigInteger(), nullable=False),
        sa.Column("value", _TEXT, nullable=False),
        sa.Column("value_fold", _TEXT, nullable=False),
        sa.PrimaryKeyConstraint("file_id", "name", name="pk_file_field"),
    )
    op.create_index("ix_file_field_value", "file_field", ["space_id", "name", "value"])

    op.create_table(
        "file_tag",
        sa.Column("file_id", sa.BigInteger(), nullable=False),
        sa.Column("tag", _TEXT, nullable=False),
        sa.Column("space_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("file_id", "tag", name="pk_file_tag"),
    )
    op.create_index("ix_file_tag_tag", "file_tag", ["space_id", "tag", "file_id"])

    op.create_table(
        "folder",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("space_id", sa.BigInteger(), nullable=False),
        sa.Column("year_id", sa.BigInteger(), nullable=True),
        sa.Column("parent_id", sa.BigInteger(), nullable=True),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("name_fold", _TEXT, nullable=False),
        sa.Column("created_by", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_by", sa.BigInteger(), nullable=True),
        sa.Column("updated_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_folder"),
    )
    op.create_index("ix_folder_parent", "folder", ["space_id", "parent_id", "id"])
    op.create_index("ix_folder_year", "folder", ["space_id", "year_id", "id"])

    op.create_table(
        "host",
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("space_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_host"),
    )
    op.create_table(
        "lease",
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("holder", _TEXT, nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_lease"),
    )
    op.create_table(
        "login_failure",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("account", _TEXT, nullable=False),
        sa.Column("address", _TEXT, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_login_failure"),
    )
    op.create_index("ix_login_failure_account", "login_failure", ["account", "at"])
    op.create_index("ix_login_failure_address", "login_failure", ["address", "at"])

    op.create_table(
        "member",
        sa.Column("space_id", sa.BigInteger(), nullable=False),
        sa.Column("principal_id", sa.BigInteger(), nullable=False),
        sa.Column("role", _TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("space_id", "principal_id", name="pk_member"),
    )
    op.create_index("ix_member_principal", "member", ["principal_id"])

    op.create_table(
        "oauth_client",
        sa.Column("client_id", _TEXT, nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("client_id", name="pk_oauth_client"),
    )
    op.create_table(
        "once",
        sa.Column("space_id", sa.BigInteger(), nullable=False),
        sa.Column("principal_id", sa.BigInteger(), nullable=False),
        sa.Column("route", _TEXT, nullable=False),
        sa.Column("key", _TEXT, nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("subject", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("space_id", "principal_id", "route", "key", name="pk_once"),
    )
    op.create_index("ix_once_expires", "once", ["expires_at"])

    op.create_table(
        "part",
        sa.Column("upload_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("upload_id", "number", name="pk_part"),
    )
    op.create_table(
        "principal",
        sa.Column("id", _SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("email", _TEXT, nullable=False),
        sa.Column("username", _TEXT, nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("password_hash", _TEXT, nullable=True),
        sa.Column("is_active", sa.SmallInteger(), nullable=False),
        sa.Column("is_operator", sa.SmallInteger(), nullable=False),
        sa.Column("home_space_id", sa.BigInteger(), nullable=True),
        sa.Column("tokens_valid_from", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_principal"),
    )
    op.create_index("uq_principal_email", "principal", ["email"], unique=True)
    op.create_index("uq_principal_username", "principal", ["username"], unique=True)

    op.create_table(
        "revoked_token",
        sa.Column("jti", _TEXT, nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("jti", name="pk_revoked_token"),
    )
    op.create_table(
        "secret",
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_secret"),
    )
    op.create_table(
        "space",
        sa.Column("id", _SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("short", _TEXT, nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("quota", sa.BigInteger(), nullable=True),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.Column("reserved", sa.BigInteger(), nullable=False),
        sa.Column("undo", sa.BigInteger(), nullable=False),
        sa.Column("ocr_credits", sa.BigInteger(), nullable=False),
        sa.Column("signup_open", sa.SmallInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_space"),
    )
    op.create_index("uq_space_short", "space", ["short"], unique=True)

    op.create_table(
        "tombstone",
        sa.Column("kind", _TEXT, nullable=False),
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("space_id", sa.BigInteger(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=True),
        sa.Column("reason", _TEXT, nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=False),
        sa.Column("keep_until", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("kind", "id", name="pk_tombstone"),
    )
    op.create_index("ix_tombstone_keep_until", "tombstone", ["keep_until"])

    op.create_table(
        "upload",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("space_id", sa.BigInteger(), nullable=False),
        sa.Column("principal_id", sa.BigInteger(), nullable=False),
        sa.Column("file_id", sa.BigInteger(), nullable=True),
        sa.Column("state", _TEXT, nullable=False),
        sa.Column("client_key", _TEXT, nullable=True),
        sa.Column("length", sa.BigInteger(), nullable=True),
        sa.Column("part_size", sa.BigInteger(), nullable=True),
        sa.Column("parts_total", sa.Integer(), nullable=True),
        sa.Column("parts_received", sa.Integer(), nullable=False),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("reserved", sa.BigInteger(), nullable=False),
        sa.Column("stage", _TEXT, nullable=False),
        sa.Column("holder", _TEXT, nullable=True),
        sa.Column("lease_until", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("intent", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_upload"),
    )
    op.create_index("ix_upload_expires", "upload", ["expires_at"])
    op.create_index("ix_upload_file", "upload", ["file_id"])
    op.create_index("ix_upload_principal", "upload", ["space_id", "principal_id", "state"])
    op.create_index("ix_upload_stage", "upload", ["stage"])
    op.create_index(
        "uq_upload_client_key",
        "upload",
        ["space_id", "principal_id", "client_key"],
        unique=True,
        sqlite_where=sa.text("client_key IS NOT NULL"),
        postgresql_where=sa.text("client_key IS NOT NULL"),
    )

    op.create_table(
        "version",
        sa.Column("file_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("content_id", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("declared_type", _TEXT, nullable=True),
        sa.Column("detected_type", _TEXT, nullable=True),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("md5", sa.LargeBinary(), nullable=False),
        sa.Column("pins", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        sa.Column("replaced_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("file_id", "number", name="pk_version"),
    )
    op.create_index("ix_version_replaced", "version", ["replaced_at"])
