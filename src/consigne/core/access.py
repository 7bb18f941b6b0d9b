"""Who may do what with a file: the one permission function of all dialects (C-02, C-03, C-04).

A file that a record links, and that the record does not show to every member, is asked for there.
"""

from consigne.catalog.engine import Tx
from consigne.core.records.permits import shows
from consigne.core.seat import Caller, Seat
from consigne.errors import FileNotFound, Protected, RightMissing, UploadNotFound
from consigne.model.entities import Access, File, Guard, State, Upload
from consigne.model.rights import Right

__all__ = [
    "Caller",
    "Seat",
    "can_read",
    "can_write",
    "guards_of",
    "is_expired",
    "own_upload",
    "readable",
    "require_unguarded",
    "trashed",
    "writable",
]

_VISIBLE = (State.HELD, State.KEPT)


def can_read(tx: Tx, seat: Seat, file: File) -> bool:
    """Tell whether a file exists for this caller."""
    if file.space_id != seat.space_id or not seat.has(Right.READ):
        return False
    if file.access is Access.SPACE or seat.has(Right.MANAGE):
        return True
    if file.access is Access.RECORD:
        return shows(tx, seat, file.id)
    return file.owner_id == seat.principal_id


def can_write(seat: Seat, file: File) -> bool:
    """Tell whether the caller may change a file that he can read: his own, or as a manager."""
    mine = file.owner_id == seat.principal_id
    return seat.has(Right.MANAGE) or (mine and seat.has(Right.WRITE))


def readable(tx: Tx, seat: Seat, file: File | None, now: int) -> File:
    """Return the file if it is there for this caller, with content; raise FileNotFound."""
    if (
        file is None
        or not can_read(tx, seat, file)
        or file.state not in _VISIBLE
        or is_expired(file, now)
    ):
        raise FileNotFound
    return file


def writable(tx: Tx, seat: Seat, file: File | None, now: int) -> File:
    """Return the file if the caller may change it; raise FileNotFound or RightMissing."""
    found = readable(tx, seat, file, now)
    if not can_write(seat, found):
        raise RightMissing("Only the owner or a manager may change this file.", right="write")
    return found


def trashed(tx: Tx, seat: Seat, file: File | None) -> File:
    """Return a released file that the caller may restore or purge; raise FileNotFound."""
    if file is None or file.state is not State.RELEASED or not can_read(tx, seat, file):
        raise FileNotFound
    if not can_write(seat, file):
        raise RightMissing("Only the owner or a manager may do this.", right="manage")
    return file


def own_upload(seat: Seat, upload: Upload | None) -> Upload:
    """Return the session if it is this caller's in this space; raise UploadNotFound."""
    if (
        upload is None
        or upload.space_id != seat.space_id
        or upload.principal_id != seat.principal_id
    ):
        raise UploadNotFound
    return upload


def is_expired(file: File, now: int) -> bool:
    """Tell whether a held file's time is over, though the sweeper has not come by yet."""
    return file.state is State.HELD and file.expires_at is not None and file.expires_at <= now


def guards_of(file: File, now: int) -> Guard:
    """Return the guards that stand on a file now; a retention whose time is over does not count."""
    guards = Guard(file.guards)
    if Guard.RETENTION in guards and file.retain_until is not None and file.retain_until <= now:
        guards &= ~Guard.RETENTION
    return guards


def require_unguarded(file: File, now: int) -> None:
    """Raise Protected, naming the guards, where one stands in the way (C-12)."""
    guards = guards_of(file, now)
    if guards:
        names = guards.names()
        raise Protected(
            f"The file is protected: {', '.join(names)}.",
            hint="Lift the guard first: unlink it, reopen the year, or clear the hold.",
            guards=names,
        )
