"""Statements about spaces: the walls, their quota, their host names, their members."""

import msgspec
from sqlalchemy import Select, and_, bindparam, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from consigne.catalog.engine import Statement, Tx
from consigne.catalog.rows import params, reader
from consigne.catalog.schema import file, host, member, principal, space, upload, version
from consigne.errors import NameTaken, QuotaExceeded, SpaceNotFound
from consigne.model.entities import Member, Principal, Space, State
from consigne.model.rights import Role

# No space can be given a name that begins like this.
_BURIED = "~"

_space = reader(Space)
_member = reader(Member)
_principal = reader(Principal)

_INSERT = Statement(
    upsert(space)
    .values({c: bindparam(c.name) for c in space.c if c.name != "id"})
    .on_conflict_do_nothing()
    .returning(space.c.id)
)
_BY_ID = Statement(select(space).where(space.c.id == bindparam("id")))
_open = space.c.deleted_at.is_(None)
_pages = (
    select(space).where(space.c.id > bindparam("after")).order_by(space.c.id).limit(bindparam("n"))
)
_BY_SHORT = Statement(select(space).where(space.c.short == bindparam("short"), _open))
_BY_HOST = Statement(
    select(space)
    .join(host, host.c.space_id == space.c.id)
    .where(host.c.name == bindparam("name"), _open)
)
_LIST = Statement(_pages.where(_open))
_LIST_ALL = Statement(_pages)
_LIST_CLOSED = Statement(_pages.where(~_open))
_CLOSED_BY_SHORT = Statement(select(space).where(space.c.short == bindparam("short"), ~_open))
_CLOSE = Statement(
    update(space).where(space.c.id == bindparam("space")).values(deleted_at=bindparam("at"))
)
_BURY = Statement(
    update(space)
    .where(space.c.id == bindparam("space"))
    .values(short=bindparam("new_short"), name="", quota=None, ocr_credits=0, signup_open=0)
)
_SET = Statement(
    update(space)
    .where(space.c.id == bindparam("space"))
    .values(
        name=bindparam("new_name"),
        quota=bindparam("new_quota"),
        signup_open=bindparam("new_signup"),
        ocr_credits=bindparam("new_credits"),
    )
)
_LOCK = Statement(select(space).where(space.c.id == bindparam("id")).with_for_update())
_ROOM = space.c.used + space.c.reserved + bindparam("grown")
_CHARGE = Statement(
    update(space)
    .where(
        space.c.id == bindparam("space"),
        or_(
            bindparam("grown") <= 0,
            and_(_open, or_(space.c.quota.is_(None), space.c.quota >= _ROOM)),
        ),
    )
    .values(
        used=space.c.used + bindparam("add_used"),
        reserved=space.c.reserved + bindparam("add_reserved"),
        undo=space.c.undo + bindparam("add_undo"),
    )
)
_HOSTS = Statement(
    select(host.c.name).where(host.c.space_id == bindparam("space")).order_by(host.c.name)
)
_ALL_HOSTS = Statement(select(host.c.name).join(space, space.c.id == host.c.space_id).where(_open))
_ADD_HOST = Statement(upsert(host).on_conflict_do_nothing())
_DROP_HOSTS = Statement(delete(host).where(host.c.space_id == bindparam("space")))

_ADD_MEMBER = Statement(
    upsert(member)
    .values({c: bindparam(c.name) for c in member.c})
    .on_conflict_do_update(
        index_elements=[member.c.space_id, member.c.principal_id],
        set_={"role": bindparam("role")},
    )
)
_DROP_MEMBER = Statement(
    delete(member).where(
        member.c.space_id == bindparam("space"), member.c.principal_id == bindparam("principal")
    )
)
_MEMBER = Statement(
    select(member).where(
        member.c.space_id == bindparam("space"), member.c.principal_id == bindparam("principal")
    )
)
_MEMBERS = Statement(
    select(member.c.role, *principal.c)
    .join(principal, principal.c.id == member.c.principal_id)
    .where(member.c.space_id == bindparam("space"), principal.c.id > bindparam("after"))
    .order_by(principal.c.id)
    .limit(bindparam("n"))
)
_SPACES_OF = Statement(
    select(member.c.role, *space.c)
    .join(space, space.c.id == member.c.space_id)
    .where(member.c.principal_id == bindparam("principal"), _open)
    .order_by(space.c.id)
)


def insert_space(tx: Tx, value: Space) -> Space:
    """Store a new space and return it with its number. Raises NameTaken."""
    fields = params(value)
    del fields["id"]
    number = tx.value(_INSERT, **fields)
    if number is None:
        raise NameTaken(f"A space named {value.short!r} exists.", parameter="short")
    return msgspec.structs.replace(value, id=number)


def by_id(tx: Tx, number: int) -> Space | None:
    row = tx.one(_BY_ID, id=number)
    return _space(row) if row else None


def by_short(tx: Tx, short: str) -> Space | None:
    """Return an open space by its short name."""
    row = tx.one(_BY_SHORT, short=short)
    return _space(row) if row else None


def by_host(tx: Tx, name: str) -> Space | None:
    """Return the open space of a host name."""
    row = tx.one(_BY_HOST, name=name)
    return _space(row) if row else None


def page(tx: Tx, after: int, limit: int) -> list[Space]:
    """Return open spaces in the order of their numbers."""
    return [_space(row) for row in tx.all(_LIST, after=after, n=limit)]


