"""Files of a year: entries, signed URLs, finalize, text (section 2 of the spec)."""

from typing import Any

from starlette.requests import Request

from consigne.core.access import Seat
from consigne.core.entry import Entry
from consigne.core.ocr import Outcome
from consigne.dialects.arrhes.desk import Desk, number
from consigne.dialects.arrhes.documents import file_document, job_document
from consigne.dialects.arrhes.wire import (
    FILE_SORTS,
    id_of,
    moment_of,
    name_of,
    page_of,
    prefers_async,
    size_of,
    text_of,
    type_of,
)
from consigne.errors import FolderUnknown
from consigne.http.answers import Answer, json_response
from consigne.http.delivery import bare_headers_of
from consigne.model.entities import State
from consigne.model.query import Query, Scope
from consigne.model.rights import Right

_SHOWN = (State.EXPECTED, State.HELD, State.KEPT)


class Files:
    """The endpoints under ``…/files``."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._depot = desk.depot

    async def create(self, request: Request) -> Answer:
        """POST …/files (AR-11)."""
        seat = await self._desk.seat(request)
        year = await self._depot.years.look(seat, number(request, "idYear"))
        seat.require(Right.WRITE)
        body = await self._desk.body(request, seat)
        entry = Entry(
            name=name_of(body),
            reference=text_of(body, "reference"),
            client_hash=text_of(body, "hash") or None,
            folder_id=id_of(body, "idFolder", FolderUnknown),
        )
        return json_response(file_document(await self._depot.shelf.create(seat, year.id, entry)))

    async def list(self, request: Request) -> Answer:
        """GET …/files (AR-12)."""
        seat = await self._desk.seat(request)
        year = await self._depot.years.look(seat, number(request, "idYear"))
        page = page_of(request.query_params, FILE_SORTS)
        scope = Scope(seat.space_id, states=_SHOWN, year_id=year.id)
        found = await self._depot.finding.find(
            seat, Query(scope, order=page.order(), limit=page.limit, offset=page.offset)
        )
        headers = {}
        if page.counted:
            headers["X-Total-Count"] = str(await self._depot.finding.count(seat, scope))
        return json_response([file_document(file) for file in found.files], headers=headers)

    async def look(self, request: Request) -> Answer:
        """GET …/files/{idFile} (AR-13)."""
        seat, year, file = await self._named(request)
        return json_response(file_document(await self._depot.shelf.look(seat, year, file)))

    async def change(self, request: Request) -> Answer:
        """PATCH …/files/{idFile} (AR-14): only what is present changes."""
        seat, year, file = await self._found(request, Right.WRITE)
        body = await self._desk.body(request, seat)
        wishes: dict[str, Any] = {}
        if "name" in body:
            wishes["name"] = name_of(body)
        if "reference" in body:
            wishes["reference"] = text_of(body, "reference")
        if "date" in body:
            wishes["date"] = moment_of(body, "date")
        if "idFolder" in body:
            wishes["folder_id"] = id_of(body, "idFolder", FolderUnknown)
        changed = await self._depot.shelf.change(seat, year, file, **wishes)
        return json_response(file_document(changed))

    async def delete(self, request: Request) -> Answer:
        """DELETE …/files/{idFile} (AR-15)."""
        seat, year, file = await self._found(request, Right.WRITE)
        await self._desk.body(request, seat)
        await self._depot.shelf.release(seat, year, file)
        return json_response({})

    async def upload_url(self, request: Request) -> Answer:
        """POST …/files/{idFile}/upload-url (AR-16)."""
        seat, year, file_id = await self._found(request, Right.WRITE)
        body = await self._desk.body(request, seat)
        file, upload = await self._depot.incoming.announce(
            seat,
            year,
            file_id,
            length=size_of(body),
            declared_type=type_of(body),
            limit=self._desk.settings.arrhes_max_size,
        )
        url = await self._depot.objects.upload_url(seat, upload)
        return json_response({"file": file_document(file), "url": url})

    async def download_url(self, request: Request) -> Answer:
        """POST …/files/{idFile}/download-url (AR-17): the URL pins the present version."""
        seat, year, file_id = await self._found(request, Right.READ)
        await self._desk.body(request, seat)
        file = await self._depot.shelf.look(seat, year, file_id)
        if file.content_id is not None:
            reading = await self._depot.reader.open(seat, file_id, file.version)
            life = self._desk.settings.s3_get_expiry
            url = await reading.away(*bare_headers_of(reading, inline=True), life)
            if url is not None:
                return json_response({"url": url})
        return json_response({"url": await self._depot.objects.download_url(seat, file)})

    async def delete_url(self, request: Request) -> Answer:
        """POST …/files/{idFile}/delete-url (AR-18)."""
        seat, year, file_id = await self._found(request, Right.WRITE)
        await self._desk.body(request, seat)
        file = await self._depot.shelf.require_changeable(seat, year, file_id)
        return json_response({"url": await self._depot.objects.empty_url(seat, file)})

    async def finalize(self, request: Request) -> Answer:
        """POST …/files/{idFile}/finalize (AR-19)."""
        seat, year, file = await self._found(request, Right.WRITE)
        await self._desk.body(request, seat)
        done = await self._depot.incoming.finalize(seat, year, file)
        return json_response(file_document(done))

    async def ocr(self, request: Request) -> Answer:
        """POST …/files/{idFile}/ocr (AR-20, AR-21)."""
        seat, year, file_id = await self._found(request, Right.WRITE)
        await self._desk.body(request, seat)
        await self._depot.shelf.require_changeable(seat, year, file_id)
        detached = prefers_async(request.headers.getlist("prefer"))
        outcome = await self._depot.ocr.ocr(seat, file_id, wait=0 if detached else None)
        if outcome.file is not None and not detached:
            return json_response({"file": file_document(outcome.file)})
        headers = {"Location": f"{request.scope['path']}/{_job(outcome)['id']}"}
        if detached:
            headers["Preference-Applied"] = "respond-async"
        return json_response({"job": _job(outcome)}, 202, headers)

    async def job(self, request: Request) -> Answer:
        """GET …/files/{idFile}/ocr/{idJob} (AR-21)."""
        seat, _, file_id = await self._found(request, Right.READ)
        outcome = await self._depot.ocr.look(seat, file_id, number(request, "idJob"))
        return json_response({"job": _job(outcome)})

    async def _named(self, request: Request) -> tuple[Seat, int, int]:
        """Return seat, year and file of the path."""
        seat = await self._desk.seat(request)
        year = await self._depot.years.look(seat, number(request, "idYear"))
        return seat, year.id, number(request, "idFile")

    async def _found(self, request: Request, right: Right) -> tuple[Seat, int, int]:
        """Return the same once the file is known to be there and the role to carry the right."""
        seat, year, file = await self._named(request)
        await self._depot.shelf.look(seat, year, file)
        seat.require(right)
        return seat, year, file


def _job(outcome: Outcome) -> dict[str, Any]:
    return job_document(outcome.job, outcome.file)
