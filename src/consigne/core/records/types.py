"""The verbs on record types: make, apply a whole set, look, list, delete; and groups for ACLs.

What changes the fields makes a new version of the type. A field that a record has values in, also a
frozen one, neither goes nor changes its kind or whether it has rows.
"""

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from consigne.catalog import links, principals, record_types, records, spaces
from consigne.catalog.engine import Catalog, Tx
from consigne.core.clock import now_ms
from consigne.core.history import record as write_event
from consigne.core.records.layout import Layout, layout_of
from consigne.core.records.permits import groups_for, is_restricted, may
from consigne.core.records.saving import layout_in
from consigne.core.records.specs import GROUP, NATIVE, TypeSpec, check_spec, normal_acl
from consigne.core.seat import Seat
from consigne.errors import BadParameter, TypeInUse, TypeNotFound, UserNotFound
from consigne.model.names import fold
from consigne.model.records import Acl, Field, RecordType, TypeVersion
from consigne.model.rights import Right

_PAGE = 500
_encode = msgspec.json.Encoder().encode
_acl = msgspec.json.Decoder(Acl).decode


class Typed(msgspec.Struct, frozen=True):
    """A type with the fields of one of its versions, the newest unless another was asked for."""

    type: RecordType
    layout: Layout

    @property
    def fields(self) -> list[Field]:
        return self.layout.fields


