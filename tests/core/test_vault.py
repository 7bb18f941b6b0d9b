"""What is done with a file that is there: replace, undo, trash, guards, copies, descriptions."""

import asyncio
from typing import Any

import msgspec
import pytest
from tests.parts.sites import MIB, Site, chunks, fresh, large, noise

from consigne.catalog import files
from consigne.core.entry import Entry, Precondition
from consigne.errors import (
    BadName,
    BadParameter,
    DigestMismatch,
    FileNotFound,
    FolderUnknown,
    PreconditionFailed,
    Protected,
    QuotaExceeded,
    RightMissing,
    VersionNotFound,
)
from consigne.model.entities import Access, File, Guard, Reason, State
from consigne.settings import Settings

LATER = 2**45


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return msgspec.structs.replace(settings, undo_versions=3)


async def replace(site: Site, file: File, data: bytes, **more: Any) -> File:
    return await site.depot.intake.replace(site.writer, file.id, chunks(data), **more)


@pytest.mark.parametrize("size", [10, 2 * MIB])
async def test_a_replaced_version_is_undo_and_not_charged(site: Site, size: int) -> None:
    """A replace makes a version behind the same identity; the old one leaves ``used`` (C-24)."""
    old, new = noise(size, 1), noise(size + 7, 2)
    file = await site.put(old, "report.bin")
    changed = await replace(site, file, new, length=len(new))
    assert (changed.id, changed.version, changed.name) == (file.id, 2, "report.bin")
    assert changed.etag != file.etag
    assert await site.get(file) == new
    assert await site.books() == (len(new), 0, len(old))
    reading = await site.depot.reader.open(site.writer, file.id, 1)
    assert b"".join([piece async for piece in reading.stream(0, reading.size)]) == old
    with pytest.raises(VersionNotFound):
        await site.depot.reader.open(site.writer, file.id, 3)
    await site.audit()


async def test_old_versions_are_trimmed(site: Site) -> None:
    """Only so many are kept as undo; the bytes of the others become idle (design "Quota")."""
    file = await site.put(noise(100, 0))
    for number in range(1, 7):
        await replace(site, file, noise(100, number))
    now, versions = await site.depot.vault.versions(site.writer, file.id)
    assert now.version == 7
    assert [version.number for version in versions] == [6, 5, 4]
    assert await site.books() == (100, 0, 300)
    await site.audit()


async def test_a_version_is_restored_as_a_new_one(site: Site) -> None:
    """The same bytes again, as the newest version, charged anew."""
    file = await site.put(b"one", "a.txt", declared_type="text/plain")
    await replace(site, file, b"twotwo", declared_type="image/png", name="b.png")
    back = await site.depot.vault.restore_version(site.writer, file.id, 1)
    assert (back.version, back.size, back.declared_type) == (3, 3, "text/plain")
    assert await site.get(file) == b"one"
    assert await site.books() == (3, 0, 9)
    with pytest.raises(VersionNotFound):
        await site.depot.vault.restore_version(site.writer, file.id, 9)
    await site.set_quota(4)
    with pytest.raises(QuotaExceeded):
        await site.depot.vault.restore_version(site.writer, file.id, 2)
    assert (await site.depot.vault.look(site.writer, file.id)).version == 3
    await site.audit()


@pytest.mark.parametrize("declared", [True, False])
async def test_a_replace_needs_room_only_for_what_grows(site: Site, declared: bool) -> None:
    """Quota is logical: the old version's room is free for the new one (C-24)."""
    await site.set_quota(3 * MIB)
    file = await site.put(noise(2 * MIB, 1))
    length = {"length": 3 * MIB} if declared else {}
    await replace(site, file, noise(3 * MIB, 2), **length)
    assert await site.books() == (3 * MIB, 0, 2 * MIB)
    length = {"length": 3 * MIB + 1} if declared else {}
    with pytest.raises(QuotaExceeded):
        await replace(site, file, noise(3 * MIB + 1, 3), **length)
    assert await site.books() == (3 * MIB, 0, 2 * MIB)
    assert await site.get(file) == noise(3 * MIB, 2)
    await site.audit()


async def test_a_replace_that_fails_changes_nothing(site: Site) -> None:
    """A wrong digest, a stranger, a changed file: the present version stays as it is."""
    file = await site.put(b"first")
    for data in (b"small", large()):
        with pytest.raises(DigestMismatch):
            await replace(site, file, data, expected={"md5": bytes(16)})
        with pytest.raises(PreconditionFailed):
            await replace(site, file, data, precondition=Precondition(frozenset({'"no"'})))
    stranger = await site.newcomer("stranger", role=site.writer.role or "writer")
    with pytest.raises(RightMissing):
        await site.depot.intake.replace(stranger, file.id, chunks(b"x"))
    with pytest.raises(FileNotFound):
        await site.depot.intake.replace(site.writer, file.id + 1, chunks(b"x"))
    assert await site.depot.vault.look(site.writer, file.id) == file
    assert await site.books() == (5, 0, 0)
    await site.audit()


