"""Temporary files: ``/api/file`` and ``/api/file/<token>`` (DY-20 to DY-22, DY-50 to DY-53)."""

from starlette.requests import Request
from starlette.types import ASGIApp

from consigne.core.access import Seat
from consigne.core.entry import Precondition
from consigne.dialects.dynacase.bodies import FileBody
from consigne.dialects.dynacase.desk import Desk, precondition
from consigne.dialects.dynacase.envelope import Message
from consigne.dialects.dynacase.holding import Holding
from consigne.dialects.dynacase.wire import from_token, temporary_etag
from consigne.errors import FileNotFound, PreconditionFailed, Protected
from consigne.model.entities import File, State

_TRIES = 5


class Temporary:
    """The endpoints of temporary files."""

    def __init__(self, desk: Desk, holding: Holding) -> None:
        self._holding = holding
        self._desk = desk
        self._depot = desk.depot
        self._settings = desk.settings

    async def create(self, request: Request) -> ASGIApp:
        """POST /api/file: 201 once bytes and row are durable."""
        seat = await self._desk.seat(request)
        body = FileBody(request, self._settings.body_idle, self._settings.dynacase_max_size)
        file = await self._holding.receive(seat, body, self._settings.dynacase_temporary_files)
        headers = {"Location": self._desk.wire.temporary_uri(file)}
        return self._shown(request, file, body.warnings, 201, headers)

    async def replace(self, request: Request) -> ASGIApp:
        """PUT /api/file/<token>: another content under the same token; its time starts again."""
        seat, file = await self.find(request, request.path_params["token"])
        guard = precondition(request, file, temporary_etag(file))
        limit = self._settings.dynacase_max_size
        body = FileBody(request, self._settings.body_idle, limit)
        await body.open()
        try:
            new = await self._depot.intake.replace(
                seat,
                file.id,
                body.stream(),
                name=body.name or None,
                declared_type=body.declared_type,
                length=body.length,
                expected=body.expected,
                limit=limit,
                precondition=guard,
                held_until=self._holding.expiry(),
            )
        except Protected:
            await self.find(request, request.path_params["token"])
            raise  # still there, and not taken by a document: somebody guards it
        return self._shown(request, new, body.warnings)

    async def look(self, request: Request) -> ASGIApp:
        """GET /api/file/<token>."""
        _, file = await self.find(request, request.path_params["token"])
        return self._shown(request, file)

    async def delete(self, request: Request) -> ASGIApp:
        """DELETE /api/file/<token>."""
        for _ in range(_TRIES):
            seat, file = await self.find(request, request.path_params["token"])
            guard = precondition(request, file, temporary_etag(file))
            # Exactly what was looked at: once a document has it, it is no temporary file.
            exactly = Precondition(frozenset({file.revision}))
            try:
                await self._depot.vault.release(seat, file.id, exactly)
                break
            except PreconditionFailed:
                if guard is not None:
                    raise
            except Protected:
                await self.find(request, request.path_params["token"])
                raise
        else:
            raise PreconditionFailed
        return self._desk.envelopes.success(request.scope, None)

    async def find(self, request: Request, token: str) -> tuple[Seat, File]:
        """Return the caller's own held file under a token, and his seat there (DY-52).

        Raises FileNotFound, the same for what is malformed, expired, saved, or another's.
        """
        number = from_token(token)
        if number is None:
            raise FileNotFound
        async for seat in self._desk.seats(request):
            try:
                file = await self._depot.vault.look(seat, number)
            except FileNotFound:
                continue
            if file.state is State.HELD and file.owner_id == seat.principal_id:
                return seat, file
        raise FileNotFound

    def _shown(
        self,
        request: Request,
        file: File,
        messages: list[Message] | None = None,
        status: int = 200,
        headers: dict[str, str] | None = None,
    ) -> ASGIApp:
        return self._desk.envelopes.success(
            request.scope,
            {"file": self._desk.wire.temporary(file)},
            messages or (),
            status=status,
            headers={"ETag": temporary_etag(file), **(headers or {})},
        )
