"""Statements about users, keys, revoked tokens, failed log-ins and sealed secrets."""

from sqlalchemy import bindparam, delete, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from consigne.catalog.engine import Statement, Tx
from consigne.catalog.rows import params, reader
from consigne.catalog.schema import (
    api_key,
    login_failure,
    oauth_client,
    principal,
    revoked_token,
    secret,
)
from consigne.errors import NameTaken
from consigne.model.entities import ApiKey, Principal

_principal = reader(Principal)
_key = reader(ApiKey)

_INSERT = Statement(
    upsert(principal)
    .values({c: bindparam(c.name) for c in principal.c if c.name != "id"})
    .on_conflict_do_nothing()
    .returning(principal.c.id)
)
_BY_ID = Statement(select(principal).where(principal.c.id == bindparam("id")))
_BY_LOGIN = Statement(
    select(principal)
    .where(
        or_(principal.c.email == bindparam("login"), principal.c.username == bindparam("username"))
    )
    .order_by(principal.c.id)
)
_LIST = Statement(
    select(principal)
    .where(principal.c.id > bindparam("after"), principal.c.deleted_at.is_(None))
    .order_by(principal.c.id)
    .limit(bindparam("n"))
)
_COUNT = Statement(select(func.count()).select_from(principal))
_SET = Statement(
    update(principal)
    .where(principal.c.id == bindparam("principal"))
    .values(
        name=bindparam("new_name"),
        password_hash=bindparam("new_hash"),
        is_active=bindparam("new_active"),
        is_operator=bindparam("new_operator"),
        home_space_id=bindparam("new_home"),
        tokens_valid_from=bindparam("new_valid_from"),
    )
)
_OPERATORS = Statement(
    select(principal.c.id)
    .where(principal.c.is_operator == 1, principal.c.is_active == 1)
    .order_by(principal.c.id)
    .with_for_update()
)
_ADD_KEY = Statement(insert(api_key))
_KEY_BY_HASH = Statement(select(api_key).where(api_key.c.token_hash == bindparam("hash")))
_KEYS = Statement(
    select(api_key).where(api_key.c.principal_id == bindparam("principal")).order_by(api_key.c.id)
)
_KEY = Statement(select(api_key).where(api_key.c.id == bindparam("id")))
_DROP_KEY = Statement(delete(api_key).where(api_key.c.id == bindparam("id")))
_KEYS_OF_SPACE = Statement(
    select(api_key).where(api_key.c.space_id == bindparam("space")).order_by(api_key.c.id)
)
_ADD_CLIENT = Statement(upsert(oauth_client).on_conflict_do_nothing())
_CLIENT_SECRET = Statement(
    select(oauth_client.c.secret_hash).where(oauth_client.c.client_id == bindparam("client"))
)
_REVOKE = Statement(upsert(revoked_token).on_conflict_do_nothing())
_REVOKED = Statement(select(revoked_token.c.jti).where(revoked_token.c.jti == bindparam("jti")))
_FORGET_TOKENS = Statement(delete(revoked_token).where(revoked_token.c.expires_at < bindparam("t")))
_FAIL = Statement(insert(login_failure))
_FAILURES = Statement(
    select(login_failure.c.account, login_failure.c.address, login_failure.c.at)
    .where(
        login_failure.c.at > bindparam("since"),
        or_(
            login_failure.c.account == bindparam("account"),
            login_failure.c.address == bindparam("address"),
        ),
    )
    .order_by(login_failure.c.at)
)
_FORGET_FAILURES = Statement(delete(login_failure).where(login_failure.c.at < bindparam("t")))
_SECRET = Statement(select(secret.c.sealed).where(secret.c.name == bindparam("name")))
_ADD_SECRET = Statement(upsert(secret).on_conflict_do_nothing())


def insert_principal(tx: Tx, value: Principal) -> Principal:
    """Store a new user and return it with its number. Raises NameTaken."""
    fields = params(value)
    del fields["id"]
    number = tx.value(_INSERT, **fields)
    if number is None:
        raise NameTaken("This e-mail address or user name is taken.", parameter="email")
    found = by_id(tx, number)
    assert found is not None
    return found


