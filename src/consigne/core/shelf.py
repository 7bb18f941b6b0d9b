"""Files of accounting years: entries without content, their names and places, their end.

An entry is a row ``expected`` that its year keeps: it has no bytes yet and does not expire. A file
that came in by another door has no year; it answers under every year of its space until a change
of its folder adopts it (C-10: adopting is a keep).
"""

from typing import Any

import msgspec

from consigne import lifecycle
from consigne.blobs.bucket import Bucket
from consigne.catalog import files, uploads, years
from consigne.catalog.engine import Catalog, Tx
from consigne.core import keeping
from consigne.core.access import (
    Seat,
    can_read,
    can_write,
    readable,
    require_unguarded,
)
from consigne.core.clock import ms, now_ms
from consigne.core.entry import Entry
from consigne.core.folders import require_folder
from consigne.core.history import record
from consigne.core.sessions import end
from consigne.core.vault import clean_changes
from consigne.core.years import found_year, require_open
from consigne.errors import FileNotFound, RightMissing
from consigne.model.entities import Access, File, Reason, State, UploadState
from consigne.model.rights import Right
from consigne.settings import Settings


class Shelf:
    """The verbs on files of a year. All raise YearNotFound and, on writes, YearClosed."""

    def __init__(self, catalog: Catalog, bucket: Bucket, settings: Settings) -> None:
        self._catalog = catalog
        self._bucket = bucket
        self._settings = settings

    async def create(self, seat: Seat, year_id: int, entry: Entry) -> File:
        """Make an entry that expects its content. Raises RightMissing, BadName, FolderUnknown."""
        seat.require(Right.WRITE)
        entry = msgspec.structs.replace(entry.clean(), year_id=year_id)

        def work(tx: Tx) -> File:
            require_open(tx, seat, year_id)
            require_folder(tx, seat, entry.folder_id, year_id)
            made = keeping.new_file(entry, seat.space_id, seat.principal_id, now_ms(), None)
            file = msgspec.structs.replace(made, reasons=Reason.YEAR)
            files.insert_file(tx, file)
            record(tx, seat.space_id, seat.principal_id, "file.expected", file.id, name=file.name)
            return file

        return await self._catalog.write(work)

    async def look(self, seat: Seat, year_id: int, file_id: int) -> File:
        """Return an entry or file as the year shows it. Raises FileNotFound."""
        seat.require(Right.READ)

        def work(tx: Tx) -> File:
            found_year(seat, years.by_id(tx, year_id))
            return on_shelf(tx, seat, files.by_id(tx, file_id), year_id)

        return await self._catalog.look(work)

    async def require_changeable(self, seat: Seat, year_id: int, file_id: int) -> File:
        """Return a file that may be changed now; raise what a change would raise."""
        seat.require(Right.WRITE)
        return await self._catalog.write(lambda tx: changeable(tx, seat, year_id, file_id))

    async def change(self, seat: Seat, year_id: int, file_id: int, **wishes: Any) -> File:
        """Change name, reference, date or folder_id; a folder_id (None too) adopts into the year.

        Raises FileNotFound, RightMissing, BadName, FolderUnknown, Protected.
        """
        seat.require(Right.WRITE)

        def work(tx: Tx) -> File:
            file = changeable(tx, seat, year_id, file_id)
            changes = dict(wishes)
            clean_changes(tx, seat, file, changes, year_id if "folder_id" in changes else None)
            if "folder_id" in changes and file.year_id is None:
                changes |= _adoption(file, year_id)
            changes = {key: value for key, value in changes.items() if getattr(file, key) != value}
            if not changes:
                return file
            record(
                tx, file.space_id, seat.principal_id, "file.changed", file.id,
                changed=sorted(set(changes) - {"name_fold"}),
            )  # fmt: skip
            return files.change(
                tx, file, **changes, updated_at=now_ms(), updated_by=seat.principal_id
            )

        return await self._catalog.write(work)

    async def release(self, seat: Seat, year_id: int, file_id: int) -> None:
        """Remove an entry for good, or move a file into the trash, with what is on its way.

        Raises FileNotFound, RightMissing, Protected.
        """
        seat.require(Right.WRITE)

        def work(tx: Tx) -> list[str]:
            now = now_ms()
            file = changeable(tx, seat, year_id, file_id)
            stages = void(tx, file, now)
            if file.state is not State.EXPECTED:
                keeping.release(tx, file, seat.principal_id, now)
                return stages
            lifecycle.file_after(file.state, "release")
            files.orphan(tx, file.id)
            keeping.bury(tx, file, "deleted", now, now + ms(self._settings.tombstones))
            record(tx, file.space_id, seat.principal_id, "file.released", file.id, why="deleted")
            return stages

        await self._drop(await self._catalog.write(work))

    async def empty(self, seat: Seat, file_id: int, version: int) -> bool:
        """Take the content out of a file if it is still this version; tell whether it was.

        An entry of a year stays, and expects another content; a file that no year keeps goes to the
        trash. Raises RightMissing, YearClosed, Protected.
        """
        seat.require(Right.WRITE)

        def work(tx: Tx) -> tuple[bool, list[str]]:
            now = now_ms()
            found = files.by_id(tx, file_id)
            if found is None or found.version != version or not can_read(tx, seat, found):
                return False, []
            # The year's row is held before the file's, as everywhere.
            writable(tx, seat, found)
            file = files.lock(tx, file_id)
            if file is None or file.state is not State.KEPT or file.version != version:
                return False, []
            stages = void(tx, file, now)
            if file.year_id is None:
                keeping.release(tx, file, seat.principal_id, now)
            else:
                keeping.empty(tx, file, seat.principal_id, now)
            return True, stages

        done, stages = await self._catalog.write(work)
        await self._drop(stages)
        return done

    async def _drop(self, stages: list[str]) -> None:
        for stage in stages:
            await self._bucket.abandon(stage)