def every(tx: Tx, after: int, limit: int) -> list[Space]:
    """Return spaces, closed ones and what is left of deleted ones too."""
    return [_space(row) for row in tx.all(_LIST_ALL, after=after, n=limit)]


def closed(tx: Tx, after: int, limit: int) -> list[Space]:
    """Return closed spaces, and what is left of deleted ones."""
    return [_space(row) for row in tx.all(_LIST_CLOSED, after=after, n=limit)]


def closed_by_short(tx: Tx, short: str) -> Space | None:
    """Return a closed space whose things are still there, by its short name."""
    row = None if short.startswith(_BURIED) else tx.one(_CLOSED_BY_SHORT, short=short)
    return _space(row) if row else None


def close(tx: Tx, number: int, at: int | None) -> None:
    """Close a space, or open it again with None."""
    tx.run(_CLOSE, space=number, at=at)


def bury(tx: Tx, number: int) -> None:
    """Take name and limits from a space of which nothing is left; its short name is free."""
    tx.run(_BURY, space=number, new_short=f"{_BURIED}{number}")


def lock(tx: Tx, number: int) -> Space:
    """Return a space and hold its row until the transaction ends. Raises SpaceNotFound."""
    row = tx.one(_LOCK, id=number)
    if row is None:
        raise SpaceNotFound
    return _space(row)


def change(tx: Tx, value: Space) -> None:
    """Store the settable fields of a space."""
    tx.run(
        _SET,
        space=value.id,
        new_name=value.name,
        new_quota=value.quota,
        new_signup=int(value.signup_open),
        new_credits=value.ocr_credits,
    )


def charge(tx: Tx, number: int, *, used: int = 0, reserved: int = 0, undo: int = 0) -> None:
    """Change the counters of a space by these bytes, in one conditional statement (C-24).

    Raises QuotaExceeded where ``used + reserved`` would grow beyond the quota, SpaceNotFound where
    it would grow in a closed space.
    """
    if not (used or reserved or undo):
        return
    grown = used + reserved
    changed = tx.run(
        _CHARGE, space=number, grown=grown, add_used=used, add_reserved=reserved, add_undo=undo
    )
    if not changed:
        found = by_id(tx, number)
        if found is None or found.deleted_at is not None:
            raise SpaceNotFound
        raise over_quota(found, grown)


def over_quota(found: Space, needed: int) -> QuotaExceeded:
    """Return the refusal that names quota, use and need."""
    return QuotaExceeded(
        f"The quota of space {found.short!r} ({found.quota} bytes) has no room for "
        f"{needed} more bytes.",
        hint="Delete files, or ask an administrator for a larger quota.",
        quota=found.quota,
        used=found.used + found.reserved,
        needed=needed,
    )


def hosts(tx: Tx, number: int) -> list[str]:
    return [row[0] for row in tx.all(_HOSTS, space=number)]


def all_hosts(tx: Tx) -> list[str]:
    return [row[0] for row in tx.all(_ALL_HOSTS)]


def set_hosts(tx: Tx, number: int, names: list[str]) -> None:
    """Give a space its host names. Raises NameTaken where another space has one of them."""
    tx.run(_DROP_HOSTS, space=number)
    for name in names:
        if not tx.run(_ADD_HOST, name=name.lower(), space_id=number):
            raise NameTaken(f"The host name {name!r} belongs to another space.", parameter="hosts")


def set_member(tx: Tx, value: Member) -> None:
    tx.run(_ADD_MEMBER, **params(value))


def drop_member(tx: Tx, number: int, principal_id: int) -> bool:
    return bool(tx.run(_DROP_MEMBER, space=number, principal=principal_id))


def member_of(tx: Tx, number: int, principal_id: int) -> Member | None:
    row = tx.one(_MEMBER, space=number, principal=principal_id)
    return _member(row) if row else None


def members(tx: Tx, number: int, after: int, limit: int) -> list[tuple[Role, Principal]]:
    rows = tx.all(_MEMBERS, space=number, after=after, n=limit)
    return [(Role(row[0]), _principal(row[1:])) for row in rows]


def spaces_of(tx: Tx, principal_id: int) -> list[tuple[Role, Space]]:
    rows = tx.all(_SPACES_OF, principal=principal_id)
    return [(Role(row[0]), _space(row[1:])) for row in rows]


def counted(tx: Tx, number: int) -> tuple[int, int, int]:
    """Return (used, reserved, undo) as the rows of files, versions and uploads add up to.

    This is what the counters of the space must equal at any time; ``fsck`` compares them.
    """

    def total(statement: Select[tuple[int]]) -> int:
        return int(tx.value(statement) or 0)

    charged = (State.HELD.value, State.KEPT.value)
    current = func.coalesce(func.sum(file.c.size), 0)
    old = select(func.coalesce(func.sum(version.c.size), 0)).join(
        file, file.c.id == version.c.file_id
    )
    mine = file.c.space_id == number
    used = total(select(current).where(mine, file.c.state.in_(charged)))
    pinned = total(old.where(mine, version.c.pins > 0))
    unpinned = total(old.where(mine, version.c.pins == 0))
    trash = total(select(current).where(mine, file.c.state == State.RELEASED.value))
    reserved = total(
        select(func.coalesce(func.sum(upload.c.reserved), 0)).where(upload.c.space_id == number)
    )
    return used + pinned, reserved, trash + unpinned
