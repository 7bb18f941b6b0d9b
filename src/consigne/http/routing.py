"""From a method and a path to an endpoint, by a tree of path segments.

Two properties that a list of patterns lacks: the time it takes does not grow with the number of
routes, and a literal segment always wins over a variable one, whatever the order of the routes.
Paths are matched exactly: no redirects, no trailing slashes.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import NamedTuple

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from consigne.errors import MethodNotAllowed, RouteNotFound

Endpoint = Callable[[Request], Awaitable[ASGIApp]]


class Route(NamedTuple):
    """One method on one path. ``path`` as OpenAPI writes it: ``/files/{id}/content``; a variable is
    one whole, non-empty segment and comes in ``request.path_params``. GET answers HEAD as well."""

    method: str
    path: str
    endpoint: Endpoint


class Router:
    """An ASGI application that finds the endpoint and sends what it returns.

    Raises RouteNotFound and MethodNotAllowed (details ``allowed``), and ValueError where two routes
    are the same or name a variable differently.
    """

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes = tuple(routes)
        self._root = _Node()
        for route in self._routes:
            self._add(route)

    def __iter__(self) -> Iterator[Route]:
        return iter(self._routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = self.resolve(scope, scope["method"], scope["path"])
        response = await endpoint(Request(scope, receive))
        await response(scope, receive, send)

    def resolve(self, scope: Scope, method: str, path: str) -> Endpoint:
        """Return the endpoint; leave the variables in the scope, the route's path in its state."""
        node, variables = self._root, {}
        for segment in path.split("/")[1:]:
            following = node.literals.get(segment)
            if following is None:
                following = node.variable
                if following is None or not segment:
                    raise RouteNotFound
                variables[node.name] = segment
            node = following
        try:
            endpoint = node.endpoints[method]
        except KeyError:
            if not node.endpoints:
                raise RouteNotFound from None
            raise MethodNotAllowed(allowed=sorted(node.endpoints)) from None
        scope["path_params"] = variables
        scope.setdefault("state", {})["route"] = node.path
        return endpoint

    def _add(self, route: Route) -> None:
        node = self._root
        for segment in route.path.split("/")[1:]:
            node = node.below(segment)
        node.path = route.path
        for method in ("GET", "HEAD") if route.method == "GET" else (route.method,):
            if node.endpoints.setdefault(method, route.endpoint) is not route.endpoint:
                raise ValueError(f"{method} {route.path} is there twice")


class _Node:
    __slots__ = ("endpoints", "literals", "name", "path", "variable")

    def __init__(self) -> None:
        self.literals: dict[str, _Node] = {}
        self.variable: _Node | None = None
        self.name = ""
        self.path = ""
        self.endpoints: dict[str, Endpoint] = {}

    def below(self, segment: str) -> "_Node":
        """Return the node of a segment, making it."""
        if not segment.startswith("{"):
            return self.literals.setdefault(segment, _Node())
        name = segment[1:-1]
        if self.variable is None:
            self.variable, self.name = _Node(), name
        elif self.name != name:
            raise ValueError(f"{{{name}}} is {{{self.name}}} in another route")
        return self.variable