class Outcome(StrEnum):
    """What became of a type that was applied."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


class Applied(msgspec.Struct, frozen=True):
    typed: Typed
    outcome: Outcome


class Types:
    """Changing needs the right ``manage``, looking ``read``."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def create(self, seat: Seat, spec: TypeSpec) -> Typed:
        """Make a type. Raises NameTaken, BadParameter."""
        seat.require(Right.MANAGE)
        check_spec(spec)
        return await self._catalog.write(lambda tx: _create(tx, seat, spec))

    async def change(self, seat: Seat, name: str | int, spec: TypeSpec) -> Typed:
        """Make a type what a spec says. Raises TypeNotFound, TypeInUse, NameTaken, BadParameter."""
        seat.require(Right.MANAGE)
        check_spec(spec)

        def work(tx: Tx) -> Typed:
            type = record_types.lock(tx, _found(tx, seat, name, None).id)
            if type is None:
                raise TypeNotFound
            return _change(tx, seat, type, spec).typed

        return await self._catalog.write(work)

    async def apply(self, seat: Seat, specs: Sequence[TypeSpec]) -> list[Applied]:
        """Make or change types by name, all or none. Raises TypeInUse, BadParameter."""
        seat.require(Right.MANAGE)
        for spec in specs:
            check_spec(spec)
        names = [fold(spec.name) for spec in specs]
        if len(set(names)) < len(names):
            raise BadParameter("A type is there twice.", parameter="name")

        def work(tx: Tx) -> list[Applied]:
            return [_apply(tx, seat, spec) for spec in specs]

        return await self._catalog.write(work)

    async def get(
        self, seat: Seat, name: str | int, dialect: str | None = None, version: int | None = None
    ) -> Typed:
        """Return a type by name in any case, or by number; with ``dialect`` only if usable there.

        Raises TypeNotFound, BadParameter (no such version).
        """
        seat.require(Right.READ)

        def work(tx: Tx) -> Typed:
            type = _found(tx, seat, name, dialect)
            return Typed(type, layout_in(tx, type, version))

        return await self._catalog.look(work)

    async def page(
        self, seat: Seat, *, after: int = 0, limit: int = 100, dialect: str | None = None
    ) -> list[Typed]:
        """Return types by number, with ``dialect`` only those usable there."""
        seat.require(Right.READ)

        def work(tx: Tx) -> list[Typed]:
            page: list[Typed] = []
            last = after
            while found := record_types.page(tx, seat.space_id, last, _PAGE):
                fit = [each for each in found if dialect is None or usable(each, dialect)]
                page += [Typed(each, layout_in(tx, each)) for each in fit[: limit - len(page)]]
                if len(page) >= limit or len(found) < _PAGE:
                    break
                last = found[-1].id
            return page

        return await self._catalog.read(work)

    async def viewed(self, seat: Seat, name: str | int, dialect: str) -> Typed:
        """Return a type that is usable in a dialect and whose records the caller may view.

        Raises TypeNotFound.
        """
        seat.require(Right.READ)

        def work(tx: Tx) -> Typed:
            type = _found(tx, seat, name, dialect)
            if not _may_view(tx, seat, type):
                raise TypeNotFound
            return Typed(type, layout_in(tx, type))

        return await self._catalog.look(work)

    async def visible(self, seat: Seat, dialect: str) -> list[Typed]:
        """Return all types as ``viewed`` does, by number."""
        seat.require(Right.READ)

        def work(tx: Tx) -> list[Typed]:
            visible: list[Typed] = []
            last = 0
            while found := record_types.page(tx, seat.space_id, last, _PAGE):
                fit = [t for t in found if usable(t, dialect) and _may_view(tx, seat, t)]
                visible += [Typed(type, layout_in(tx, type)) for type in fit]
                last = found[-1].id
            return visible

        return await self._catalog.read(work)

    async def versions(self, seat: Seat, name: str | int) -> list[TypeVersion]:
        """Return all versions of a type, oldest first. Raises TypeNotFound."""
        seat.require(Right.READ)
        return await self._catalog.look(
            lambda tx: record_types.versions(tx, _found(tx, seat, name, None).id)
        )

    async def delete(self, seat: Seat, name: str | int) -> None:
        """Remove a type without records. Raises TypeNotFound, TypeInUse."""
        seat.require(Right.MANAGE)

        def work(tx: Tx) -> None:
            type = record_types.lock(tx, _found(tx, seat, name, None).id)
            if type is None:
                raise TypeNotFound
            if record_types.has_records(tx, type.id):
                raise TypeInUse(
                    f"The type {type.name!r} has records.", hint="Delete them for good first."
                )
            record_types.remove(tx, type.id)
            write_event(
                tx, seat.space_id, seat.principal_id, "type.deleted", type.id, name=type.name
            )

        await self._catalog.write(work)

    async def groups(self, seat: Seat) -> dict[str, list[int]]:
        """Return the groups of the space with their members' numbers; needs ``read``."""
        seat.require(Right.READ)

        def work(tx: Tx) -> dict[str, list[int]]:
            found: dict[str, list[int]] = {}
            for name, number in record_types.groups(tx, seat.space_id):
                found.setdefault(name, []).append(number)
            return found

        return await self._catalog.look(work)

    async def set_group(self, seat: Seat, name: str, logins: Sequence[str]) -> list[int]:
        """Make these members of the space the members of a group; nobody: no group any more.

        Needs ``admin``. Raises BadParameter, UserNotFound (no member of the space).
        """
        seat.require(Right.ADMIN)
        if not GROUP.fullmatch(name):
            raise BadParameter(f"{name!r} cannot name a group.", parameter="name")

        def work(tx: Tx) -> list[int]:
            numbers = []
            for login in logins:
                user = principals.by_login(tx, login)
                if user is None or spaces.member_of(tx, seat.space_id, user.id) is None:
                    raise UserNotFound(f"There is no member {login!r}.")
                numbers.append(user.id)
            numbers = sorted(set(numbers))
            record_types.set_group(tx, seat.space_id, name, numbers)
            write_event(
                tx, seat.space_id, seat.principal_id, "group.set", None,
                name=name, members=numbers,
            )  # fmt: skip
            return numbers

        return await self._catalog.write(work)


def usable(type: RecordType, dialect: str) -> bool:
    """Tell whether a dialect may use a type: its own, or a native one (C-33)."""
    return type.dialect in (dialect, NATIVE)


def _may_view(tx: Tx, seat: Seat, type: RecordType) -> bool:
    return may(seat, groups_for(tx, seat, type.rules), type.rules, "view")


def _found(tx: Tx, seat: Seat, name: str | int, dialect: str | None) -> RecordType:
    type: RecordType | None
    if isinstance(name, int):
        type = record_types.by_id(tx, name) if 0 < name < 1 << 63 else None
    else:
        type = record_types.by_name(tx, seat.space_id, fold(name))
    if type is None or type.space_id != seat.space_id:
        raise TypeNotFound
    if dialect is not None and not usable(type, dialect):
        raise TypeNotFound
    return type


