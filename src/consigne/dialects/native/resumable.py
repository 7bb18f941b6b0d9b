"""Uploads that go on after an interruption: Resumable Uploads for HTTP, on the routes of the API.

A ``POST /files`` that says ``Upload-Complete`` opens an upload like any other, whose resource is
``/uploads/{id}``: ``HEAD`` asks how far it is, ``PATCH`` appends, ``DELETE`` gives it up. It is
complete when the client says so, and the answer to that is the answer of the ``POST``.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.types import ASGIApp

from consigne.core.access import Seat
from consigne.core.clock import now_ms
from consigne.core.entry import Entry
from consigne.core.sessions import Progress
from consigne.dialects.native import resumption as wire
from consigne.dialects.native.desk import Desk
from consigne.dialects.native.errors import TABLE
from consigne.dialects.native.replies import location, stored_reply
from consigne.dialects.native.resumption import Told
from consigne.dialects.native.wire import uuid_of
from consigne.errors import (
    BadHeader,
    BadParameter,
    ChunkOutOfOrder,
    ConsigneError,
    DigestMismatch,
    FileTooLarge,
    IncompleteBody,
    SizeMismatch,
    TimedOut,
    UploadComplete,
    UploadNotFound,
)
from consigne.http.answers import Answer, empty_response, problem
from consigne.http.bodies import declared_length, raw_body
from consigne.http.digests import FIELDS, content_digests, representation_digests
from consigne.http.fields import encode_headers, pick
from consigne.http.protocol import INTERIM, Interim
from consigne.model.identity import Kind

_PHRASE = b"Upload Resumption Supported"


class Inconsistent(Exception):
    """Raised where a request contradicts the length of its upload."""


class Resumable:
    """Creation, offset and append. What goes wrong is said in the words of the protocol."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._uploads = desk.depot.uploads
        self._resuming = desk.depot.resuming

    def can_tell(self, request: Request, told: Told) -> bool:
        """Tell whether the client of a creation can learn where its upload is."""
        return not told.complete or (told.has_interim and INTERIM in request.scope["state"])

    async def create(self, request: Request, seat: Seat, entry: Entry, told: Told) -> ASGIApp:
        """Open an upload with its first bytes, which may be all of them or none."""
        fields = pick(request.scope["headers"], FIELDS)
        words = wire.write_words(representation_digests(fields))
        try:
            length = _length_of(request, told, 0)
            opened = await self._uploads.expect(
                seat, msgspec.structs.replace(entry, words=words), length=length
            )
        except (Inconsistent, FileTooLarge) as error:
            return self._refusal(error, told.version)
        place = [("Location", self._place(opened)), *self._limits(opened, told)]
        is_told = False

        def counted(received: int) -> None:
            # The place is told once this request is the upload's writer: one who comes back asks it
            # to give way before hearing an offset.
            nonlocal is_told
            headers = [("Upload-Offset", str(received))] if is_told else place
            is_told = self._announce(request, told, headers) or is_told

        try:
            answer = await self._append(request, seat, opened, 0, told, counted)
        except BaseException as error:
            if not is_told or not _may_go_on(error):
                await self._drop(seat, opened)
            raise
        if answer.status >= 400:
            await self._drop(seat, opened)
        return answer

    async def offset(self, request: Request, seat: Seat, number: int) -> ASGIApp:
        """Say how far an upload is: all that it names is on stable storage."""
        progress = await self._uploads.progress(seat, number)
        if progress.upload.part_size is None:
            progress = await self._resuming.look(seat, number, completes=False)
        version = wire.version_of(request.headers)
        headers = [("Cache-Control", "no-store"), *wire.state_headers(progress, version)]
        if progress.complete:
            headers.append(("Content-Location", self._file_place(progress)))
        else:
            headers += self._limits(progress, Told(version, False, False, None))
        return empty_response(204, headers)

    async def append(self, request: Request, seat: Seat, number: int) -> ASGIApp:
        """Take bytes at the offset; with the last ones the file is complete."""
        progress = await self._uploads.progress(seat, number)
        if wire.read_words(progress) is None:
            raise UploadNotFound(hint="Only an upload begun with Upload-Complete has appends.")
        told = wire.read_told(request.headers)
        if told is None:
            raise BadHeader(
                "Upload-Complete is missing, or neither ?0 nor ?1.", parameter="Upload-Complete"
            )
        wire.require_partial(request.headers, told.version)
        offset = wire.read_offset(request.headers)

        def counted(received: int) -> None:
            if received > offset:
                self._announce(request, told, [("Upload-Offset", str(received))])

        return await self._append(request, seat, progress, offset, told, counted)

    async def options(self, request: Request) -> ASGIApp:
        """Say that uploads can be gone on with, and their limits; no credentials are needed."""
        limits = wire.limit_headers(self._desk.settings.upload_max_size)
        return empty_response(204, [("Accept-Patch", wire.PARTIAL), *limits])

    async def _append(
        self,
        request: Request,
        seat: Seat,
        opened: Progress,
        offset: int,
        told: Told,
        counted: Callable[[int], None],
    ) -> Answer:
        upload = opened.upload
        try:
            progress = await self._resuming.append(
                seat,
                upload.id,
                offset,
                raw_body(request, self._desk.settings.body_idle),
                length=declared_length(request.headers),
                total=_length_of(request, told, offset),
                last=told.complete,
                expected=_expected(opened) if told.complete else None,
                counted=counted,
                **_checking(request),
            )
        except UploadComplete:
            return self._completed(request, opened, told)
        except (Inconsistent, SizeMismatch, BadParameter, FileTooLarge, ChunkOutOfOrder) as error:
            if isinstance(error, FileTooLarge) and upload.length is not None:
                await self._resuming.end(seat, upload.id)  # its length was a lie
                error = Inconsistent()
            return self._refusal(error, told.version, offset)
        except DigestMismatch as error:
            return await self._mismatch(seat, upload.id, error, told)
        state = wire.state_headers(progress, told.version)
        if not told.complete:
            headers = [("Cache-Control", "no-store"), *state, *self._limits(progress, told)]
            if request.method != "POST":
                return empty_response(204, headers)
            return empty_response(201, [("Location", self._place(progress)), *headers])
        answer = stored_reply(self._desk, progress.file, 201)
        answer.headers += encode_headers(state)
        return answer

    async def _drop(self, seat: Seat, opened: Progress) -> None:
        """Give up an upload that nobody will go on with."""
        with suppress(ConsigneError):
            await asyncio.shield(self._resuming.end(seat, opened.upload.id))

    async def _mismatch(
        self, seat: Seat, upload_id: int, error: DigestMismatch, told: Told
    ) -> Answer:
        """Answer bytes that are not the announced ones: a request can be sent again, a whole upload
        whose digest is wrong cannot be mended."""
        progress = await self._uploads.progress(seat, upload_id)
        failed = told.complete and progress.upload.received == progress.upload.length
        if failed:
            await self._resuming.end(seat, upload_id)
        return problem(
            400,
            TABLE.row(error).title,
            detail=error.message,
            extensions={"code": error.code, "hint": error.hint},
            headers=[("Cache-Control", "no-store"), wire.completeness(failed, told.version)],
        )

    def _completed(self, request: Request, opened: Progress, told: Told) -> Answer:
        """Refuse to append to a complete upload."""
        if declared_length(request.headers) != 0:
            return self._refusal(Inconsistent(), told.version)
        return problem(
            410,
            "The upload is complete already",
            type_uri=f"{wire.PROBLEMS}completed-upload",
            extensions={"code": UploadComplete.code},
            headers=[("Cache-Control", "no-store"), ("Location", self._file_place(opened))],
        )

    def _refusal(self, error: Exception, version: int, offset: int = 0) -> Answer:
        """Return a refusal that the protocol has words for; raise any other."""
        headers = [("Cache-Control", "no-store")]
        if isinstance(error, ChunkOutOfOrder):
            expected = error.details["expected"]
            return problem(
                409,
                "The offset is another one",
                detail=error.message,
                type_uri=f"{wire.PROBLEMS}mismatching-upload-offset",
                extensions={
                    "code": error.code,
                    "expected-offset": expected,
                    "provided-offset": offset,
                },
                headers=[*headers, ("Upload-Offset", str(expected))],
            )
        if isinstance(error, FileTooLarge):
            limit = self._desk.settings.upload_max_size
            return problem(
                413,
                TABLE.row(error).title,
                detail=error.message,
                extensions={"code": error.code, "limit": limit},
                headers=[*headers, *wire.limit_headers(limit, version)],
            )
        is_length = isinstance(error, BadParameter) and error.details.get("parameter") == "length"
        if isinstance(error, (Inconsistent, SizeMismatch)) or is_length:
            return problem(
                400,
                "The lengths told for the upload differ",
                detail="The length does not agree with what came, or with what was told before.",
                type_uri=f"{wire.PROBLEMS}inconsistent-upload-length",
                extensions={"code": SizeMismatch.code},
                headers=headers,
            )
        raise error

    def _announce(self, request: Request, told: Told, headers: list[tuple[str, str]]) -> bool:
        """Send ``104 (Upload Resumption Supported)`` where client and connection allow it."""
        interim: Interim | None = request.scope["state"].get(INTERIM)
        if interim is None or not told.has_interim:
            return False
        version = ("Upload-Draft-Interop-Version", str(told.version))
        return interim(104, _PHRASE, encode_headers([version, *headers]))

    def _limits(self, progress: Progress, told: Told) -> list[tuple[str, str]]:
        limit = self._desk.settings.upload_max_size
        return wire.limit_headers(limit, told.version, progress.upload.expires_at, now_ms())

    def _place(self, progress: Progress) -> str:
        return location(self._desk, "uploads", uuid_of(Kind.UPLOAD, progress.upload.id))

    def _file_place(self, progress: Progress) -> str:
        return location(self._desk, "files", uuid_of(Kind.FILE, progress.file.id))


def _length_of(request: Request, told: Told, offset: int) -> int | None:
    """Return the length of the whole, by both ways in which it can be told. Raises Inconsistent."""
    content = declared_length(request.headers)
    if told.complete and content is not None:
        if told.length not in (None, offset + content):
            raise Inconsistent
        return offset + content
    return told.length


def _checking(request: Request) -> dict[str, Any]:
    """Return how the digest of the content is checked, if it has one. Raises BadHeader."""
    digests = content_digests(pick(request.scope["headers"], FIELDS))
    if not digests:
        return {}
    return {"algorithms": tuple(digests), "wanted": lambda: digests}


def _expected(progress: Progress) -> Mapping[str, bytes] | None:
    words = wire.read_words(progress)
    return wire.digests_of(words) if words else None


def _may_go_on(error: BaseException) -> bool:
    """Tell whether a creation that failed like this can be gone on with."""
    if isinstance(error, (IncompleteBody, TimedOut)) or not isinstance(error, ConsigneError):
        return True
    return TABLE.row(error).status >= 500
