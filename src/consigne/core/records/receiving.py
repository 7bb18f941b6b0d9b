"""Bytes straight into a field of a record: received, held, kept and linked in one (DY-24, DY-51).

As in ``intake``: rights and room first, then the bytes, then hooks and constraints, then stable
storage, then one transaction that makes the file and links it. Whoever refuses leaves nothing.
"""

from collections.abc import Mapping

import msgspec

from consigne.blobs.draft import Draft as Bytes
from consigne.catalog import files, spaces
from consigne.catalog.engine import Tx
from consigne.core import keeping
from consigne.core.clock import now_ms
from consigne.core.entry import Entry, Source, default_name
from consigne.core.history import record as write_event
from consigne.core.quota import Reservation
from consigne.core.records.asking import Draft, Seen
from consigne.core.records.attaching import row_filled
from consigne.core.records.change import Full, Placed, Ref, Slot
from consigne.core.records.layout import Layout
from consigne.core.records.looking import full
from consigne.core.records.plan import make_plan
from consigne.core.records.replacing import Replacing
from consigne.core.records.saving import change_in, standing_of
from consigne.core.seat import Seat
from consigne.core.sniff import detect, extension_for
from consigne.model.entities import Content, File, State
from consigne.model.records import Record, RecordType

_NOT_YET = 0  # the content of a file whose bytes are not stored


class Receiving(Replacing):
    """The verb ``receive_file``."""

    async def receive_file(
        self,
        seat: Seat,
        ref: Ref,
        field: str,
        idx: int | None,
        source: Source,
        entry: Entry,
        *,
        length: int | None = None,
        expected: Mapping[str, bytes] | None = None,
        limit: int | None = None,
    ) -> tuple[Full, Placed]:
        """Store a whole body as a new file in a field, in place of what stands there; without a
        row: behind the last. Return the record and where the file stands.

        Raises as ``Intake.receive`` and ``put_file``.
        """
        made_up, entry = not entry.name, entry.clean()

        def aim(tx: Tx, *, lock: bool) -> tuple[Record, RecordType, Layout]:
            return self._writable(tx, seat, ref, "edit", lock=lock)

        await self._catalog.look(lambda tx: aim(tx, lock=False))
        bound = min(limit or self._settings.upload_max_size, self._settings.upload_max_size)
        reservation = Reservation(self._catalog, seat, bound, self._settings.lease)
        async with reservation:
            if length is not None:
                await reservation.announce(length)
            draft = await self._intake.draft(source, expected, reservation)
            async with draft:
                detected = detect(draft.head, draft.size, entry.name)
                if made_up:
                    entry = default_name(entry, extension_for(detected))
                foreseen = _foreseen(entry, seat, draft, detected)
                answer: list[tuple[Full, int]] = []

                def prepare(tx: Tx) -> Draft:
                    record, type, layout = aim(tx, lock=False)
                    slot = Slot(foreseen.id)
                    change = row_filled(tx, record, type, layout, field, idx, slot)
                    known = self._unlocked(tx, change) | {foreseen.id: foreseen}
                    standing = standing_of(tx, record)
                    plan = make_plan(tx, seat, layout, record, standing, change, known, now_ms())
                    told = self._occasion("change", seat, type, layout, record, plan)
                    bytes_of = dict.fromkeys(told.files, draft.stream)
                    told = msgspec.structs.replace(told, drafts=bytes_of)
                    return Draft(told, plan.failures, plan.require_sound, inserts=True)

                async def store(seen: Seen | None) -> Full:
                    def commit(tx: Tx, content: Content, now: int) -> File:
                        spaces.lock(tx, seat.space_id)
                        record, type, layout = aim(tx, lock=True)
                        back = reservation.settle(tx)
                        spaces.charge(tx, seat.space_id, used=draft.size, reserved=-back)
                        file = keeping.new_file(
                            entry, seat.space_id, seat.principal_id, now, content
                        )
                        files.insert_file(tx, file)
                        write_event(
                            tx, seat.space_id, seat.principal_id, f"file.{file.state}", file.id,
                            size=file.size, name=file.name,
                        )  # fmt: skip
                        slot = Slot(file.id)
                        change = row_filled(tx, record, type, layout, field, idx, slot)
                        saved = change_in(tx, seat, record, type, layout, change, now)
                        done = full(tx, saved.record, type, layout, saved.links)
                        answer[:] = [(done, file.id)]
                        if seen is not None:
                            seen.book(tx, done)
                        return file

                    await self._intake.deposit(seat.space_id, draft, detected, commit)
                    return answer[0][0]

                saved = await self._stored(prepare, store)
                number = answer[0][1]
                return saved, next(each for each in saved.links if each.file.id == number)


def _foreseen(entry: Entry, seat: Seat, draft: Bytes, detected: str) -> File:
    """Return the file as it will be, as far as fields and hooks ask."""
    bare = keeping.new_file(entry, seat.space_id, seat.principal_id, now_ms(), None)
    return msgspec.structs.replace(
        bare,
        state=State.HELD,
        version=1,
        content_id=_NOT_YET,
        size=draft.size,
        sha256=draft.sha256,
        md5=draft.md5,
        detected_type=detected,
    )
