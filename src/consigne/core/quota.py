"""Room for what is arriving: reservations that a crash cannot leak (C-24).

A reservation is a row of ``upload`` without a file. It grows in steps while a body of unknown
length arrives, is renewed while its process lives, and is taken back by the sweeper when it does
not: at once where it sees that the process is dead, else when the lease is over.
"""

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Self

from consigne.catalog import spaces, uploads
from consigne.catalog.engine import Catalog, Tx
from consigne.core.access import Seat
from consigne.core.clock import ms, now_ms
from consigne.core.holders import new_holder
from consigne.errors import ConsigneError, FileTooLarge, UploadExpired
from consigne.model.entities import Upload, UploadState
from consigne.model.identity import new_id

INLINE = 1 << 20
_FIRST_STEP = 8 << 20
_LARGEST_STEP = 64 << 20


class Reservation:
    """Room in a space for one body; ``gauge`` is what the bucket asks before each block.

    A body of at most ``INLINE`` bytes needs none: it is charged in the transaction that keeps it.
    Raises FileTooLarge (limit), QuotaExceeded.
    """

    def __init__(
        self, catalog: Catalog, seat: Seat, limit: int, lease: float, discount: int = 0
    ) -> None:
        self._catalog = catalog
        self._seat = seat
        self._limit = limit
        self._lease = ms(lease)
        self._discount = discount
        self._id: int | None = None
        self._booking: asyncio.Future[None] | None = None
        self._renewal: asyncio.Task[None] | None = None
        self.reserved = 0

    async def announce(self, length: int) -> None:
        """Reserve for a declared length before the first byte."""
        self._check(length)
        if length <= INLINE:
            if self._seat.space.quota is None:
                return  # as of some seconds ago; the transaction that charges has the last word
            await self._catalog.look(lambda tx: self._peek(tx, length))
        else:
            await self._grow(length)

    async def foresee(self, length: int) -> None:
        """Raise what ``announce`` would raise now, and reserve nothing."""
        self._check(length)
        await self._catalog.look(lambda tx: self._peek(tx, length))

    async def gauge(self, received: int) -> None:
        """Make sure that the bytes received so far are within limit and reservation."""
        self._check(received)
        if received > INLINE and received - self._discount > self.reserved:
            step = min(max(_FIRST_STEP, self.reserved), _LARGEST_STEP)
            try:
                await self._grow(received + step)
            except ConsigneError:
                await self._grow(received)

    def settle(self, tx: Tx) -> int:
        """End the reservation in the transaction that charges; return the bytes to give back."""
        row = uploads.lock(tx, self._id) if self._id is not None else None
        if row is None:
            return 0
        uploads.remove(tx, row.id)
        return row.reserved

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._renewal is not None:
            self._renewal.cancel()
            with suppress(asyncio.CancelledError):
                await self._renewal
        if self._booking is not None and kind is not None:
            await asyncio.shield(self._return_room(self._booking))

    def _check(self, size: int) -> None:
        if size > self._limit:
            raise FileTooLarge(
                f"A file may have at most {self._limit} bytes here.", limit=self._limit, size=size
            )

    def _peek(self, tx: Tx, length: int) -> None:
        space = spaces.by_id(tx, self._seat.space_id)
        needed = length - self._discount
        if space is None or space.quota is None or needed <= 0:
            return
        if space.used + space.reserved + needed > space.quota:
            raise spaces.over_quota(space, needed)

    async def _grow(self, total: int) -> None:
        target = max(0, total - self._discount)
        if target <= self.reserved:
            return
        self._id = self._id or new_id()
        self._booking = asyncio.ensure_future(
            self._catalog.write(lambda tx: self._book(tx, target))
        )
        await asyncio.shield(self._booking)
        self.reserved = target
        if self._renewal is None:
            self._renewal = asyncio.create_task(self._renew())

    def _book(self, tx: Tx, target: int) -> None:
        assert self._id is not None
        row = uploads.lock(tx, self._id)
        if row is None and self.reserved:
            raise UploadExpired("The reservation was taken back.")
        # From what the row says: an earlier booking may have come true without an answer.
        booked = row.reserved if row is not None else 0
        spaces.charge(tx, self._seat.space_id, reserved=target - booked)
        if row is None:
            uploads.insert_upload(tx, self._row(now_ms(), target))
        else:
            uploads.change(tx, row, reserved=target)

    def _row(self, now: int, reserved: int) -> Upload:
        assert self._id is not None
        return Upload(
            id=self._id,
            space_id=self._seat.space_id,
            principal_id=self._seat.principal_id,
            file_id=None,
            state=UploadState.RECEIVING,
            client_key=None,
            length=None,
            part_size=None,
            parts_total=None,
            parts_received=0,
            received=0,
            reserved=reserved,
            stage="",
            holder=new_holder(),
            lease_until=now + self._lease,
            expires_at=now + self._lease,
            intent=b"",
            created_at=now,
            updated_at=now,
        )

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._lease / 3000)
            with suppress(ConsigneError):
                await self._catalog.write(self._prolong)

    def _prolong(self, tx: Tx) -> None:
        row = uploads.by_id(tx, self._id) if self._id is not None else None
        if row is not None:
            until = now_ms() + self._lease
            uploads.change(tx, row, lease_until=until, expires_at=until)

    async def _return_room(self, booking: "asyncio.Future[None]") -> None:
        # A cancelled request leaves its booking running; only after it is there a row to remove.
        await asyncio.wait([booking])
        with suppress(ConsigneError):  # the sweeper takes back what we cannot
            await self._catalog.write(self._give_back)

    def _give_back(self, tx: Tx) -> None:
        spaces.charge(tx, self._seat.space_id, reserved=-self.settle(tx))
