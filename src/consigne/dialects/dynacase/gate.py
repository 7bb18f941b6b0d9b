"""The way into the dialect, in the order of DY-62: credentials, method right, route.

A path may end in ``/`` or ``.json`` (DY-01), a POST may stand for PUT or DELETE (DY-09), and every
method that a path lacks is 501.
"""

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from consigne.dialects.dynacase.credentials import Credentials
from consigne.dialects.dynacase.envelope import API_VERSION
from consigne.dialects.dynacase.errors import refuse
from consigne.http.routing import Router

HOME = "/api"
_OVERRIDES = ("PUT", "DELETE")


class Gate:
    """An ASGI application: who is calling, what he asks for, and the endpoint that answers.

    Leaves ``caller`` and ``method`` in the scope's state, and the path's variables where a router
    leaves them. Raises what the endpoints raise, RouteNotFound and MethodNotAllowed.
    """

    def __init__(self, router: Router, credentials: Credentials) -> None:
        self._router = router
        self._credentials = credentials

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        method, path = wanted_method(request), scope["path"]
        scope["state"]["method"] = method
        plain, suffix = bare(path)
        if not (plain == HOME and method in ("GET", "HEAD")):
            caller = await self._credentials.caller(request, method)
            caller.require_method("GET" if method == "HEAD" else method)
            scope["state"]["caller"] = caller
        if method not in (scope["method"], *_OVERRIDES):
            raise refuse("API0008", "Unknown override")
        _check_version(request)
        endpoint = self._router.resolve(scope, method, plain)
        if suffix not in ("", "json"):
            raise refuse("API0005", "Unknown format")
        response = await endpoint(request)
        await response(scope, receive, send)


def wanted_method(request: Request) -> str:
    """Return the method of a request, of a POST the one that it says to stand for (DY-09)."""
    told = request.headers.get("x-http-method-override")
    if request.method != "POST" or told is None:
        return request.method
    return told.strip().upper()


def bare(path: str) -> tuple[str, str]:
    """Return a path of the API without final slash and suffix, and the suffix in lower case.

    Addresses of bytes end in a file's name and are left alone.

    >>> bare("/api/file/abc.json/"), bare("/file/1/2/-1/a/b.pdf")
    (('/api/file/abc', 'json'), ('/file/1/2/-1/a/b.pdf', ''))
    """
    if not path.startswith(HOME):
        return path, ""
    place, slash, last = path.removesuffix("/").rpartition("/")
    stem, _, suffix = last.partition(".")
    return place + slash + stem, suffix.lower()


def _check_version(request: Request) -> None:
    told = request.headers.get("x-dcp-api-version")
    if told is not None and told.strip() != API_VERSION:
        raise refuse("CSG0400", "Unknown API version")
