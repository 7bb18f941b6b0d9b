"""``POST /files``: a whole file, the first chunk of one, or a further chunk (AM-13 … AM-18)."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from starlette.requests import Request
from starlette.types import ASGIApp

from consigne.core.access import Seat
from consigne.core.depot import Depot
from consigne.core.entry import Entry
from consigne.core.sessions import Progress
from consigne.dialects.appmixer import parameters, wire
from consigne.dialects.appmixer.form import Form
from consigne.dialects.appmixer.session import Gate
from consigne.errors import (
    BadHeader,
    BadParameter,
    Busy,
    ChunkOutOfOrder,
    FileNotFound,
    NameTaken,
    SizeMismatch,
    UploadNotFound,
)
from consigne.http.answers import json_response
from consigne.model.entities import Access, State
from consigne.model.rights import Right
from consigne.settings import Settings

_HEADERS = {"number": "uploader-chunk-number", "parts_total": "uploader-chunks-total"}


class Uploading:
    """The upload route. Checks come in the order token, headers, quota, body."""

    def __init__(self, depot: Depot, settings: Settings, gate: Gate) -> None:
        self._depot = depot
        self._gate = gate
        self._limit = settings.appmixer_max_size
        self._idle = settings.body_idle

    async def post(self, request: Request) -> ASGIApp:
        """Take the request's bytes and answer with the file JSON once they are durable."""
        seat = await self._gate.seat(request)
        seat.require(Right.WRITE)
        chunk = parameters.parse_chunk(request.scope["headers"])
        empty = chunk.key is not None and chunk.total == 0
        if empty and chunk.size:
            raise SizeMismatch("uploader-chunk-size: a file without chunks is empty", expected=0)
        form = Form(request, 0 if empty else chunk.size, self._idle)
        with _in_client_words(zero_based=chunk.key is not None):
            if chunk.key is not None:
                document = await self._keyed(seat, chunk, chunk.key, form)
            elif chunk.file_id is not None:
                document = await self._further(seat, chunk, chunk.file_id, form)
            else:
                document = await self._new(seat, chunk, form)
        return json_response(document)

    async def _new(self, seat: Seat, chunk: parameters.Chunk, form: Form) -> dict[str, Any]:
        """Receive a file without an id: all of it, or its first chunk."""
        entry = await self._entry(seat, chunk, form)
        if chunk.total is not None and chunk.total > 1:
            opened = await self._depot.uploads.expect(seat, entry, parts_total=chunk.total)
            return await self._first(seat, opened, form)
        file = await self._depot.intake.receive(
            seat, form.stream(), entry, length=form.length, limit=self._limit
        )
        return wire.render_file(file, wire.user_id(seat.caller.principal))

    async def _further(
        self, seat: Seat, chunk: parameters.Chunk, file_id: int, form: Form
    ) -> dict[str, Any]:
        """Append to the file with this id."""
        progress = await self._depot.appending.append(
            seat,
            file_id,
            form.stream(),
            number=chunk.number,
            parts_total=chunk.total,
            length=form.length,
            limit=self._limit,
        )
        return _render(seat, progress)

    async def _keyed(
        self, seat: Seat, chunk: parameters.Chunk, key: str, form: Form
    ) -> dict[str, Any]:
        """Receive a chunk under a key of the client's own, numbered from 0 (AM-18)."""
        assert chunk.number is not None
        assert chunk.total is not None
        total = max(1, chunk.total)
        progress = await self._depot.uploads.by_client_key(seat, key)
        if progress is None:
            if chunk.number != 0:
                raise UploadNotFound
            entry = await self._entry(seat, chunk, form)
            try:
                opened = await self._depot.uploads.expect(
                    seat, entry, parts_total=total, client_key=key
                )
                return await self._first(seat, opened, form)
            except NameTaken:  # the same request came twice at the same moment
                progress = await self._depot.uploads.by_client_key(seat, key)
        if progress is None:
            raise Busy(retry_after=1)
        if progress.complete and progress.file.state not in (State.HELD, State.KEPT):
            raise FileNotFound
        return await self._receive(seat, progress, form, chunk.number + 1, total)

    async def _first(self, seat: Seat, opened: Progress, form: Form) -> dict[str, Any]:
        """Receive the first chunk of a session that was opened for it; else nothing stays."""
        total = opened.upload.parts_total
        try:
            return await self._receive(seat, opened, form, 1, total)
        except BaseException:
            await asyncio.shield(self._depot.uploads.discard_empty(seat, opened.upload.id))
            raise

    async def _receive(
        self, seat: Seat, progress: Progress, form: Form, number: int, total: int | None
    ) -> dict[str, Any]:
        try:
            progress = await self._depot.uploads.receive_part(
                seat,
                progress.upload.id,
                form.stream(),
                number=number,
                parts_total=total,
                length=form.length,
                limit=self._limit,
            )
        except UploadNotFound:
            if number == 1:  # whoever opened it could not fill it: this request may
                raise Busy(retry_after=1) from None
            raise
        return _render(seat, progress)

    async def _entry(self, seat: Seat, chunk: parameters.Chunk, form: Form) -> Entry:
        """Return what a new file will be. Its name and type stand in the body, so the quota is
        asked first."""
        await self._depot.intake.require_room(seat, form.length, self._limit)
        part = await form.open()
        return Entry(
            name=parameters.choose_name(chunk.name, part.filename),
            declared_type=parameters.choose_type(part.content_type),
            access=Access.PRIVATE,
            is_open=chunk.total is None,
            guess_type=True,
        )


def _render(seat: Seat, progress: Progress) -> dict[str, Any]:
    owner = wire.user_id(seat.caller.principal)
    if progress.complete:
        return wire.render_file(progress.file, owner)
    return wire.render_unfinished(progress, owner)


@contextmanager
def _in_client_words(*, zero_based: bool) -> Iterator[None]:
    """Say refusals of the core with the client's headers and numbers."""
    try:
        yield
    except ChunkOutOfOrder as error:
        expected = error.details["expected"] - zero_based
        raise ChunkOutOfOrder(f"Chunk {expected} is expected next.", expected=expected) from None
    except BadParameter as error:
        header = _HEADERS.get(error.details.get("parameter", ""))
        if header is None:
            raise
        raise BadHeader(f"{header}: {error.message}", parameter=header) from None
