"""The steps of a file's life inside a transaction: charge, adopt bytes, keep, replace, release.

Write order (``design.md``): the bytes are on stable storage before any of these functions names
them. Every function here runs inside one transaction of the caller and leaves counters, references,
rows and events consistent with each other.
"""

from typing import Any

import msgspec

from consigne import lifecycle
from consigne.blobs.draft import Draft
from consigne.catalog import contents, files, links, spaces
from consigne.catalog.engine import Tx
from consigne.core import texts
from consigne.core.entry import Entry, encode_annotations
from consigne.core.history import record
from consigne.core.sniff import extension_for, type_for_extension
from consigne.core.sniff_tables import OCTETS
from consigne.errors import Infected
from consigne.model.entities import (
    Access,
    Content,
    ContentState,
    File,
    Guard,
    Policy,
    Reason,
    State,
    Version,
)
from consigne.model.identity import Kind, new_id, to_uuid
from consigne.model.names import extension_of, fold
from consigne.settings import Settings

CHARGED = (State.HELD, State.KEPT)


class Deposit:
    """Bytes that are ready to be named: stored (``key``), or to be shared with the space's own."""

    def __init__(
        self, draft: Draft, detected_type: str, key: str | None, settings: Settings
    ) -> None:
        self._settings = settings
        self.draft = draft
        self.detected_type = detected_type
        self.key = key
        self.used = False

    def adopt(self, tx: Tx, space_id: int, now: int) -> Content | None:
        """Take a reference to these bytes in the space (C-20).

        None where they were to be shared and are no longer there: the draft must be stored first.
        Raises Infected where the same bytes are in quarantine.
        """
        self.used = False
        draft = self.draft
        found = contents.adopt(tx, space_id, draft.sha256)
        if found is not None:
            return found
        if self.key is None:
            return None
        if contents.is_confined(tx, space_id, draft.sha256):
            raise Infected("These bytes are in quarantine.", hint="Ask an administrator.")
        content = Content(
            id=new_id(now),
            space_id=space_id,
            sha256=draft.sha256,
            md5=draft.md5,
            size=draft.size,
            key=self.key,
            block_size=draft.block_size,
            blocks=draft.blocks,
            references=1,
            state=ContentState.LIVE,
            detected_type=self.detected_type,
            created_at=now,
            idle_since=None,
        )
        if contents.add(tx, content):
            self.used = True
            texts.expect(tx, content, self._settings)
            return content
        return contents.adopt(tx, space_id, draft.sha256)


def new_file(
    entry: Entry, space_id: int, owner_id: int | None, now: int, content: Content | None
) -> File:
    """Return the row of a new file: expected without content, else held or kept."""
    verb = "hold" if entry.hold else "keep"
    state = lifecycle.file_after(State.EXPECTED, verb) if content else State.EXPECTED
    number = new_id(now)
    name = _id_as_name(number, entry, content) if entry.is_named_by_id else entry.name
    return File(
        id=number,
        space_id=space_id,
        owner_id=owner_id,
        state=state,
        access=entry.access,
        policy=entry.policy,
        reasons=entry.reasons if state is State.KEPT else Reason(0),
        guards=Guard(0),
        folder_id=entry.folder_id,
        year_id=entry.year_id,
        parent_id=entry.parent_id,
        name=name,
        name_fold=fold(name),
        reference=entry.reference,
        declared_type=_declared(entry, content),
        detected_type=content.detected_type if content else None,
        is_source=entry.is_source,
        is_open=entry.is_open,
        was_linked=False,
        version=1 if content else 0,
        content_id=content.id if content else None,
        size=content.size if content else 0,
        sha256=content.sha256 if content else None,
        md5=content.md5 if content else None,
        client_hash=entry.client_hash,
        date=None,
        created_at=now,
        completed_at=now if content else None,
        updated_at=None,
        updated_by=None,
        expires_at=entry.expires_at if state is not State.KEPT else None,
        released_at=None,
        retain_until=None,
        hold_reason=None,
        meta=entry.meta,
    )


