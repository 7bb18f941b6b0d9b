"""What happened: events, their hash chain, and who listens (C-50).

A request inserts its events in its own transaction. A sealer gives committed events of a space
their sequence number and a digest over the one before, so that tampering shows; consumers read
sealed events only. The digest is SHA-256 over the previous digest and the event as a JSON array.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from functools import partial

import msgspec

from consigne.catalog import events, files, record_types, records
from consigne.catalog.engine import Catalog, Tx
from consigne.core.access import Seat, can_read, readable
from consigne.core.clock import now_ms
from consigne.core.entry import event_data
from consigne.core.records.permits import may_view
from consigne.errors import FileNotFound
from consigne.model.entities import Event, State
from consigne.model.identity import new_id
from consigne.model.rights import Right

_BATCH = 200
_POLL = 1.0
_BEHIND_ALL = (1 << 63) - 1


def record(
    tx: Tx, space_id: int, actor_id: int | None, action: str, subject: int | None, **facts: object
) -> None:
    """Write an event into the transaction of the change that it tells of."""
    now = now_ms()
    data = event_data(**facts) if facts else None
    events.add(tx, Event(new_id(now), space_id, now, actor_id, action, subject, data, None, None))


def link(previous: bytes, sequence: int, event: Event) -> bytes:
    """Return the digest of an event in its chain."""
    text = msgspec.json.encode(
        [sequence, event.id, event.space_id, event.at, event.actor_id, event.action,
         event.subject, event.data]
    )  # fmt: skip
    return hashlib.sha256(previous + text).digest()


class History:
    """Reading, sealing and checking the events of spaces."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._news = asyncio.Event()

    async def seal(self) -> int:
        """Chain all committed events; return how many there were."""
        total = 0
        for space_id in await self._catalog.read(events.unsealed_spaces):
            while count := await self._catalog.write(partial(_seal, space_id=space_id)):
                total += count
        if total:
            self._news.set()
            self._news = asyncio.Event()
        return total

    async def page(self, space_id: int, after: int, limit: int = 100) -> list[Event]:
        """Return sealed events after a sequence number, in order."""
        return await self._catalog.read(lambda tx: events.after(tx, space_id, after, limit))

    async def latest(self, space_id: int, before: int, limit: int = 100) -> list[Event]:
        """Return sealed events before a sequence number, newest first."""
        return await self._catalog.read(lambda tx: events.before(tx, space_id, before, limit))

    async def of(self, space_id: int, subject: int) -> list[Event]:
        """Return what happened to one thing, oldest first."""
        return await self._catalog.read(lambda tx: events.of(tx, space_id, subject))

    async def seen_by(self, seat: Seat, batch: Sequence[Event]) -> list[Event]:
        """Return the events that a member may see: managers all; others what they did themselves,
        and what happened to files and records that they can see now (C-03, C-04). Needs ``read``.
        """
        seat.require(Right.READ)
        if seat.has(Right.MANAGE):
            return list(batch)

        def visible(tx: Tx, event: Event) -> bool:
            if event.actor_id == seat.principal_id:
                return True
            if event.action.startswith("record."):
                return _shows_record(tx, seat, event)
            file = files.by_id(tx, event.subject) if event.subject is not None else None
            if file is None or file.state not in (State.HELD, State.KEPT):
                return False
            return can_read(tx, seat, file)

        return await self._catalog.look(lambda tx: [e for e in batch if visible(tx, e)])

    async def of_file(self, seat: Seat, file_id: int) -> list[Event]:
        """Return what happened to a file, oldest first; to managers also after its end.

        Raises FileNotFound.
        """
        seat.require(Right.READ)

        def work(tx: Tx) -> list[Event]:
            if not seat.has(Right.MANAGE):
                readable(tx, seat, files.by_id(tx, file_id), now_ms())
            return events.of(tx, seat.space_id, file_id)

        found = await self._catalog.look(work)
        if not found:
            raise FileNotFound
        return found

    async def last_sequence(self, space_id: int) -> int:
        return await self._catalog.read(lambda tx: events.last_sequence(tx, space_id))

    async def follow(self, space_id: int, after: int) -> AsyncIterator[Sequence[Event]]:
        """Yield batches of sealed events as they come; an empty batch about once a second."""
        while True:
            news = self._news
            batch = await self.page(space_id, after, _BATCH)
            if batch:
                after = batch[-1].sequence or after
                yield batch
                continue
            try:
                async with asyncio.timeout(_POLL):
                    await news.wait()
            except TimeoutError:
                yield ()

    async def check(self, seat: Seat) -> tuple[int | None, Event | None]:
        """Return what ``verify`` finds in the chain of a space, and its last event.

        Needs ``manage``. Reads the whole chain.
        """
        seat.require(Right.MANAGE)
        last = await self.latest(seat.space_id, _BEHIND_ALL, 1)
        return await self.verify(seat.space_id), last[0] if last else None

    async def verify(self, space_id: int) -> int | None:
        """Recompute a space's chain; return the first sequence number that is wrong, else None."""
        previous, sequence = bytes(32), 0
        while True:
            # First the head: what is sealed meanwhile lies behind it.
            head = await self._catalog.always.write(lambda tx: events.head(tx, space_id))
            while batch := await self.page(space_id, sequence, 1000):
                for event in batch:
                    sequence += 1
                    previous = link(previous, sequence, event)
                    if event.sequence != sequence or event.digest != previous:
                        return sequence
            if head == (sequence, previous):
                return None
            if head[0] >= sequence:
                return sequence + 1


def _shows_record(tx: Tx, seat: Seat, event: Event) -> bool:
    record = records.by_id(tx, event.subject) if event.subject is not None else None
    if record is None or record.space_id != seat.space_id:
        return False
    type = record_types.by_id(tx, record.type_id)
    return type is not None and may_view(tx, seat, record, type)


def _seal(tx: Tx, space_id: int) -> int:
    sequence, digest = events.head(tx, space_id)
    sealed = []
    for event in events.unsealed(tx, space_id, _BATCH):
        sequence += 1
        digest = link(digest, sequence, event)
        sealed.append((event.id, sequence, digest))
    if sealed:
        events.seal(tx, space_id, sealed)
    return len(sealed)
