"""Who is calling level 2: the credentials of level 1, and open tokens (DY-71)."""

from starlette.requests import Request

from consigne.core.access import Caller
from consigne.dialects.dynacase.credentials import Credentials
from consigne.dialects.dynacase.query import query_of
from consigne.http.auth import authorization

_PARAMETER = "dcpopen-authorization"
_SCHEME = "dcpopen"


class OpenCredentials(Credentials):
    """Also ``?dcpopen-authorization=<T>`` and ``Authorization: DcpOpen <T>``; T is a native key."""

    async def caller(self, request: Request, method: str) -> Caller:
        """Return the caller. Raises as level 1."""
        token = query_of(request.scope).get(_PARAMETER)
        if token is None:
            found = authorization(request.headers)
            token = found[1] if found is not None and found[0] == _SCHEME else None
        if token is None:
            return await super().caller(request, method)
        return await self._accounts.by_bearer(token)
