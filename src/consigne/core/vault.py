"""What can be done with a file that is there: look, describe, move, copy, guard, trash, undo."""

from typing import Any

from consigne import lifecycle
from consigne.catalog import contents, files, folders, spaces
from consigne.catalog.engine import Catalog, Tx
from consigne.core import keeping
from consigne.core.access import (
    Seat,
    readable,
    require_unguarded,
    trashed,
    writable,
)
from consigne.core.clock import ms, now_ms
from consigne.core.entry import (
    Precondition,
    check_access,
    check_annotations,
    check_text,
    clean_type,
    encode_annotations,
)
from consigne.core.folders import require_folder
from consigne.core.history import record
from consigne.core.years import require_open
from consigne.errors import (
    BadName,
    BadParameter,
    FileNotFound,
    PreconditionFailed,
    VersionNotFound,
)
from consigne.model.entities import (
    Access,
    Annotations,
    File,
    Guard,
    Reason,
    State,
    Version,
)
from consigne.model.identity import new_id
from consigne.model.names import clean_name, fold
from consigne.model.rights import Right
from consigne.settings import Settings

KEEP = object()  # a field that a change leaves alone


class Vault:
    """The verbs on single files. All raise FileNotFound where the caller may not see the file."""

    def __init__(self, catalog: Catalog, settings: Settings) -> None:
        self._catalog = catalog
        self._settings = settings

    async def look(self, seat: Seat, file_id: int) -> File:
        """Return a held or kept file."""
        seat.require(Right.READ)
        return await self._catalog.look(
            lambda tx: readable(tx, seat, files.by_id(tx, file_id), now_ms())
        )

    async def look_anywhere(self, seat: Seat, file_id: int) -> File:
        """Return a file in any state, also expected or in the trash, to its owner or a manager."""

        def work(tx: Tx) -> File:
            file = files.by_id(tx, file_id)
            if file is None or file.state in (State.HELD, State.KEPT):
                return readable(tx, seat, file, now_ms())
            if file.space_id != seat.space_id:
                raise FileNotFound
            if file.owner_id != seat.principal_id and not seat.has(Right.MANAGE):
                raise FileNotFound
            return file

        return await self._catalog.look(work)

    async def change(
        self,
        seat: Seat,
        file_id: int,
        *,
        name: Any = KEEP,
        folder_id: Any = KEEP,
        declared_type: Any = KEEP,
        reference: Any = KEEP,
        access: Any = KEEP,
        fields: Any = KEEP,
        tags: Any = KEEP,
        expires_at: Any = KEEP,
        precondition: Precondition | None = None,
    ) -> File:
        """Rename, move, describe: only what is given changes; None clears where that makes sense.

        Raises BadName, BadParameter, FolderUnknown, Protected, PreconditionFailed.
        """

        def work(tx: Tx) -> File:
            file = self._changeable(tx, seat, file_id, precondition)
            wishes = {
                "name": name,
                "folder_id": folder_id,
                "declared_type": declared_type,
                "reference": reference,
                "access": access,
                "expires_at": expires_at,
            }
            changes = {key: value for key, value in wishes.items() if value is not KEEP}
            clean_changes(tx, seat, file, changes, file.year_id)
            if fields is not KEEP or tags is not KEEP:
                changes["meta"] = _annotated(file, fields, tags)
            changes = {key: v for key, v in changes.items() if getattr(file, key) != v}
            if not changes:
                return file
            now = now_ms()
            new = files.change(tx, file, **changes, updated_at=now, updated_by=seat.principal_id)
            record(
                tx,
                file.space_id,
                seat.principal_id,
                "file.changed",
                file.id,
                changed=sorted(set(changes) - {"name_fold"}),
            )
            return new

        return await self._catalog.write(work)

    async def copy(
        self,
        seat: Seat,
        file_id: int,
        *,
        name: Any = KEEP,
        folder_id: Any = KEEP,
        reference: Any = KEEP,
        access: Any = KEEP,
        fields: Any = KEEP,
        tags: Any = KEEP,
    ) -> File:
        """Make a new kept file of the same bytes, owned by the caller, with the changes given.

        Raises BadName, BadParameter, FolderUnknown, QuotaExceeded: a copy is charged like any file
        (C-24).
        """
        seat.require(Right.WRITE)
        wishes = {
            "name": name,
            "folder_id": folder_id,
            "reference": reference,
            "access": access,
        }

        def work(tx: Tx) -> File:
            now = now_ms()
            source = readable(tx, seat, files.lock(tx, file_id), now)
            if source.content_id is None:
                raise FileNotFound
            changes = {key: value for key, value in wishes.items() if value is not KEEP}
            clean_changes(tx, seat, source, changes, None)
            if fields is not KEEP or tags is not KEEP:
                changes["meta"] = _annotated(source, fields, tags)
            spaces.charge(tx, seat.space_id, used=source.size)
            if not contents.share(tx, source.content_id):
                raise FileNotFound
            twin = keeping.twin(source, new_id(now), seat.principal_id, now, **changes)
            files.insert_file(tx, twin)
            record(
                tx, seat.space_id, seat.principal_id, "file.copied", twin.id,
                source=str(source.id), size=twin.size,
            )  # fmt: skip
            return twin

        return await self._catalog.write(work)

    async def keep(self, seat: Seat, file_id: int) -> File:
        """Keep a held file for its owner; a kept one stays as it is."""

        def work(tx: Tx) -> File:
            now = now_ms()
            file = writable(tx, seat, files.lock(tx, file_id), now)
            if file.state is State.KEPT and Reason.OWNER in Reason(file.reasons):
                return file
            state = lifecycle.file_after(file.state, "keep")
            reasons = Reason(file.reasons) | Reason.OWNER
            kept = files.change(tx, file, state=state, reasons=reasons, expires_at=None)
            record(tx, file.space_id, seat.principal_id, "file.kept", file.id)
            return kept

        return await self._catalog.write(work)

    async def release(
        self, seat: Seat, file_id: int, precondition: Precondition | None = None
    ) -> File:
        """Move a file into the trash. Raises RightMissing, Protected, PreconditionFailed."""

        def work(tx: Tx) -> File:
            file = self._changeable(tx, seat, file_id, precondition)
            return keeping.release(tx, file, seat.principal_id, now_ms())

        return await self._catalog.write(work)

    async def restore(self, seat: Seat, file_id: int) -> File:
        """Take a file out of the trash.

        Raises QuotaExceeded where there is no room for it, YearClosed where its year is closed.
        """

        def work(tx: Tx) -> File:
            file = trashed(tx, seat, files.lock(tx, file_id))
            if file.year_id is not None:
                require_open(tx, seat, file.year_id)
            if file.folder_id is not None and folders.pin(tx, file.folder_id) is None:
                file = files.change(tx, file, folder_id=None)
            return keeping.restore(tx, file, seat.principal_id, now_ms())

        return await self._catalog.write(work)

    async def purge(self, seat: Seat, file_id: int) -> None:
        """Remove a file of the trash for good. Needs the right ``manage``."""
        seat.require(Right.MANAGE)

        def work(tx: Tx) -> None:
            file = trashed(tx, seat, files.lock(tx, file_id))
            now = now_ms()
            keeping.purge(tx, file, seat.principal_id, now, now + ms(self._settings.tombstones))

        await self._catalog.write(work)

    async def discard(self, seat: Seat, file_id: int) -> None:
        """Remove a file of the caller's for good if it is held: what it was for is refused."""

        def work(tx: Tx) -> None:
            file = files.lock(tx, file_id)
            mine = file is not None and file.owner_id == seat.principal_id
            if file is None or not mine or file.state is not State.HELD:
                return
            now = now_ms()
            gone = keeping.release(tx, file, seat.principal_id, now, "refused")
            keeping.purge(tx, gone, seat.principal_id, now, now + ms(self._settings.tombstones))

        await self._catalog.write(work)

    async def versions(self, seat: Seat, file_id: int) -> tuple[File, list[Version]]:
        """Return a file (its current version) and the versions that it replaced, newest first."""

        def work(tx: Tx) -> tuple[File, list[Version]]:
            return readable(tx, seat, files.by_id(tx, file_id), now_ms()), files.versions(
                tx, file_id
            )

        return await self._catalog.look(work)

    async def restore_version(self, seat: Seat, file_id: int, number: int) -> File:
        """Make a replaced version the current one again, as a new version on the same bytes."""

        def work(tx: Tx) -> File:
            now = now_ms()
            file = self._changeable(tx, seat, file_id, None)
            old = files.version_of(tx, file_id, number)
            content = contents.by_id(tx, old.content_id) if old else None
            if old is None or content is None:
                raise VersionNotFound
            if not contents.share(tx, content.id):
                raise VersionNotFound
            spaces.charge(tx, file.space_id, used=old.size - file.size)
            return keeping.supersede(
                tx,
                file,
                content,
                seat.principal_id,
                now,
                self._settings.undo_versions,
                declared_type=old.declared_type,
            )

        return await self._catalog.write(work)

    async def guard(
        self,
        seat: Seat,
        file_id: int,
        *,
        hold_reason: Any = KEEP,
        retain_until: Any = KEEP,
    ) -> File:
        """Set or lift a legal hold (its reason, None lifts) and a retention (ms, None lifts).

        Needs the right ``admin``. A retention can be prolonged and not shortened.
        """
        seat.require(Right.ADMIN)

        def work(tx: Tx) -> File:
            now = now_ms()
            file = readable(tx, seat, files.lock(tx, file_id), now)
            guards, changes = Guard(file.guards), {}
            if hold_reason is not KEEP:
                guards = guards | Guard.HOLD if hold_reason else guards & ~Guard.HOLD
                changes["hold_reason"] = hold_reason or None
            if retain_until is not KEEP:
                running = file.retain_until is not None and file.retain_until > now
                if running and (retain_until is None or retain_until < (file.retain_until or 0)):
                    raise BadParameter(
                        "A retention can be prolonged, not shortened.", parameter="retain_until"
                    )
                guards = guards | Guard.RETENTION if retain_until else guards & ~Guard.RETENTION
                changes["retain_until"] = retain_until
            new = files.change(tx, file, guards=guards, **changes)
            record(
                tx, file.space_id, seat.principal_id, "file.guarded", file.id,
                guards=guards.names(),
            )  # fmt: skip
            return new

        return await self._catalog.write(work)

    def _changeable(
        self, tx: Tx, seat: Seat, file_id: int, precondition: Precondition | None
    ) -> File:
        now = now_ms()
        file = writable(tx, seat, files.lock(tx, file_id), now)
        if precondition is not None and not precondition.holds(file):
            raise PreconditionFailed
        require_unguarded(file, now)
        return file


