"""Spaces, their usage and their members."""

from starlette.requests import Request
from starlette.types import ASGIApp

from consigne.core.access import Caller, Seat
from consigne.core.tenancy import require_admin
from consigne.dialects.native.bodies import Membership, NewSpace, SpaceChange, body_of, given
from consigne.dialects.native.desk import API, Desk
from consigne.dialects.native.listing import DEFAULT_LIMIT, MAX_LIMIT
from consigne.dialects.native.parameters import flag, moment, plain, whole
from consigne.dialects.native.replies import created, page_reply
from consigne.dialects.native.wire import (
    deleted_space_document,
    iso,
    member_document,
    space_document,
    usage_day_document,
    usage_document,
)
from consigne.errors import RightMissing
from consigne.http.answers import empty_response, json_response
from consigne.http.routing import Route
from consigne.model.entities import State
from consigne.model.query import Scope
from consigne.model.rights import Right

_PATH = f"{API}/spaces"
_MAX_NUMBER = (1 << 53) - 1
_FIRST_DAY, _LAST_DAY = "1970-01-01", "9999-12-31"
_LONGEST = 10 * 366 * 86_400


class Spaces:
    """The routes of ``/spaces``."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._tenancy = desk.depot.tenancy
        self._accounts = desk.depot.accounts
        self._departures = desk.depot.departures

    def routes(self) -> list[Route]:
        one = f"{_PATH}/{{short}}"
        member = f"{one}/members/{{member}}"
        return [
            Route("POST", _PATH, self.create),
            Route("GET", _PATH, self.list),
            Route("GET", one, self.look),
            Route("PATCH", one, self.change),
            Route("DELETE", one, self.delete),
            Route("POST", f"{one}/restore", self.restore),
            Route("GET", f"{one}/usage", self.usage),
            Route("GET", f"{one}/members", self.members),
            Route("PUT", member, self.set_member),
            Route("DELETE", member, self.drop_member),
        ]

    async def create(self, request: Request) -> ASGIApp:
        """Make a space; for operators."""
        caller = await self._desk.caller(request)
        caller.require_operator()
        body: NewSpace = await body_of(request, NewSpace)
        owner = caller.principal
        if body.owner is not None:
            owner = await self._accounts.user_named(body.owner)
        space = await self._tenancy.create(body.short, body.name, quota=body.quota, owner=owner)
        self._accounts.forget()
        return created(self._desk, space_document(space, None), "spaces", space.short)

    async def list(self, request: Request) -> ASGIApp:
        """Return the spaces that the caller is a member of; to operators all, or the deleted."""
        caller, asked = await self._desk.caller(request), request.query_params
        if flag(asked.get("deleted", "false"), "deleted"):
            return await self._deleted(request, caller)
        mine = await self._accounts.spaces_of(caller)
        if not caller.principal.is_operator or caller.space_id is not None:
            documents = [space_document(space, role) for role, space in mine]
            return page_reply(self._desk, request, "spaces", documents, "cursor", None)
        limit = whole(asked.get("limit") or str(DEFAULT_LIMIT), "limit", 1, MAX_LIMIT)
        after = whole(asked.get("cursor") or "0", "cursor", 0, _MAX_NUMBER)
        found = await self._tenancy.page(after, limit + 1)
        page = found[:limit]
        roles = {space.id: role for role, space in mine}
        documents = [
            space_document(space, roles.get(space.id)) | {"usage": usage_document(space, None)}
            for space in page
        ]
        following = str(page[-1].id) if len(found) > limit else None
        return page_reply(self._desk, request, "spaces", documents, "cursor", following)

    async def look(self, request: Request) -> ASGIApp:
        """Return a space; hosts and quota to those who administer it."""
        seat = await self._seat(request)
        document = space_document(seat.space, seat.role)
        if _administers(seat):
            space = await self._tenancy.usage(seat)
            document = space_document(space, seat.role)
            document |= {"quota": space.quota, "hosts": await self._tenancy.hosts(space)}
        return json_response(document)

    async def change(self, request: Request) -> ASGIApp:
        """Change a space: its admins name and sign-up, operators the rest."""
        seat = await self._seat(request)
        require_admin(seat)
        body: SpaceChange = await body_of(request, SpaceChange)
        ruled = given(quota=body.quota, hosts=body.hosts, ocr_credits=body.ocr_credits)
        if ruled:
            seat.caller.require_operator()
        changes = given(name=body.name, signup_open=body.signup_open) | ruled
        space = await self._tenancy.change(seat.caller, seat.space, **changes)
        document = space_document(space, seat.role)
        document |= {"quota": space.quota, "hosts": await self._tenancy.hosts(space)}
        return json_response(document)

    async def delete(self, request: Request) -> ASGIApp:
        """Close a space; a job clears it after a time of grace (C-56). For operators."""
        caller, short = await self._operator(request)
        text = request.query_params.get("grace")
        grace = None if text is None else whole(text, "grace", 0, _LONGEST)
        space, job = await self._departures.delete_space(caller, short, grace=grace)
        return json_response(deleted_space_document(space, job), 202)

    async def restore(self, request: Request) -> ASGIApp:
        """Open a deleted space again, before it is cleared; for operators."""
        caller, short = await self._operator(request)
        space = await self._departures.restore_space(caller, short)
        return json_response(space_document(space, None))

    async def _deleted(self, request: Request, caller: Caller) -> ASGIApp:
        caller.require_operator()
        asked = request.query_params
        limit = whole(asked.get("limit") or str(DEFAULT_LIMIT), "limit", 1, MAX_LIMIT)
        after = whole(asked.get("cursor") or "0", "cursor", 0, _MAX_NUMBER)
        found = await self._departures.closed(after, limit + 1)
        page = found[:limit]
        documents = [deleted_space_document(space, job) for space, job in page]
        following = str(page[-1][0].id) if len(found) > limit else None
        return page_reply(self._desk, request, "spaces", documents, "cursor", following)

    async def usage(self, request: Request) -> ASGIApp:
        """Return the counters of a space; ``files`` is null to operators who are no members.

        Asked ``from`` or ``to`` a day, also how they were on each day.
        """
        seat, asked = await self._seat(request), request.query_params
        space = await self._tenancy.usage(seat)
        files = None
        if seat.has(Right.READ):
            scope = Scope(seat.space_id, states=(State.HELD, State.KEPT))
            files = await self._desk.depot.finding.count(seat, scope)
        document = usage_document(space, files)
        if "from" in asked or "to" in asked:
            first = _day(asked.get("from") or _FIRST_DAY, "from")
            last = _day(asked.get("to") or _LAST_DAY, "to")
            days = await self._desk.depot.usage.over(seat, first, last)
            document["days"] = [usage_day_document(day, files is not None) for day in days]
        return json_response(document, headers=[("Cache-Control", "no-store")])

    async def members(self, request: Request) -> ASGIApp:
        """Return the members of a space with their roles."""
        seat, asked = await self._seat(request), request.query_params
        limit = whole(asked.get("limit") or str(DEFAULT_LIMIT), "limit", 1, MAX_LIMIT)
        after = whole(asked.get("cursor") or "0", "cursor", 0, _MAX_NUMBER)
        found = await self._tenancy.members(seat, after, limit + 1)
        page = found[:limit]
        documents = [member_document(role, user) for role, user in page]
        following = str(page[-1][1].id) if len(found) > limit else None
        return page_reply(self._desk, request, "members", documents, "cursor", following)

    async def set_member(self, request: Request) -> ASGIApp:
        """Give a user a role in a space."""
        seat = await self._seat(request)
        require_admin(seat)
        body: Membership = await body_of(request, Membership)
        login = plain(request.path_params["member"], "member", 512)
        if login.isascii() and login.isdigit():
            login = (await self._accounts.user(_number(login))).email
        user = await self._tenancy.set_member(seat, login, body.role)
        return json_response(member_document(body.role, user))

    async def drop_member(self, request: Request) -> ASGIApp:
        """Take a membership away."""
        seat = await self._seat(request)
        require_admin(seat)
        login = plain(request.path_params["member"], "member", 512)
        if login.isascii() and login.isdigit():
            number = _number(login)
        else:
            number = (await self._accounts.user_named(login)).id
        await self._tenancy.drop_member(seat, number)
        return empty_response()

    async def _operator(self, request: Request) -> tuple[Caller, str]:
        """Return the caller and the name of the path; who is no member learns nothing of it."""
        caller = await self._desk.caller(request)
        short = plain(request.path_params["short"], "short", 64)
        if not caller.principal.is_operator or caller.space_id is not None:
            await self._desk.named_seat(caller, short)
        caller.require_operator()
        return caller, short

    async def _seat(self, request: Request) -> Seat:
        caller = await self._desk.caller(request)
        short = plain(request.path_params["short"], "short", 64)
        return await self._desk.named_seat(caller, short)


def _administers(seat: Seat) -> bool:
    try:
        require_admin(seat)
    except RightMissing:
        return False
    return True


def _day(text: str, parameter: str) -> str:
    """Return the day (UTC) of a moment. Raises BadParameter."""
    return iso(moment(text, parameter))[:10]


def _number(text: str) -> int:
    return whole(text, "member", 0, _MAX_NUMBER)
