"""Uppy (@uppy/core, @uppy/tus) in a real Chromium, from a page of another origin; issue 6."""

import json
import os
import random
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from tests.appmixer.support import Space
from tests.parts.cutting_proxy import cutting_proxy
from tests.parts.node_clients import bundle
from tests.parts.server import RunningServer, ServerStarter
from tus_support import Tus

MEGABYTE = 1_000_000
PATIENCE = 90_000


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder without a word."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An application's own site, with a page that uploads; its address."""
    folder = tmp_path_factory.mktemp("site")
    bundle("uppy_page.mjs", folder / "page.js")
    (folder / "index.html").write_text(
        '<!doctype html><title>Uppy</title><input type="file" multiple>'
        '<script src="page.js" defer></script>'
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def ines(start_server: ServerStarter, site: str) -> Tus:
    """A writer of a server that lets pages of that site in, and of no other."""
    return Tus(Space(start_server(env={"CONSIGNE_CORS_ORIGINS": site})).person(name="ines"))


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page in a window of its own."""
    context = browser.new_context()
    context.set_default_timeout(PATIENCE)
    yield context.new_page()
    context.close()


def open_page(page: Page, site: str, endpoint: str, token: str, **tus: Any) -> None:
    """Open the site anew with Uppy's options."""
    wish = {"endpoint": endpoint, "token": token, "tus": tus}
    page.goto("about:blank")
    page.goto(f"{site}/#{quote(json.dumps(wish))}")
    expect(page.locator("input")).to_be_attached()


def choose(page: Page, *paths: Path) -> None:
    page.locator("input").set_input_files(paths)


def outcome(page: Page) -> dict[str, str]:
    """Wait for the end and return the URLs of the uploads by name; all must have succeeded."""
    page.wait_for_function("window.outcome")
    found = page.evaluate("window.outcome")
    assert found["failed"] == []
    return {each["name"]: each["url"] for each in found["successful"]}


def content(ines: Tus, url: str) -> bytes:
    """Return the bytes of the file that an upload has become."""
    return ines.content(ines.head("/tus/" + url.partition("/tus/")[2]))


def _cuts(number: int, most: int) -> Iterator[int | None]:
    """Yield so many cuts at random offsets, some of them between request and answer."""
    chance = random.Random(7)
    for _ in range(number):
        yield -1 if chance.random() < 0.3 else chance.randrange(1, most)


def test_over_a_network_that_breaks(ines: Tus, site: str, page: Page, tmp_path: Path) -> None:
    """Several files, names in any script, connections cut anywhere: each arrives, once."""
    paths = [tmp_path / name for name in ("Été.bin", "発注書.pdf", "empty.txt")]
    for path, size in zip(paths, (6 * MEGABYTE + 1, 300_000, 0), strict=True):
        path.write_bytes(os.urandom(size))
    server: RunningServer = ines.space.server
    with cutting_proxy(server.port, _cuts(12, 2 * MEGABYTE)) as url:
        open_page(page, site, f"{url}/tus/", ines.token, chunkSize=MEGABYTE)
        choose(page, *paths)
        urls = outcome(page)
    assert set(urls) == {path.name for path in paths}
    for path in paths:
        assert content(ines, urls[path.name]) == path.read_bytes()
    listed = ines.http.get("/consigne/v1/files").json()["files"]
    assert sorted(file["name"] for file in listed) == sorted(path.name for path in paths)
    assert ines.space.usage()[0] == 6_300_001


def test_a_reload_in_the_middle(ines: Tus, site: str, page: Page, tmp_path: Path) -> None:
    """The page is gone and comes back; the same file goes on where the server has it."""
    path = tmp_path / "big.bin"
    path.write_bytes(os.urandom(6 * MEGABYTE))
    endpoint = f"{ines.space.server.url}/tus/"
    stuck = threading.Event()
    offsets: list[int] = []

    def lose_the_fourth(route: Route) -> None:
        if route.request.method == "PATCH" and len(offsets) == 3:
            stuck.set()
            route.abort()  # again and again
            return
        if route.request.method == "PATCH":
            offsets.append(int(route.request.headers["upload-offset"]))
        route.continue_()

    page.route("**/tus/**", lose_the_fourth)
    open_page(page, site, endpoint, ines.token, chunkSize=MEGABYTE)
    choose(page, path)
    while not stuck.is_set():
        page.wait_for_timeout(50)
    assert offsets == [0, MEGABYTE, 2 * MEGABYTE]
    page.goto("about:blank")
    page.unroute("**/tus/**")
    sent: list[tuple[str, str]] = []
    page.on("request", lambda request: sent.append(
        (request.method, request.headers.get("upload-offset", "")))
    )  # fmt: skip
    open_page(page, site, endpoint, ines.token, chunkSize=MEGABYTE)
    choose(page, path)
    (url,) = outcome(page).values()
    assert content(ines, url) == path.read_bytes()
    methods = [method for method, _ in sent]
    assert "HEAD" in methods
    assert "POST" not in methods
    patches = [offset for method, offset in sent if method == "PATCH"]
    assert patches == [str(n * MEGABYTE) for n in (3, 4, 5)]
    assert ines.http.get("/consigne/v1/files/count").json() == {"count": 1}


def test_a_page_of_another_origin(ines: Tus, page: Page, tmp_path: Path, site: str) -> None:
    """The browser keeps a page that is not let in from sending anything (C-57)."""
    path = tmp_path / "a.txt"
    path.write_text("a")
    stranger = site.replace("127.0.0.1", "localhost")
    open_page(page, stranger, f"{ines.space.server.url}/tus/", ines.token, retryDelays=[])
    choose(page, path)
    page.wait_for_function("window.outcome")
    assert page.evaluate("window.outcome.successful") == []
    assert ines.http.get("/consigne/v1/files/count").json() == {"count": 0}
