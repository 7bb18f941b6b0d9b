"""Bytes on their way in: a new file from a raw body or a form, a new version of a file."""

import msgspec
from starlette.requests import Request
from starlette.types import ASGIApp

from consigne.core.access import Seat
from consigne.core.clock import now_ms
from consigne.core.entry import Entry, Once
from consigne.dialects.native.desk import API, Desk, file_number
from consigne.dialects.native.forms import UploadForm, is_form
from consigne.dialects.native.parameters import Pairs, require_known, told_type, wish_of
from consigne.dialects.native.replies import stored_reply
from consigne.dialects.native.resumable import Resumable
from consigne.dialects.native.resumption import Told, read_told
from consigne.errors import BadHeader, UnsupportedMedia
from consigne.http.bodies import declared_length, raw_body
from consigne.http.digests import FIELDS, body_digests
from consigne.http.dispositions import parse_disposition
from consigne.http.fields import pick
from consigne.http.idempotency import idempotency_key
from consigne.http.routing import Route
from consigne.model.entities import File

_PATH = f"{API}/files"


class Receiving:
    """``POST /files`` and ``PUT /files/{id}/content``."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._intake = desk.depot.intake
        self._resumable = Resumable(desk)

    def routes(self) -> list[Route]:
        return [
            Route("POST", _PATH, self.receive),
            Route("OPTIONS", _PATH, self._resumable.options),
            Route("PUT", f"{_PATH}/{{id}}/content", self.replace),
        ]

    async def receive(self, request: Request) -> ASGIApp:
        """Store a new file: 201 once bytes and row are durable."""
        seat = await self._desk.seat(request)
        require_whole(request)
        key = idempotency_key(request.headers.get("idempotency-key"))
        once = Once(key, f"POST {_PATH}") if key else None
        is_whole_form = is_form(request.headers.get("content-type"))
        told = read_told(request.headers)
        if told is not None and self._resumable.can_tell(request, told):
            if not is_whole_form and once is None:
                return await self._receive_resumable(request, seat, told)
            if not told.complete:
                raise UnsupportedMedia(
                    "A form, or a request with an Idempotency-Key, is sent as a whole.",
                    hint="Send the file itself, without the key.",
                )
        if is_whole_form:
            file = await self._receive_form(request, seat, once)
        else:
            file = await self._receive_raw(request, seat, once)
        return stored_reply(self._desk, file, 201)

    async def replace(self, request: Request) -> ASGIApp:
        """Store a new version; what was there stays as undo."""
        seat, number = await self._desk.seat(request), file_number(request)
        require_whole(request)
        name, told = _told_by_headers(request)
        file = await self._intake.replace(
            seat,
            number,
            raw_body(request, self._desk.settings.body_idle),
            name=request.query_params.get("name") or name,
            declared_type=told,
            length=declared_length(request.headers),
            expected=body_digests(pick(request.scope["headers"], FIELDS)),
            precondition=await self._desk.precondition(request, seat, number),
        )
        return stored_reply(self._desk, file)

    async def _receive_resumable(self, request: Request, seat: Seat, told: Told) -> ASGIApp:
        name, kind = _told_by_headers(request)
        entry = await self._entry(seat, request.query_params.multi_items(), name, kind)
        return await self._resumable.create(request, seat, entry, told)

    async def _receive_raw(self, request: Request, seat: Seat, once: Once | None) -> File:
        name, told = _told_by_headers(request)
        entry = await self._entry(seat, request.query_params.multi_items(), name, told)
        return await self._intake.receive(
            seat,
            raw_body(request, self._desk.settings.body_idle),
            entry,
            length=declared_length(request.headers),
            expected=body_digests(pick(request.scope["headers"], FIELDS)),
            idempotency=once,
        )

    async def _receive_form(self, request: Request, seat: Seat, once: Once | None) -> File:
        form = UploadForm(request, self._desk.settings.body_idle)
        part = await form.open()
        query = request.query_params.multi_items()

        async def described(_: Entry | None = None) -> Entry:
            require_known(form.fields)
            told = told_type(part.content_type)
            return await self._entry(seat, [*query, *form.fields], part.filename, told)

        return await self._intake.receive(
            seat,
            form.stream(),
            await described(),
            expected=form.expected,
            idempotency=once,
            amend=described,
        )

    async def _entry(self, seat: Seat, pairs: Pairs, name: str | None, told: str | None) -> Entry:
        """Return what a new file shall be; headers count where parameters say nothing."""
        wish = wish_of(pairs, now=now_ms(), hold_seconds=self._desk.settings.hold_expiry)
        return msgspec.structs.replace(
            wish.entry,
            name=wish.entry.name or name or "",
            declared_type=wish.entry.declared_type or told,
            folder_id=await self._desk.folder(seat, wish.folder),
        )


def require_whole(request: Request) -> None:
    """Refuse a body that is not simply the file: a range of it, or a coding of it.

    Raises BadHeader (RFC 9110 §14.5), UnsupportedMedia (§8.4).
    """
    if "content-range" in request.headers:
        raise BadHeader(
            "A file cannot be written in ranges.",
            hint="Send it in parts with POST /consigne/v1/uploads.",
            parameter="Content-Range",
        )
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("identity", ""):
        raise UnsupportedMedia(
            f"The content coding {coding[:64]!r} is not accepted: files are kept as they are sent.",
            parameter="Content-Encoding",
        )


def _told_by_headers(request: Request) -> tuple[str | None, str | None]:
    """Return the name and the type that the headers tell, None where they tell nothing."""
    disposition = request.headers.get("content-disposition")
    name = parse_disposition(disposition).filename if disposition else None
    return name, told_type(request.headers.get("content-type"))
