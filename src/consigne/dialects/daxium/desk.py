"""What every route needs first, in this order (DX-04): token, version, instance, right."""

import re

from starlette.requests import Request

from consigne.core.access import Caller, Seat
from consigne.core.depot import Depot
from consigne.core.records.change import Full, Ref
from consigne.core.records.types import Typed, usable
from consigne.dialects.daxium.errors import VERSION
from consigne.dialects.daxium.wire import Body, is_uuid, read_body
from consigne.errors import (
    BadBody,
    BadHeader,
    IncompleteBody,
    NotMember,
    RecordNotFound,
    RecordTrashed,
    RightMissing,
    SpaceNotFound,
    Unauthenticated,
)
from consigne.http.auth import bearer
from consigne.http.bodies import read_limited
from consigne.model.records import RecordState
from consigne.model.rights import Right
from consigne.settings import Settings

DIALECT = "daxium"
_SHORT = re.compile(r"[a-z0-9][a-z0-9_-]{1,62}")


class Desk:
    """The core and the settings, and the checks that stand before each verb."""

    def __init__(self, depot: Depot, settings: Settings) -> None:
        self.depot = depot
        self.settings = settings

    async def caller(self, request: Request) -> Caller:
        """Return who is calling, by an OAuth token or an API key (DX-03).

        Raises Unauthenticated, MethodRefused, BadHeader.
        """
        token = bearer(request.headers)
        if not token:
            raise Unauthenticated
        caller = await self.depot.accounts.by_bearer(token)
        caller.require_method("GET" if request.method == "HEAD" else request.method)
        require_version(request)
        return caller

    async def seat(self, request: Request, right: Right) -> Seat:
        """Return the caller's place in the instance of the path (DX-02).

        An instance that the caller is no member of is no more there than one that does not exist.
        Raises SpaceNotFound, RightMissing and what ``caller`` raises.
        """
        caller = await self.caller(request)
        short = request.path_params["app_short"]
        if not _SHORT.fullmatch(short):
            raise SpaceNotFound
        try:
            seat = await self.depot.accounts.seat(caller, short=short)
        except NotMember:
            raise SpaceNotFound from None
        if seat.role is None:
            raise SpaceNotFound
        seat.require(right)
        return seat

    async def structure(self, seat: Seat, number: int) -> Typed:
        """Return a structure whose submissions the caller may view. Raises TypeNotFound."""
        return await self.depot.types.viewed(seat, number, DIALECT)

    async def submission(self, request: Request, seat: Seat) -> Full:
        """Return the submission of the path, if the caller may view it. Raises RecordNotFound."""
        uuid = request.path_params["id"]
        if not is_uuid(uuid):
            raise RecordNotFound
        try:
            full = await self.depot.records.get(seat, Ref.uuid(uuid))
        except (RecordTrashed, RightMissing):
            raise RecordNotFound from None
        if full.record.state is not RecordState.LIVE or not usable(full.type, DIALECT):
            raise RecordNotFound
        return full

    async def body(self, request: Request) -> Body:
        """Return the JSON object of the body, whatever type is declared (DX-54).

        Raises BadBody, BodyTooLarge.
        """
        limit = self.settings.daxium_json_max_size
        try:
            return read_body(await read_limited(request, limit, self.settings.body_idle))
        except IncompleteBody:
            raise BadBody("The body ended early.") from None


def require_version(request: Request) -> None:
    """Refuse a client that wants another version of the API (DX-08). Raises BadHeader."""
    for wanted in request.headers.getlist("x-accept-version"):
        if wanted.strip() != VERSION:
            raise BadHeader(f"This is {VERSION}.", parameter="X-Accept-Version")