def by_id(tx: Tx, number: int) -> Principal | None:
    row = tx.one(_BY_ID, id=number)
    return _principal(row) if row else None


def by_login(tx: Tx, login: str) -> Principal | None:
    """Return the user with this e-mail (in lower case) or exact user name."""
    row = tx.one(_BY_LOGIN, login=login.lower(), username=login)
    return _principal(row) if row else None


def page(tx: Tx, after: int, limit: int) -> list[Principal]:
    return [_principal(row) for row in tx.all(_LIST, after=after, n=limit)]


def count(tx: Tx) -> int:
    return int(tx.value(_COUNT))


def change(tx: Tx, value: Principal) -> None:
    """Store the settable fields of a user."""
    tx.run(
        _SET,
        principal=value.id,
        new_name=value.name,
        new_hash=value.password_hash,
        new_active=int(value.is_active),
        new_operator=int(value.is_operator),
        new_home=value.home_space_id,
        new_valid_from=value.tokens_valid_from,
    )


def operators(tx: Tx) -> list[int]:
    """Return who looks after the installation, and hold those rows until the transaction ends."""
    return [row[0] for row in tx.all(_OPERATORS)]


def insert_key(tx: Tx, value: ApiKey) -> None:
    tx.run(_ADD_KEY, **params(value))


def key_by_hash(tx: Tx, token_hash: bytes) -> ApiKey | None:
    row = tx.one(_KEY_BY_HASH, hash=token_hash)
    return _key(row) if row else None


def key_by_id(tx: Tx, number: int) -> ApiKey | None:
    row = tx.one(_KEY, id=number)
    return _key(row) if row else None


def keys_of(tx: Tx, principal_id: int) -> list[ApiKey]:
    return [_key(row) for row in tx.all(_KEYS, principal=principal_id)]


def keys_of_space(tx: Tx, space_id: int) -> list[ApiKey]:
    return [_key(row) for row in tx.all(_KEYS_OF_SPACE, space=space_id)]


def drop_key(tx: Tx, number: int) -> bool:
    return bool(tx.run(_DROP_KEY, id=number))


def add_client(tx: Tx, client_id: str, secret_hash: bytes, name: str, now: int) -> bool:
    """Store an OAuth client of the installation; False where the id is taken."""
    return bool(
        tx.run(_ADD_CLIENT, client_id=client_id, secret_hash=secret_hash, name=name, created_at=now)
    )


def client_secret_hash(tx: Tx, client_id: str) -> bytes | None:
    value: bytes | None = tx.value(_CLIENT_SECRET, client=client_id)
    return value


def revoke_token(tx: Tx, jti: str, expires_at: int) -> None:
    tx.run(_REVOKE, jti=jti, expires_at=expires_at)


def is_revoked(tx: Tx, jti: str) -> bool:
    return tx.one(_REVOKED, jti=jti) is not None


def add_failure(tx: Tx, number: int, account: str, address: str, at: int) -> None:
    tx.run(_FAIL, id=number, account=account, address=address, at=at)


def failures(tx: Tx, account: str, address: str, since: int) -> list[tuple[str, str, int]]:
    """Return (account, address, time) of failures of either, oldest first."""
    rows = tx.all(_FAILURES, account=account, address=address, since=since)
    return [(row[0], row[1], row[2]) for row in rows]


def forget(tx: Tx, before: int, failures_before: int) -> None:
    """Drop revoked tokens that have expired anyway and failures that no longer count."""
    tx.run(_FORGET_TOKENS, t=before)
    tx.run(_FORGET_FAILURES, t=failures_before)


def forget_secrets(tx: Tx) -> None:
    """Remove the service's own secrets; it makes new ones when it needs them."""
    tx.run(delete(secret))


def sealed_secret(tx: Tx, name: str) -> bytes | None:
    value: bytes | None = tx.value(_SECRET, name=name)
    return value


def add_secret(tx: Tx, name: str, sealed: bytes) -> None:
    """Store a sealed secret unless one of this name exists."""
    tx.run(_ADD_SECRET, name=name, sealed=sealed)
