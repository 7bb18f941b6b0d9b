"""Documents: made in a family, shown, changed, put into the trash (DY-29, DY-30)."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.types import ASGIApp

from consigne.core.access import Seat
from consigne.core.entry import Precondition
from consigne.core.records.change import Change, Full, Ref
from consigne.core.records.layout import Layout
from consigne.dialects.dynacase.bodies import PartBody
from consigne.dialects.dynacase.cabinet import Cabinet
from consigne.dialects.dynacase.desk import Desk
from consigne.dialects.dynacase.envelope import Message, said
from consigne.dialects.dynacase.holding import Holding
from consigne.dialects.dynacase.places import file_field_in
from consigne.dialects.dynacase.query import query_of
from consigne.dialects.dynacase.rendering import changes, document, structure, values_of
from consigne.dialects.dynacase.saves import Save
from consigne.dialects.dynacase.selection import Selection, selection_of
from consigne.dialects.dynacase.wishes import Wishing
from consigne.http.conditions import entity_tags
from consigne.model.entities import File

Commit = Callable[[Change], Awaitable[Full]]


class Documents:
    """The endpoints of documents."""

    def __init__(self, desk: Desk, cabinet: Cabinet, holding: Holding) -> None:
        self._desk = desk
        self._depot = desk.depot
        self._cabinet = cabinet
        self._holding = holding
        self._wishing = Wishing(desk)

    async def create(self, request: Request) -> ASGIApp:
        """POST /api/families/<fam>."""
        seat, family = await self._cabinet.family(request)
        selection = _selection(request, family.layout)

        async def commit(change: Change) -> Full:
            return await self._depot.records.create(seat, family.type.id, change)

        full, warnings = await self.saved(request, seat, family.layout, commit)
        headers = {"Location": self._desk.wire.document_uri(full.record.id)}
        return self._shown(request, full, selection, warnings, status=201, headers=headers)

    async def look(self, request: Request) -> ASGIApp:
        """GET /api/<doc>."""
        _, full = await self._cabinet.document(request)
        return self._shown(request, full, _selection(request, full.layout))

    async def change(self, request: Request) -> ASGIApp:
        """PUT /api/<doc>: what the body names becomes what it says."""
        seat, before = await self._cabinet.document(request, "edit")
        selection = _selection(request, before.layout)
        ref, guard = Ref.number(before.record.id), _guard(request)

        async def commit(change: Change) -> Full:
            return await self._depot.records.change(seat, ref, change, precondition=guard)

        after, warnings = await self.saved(request, seat, before.layout, commit)
        told = {"changes": changes(self._desk.wire.zone, before, after)}
        return self._shown(request, after, selection, warnings, more=told)

    async def delete(self, request: Request) -> ASGIApp:
        """DELETE /api/<doc>: into the trash, with its files."""
        seat, full = await self._cabinet.document(request, "delete")
        gone = await self._depot.records.trash(
            seat, Ref.number(full.record.id), precondition=_guard(request)
        )
        data = {"document": {"uri": self._desk.wire.trash_uri(gone.record.id)}}
        return self._desk.envelopes.success(request.scope, data, said(gone))

    async def saved(
        self, request: Request, seat: Seat, layout: Layout, commit: Commit
    ) -> tuple[Full, list[Message]]:
        """Read the body and do what it says; what it brought is dropped where that is refused."""
        save = Save()

        def admit(name: str) -> None:
            file_field_in(layout, name, reads=False)

        async def receive(body: PartBody, name: str) -> File:
            return await self._holding.store(seat, body, name)

        try:
            await save.read(request, self._desk.settings.body_idle, admit, receive)
            full = await commit(await self._wishing.change(seat, layout, save))
        except Exception:
            await self._holding.drop(seat, save.held)
            raise
        return full, [*save.warnings, *said(full)]

    def _shown(
        self,
        request: Request,
        full: Full,
        selection: Selection,
        messages: list[Message] | None = None,
        *,
        status: int = 200,
        headers: dict[str, str] | None = None,
        more: dict[str, Any] | None = None,
    ) -> ASGIApp:
        data = {"document": document(self._desk.wire, full, selection), **(more or {})}
        if selection.structure:
            data["family"] = {"structure": structure(full.layout)}
        return self._desk.envelopes.success(
            request.scope,
            data,
            messages or (),
            status=status,
            headers={"ETag": full.record.etag, **(headers or {})},
        )


def _selection(request: Request, layout: Layout) -> Selection:
    known = frozenset(field.id.lower() for field in values_of(layout))
    return selection_of(query_of(request.scope).get("fields"), known)


def _guard(request: Request) -> Precondition | None:
    """Return what the document must still be, in the tags of its answers."""
    told = request.headers.get("if-match")
    if told is None:
        return None
    return Precondition(frozenset({"*"} if told.strip() == "*" else entity_tags(told)))
