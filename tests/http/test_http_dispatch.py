"""The dispatcher and CORS: C-07, C-40, C-57, AM-37."""

import asyncio
import re

import pytest
import structlog
from http_support import call
from structlog.testing import capture_logs

from consigne.http import dispatch
from consigne.http.answers import text_response
from consigne.http.cors import CorsMiddleware
from consigne.http.dispatch import Dialect, Dispatcher, first_segment
from consigne.http.proxies import TrustedProxies


def dialect(name, *segments, hosts=()):
    return Dialect(name, frozenset(segments), text_response(name), frozenset(hosts))


def dispatcher(**options):
    return Dispatcher(
        [dialect("appmixer", "files", "user"), dialect("native", "", "consigne")],
        dialect("daxium", hosts=["dax.example"]),
        **options,
    )


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/files", "appmixer"),
        ("/files/", "appmixer"),
        ("/files/1/2", "appmixer"),
        ("/filesystem/1", "daxium"),
        ("/Files", "daxium"),
        ("/user/auth", "appmixer"),
        ("/", "native"),
        ("/consigne/v1", "native"),
        ("/app/files/upload", "daxium"),
    ],
)
async def test_the_exact_first_segment_decides(path, name):
    """C-40: ``/files`` itself too, without a redirect."""
    got = await call(dispatcher(), path=path)
    assert (got.status, got.body.decode()) == (200, name)
    assert got.state["dialect"] == name


async def test_a_host_of_its_own():
    got = await call(dispatcher(), path="/files", host="dax.example")
    assert got.body == b"daxium"


def test_two_dialects_cannot_share_a_segment():
    with pytest.raises(ValueError):
        Dispatcher([dialect("a", "x"), dialect("b", "x")], dialect("c"))


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LOCALHOST:8000", 200),
        ("localhost.", 200),
        ("127.0.0.1:1", 200),
        ("[::1]:1", 200),
        ("files.example:443", 200),
        ("evil.example", 421),
        ("localhost.evil.example", 421),
        ("a b", 400),
        ("localhost/evil", 400),
        ("", 400),
        (None, 400),
    ],
)
async def test_unknown_hosts_are_misdirected(host, status):
    """C-07: 421 before any dialect."""
    allowed = {"localhost", "127.0.0.1", "[::1]", "files.example"}
    got = await call(dispatcher(allowed_hosts=allowed), path="/files", host=host)
    assert got.status == status
    assert got.headers["x-request-id"]


async def test_two_host_headers_are_refused_and_a_star_allows_all():
    got = await call(dispatcher(), headers={"Host": "localhost"})
    assert got.status == 400
    assert (await call(dispatcher(allowed_hosts={"*"}), host="any.example")).status == 200


async def test_request_ids():
    got = await call(dispatcher(), headers={"X-Request-Id": "abc-1"})
    assert got.headers["x-request-id"] == got.state["request_id"] == "abc-1"
    for bad in ("a b", "x" * 200, 'a"b', "é"):
        got = await call(dispatcher(), headers={"X-Request-Id": bad})
        assert got.headers["x-request-id"] != bad
        assert re.fullmatch(r"[0-9a-f]{12}-[0-9a-f]+", got.headers["x-request-id"])


@pytest.fixture
def fresh_log(monkeypatch):
    """A logger that nothing has configured before: a cached one keeps what it was made with."""
    before = structlog.get_config()
    structlog.reset_defaults()
    monkeypatch.setattr(dispatch, "_access", structlog.get_logger())
    yield
    structlog.configure(**before)


@pytest.mark.usefixtures("fresh_log")
async def test_the_log_never_shows_a_query():
    with capture_logs() as logs:
        await call(dispatcher(), path="/files/1")
    assert logs[-1]["path"] == "/files/1"
    assert logs[-1]["status"] == 200
    assert "secret" not in repr(logs)
    with capture_logs() as logs:
        await call(dispatcher(access_log=False))
    assert logs == []


