"""Who may do what with a file: the one permission function of all dialects (C-02, C-03, C-04).

A ``Caller`` is who a credential stands for, a ``Seat`` is a caller in a space. Roles come from the
catalog at each request (C-05), never from a token.
"""

import msgspec

from consigne.errors import (
    FileNotFound,
    Forbidden,
    MethodRefused,
    Protected,
    RightMissing,
    UploadNotFound,
)
from consigne.model.entities import Access, File, Guard, Principal, Space, State, Upload
from consigne.model.rights import MATRIX, Right, Role

_VISIBLE = (State.HELD, State.KEPT)


class Caller(msgspec.Struct, frozen=True):
    """A principal with the restrictions of the credential: a space (a ceiling) and methods."""

    principal: Principal
    space_id: int | None = None
    methods: frozenset[str] | None = None
    key_id: int | None = None

    @property
    def id(self) -> int:
        return self.principal.id

    def require_method(self, method: str) -> None:
        """Raise MethodRefused where the key is limited to other methods."""
        if self.methods is not None and method.upper() not in self.methods:
            raise MethodRefused(f"This key may not use {method}.")

    def require_operator(self) -> None:
        """Raise Forbidden unless the caller looks after the installation, with an unbound key."""
        if not self.principal.is_operator or self.space_id is not None:
            raise Forbidden("Only an administrator of the installation may do this.")


class Seat(msgspec.Struct, frozen=True):
    """A caller in a space; ``role`` None: no member (an installation admin looking in)."""

    caller: Caller
    space: Space
    role: Role | None

    @property
    def principal_id(self) -> int:
        return self.caller.principal.id

    @property
    def space_id(self) -> int:
        return self.space.id

    def has(self, right: Right) -> bool:
        return self.role is not None and right in MATRIX[self.role]

    def require(self, right: Right) -> None:
        """Raise RightMissing where the role in this space does not carry the right."""
        if not self.has(right):
            raise RightMissing(
                f"This needs the right {right.value!r} in space {self.space.short!r}.",
                hint="Ask an administrator of the space for a higher role.",
                right=right.value,
            )


def can_read(seat: Seat, file: File) -> bool:
    """Tell whether a file exists for this caller."""
    if file.space_id != seat.space_id or not seat.has(Right.READ):
        return False
    mine = file.owner_id == seat.principal_id
    return mine or file.access is Access.SPACE or seat.has(Right.MANAGE)


def can_write(seat: Seat, file: File) -> bool:
    """Tell whether the caller may change a file that he can read: his own, or as a manager."""
    mine = file.owner_id == seat.principal_id
    return seat.has(Right.MANAGE) or (mine and seat.has(Right.WRITE))


def readable(seat: Seat, file: File | None, now: int) -> File:
    """Return the file if it is there for this caller, with content; raise FileNotFound."""
    if (
        file is None
        or not can_read(seat, file)
        or file.state not in _VISIBLE
        or is_expired(file, now)
    ):
        raise FileNotFound
    return file


def writable(seat: Seat, file: File | None, now: int) -> File:
    """Return the file if the caller may change it; raise FileNotFound or RightMissing."""
    found = readable(seat, file, now)
    if not can_write(seat, found):
        raise RightMissing("Only the owner or a manager may change this file.", right="write")
    return found


def trashed(seat: Seat, file: File | None) -> File:
    """Return a released file that the caller may restore or purge; raise FileNotFound."""
    if file is None or file.state is not State.RELEASED or not can_read(seat, file):
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
