"""Spaces: making them, their quota, their hosts, their members."""

import re
from typing import Any

import msgspec

from consigne.catalog import principals, record_types, spaces
from consigne.catalog.engine import Catalog, Tx
from consigne.core.access import Caller, Seat
from consigne.core.accounts import Accounts
from consigne.core.clock import now_ms
from consigne.core.history import record
from consigne.errors import (
    BadParameter,
    SpaceNotFound,
    UserNotFound,
)
from consigne.model.entities import Member, Principal, Space
from consigne.model.rights import Right, Role
from consigne.settings import Settings

# First path segments that are spoken by a dialect or will be (design.md, "Identity").
RESERVED = frozenset(
    (
        "api",
        "apps",
        "console",
        "consigne",
        "docs",
        "favicon.ico",
        "file",
        "files",
        "health",
        "metrics",
        "oauth",
        "organizations",
        "s3",
        "static",
        "tus",
        "user",
        "users",
        "v1",
    )
)
_SHORT = re.compile(r"[a-z0-9][a-z0-9_-]{1,62}")
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")


class Tenancy:
    """The verbs about spaces and members."""

    def __init__(self, catalog: Catalog, accounts: Accounts, settings: Settings) -> None:
        self._catalog = catalog
        self._accounts = accounts
        self._settings = settings

    async def create(
        self,
        short: str,
        name: str = "",
        *,
        quota: int | None = None,
        owner: Principal | None = None,
    ) -> Space:
        """Make a space, with ``owner`` as its first admin. ``quota`` in bytes, None: the default.

        Raises BadParameter (malformed or reserved name), NameTaken.
        """
        if not _SHORT.fullmatch(short) or short in RESERVED:
            raise BadParameter(
                f"{short!r} cannot name a space.",
                hint="Use 2 to 63 of a-z, 0-9, - and _; names of routes are reserved.",
                parameter="short",
            )
        space = Space(
            id=0,
            short=short,
            name=name.strip()[:256] or short,
            quota=quota if quota is not None else (self._settings.quota or None),
            used=0,
            reserved=0,
            undo=0,
            ocr_credits=self._settings.ocr_credits,
            signup_open=False,
            created_at=now_ms(),
        )

        def work(tx: Tx) -> Space:
            made = spaces.insert_space(tx, space)
            if owner is not None:
                spaces.set_member(tx, Member(made.id, owner.id, Role.ADMIN, now_ms()))
            record(tx, made.id, owner.id if owner else None, "space.created", made.id, short=short)
            return made

        return await self._catalog.write(work)

    async def named(self, short: str) -> Space:
        """Return a space by its short name. Raises SpaceNotFound."""
        found = await self._catalog.look(lambda tx: spaces.by_short(tx, short))
        if found is None:
            raise SpaceNotFound(f"There is no space {short!r}.")
        return found

    async def numbered(self, number: int) -> Space:
        """Return a space by its number. Raises SpaceNotFound."""
        found = await self._catalog.look(lambda tx: spaces.by_id(tx, number))
        if found is None:
            raise SpaceNotFound
        return found

    async def addressed(self, host: str) -> Space:
        """Return the space that a host name belongs to, else the first one: for callers who are
        nobody yet. Raises SpaceNotFound.
        """

        def work(tx: Tx) -> Space | None:
            return spaces.by_host(tx, host) or next(iter(spaces.page(tx, 0, 1)), None)

        found = await self._catalog.look(work)
        if found is None:
            raise SpaceNotFound
        return found

    async def usage(self, seat: Seat) -> Space:
        """Return the space with its counters as they are now; needs the right ``admin`` (C-02)."""
        require_admin(seat)
        found = await self._catalog.look(lambda tx: spaces.by_id(tx, seat.space_id))
        if found is None:
            raise SpaceNotFound
        return found

    async def page(self, after: int = 0, limit: int = 100) -> list[Space]:
        return await self._catalog.read(lambda tx: spaces.page(tx, after, limit))

    async def hosts(self, space: Space) -> list[str]:
        return await self._catalog.look(lambda tx: spaces.hosts(tx, space.id))

    async def all_hosts(self) -> list[str]:
        """Return the host names of all spaces, for the host check (C-07)."""
        return await self._catalog.look(spaces.all_hosts)

    async def change(self, actor: Caller, space: Space, **changes: Any) -> Space:
        """Change name, quota (bytes or None), signup_open, ocr_credits or hosts of a space.

        Raises BadParameter, NameTaken.
        """
        hosts = changes.pop("hosts", None)
        for host in hosts or []:
            if not _HOST.fullmatch(host.lower()):
                raise BadParameter(f"{host!r} is not a host name.", parameter="hosts")

        def work(tx: Tx) -> Space:
            present = spaces.lock(tx, space.id)
            changed = msgspec.structs.replace(present, **changes)
            spaces.change(tx, changed)
            if hosts is not None:
                spaces.set_hosts(tx, space.id, [host.lower() for host in hosts])
            record(tx, space.id, actor.id, "space.changed", space.id, changed=sorted(changes))
            return changed

        changed = await self._catalog.write(work)
        self._accounts.forget()
        return changed

    async def members(
        self, seat: Seat, after: int = 0, limit: int = 100
    ) -> list[tuple[Role, Principal]]:
        """Return the members of a space with their roles; needs the right ``read``."""
        seat.require(Right.READ)
        return await self._catalog.read(lambda tx: spaces.members(tx, seat.space_id, after, limit))

    async def set_member(self, seat: Seat, login: str, role: Role) -> Principal:
        """Give an existing user a role in the space; needs the right ``admin`` (C-01).

        Raises UserNotFound.
        """
        require_admin(seat)

        def work(tx: Tx) -> Principal:
            user = principals.by_login(tx, login)
            if user is None:
                raise UserNotFound(f"There is no user {login!r}.")
            spaces.set_member(tx, Member(seat.space_id, user.id, role, now_ms()))
            record(tx, seat.space_id, seat.principal_id, "member.set", user.id, role=role.value)
            return user

        user = await self._catalog.write(work)
        self._accounts.forget()
        return user

    async def drop_member(self, seat: Seat, principal_id: int) -> None:
        """Take a user's membership away; needs the right ``admin``. Raises UserNotFound."""
        require_admin(seat)

        def work(tx: Tx) -> None:
            if not spaces.drop_member(tx, seat.space_id, principal_id):
                raise UserNotFound
            record_types.leave_groups(tx, seat.space_id, principal_id)
            record(tx, seat.space_id, seat.principal_id, "member.dropped", principal_id)

        await self._catalog.write(work)
        self._accounts.forget()


def require_admin(seat: Seat) -> None:
    """Raise RightMissing unless the seat administers the space, or the whole installation."""
    caller = seat.caller
    if not (caller.principal.is_operator and caller.space_id is None):
        seat.require(Right.ADMIN)
