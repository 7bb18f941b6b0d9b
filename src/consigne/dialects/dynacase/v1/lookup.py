"""Finding what level 2 reads, with the checks in its order (DY-74): document, revision, right to
view, trash, attribute, visibility I, type, index, stored value.

Who may not view a document is told so before its revisions are looked for.
"""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from starlette.requests import Request

from consigne.core.access import Seat
from consigne.core.records.change import Full, Placed, Ref
from consigne.core.records.layout import Layout
from consigne.core.records.types import usable
from consigne.dialects.dynacase.cabinet import DIALECT, ref_of
from consigne.dialects.dynacase.desk import Desk
from consigne.dialects.dynacase.errors import refuse
from consigne.dialects.dynacase.v1.errors import turned_away
from consigne.errors import (
    FieldNotFound,
    FileNotFound,
    RecordNotFound,
    RecordTrashed,
    RouteNotFound,
)
from consigne.model.entities import File, State
from consigne.model.identity import from_decimal
from consigne.model.records import STRUCTURE, Field, RecordState

_LONGEST = 9


class Held(NamedTuple):
    """A temporary file of the caller's, and his place in its space."""

    seat: Seat
    file: File


class Lookup:
    """Looks in the caller's spaces, that of the request first (DY-05)."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._depot = desk.depot

    async def document(self, request: Request) -> tuple[Seat, Full]:
        """Return the document of the path, or its ``revision``, and the seat from which it is seen.

        Raises RecordNotFound, RightMissing (``view``), RecordTrashed, and the refusal CRUD0221.
        """
        names = request.path_params
        ref, number = ref_of(names["docid"]), _revision(names.get("revision"))
        seat, full = await self._first(request, ref, lambda seat: self._read(seat, ref, number))
        if full.record.state is RecordState.FROZEN:
            live = await self._whichever(seat, Ref.number(full.record.initid))
            if live.record.state is RecordState.TRASHED:
                raise RecordTrashed
        return seat, full

    async def trashed(self, request: Request) -> tuple[Seat, Full]:
        """Return a document of the caller's spaces, in the trash or not."""
        ref = ref_of(request.path_params["docid"])
        return await self._first(request, ref, lambda seat: self._whichever(seat, ref))

    async def temporary(self, request: Request, number: str) -> Held:
        """Return a temporary file of the caller's by its id.

        Raises FileNotFound, also where it is another's, and the refusal CRUD0616 where it is saved.
        """
        identity = from_decimal(number)
        if identity is None:
            raise FileNotFound
        async for seat in self._desk.seats(request):
            try:
                file = await self._depot.vault.look(seat, identity)
            except FileNotFound:
                continue
            if file.owner_id != seat.principal_id:
                break
            if file.state is not State.HELD:
                raise refuse("CRUD0616", f'Temporary file "{number}" is saved')
            return Held(seat, file)
        raise FileNotFound

    async def _first(
        self, request: Request, ref: Ref, look: Callable[[Seat], Awaitable[Full]]
    ) -> tuple[Seat, Full]:
        if ref.kind == "name":
            seat = await self._desk.seat(request)
            return seat, await look(seat)
        async for seat in self._desk.seats(request):
            try:
                return seat, await look(seat)
            except RecordNotFound:
                continue
        raise RecordNotFound

    async def _read(self, seat: Seat, ref: Ref, number: int | None) -> Full:
        full = await self._whichever(seat, ref)
        if number is not None and number != full.record.revision:
            try:
                full = await self._depot.records.get(seat, ref, revision=number, trashed=True)
            except RecordNotFound:
                raise turned_away(404, "CRUD0221", f"Revision {number} not found") from None
        if full.record.state is RecordState.TRASHED:
            raise RecordTrashed
        return full

    async def _whichever(self, seat: Seat, ref: Ref) -> Full:
        """Return a document in whichever state."""
        full = await self._depot.records.get(seat, ref, trashed=True)
        if not usable(full.type, DIALECT):
            raise RecordNotFound
        return full


def file_field(layout: Layout, name: str) -> Field:
    """Return an attribute for files, by its id in any case.

    Raises FieldNotFound, and the refusals CRUD0606 (visibility I) and CRUD0614 (no file).
    """
    field = layout.find(name)
    if field is None or field.kind in STRUCTURE:
        raise FieldNotFound(field=name)
    if field.id in layout.hidden:
        raise turned_away(403, "CRUD0606", f'Attribute "{name}" may not be viewed')
    if not field.is_file:
        raise refuse("CRUD0614", f'Attribute "{name}" is not a file')
    return field


def name_of(placed: Placed) -> str:
    """Return what a file is called in its document."""
    return placed.link.name or placed.file.name


def _revision(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()):
        raise RouteNotFound
    # A number that no document has.
    return int(text) if len(text) <= _LONGEST else 10**_LONGEST