def _id_as_name(number: int, entry: Entry, content: Content | None) -> str:
    """Return the name of a file that has none: its UUID and the extension of its type."""
    kind = entry.declared_type or (content.detected_type if content else OCTETS)
    extension = extension_for(kind)
    return f"{to_uuid(Kind.FILE, number)}.{extension}" if extension else to_uuid(Kind.FILE, number)


def _declared(entry: Entry, content: Content | None) -> str | None:
    unknown = content is not None and content.detected_type == OCTETS
    if entry.declared_type is None and entry.guess_type and unknown:
        return type_for_extension(extension_of(entry.name))
    return entry.declared_type


def twin(source: File, number: int, owner_id: int, now: int, **changes: Any) -> File:
    """Return the row of a kept copy on the same bytes, without the history of its source."""
    return msgspec.structs.replace(
        source,
        **{
            "id": number,
            "owner_id": owner_id,
            "state": State.KEPT,
            "reasons": Reason.OWNER,
            "guards": Guard(0),
            "policy": Policy.SHARED,
            "access": Access.PRIVATE if source.access is Access.RECORD else source.access,
            "is_open": False,
            "was_linked": False,
            "version": 1,
            "year_id": None,
            "folder_id": source.folder_id if source.year_id is None else None,
            "created_at": now,
            "completed_at": now,
            "updated_at": None,
            "updated_by": None,
            "expires_at": None,
            "retain_until": None,
            "hold_reason": None,
            **changes,
        },
    )


def fill(
    tx: Tx,
    file: File,
    content: Content,
    entry: Entry,
    actor: int | None,
    now: int,
    **changes: Any,
) -> File:
    """Give an expected file its first content; the caller has charged the space."""
    state = lifecycle.file_after(file.state, "hold" if entry.hold else "keep")
    filled = files.change(
        tx,
        file,
        state=state,
        reasons=entry.reasons if state is State.KEPT else Reason(0),
        version=file.version + 1,
        content_id=content.id,
        size=content.size,
        sha256=content.sha256,
        md5=content.md5,
        declared_type=_declared(entry, content),
        detected_type=content.detected_type,
        completed_at=now,
        expires_at=entry.expires_at if state is not State.KEPT else None,
        **changes,
    )
    record(tx, file.space_id, actor, f"file.{state}", file.id, size=content.size, name=file.name)
    return filled


def supersede(
    tx: Tx, file: File, content: Content, actor: int | None, now: int, limit: int, **changes: Any
) -> File:
    """Put a new content in place of the present one, which becomes an undo version.

    The caller has charged the difference in size. What a frozen revision shows is pinned: it stays,
    and stays charged. Raises QuotaExceeded where there is no room for that.
    """
    state = lifecycle.file_after(file.state, "replace")
    assert file.content_id is not None
    assert file.sha256 is not None
    assert file.md5 is not None
    is_pinned = Reason.PIN in Reason(file.reasons)
    pins = links.pins(tx, file.id, file.version) if is_pinned else 0
    files.add_version(
        tx,
        Version(
            file_id=file.id,
            number=file.version,
            content_id=file.content_id,
            size=file.size,
            name=file.name,
            declared_type=file.declared_type,
            detected_type=file.detected_type,
            sha256=file.sha256,
            md5=file.md5,
            pins=pins,
            created_at=file.completed_at or now,
            created_by=file.updated_by or file.owner_id,
            replaced_at=now,
        ),
    )
    spaces.charge(tx, file.space_id, **{"used" if pins else "undo": file.size})
    new = files.change(
        tx,
        file,
        state=state,
        version=file.version + 1,
        content_id=content.id,
        size=content.size,
        sha256=content.sha256,
        md5=content.md5,
        detected_type=content.detected_type,
        completed_at=now,
        updated_at=now,
        updated_by=actor,
        **{"meta": _without_found(file), **changes},
    )
    record(tx, file.space_id, actor, "file.replaced", file.id, version=new.version, size=new.size)
    trim_versions(tx, new, limit, now)
    return new