@pytest.mark.parametrize(
    ("peer", "headers", "client"),
    [
        ("10.0.0.9", {}, "10.0.0.9"),
        ("9.9.9.9", {"X-Forwarded-For": "1.2.3.4"}, "9.9.9.9"),
        ("10.0.0.9", {"X-Forwarded-For": "1.2.3.4"}, "1.2.3.4"),
        ("10.0.0.9", {"X-Forwarded-For": "6.6.6.6, 1.2.3.4"}, "1.2.3.4"),
        ("10.0.0.9", {"X-Forwarded-For": "6.6.6.6, 1.2.3.4, 10.0.0.1"}, "1.2.3.4"),
        ("10.0.0.9", {"X-Forwarded-For": "10.0.0.2, 10.0.0.1"}, "10.0.0.2"),
        ("10.0.0.9", {"X-Forwarded-For": "1.2.3.4, rubbish"}, "10.0.0.9"),
        ("10.0.0.9", {"X-Forwarded-For": "[2001:db8::1]:99"}, "2001:db8::1"),
        ("10.0.0.9", {"X-Forwarded-For": "1.2.3.4:99"}, "1.2.3.4"),
        ("::ffff:10.0.0.9", {"X-Forwarded-For": "1.2.3.4"}, "1.2.3.4"),
        (
            "10.0.0.9",
            {"Forwarded": 'for=6.6.6.6, FOR="[2001:db8::1]:1";proto=https'},
            "2001:db8::1",
        ),
        ("10.0.0.9", {"Forwarded": "for=6.6.6.6", "X-Forwarded-For": "1.2.3.4"}, "1.2.3.4"),
    ],
)
async def test_the_client_behind_trusted_proxies(peer, headers, client):
    """C-07: an address from a header only where the peer is trusted."""
    app = dispatcher(trusted_proxies=["10.0.0.0/8"])
    got = await call(app, headers=headers, client=(peer, 1))
    assert got.state["client"] == client


async def test_by_default_no_proxy_is_trusted():
    got = await call(dispatcher(), headers={"X-Forwarded-For": "1.2.3.4"}, client=("127.0.0.1", 1))
    assert got.state["client"] == "127.0.0.1"
    with pytest.raises(ValueError):
        TrustedProxies(["not a network"])


def test_first_segments():
    assert [first_segment(p) for p in ("/", "//x", "/a", "/a/", "/a/b", "*", "")] == [
        "",
        "",
        "a",
        "a",
        "a",
        "",
        "",
    ]


async def lifespan(app):
    events = asyncio.Queue()
    sent = []
    for kind in ("startup", "shutdown"):
        events.put_nowait({"type": f"lifespan.{kind}"})

    async def send(message):
        sent.append(message["type"])

    await app({"type": "lifespan"}, events.get, send)
    return sent


async def test_the_lifespan_runs_once_for_all():
    ran = []

    def hook(name, fails=False):
        async def run():
            ran.append(name)
            if fails:
                raise RuntimeError(name)

        return run

    app = dispatcher(startup=[hook("a"), hook("b")], shutdown=[hook("c"), hook("d", True)])
    assert await lifespan(app) == ["lifespan.startup.complete", "lifespan.shutdown.failed"]
    assert ran == ["a", "b", "d", "c"]
    ran.clear()
    app = dispatcher(startup=[hook("a", True), hook("b")])
    assert await lifespan(app) == ["lifespan.startup.failed"]
    assert ran == ["a"]


def cors(*origins):
    return CorsMiddleware(
        text_response("x", headers={"vary": "Accept"}),
        origins=origins,
        methods=["GET", "POST"],
        headers=["Authorization", "uploader-chunk-number"],
        exposed=["ETag", "Retry-After"],
    )


PREFLIGHT = {"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}


async def test_preflights_are_answered_without_credentials():
    """AM-37."""
    got = await call(cors("https://a.example"), "OPTIONS", headers=PREFLIGHT)
    assert (got.status, got.body) == (204, b"")
    assert got.headers["access-control-allow-origin"] == "https://a.example"
    assert got.headers["access-control-allow-methods"] == "GET, POST"
    assert got.headers["access-control-allow-headers"] == "Authorization, uploader-chunk-number"
    assert got.headers["access-control-max-age"] == "600"
    assert "Origin" in got.headers["vary"]
    got = await call(cors("https://b.example"), "OPTIONS", headers=PREFLIGHT)
    assert got.status == 403
    assert "access-control-allow-origin" not in got.headers


async def test_answers_are_readable_for_allowed_origins_only():
    got = await call(cors("https://a.example/"), headers={"Origin": "https://a.example"})
    assert got.headers["access-control-allow-origin"] == "https://a.example"
    assert got.headers["access-control-expose-headers"] == "ETag, Retry-After"
    assert got.headers["vary"] == "Accept, Origin"
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {}):
        got = await call(cors("https://a.example"), headers=headers)
        assert got.body == b"x"
        assert "access-control-allow-origin" not in got.headers
        assert got.headers["vary"] == "Accept, Origin"
    got = await call(cors("*"), headers={"Origin": "https://any.example"})
    assert got.headers["access-control-allow-origin"] == "https://any.example"


async def test_without_origins_nothing_happens():
    """C-57: one setting, none by default."""
    got = await call(cors(), "OPTIONS", headers=PREFLIGHT)
    assert got.body == b"x"
    assert "access-control-allow-origin" not in got.headers
    assert got.headers["vary"] == "Accept"
