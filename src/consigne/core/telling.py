"""How an event is told outside: ids in the spelling of what they name (C-30)."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from consigne.model.entities import Event
from consigne.model.identity import Kind, to_uuid

# Every action that history records; a webhook can listen to each.
EVENTS = frozenset(
    (
        "content.cleared",
        "content.corrupt",
        "content.healed",
        "content.quarantined",
        "content.repaired",
        "file.changed",
        "file.copied",
        "file.emptied",
        "file.expected",
        "file.guarded",
        "file.held",
        "file.kept",
        "file.linked",
        "file.purged",
        "file.recognised",
        "file.released",
        "file.replaced",
        "file.restored",
        "file.shared",
        "file.unlinked",
        "files.bulk",
        "files.inherited",
        "files.released",
        "folder.changed",
        "folder.created",
        "folder.deleted",
        "group.set",
        "job.cancelled",
        "job.done",
        "job.failed",
        "job.queued",
        "key.created",
        "key.revoked",
        "member.dropped",
        "member.set",
        "record.changed",
        "record.created",
        "record.deleted",
        "record.frozen",
        "record.locked",
        "record.restored",
        "record.trashed",
        "record.unlocked",
        "space.changed",
        "space.cleared",
        "space.created",
        "space.deleted",
        "space.restored",
        "type.changed",
        "type.created",
        "type.deleted",
        "upload.opened",
        "vault.restored",
        "webhook.changed",
        "webhook.created",
        "webhook.deleted",
        "webhook.disabled",
        "webhook.rotated",
        "year.changed",
        "year.closed",
        "year.created",
        "year.deleted",
        "year.opened",
    )
)

_SUBJECTS = {
    "file": Kind.FILE,
    "upload": Kind.FILE,  # an upload is told of under the file that it fills
    "content": Kind.FILE,
    "folder": Kind.FOLDER,
    "key": Kind.KEY,
    "job": Kind.JOB,
}


def subject_of(event: Event) -> str | None:
    """Return the id of what an event is about, as that thing spells it."""
    if event.subject is None:
        return None
    kind = _SUBJECTS.get(event.action.partition(".")[0])
    return str(event.subject) if kind is None else to_uuid(kind, event.subject)


def data_of(event: Event) -> dict[str, Any]:
    """Return the facts of an event."""
    data: dict[str, Any] = msgspec.json.decode(event.data) if event.data else {}
    for name in ("source", "file"):
        if str(data.get(name, "")).isdigit():
            data[name] = to_uuid(Kind.FILE, int(data[name]))
    return data


def moment(milliseconds: int) -> str:
    """Return a time as ISO 8601 in UTC.

    >>> moment(784111777999)
    '1994-11-06T08:49:37.999Z'
    """
    seconds, rest = divmod(milliseconds, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:03d}Z"
