"""Frozen revisions, the trash, and the end of a record, inside a transaction (DY-55, C-10, C-16).

Freezing copies values and links and pins the versions that they show: those stay, and stay charged,
until the last revision that shows them goes. A record in the trash keeps its files, charged and
linked, and shows them to nobody but managers. Deleting for good takes all links away.
"""

import uuid

import msgspec

from consigne.catalog import files, links, records, spaces
from consigne.catalog.engine import Tx
from consigne.core import keeping
from consigne.core.access import require_unguarded
from consigne.core.history import record as write_event
from consigne.core.records import linking
from consigne.core.records.layout import Layout
from consigne.core.records.permits import is_restricted
from consigne.core.records.saving import standing_of
from consigne.model.entities import Access, File, Guard, Reason
from consigne.model.identity import Kind
from consigne.model.records import Acl, Link, Record, RecordState

TOMBSTONE = 30 * 86_400_000  # as long as a repeated create is recognised (C-15, DX-37)


def freeze_in(tx: Tx, actor: int | None, record: Record, now: int) -> tuple[Record, Record]:
    """Freeze a live record whose row is held; return it, and the new frozen revision."""
    held = linking.lock_files(tx, [each.file_id for each in links.of(tx, record.id)])
    frozen = records.insert_record(
        tx,
        msgspec.structs.replace(
            record,
            id=0,
            uuid=str(uuid.uuid4()),
            name=None,
            name_fold=None,
            state=RecordState.FROZEN,
            origin=record.id,
            locked_by=None,
            is_reference=False,
            updated_at=now,
            updated_by=actor,
        ),
    )
    for link in links.of(tx, record.id):
        shown = held[link.file_id].version
        links.insert_link(
            tx, msgspec.structs.replace(link, record_id=frozen.id, is_live=False, version=shown)
        )
        links.add_reason(tx, link.file_id, int(Reason.PIN))
    stamp = max(now, record.updated_at + 1)
    live = records.change(tx, record, revision=record.revision + 1, updated_at=stamp)
    write_event(
        tx, record.space_id, actor, "record.frozen", record.id,
        revision=frozen.revision, frozen=frozen.id,
    )  # fmt: skip
    return live, frozen


def trash_in(tx: Tx, actor: int | None, record: Record, now: int) -> Record:
    """Move a live record, whose row is held, into the trash; its files stay with it."""
    links.stamp_record(tx, record.id, restricted=True, hidden=())
    write_event(tx, record.space_id, actor, "record.trashed", record.id)
    stamp = max(now, record.updated_at + 1)
    return records.change(
        tx, record, state=RecordState.TRASHED, trashed_at=now, locked_by=None,
        updated_at=stamp, updated_by=actor,
    )  # fmt: skip


def restore_in(
    tx: Tx, actor: int | None, record: Record, acl: Acl, layout: Layout, now: int
) -> Record:
    """Take a record, whose row is held, out of the trash."""
    links.stamp_record(tx, record.id, restricted=is_restricted(acl), hidden=layout.hidden)
    write_event(tx, record.space_id, actor, "record.restored", record.id)
    stamp = max(now, record.updated_at + 1)
    return records.change(
        tx, record, state=RecordState.LIVE, trashed_at=None, updated_at=stamp, updated_by=actor
    )


def delete_in(tx: Tx, actor: int | None, record: Record, now: int, keep: int = 0) -> None:
    """Remove a record, whose row is held, for good, with its frozen revisions; unlink its files.

    A frozen one goes alone; ``keep`` is the newest number of versions kept as undo of what it had
    pinned. Raises Protected where a file that would go into the trash is on hold.
    """
    if record.state is RecordState.FROZEN:
        _thaw(tx, actor, record, now, keep)
    else:
        for revision in records.revisions(tx, record.id):
            _thaw(tx, actor, revision, now, keep)
        held = linking.lock_files(tx, [each.file_id for each in links.of(tx, record.id)])
        standing = standing_of(tx, record)
        links.drop_all(tx, record.id)
        for link, file in standing.values():
            linking.unlink(tx, actor, link, held.get(file.id, file), now)
    records.remove(tx, record.id)
    files.bury(
        tx, Kind.RECORD.value, record.id, record.space_id, record.created_by, "deleted",
        now, now + TOMBSTONE,
    )  # fmt: skip
    write_event(tx, record.space_id, actor, "record.deleted", record.id, uuid=record.uuid)


def _thaw(tx: Tx, actor: int | None, frozen: Record, now: int, keep: int) -> None:
    """Take a frozen revision's links, and its row unless it is the one to be deleted."""
    gone = links.of(tx, frozen.id)
    held = linking.lock_files(tx, [each.file_id for each in gone])
    links.drop_all(tx, frozen.id)
    for link in gone:
        if link.file_id in held:
            held[link.file_id] = _unpin(tx, actor, link, held[link.file_id], now, keep)
    records.remove(tx, frozen.id)


def _unpin(tx: Tx, actor: int | None, gone: Link, file: File, now: int, keep: int) -> File:
    """Take one pin of a file's version, and the reason that it was with the last one."""
    version = files.version_of(tx, file.id, gone.version)
    if version is not None and links.unpin(tx, file.id, gone.version) and version.pins == 1:
        spaces.charge(tx, file.space_id, used=-version.size, undo=version.size)
        keeping.trim_versions(tx, file, keep, now)
    if links.count_frozen(tx, file.id):
        return file
    reasons, changes = Reason(file.reasons) & ~Reason.PIN, dict[str, object]()
    if Reason.LINK not in reasons:
        changes = {"guards": Guard(file.guards) & ~Guard.LINKED, "access": Access(gone.access)}
    left = files.change(tx, file, reasons=reasons, **changes)
    if not reasons:
        require_unguarded(left, now)
        return keeping.release(tx, left, actor, now, "unlinked")
    return left
