"""Who is calling: users, keys, tokens and log-ins; one authenticator for all dialects (C-05).

What a credential stands for is remembered for at most ``FRESH`` seconds, so a revoked key or a
changed role takes effect within that time in every process, and at once in the one that changed it.
"""

import hashlib
import hmac
import re
import secrets
import time
from typing import Any

import msgspec

from consigne.catalog import principals, spaces
from consigne.catalog.engine import Catalog, Tx
from consigne.core.access import Caller, Seat
from consigne.core.clock import now_ms
from consigne.core.grants import ACCESS_PREFIX, Grants
from consigne.core.history import record
from consigne.core.passwords import Passwords
from consigne.core.tokens import Tokens
from consigne.errors import (
    BadParameter,
    Forbidden,
    KeyNotFound,
    NameTaken,
    NotMember,
    SpaceNotFound,
    Unauthenticated,
    UserNotFound,
    WrongState,
)
from consigne.model.entities import ApiKey, Member, Principal, Space
from consigne.model.identity import new_id
from consigne.model.names import fold
from consigne.model.rights import Right, Role

FRESH = 5.0
_CACHE_SIZE = 10_000
_LOOKED_AT = 500  # users at a time
KEY_PREFIX = "csg_"
MIN_KEY = 32
_EMAIL = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f]{1,189}")
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})