def _without_found(file: File) -> str | None:
    """Return a file's annotations without what was found in bytes that it has no longer."""
    notes = files.annotations(file)
    if not notes.found:
        return file.meta
    return encode_annotations(msgspec.structs.replace(notes, found={}))


def trim_versions(tx: Tx, file: File, limit: int, now: int) -> None:
    """Drop the oldest unpinned versions beyond a number."""
    unpinned = [v for v in files.versions(tx, file.id) if not v.pins]
    for version in unpinned[limit:]:
        drop_version(tx, file.space_id, version, now)


def drop_version(tx: Tx, space_id: int, version: Version, now: int) -> None:
    """Forget a version, once; its bytes go when nothing else refers to them."""
    if files.drop_version(tx, version.file_id, version.number):
        contents.drop(tx, version.content_id, now)
        charged = version.size if version.pins else 0
        spaces.charge(tx, space_id, used=-charged, undo=charged - version.size)


def release(tx: Tx, file: File, actor: int | None, now: int, why: str = "deleted") -> File:
    """Move a held or kept file into the trash: its quota is free at once (C-16)."""
    verb = "expire" if why == "expired" else "release"
    state = lifecycle.file_after(file.state, verb)
    files.orphan(tx, file.id)
    spaces.charge(tx, file.space_id, used=-file.size, undo=file.size)
    gone = files.change(
        tx,
        file,
        state=state,
        reasons=Reason(0),
        released_at=now,
        expires_at=None,
        is_open=False,
        updated_at=now,
        updated_by=actor,
    )
    record(tx, file.space_id, actor, "file.released", file.id, why=why, size=file.size)
    return gone


def empty(tx: Tx, file: File, actor: int | None, now: int) -> File:
    """Take the content, with its undo, out of a file whose row stays and expects another one."""
    state = lifecycle.file_after(file.state, "empty")
    for version in files.versions(tx, file.id):
        drop_version(tx, file.space_id, version, now)
    if file.content_id is not None:
        contents.drop(tx, file.content_id, now)
    spaces.charge(tx, file.space_id, used=-file.size)
    emptied = files.change(
        tx,
        file,
        state=state,
        reasons=Reason.YEAR,
        content_id=None,
        size=0,
        sha256=None,
        md5=None,
        client_hash=None,
        declared_type=None,
        detected_type=None,
        completed_at=None,
        is_open=False,
        updated_at=now,
        updated_by=actor,
        meta=_without_found(file),
    )
    record(tx, file.space_id, actor, "file.emptied", file.id, size=file.size)
    return emptied


def restore(tx: Tx, file: File, actor: int | None, now: int) -> File:
    """Bring a released file back and charge it again. Raises QuotaExceeded."""
    state = lifecycle.file_after(file.state, "restore")
    spaces.charge(tx, file.space_id, used=file.size, undo=-file.size)
    back = files.change(
        tx,
        file,
        state=state,
        reasons=Reason.OWNER if file.year_id is None else Reason.OWNER | Reason.YEAR,
        released_at=None,
        updated_at=now,
        updated_by=actor,
    )
    record(tx, file.space_id, actor, "file.restored", file.id, size=file.size)
    return back


def purge(tx: Tx, file: File, actor: int | None, now: int, keep_until: int | None) -> None:
    """Remove a released file for good; a tombstone and the audit rows remain (C-15)."""
    lifecycle.file_after(file.state, "purge")
    for version in files.versions(tx, file.id):
        drop_version(tx, file.space_id, version, now)
    if file.content_id is not None:
        contents.drop(tx, file.content_id, now)
    spaces.charge(tx, file.space_id, undo=-file.size)
    bury(tx, file, "purged", now, keep_until)
    record(tx, file.space_id, actor, "file.purged", file.id, size=file.size)


def bury(tx: Tx, file: File, reason: str, now: int, keep_until: int | None) -> None:
    """Delete the row of a file and leave a tombstone."""
    files.remove(tx, file.id)
    forever = None if file.was_linked else keep_until
    files.bury(tx, Kind.FILE.value, file.id, file.space_id, file.owner_id, reason, now, forever)
