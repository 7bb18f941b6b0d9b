"""Who may do what: roles against verbs, and who sees a file (C-01 to C-05)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest
from sqlalchemy import select
from tests.parts.sites import Site, chunks

from consigne.catalog import files
from consigne.catalog.engine import Tx
from consigne.catalog.schema import event
from consigne.core.access import Caller, Seat, can_read, can_write
from consigne.core.entry import Entry
from consigne.core.records.change import Change, Ref
from consigne.core.records.specs import TypeSpec
from consigne.errors import FileNotFound, Forbidden, MethodRefused, NotFound, RightMissing
from consigne.model.entities import Access, File
from consigne.model.query import Field, Op, Query, Scope, Term
from consigne.model.records import Acl, FieldKind
from consigne.model.records import Field as RecordField
from consigne.model.rights import MATRIX, Right, Role


@dataclass
class Stage:
    """Things to try a verb on: of the caller, of somebody else, and in the trash."""

    site: Site
    seat: Seat
    mine: File
    theirs: File
    my_trash: File
    their_trash: File
    folder_id: int
    type_id: int
    record: Ref


async def prepare(site: Site, seat: Seat) -> Stage:
    async def put(owner: Seat, name: str) -> File:
        file = await site.put(name.encode(), name, seat=owner)
        # Even a reader may own files, from the time when he was a writer.
        if owner.principal_id != seat.principal_id:
            return file
        return await site.run(lambda tx: files.change(tx, file, owner_id=seat.principal_id))

    writer = Seat(seat.caller, seat.space, Role.WRITER)
    other = await site.newcomer("other", Role.WRITER)
    fields = [RecordField("a", FieldKind.TEXT), RecordField("f", FieldKind.FILE)]
    typed = await site.depot.types.create(site.manager, TypeSpec("PAPER", fields=fields))
    await site.depot.types.create(site.manager, TypeSpec("EMPTY"))
    made = await site.depot.records.create(other, typed.type.id, Change(values={"a": "a"}))
    stage = Stage(
        site,
        seat,
        await put(writer, "mine"),
        await put(other, "theirs"),
        await put(writer, "my trash"),
        await put(other, "their trash"),
        (await site.depot.folders.create(writer, "box")).id,
        typed.type.id,
        Ref.number(made.record.id),
    )
    await site.depot.vault.release(writer, stage.my_trash.id)
    await site.depot.vault.release(other, stage.their_trash.id)
    return stage


Verb = Callable[[Stage], Awaitable[object]]
VERBS: dict[str, tuple[Right, Verb]] = {
    "look": (Right.READ, lambda s: s.site.depot.vault.look(s.seat, s.theirs.id)),
    "open": (Right.READ, lambda s: s.site.depot.reader.open(s.seat, s.theirs.id)),
    "versions": (Right.READ, lambda s: s.site.depot.vault.versions(s.seat, s.theirs.id)),
    "find": (Right.READ, lambda s: s.site.depot.finding.find(s.seat, Query(Scope(1)))),
    "count": (Right.READ, lambda s: s.site.depot.finding.count(s.seat, Scope(1))),
    "folders": (Right.READ, lambda s: s.site.depot.folders.children(s.seat, None)),
    "members": (Right.READ, lambda s: s.site.depot.tenancy.members(s.seat)),
    "receive": (
        Right.WRITE,
        lambda s: s.site.depot.intake.receive(s.seat, chunks(b"x"), Entry(name="a")),
    ),
    "expect": (Right.WRITE, lambda s: s.site.depot.uploads.expect(s.seat, Entry(name="a"))),
    "copy": (Right.WRITE, lambda s: s.site.depot.vault.copy(s.seat, s.theirs.id)),
    "create folder": (Right.WRITE, lambda s: s.site.depot.folders.create(s.seat, "new")),
    "change folder": (
        Right.WRITE,
        lambda s: s.site.depot.folders.change(s.seat, s.folder_id, name="n"),
    ),
    "delete folder": (Right.WRITE, lambda s: s.site.depot.folders.delete(s.seat, s.folder_id)),
    "delete matching": (
        Right.WRITE,
        lambda s: s.site.depot.finding.delete_matching(s.seat, Scope(1)),
    ),
    "change one's own": (
        Right.WRITE,
        lambda s: s.site.depot.vault.change(s.seat, s.mine.id, name="n"),
    ),
    "keep one's own": (Right.WRITE, lambda s: s.site.depot.vault.keep(s.seat, s.mine.id)),
    "release one's own": (Right.WRITE, lambda s: s.site.depot.vault.release(s.seat, s.mine.id)),
    "replace one's own": (
        Right.WRITE,
        lambda s: s.site.depot.intake.replace(s.seat, s.mine.id, chunks(b"y")),
    ),
    "restore one's own": (
        Right.WRITE,
        lambda s: s.site.depot.vault.restore(s.seat, s.my_trash.id),
    ),
    "change another's": (
        Right.MANAGE,
        lambda s: s.site.depot.vault.change(s.seat, s.theirs.id, name="n"),
    ),
    "keep another's": (Right.MANAGE, lambda s: s.site.depot.vault.keep(s.seat, s.theirs.id)),
    "release another's": (
        Right.MANAGE,
        lambda s: s.site.depot.vault.release(s.seat, s.theirs.id),
    ),
    "replace another's": (
        Right.MANAGE,
        lambda s: s.site.depot.intake.replace(s.seat, s.theirs.id, chunks(b"y")),
    ),
    "restore another's": (
        Right.MANAGE,
        lambda s: s.site.depot.vault.restore(s.seat, s.their_trash.id),
    ),
    "purge one's own": (Right.MANAGE, lambda s: s.site.depot.vault.purge(s.seat, s.my_trash.id)),
    "purge another's": (
        Right.MANAGE,
        lambda s: s.site.depot.vault.purge(s.seat, s.their_trash.id),
    ),
    "list types": (Right.READ, lambda s: s.site.depot.types.page(s.seat)),
    "list records": (Right.READ, lambda s: s.site.depot.records.page(s.seat)),
    "look at a record": (Right.READ, lambda s: s.site.depot.records.get(s.seat, s.record)),
    "make a record": (
        Right.WRITE,
        lambda s: s.site.depot.records.create(s.seat, s.type_id, Change(values={"a": "b"})),
    ),
    "change a record": (
        Right.WRITE,
        lambda s: s.site.depot.records.change(s.seat, s.record, Change(values={"a": "b"})),
    ),
    "link a file": (
        Right.WRITE,
        lambda s: s.site.depot.records.put_file(s.seat, s.record, "f", None, s.mine.id),
    ),
    "freeze a record": (Right.WRITE, lambda s: s.site.depot.records.freeze(s.seat, s.record)),
    "trash a record": (Right.WRITE, lambda s: s.site.depot.records.trash(s.seat, s.record)),
    "delete a record": (Right.WRITE, lambda s: s.site.depot.records.delete(s.seat, s.record)),
    "make a type": (Right.MANAGE, lambda s: s.site.depot.types.create(s.seat, TypeSpec("B"))),
    "apply types": (Right.MANAGE, lambda s: s.site.depot.types.apply(s.seat, [TypeSpec("B")])),
    "delete a type": (Right.MANAGE, lambda s: s.site.depot.types.delete(s.seat, "EMPTY")),
    "set an ACL": (Right.MANAGE, lambda s: s.site.depot.records.set_acl(s.seat, s.record, Acl())),
    "set a group": (
        Right.ADMIN,
        lambda s: s.site.depot.types.set_group(s.seat, "g", ["other@example.org"]),
    ),
    "guard": (
        Right.ADMIN,
        lambda s: s.site.depot.vault.guard(s.seat, s.mine.id, hold_reason="why"),
    ),
    "set member": (
        Right.ADMIN,
        lambda s: s.site.depot.tenancy.set_member(s.seat, "other@example.org", Role.READER),
    ),
    "drop member": (
        Right.ADMIN,
        lambda s: s.site.depot.tenancy.drop_member(s.seat, s.site.people[Role.READER].id),
    ),
    "keys of the space": (Right.ADMIN, lambda s: s.site.depot.accounts.keys_in(s.seat)),
}


@pytest.mark.parametrize("store", ["sqlite-memory"], indirect=True)
@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("role", Role)
async def test_each_role_has_its_rights_and_no_more(site: Site, role: Role, verb: str) -> None:
    """Every verb under every role, as the one matrix says (C-02)."""
    right, attempt = VERBS[verb]
    stage = await prepare(site, site.seat(role))
    if right in MATRIX[role]:
        await attempt(stage)
        return
    before = await site.books()
    with pytest.raises((RightMissing, FileNotFound)):
        await attempt(stage)
    assert await site.books() == before
    assert await site.depot.vault.look(site.manager, stage.mine.id) == stage.mine


@pytest.mark.parametrize("store", ["sqlite-memory"], indirect=True)
@pytest.mark.parametrize("verb", VERBS)
async def test_who_is_no_member_has_no_right(site: Site, verb: str) -> None:
    """An installation admin looks after spaces and is no member of one by that (C-01, C-02)."""
    attempt = VERBS[verb][1]
    stage = await prepare(site, site.writer)
    stage.seat = Seat(site.admin.caller, site.space, None)
    with pytest.raises((Forbidden, NotFound)):
        await attempt(stage)


@pytest.mark.parametrize("access", [Access.PRIVATE, Access.SPACE])
@pytest.mark.parametrize("role", Role)
async def test_who_sees_a_file(site: Site, role: Role, access: Access) -> None:
    """``private``: owner and managers; ``space``: every member; the same in lists (C-03)."""
    owner = await site.newcomer("owner", Role.WRITER)
    file = await site.put(b"secret", "secret", seat=owner, access=access)
    seat = site.seat(role)
    visible = access is Access.SPACE or Right.MANAGE in MATRIX[role]
    assert await site.run(lambda tx: can_read(tx, seat, file)) == visible
    assert await site.run(lambda tx: can_read(tx, owner, file))
    assert can_write(owner, file)
    found = await site.depot.finding.find(seat, Query(Scope(site.space.id)))
    assert [each.id for each in found.files] == ([file.id] if visible else [])
    assert await site.depot.finding.count(seat, Scope(site.space.id)) == int(visible)
    for attempt in (
        lambda: site.depot.vault.look(seat, file.id),
        lambda: site.depot.reader.open(seat, file.id),
        lambda: site.depot.vault.versions(seat, file.id),
    ):
        if visible:
            await attempt()
        else:
            with pytest.raises(FileNotFound):
                await attempt()


async def test_a_reader_that_owns_a_file_cannot_change_it(site: Site) -> None:
    """Who lost the right to write keeps his files and cannot change them (C-02)."""
    seat = await site.newcomer("former", Role.WRITER)
    file = await site.put(b"x", seat=seat)
    now = Seat(seat.caller, seat.space, Role.READER)
    await site.depot.vault.look(now, file.id)
    with pytest.raises(RightMissing):
        await site.depot.vault.release(now, file.id)


async def test_bulk_deletion_takes_ones_own(site: Site) -> None:
    """Without the right ``manage`` only the caller's files go; guarded ones are counted (C-12)."""
    mine = await site.put(b"12", "mine")
    theirs = await site.put(b"3456", "theirs", seat=site.manager)
    held = await site.put(b"789", "held")
    await site.depot.vault.guard(site.admin, held.id, hold_reason="why")
    scope = Scope(site.space.id)
    delete = site.depot.finding.delete_matching
    dry = await delete(site.writer, scope, dry_run=True)
    assert (dry.count, dry.skipped) == (1, 1)
    done = await delete(site.writer, scope)
    assert (done.count, done.size, done.skipped) == (1, 2, 1)
    assert await site.books() == (7, 0, 2)
    with pytest.raises(FileNotFound):
        await site.depot.vault.look(site.writer, mine.id)
    await site.depot.vault.look(site.writer, theirs.id)
    named = (Term(Field.NAME, Op.EQUAL, "theirs"),)
    assert (await delete(site.manager, scope, named)).count == 1
    assert await site.books() == (3, 0, 6)
    events = await site.run(_actions)
    assert events.count("files.released") == 2
    await site.audit()


def _actions(tx: Tx) -> list[str]:
    return [row[0] for row in tx.all(select(event.c.action))]


def test_a_key_may_be_limited_to_methods(site: Site) -> None:
    """A ceiling of the credential, whatever the role says."""
    caller = Caller(site.people[Role.ADMIN], methods=frozenset({"GET", "PUT"}))
    caller.require_method("get")
    for method in ("POST", "DELETE", "PATCH"):
        with pytest.raises(MethodRefused):
            caller.require_method(method)
    with pytest.raises(Forbidden):
        caller.require_operator()
