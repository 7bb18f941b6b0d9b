"""What every route needs first: who is calling, which organization, which ids, which body."""

from starlette.requests import Request

from consigne.core.access import Caller, Seat
from consigne.core.depot import Depot
from consigne.dialects.arrhes.wire import Body, read_body
from consigne.errors import (
    BadParameter,
    ConsigneError,
    FileNotFound,
    FolderNotFound,
    JobNotFound,
    KeyNotFound,
    NotMember,
    SpaceNotFound,
    Unauthenticated,
    UnsupportedMedia,
    YearNotFound,
)
from consigne.http.auth import bearer
from consigne.http.bodies import read_limited
from consigne.model.entities import Space
from consigne.model.identity import from_letters, to_letters
from consigne.settings import Settings

ME = "me"
_MAX_BODY = 1 << 20
_UNKNOWN: dict[str, type[ConsigneError]] = {
    "idOrganization": SpaceNotFound,
    "idYear": YearNotFound,
    "idFile": FileNotFound,
    "idFolder": FolderNotFound,
    "idJob": JobNotFound,
    "idApiKey": KeyNotFound,
}


class Desk:
    """The core and the settings, and the checks that stand before each verb."""

    def __init__(self, depot: Depot, settings: Settings) -> None:
        self.depot = depot
        self.settings = settings

    async def caller(self, request: Request) -> Caller:
        """Return who is calling (AR-02). Raises Unauthenticated, MethodRefused."""
        token = bearer(request.headers)
        if not token:
            raise Unauthenticated
        caller = await self.depot.accounts.by_bearer(token)
        caller.require_method("GET" if request.method == "HEAD" else request.method)
        return caller

    async def seat(self, request: Request) -> Seat:
        """Return the caller's place in the organization of the path (AR-03).

        An organization that the caller is no member of is no more there than one that does not
        exist. Raises SpaceNotFound, BadParameter (``me`` of several).
        """
        caller = await self.caller(request)
        text = request.path_params["idOrganization"]
        if text == ME:
            space = await self._own(caller, request)
        else:
            space = await self.depot.tenancy.numbered(number(request, "idOrganization"))
        try:
            seat = await self.depot.accounts.seat(caller, short=space.short)
        except NotMember:
            raise SpaceNotFound from None
        if seat.role is None:
            raise SpaceNotFound
        return seat

    async def _own(self, caller: Caller, request: Request) -> Space:
        mine = [space for _, space in await self.depot.accounts.spaces_of(caller)]
        if len(mine) == 1:
            return mine[0]
        told = request.headers.get("x-organization-id")
        if told is None and mine:
            raise BadParameter(
                "The key belongs to several organizations.",
                hint="Name one in X-Organization-Id.",
                cause="organization_required",
            )
        for space in mine:
            if told == to_letters(space.id):
                return space
        raise SpaceNotFound

    async def body(self, request: Request, seat: Seat) -> Body:
        """Return the body's fields, which may repeat the ids of the path.

        Raises UnsupportedMedia, BodyTooLarge, BadBody, IdConflict (AR-05).
        """
        kind = request.headers.get("content-type", "").strip().lower()
        if kind.startswith("multipart/"):
            raise UnsupportedMedia
        data = await read_limited(request, _MAX_BODY, self.settings.body_idle)
        known = {"idOrganization": to_letters(seat.space_id)}
        return read_body(data, request.path_params, known)


def number(request: Request, name: str) -> int:
    """Return an id of the path; one that is malformed is as unknown as any other (AR-08)."""
    found = from_letters(request.path_params[name])
    if found is None:
        raise _UNKNOWN[name]
    return found
