"""What every route needs: the core, the settings, the caller, the spaces he may mean (DY-05)."""

from collections.abc import AsyncIterator

from starlette.requests import Request

from consigne.core.access import Caller, Seat
from consigne.core.depot import Depot
from consigne.core.entry import Precondition
from consigne.dialects.dynacase.envelope import Envelopes
from consigne.dialects.dynacase.query import query_of
from consigne.dialects.dynacase.wire import Wire
from consigne.errors import NotMember, SpaceNotFound
from consigne.http.conditions import FIELDS, evaluate
from consigne.http.fields import pick, value_of
from consigne.model.entities import File
from consigne.settings import Settings


class Desk:
    """The core and the settings, and the checks that stand before each verb."""

    def __init__(self, depot: Depot, settings: Settings) -> None:
        self.depot = depot
        self.settings = settings
        self.wire = Wire(settings)
        self.envelopes = Envelopes(settings.dynacase_code_uri)

    async def seat(self, request: Request) -> Seat:
        """Return the caller's place in the space that he names, else that of the host, else his
        own. Raises SpaceNotFound, also where he is no member.
        """
        caller: Caller = request.scope["state"]["caller"]
        short = _space_named(request)
        host = request.scope["state"].get("host") if short is None else None
        try:
            seat = await self.depot.accounts.seat(caller, short=short, host=host)
        except NotMember:
            raise SpaceNotFound from None
        if seat.role is None:
            raise SpaceNotFound
        return seat

    async def seats(self, request: Request) -> AsyncIterator[Seat]:
        """Yield the caller's places, the one of ``seat`` first: what a request names by its number
        lies in one of them.
        """
        caller: Caller = request.scope["state"]["caller"]
        first: int | None = None
        try:
            seat = await self.seat(request)
            first = seat.space_id
            yield seat
        except SpaceNotFound:
            pass
        for _, space in await self.depot.accounts.spaces_of(caller):
            if space.id != first:
                yield await self.depot.accounts.seat(caller, short=space.short)


def precondition(request: Request, file: File, etag: str) -> Precondition | None:
    """Return what a changing request says that the file must still be when it is changed.

    ``etag`` is the tag that answers show for it. Raises PreconditionFailed.
    """
    fields = pick(request.scope["headers"], FIELDS)
    if not fields:
        return None
    evaluate(fields, safe=False, etag=etag, modified_at=file.completed_at)
    return Precondition(frozenset({file.revision}))


def _space_named(request: Request) -> str | None:
    named = value_of(request.scope["headers"], b"x-consigne-space")
    named = named or query_of(request.scope).get("space") or None
    if named is not None and not (len(named) <= 64 and named.isascii() and named.isprintable()):
        raise SpaceNotFound
    return named