def on_shelf(tx: Tx, seat: Seat, file: File | None, year_id: int) -> File:
    """Return a file that a year shows: one of its own, or one without year; raise FileNotFound."""
    if file is None or not can_read(tx, seat, file) or file.year_id not in (None, year_id):
        raise FileNotFound
    if file.state is State.EXPECTED and file.year_id is not None:
        return file
    return readable(tx, seat, file, now_ms())


def changeable(tx: Tx, seat: Seat, year_id: int, file_id: int) -> File:
    """Return a file of an open year, its row held, that the caller may change.

    Raises YearNotFound, YearClosed, FileNotFound, RightMissing, Protected.
    """
    require_open(tx, seat, year_id)
    return writable(tx, seat, on_shelf(tx, seat, files.lock(tx, file_id), year_id))


def writable(tx: Tx, seat: Seat, file: File) -> File:
    """Return the file if the caller may change it, its year is open and no guard stands on it."""
    if not can_write(seat, file):
        raise RightMissing("Only the owner or a manager may change this file.", right="write")
    if file.year_id is not None:
        require_open(tx, seat, file.year_id)
    require_unguarded(file, now_ms())
    return file


def void(tx: Tx, file: File, now: int) -> list[str]:
    """End what signed URLs have brought for a file; return the stages to drop."""
    stages = []
    for session in uploads.signed_of(tx, file.id):
        if session.state is UploadState.DONE:
            uploads.remove(tx, session.id)
        else:
            end(tx, session, "abort", now, 0)
        stages.append(session.stage)
    return stages


def _adoption(file: File, year_id: int) -> dict[str, Any]:
    """Return what changes when a year takes a file in (C-03, C-10)."""
    return {
        "year_id": year_id,
        "state": lifecycle.file_after(file.state, "keep"),
        "reasons": Reason(file.reasons) | Reason.YEAR,
        "access": Access.SPACE,
        "expires_at": None,
    }
