"""The tables. Only plain types, so that values pass between Python and the databases unchanged.

Times are milliseconds since 1970 (UTC), booleans 0 or 1, JSON is text. Text is compared byte by
byte on both databases (C-55). The migrations in ``migrations/`` make these tables; a test holds the
two together.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# Byte-wise comparison: SQLite's default, "C" on PostgreSQL.
STRING = Text().with_variant(Text(collation="C"), "postgresql")
# SQLite gives out numbers of its own only to a column of exactly this type.
SEQUENCE = BigInteger().with_variant(Integer(), "sqlite")


def _number(name: str, *, null: bool = False, key: bool = False) -> Column[Any]:
    return Column(name, BigInteger, nullable=null, primary_key=key, autoincrement=False)


def _flag(name: str) -> Column[Any]:
    return Column(name, SmallInteger, nullable=False)


def _string(name: str, *, null: bool = False, key: bool = False) -> Column[Any]:
    return Column(name, STRING, nullable=null, primary_key=key)


def _bytes(name: str, *, null: bool = False, key: bool = False) -> Column[Any]:
    return Column(name, LargeBinary, nullable=null, primary_key=key)


def _serial(name: str) -> Column[Any]:
    return Column(name, SEQUENCE, primary_key=True, autoincrement=True)


space = Table(
    "space",
    metadata,
    _serial("id"),
    _string("short"),
    _string("name"),
    _number("quota", null=True),
    _number("used"),
    _number("reserved"),
    _number("undo"),
    _number("ocr_credits"),
    _flag("signup_open"),
    _number("created_at"),
    Index("uq_space_short", "short", unique=True),
)

host = Table("host", metadata, _string("name", key=True), _number("space_id"))

principal = Table(
    "principal",
    metadata,
    _serial("id"),
    _string("email"),
    _string("username"),
    _string("name"),
    _string("password_hash", null=True),
    _flag("is_active"),
    _flag("is_operator"),
    _number("home_space_id", null=True),
    _number("tokens_valid_from"),
    _number("created_at"),
    Index("uq_principal_email", "email", unique=True),
    Index("uq_principal_username", "username", unique=True),
)

member = Table(
    "member",
    metadata,
    _number("space_id", key=True),
    _number("principal_id", key=True),
    _string("role"),
    _number("created_at"),
    Index("ix_member_principal", "principal_id"),
)

api_key = Table(
    "api_key",
    metadata,
    _number("id", key=True),
    _number("principal_id"),
    _number("space_id", null=True),
    _string("name"),
    _bytes("token_hash"),
    _string("hint"),
    _string("methods", null=True),
    _number("expires_at", null=True),
    _number("created_at"),
    Index("uq_api_key_token_hash", "token_hash", unique=True),
    Index("ix_api_key_principal", "principal_id"),
)

oauth_client = Table(
    "oauth_client",
    metadata,
    _string("client_id", key=True),
    _bytes("secret_hash"),
    _string("name"),
    _number("created_at"),
)

revoked_token = Table(
    "revoked_token",
    metadata,
    _string("jti", key=True),
    _number("expires_at"),
)

login_failure = Table(
    "login_failure",
    metadata,
    _number("id", key=True),
    _string("account"),
    _string("address"),
    _number("at"),
    Index("ix_login_failure_account", "account", "at"),
    Index("ix_login_failure_address", "address", "at"),
)

secret = Table("secret", metadata, _string("name", key=True), _bytes("sealed"))

folder = Table(
    "folder",
    metadata,
    _number("id", key=True),
    _number("space_id"),
    _number("year_id", null=True),
    _number("parent_id", null=True),
    _string("name"),
    _string("name_fold"),
    _number("created_by"),
    _number("created_at"),
    _number("updated_by", null=True),
    _number("updated_at", null=True),
    Index("ix_folder_parent", "space_id", "parent_id", "id"),
    Index("ix_folder_year", "space_id", "year_id", "id"),
)

# An accounting year: a shelf of files and folders that can be closed.
year = Table(
    "year",
    metadata,
    _number("id", key=True),
    _number("space_id"),
    _number("previous_id", null=True),
    _string("label"),
    _string("starting_at"),
    _string("ending_at"),
    _flag("is_closed"),
    _number("closed_at", null=True),
    _number("created_at"),
    _number("created_by"),
    _number("updated_at", null=True),
    _number("updated_by", null=True),
    Index("ix_year_space", "space_id", "id"),
)

# Key pairs that sign requests; the secret half is sealed under the master key (C-05).
signing_key = Table(
    "signing_key",
    metadata,
    _number("id", key=True),
    _string("access_key"),
    _number("principal_id"),
    _number("space_id", null=True),
    _string("name"),
    _bytes("sealed"),
    _number("expires_at", null=True),
    _number("created_at"),
    Index("uq_signing_key_access_key", "access_key", unique=True),
    Index("ix_signing_key_principal", "principal_id"),
)

content = Table(
    "content",
    metadata,
    _number("id", key=True),
    _number("space_id"),
    _bytes("sha256"),
    _bytes("md5"),
    _number("size"),
    _string("key"),
    Column("block_size", Integer, nullable=False),
    _bytes("blocks"),
    _number("references"),
    _string("state"),
    _string("detected_type"),
    _number("created_at"),
    _number("idle_since", null=True),
    # One live content per space and digest: the catalog decides who wins (C-20).
    Index(
        "uq_content_live",
        "space_id",
        "sha256",
        unique=True,
        sqlite_where=text("state = 'live'"),
        postgresql_where=text("state = 'live'"),
    ),
    Index(
        "ix_content_idle",
        "idle_since",
        sqlite_where=text("idle_since IS NOT NULL"),
        postgresql_where=text("idle_since IS NOT NULL"),
    ),
    Index("uq_content_key", "key", unique=True),
)

file = Table(
    "file",
    metadata,
    _number("id", key=True),
    _number("space_id"),
    _number("owner_id", null=True),
    _string("state"),
    _string("access"),
    _string("policy"),
    Column("reasons", SmallInteger, nullable=False),
    Column("guards", SmallInteger, nullable=False),
    _number("folder_id", null=True),
    _number("year_id", null=True),
    _number("parent_id", null=True),
    _string("name"),
    _string("name_fold"),
    _string("reference", null=True),
    _string("declared_type", null=True),
    _string("detected_type", null=True),
    _flag("is_source"),
    _flag("is_open"),
    _flag("was_linked"),
    Column("version", Integer, nullable=False),
    _number("content_id", null=True),
    _number("size"),
    _bytes("sha256", null=True),
    _bytes("md5", null=True),
    _string("client_hash", null=True),
    _string("date", null=True),
    _number("created_at"),
    _number("completed_at", null=True),
    _number("updated_at", null=True),
    _number("updated_by", null=True),
    _number("expires_at", null=True),
    _number("released_at", null=True),
    _number("retain_until", null=True),
    _string("hold_reason", null=True),
    _string("meta", null=True),
    Index("ix_file_owner", "space_id", "owner_id", "state", "id"),
    Index("ix_file_space", "space_id", "state", "id"),
    Index("ix_file_name", "space_id", "state", "name_fold", "id"),
    Index(
        "ix_file_folder",
        "folder_id",
        "id",
        sqlite_where=text("folder_id IS NOT NULL"),
        postgresql_where=text("folder_id IS NOT NULL"),
    ),
    Index(
        "ix_file_year",
        "year_id",
        "id",
        sqlite_where=text("year_id IS NOT NULL"),
        postgresql_where=text("year_id IS NOT NULL"),
    ),
    Index(
        "ix_file_expires",
        "expires_at",
        sqlite_where=text("expires_at IS NOT NULL"),
        postgresql_where=text("expires_at IS NOT NULL"),
    ),
    Index(
        "ix_file_released",
        "released_at",
        sqlite_where=text("released_at IS NOT NULL"),
        postgresql_where=text("released_at IS NOT NULL"),
    ),
    Index(
        "ix_file_parent",
        "parent_id",
        sqlite_where=text("parent_id IS NOT NULL"),
        postgresql_where=text("parent_id IS NOT NULL"),
    ),
)

file_field = Table(
    "file_field",
    metadata,
    _number("file_id", key=True),
    _string("name", key=True),
    _number("space_id"),
    _string("value"),
    _string("value_fold"),
    Index("ix_file_field_value", "space_id", "name", "value"),
)

file_tag = Table(
    "file_tag",
    metadata,
    _number("file_id", key=True),
    _string("tag", key=True),
    _number("space_id"),
    Index("ix_file_tag_tag", "space_id", "tag", "file_id"),
)

version = Table(
    "version",
    metadata,
    _number("file_id", key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    _number("content_id"),
    _number("size"),
    _string("name"),
    _string("declared_type", null=True),
    _string("detected_type", null=True),
    _bytes("sha256"),
    _bytes("md5"),
    Column("pins", Integer, nullable=False),
    _number("created_at"),
    _number("created_by", null=True),
    _number("replaced_at"),
    Index("ix_version_replaced", "replaced_at"),
)

upload = Table(
    "upload",
    metadata,
    _number("id", key=True),
    _number("space_id"),
    _number("principal_id"),
    _number("file_id", null=True),
    _string("state"),
    _string("client_key", null=True),
    _number("length", null=True),
    _number("part_size", null=True),
    Column("parts_total", Integer, nullable=True),
    Column("parts_received", Integer, nullable=False),
    _number("received"),
    _number("reserved"),
    _string("stage"),
    _string("holder", null=True),
    _number("lease_until"),
    _number("expires_at"),
    _bytes("intent"),
    _number("created_at"),
    _number("updated_at"),
    Column("is_signed", SmallInteger, nullable=False, server_default=text("0")),
    Index(
        "uq_upload_client_key",
        "space_id",
        "principal_id",
        "client_key",
        unique=True,
        sqlite_where=text("client_key IS NOT NULL"),
        postgresql_where=text("client_key IS NOT NULL"),
    ),
    Index("ix_upload_expires", "expires_at"),
    Index("ix_upload_file", "file_id"),
    Index("ix_upload_stage", "stage"),
    Index("ix_upload_principal", "space_id", "principal_id", "state"),
)

part = Table(
    "part",
    metadata,
    _number("upload_id", key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    _number("offset"),
    _number("size"),
    _bytes("sha256"),
)

tombstone = Table(
    "tombstone",
    metadata,
    _string("kind", key=True),
    _number("id", key=True),
    _number("space_id"),
    _number("owner_id", null=True),
    _string("reason"),
    _number("ended_at"),
    _number("keep_until", null=True),
    Index("ix_tombstone_keep_until", "keep_until"),
)

# A request that must have its effect once, and the id of what it made.
once = Table(
    "once",
    metadata,
    _number("space_id", key=True),
    _number("principal_id", key=True),
    _string("route", key=True),
    _string("key", key=True),
    _bytes("fingerprint"),
    _number("subject"),
    _number("expires_at"),
    Index("ix_once_expires", "expires_at"),
)

event = Table(
    "event",
    metadata,
    _number("id", key=True),
    _number("space_id"),
    _number("at"),
    _number("actor_id", null=True),
    _string("action"),
    _number("subject", null=True),
    _string("data", null=True),
    _number("sequence", null=True),
    _bytes("digest", null=True),
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
    _number("space_id", key=True),
    _number("sequence"),
    _bytes("digest"),
)

# Work that one process at a time may do.
lease = Table(
    "lease",
    metadata,
    _string("name", key=True),
    _string("holder"),
    _number("until"),
)

# Work for later, and who does it now: the queue.
job = Table(
    "job",
    metadata,
    _number("id", key=True),
    _number("space_id"),
    _string("kind"),
    _string("state"),
    _number("subject", null=True),
    _string("key", null=True),
    _string("payload"),
    _number("done"),
    _number("total", null=True),
    Column("attempts", Integer, nullable=False),
    Column("max_attempts", Integer, nullable=False),
    _number("run_at"),
    _string("holder", null=True),
    _number("lease_until"),
    _number("credits"),
    _number("created_at"),
    _number("created_by", null=True),
    _number("started_at", null=True),
    _number("ended_at", null=True),
    _string("error", null=True),
    _string("result", null=True),
    Index("ix_job_space", "space_id", "id"),
    Index(
        "ix_job_due",
        "run_at",
        "id",
        sqlite_where=text("state = 'queued'"),
        postgresql_where=text("state = 'queued'"),
    ),
    Index(
        "ix_job_lapsed",
        "lease_until",
        sqlite_where=text("state = 'running'"),
        postgresql_where=text("state = 'running'"),
    ),
    Index("ix_job_key", "key", "id"),
    # Of several wishes for the same work, one is under way; the others join it.
    Index(
        "uq_job_key",
        "key",
        unique=True,
        sqlite_where=text("state IN ('queued', 'running') AND key IS NOT NULL"),
        postgresql_where=text("state IN ('queued', 'running') AND key IS NOT NULL"),
    ),
    Index(
        "ix_job_ended",
        "ended_at",
        sqlite_where=text("ended_at IS NOT NULL"),
        postgresql_where=text("ended_at IS NOT NULL"),
    ),
)
