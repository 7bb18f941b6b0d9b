"""Files as things with names: list, count, look, describe, move, copy, delete, restore."""

from typing import Any

from msgspec import UNSET
from starlette.requests import Request
from starlette.types import ASGIApp

from consigne.core.access import Seat
from consigne.core.clock import now_ms
from consigne.dialects.native.bodies import FileChange, body_of, given
from consigne.dialects.native.desk import API, Desk, file_number
from consigne.dialects.native.jobs import job_document
from consigne.dialects.native.listing import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    Cursors,
    fields_of,
    order_of,
    states_of,
    terms_of,
)
from consigne.dialects.native.parameters import flag, is_root, media_type, moment, whole
from consigne.dialects.native.replies import (
    file_answer,
    file_reply,
    location,
    page_reply,
    stored_reply,
)
from consigne.dialects.native.wire import file_document, projected, uuid_of
from consigne.dialects.native.years import year_number
from consigne.errors import BadParameter, FileNotFound
from consigne.http.answers import empty_response, json_response
from consigne.http.routing import Route
from consigne.model.entities import State
from consigne.model.identity import Kind
from consigne.model.query import Query, Scope

_PATH = f"{API}/files"
_DELETE_PARAMETERS = frozenset(
    {"filter", "folder", "year", "state", "owner", "dry_run", "all", "space"}
)