async def test_a_precondition_is_checked_when_it_counts(site: Site) -> None:
    """Of ten that replace the same version one wins (RFC 9110, lost updates)."""
    file = await site.put(b"start")
    known = Precondition(frozenset({file.etag}))
    results = await asyncio.gather(
        *[replace(site, file, f"v{n}".encode(), precondition=known) for n in range(10)],
        return_exceptions=True,
    )
    won = [each for each in results if isinstance(each, File)]
    assert len(won) == 1
    assert sum(isinstance(each, PreconditionFailed) for each in results) == 9
    assert (await site.depot.vault.look(site.writer, file.id)).etag == won[0].etag
    assert (await replace(site, file, b"x", precondition=Precondition(frozenset("*")))).version == 3
    await site.audit()


async def test_replaces_at_once_all_count(site: Site) -> None:
    """Without a precondition every one makes a version, one after the other."""
    file = await site.put(b"0")
    await asyncio.gather(*[replace(site, file, noise(200, n)) for n in range(1, 9)])
    now, versions = await site.depot.vault.versions(site.writer, file.id)
    assert now.version == 9
    assert [version.number for version in versions] == [8, 7, 6]
    assert await site.books() == (200, 0, 600)
    await site.audit()


async def test_the_same_bytes_again_share_the_content(site: Site) -> None:
    """A replace by the same bytes is a version all the same, and no second content."""
    file = await site.put(b"same")
    again = await replace(site, file, b"same")
    assert (again.version, again.content_id) == (2, file.content_id)
    assert await site.books() == (4, 0, 4)


async def test_trash_is_free_and_can_be_undone(site: Site) -> None:
    """Released: uncharged, invisible, restorable (C-16)."""
    file = await site.put(b"12345", "a.txt")
    gone = await site.depot.vault.release(site.writer, file.id)
    assert (gone.state, gone.reasons) == (State.RELEASED, Reason(0))
    assert await site.books() == (0, 0, 5)
    for verb in (site.depot.vault.look, site.depot.vault.release, site.depot.reader.open):
        with pytest.raises(FileNotFound):
            await verb(site.writer, file.id)
    assert (await site.depot.vault.look_anywhere(site.writer, file.id)).state is State.RELEASED
    back = await site.depot.vault.restore(site.writer, file.id)
    assert (back.state, back.released_at, back.reasons) == (State.KEPT, None, Reason.OWNER)
    assert await site.get(file) == b"12345"
    assert await site.books() == (5, 0, 0)
    with pytest.raises(FileNotFound):
        await site.depot.vault.restore(site.writer, file.id)


async def test_restore_into_a_full_space_is_refused(site: Site) -> None:
    """Restoring charges again (C-16): 507, and the file stays in the trash."""
    await site.set_quota(10)
    file = await site.put(b"12345678")
    await site.depot.vault.release(site.writer, file.id)
    await site.put(b"123")
    with pytest.raises(QuotaExceeded):
        await site.depot.vault.restore(site.writer, file.id)
    assert await site.books() == (3, 0, 8)
    await site.set_quota(11)
    await site.depot.vault.restore(site.writer, file.id)
    assert await site.books() == (11, 0, 0)


async def test_restore_when_the_folder_is_gone(site: Site) -> None:
    """A file never comes back into a folder that does not exist any more."""
    folder = await site.depot.folders.create(site.writer, "box")
    file = await site.put(b"x", folder_id=folder.id)
    await site.depot.vault.release(site.writer, file.id)
    await site.depot.folders.delete(site.writer, folder.id)
    assert (await site.depot.vault.restore(site.writer, file.id)).folder_id is None


async def test_purge_leaves_a_tombstone(site: Site) -> None:
    """Versions and bytes go for good; id, space, owner and reason are remembered (C-15)."""
    file = await site.put(b"123", fields={"a": "b"}, tags=["t"])
    await replace(site, file, b"4567")
    with pytest.raises(FileNotFound):
        await site.depot.vault.purge(site.manager, file.id)
    await site.depot.vault.release(site.writer, file.id)
    with pytest.raises(RightMissing):
        await site.depot.vault.purge(site.writer, file.id)
    await site.depot.vault.purge(site.manager, file.id)
    with pytest.raises(FileNotFound):
        await site.depot.vault.look_anywhere(site.manager, file.id)
    assert await site.books() == (0, 0, 0)
    found = await site.run(lambda tx: files.tombstone_of(tx, "file", file.id))
    assert found == ("purged", site.space.id, file.owner_id)
    await site.audit()


