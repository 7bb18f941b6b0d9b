"""Users, their log-ins and their keys."""

from typing import Any

import structlog
from starlette.requests import Request
from starlette.types import ASGIApp

from consigne.core.access import Caller
from consigne.core.clock import ms, now_ms
from consigne.dialects.native.bodies import LogIn, NewKey, NewUser, UserChange, body_of, given
from consigne.dialects.native.desk import API, Desk
from consigne.dialects.native.listing import DEFAULT_LIMIT, MAX_LIMIT
from consigne.dialects.native.parameters import flag, plain, whole
from consigne.dialects.native.replies import created, page_reply
from consigne.dialects.native.wire import iso, key_document, space_document, user_document
from consigne.errors import BadParameter, Forbidden, KeyNotFound, Unauthenticated, UserNotFound
from consigne.http.answers import empty_response, json_response
from consigne.http.auth import bearer
from consigne.http.proxies import TrustedProxies
from consigne.http.routing import Route
from consigne.http.sessions import COOKIE, cookie, proof, session
from consigne.model.identity import Kind, from_uuid

log = structlog.get_logger()

_MAX_NUMBER = (1 << 53) - 1
_NO_STORE = [("Cache-Control", "no-store")]


class People:
    """``/me``, ``/users``, ``/session`` and ``/keys``."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._accounts = desk.depot.accounts
        self._proxies = TrustedProxies(desk.settings.trusted_proxies)

    def routes(self) -> list[Route]:
        return [
            Route("GET", f"{API}/me", self.me),
            Route("POST", f"{API}/users", self.create_user),
            Route("GET", f"{API}/users", self.users),
            Route("GET", f"{API}/users/{{n}}", self.user),
            Route("PATCH", f"{API}/users/{{n}}", self.change_user),
            Route("DELETE", f"{API}/users/{{n}}", self.delete_user),
            Route("POST", f"{API}/session", self.log_in),
            Route("GET", f"{API}/session", self.present),
            Route("DELETE", f"{API}/session", self.log_out),
            Route("POST", f"{API}/keys", self.create_key),
            Route("GET", f"{API}/keys", self.keys),
            Route("DELETE", f"{API}/keys/{{id}}", self.revoke_key),
        ]

    async def me(self, request: Request) -> ASGIApp:
        """Return who is calling, what the credential is limited to, and the spaces within that."""
        caller = await self._desk.caller(request)
        found = await self._accounts.spaces_of(caller)
        document = {
            "user": user_document(caller.principal),
            "credential": {
                "space": caller.space_id,
                "methods": sorted(caller.methods) if caller.methods is not None else None,
            },
            "spaces": [space_document(space, role) for role, space in found],
        }
        return json_response(document, headers=_NO_STORE)

    async def create_user(self, request: Request) -> ASGIApp:
        """Make a user; for operators."""
        (await self._desk.caller(request)).require_operator()
        body: NewUser = await body_of(request, NewUser)
        home = None if body.home is None else await self._desk.depot.tenancy.named(body.home)
        user = await self._accounts.create_user(
            body.email,
            body.password,
            username=body.username,
            name=body.name,
            home=home,
            is_operator=body.is_operator,
        )
        return created(self._desk, user_document(user), "users", str(user.id))

    async def users(self, request: Request) -> ASGIApp:
        """Return the users of the installation; for operators."""
        (await self._desk.caller(request)).require_operator()
        asked = request.query_params
        limit = whole(asked.get("limit") or str(DEFAULT_LIMIT), "limit", 1, MAX_LIMIT)
        after = whole(asked.get("cursor") or "0", "cursor", 0, _MAX_NUMBER)
        having = plain(asked.get("having", ""), "having", 256)
        found = await self._accounts.users(after, limit + 1, having=having)
        page = found[:limit]
        following = str(page[-1].id) if len(found) > limit else None
        documents = [user_document(user) for user in page]
        return page_reply(self._desk, request, "users", documents, "cursor", following)

    async def user(self, request: Request) -> ASGIApp:
        """Return a user: oneself, or to operators anyone."""
        _, number = await self._oneself_or_operator(request)
        return json_response(user_document(await self._accounts.user(number)), headers=_NO_STORE)

    async def change_user(self, request: Request) -> ASGIApp:
        """Change a user: oneself name, password and home; operators everything of anyone."""
        caller, number = await self._oneself_or_operator(request)
        body: UserChange = await body_of(request, UserChange)
        ruled = given(is_active=body.is_active, is_operator=body.is_operator)
        if ruled:
            caller.require_operator()
        changes = given(name=body.name, password=body.password) | ruled
        if "password" in changes and number == caller.id:
            await self._require_password(request, caller, body)
        if body.home is None:
            changes["home_space_id"] = None
        elif isinstance(body.home, str):
            seat = await self._desk.named_seat(caller, body.home)
            changes["home_space_id"] = seat.space_id
        return json_response(user_document(await self._accounts.change_user(number, **changes)))

    async def delete_user(self, request: Request) -> ASGIApp:
        """Delete a user, whose files become their spaces' own (C-56); for operators."""
        caller = await self._desk.caller(request)
        caller.require_operator()
        await self._desk.depot.departures.delete_user(caller, _user_number(request))
        return empty_response()

    async def log_in(self, request: Request) -> ASGIApp:
        """Return a token for user name and password; failures are limited (C-06).

        A page gets it as a cookie that no script can read.
        """
        body: LogIn = await body_of(request, LogIn)
        address = request.scope["state"].get("client", "")
        caller = await self._accounts.by_password(body.login, body.password, address)
        if body.cookie:
            return await self._begun(caller)
        life = self._desk.settings.token_life
        document: dict[str, Any] = {
            "token": await self._accounts.tokens.issue(caller.principal, life),
            "token_type": "Bearer",
            "expires_at": iso(now_ms() + ms(life)),
            "user": user_document(caller.principal),
        }
        return json_response(document, 201, _NO_STORE)

    async def present(self, request: Request) -> ASGIApp:
        """Tell a page whose session it has, and what to show beside the cookie.

        Where it has none, one begins for whom a trusted proxy has signed in (``sso_header``); so
        does another one where the proxy names somebody else.
        """
        named = await self._named_by_proxy(request)
        token = session(request.headers, request.method)
        if token is not None:
            try:
                caller = await self._accounts.by_bearer(token)
            except Unauthenticated:
                token = None
            else:
                if named is None or named.id == caller.id:
                    return json_response(self._session(caller, token), headers=_NO_STORE)
        if named is not None:
            return await self._begun(named, 200)
        gone = [self._cookie("", 0)] if COOKIE in request.cookies else []
        return empty_response(204, [*_NO_STORE, *gone])

    async def log_out(self, request: Request) -> ASGIApp:
        """Make the token of this request useless."""
        caller, token = await self._desk.caller(request), bearer(request.headers)
        if "authorization" not in request.headers:
            token = session(request.headers, request.method)
        if token is None or caller.key_id is not None:
            raise BadParameter(
                "Only a log-in token can be revoked here.",
                hint="A key is revoked with DELETE /consigne/v1/keys/{id}.",
                parameter="Authorization",
            )
        await self._accounts.tokens.revoke(token)
        self._accounts.forget()
        return empty_response(204, [self._cookie("", 0)])

    async def create_key(self, request: Request) -> ASGIApp:
        """Make a key for oneself; its secret is shown in this answer only."""
        caller = await self._desk.caller(request)
        body: NewKey = await body_of(request, NewKey)
        space = None
        if body.space is not None:
            space = (await self._desk.named_seat(caller, body.space)).space
        expires = None if body.expires_in is None else now_ms() + body.expires_in * 1000
        key, secret = await self._accounts.issue_key(
            caller, body.name, space=space, methods=body.methods, expires_at=expires
        )
        answer = created(self._desk, key_document(key, secret), "keys", key_document(key)["id"])
        answer.headers.append((b"cache-control", b"no-store"))
        return answer

    async def keys(self, request: Request) -> ASGIApp:
        """Return one's own keys; with ``all`` every key that is bound to the space."""
        if flag(request.query_params.get("all", "false"), "all"):
            found = await self._accounts.keys_in(await self._desk.seat(request))
        else:
            found = await self._accounts.keys(await self._desk.caller(request))
        return json_response({"keys": [key_document(key) for key in found]}, headers=_NO_STORE)

    async def revoke_key(self, request: Request) -> ASGIApp:
        """Delete a key."""
        caller = await self._desk.caller(request)
        number = from_uuid(Kind.KEY, request.path_params["id"])
        if number is None:
            raise KeyNotFound
        await self._accounts.revoke_key(caller, number)
        return empty_response()

    async def _named_by_proxy(self, request: Request) -> Caller | None:
        name = self._proxies.user(request.scope, self._desk.settings.sso_header)
        if not name:
            return None
        caller = await self._accounts.by_login(name)
        if caller is None:
            log.warning("sso_user_unknown", user=name[:256])
        return caller

    async def _begun(self, caller: Caller, status: int = 201) -> ASGIApp:
        """Begin the session of a page."""
        life = int(self._desk.settings.session_life)
        token = await self._accounts.tokens.issue(caller.principal, life)
        document = self._session(caller, token)
        return json_response(document, status, [*_NO_STORE, self._cookie(token, life)])

    def _session(self, caller: Caller, token: str) -> dict[str, Any]:
        return {"csrf": proof(token), "user": user_document(caller.principal)}

    def _cookie(self, token: str, seconds: int) -> tuple[str, str]:
        return cookie(token, seconds, self._desk.settings.base_url)

    async def _oneself_or_operator(self, request: Request) -> tuple[Caller, int]:
        """Return the caller and the user of the path. Raises Forbidden, UserNotFound."""
        caller, text = await self._desk.caller(request), request.path_params["n"]
        if text != str(caller.id):
            if not caller.principal.is_operator:
                raise Forbidden("Only an administrator of the installation may see other users.")
            caller.require_operator()
        return caller, _user_number(request)

    async def _require_password(self, request: Request, caller: Caller, body: UserChange) -> None:
        if not isinstance(body.current_password, str):
            raise BadParameter(
                "Changing one's own password needs the present one.", parameter="current_password"
            )
        address = request.scope["state"].get("client", "")
        await self._accounts.by_password(caller.principal.email, body.current_password, address)


def _user_number(request: Request) -> int:
    """Return the user's number of the path. Raises UserNotFound."""
    text = request.path_params["n"]
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise UserNotFound
    return int(text)