class Files:
    """The routes of ``/files`` and ``/files/{id}`` but for those that carry bytes."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._vault = desk.depot.vault
        self._finding = desk.depot.finding

    def routes(self) -> list[Route]:
        one = f"{_PATH}/{{id}}"
        return [
            Route("GET", _PATH, self.list),
            Route("DELETE", _PATH, self.delete_matching),
            Route("GET", f"{_PATH}/count", self.count),
            Route("GET", one, self.look),
            Route("PATCH", one, self.change),
            Route("DELETE", one, self.delete),
            Route("POST", f"{one}/restore", self.restore),
            Route("POST", f"{one}/copy", self.copy),
            Route("POST", f"{one}/keep", self.keep),
        ]

    async def list(self, request: Request) -> ASGIApp:
        """Return a page of files."""
        seat, asked = await self._desk.seat(request), request.query_params
        limit = whole(asked.get("limit") or str(DEFAULT_LIMIT), "limit", 1, MAX_LIMIT)
        fields = fields_of(asked["fields"]) if asked.get("fields") else None
        query = Query(
            scope=await scope_of(self._desk, request, seat),
            terms=terms_of(asked.getlist("filter")),
            order=order_of(asked.get("sort", "")),
            limit=limit,
        )
        cursors = Cursors(await self._desk.depot.secrets.get("cursors"))
        after = cursors.open(query, asked["cursor"]) if asked.get("cursor") else None
        page = await self._finding.find(
            seat, Query(query.scope, query.terms, query.order, limit, after=after)
        )
        now = now_ms()
        documents: list[Any] = [file_document(file, now) for file in page.files]
        if fields is not None:
            documents = [projected(document, fields) for document in documents]
        following = None if page.after is None else cursors.seal(query, page.after)
        return page_reply(self._desk, request, "files", documents, "cursor", following)

    async def count(self, request: Request) -> ASGIApp:
        """Return how many files match."""
        seat = await self._desk.seat(request)
        terms = terms_of(request.query_params.getlist("filter"))
        number = await self._finding.count(seat, await scope_of(self._desk, request, seat), terms)
        return json_response({"count": number})

    async def delete_matching(self, request: Request) -> ASGIApp:
        """Move everything that matches into the trash, or say what would be."""
        seat, asked = await self._desk.seat(request), request.query_params
        for name in asked:
            if name not in _DELETE_PARAMETERS:
                # Elsewhere a misspelled parameter is harmless; here it would delete too much.
                raise BadParameter(
                    f"There is no parameter {name[:64]!r} here.", parameter=name[:64]
                )
        terms = terms_of(asked.getlist("filter"))
        narrowed = terms or asked.get("folder") or asked.get("owner")
        if not narrowed and not flag(asked.get("all", "false"), "all"):
            raise BadParameter(
                "Without any filter this would delete every file.",
                hint="Give filter, folder or owner, or all=true if you mean it.",
                parameter="filter",
            )
        scope = await scope_of(self._desk, request, seat)
        if State.RELEASED in scope.states:
            raise BadParameter("What is in the trash is deleted already.", parameter="state")
        dry_run = flag(asked.get("dry_run", "false"), "dry_run")
        if not dry_run and (job := await self._desk.depot.bulk.if_large(seat, scope, terms)):
            place = location(self._desk, "jobs", uuid_of(Kind.JOB, job.id))
            return json_response(job_document(job), 202, [("Location", place)])
        done = await self._finding.delete_matching(seat, scope, terms, dry_run=dry_run)
        document = {"count": done.count, "skipped": done.skipped, "dry_run": dry_run}
        if not dry_run:
            document["size"] = done.size
        return json_response(document)

    async def look(self, request: Request) -> ASGIApp:
        """Return the metadata of a file; one of the trash only where ``state`` says so."""
        seat, number = await self._desk.seat(request), file_number(request)
        if not request.scope["query_string"]:
            return file_reply(request, await self._vault.look(seat, number))
        asked = request.query_params
        fields = fields_of(asked["fields"]) if asked.get("fields") else None
        states = states_of(asked["state"]) if asked.get("state") else (State.HELD, State.KEPT)
        if State.RELEASED in states:
            file = await self._vault.look_anywhere(seat, number)
        else:
            file = await self._vault.look(seat, number)
        if file.state not in states:
            raise FileNotFound
        return file_reply(request, file, fields)

    async def change(self, request: Request) -> ASGIApp:
        """Rename, move, describe."""
        seat, number = await self._desk.seat(request), file_number(request)
        body: FileChange = await body_of(request, FileChange)
        changes = await self._changes(seat, body)
        if isinstance(body.type, str):
            changes["declared_type"] = media_type(body.type)
        elif body.type is None:
            changes["declared_type"] = None
        if isinstance(body.expires_at, str):
            changes["expires_at"] = moment(body.expires_at, "expires_at")
        precondition = await self._desk.precondition(request, seat, number)
        return file_answer(
            await self._vault.change(seat, number, **changes, precondition=precondition)
        )

    async def delete(self, request: Request) -> ASGIApp:
        """Move a file into the trash; with ``purge`` remove one that is there for good."""
        seat, number = await self._desk.seat(request), file_number(request)
        if flag(request.query_params.get("purge", "false"), "purge"):
            await self._vault.purge(seat, number)
        else:
            precondition = await self._desk.precondition(request, seat, number)
            await self._vault.release(seat, number, precondition)
        return empty_response()

    async def restore(self, request: Request) -> ASGIApp:
        """Take a file out of the trash."""
        seat, number = await self._desk.seat(request), file_number(request)
        return file_answer(await self._vault.restore(seat, number))

    async def copy(self, request: Request) -> ASGIApp:
        """Make a new file of the same bytes."""
        seat, number = await self._desk.seat(request), file_number(request)
        body: FileChange = await body_of(request, FileChange)
        for name, value in (("type", body.type), ("expires_at", body.expires_at)):
            if value is not UNSET:
                raise BadParameter(f"A copy cannot have another {name}.", parameter=name)
        changes = await self._changes(seat, body)
        return stored_reply(self._desk, await self._vault.copy(seat, number, **changes), 201)

    async def keep(self, request: Request) -> ASGIApp:
        """Keep a held file."""
        seat, number = await self._desk.seat(request), file_number(request)
        return file_answer(await self._vault.keep(seat, number))

    async def _changes(self, seat: Seat, body: FileChange) -> dict[str, Any]:
        changes = given(
            name=body.name,
            access=body.access,
            reference=body.reference,
            tags=body.tags,
            fields=body.meta,
        )
        if body.folder is not UNSET:
            changes["folder_id"] = await self._desk.folder(seat, body.folder)
        return changes


async def scope_of(desk: Desk, request: Request, seat: Seat) -> Scope:
    """Return which files a list, a count or a bulk operation looks at."""
    asked = request.query_params
    owner, words = asked.get("owner"), asked.get("folder")
    if owner not in (None, "", "me"):
        raise BadParameter("owner must be me.", parameter="owner")
    return Scope(
        seat.space_id,
        states=states_of(asked["state"]) if asked.get("state") else (State.KEPT,),
        owner=seat.principal_id if owner else None,
        folder_id=await desk.folder(seat, words) if words else None,
        in_root=bool(words) and is_root(words),
        year_id=year_number(asked["year"]) if asked.get("year") else None,
    )