class Accounts:
    """The verbs about users and credentials."""

    def __init__(
        self, catalog: Catalog, passwords: Passwords, tokens: Tokens, grants: Grants
    ) -> None:
        self._catalog = catalog
        self.passwords = passwords
        self.tokens = tokens
        self.grants = grants
        self._callers: dict[str, tuple[float, Caller]] = {}
        self._seats: dict[tuple[int, int | None, str | None, str | None], tuple[float, Seat]] = {}

    # Authentication

    async def by_bearer(self, token: str) -> Caller:
        """Return the caller of an API key, a log-in token or an OAuth access token.

        Raises Unauthenticated.
        """
        hit = self._callers.get(token)
        if hit is not None and hit[0] > time.monotonic():
            return hit[1]
        asked_at = time.monotonic()  # not when the answer came: a slow catalog adds nothing
        caller = await self._resolve_bearer(token)
        if len(self._callers) >= _CACHE_SIZE:
            self._callers.clear()
        self._callers[token] = (asked_at + FRESH, caller)
        return caller

    async def by_password(self, login: str, password: str, address: str) -> Caller:
        """Return the caller of a user name and password. Raises BadCredentials, LoginThrottled."""
        return Caller(await self.passwords.check(login, password, address))

    async def by_login(self, login: str) -> Caller | None:
        """Return the active user with this e-mail or user name, whom somebody else vouches for."""
        if "\0" in login:
            return None
        user = await self._catalog.look(lambda tx: principals.by_login(tx, login))
        return Caller(user) if user is not None and user.is_active else None

    async def _resolve_bearer(self, token: str) -> Caller:
        if token.count(".") == 2:
            return Caller(await self.tokens.check(token))
        if token.startswith(ACCESS_PREFIX):
            return Caller(await self.grants.check(token))
        digest = hashlib.sha256(token.encode()).digest()

        def work(tx: Tx) -> tuple[ApiKey, Principal] | None:
            key = principals.key_by_hash(tx, digest)
            user = principals.by_id(tx, key.principal_id) if key else None
            return (key, user) if key and user else None

        found = await self._catalog.look(work)
        if found is None or not found[1].is_active:
            raise Unauthenticated
        key, user = found
        if key.expires_at is not None and key.expires_at <= now_ms():
            raise Unauthenticated("This key has expired.")
        methods = frozenset(key.methods.split(",")) if key.methods else None
        return Caller(user, key.space_id, methods, key.id)

    # Seats

    async def seat(
        self, caller: Caller, *, short: str | None = None, host: str | None = None
    ) -> Seat:
        """Return the caller's place in a space: the one named, the one of the host, the key's own,
        or the caller's home (C-01).

        A key that is bound to one space is no member of any other. Raises SpaceNotFound (named and
        unknown), NotMember.
        """
        mark = (caller.id, caller.key_id, short, host)
        hit = self._seats.get(mark)
        if hit is not None and hit[0] > time.monotonic():
            return hit[1]
        asked_at = time.monotonic()
        seat = await self._catalog.look(lambda tx: _seat(tx, caller, short, host))
        if len(self._seats) >= _CACHE_SIZE:
            self._seats.clear()
        self._seats[mark] = (asked_at + FRESH, seat)
        return seat

    async def spaces_of(self, caller: Caller) -> list[tuple[Role, Space]]:
        """Return the spaces that the caller is a member of, within the key's binding."""
        found = await self._catalog.look(lambda tx: spaces.spaces_of(tx, caller.id))
        return [pair for pair in found if caller.space_id in (None, pair[1].id)]

    def forget(self) -> None:
        """Drop what is remembered of credentials and roles, after a change here."""
        self._callers.clear()
        self._seats.clear()

    # Users

    async def create_user(
        self,
        email: str,
        password: str | None = None,
        *,
        username: str = "",
        name: str = "",
        home: Space | None = None,
        is_operator: bool = False,
    ) -> Principal:
        """Make a user of the installation. Raises NameTaken, BadParameter."""
        user = await self._new_user(
            email, password, username=username, name=name, home=home, is_operator=is_operator
        )
        return await self._catalog.write(lambda tx: principals.insert_principal(tx, user))

    async def _new_user(
        self,
        email: str,
        password: str | None,
        *,
        username: str = "",
        name: str = "",
        home: Space | None = None,
        is_operator: bool = False,
    ) -> Principal:
        email = require_email(email)
        username = username.strip() or email
        if len(username) > 256 or not username.isprintable():
            raise BadParameter("The user name is not valid.", parameter="username")
        if "@" in username and username.lower() != email:
            raise BadParameter(
                "A user name may not look like another e-mail address.", parameter="username"
            )
        return Principal(
            id=0,
            email=email,
            username=username,
            name=name.strip()[:256],
            password_hash=await self.passwords.hash(password) if password is not None else None,
            is_active=True,
            is_operator=is_operator,
            home_space_id=home.id if home else None,
            tokens_valid_from=now_ms(),
            created_at=now_ms(),
        )

    async def user(self, number: int) -> Principal:
        """Return a user by number. Raises UserNotFound."""
        found = await self.anyone(number)
        if found.deleted_at is not None:
            raise UserNotFound
        return found

    async def anyone(self, number: int) -> Principal:
        """Return a user by number, or what is left of a deleted one. Raises UserNotFound."""
        found = await self._catalog.look(lambda tx: principals.by_id(tx, number))
        if found is None:
            raise UserNotFound
        return found

    async def user_named(self, login: str) -> Principal:
        """Return a user by e-mail or user name. Raises UserNotFound."""
        found = await self._catalog.look(lambda tx: principals.by_login(tx, login))
        if found is None:
            raise UserNotFound
        return found

    async def users(self, after: int = 0, limit: int = 100, *, having: str = "") -> list[Principal]:
        """Return users in the order of their numbers; only those with this text in a name.

        In whatever case, in the e-mail, the user name or the name; all users are looked at.
        """
        wanted = fold(having)

        def work(tx: Tx) -> list[Principal]:
            found, last = list[Principal](), after
            while len(found) < limit and (page := principals.page(tx, last, _LOOKED_AT)):
                found += [
                    user
                    for user in page
                    if any(wanted in fold(each) for each in (user.email, user.username, user.name))
                ]
                last = page[-1].id
            return found[:limit]

        if not wanted:
            return await self._catalog.read(lambda tx: principals.page(tx, after, limit))
        return await self._catalog.read(work)

    async def change_user(self, number: int, **changes: Any) -> Principal:
        """Change name, password, is_active, is_operator or home_space_id of a user.

        A new password, and deactivation, void all tokens. Raises UserNotFound, BadParameter, and
        WrongState where nobody would be left to look after the installation.
        """
        if "password" in changes:
            changes["password_hash"] = await self.passwords.hash(changes.pop("password"))
        if "password_hash" in changes or changes.get("is_active") is False:
            changes["tokens_valid_from"] = now_ms()

        def work(tx: Tx) -> Principal:
            user = principals.by_id(tx, number)
            if user is None or user.deleted_at is not None:
                raise UserNotFound
            if changes.get("is_active") is False or changes.get("is_operator") is False:
                require_another_operator(tx, number, "change")
            changed = msgspec.structs.replace(user, **changes)
            principals.change(tx, changed)
            return changed

        changed = await self._catalog.write(work)
        self.forget()
        return changed

    # Keys

    async def create_key(
        self,
        owner: Principal,
        name: str,
        *,
        space: Space | None = None,
        methods: list[str] | None = None,
        expires_at: int | None = None,
        value: str | None = None,
    ) -> tuple[ApiKey, str]:
        """Make a key and return it with its secret, which is not kept. Raises BadParameter."""
        if value is not None and len(value) < MIN_KEY:
            raise BadParameter(f"A key has at least {MIN_KEY} characters.", parameter="value")
        wanted = {method.upper() for method in methods or []}
        if not wanted <= _METHODS:
            raise BadParameter("Methods are GET, POST, PUT, PATCH, DELETE.", parameter="methods")
        secret = value or KEY_PREFIX + secrets.token_urlsafe(32)
        key = ApiKey(
            id=new_id(),
            principal_id=owner.id,
            space_id=space.id if space else None,
            name=name.strip()[:256] or "key",
            token_hash=hashlib.sha256(secret.encode()).digest(),
            hint=secret[-4:],
            methods=",".join(sorted(wanted)) or None,
            expires_at=expires_at,
            created_at=now_ms(),
        )

        def work(tx: Tx) -> None:
            principals.insert_key(tx, key)
            if space is not None:
                record(tx, space.id, owner.id, "key.created", key.id, name=key.name)

        await self._catalog.write(work)
        return key, secret

    async def issue_key(
        self,
        caller: Caller,
        name: str,
        *,
        space: Space | None = None,
        methods: list[str] | None = None,
        expires_at: int | None = None,
    ) -> tuple[ApiKey, str]:
        """Make a key for the caller himself, never wider than the credential that he used.

        A key makes keys for its own space, its own methods and at most its own life. Raises
        Forbidden, BadParameter.
        """
        if caller.space_id is not None and (space is None or space.id != caller.space_id):
            raise Forbidden("A key that is bound to a space can only make keys for that space.")
        if caller.methods is not None and not {m.upper() for m in methods or ["*"]} <= (
            caller.methods
        ):
            raise Forbidden("A key that is limited to methods can only make keys for those.")
        if caller.key_id is not None:
            number = caller.key_id
            used = await self._catalog.look(lambda tx: principals.key_by_id(tx, number))
            if used is None:
                raise Unauthenticated
            ends = [at for at in (used.expires_at, expires_at) if at is not None]
            expires_at = min(ends, default=None)
        return await self.create_key(
            caller.principal, name, space=space, methods=methods, expires_at=expires_at
        )

    async def keys(self, caller: Caller) -> list[ApiKey]:
        """Return the caller's own keys, within the binding of the one that he uses."""
        found = await self._catalog.look(lambda tx: principals.keys_of(tx, caller.id))
        return [key for key in found if caller.space_id in (None, key.space_id)]

    async def keys_in(self, seat: Seat) -> list[ApiKey]:
        """Return all keys that are bound to a space; needs the right ``admin``."""
        seat.require(Right.ADMIN)
        return await self._catalog.look(lambda tx: principals.keys_of_space(tx, seat.space_id))

    async def revoke_key(self, caller: Caller, key_id: int) -> None:
        """Delete a key: one's own, one of a space that one administers, or any as operator.

        Raises KeyNotFound.
        """

        def work(tx: Tx) -> None:
            key = principals.key_by_id(tx, key_id)
            if key is None or not _may_revoke(tx, caller, key):
                raise KeyNotFound
            principals.drop_key(tx, key_id)
            if key.space_id is not None:
                record(tx, key.space_id, caller.id, "key.revoked", key_id, name=key.name)

        await self._catalog.write(work)
        self.forget()

    # OAuth clients: the applications that may ask for tokens in a user's name (RFC 6749)

    async def create_client(
        self, name: str, *, client_id: str = "", secret: str = ""
    ) -> tuple[str, str]:
        """Make a client of the installation; return its id and its secret, which is not kept.

        A secret that is given is taken as it is: clients in use bring theirs along, and alone it
        opens nothing. Raises NameTaken where the id is in use.
        """
        client_id = client_id or secrets.token_hex(8)
        secret = secret or secrets.token_urlsafe(32)
        digest = hashlib.sha256(secret.encode()).digest()
        made = await self._catalog.write(
            lambda tx: principals.add_client(tx, client_id, digest, name, now_ms())
        )
        if not made:
            raise NameTaken("This client id is in use.", parameter="client_id")
        return client_id, secret

    async def check_client(self, client_id: str, secret: str) -> bool:
        """Tell, in constant time, whether this is the secret of that client."""
        stored = await self._catalog.look(lambda tx: principals.client_secret_hash(tx, client_id))
        given = hashlib.sha256(secret.encode()).digest()
        return hmac.compare_digest(stored or bytes(32), given) and stored is not None

    async def sign_up(
        self, space: Space, email: str, password: str, username: str = ""
    ) -> Principal:
        """Make a user with the role writer in a space; the dialect has checked that it may."""
        wished = await self._new_user(email, password, username=username, home=space)

        def work(tx: Tx) -> Principal:
            user = principals.insert_principal(tx, wished)
            spaces.set_member(tx, Member(space.id, user.id, Role.WRITER, now_ms()))
            record(tx, space.id, user.id, "member.set", user.id, role=Role.WRITER.value)
            return user

        return await self._catalog.write(work)


