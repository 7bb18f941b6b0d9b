"""Files in attributes of documents: ``…/file/<attribute>[/<index>]`` (DY-24 to DY-28)."""

from starlette.requests import Request
from starlette.types import ASGIApp

from consigne.core.access import Seat
from consigne.core.entry import Precondition
from consigne.core.records.change import Full, Placed, Ref
from consigne.dialects.dynacase.bodies import FileBody
from consigne.dialects.dynacase.cabinet import Cabinet
from consigne.dialects.dynacase.desk import Desk, precondition
from consigne.dialects.dynacase.envelope import Message, said
from consigne.dialects.dynacase.holding import Holding
from consigne.dialects.dynacase.places import (
    Place,
    file_field_in,
    holder_of,
    place_of,
    standing_at,
    told_index,
)
from consigne.dialects.dynacase.query import query_of
from consigne.dialects.dynacase.wire import vault_etag
from consigne.errors import LinkNotFound


class Attributes:
    """The endpoints of files in documents."""

    def __init__(self, desk: Desk, cabinet: Cabinet, holding: Holding) -> None:
        self._desk = desk
        self._depot = desk.depot
        self._cabinet = cabinet
        self._holding = holding

    async def insert(self, request: Request) -> ASGIApp:
        """POST: put a new file into the attribute; what it held is released."""
        seat, full = await self._cabinet.document(request, "edit")
        place = self._place(request, full, reads=False, appends=True)
        settings = self._desk.settings
        body = FileBody(request, settings.body_idle, settings.dynacase_max_size)
        new, placed = await self._holding.insert(
            seat, body, Ref.number(full.record.id), place.field.id, place.row
        )
        uri = self._desk.wire.vault_uri(new.record.id, placed.file)
        return await self._shown(request, seat, new, placed, body.warnings, 201, {"Location": uri})

    async def replace(self, request: Request) -> ASGIApp:
        """PUT: another content behind the same reference (DY-25)."""
        seat, full = await self._cabinet.document(request, "edit")
        place = self._place(request, full, reads=False)
        placed = standing_at(full, place)
        guard = self._guard(request, placed)
        settings = self._desk.settings
        body = FileBody(request, settings.body_idle, settings.dynacase_max_size)
        await body.open()
        new = await self._depot.records.replace_file(
            seat,
            Ref.number(full.record.id),
            place.field.id,
            placed.link.idx,
            body.stream(),
            uploaded_as=body.name or None,
            declared_type=body.declared_type,
            length=body.length,
            expected=body.expected,
            limit=settings.dynacase_max_size,
            precondition=guard,
        )
        return await self._shown(request, seat, new, standing_at(new, place), body.warnings)

    async def look(self, request: Request) -> ASGIApp:
        """GET: what the file is, not its bytes."""
        seat, full = await self._cabinet.document(request)
        placed = standing_at(full, self._place(request, full, reads=True))
        return await self._shown(request, seat, full, placed)

    async def remove(self, request: Request) -> ASGIApp:
        """DELETE: take file and reference out; the row stays (DY-27)."""
        seat, full = await self._cabinet.document(request, "edit")
        place = self._place(request, full, reads=False)
        placed = standing_at(full, place)
        guard = self._guard(request, placed)
        new = await self._depot.records.drop_file(
            seat,
            Ref.number(full.record.id),
            place.field.id,
            placed.link.idx,
            precondition=guard,
        )
        return self._desk.envelopes.success(request.scope, None, said(new))

    def _guard(self, request: Request, placed: Placed) -> Precondition | None:
        """Return what the file must still be; one that is named by its id must be that one."""
        told = precondition(request, placed.file, vault_etag(placed.file))
        if told is None and _is_vault_id(request.path_params["attrid"]):
            return Precondition(frozenset({"*"}), placed.file.id)
        return told

    def _place(self, request: Request, full: Full, *, reads: bool, appends: bool = False) -> Place:
        """Return the attribute and the row that a request means; a vault id means its holder."""
        names = request.path_params
        name = names["attrid"]
        if _is_vault_id(name):
            if appends:
                raise LinkNotFound
            place = holder_of(full, name)
            told = told_index(names.get("index"), query_of(request.scope).get("index"))
            if told not in (None, -1, place.row):
                raise LinkNotFound
            return place
        field = file_field_in(full.layout, name, reads=reads)
        told = told_index(names.get("index"), query_of(request.scope).get("index"))
        return place_of(full, field, told, appends=appends)

    async def _shown(
        self,
        request: Request,
        seat: Seat,
        full: Full,
        placed: Placed,
        messages: list[Message] | None = None,
        status: int = 200,
        headers: dict[str, str] | None = None,
    ) -> ASGIApp:
        file = await self._cabinet.shown_file(seat, full, placed)
        link = placed.link
        shown = self._desk.wire.vault(full.record.id, file, link.field, link.idx, link.reference)
        return self._desk.envelopes.success(
            request.scope,
            {"file": shown},
            [*(messages or ()), *said(full)],
            status=status,
            headers={"ETag": vault_etag(file), **(headers or {})},
        )


def _is_vault_id(segment: str) -> bool:
    """Tell whether a segment is the number of a file: ids of attributes begin with a letter."""
    return segment.isascii() and segment.isdigit()
