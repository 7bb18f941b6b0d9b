"""The routes that read and delete: lists, counts, metadata, content, one file, all that match."""

from starlette.requests import Request
from starlette.types import ASGIApp

from consigne.core.access import Seat
from consigne.core.depot import Depot
from consigne.core.sessions import Progress
from consigne.dialects.appmixer import parameters, wire
from consigne.dialects.appmixer.filters import parse_filters
from consigne.dialects.appmixer.session import Gate
from consigne.errors import BadParameter, FileNotFound, UploadIncomplete, UploadNotFound
from consigne.http.answers import json_response
from consigne.http.delivery import Delivery
from consigne.model.entities import File
from consigne.model.query import Query, Scope, Term
from consigne.model.rights import Right

_SOURCES = "includeComponentSourceFiles"
_IGNORED_BY_DELETE = frozenset({"limit", "offset", "sort", "projection", _SOURCES})
_KNOWN_TO_DELETE = frozenset({"filter", "dryRun"})

Parameters = dict[str, list[str]]


class Listing:
    """Lists show the caller's own files only; single files are open to whoever may see them."""

    def __init__(self, depot: Depot, gate: Gate) -> None:
        self._depot = depot
        self._gate = gate

    # Many files

    async def page(self, request: Request) -> ASGIApp:
        """Return an array of the caller's files (AM-19 … AM-22)."""
        seat = await self._gate.seat(request)
        query = parameters.parse_query(request.scope["query_string"])
        projection = parameters.parse_projection(parameters.single(query, "projection"))
        page = await self._depot.finding.find(
            seat,
            Query(
                scope=_scope(seat, sources=parameters.parse_flag(query, _SOURCES)),
                terms=_terms(seat, query),
                order=parameters.parse_sort(parameters.single(query, "sort")),
                limit=parameters.parse_count(query, "limit", 100, 1, parameters.MAX_LIMIT),
                offset=parameters.parse_count(query, "offset", 0, 0),
            ),
        )
        owner = wire.user_id(seat.caller.principal)
        documents = [wire.render_file(file, owner) for file in page.files]
        if projection is not None:
            documents = [projection.apply(document) for document in documents]
        return json_response(documents)

    async def count(self, request: Request) -> ASGIApp:
        """Return how many files the list would show without limit and offset (AM-23)."""
        seat = await self._gate.seat(request)
        query = parameters.parse_query(request.scope["query_string"])
        scope = _scope(seat, sources=parameters.parse_flag(query, _SOURCES))
        number = await self._depot.finding.count(seat, scope, _terms(seat, query))
        return json_response({"count": number})

    async def delete_matching(self, request: Request) -> ASGIApp:
        """Delete all of the caller's files that match, or say how many (AM-29 … AM-31)."""
        seat = await self._gate.seat(request)
        query = parameters.parse_query(request.scope["query_string"])
        for name in query:
            if name not in _KNOWN_TO_DELETE | _IGNORED_BY_DELETE:
                raise BadParameter(f"{name}: this parameter is not known", parameter=name)
        dry_run = parameters.parse_flag(query, "dryRun")
        terms = parse_filters(query.get("filter", ()), wire.user_id(seat.caller.principal))
        deleted = await self._depot.finding.delete_matching(
            seat, _scope(seat, sources=False), terms, only_owned=True, dry_run=dry_run
        )
        if dry_run:
            return json_response({"matchedCount": deleted.count})
        document = {"deletedCount": deleted.count}
        if deleted.skipped:
            document["skippedCount"] = deleted.skipped
        return json_response(document)

    # One file

    async def metadata(self, request: Request) -> ASGIApp:
        """Return the file JSON of one file, finished or, to its owner, not yet (AM-12, AM-17)."""
        seat = await self._gate.seat(request)
        number = wire.file_number(request.path_params["file_id"])
        try:
            file = await self._depot.vault.look(seat, number)
        except FileNotFound:
            progress = await self._unfinished(seat, number)
            owner = wire.user_id(seat.caller.principal)
            return json_response(wire.render_unfinished(progress, owner))
        return json_response(wire.render_file(file, await self._owner(seat, file)))

    async def content(self, request: Request) -> ASGIApp:
        """Deliver the bytes of one file (AM-24)."""
        seat = await self._gate.seat(request)
        number = wire.file_number(request.path_params["file_id"])
        try:
            reading = await self._depot.reader.open(seat, number)
        except FileNotFound:
            upload = (await self._unfinished(seat, number)).upload
            raise UploadIncomplete(
                f"{upload.parts_received} of {upload.parts_total} chunks are there.",
                expected=upload.parts_received + 1,
            ) from None
        return Delivery(reading, inline=True)

    async def delete(self, request: Request) -> ASGIApp:
        """Delete one file, or give up an unfinished one (AM-28, AM-17)."""
        seat = await self._gate.seat(request)
        number = wire.file_number(request.path_params["file_id"])
        try:
            await self._depot.vault.release(seat, number)
        except FileNotFound:
            upload = (await self._unfinished(seat, number)).upload
            seat.require(Right.WRITE)
            await self._depot.uploads.abort(seat, upload.id)
        return json_response(wire.render_id(number))

    async def _unfinished(self, seat: Seat, number: int) -> Progress:
        """Return the caller's unfinished upload of a file. Raises FileNotFound, UploadExpired."""
        try:
            progress = await self._depot.uploads.of_file(seat, number)
        except UploadNotFound:
            raise FileNotFound from None
        if progress is None or progress.complete:
            raise FileNotFound
        return progress

    async def _owner(self, seat: Seat, file: File) -> str | None:
        if file.owner_id is None:
            return None
        if file.owner_id == seat.principal_id:
            return wire.user_id(seat.caller.principal)
        return wire.user_id(await self._depot.accounts.anyone(file.owner_id))


def _scope(seat: Seat, *, sources: bool) -> Scope:
    return Scope(space_id=seat.space_id, owner=seat.principal_id, sources=sources)


def _terms(seat: Seat, query: Parameters) -> tuple[Term, ...]:
    """Return the filters of a list or count; an empty one is none here (a deletion refuses it)."""
    texts = [text for text in query.get("filter", ()) if text]
    return parse_filters(texts, wire.user_id(seat.caller.principal))