def require_email(text: str) -> str:
    """Return an e-mail address in lower case. Raises BadParameter."""
    email = text.strip().lower()
    if not _EMAIL.fullmatch(email):
        raise BadParameter("This is not an e-mail address.", parameter="email")
    return email


def require_another_operator(tx: Tx, number: int, verb: str) -> None:
    """Raise WrongState where this user, and nobody else, looks after the installation."""
    if principals.operators(tx) == [number]:
        raise WrongState(
            "This is the last user who looks after the installation.",
            hint="Make somebody else an operator first.",
            state="last_operator",
            verb=verb,
        )


def _seat(tx: Tx, caller: Caller, short: str | None, host: str | None) -> Seat:
    space: Space | None = None
    if short is not None:
        space = spaces.by_short(tx, short)
        if space is None:
            raise SpaceNotFound(f"There is no space {short!r}.")
    elif host:
        space = spaces.by_host(tx, host)
    if space is None:
        space = _own_space(tx, caller)
    bound_elsewhere = caller.space_id is not None and caller.space_id != space.id
    member = None if bound_elsewhere else spaces.member_of(tx, space.id, caller.id)
    operator = caller.principal.is_operator and caller.space_id is None
    if member is None and not operator:
        raise NotMember
    return Seat(caller, space, member.role if member else None)


def _own_space(tx: Tx, caller: Caller) -> Space:
    """Return the key's space, else the home space, else the only one, else the first one."""
    for number in (caller.space_id, caller.principal.home_space_id):
        if number is not None:
            space = spaces.by_id(tx, number)
            if space is not None and space.deleted_at is None:
                return space
    mine = spaces.spaces_of(tx, caller.id)
    if mine:
        return mine[0][1]
    raise NotMember("The caller is not a member of any space.")


def _may_revoke(tx: Tx, caller: Caller, key: ApiKey) -> bool:
    if key.principal_id == caller.id:
        return caller.space_id in (None, key.space_id)
    if caller.principal.is_operator and caller.space_id is None:
        return True
    if key.space_id is None or caller.space_id not in (None, key.space_id):
        return False
    member = spaces.member_of(tx, key.space_id, caller.id)
    return member is not None and member.role is Role.ADMIN