def clean_changes(
    tx: Tx, seat: Seat, file: File, changes: dict[str, Any], year_id: int | None
) -> None:
    """Bring wished changes under the core's rules, in place; ``year_id``: where the file will be.

    Raises BadName, BadParameter, FolderUnknown.
    """
    if "name" in changes:
        cleaned = clean_name(changes["name"] or "")
        if not cleaned:
            raise BadName("The name has no visible character.", parameter="name")
        changes["name"] = cleaned
        changes["name_fold"] = fold(cleaned)
    if "folder_id" in changes:
        require_folder(tx, seat, changes["folder_id"], year_id)
    if "reference" in changes:
        check_text(changes["reference"], "reference")
    if "declared_type" in changes:
        changes["declared_type"] = clean_type(changes["declared_type"])
    if "access" in changes:
        changes["access"] = Access(changes["access"])
        check_access(changes["access"])
    if changes.get("expires_at") is not None and file.state is not State.HELD:
        raise BadParameter("Only a held file expires.", parameter="expires_at")


def _annotated(file: File, fields: Any, tags: Any) -> str | None:
    present = files.annotations(file)
    # Who sends back what he was shown does not make what was found his own.
    said = {} if fields is KEEP else {k: v for k, v in fields.items() if present.found.get(k) != v}
    notes = Annotations(
        present.fields if fields is KEEP else said,
        present.tags if tags is KEEP else sorted(set(tags)),
        present.found,
    )
    check_annotations(notes)
    return encode_annotations(notes)
