"""Folders: a tree that stays one, paths that mean one thing (C-32)."""

import asyncio

import pytest
from sqlalchemy import select
from tests.parts.sites import Site

from consigne.catalog import schema
from consigne.core.folders import MAX_DEPTH
from consigne.errors import (
    BadName,
    FolderAmbiguous,
    FolderCycle,
    FolderDepth,
    FolderNotEmpty,
    FolderNotFound,
    FolderUnknown,
    RightMissing,
)
from consigne.model.entities import Folder
from consigne.model.rights import Role

# Nothing here depends on where the bytes are.
pytestmark = pytest.mark.parametrize("store", ["sqlite-memory", "postgres-memory"], indirect=True)


async def make(site: Site, name: str, parent: Folder | None = None) -> Folder:
    return await site.depot.folders.create(site.writer, name, parent.id if parent else None)


async def test_folders_are_found_by_path(site: Site) -> None:
    """A path leads from the top; slashes in names are escaped; the root is None."""
    folders = site.depot.folders
    top = await make(site, "Invoices")
    year = await make(site, "2026/Q1 50%", top)
    assert await folders.path_of(site.writer, year.id) == "Invoices/2026%2FQ1 50%25"
    assert await folders.at(site.writer, "/Invoices/2026%2FQ1 50%25/") == year
    assert await folders.at(site.writer, "") is None
    assert await folders.at(site.writer, "/") is None
    for wrong in ("invoices", "Invoices/2026", "Invoices/2026/Q1 50%"):
        with pytest.raises(FolderNotFound):
            await folders.at(site.writer, wrong)
    with pytest.raises(BadName):
        await folders.at(site.writer, "Invoices/%20")


async def test_what_a_path_lacks_is_made(site: Site) -> None:
    """``create`` makes what is missing, once, also when many ask at once."""
    folders = site.depot.folders
    found = await asyncio.gather(*[folders.at(site.writer, "a/b/c", create=True) for _ in range(8)])
    assert len({folder.id for folder in found if folder}) == 1
    assert [folder.name for folder in await folders.children(site.writer, None)] == ["a"]
    with pytest.raises(RightMissing):
        await folders.at(site.seat(Role.READER), "d", create=True)


async def test_a_path_that_is_not_unique_is_ambiguous(site: Site) -> None:
    """Names are not unique; a path through two of a name is refused (C-32)."""
    await make(site, "twin")
    other = await make(site, "twin")
    await make(site, "below", other)
    with pytest.raises(FolderAmbiguous):
        await site.depot.folders.at(site.writer, "twin")
    with pytest.raises(FolderAmbiguous):
        await site.depot.folders.at(site.writer, "twin/below", create=True)
    assert await site.depot.folders.path_of(site.writer, other.id) == "twin"


async def test_a_folder_cannot_be_its_own_ancestor(site: Site) -> None:
    """Moves below itself are refused, at any distance."""
    a = await make(site, "a")
    b = await make(site, "b", a)
    c = await make(site, "c", b)
    for target in (a, b, c):
        with pytest.raises(FolderCycle):
            await site.depot.folders.change(site.writer, a.id, parent_id=target.id)
    moved = await site.depot.folders.change(site.writer, c.id, parent_id=None)
    assert moved.parent_id is None
    assert (await site.depot.folders.change(site.writer, a.id, parent_id=c.id)).parent_id == c.id


async def test_two_opposite_moves_at_once_make_no_cycle(site: Site) -> None:
    """Moves in a space are one after the other; of a pair one is refused."""
    for number in range(8):
        a, b = await make(site, f"a{number}"), await make(site, f"b{number}")
        results = await asyncio.gather(
            site.depot.folders.change(site.writer, a.id, parent_id=b.id),
            site.depot.folders.change(site.writer, b.id, parent_id=a.id),
            return_exceptions=True,
        )
        assert sum(isinstance(each, Folder) for each in results) == 1
        assert sum(isinstance(each, FolderCycle) for each in results) == 1


