"""Who may do what with a record, and with the files that it links (C-04, DY-56, DY-57).

The role in the space is a ceiling: a reader only views. Below it the ACL decides, the record's own
or else its type's; without entries for a verb every member may whose role allows it. Admins of the
space may always. Visibility I hides a field, and the files in it, from everybody.
"""

from collections.abc import Iterable

from consigne.catalog import links, record_types
from consigne.catalog.engine import Tx
from consigne.core.records.layout import layout_of
from consigne.core.seat import Seat
from consigne.errors import RightMissing
from consigne.model.records import Acl, Record, RecordState, RecordType
from consigne.model.rights import Right

VERBS = ("view", "edit", "delete", "create")
_GROUP = "group:"
NO_GROUPS: frozenset[str] = frozenset()


def may(seat: Seat, groups: Iterable[str], acl: Acl, verb: str) -> bool:
    """Tell whether a caller in these groups may ``view``, ``edit``, ``delete`` or ``create``."""
    if not seat.has(Right.READ if verb == "view" else Right.WRITE):
        return False
    entries: list[str] | None = getattr(acl, verb)
    if entries is None or seat.has(Right.ADMIN):
        return True
    return not _titles(seat, groups).isdisjoint(entries)


def require(seat: Seat, groups: Iterable[str], acl: Acl, verb: str) -> None:
    """Raise RightMissing, details ``right`` = the verb, where the caller may not."""
    if not may(seat, groups, acl, verb):
        raise RightMissing(
            f"This needs the right {verb!r} on the record.",
            hint="Ask whoever looks after the record type to add you to its ACL.",
            right=verb,
        )


def groups_for(tx: Tx, seat: Seat, *acls: Acl) -> frozenset[str]:
    """Return the caller's groups, looked up only where an ACL names one."""
    if any(_names_groups(acl) for acl in acls):
        return record_types.groups_of(tx, seat.space_id, seat.principal_id)
    return NO_GROUPS


def is_restricted(acl: Acl) -> bool:
    """Tell whether an ACL keeps some member from viewing."""
    return acl.view is not None and "*" not in acl.view


def shows(tx: Tx, seat: Seat, file_id: int) -> bool:
    """Tell whether one of a file's records shows it to the caller (C-04)."""
    for field, fields, record, type in links.sight(tx, file_id):
        if field not in layout_of(fields).hidden and may_view(tx, seat, record, type):
            return True
    return False


def may_view(tx: Tx, seat: Seat, record: Record, type: RecordType) -> bool:
    """Tell whether the caller may view a record that is not in the trash."""
    acl = record.rules(type)
    trashed = record.state is RecordState.TRASHED
    return not trashed and may(seat, groups_for(tx, seat, acl), acl, "view")


def _titles(seat: Seat, groups: Iterable[str]) -> set[str]:
    user = seat.caller.principal
    titles = {"*", f"user:{user.email}", f"user:{user.username}", f"role:{seat.role}"}
    return titles | {_GROUP + name for name in groups}


def _names_groups(acl: Acl) -> bool:
    entries = (acl.view, acl.edit, acl.delete, acl.create)
    return any(entry.startswith(_GROUP) for each in entries for entry in each or ())
