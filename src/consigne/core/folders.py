"""Folders: a tree of labels in a space (C-32).

Names are not unique; a path that is not unique fails as ambiguous; a ``/`` in a name is written
``%2F`` in a path.
"""

from typing import Any
from urllib.parse import quote, unquote

from consigne.catalog import folders, spaces, years
from consigne.catalog.engine import Catalog, Tx
from consigne.core.access import Seat
from consigne.core.clock import now_ms
from consigne.core.history import record
from consigne.core.years import found_year, require_open
from consigne.errors import (
    BadName,
    BadParameter,
    FolderAmbiguous,
    FolderCycle,
    FolderDepth,
    FolderNotEmpty,
    FolderNotFound,
    FolderUnknown,
)
from consigne.model.entities import Folder
from consigne.model.identity import new_id
from consigne.model.names import fold, require_label
from consigne.model.rights import Right

MAX_DEPTH = 64
MAX_IN_YEAR = 10_000
KEEP = object()


class Folders:
    """The verbs on folders."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def create(
        self, seat: Seat, name: str, parent_id: int | None = None, year_id: int | None = None
    ) -> Folder:
        """Make a folder in a year, else where its parent is; a parent must be of the same year.

        Raises RightMissing, BadName, FolderUnknown, FolderDepth, YearNotFound, YearClosed,
        BadParameter (the year has too many).
        """
        seat.require(Right.WRITE)
        label = require_label(name)

        def work(tx: Tx) -> Folder:
            spaces.lock(tx, seat.space_id)
            return _create(tx, seat, label, parent_id, year_id)

        return await self._catalog.write(work)

    async def look(self, seat: Seat, folder_id: int) -> Folder:
        """Return a folder. Raises FolderNotFound."""
        seat.require(Right.READ)
        return await self._catalog.look(lambda tx: _found(tx, seat, folder_id))

    async def of_year(self, seat: Seat, year_id: int) -> list[Folder]:
        """Return all folders of a year, oldest first. Raises YearNotFound."""
        seat.require(Right.READ)

        def work(tx: Tx) -> list[Folder]:
            found_year(seat, years.by_id(tx, year_id))
            return years.folders(tx, seat.space_id, year_id)

        return await self._catalog.read(work)

    async def children(
        self, seat: Seat, parent_id: int | None, after: int = 0, limit: int = 1000
    ) -> list[Folder]:
        """Return the folders directly below a folder, or at the top, by id."""
        seat.require(Right.READ)

        def work(tx: Tx) -> list[Folder]:
            if parent_id is not None:
                _found(tx, seat, parent_id)
            return folders.children(tx, seat.space_id, parent_id, after, limit)

        return await self._catalog.read(work)

    async def change(
        self, seat: Seat, folder_id: int, *, name: Any = KEEP, parent_id: Any = KEEP
    ) -> Folder:
        """Rename or move a folder; moves in a space are serialised, so no two can make a cycle.

        Raises FolderNotFound, BadName, FolderUnknown, FolderCycle, FolderDepth, YearClosed.
        """
        seat.require(Right.WRITE)

        def work(tx: Tx) -> Folder:
            spaces.lock(tx, seat.space_id)
            folder = _changeable(tx, seat, folder_id)
            changes: dict[str, Any] = {}
            if name is not KEEP:
                label = require_label(name or "")
                if label != folder.name:
                    changes = {"name": label, "name_fold": fold(label)}
            if parent_id is not KEEP and parent_id != folder.parent_id:
                _require_place(tx, seat, folder, parent_id)
                changes["parent_id"] = parent_id
            if not changes:
                return folder
            changed = folders.change(
                tx, folder, **changes, updated_at=now_ms(), updated_by=seat.principal_id
            )
            record(tx, seat.space_id, seat.principal_id, "folder.changed", folder.id)
            return changed

        return await self._catalog.write(work)

    async def delete(self, seat: Seat, folder_id: int, *, only_if_empty: bool = False) -> int:
        """Delete a folder with its subfolders and return how many; their files move to the root.

        Raises FolderNotFound, FolderNotEmpty, YearClosed.
        """
        seat.require(Right.WRITE)

        def work(tx: Tx) -> int:
            spaces.lock(tx, seat.space_id)
            doomed = _subtree(tx, seat, _changeable(tx, seat, folder_id))
            if only_if_empty and (len(doomed) > 1 or folders.has_files(tx, folder_id)):
                raise FolderNotEmpty
            for folder in reversed(doomed):
                folders.remove(tx, folder.id)
            record(
                tx, seat.space_id, seat.principal_id, "folder.deleted", folder_id,
                folders=len(doomed),
            )  # fmt: skip
            return len(doomed)

        return await self._catalog.write(work)

    async def at(self, seat: Seat, path: str, *, create: bool = False) -> Folder | None:
        """Return the folder of a path such as ``Invoices/2026``; None for the root.

        Raises FolderNotFound (unless ``create`` makes what is missing), FolderAmbiguous, BadName.
        """
        seat.require(Right.WRITE if create else Right.READ)
        labels = [unquote(part) for part in path.strip("/").split("/") if part]

        def work(tx: Tx) -> Folder | None:
            if create:
                spaces.lock(tx, seat.space_id)
            folder: Folder | None = None
            for label in labels:
                folder = _step(tx, seat, folder, label, create)
            return folder

        return await (self._catalog.write(work) if create else self._catalog.look(work))

    async def path_of(self, seat: Seat, folder_id: int) -> str:
        """Return the path of a folder, with slashes in names escaped."""

        def work(tx: Tx) -> str:
            parts: list[str] = []
            folder: Folder | None = _found(tx, seat, folder_id)
            while folder is not None:
                parts.append(quote(folder.name, safe=" "))
                folder = folders.by_id(tx, folder.parent_id) if folder.parent_id else None
            return "/".join(reversed(parts))

        return await self._catalog.look(work)


def require_folder(tx: Tx, seat: Seat, folder_id: int | None, year_id: int | None = None) -> None:
    """Raise FolderUnknown unless the folder is None or one of the caller's space and of the year.

    A file and its folder are of the same year, or both of none.
    """
    if folder_id is None:
        return
    folder = folders.pin(tx, folder_id)
    if folder is None or folder.space_id != seat.space_id or folder.year_id != year_id:
        raise FolderUnknown(parameter="folder")


def _found(tx: Tx, seat: Seat, folder_id: int) -> Folder:
    folder = folders.by_id(tx, folder_id)
    if folder is None or folder.space_id != seat.space_id:
        raise FolderNotFound
    return folder


def _changeable(tx: Tx, seat: Seat, folder_id: int) -> Folder:
    """Return a folder that lies in no closed year."""
    folder = _found(tx, seat, folder_id)
    if folder.year_id is not None:
        require_open(tx, seat, folder.year_id)
    return folder


def _require_room(tx: Tx, seat: Seat, year_id: int) -> None:
    require_open(tx, seat, year_id)
    if years.count_folders(tx, seat.space_id, year_id, MAX_IN_YEAR) >= MAX_IN_YEAR:
        raise BadParameter(f"A year has at most {MAX_IN_YEAR} folders.", parameter="folder")


def _create(tx: Tx, seat: Seat, label: str, parent_id: int | None, year_id: int | None) -> Folder:
    parent = folders.by_id(tx, parent_id) if parent_id is not None else None
    if parent is not None and parent.space_id == seat.space_id and year_id is None:
        year_id = parent.year_id
    if year_id is not None:
        _require_room(tx, seat, year_id)
    require_folder(tx, seat, parent_id, year_id)
    if parent is not None and len(_ancestors(tx, parent)) >= MAX_DEPTH:
        raise FolderDepth(f"Folders may be nested {MAX_DEPTH} deep.", parameter="parent")
    now = now_ms()
    folder = Folder(
        id=new_id(now),
        space_id=seat.space_id,
        year_id=year_id,
        parent_id=parent_id,
        name=label,
        name_fold=fold(label),
        created_by=seat.principal_id,
        created_at=now,
        updated_by=None,
        updated_at=None,
    )
    folders.insert_folder(tx, folder)
    record(tx, seat.space_id, seat.principal_id, "folder.created", folder.id, name=label)
    return folder


def _step(tx: Tx, seat: Seat, parent: Folder | None, label: str, create: bool) -> Folder:
    if not label.strip():
        raise BadName(parameter="folder")
    label = require_label(label, parameter="folder")
    found = folders.named(tx, seat.space_id, parent.id if parent else None, label)
    if len(found) > 1:
        raise FolderAmbiguous(f"More than one folder is named {label!r} there.", parameter="folder")
    if found:
        return found[0]
    if not create:
        raise FolderNotFound(f"There is no folder {label!r} there.")
    return _create(tx, seat, label, parent.id if parent else None, None)


def _require_place(tx: Tx, seat: Seat, folder: Folder, parent_id: int | None) -> None:
    require_folder(tx, seat, parent_id, folder.year_id)
    if parent_id is None:
        return
    above = _ancestors(tx, _found(tx, seat, parent_id))
    if folder.id in above:
        raise FolderCycle(parameter="parent")
    if len(above) + _height(tx, seat, folder) > MAX_DEPTH:
        raise FolderDepth(f"Folders may be nested {MAX_DEPTH} deep.", parameter="parent")


def _ancestors(tx: Tx, folder: Folder) -> list[int]:
    """Return the ids from a folder up to the top, itself first."""
    chain = [folder.id]
    while folder.parent_id is not None:
        parent = folders.by_id(tx, folder.parent_id)
        if parent is None:
            break
        chain.append(parent.id)
        folder = parent
    return chain


def _height(tx: Tx, seat: Seat, folder: Folder) -> int:
    below = folders.children(tx, seat.space_id, folder.id, 0, 100_000)
    return 1 + max((_height(tx, seat, child) for child in below), default=0)


def _subtree(tx: Tx, seat: Seat, folder: Folder) -> list[Folder]:
    """Return a folder and all below it, parents before children."""
    found = [folder]
    for each in found:
        found.extend(folders.children(tx, seat.space_id, each.id, 0, 100_000))
    return found