def _apply(tx: Tx, seat: Seat, spec: TypeSpec) -> Applied:
    present = record_types.by_name(tx, seat.space_id, fold(spec.name))
    held = record_types.lock(tx, present.id) if present is not None else None
    if held is None:
        return Applied(_create(tx, seat, spec), Outcome.CREATED)
    return _change(tx, seat, held, spec)


def _create(tx: Tx, seat: Seat, spec: TypeSpec) -> Typed:
    now = now_ms()
    type = record_types.insert_type(
        tx,
        RecordType(
            id=0,
            space_id=seat.space_id,
            dialect=spec.dialect,
            name=spec.name,
            name_fold=fold(spec.name),
            label=spec.label,
            version=1,
            acl=_encode(normal_acl(spec.acl)).decode(),
            hooks=_encode(spec.hooks).decode(),
            created_at=now,
            created_by=seat.principal_id,
            updated_at=None,
        ),
    )
    fields = _add_version(tx, seat, type, spec, now)
    write_event(tx, seat.space_id, seat.principal_id, "type.created", type.id, name=type.name)
    return Typed(type, layout_of(fields))


def _change(tx: Tx, seat: Seat, type: RecordType, spec: TypeSpec) -> Applied:
    """Make a locked type what a spec says."""
    old = layout_in(tx, type)
    wishes = {
        "dialect": spec.dialect,
        "name": spec.name,
        "name_fold": fold(spec.name),
        "label": spec.label,
        "acl": _encode(normal_acl(spec.acl)).decode(),
        "hooks": _encode(spec.hooks).decode(),
    }
    changes: dict[str, object] = {
        name: value for name, value in wishes.items() if getattr(type, name) != value
    }
    is_new_version = old.fields != spec.fields
    if not changes and not is_new_version:
        return Applied(Typed(type, old), Outcome.UNCHANGED)
    now = now_ms()
    if is_new_version:
        _require_kept(tx, type, old, Layout(spec.fields))
        changes["version"] = type.version + 1
    changed = record_types.change(tx, type, **changes, updated_at=now)
    if is_new_version:
        _add_version(tx, seat, changed, spec, now)
    layout = layout_in(tx, changed)
    if "acl" in changes or old.hidden != layout.hidden:
        _stamp(tx, changed, layout)
    write_event(
        tx, seat.space_id, seat.principal_id, "type.changed", type.id,
        name=changed.name, version=changed.version,
    )  # fmt: skip
    return Applied(Typed(changed, layout), Outcome.CHANGED)


def _add_version(tx: Tx, seat: Seat, type: RecordType, spec: TypeSpec, now: int) -> str:
    fields = _encode(spec.fields).decode()
    record_types.add_version(tx, TypeVersion(type.id, type.version, fields, now, seat.principal_id))
    return fields


def _stamp(tx: Tx, type: RecordType, layout: Layout) -> None:
    """Make the files of a type's records as visible as they are to be now."""
    own = {acl for of, acl in records.overrides(tx, type.space_id) if of == type.id}
    for acl in (None, *sorted(own)):
        rules = type.rules if acl is None else _acl(acl)
        links.stamp_type(tx, type.id, acl, restricted=is_restricted(rules), hidden=layout.hidden)


def _require_kept(tx: Tx, type: RecordType, old: Layout, new: Layout) -> None:
    """Raise TypeInUse where a field with values would go, or change what its values are."""
    for field in old.fields:
        after = new.find(field.id)
        same = after is not None and (
            after.id == field.id
            and after.kind is field.kind
            and new.has_rows(after) == old.has_rows(field)
        )
        if not same and _has_values(tx, type, field):
            raise TypeInUse(
                f"The field {field.id!r} has values in records of {type.name!r}.",
                hint="Keep the field as it is, or clear it in every record first.",
                field=field.id,
            )


def _has_values(tx: Tx, type: RecordType, field: Field) -> bool:
    if field.is_file:
        return record_types.has_links(tx, type.id, field.id)
    needle, after = f'"{field.id}":', 0
    while page := record_types.bodies(tx, type.id, needle, after, _PAGE):
        if any(field.id in msgspec.json.decode(body) for _, body in page):
            return True
        after = page[-1][0]
    return False
