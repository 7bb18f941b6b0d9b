"""Uploads in parts: announce, send, resume, finish, give up."""

from starlette.requests import Request
from starlette.types import ASGIApp

from consigne.core.clock import now_ms
from consigne.core.entry import Entry
from consigne.dialects.native.bodies import Finish, NewUpload, PartWishes, body_of
from consigne.dialects.native.desk import API, Desk
from consigne.dialects.native.listing import DEFAULT_LIMIT, MAX_LIMIT
from consigne.dialects.native.parameters import media_type, plain, whole
from consigne.dialects.native.receiving import require_whole
from consigne.dialects.native.replies import created, page_reply, stored_reply
from consigne.dialects.native.resumable import Resumable
from consigne.dialects.native.wire import (
    part_url_document,
    progress_document,
    upload_document,
    uuid_of,
)
from consigne.errors import BadCursor, BadParameter, UploadNotFound
from consigne.http.answers import empty_response, json_response
from consigne.http.bodies import declared_length, raw_body
from consigne.http.digests import FIELDS, body_digests
from consigne.http.fields import pick
from consigne.http.routing import Route
from consigne.model.identity import Kind, from_uuid

_PATH = f"{API}/uploads"


class UploadRoutes:
    """The routes of ``/uploads``."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._uploads = desk.depot.uploads
        self._resumable = Resumable(desk)
        self._direct = desk.depot.direct

    def routes(self) -> list[Route]:
        one = f"{_PATH}/{{id}}"
        return [
            Route("POST", _PATH, self.expect),
            Route("GET", _PATH, self.list),
            Route("GET", one, self.look),
            Route("PATCH", one, self.append),
            Route("DELETE", one, self.abort),
            Route("PUT", f"{one}/parts/{{n}}", self.receive_part),
            Route("POST", f"{one}/urls", self.urls),
            Route("POST", f"{one}/finish", self.finish),
        ]

    async def expect(self, request: Request) -> ASGIApp:
        """Open an upload; a declared length is reserved at once."""
        seat = await self._desk.seat(request)
        body: NewUpload = await body_of(request, NewUpload)
        if body.expires_in is not None and not body.hold:
            raise BadParameter("Only a held file expires.", parameter="expires_in")
        stays = body.expires_in or self._desk.settings.hold_expiry
        entry = Entry(
            name=body.name,
            declared_type=None if body.type is None else media_type(body.type),
            access=body.access,
            folder_id=await self._desk.folder(seat, body.folder),
            reference=plain(body.reference, "reference") if body.reference else None,
            hold=body.hold,
            expires_at=now_ms() + int(stays * 1000) if body.hold else None,
            is_source=body.source,
            fields=body.meta,
            tags=body.tags,
        )
        progress = await self._uploads.expect(
            seat,
            entry,
            length=body.length,
            part_size=body.part_size,
            parts_total=body.parts_total,
        )
        document = progress_document(progress, now_ms())
        return created(self._desk, document, "uploads", document["id"])

    async def list(self, request: Request) -> ASGIApp:
        """Return the caller's unfinished uploads, oldest first."""
        seat, asked = await self._desk.seat(request), request.query_params
        limit = whole(asked.get("limit") or str(DEFAULT_LIMIT), "limit", 1, MAX_LIMIT)
        cursor = asked.get("cursor")
        after = from_uuid(Kind.UPLOAD, cursor) if cursor else 0
        if after is None:
            raise BadCursor(parameter="cursor")
        found = await self._uploads.page(seat, after, limit + 1)
        page = found[:limit]
        following = uuid_of(Kind.UPLOAD, page[-1].id) if len(found) > limit else None
        documents = [upload_document(upload) for upload in page]
        return page_reply(self._desk, request, "uploads", documents, "cursor", following)

    async def look(self, request: Request) -> ASGIApp:
        """Return where an upload stands, part by part; to HEAD in header fields alone."""
        seat, number = await self._desk.seat(request), _upload_number(request)
        if request.method == "HEAD":
            return await self._resumable.offset(request, seat, number)
        progress = await self._uploads.progress(seat, number)
        document = progress_document(progress, now_ms())
        parts = await self._uploads.parts(seat, number)
        document |= upload_document(progress.upload, parts=parts)
        return json_response(document, headers=[("Cache-Control", "no-store")])

    async def append(self, request: Request) -> ASGIApp:
        """Take more bytes of an upload that ``POST /files`` has begun."""
        seat, number = await self._desk.seat(request), _upload_number(request)
        return await self._resumable.append(request, seat, number)

    async def receive_part(self, request: Request) -> ASGIApp:
        """Store a part; the last of an announced number completes the file."""
        seat, number = await self._desk.seat(request), _upload_number(request)
        require_whole(request)
        progress = await self._uploads.receive_part(
            seat,
            number,
            raw_body(request, self._desk.settings.body_idle),
            number=whole(request.path_params["n"], "n", 1, 100_000),
            length=declared_length(request.headers),
            expected=body_digests(pick(request.scope["headers"], FIELDS)),
        )
        return json_response(progress_document(progress, now_ms()))

    async def urls(self, request: Request) -> ASGIApp:
        """Sign URLs by which parts go to the object store itself."""
        seat, number = await self._desk.seat(request), _upload_number(request)
        body: PartWishes = await body_of(request, PartWishes)
        wanted = [
            (part.number, bytes.fromhex(part.md5) if part.md5 else None) for part in body.parts
        ]
        made = await self._direct.urls(seat, number, wanted)
        document = {"urls": [part_url_document(each) for each in made]}
        return json_response(document, headers=[("Cache-Control", "no-store")])

    async def finish(self, request: Request) -> ASGIApp:
        """Complete an upload and return the file; asked again, the same answer."""
        seat, number = await self._desk.seat(request), _upload_number(request)
        body: Finish = await body_of(request, Finish)
        await self._direct.collect(seat, number)
        progress = await self._uploads.finish(seat, number, expected=body.digests())
        return stored_reply(self._desk, progress.file, 201)

    async def abort(self, request: Request) -> ASGIApp:
        """Give up an upload; its bytes and its reservation go."""
        seat, number = await self._desk.seat(request), _upload_number(request)
        await self._desk.depot.resuming.end(seat, number)
        return empty_response()


def _upload_number(request: Request) -> int:
    number = from_uuid(Kind.UPLOAD, request.path_params["id"])
    if number is None:
        raise UploadNotFound
    return number
