"""Who is calling (DY-04, DY-06): the first credential of a request that is present counts."""

from urllib.parse import urlsplit

from starlette.requests import Request

from consigne.core.access import Caller
from consigne.core.accounts import MIN_KEY, Accounts
from consigne.dialects.dynacase.query import query_of
from consigne.errors import OriginRefused, Unauthenticated
from consigne.http.auth import BasicCredentials, authorization, basic, bearer
from consigne.settings import Settings

SAFE = frozenset({"GET", "HEAD"})


class Credentials:
    """``?access_token=``, ``Authorization: token``, ``Bearer`` and ``Basic`` (password or key)."""

    def __init__(self, accounts: Accounts, settings: Settings) -> None:
        self._accounts = accounts
        public = urlsplit(settings.base_url)
        self._origins = {f"{public.scheme}://{public.netloc}".lower()}
        self._origins.update(origin.rstrip("/").lower() for origin in settings.cors_origins)

    async def caller(self, request: Request, method: str) -> Caller:
        """Return the caller of a request that asks for ``method``.

        Raises Unauthenticated, LoginThrottled, OriginRefused.
        """
        token = query_of(request.scope).get("access_token")
        if token is None:
            found = authorization(request.headers)
            scheme = found[0] if found else ""
            token = found[1] if found and scheme == "token" else bearer(request.headers)
        if token is not None:
            return await self._accounts.by_bearer(token)
        login = basic(request.headers)
        if login is None:
            raise Unauthenticated
        caller = await self._by_login(login, request.scope["state"].get("client", ""))
        self._check_origin(request, method)
        return caller

    async def _by_login(self, login: BasicCredentials, address: str) -> Caller:
        if len(login.password) >= MIN_KEY:
            try:
                caller = await self._accounts.by_bearer(login.password)
            except Unauthenticated:
                pass  # a password may be as long as a key
            else:
                owner = caller.principal
                if login.username.strip().lower() in ("", owner.email, owner.username.lower()):
                    return caller
        return await self._accounts.by_password(login.username, login.password, address)

    def _check_origin(self, request: Request, method: str) -> None:
        """Refuse a write from a foreign page: browsers add Basic credentials by themselves."""
        origin = request.headers.get("origin")
        if method not in SAFE and origin is not None and origin.lower() not in self._origins:
            raise OriginRefused
