"""The files of a record, by field and row: put in, taken out, read, replaced."""

from starlette.requests import Request
from starlette.types import ASGIApp

from consigne.dialects.native.bodies import body_of
from consigne.dialects.native.desk import API, Desk, file_number
from consigne.dialects.native.parameters import flag, plain, told_type, whole
from consigne.dialects.native.receiving import require_whole
from consigne.dialects.native.records import (
    PATH,
    FileLink,
    record_answer,
    record_precondition,
    ref_of,
)
from consigne.dialects.native.replies import REVALIDATE
from consigne.dialects.native.wire_records import link_document
from consigne.errors import LinkNotFound
from consigne.http.answers import json_response
from consigne.http.bodies import declared_length, raw_body
from consigne.http.delivery import Delivery
from consigne.http.digests import FIELDS, body_digests
from consigne.http.dispositions import parse_disposition
from consigne.http.fields import pick
from consigne.http.routing import Route


class RecordFiles:
    """The routes of ``/records/{id}/files/{field}``; ``row`` names one of several."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._records = desk.depot.records

    def routes(self) -> list[Route]:
        field = f"{PATH}/{{id}}/files/{{field}}"
        return [
            Route("POST", field, self.append),
            Route("PUT", field, self.put),
            Route("DELETE", field, self.drop),
            Route("GET", f"{API}/files/{{id}}/links", self.links),
            Route("GET", f"{field}/content", self.content),
            Route("PUT", f"{field}/content", self.replace),
        ]

    async def links(self, request: Request) -> ASGIApp:
        """Return the records that link a file, as far as the caller may view them."""
        seat, number = await self._desk.seat(request), file_number(request)
        found = await self._records.linking(seat, number)
        return json_response({"links": [link_document(*each) for each in found]})

    async def append(self, request: Request) -> ASGIApp:
        """Put a file behind the last row."""
        return await self._put(request, None)

    async def put(self, request: Request) -> ASGIApp:
        """Put a file into a row, in place of what stands there."""
        return await self._put(request, _row(request))

    async def drop(self, request: Request) -> ASGIApp:
        """Take a file out."""
        seat = await self._desk.seat(request)
        full = await self._records.drop_file(
            seat, ref_of(request), _field(request), _row(request),
            precondition=record_precondition(request),
        )  # fmt: skip
        return record_answer(full)

    async def content(self, request: Request) -> ASGIApp:
        """Send the bytes that the record shows; of a frozen revision those of its time."""
        seat, row = await self._desk.seat(request), _row(request)
        full = await self._records.get(seat, ref_of(request))
        field = full.layout.find(_field(request))
        placed = full.placed(field.id, -1 if row is None else row) if field is not None else None
        if placed is None:
            raise LinkNotFound
        reading = await self._desk.depot.reader.open(seat, placed.file.id, placed.version)
        if placed.link.name:
            reading.name = placed.link.name
        inline = flag(request.query_params.get("inline", "false"), "inline")
        return Delivery(reading, inline=inline, multi=True, headers=(REVALIDATE,))

    async def replace(self, request: Request) -> ASGIApp:
        """Store a new content of the file that stands there; id, name and reference stay."""
        seat = await self._desk.seat(request)
        require_whole(request)
        disposition = request.headers.get("content-disposition")
        full = await self._records.replace_file(
            seat,
            ref_of(request),
            _field(request),
            _row(request),
            raw_body(request, self._desk.settings.body_idle),
            length=declared_length(request.headers),
            expected=body_digests(pick(request.scope["headers"], FIELDS)),
            declared_type=told_type(request.headers.get("content-type")),
            uploaded_as=parse_disposition(disposition).filename if disposition else None,
            precondition=record_precondition(request),
        )
        return record_answer(full)

    async def _put(self, request: Request, row: int | None) -> ASGIApp:
        seat, ref = await self._desk.seat(request), ref_of(request)
        body: FileLink = await body_of(request, FileLink)
        slot = body.slot()
        full = await self._records.put_file(
            seat, ref, _field(request), row, slot.file_id,
            name=slot.name, comment=slot.comment, precondition=record_precondition(request),
        )  # fmt: skip
        return record_answer(full)


def _field(request: Request) -> str:
    return plain(request.path_params["field"], "field", 64)


def _row(request: Request) -> int | None:
    text = request.query_params.get("row")
    return None if text is None else whole(text, "row", 0, 999)
