"""The tables. Only plain types, so that values pass between Python and the databases unchanged.

Times are milliseconds since 1970 (UTC), booleans 0 or 1, JSON is text. Text is compared byte by
byte on both databases (C-55). The migrations in ``migrations/`` make these tables; a test holds the
two together.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
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

# What a client got for a password or a refresh token; both tokens as SHA-256 (C-05).
oauth_pair = Table(
    "oauth_pair",
    metadata,
    _number("id", key=True),
    _number("principal_id"),
    _string("client_id"),
    _number("parent_id", null=True),
    _bytes("access_hash"),
    _number("access_until"),
    _bytes("refresh_hash"),
    _number("refresh_until"),
    _number("valid_from"),
    _number("created_at"),
    _number("used_at", null=True),
    Index("uq_oauth_pair_access_hash", "access_hash", unique=True),
    Index("uq_oauth_pair_refresh_hash", "refresh_hash", unique=True),
    Index("ix_oauth_pair_principal", "principal_id", "id"),
    Index("ix_oauth_pair_refresh_until", "refresh_until"),
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
    Index(
        "ix_content_confined",
        "space_id",
        "sha256",
        sqlite_where=text("state = 'quarantined'"),
        postgresql_where=text("state = 'quarantined'"),
    ),
    Index("uq_content_key", "key", unique=True),
)

# What the search knows of a content; its words are in ``passage`` and ``terms.passage_terms``.
content_text = Table(
    "content_text",
    metadata,
    _number("content_id", key=True),
    _number("space_id"),
    _string("origin"),
    Column("pages", Integer, nullable=True),
    _number("length"),
    _flag("is_cut"),
    _string("problem", null=True),
    Column("rules", Integer, nullable=False),
    _number("read_at"),
)

# A text in pieces of some 250 words.
passage = Table(
    "passage",
    metadata,
    _serial("id"),
    _number("content_id"),
    Column("page", Integer, nullable=True),
    _string("body"),
    Index("ix_passage_content", "content_id", "id"),
)

# What was made from a content, such as a picture of it; the bytes are a content of their own.
preview = Table(
    "preview",
    metadata,
    _number("content_id", key=True),
    _string("shape", key=True),
    _number("space_id"),
    _number("picture_id"),
    _number("size"),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    _number("made_at"),
    _number("used_at"),
    Index("uq_preview_picture", "picture_id", unique=True),
    Index("ix_preview_space", "space_id", "used_at"),
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
    Index(
        "ix_file_content",
        "content_id",
        sqlite_where=text("content_id IS NOT NULL"),
        postgresql_where=text("content_id IS NOT NULL"),
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

# Files whose words the search does not know yet.
label_due = Table(
    "label_due", metadata, _number("space_id", key=True), _number("file_id", key=True)
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

# How far a consumer of the chain has come in each space.
follower = Table(
    "follower",
    metadata,
    _string("name", key=True),
    _number("space_id", key=True),
    _number("sequence"),
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

# What a job leaves to be downloaded, such as the rows that it refused; bytes as of a preview.
report = Table(
    "report",
    metadata,
    _number("job_id", key=True),
    _number("space_id"),
    _number("content_id"),
    _string("name"),
    _number("size"),
    _number("made_at"),
    Index("uq_report_content", "content_id", unique=True),
)

# An import of records (DX-39); how far it is stands in its job.
import_run = Table(
    "import_run",
    metadata,
    _number("job_id", key=True),
    _number("space_id"),
    _number("type_id"),
    _number("file_id"),
    _string("mode"),
    _number("succeeded"),
    _number("failed"),
    Index("ix_import_run_space", "space_id", "job_id"),
    Index("ix_import_run_file", "file_id"),
)

# How far a job over many files is; it goes on behind the file ``last_id``.
bulk_run = Table(
    "bulk_run",
    metadata,
    _number("job_id", key=True),
    _number("last_id"),
    _number("count"),
    _number("size"),
    _number("failed"),
)

# Files that such a job left alone, and why.
bulk_refusal = Table(
    "bulk_refusal",
    metadata,
    _number("job_id", key=True),
    _number("file_id", key=True),
    _string("name"),
    _string("code"),
    _string("detail"),
)

# What became of a row: a record, or faults as JSON (C-52).
import_row = Table(
    "import_row",
    metadata,
    _number("job_id", key=True),
    _number("line", key=True),
    _number("record_id", null=True),
    _string("faults", null=True),
)

# Types of records: families, structures (C-33); the fields are in their versions.
record_type = Table(
    "record_type",
    metadata,
    _serial("id"),
    _number("space_id"),
    _string("dialect"),
    _string("name"),
    _string("name_fold"),
    _string("label"),
    Column("version", Integer, nullable=False),
    _string("acl"),
    _string("hooks"),
    _number("created_at"),
    _number("created_by", null=True),
    _number("updated_at", null=True),
    Index("uq_record_type_name", "space_id", "name_fold", unique=True),
)

type_version = Table(
    "type_version",
    metadata,
    _number("type_id", key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    _string("fields"),
    _number("created_at"),
    _number("created_by", null=True),
)

record = Table(
    "record",
    metadata,
    _serial("id"),
    _number("space_id"),
    _number("type_id"),
    Column("type_version", Integer, nullable=False),
    _string("uuid"),
    _string("name", null=True),
    _string("name_fold", null=True),
    _string("title"),
    _string("title_fold"),
    _string("state"),
    _number("origin", null=True),
    Column("revision", Integer, nullable=False),
    _number("number"),
    _number("type_number"),
    _flag("is_partial"),
    _string("reference", null=True),
    _flag("is_reference"),
    _string("body"),
    _string("acl", null=True),
    _number("locked_by", null=True),
    _number("created_at"),
    _number("created_by", null=True),
    _number("updated_at"),
    _number("updated_by", null=True),
    _number("data_created_at", null=True),
    _number("data_updated_at", null=True),
    Column("latitude", Float(53), nullable=True),
    Column("longitude", Float(53), nullable=True),
    _number("trashed_at", null=True),
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
    _number("space_id", key=True),
    _number("type_id", key=True),
    _number("last"),
)

link = Table(
    "link",
    metadata,
    _number("record_id", key=True),
    _string("field", key=True),
    Column("idx", Integer, primary_key=True, autoincrement=False),
    _number("space_id"),
    _number("file_id"),
    _flag("is_live"),
    Column("version", Integer, nullable=False),
    _string("reference"),
    _string("name", null=True),
    _string("comment", null=True),
    _string("access"),
    _number("linked_at"),
    _number("linked_by", null=True),
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

group_member = Table(
    "group_member",
    metadata,
    _number("space_id", key=True),
    _string("name", key=True),
    _number("principal_id", key=True),
    Index("ix_group_member_principal", "space_id", "principal_id"),
)

webhook = Table(
    "webhook",
    metadata,
    _serial("id"),
    _number("space_id"),
    _string("name"),
    _string("name_fold"),
    _string("url"),
    _string("events"),
    _string("types"),
    _string("on_failure"),
    _flag("is_active"),
    _flag("is_hook"),
    _string("reason", null=True),
    _bytes("secret"),
    _bytes("old_secret", null=True),
    _number("old_until", null=True),
    _number("created_at"),
    _number("created_by", null=True),
    _number("updated_at", null=True),
    _number("succeeded_at", null=True),
    _number("failed_at", null=True),
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
    _number("id", key=True),
    _number("space_id"),
    _number("webhook_id"),
    _string("message"),
    _string("event"),
    _string("payload"),
    _string("state"),
    Column("attempts", Integer, nullable=False),
    _number("next_at"),
    _number("give_up_at"),
    _number("created_at"),
    _number("attempted_at", null=True),
    _number("ended_at", null=True),
    Column("status", Integer, nullable=True),
    _string("error", null=True),
    _string("response", null=True),
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