async def test_depth_is_limited(site: Site) -> None:
    """So many levels and no more, by making and by moving."""
    deepest: Folder | None = None
    for number in range(MAX_DEPTH):
        deepest = await make(site, str(number), deepest)
    assert deepest
    with pytest.raises(FolderDepth):
        await make(site, "too deep", deepest)
    pair = await make(site, "pair")
    await make(site, "inner", pair)
    assert deepest.parent_id
    with pytest.raises(FolderDepth):
        await site.depot.folders.change(site.writer, pair.id, parent_id=deepest.parent_id)
    with pytest.raises(FolderDepth):
        await site.depot.folders.change(site.writer, pair.id, parent_id=deepest.id)


async def test_names_are_labels(site: Site) -> None:
    """Any visible text is a name; nothing visible is none (C-31)."""
    assert (await make(site, " ../../etc ")).name == "../../etc"
    assert (await make(site, "e\u0301")).name == "é"
    for bad in ("", "  ", "\u202e", "x" * 257, "漢" * 400):
        with pytest.raises(BadName):
            await make(site, bad)
    folder = await make(site, "old")
    renamed = await site.depot.folders.change(site.writer, folder.id, name="NEW")
    assert (renamed.name, renamed.name_fold) == ("NEW", "new")
    with pytest.raises(BadName):
        await site.depot.folders.change(site.writer, folder.id, name="")


async def test_deleting_a_folder(site: Site) -> None:
    """Subfolders go along, files move to the root; or only if nothing is in it."""
    top = await make(site, "top")
    inner = await make(site, "inner", top)
    file = await site.put(b"x", folder_id=inner.id)
    for folder in (top, inner):
        with pytest.raises(FolderNotEmpty):
            await site.depot.folders.delete(site.writer, folder.id, only_if_empty=True)
    assert await site.depot.folders.delete(site.writer, top.id) == 2
    assert (await site.depot.vault.look(site.writer, file.id)).folder_id is None
    with pytest.raises(FolderNotFound):
        await site.depot.folders.look(site.writer, inner.id)
    empty = await make(site, "empty")
    assert await site.depot.folders.delete(site.writer, empty.id, only_if_empty=True) == 1


async def test_a_file_never_ends_in_a_folder_that_is_gone(site: Site) -> None:
    """A folder's deletion against uploads and moves into it: the files are somewhere."""
    for number in range(10):
        folder = await make(site, f"box{number}")
        mover = await site.put(b"move me", f"m{number}")
        await asyncio.gather(
            site.put(b"new", f"n{number}", folder_id=folder.id),
            site.depot.vault.change(site.writer, mover.id, folder_id=folder.id),
            site.depot.folders.delete(site.writer, folder.id),
            site.put(b"new too", f"o{number}", folder_id=folder.id),
            return_exceptions=True,
        )
    file, folders = schema.file, schema.folder
    lost = select(file.c.id).where(
        file.c.folder_id.is_not(None), file.c.folder_id.not_in(select(folders.c.id))
    )
    assert await site.run(lambda tx: tx.all(lost)) == []


async def test_folders_of_another_space(site: Site) -> None:
    """They do not exist: not to look at, not to move into, not to file under."""
    elsewhere = await site.other_space()
    mine = await make(site, "mine")
    theirs = await site.depot.folders.create(elsewhere, "theirs")
    folders = site.depot.folders
    for verb in (
        lambda: folders.look(site.writer, theirs.id),
        lambda: folders.delete(site.writer, theirs.id),
        lambda: folders.change(site.writer, theirs.id, name="x"),
        lambda: folders.children(site.writer, theirs.id),
        lambda: folders.path_of(site.writer, theirs.id),
    ):
        with pytest.raises(FolderNotFound):
            await verb()
    with pytest.raises(FolderUnknown):
        await folders.change(site.writer, mine.id, parent_id=theirs.id)
    with pytest.raises(FolderUnknown):
        await folders.create(site.writer, "x", theirs.id)


async def test_children_are_paged(site: Site) -> None:
    """By number, from anywhere."""
    made = sorted([(await make(site, f"f{n}")).id for n in range(7)])
    first = await site.depot.folders.children(site.writer, None, 0, 4)
    rest = await site.depot.folders.children(site.writer, None, first[-1].id, 4)
    assert [folder.id for folder in first + rest] == made