async def test_deletes_at_once_count_once(site: Site) -> None:
    """Ten releases of one file: one does it, the counters are right."""
    file = await site.put(b"12345")
    results = await asyncio.gather(
        *[site.depot.vault.release(site.writer, file.id) for _ in range(10)],
        return_exceptions=True,
    )
    assert sum(isinstance(each, File) for each in results) == 1
    assert sum(isinstance(each, FileNotFound) for each in results) == 9
    assert await site.books() == (0, 0, 5)


@pytest.mark.parametrize(
    ("guard", "name"),
    [({"hold_reason": "lawsuit"}, "hold"), ({"retain_until": LATER}, "retention")],
)
async def test_a_guard_stands_in_the_way(site: Site, guard: dict[str, Any], name: str) -> None:
    """Delete, replace, rename and restoring a version are refused, naming the guard (C-12)."""
    file = await site.put(b"one")
    await replace(site, file, b"two")
    with pytest.raises(RightMissing):
        await site.depot.vault.guard(site.manager, file.id, **guard)
    guarded = await site.depot.vault.guard(site.admin, file.id, **guard)
    vault, seat = site.depot.vault, site.manager
    for attempt in (
        lambda: vault.release(seat, file.id),
        lambda: vault.restore_version(seat, file.id, 1),
        lambda: vault.change(seat, file.id, name="new"),
        lambda: site.depot.intake.replace(seat, file.id, chunks(b"x")),
        lambda: site.depot.intake.replace(seat, file.id, chunks(large()), length=len(large())),
    ):
        with pytest.raises(Protected) as caught:
            await attempt()
        assert caught.value.details["guards"] == [name]
    assert await vault.look(seat, file.id) == guarded
    assert await site.get(file) == b"two"
    await site.audit()


async def test_a_hold_is_lifted_and_a_retention_runs_out(site: Site) -> None:
    """A hold goes when it is lifted; a retention is prolonged, never shortened, and ends."""
    guard = site.depot.vault.guard
    file = await site.put(b"x")
    both = await guard(site.admin, file.id, hold_reason="why", retain_until=LATER)
    assert both.guards == Guard.HOLD | Guard.RETENTION
    for wish in (LATER - 1, None):
        with pytest.raises(BadParameter):
            await guard(site.admin, file.id, retain_until=wish)
    assert (await guard(site.admin, file.id, retain_until=LATER + 1)).retain_until == LATER + 1
    lifted = await guard(site.admin, file.id, hold_reason=None)
    assert (lifted.guards, lifted.hold_reason) == (Guard.RETENTION, None)
    over = await site.put(b"y")
    await guard(site.admin, over.id, retain_until=1)
    await site.depot.vault.release(site.writer, over.id)


async def test_a_copy_is_a_file_of_its_own(site: Site) -> None:
    """The same bytes, charged again, owned by the caller, without history or guards (C-24)."""
    source = await site.put(b"12345", "a.txt", seat=site.manager, fields={"k": "v"}, tags=["t"])
    await site.depot.vault.guard(site.admin, source.id, hold_reason="why")
    copy = await site.depot.vault.copy(site.writer, source.id)
    assert copy.id != source.id
    assert (copy.owner_id, copy.guards, copy.version) == (site.writer.principal_id, Guard(0), 1)
    assert (copy.name, copy.content_id, copy.meta) == ("a.txt", source.content_id, source.meta)
    assert await site.books() == (10, 0, 0)
    await site.depot.vault.release(site.writer, copy.id)
    await site.set_quota(9)
    with pytest.raises(QuotaExceeded):
        await site.depot.vault.copy(site.writer, source.id)
    with pytest.raises(FileNotFound):
        await site.depot.vault.copy(site.writer, copy.id)
    await site.audit()


async def test_a_private_file_is_copied_only_by_who_sees_it(site: Site) -> None:
    """A copy is a read (C-03)."""
    file = await site.put(b"secret", seat=site.manager, access=Access.PRIVATE)
    with pytest.raises(FileNotFound):
        await site.depot.vault.copy(site.writer, file.id)
    assert await site.books() == (6, 0, 0)


