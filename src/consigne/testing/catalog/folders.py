"""``catalog.folders``: a tree of labels (C-32)."""

from typing import Any

import msgspec

from consigne.catalog import files, folders
from consigne.catalog.engine import Catalog, Tx
from consigne.model.entities import Folder
from consigne.model.names import fold
from consigne.testing.catalog.base import AT, Base, a_file, insert_files


def a_folder(space: int, number: int, name: str, **fields: Any) -> Folder:
    """Return a folder at the top."""
    row = Folder(number, space, None, None, name, fold(name), 1, AT, None, None)
    return msgspec.structs.replace(row, **fields)


async def insert(catalog: Catalog, *rows: Folder) -> None:
    """Insert folders."""

    def work(tx: Tx) -> None:
        for row in rows:
            folders.insert_folder(tx, row)

    await catalog.write(work)


class FolderTests(Base):
    """Folders."""

    async def test_children(self, catalog: Catalog, space: int) -> None:
        """Directly below a folder, or at the top and outside any year, by number, in pages."""
        rows = [
            a_folder(space, 1, "a"),
            a_folder(space, 2, "b"),
            a_folder(space, 3, "c", year_id=9),
            a_folder(space, 4, "d", parent_id=1),
            a_folder(space, 5, "e", parent_id=4),
            a_folder(space + 1, 6, "f"),
        ]
        await insert(catalog, *rows)
        assert await catalog.read(lambda tx: folders.children(tx, space, None)) == rows[:2]
        assert await catalog.read(lambda tx: folders.children(tx, space, 1)) == rows[3:4]
        assert await catalog.read(lambda tx: folders.children(tx, space, None, 1, 1)) == rows[1:2]
        assert await catalog.read(lambda tx: folders.children(tx, space + 1, 1)) == []
        assert await catalog.look(lambda tx: folders.by_id(tx, 5)) == rows[4]

    async def test_names_are_exact_and_may_repeat(self, catalog: Catalog, space: int) -> None:
        """By exact name, byte for byte; two of a name mean that it is ambiguous."""
        await insert(
            catalog,
            a_folder(space, 1, "Name"),
            a_folder(space, 2, "name"),
            *[a_folder(space, n, "twin") for n in (3, 4, 5)],
            a_folder(space, 6, "twin", parent_id=1),
            a_folder(space, 7, "100%"),
        )

        async def named(parent: int | None, name: str) -> list[int]:
            found = await catalog.look(lambda tx: folders.named(tx, space, parent, name))
            return [row.id for row in found]

        assert await named(None, "Name") == [1]
        assert await named(None, "name") == [2]
        assert await named(None, "twin") == [3, 4]
        assert await named(1, "twin") == [6]
        assert await named(None, "100%") == [7]
        assert await named(None, "%") == []

    async def test_change_and_remove(self, catalog: Catalog, space: int) -> None:
        """A renamed folder; a removed one leaves its files at the root."""
        row = a_folder(space, 1, "old")
        await insert(catalog, row)
        new = await catalog.write(lambda tx: folders.change(tx, row, name="new", parent_id=8))
        assert await catalog.look(lambda tx: folders.by_id(tx, 1)) == new
        inside = a_file(space, folder_id=1)
        await insert_files(catalog, [inside, a_file(space, folder_id=2)])
        assert await catalog.look(lambda tx: folders.has_files(tx, 1))
        await catalog.write(lambda tx: folders.remove(tx, 1))
        assert await catalog.look(lambda tx: folders.by_id(tx, 1)) is None
        assert not await catalog.look(lambda tx: folders.has_files(tx, 1))
        assert await catalog.look(lambda tx: folders.has_files(tx, 2))
        found = await catalog.look(lambda tx: files.by_id(tx, inside.id))
        assert found is not None
        assert found.folder_id is None
