"""Jobs over many files: ``POST /bulk``, and what jobs leave to be downloaded (C-55)."""

from starlette.requests import Request
from starlette.types import ASGIApp

from consigne.dialects.native.bodies import BulkOrder, body_of
from consigne.dialects.native.desk import API, Desk
from consigne.dialects.native.files import scope_of
from consigne.dialects.native.jobs import job_document, job_number
from consigne.dialects.native.listing import terms_of
from consigne.dialects.native.parameters import flag
from consigne.dialects.native.replies import location
from consigne.dialects.native.wire import uuid_of
from consigne.errors import BadParameter
from consigne.http.answers import json_response
from consigne.http.delivery import Delivery
from consigne.http.routing import Route
from consigne.model.bulk import Action, Order
from consigne.model.entities import State
from consigne.model.identity import Kind

_PARAMETERS = frozenset({"filter", "folder", "year", "state", "owner", "all", "space"})


class BulkRoutes:
    """The route that starts jobs over many files, and the one for their error files."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._bulk = desk.depot.bulk

    def routes(self) -> list[Route]:
        return [
            Route("POST", f"{API}/bulk", self.start),
            Route("GET", f"{API}/jobs/{{id}}/errors", self.errors),
        ]

    async def start(self, request: Request) -> ASGIApp:
        """Delete, move, tag or export all that matches, in a job; or say what that would be."""
        seat, asked = await self._desk.seat(request), request.query_params
        for name in asked:
            if name not in _PARAMETERS:
                raise BadParameter(
                    f"There is no parameter {name[:64]!r} here.", parameter=name[:64]
                )
        body = await body_of(request, BulkOrder)
        terms = terms_of(asked.getlist("filter"))
        narrowed = terms or asked.get("folder") or asked.get("owner")
        if not narrowed and not flag(asked.get("all", "false"), "all"):
            raise BadParameter(
                "Without any filter this would be about every file.",
                hint="Give filter, folder or owner, or all=true if you mean it.",
                parameter="filter",
            )
        scope = await scope_of(self._desk, request, seat)
        if State.RELEASED in scope.states:
            raise BadParameter("What is in the trash is deleted already.", parameter="state")
        order = Order(
            action=body.action,
            scope=scope,
            terms=terms,
            folder_id=await self._desk.folder(seat, body.to)
            if body.action is Action.MOVE
            else None,
            add=tuple(body.add),
            remove=tuple(body.remove),
            form=body.format,
            name=body.name,
        )
        if body.dry_run:
            told = await self._bulk.foresee(seat, order)
            return json_response(
                {"count": told.count, "size": told.size, "skipped": told.skipped, "dry_run": True}
            )
        job = await self._bulk.start(seat, order)
        place = location(self._desk, "jobs", uuid_of(Kind.JOB, job.id))
        return json_response(job_document(job), 202, [("Location", place)])

    async def errors(self, request: Request) -> ASGIApp:
        """Send what a job left alone, as CSV."""
        seat = await self._desk.seat(request)
        return Delivery(await self._bulk.error_file(seat, job_number(request)))
