"""Fault tables and the middleware: C-41."""

import pytest
from http_support import call
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse
from starlette.routing import Route, Router
from structlog.testing import capture_logs

from consigne import errors
from consigne.http.answers import json_response
from consigne.http.bodies import read_limited
from consigne.http.faults import LINGER_BYTES, FaultMiddleware, FaultTable


def render(error, scope):
    status = {errors.RouteNotFound: 404, errors.MethodNotAllowed: 405}.get(type(error), 400)
    return json_response({"code": error.code, "details": dict(error.details)}, status)


def wrap(app):
    return FaultMiddleware(app, render)


def raising(error):
    async def app(scope, receive, send):
        raise error

    return wrap(app)


def test_a_row_serves_its_family_until_one_has_its_own():
    table = FaultTable({errors.NotFound: 1, errors.FileNotFound: 2, errors.Internal: 3})
    assert table.row(errors.FileNotFound()) == 2
    assert table.row(errors.YearNotFound()) == 1
    assert table.row(errors.YearNotFound()) == 1
    assert table.row(errors.Busy()) == 3
    assert table.row(errors.ConsigneError()) == 3


def test_missing_rows_are_named():
    """C-41: a dialect's test says ``assert not table.missing()``."""
    table = FaultTable({errors.NotFound: 1, errors.Internal: 3})
    missing = table.missing()
    assert errors.FileNotFound not in missing
    assert errors.Busy in missing
    assert errors.LoginThrottled in missing
    families = list(errors.ConsigneError.__subclasses__())
    assert FaultTable(dict.fromkeys(families, 0)).missing() == []


async def test_refusals_are_rendered():
    got = await call(raising(errors.Busy(retry_after=2)))
    assert got.body == b'{"code":"busy","details":{"retry_after":2}}'


async def test_the_routers_own_answers_are_rendered_too():
    async def endpoint(request):
        return PlainTextResponse("ok")

    app = wrap(Router([Route("/a", endpoint, methods=["POST"])], redirect_slashes=False))
    assert b"route_not_found" in (await call(app, "GET", "/b")).body
    got = await call(app, "GET", "/a")
    assert (got.status, got.body) == (
        405,
        b'{"code":"method_not_allowed","details":{"allowed":["POST"]}}',
    )
    assert (await call(app, "POST", "/a")).body == b"ok"


async def test_strange_exceptions_are_logged_and_internal():
    with capture_logs() as logs:
        got = await call(raising(ZeroDivisionError("secret")))
    assert b"internal" in got.body
    assert b"secret" not in got.body
    assert logs[0]["event"] == "request.failed"
    got = await call(raising(HTTPException(400, "no")))
    assert b"bad_parameter" in got.body


async def test_after_the_start_only_the_connection_can_end():
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise errors.Corrupt

    with pytest.raises(errors.Corrupt):
        await call(wrap(app))


@pytest.mark.parametrize(
    ("headers", "closes"),
    [
        ({}, False),
        ({"Content-Length": "0"}, False),
        ({"Content-Length": "1000"}, False),
        ({"Content-Length": str(LINGER_BYTES + 1)}, True),
        ({"Transfer-Encoding": "chunked"}, True),
        ({"Content-Length": "1000", "Expect": "100-continue"}, True),
    ],
)
async def test_a_long_unread_body_ends_the_connection(headers, closes):
    got = await call(raising(errors.Forbidden()), "POST", headers=headers, pieces=[b"x"])
    assert got.complete
    assert (got.headers.get("connection") == "close") is closes


async def test_not_more_than_a_bit_is_read_of_a_body_that_nobody_wants():
    pieces = iter(range(10_000))

    async def receive():
        next(pieces)
        return {"type": "http.request", "body": b"x" * 65536, "more_body": True}

    sent = []

    async def send(message):
        sent.append(message)

    app = raising(errors.Forbidden())
    scope = {"type": "http", "method": "POST", "path": "/", "state": {}}
    await app({**scope, "headers": [(b"content-length", b"%d" % 2**30)]}, receive, send)
    assert sum(1 for _ in pieces) > 9_000
    assert sent[-1] == {"type": "http.response.body", "body": b""}


async def test_a_body_that_was_read_keeps_the_connection():
    async def app(scope, receive, send):
        from starlette.requests import Request

        await read_limited(Request(scope, receive), 10**9)
        raise errors.BadBody

    size = 2 * LINGER_BYTES
    got = await call(wrap(app), "POST", headers={"Content-Length": str(size)}, pieces=[b"x" * size])
    assert "connection" not in got.headers
