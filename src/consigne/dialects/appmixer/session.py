"""Who is calling, log-in and sign-up: ``/user`` and the token of every other route."""

from starlette.requests import Request
from starlette.types import ASGIApp

from consigne.core.access import Caller, Seat
from consigne.core.depot import Depot
from consigne.dialects.appmixer import wire
from consigne.errors import NotMember, SignupClosed, Unauthenticated
from consigne.http.answers import json_response
from consigne.http.auth import authorization, bearer
from consigne.http.bodies import read_json
from consigne.model.entities import Principal
from consigne.model.rights import Right
from consigne.settings import Settings

_BODY = 16 * 1024


class Gate:
    """From a request to the caller's place in a space (AM-02, AM-03)."""

    def __init__(self, depot: Depot) -> None:
        self._accounts = depot.accounts

    async def caller(self, request: Request) -> Caller:
        """Return whom the token stands for. Raises Unauthenticated, MethodRefused."""
        token = bearer(request.headers)
        if token is None:
            raise Unauthenticated
        caller = await self._accounts.by_bearer(token)
        caller.require_method("GET" if request.method == "HEAD" else request.method)
        return caller

    async def seat(self, request: Request) -> Seat:
        """Return the caller's seat in the space of the host, else of the key, else his home.

        Raises Unauthenticated, MethodRefused, NotMember.
        """
        seat = await self.place(await self.caller(request), request)
        if seat is None:
            raise NotMember
        return seat

    async def place(self, caller: Caller, request: Request) -> Seat | None:
        """Return the seat as ``seat`` does, None for someone who is no member there."""
        try:
            seat = await self._accounts.seat(caller, host=request.scope["state"]["host"])
        except NotMember:
            return None
        return seat if seat.role is not None else None


class Sessions:
    """``POST /user/auth``, ``GET /user`` and ``POST /user``."""

    def __init__(self, depot: Depot, settings: Settings, gate: Gate) -> None:
        self._depot = depot
        self._life = settings.token_life
        self._gate = gate

    async def log_in(self, request: Request) -> ASGIApp:
        """Exchange a password for a token (AM-04)."""
        login = await read_json(request, _BODY, wire.Login)
        address = request.scope["state"]["client"]
        caller = await self._depot.accounts.by_password(login.name, login.password, address)
        scope = _scope(await self._gate.place(caller, request))
        token = await self._token(caller.principal, scope)
        return json_response({"user": wire.render_user(caller.principal), "token": token})

    async def profile(self, request: Request) -> ASGIApp:
        """Show the caller to himself (AM-05)."""
        caller = await self._gate.caller(request)
        scope = _scope(await self._gate.place(caller, request))
        return json_response(wire.render_profile(caller.principal, scope))

    async def sign_up(self, request: Request) -> ASGIApp:
        """Make a user, where the space is open to anyone or an administrator asks (AM-05)."""
        space = await self._depot.tenancy.addressed(request.scope["state"]["host"])
        invited = False
        if authorization(request.headers) is not None:
            caller = await self._gate.caller(request)
            seat = await self._gate.place(caller, request)
            space = seat.space if seat else space
            operator = caller.principal.is_operator and caller.space_id is None
            invited = operator or (seat is not None and seat.has(Right.ADMIN))
        if not invited and not (await self._depot.tenancy.named(space.short)).signup_open:
            raise SignupClosed
        form = await read_json(request, _BODY, wire.Login)
        user = await self._depot.accounts.sign_up(
            space, form.name, form.password, form.username or ""
        )
        return json_response({"token": await self._token(user, ["user"])}, 201)

    async def _token(self, user: Principal, scope: list[str]) -> str:
        tokens = self._depot.accounts.tokens
        return await tokens.issue(user, self._life, id=wire.user_id(user), scope=scope)


def _scope(seat: Seat | None) -> list[str]:
    admin = seat is not None and seat.has(Right.ADMIN)
    return ["user", "admin"] if admin else ["user"]
