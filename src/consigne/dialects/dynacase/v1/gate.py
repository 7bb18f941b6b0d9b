"""The way into level 2: credentials, method, route, suffix (DY-70, DY-71)."""

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from consigne.dialects.dynacase.credentials import SAFE, Credentials
from consigne.dialects.dynacase.errors import refuse
from consigne.dialects.dynacase.gate import wanted_method
from consigne.dialects.dynacase.v1.paths import BASE, bare, require_json
from consigne.errors import RouteNotFound
from consigne.http.routing import Endpoint, Router

# Icons are for everybody: a page shows them without credentials (DY-78).
_PUBLIC = f"{BASE}/images/assets/"
_METHODS = SAFE | {"POST", "PUT", "DELETE"}


class Gate:
    """An ASGI application: who is calling, what he asks for, and the endpoint that answers.

    ``documents`` has the routes that answer JSON, found without suffix; ``files`` those of bytes,
    whose endpoints read the suffix. Leaves ``caller`` and ``method`` in the scope's state. Raises
    what the endpoints raise, RouteNotFound and MethodNotAllowed.
    """

    def __init__(self, documents: Router, files: Router, credentials: Credentials) -> None:
        self._documents = documents
        self._files = files
        self._credentials = credentials

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        method, path = wanted_method(request), scope["path"]
        scope["state"]["method"] = method
        if not (path.startswith(_PUBLIC) and method in SAFE):
            caller = await self._credentials.caller(request, method)
            caller.require_method("GET" if method == "HEAD" else method)
            scope["state"]["caller"] = caller
        _check_method(request, method)
        endpoint = self._resolve(scope, method, path)
        response = await endpoint(request)
        await response(scope, receive, send)

    def _resolve(self, scope: Scope, method: str, path: str) -> Endpoint:
        try:
            return self._files.resolve(scope, method, path)
        except RouteNotFound:
            found = self._documents.resolve(scope, method, bare(path))
        require_json(path)
        return found


def _check_method(request: Request, method: str) -> None:
    if method != request.method and method not in ("PUT", "DELETE"):
        raise refuse("API0008", "Unknown override")
    if method not in _METHODS:
        raise refuse("API0007", "Unknown method")
