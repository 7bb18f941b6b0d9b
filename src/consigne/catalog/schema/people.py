"""Who uses the service, and by which credentials: spaces, principals, keys, tokens."""

from sqlalchemy import Index, Table

from consigne.catalog.schema.columns import binary, flag, metadata, number, serial, string

space = Table(
    "space",
    metadata,
    serial("id"),
    string("short"),
    string("name"),
    number("quota", null=True),
    number("used"),
    number("reserved"),
    number("undo"),
    number("ocr_credits"),
    flag("signup_open"),
    number("created_at"),
    number("deleted_at", null=True),
    Index("uq_space_short", "short", unique=True),
)

# How full a space was on a day (UTC), for charts; nothing is decided by it.
usage_day = Table(
    "usage_day",
    metadata,
    number("space_id", key=True),
    string("day", key=True),
    number("used"),
    number("undo"),
    number("files"),
    number("quota", null=True),
    number("ocr_credits"),
    number("ocr_pages"),
    Index("ix_usage_day_day", "day"),
)

host = Table("host", metadata, string("name", key=True), number("space_id"))

principal = Table(
    "principal",
    metadata,
    serial("id"),
    string("email"),
    string("username"),
    string("name"),
    string("password_hash", null=True),
    flag("is_active"),
    flag("is_operator"),
    number("home_space_id", null=True),
    number("tokens_valid_from"),
    number("created_at"),
    number("deleted_at", null=True),
    Index("uq_principal_email", "email", unique=True),
    Index("uq_principal_username", "username", unique=True),
)

member = Table(
    "member",
    metadata,
    number("space_id", key=True),
    number("principal_id", key=True),
    string("role"),
    number("created_at"),
    Index("ix_member_principal", "principal_id"),
)

group_member = Table(
    "group_member",
    metadata,
    number("space_id", key=True),
    string("name", key=True),
    number("principal_id", key=True),
    Index("ix_group_member_principal", "space_id", "principal_id"),
)

api_key = Table(
    "api_key",
    metadata,
    number("id", key=True),
    number("principal_id"),
    number("space_id", null=True),
    string("name"),
    binary("token_hash"),
    string("hint"),
    string("methods", null=True),
    number("expires_at", null=True),
    number("created_at"),
    Index("uq_api_key_token_hash", "token_hash", unique=True),
    Index("ix_api_key_principal", "principal_id"),
)

# Key pairs that sign requests; the secret half is sealed under the master key (C-05).
signing_key = Table(
    "signing_key",
    metadata,
    number("id", key=True),
    string("access_key"),
    number("principal_id"),
    number("space_id", null=True),
    string("name"),
    binary("sealed"),
    number("expires_at", null=True),
    number("created_at"),
    Index("uq_signing_key_access_key", "access_key", unique=True),
    Index("ix_signing_key_principal", "principal_id"),
)

oauth_client = Table(
    "oauth_client",
    metadata,
    string("client_id", key=True),
    binary("secret_hash"),
    string("name"),
    number("created_at"),
)

# What a client got for a password or a refresh token; both tokens as SHA-256 (C-05).
oauth_pair = Table(
    "oauth_pair",
    metadata,
    number("id", key=True),
    number("principal_id"),
    string("client_id"),
    number("parent_id", null=True),
    binary("access_hash"),
    number("access_until"),
    binary("refresh_hash"),
    number("refresh_until"),
    number("valid_from"),
    number("created_at"),
    number("used_at", null=True),
    Index("uq_oauth_pair_access_hash", "access_hash", unique=True),
    Index("uq_oauth_pair_refresh_hash", "refresh_hash", unique=True),
    Index("ix_oauth_pair_principal", "principal_id", "id"),
    Index("ix_oauth_pair_refresh_until", "refresh_until"),
)

revoked_token = Table(
    "revoked_token",
    metadata,
    string("jti", key=True),
    number("expires_at"),
)

login_failure = Table(
    "login_failure",
    metadata,
    number("id", key=True),
    string("account"),
    string("address"),
    number("at"),
    Index("ix_login_failure_account", "account", "at"),
    Index("ix_login_failure_address", "address", "at"),
)

secret = Table("secret", metadata, string("name", key=True), binary("sealed"))
