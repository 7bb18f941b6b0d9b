"""The tree of routes."""

import pytest
from http_support import call

from consigne.errors import MethodNotAllowed, RouteNotFound
from consigne.http.answers import text_response
from consigne.http.routing import Route, Router


def endpoint(name):
    async def answer(request):
        return text_response(f"{name} {dict(request.path_params)}")

    return answer


ROUTER = Router(
    [
        Route("GET", "/", endpoint("root")),
        Route("GET", "/files", endpoint("list")),
        Route("POST", "/files", endpoint("create")),
        Route("GET", "/files/{id}", endpoint("look")),
        Route("GET", "/files/count", endpoint("count")),
        Route("PUT", "/files/{id}/parts/{n}", endpoint("part")),
    ]
)


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/", "root {}"),
        ("HEAD", "/", "root {}"),
        ("GET", "/files", "list {}"),
        ("POST", "/files", "create {}"),
        ("GET", "/files/count", "count {}"),
        ("GET", "/files/7", "look {'id': '7'}"),
        ("PUT", "/files/7/parts/é", "part {'id': '7', 'n': 'é'}"),
    ],
)
async def test_found(method, path, expected):
    """C-40: exact paths; a literal segment wins over a variable; GET answers HEAD."""
    got = await call(ROUTER, method, path)
    assert got.body.decode() == expected


@pytest.mark.parametrize(
    "path", ["", "/x", "/files/", "//files", "/files//", "/files/7/", "/files/7/parts", "/Files"]
)
async def test_not_found(path):
    with pytest.raises(RouteNotFound):
        await call(ROUTER, "GET", path)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/files", ["GET", "HEAD", "POST"]),
        ("DELETE", "/files/count", ["GET", "HEAD"]),
        ("GET", "/files/7/parts/1", ["PUT"]),
        ("get", "/", ["GET", "HEAD"]),
    ],
)
async def test_method_not_allowed(method, path, allowed):
    with pytest.raises(MethodNotAllowed) as refusal:
        await call(ROUTER, method, path)
    assert refusal.value.details["allowed"] == allowed


def test_mistakes_in_the_table():
    one, two = endpoint("one"), endpoint("two")
    with pytest.raises(ValueError):
        Router([Route("GET", "/a", one), Route("GET", "/a", two)])
    with pytest.raises(ValueError):
        Router([Route("GET", "/a/{x}", one), Route("PUT", "/a/{y}", two)])
    assert [route.path for route in ROUTER][:2] == ["/", "/files"]
