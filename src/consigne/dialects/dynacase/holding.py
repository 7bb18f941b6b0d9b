"""Bytes on their way in: held until a document takes them, or straight into an attribute."""

from collections.abc import Iterable

from consigne.core.access import Seat
from consigne.core.clock import ms, now_ms
from consigne.core.entry import Entry
from consigne.core.records.change import Full, Placed, Ref
from consigne.dialects.dynacase.bodies import FileBody, PartBody
from consigne.dialects.dynacase.desk import Desk
from consigne.model.entities import Access, File


class Holding:
    """Receiving a file before anything is known of its fate (DY-51)."""

    def __init__(self, desk: Desk) -> None:
        self._intake = desk.depot.intake
        self._vault = desk.depot.vault
        self._records = desk.depot.records
        self._limit = desk.settings.dynacase_max_size
        self._life = desk.settings.hold_expiry

    def expiry(self) -> int:
        """Return when a file that is written now expires (ms)."""
        return now_ms() + ms(self._life)

    async def receive(self, seat: Seat, body: FileBody, most: int) -> File:
        """Receive the file of a request and hold it as the caller's.

        ``most``: how many temporary files he may have with this one. Raises what the body and
        ``Intake.receive`` raise.
        """
        await self._open(seat, body)
        return await self._held(seat, body, "file", most)

    async def store(self, seat: Seat, body: PartBody, attribute: str) -> File:
        """Hold a file of a form, for an attribute of the document that the form makes."""
        return await self._held(seat, body, attribute)

    async def insert(
        self, seat: Seat, body: FileBody, ref: Ref, attribute: str, row: int | None
    ) -> tuple[Full, Placed]:
        """Receive the file of a request straight into an attribute.

        Raises what the body and ``Records.receive_file`` raise.
        """
        await self._open(seat, body)
        return await self._records.receive_file(
            seat,
            ref,
            attribute,
            row,
            body.stream(),
            self._entry(body, attribute),
            length=body.length,
            expected=body.expected,
            limit=self._limit,
        )

    async def _open(self, seat: Seat, body: FileBody) -> None:
        await self._intake.require_room(seat, body.at_least, self._limit)
        await body.open()

    async def _held(
        self, seat: Seat, body: FileBody | PartBody, fallback: str, most: int | None = None
    ) -> File:
        return await self._intake.receive(
            seat,
            body.stream(),
            self._entry(body, fallback),
            length=body.length,
            expected=body.expected,
            limit=self._limit,
            most_held=most,
        )

    def _entry(self, body: FileBody | PartBody, fallback: str) -> Entry:
        """Return what the file shall be; ``fallback`` names one without a name (DY-13)."""
        return Entry(
            name=body.name,
            fallback=fallback.lower(),
            declared_type=body.declared_type,
            access=Access.PRIVATE,
            hold=True,
            expires_at=self.expiry(),
        )

    async def drop(self, seat: Seat, files: Iterable[File]) -> None:
        """Remove what was held for a save that was refused."""
        for file in files:
            await self._vault.discard(seat, file.id)
