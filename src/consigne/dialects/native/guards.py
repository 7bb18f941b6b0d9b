"""What protects a file, and what happened to it."""

from starlette.requests import Request
from starlette.types import ASGIApp

from consigne.core.clock import now_ms
from consigne.dialects.native.bodies import Hold, Retention, body_of
from consigne.dialects.native.desk import API, Desk, file_number
from consigne.dialects.native.parameters import moment
from consigne.dialects.native.replies import file_answer
from consigne.dialects.native.wire import event_document, guards_document
from consigne.errors import BadParameter
from consigne.http.answers import json_response
from consigne.http.routing import Route

_FILE = f"{API}/files/{{id}}"


class Guards:
    """``/files/{id}/guards``, ``hold``, ``retention``, ``quarantine`` and ``history``."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._vault = desk.depot.vault
        self._history = desk.depot.history
        self._quarantine = desk.depot.quarantine

    def routes(self) -> list[Route]:
        return [
            Route("GET", f"{_FILE}/guards", self.guards),
            Route("PUT", f"{_FILE}/hold", self.hold),
            Route("DELETE", f"{_FILE}/hold", self.unhold),
            Route("PUT", f"{_FILE}/retention", self.retain),
            Route("GET", f"{_FILE}/quarantine", self.quarantine),
            Route("PUT", f"{_FILE}/quarantine", self.confine),
            Route("DELETE", f"{_FILE}/quarantine", self.clear),
            Route("GET", f"{_FILE}/history", self.history),
        ]

    async def guards(self, request: Request) -> ASGIApp:
        """Return what stands in the way of change and deletion now."""
        seat, number = await self._desk.seat(request), file_number(request)
        return json_response(guards_document(await self._vault.look(seat, number), now_ms()))

    async def hold(self, request: Request) -> ASGIApp:
        """Put a legal hold on a file."""
        seat, number = await self._desk.seat(request), file_number(request)
        body: Hold = await body_of(request, Hold)
        if not body.reason.strip():
            raise BadParameter("A hold needs a reason.", parameter="reason")
        return file_answer(await self._vault.guard(seat, number, hold_reason=body.reason.strip()))

    async def unhold(self, request: Request) -> ASGIApp:
        """Lift a legal hold."""
        seat, number = await self._desk.seat(request), file_number(request)
        return file_answer(await self._vault.guard(seat, number, hold_reason=None))

    async def retain(self, request: Request) -> ASGIApp:
        """Protect a file until a time."""
        seat, number = await self._desk.seat(request), file_number(request)
        body: Retention = await body_of(request, Retention)
        until = None if body.until is None else moment(body.until, "until")
        if until is not None and until <= now_ms():
            raise BadParameter("A retention ends in the future.", parameter="until")
        return file_answer(await self._vault.guard(seat, number, retain_until=until))

    async def quarantine(self, request: Request) -> ASGIApp:
        """Say whether the bytes of a file are served."""
        seat, number = await self._desk.seat(request), file_number(request)
        return json_response({"state": await self._quarantine.look(seat, number)})

    async def confine(self, request: Request) -> ASGIApp:
        """Stop serving the bytes of a file."""
        seat, number = await self._desk.seat(request), file_number(request)
        body: Hold = await body_of(request, Hold)
        if not body.reason.strip():
            raise BadParameter("A quarantine needs a reason.", parameter="reason")
        state = await self._quarantine.confine(seat, number, body.reason.strip())
        return json_response({"state": state})

    async def clear(self, request: Request) -> ASGIApp:
        """Serve the bytes of a file again."""
        seat, number = await self._desk.seat(request), file_number(request)
        return json_response({"state": await self._quarantine.clear(seat, number)})

    async def history(self, request: Request) -> ASGIApp:
        """Return what happened to a file, oldest first."""
        seat, number = await self._desk.seat(request), file_number(request)
        events = await self._history.of_file(seat, number)
        return json_response({"events": [event_document(event) for event in events]})