async def test_describing_a_file(site: Site) -> None:
    """Only what is given changes; None clears; nothing to change is no change."""
    vault = site.depot.vault
    folder = await site.depot.folders.create(site.writer, "box")
    file = await site.put(b"x", "a.txt", fields={"a": "1"}, tags=["x"], reference="R1")
    new = await vault.change(
        site.writer,
        file.id,
        name="../É.pdf",
        folder_id=folder.id,
        declared_type="application/pdf",
        reference=None,
        access="private",
        fields={"b": "2"},
    )
    assert (new.name, new.name_fold, new.folder_id) == ("É.pdf", "é.pdf", folder.id)
    assert (new.declared_type, new.reference, new.access) == (
        "application/pdf",
        None,
        Access.PRIVATE,
    )
    assert new.meta == '{"fields":{"b":"2"},"tags":["x"]}'
    assert (new.updated_by, new.etag, new.version) == (site.writer.principal_id, file.etag, 1)
    assert await vault.change(site.writer, file.id, name="É.pdf", tags=["x", "x"]) == new
    cleared = await vault.change(site.writer, file.id, fields={}, tags=[], folder_id=None)
    assert (cleared.meta, cleared.folder_id) == (None, None)


BAD_CHANGES: list[tuple[dict[str, Any], type[Exception]]] = [
    ({"name": ""}, BadName),
    ({"name": "\u202e"}, BadName),
    ({"folder_id": 404}, FolderUnknown),
    ({"fields": {"": "x"}}, BadParameter),
    ({"tags": ["\n"]}, BadParameter),
    ({"reference": "a\0"}, BadParameter),
    ({"name": "ok", "tags": [""]}, BadParameter),
]


@pytest.mark.parametrize(("wishes", "error"), BAD_CHANGES)
async def test_a_bad_description_changes_nothing(
    site: Site, wishes: dict[str, Any], error: type[Exception]
) -> None:
    """All or nothing."""
    file = await site.put(b"x")
    with pytest.raises(error):
        await site.depot.vault.change(site.writer, file.id, **wishes)
    assert await site.depot.vault.look(site.writer, file.id) == file


async def test_a_held_file_can_be_replaced_and_released(site: Site) -> None:
    """The life-cycle table, row by row, for what is held (C-14)."""
    file = await site.put(b"one", hold=True, expires_at=LATER)
    replaced = await replace(site, file, b"two2")
    assert (replaced.state, replaced.expires_at) == (State.HELD, LATER)
    assert await site.books() == (4, 0, 3)
    prolonged = await site.depot.vault.change(site.writer, file.id, expires_at=LATER + 1)
    assert prolonged.expires_at == LATER + 1
    gone = await site.depot.vault.release(site.writer, file.id)
    assert (gone.state, gone.expires_at) == (State.RELEASED, None)
    assert await site.books() == (0, 0, 7)
    back = await site.depot.vault.restore(site.writer, file.id)
    assert back.state is State.KEPT


async def test_nothing_of_another_space_can_be_touched(site: Site) -> None:
    """Spaces are walls: every verb says that there is no such file (design "Trust")."""
    elsewhere = await site.other_space()
    file, trashed = await site.put(fresh(10)), await site.put(fresh(10))
    await site.depot.vault.release(site.writer, trashed.id)
    admin = await site.newcomer("foreign", role=site.admin.role or "admin", space=elsewhere.space)
    vault = site.depot.vault
    for seat in (elsewhere, admin):
        for attempt in (
            lambda s=seat: vault.look(s, file.id),
            lambda s=seat: vault.look_anywhere(s, trashed.id),
            lambda s=seat: vault.change(s, file.id, name="mine"),
            lambda s=seat: vault.copy(s, file.id),
            lambda s=seat: vault.keep(s, file.id),
            lambda s=seat: vault.release(s, file.id),
            lambda s=seat: vault.restore(s, trashed.id),
            lambda s=seat: vault.versions(s, file.id),
            lambda s=seat: vault.restore_version(s, file.id, 1),
            lambda s=seat: site.depot.reader.open(s, file.id),
            lambda s=seat: site.depot.intake.replace(s, file.id, chunks(b"x")),
        ):
            with pytest.raises(FileNotFound):
                await attempt()
    with pytest.raises(FileNotFound):
        await vault.purge(admin, trashed.id)
    with pytest.raises(FileNotFound):
        await vault.guard(admin, file.id, hold_reason="x")
    folder = await site.depot.folders.create(site.writer, "box")
    with pytest.raises(FolderUnknown):
        await site.depot.intake.receive(
            elsewhere, chunks(b"x"), Entry(name="a", folder_id=folder.id)
        )
