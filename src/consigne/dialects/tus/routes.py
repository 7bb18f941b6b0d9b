"""The paths of tus 1.0 and what stands around them: CORS, faults, the version, then the routes."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Any
from urllib.parse import quote, urlsplit

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from consigne.core.access import Seat
from consigne.core.clock import now_ms
from consigne.core.depot import Depot
from consigne.core.resuming import is_full
from consigne.core.sessions import Progress
from consigne.dialects.tus import wire
from consigne.dialects.tus.desk import Desk
from consigne.dialects.tus.errors import render
from consigne.errors import BadHeader, ConsigneError, FileNotFound, Forbidden, PreconditionFailed
from consigne.http.answers import empty_response
from consigne.http.bodies import declared_length, raw_body
from consigne.http.cors import CorsMiddleware
from consigne.http.dispatch import Dialect
from consigne.http.faults import FaultMiddleware
from consigne.http.fields import value_of
from consigne.http.protocol import TRAILERS
from consigne.http.routing import Route, Router
from consigne.model.entities import State
from consigne.model.rights import Right
from consigne.settings import Settings

SEGMENTS = frozenset({"tus"})

_ROOT = "/tus"
_METHODS = ("POST", "HEAD", "PATCH", "DELETE", "OPTIONS")
_SENT = (
    "Authorization",
    "Content-Type",
    "Tus-Resumable",
    "Upload-Length",
    "Upload-Defer-Length",
    "Upload-Metadata",
    "Upload-Offset",
    "Upload-Checksum",
    "Upload-Concat",
    "X-Consigne-Space",
    "X-HTTP-Method-Override",
    "X-Requested-With",
    "X-Request-Id",
)
_EXPOSED = (
    "Location",
    "Retry-After",
    "Tus-Resumable",
    "Tus-Version",
    "Tus-Extension",
    "Tus-Max-Size",
    "Tus-Checksum-Algorithm",
    "Upload-Length",
    "Upload-Defer-Length",
    "Upload-Metadata",
    "Upload-Offset",
    "Upload-Concat",
    "Upload-Expires",
    wire.FILE_HEADER,
    "X-Request-Id",
)
_FREE = ("OPTIONS", "GET")


def dialect(depot: Depot, settings: Settings) -> Dialect:
    """Return the dialect for the dispatcher."""
    app = CorsMiddleware(
        FaultMiddleware(Speaking(Router(routes(depot, settings))), render),
        origins=settings.cors_origins,
        methods=_METHODS,
        headers=_SENT,
        exposed=_EXPOSED,
    )
    return Dialect("tus", SEGMENTS, app)


def routes(depot: Depot, settings: Settings) -> list[Route]:
    """Return all routes. Clients write the place to create with and without a last slash."""
    uploading = Uploading(depot, settings)
    places = (_ROOT, f"{_ROOT}/", f"{_ROOT}/{{space}}", f"{_ROOT}/{{space}}/")
    one = f"{_ROOT}/{{space}}/{{id}}"
    return [
        *(Route("POST", place, uploading.create) for place in places),
        *(Route("OPTIONS", place, uploading.options) for place in (*places, one)),
        Route("HEAD", one, uploading.look),
        Route("PATCH", one, uploading.append),
        Route("DELETE", one, uploading.end),
    ]


class Speaking:
    """The protocol's own frame: the method meant, and the version on both sides."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = value_of(scope["headers"], b"x-http-method-override")
        if method is not None:
            scope = {**scope, "method": method.strip().upper()}
        version = value_of(scope["headers"], b"tus-resumable")
        if version != wire.VERSION and scope["method"] not in _FREE:
            raise PreconditionFailed(f"Tus-Resumable must be {wire.VERSION}.")

        async def speaking(message: Message) -> None:
            if message["type"] == "http.response.start":
                mark = (b"tus-resumable", wire.VERSION.encode("ascii"))
                message["headers"] = [*message.get("headers", ()), mark]
            await send(message)

        await self._app(scope, receive, speaking)


class Uploading:
    """The verbs of the protocol."""

    def __init__(self, depot: Depot, settings: Settings) -> None:
        self._depot = depot
        self._settings = settings
        self._desk = Desk(depot)

    async def options(self, request: Request) -> ASGIApp:
        """Say what is spoken here; no credentials are needed."""
        headers = [
            ("Allow", ", ".join(_METHODS)),
            ("Tus-Version", wire.VERSION),
            ("Tus-Extension", ",".join(wire.EXTENSIONS)),
            ("Tus-Max-Size", str(self._settings.upload_max_size)),
            ("Tus-Checksum-Algorithm", ",".join(wire.ALGORITHMS)),
        ]
        return empty_response(204, headers)

    async def create(self, request: Request) -> ASGIApp:
        """Open an upload, with its first bytes if there are any, or join others to a file."""
        caller = await self._desk.caller(request)
        creation = wire.read_creation(request.headers)
        seat = await self._desk.seat(request, caller, creation.metadata.get("space"))
        seat.require(Right.WRITE)
        has_body = _has_body(request)
        if has_body:
            if creation.pieces:
                raise BadHeader("A final upload has no body.", parameter="Upload-Concat")
            wire.require_body_type(request.headers)
            _checking(request)
        entry = wire.entry_from(
            creation,
            folder_id=await self._desk.folder(seat, creation.metadata.get("folder", "")),
            now=now_ms(),
            hold_seconds=self._settings.hold_expiry,
        )
        if creation.pieces:
            progress = await self._depot.joining.join(seat, entry, creation.pieces)
        else:
            progress = await self._depot.uploads.expect(seat, entry, length=creation.length)
            if has_body or is_full(progress.upload):
                progress = await self._first(request, seat, progress, has_body)
        _require_there(progress)
        prefix = urlsplit(self._settings.base_url).path.rstrip("/")
        url = f"{prefix}{_ROOT}/{quote(seat.space.short)}/{wire.upload_id(progress.file.id)}"
        return _answer(201, [("Location", url), *wire.state_headers(progress)])

    async def look(self, request: Request) -> ASGIApp:
        """Say how far an upload is: all that it names is on stable storage."""
        seat, progress, words = await self._desk.upload(request)
        progress = await self._depot.resuming.look(seat, progress.upload.id)
        described = wire.description_headers(progress, words)
        return _answer(200, [*wire.state_headers(progress), *described])

    async def append(self, request: Request) -> ASGIApp:
        """Take bytes at the offset; 204 once they, and a file that they complete, are durable."""
        seat, progress, words = await self._desk.upload(request)
        if wire.is_final(words):
            raise Forbidden("A final upload takes no bytes.")
        wire.require_body_type(request.headers)
        offset = wire.count(request.headers, "upload-offset")
        if offset is None:
            raise BadHeader("Upload-Offset is missing.", parameter="Upload-Offset")
        total = wire.count(request.headers, "upload-length")
        progress = await self._send(request, seat, progress.upload.id, offset, total)
        return _answer(204, wire.state_headers(progress))

    async def end(self, request: Request) -> ASGIApp:
        """Give up an upload; one that is complete has its file put into the trash."""
        seat, progress, _ = await self._desk.upload(request)
        if progress.complete:
            _require_there(progress)
            await self._depot.vault.release(seat, progress.file.id)
        else:
            await self._depot.resuming.end(seat, progress.upload.id)
        return _answer(204, [])

    async def _first(
        self, request: Request, seat: Seat, opened: Progress, has_body: bool
    ) -> Progress:
        """Give a new upload its first bytes; the client knows no URL yet, so else nothing stays."""
        try:
            if has_body:
                return await self._send(request, seat, opened.upload.id, 0, None)
            return await self._depot.resuming.look(seat, opened.upload.id)
        except BaseException:
            with suppress(ConsigneError):
                await asyncio.shield(self._depot.uploads.abort(seat, opened.upload.id))
            raise

    async def _send(
        self, request: Request, seat: Seat, upload_id: int, offset: int, total: int | None
    ) -> Progress:
        return await self._depot.resuming.append(
            seat,
            upload_id,
            offset,
            raw_body(request, self._settings.body_idle),
            length=declared_length(request.headers),
            total=total,
            **_checking(request),
        )


def _checking(request: Request) -> dict[str, Any]:
    """Return how the body's digest is checked: not, by a header, or by what comes behind it.

    Raises BadHeader.
    """
    text = wire.single(request.headers, "upload-checksum")
    if wire.announces_trailer(request.headers):
        if text is not None:
            raise BadHeader("Send one checksum, before or behind the body.", parameter="Trailer")
        state = request.scope["state"]
        return {
            "algorithms": tuple(wire.ALGORITHMS.values()),
            "wanted": lambda: wire.trailer_checksum(state.get(TRAILERS, ())),
        }
    if text is None:
        return {}
    digests = wire.read_checksum(text)
    return {"algorithms": tuple(digests), "wanted": lambda: digests}


def _has_body(request: Request) -> bool:
    length = declared_length(request.headers)
    return bool(length) or (length is None and "transfer-encoding" in request.headers)


def _require_there(progress: Progress) -> None:
    """Raise FileNotFound where the file of a complete upload was deleted since."""
    if progress.complete and progress.file.state not in (State.HELD, State.KEPT):
        raise FileNotFound


def _answer(status: int, headers: Iterable[tuple[str, str]]) -> ASGIApp:
    return empty_response(status, [("Cache-Control", "no-store"), *headers])
