"""Pictures through the native route of a real server."""

import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from picture_support import flag, opened, png_of_size
from tests.parts.children import ocr_children, orphans, until
from tests.parts.papers import INVOICE, encoded, encrypted_pdf, text_pdf
from tests.parts.server import KEY, RunningServer, ServerStarter

sys.path.append(str(Path(__file__).parents[1] / "native"))

from native_support import Client, Row, Space, ids, make_login, make_space

PNG = encoded(flag())
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.fixture(scope="module")
def space(server: RunningServer) -> Space:
    return make_space(server.url, KEY)


@pytest.fixture(scope="module")
def file(space: Space) -> str:
    number: str = space.admin.upload(PNG, params={"name": "drapeau été.png"})["id"]
    return number


def preview(client: Client, file: str, **asked: Any) -> httpx.Response:
    """Ask for a picture, again where the machine is too busy to have it in time."""
    headers = asked.pop("headers", {})
    for _ in range(10):
        got = client.call("GET", f"/files/{file}/preview", params=asked, headers=headers)
        if got.status_code != 503:
            return got
        time.sleep(1)
    return got


def test_route(space: Space, file: str) -> None:
    """DY-77: the picture, with headers as for every content."""
    got = preview(space.admin, file, width=200, height=100, fit="cover", format="webp")
    assert got.status_code == 200, got.text
    assert opened(got.content).size == (200, 100)
    assert got.headers["content-type"] == "image/webp"
    assert got.headers["cache-control"] == "private, no-cache"
    assert got.headers["x-content-type-options"] == "nosniff"
    shown = got.headers["content-disposition"]
    assert shown.startswith("inline;")
    assert shown.endswith("filename*=UTF-8''drapeau%20%C3%A9t%C3%A9.webp")
    assert int(got.headers["content-length"]) == len(got.content)


def test_defaults(space: Space, file: str) -> None:
    """DY-77: without sides 256 × 256, inside; as PNG."""
    got = preview(space.admin, file)
    assert (opened(got.content).format, opened(got.content).size) == ("PNG", (256, 143))
    assert opened(preview(space.admin, file, width=4096).content).size == (600, 336)
    assert opened(preview(space.admin, file, height=1).content).size == (2, 1)


def test_conditions(space: Space, file: str) -> None:
    """C-22: the tag is the SHA-256 of the picture; 304, HEAD and ranges as for every content."""
    got = preview(space.admin, file, width=50)
    tag = got.headers["etag"]
    again = preview(space.admin, file, width=50, headers={"If-None-Match": tag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert preview(space.admin, file, width=51, headers={"If-None-Match": tag}).status_code == 200
    head = space.admin.call("HEAD", f"/files/{file}/preview", params={"width": 50})
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(got.content)))
    part = preview(space.admin, file, width=50, headers={"Range": "bytes=1-3"})
    assert (part.status_code, part.content) == (206, b"PNG")


ROWS = [
    Row("a side of 0", "GET", "{p}", 400, {"width": "0"}, code="bad_parameter", parameter="width"),
    Row("too large", "GET", "{p}", 400, {"height": "4097"}, code="bad_parameter"),
    Row("no number", "GET", "{p}", 400, {"width": "x"}, code="bad_parameter", parameter="width"),
    Row("negative", "GET", "{p}", 400, {"width": "-5"}, code="bad_parameter", parameter="width"),
    Row("digits of others", "GET", "{p}", 400, {"width": "٢"}, code="bad_parameter"),
    Row("endless", "GET", "{p}", 400, {"width": "9" * 5000}, code="bad_parameter"),
    Row("empty", "GET", "{p}", 400, {"width": ""}, code="bad_parameter", parameter="width"),
    Row("unknown fit", "GET", "{p}", 400, {"fit": "odd"}, code="bad_parameter", parameter="fit"),
    Row("unknown format", "GET", "{p}", 400, {"format": "svg"}, code="bad_parameter"),
    Row("misspelled", "GET", "{p}", 400, {"widht": "9"}, code="bad_parameter", parameter="widht"),
    Row("no such version", "GET", "{p}", 404, {"version": "9"}, code="version_not_found"),
    Row("version 0", "GET", "{p}", 400, {"version": "0"}, code="bad_parameter"),
    Row("no id", "GET", "/files/nothing/preview", 404, code="file_not_found"),
    Row("another method", "POST", "{p}", 405, code="method_not_allowed"),
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=ids(ROWS))
def test_bad_requests(space: Space, file: str, row: Row) -> None:
    """DY-77, C-30: each wrong parameter is named, and nothing is left behind."""
    before = space.admin.ok("GET", "/jobs")["jobs"]
    row.run(space.admin, p=f"/files/{file}/preview")
    assert space.admin.ok("GET", "/jobs")["jobs"] == before


def test_refusals(space: Space) -> None:
    """DY-77: active content 415, what cannot be read 422, in problem words."""
    state = space.state()
    for name, data, status, code in (
        ("a.svg", SVG, 415, "type_refused"),
        ("a.html", b"<!DOCTYPE html><html></html>", 415, "type_refused"),
        ("a.png", PNG[:400], 422, "document_unreadable"),
        ("bomb.png", png_of_size(60_000, 60_000), 422, "too_many_pixels"),
        ("locked.pdf", encrypted_pdf(), 422, "document_unreadable"),
    ):
        number = space.admin.upload(data, params={"name": name})["id"]
        got = preview(space.admin, number)
        assert (got.status_code, got.json()["code"]) == (status, code), name
        assert got.headers["cache-control"] == "no-store"
        space.admin.ok("DELETE", f"/files/{number}", 204)
        space.admin.ok("DELETE", f"/files/{number}", 204, params={"purge": "true"})
    assert space.state() == state


def test_who_may(server: RunningServer, space: Space, file: str) -> None:
    """C-01, C-03: another space's key, a reader, a private file of another member."""
    assert preview(space.admin, file).status_code == 200
    stranger = make_space(server.url, KEY)
    got = preview(stranger.admin, file)
    assert (got.status_code, got.json()["code"]) == (404, "file_not_found")
    reader = space.member(make_login(server.url, KEY), "reader")
    assert preview(reader, file, width=9).status_code == 200
    mine = space.admin.upload(PNG, params={"access": "private"})["id"]
    assert preview(space.admin, mine).status_code == 200
    assert preview(reader, mine).status_code == 404
    assert Client(server.url).call("GET", f"/files/{file}/preview").status_code == 401


def test_page(space: Space) -> None:
    """DY-77: the first page of a PDF; a job like others in the list of jobs."""
    number = space.admin.upload(text_pdf([INVOICE, "zwei"]), params={"name": "a.pdf"})["id"]
    got = preview(space.admin, number, width=300, format="jpeg")
    assert opened(got.content).size == (300, 425)
    assert 'filename="a.jpg"' in got.headers["content-disposition"]
    assert got.headers["x-consigne-pages"] == "2"
    second = preview(space.admin, number, width=300, format="jpeg", page=2)
    assert (second.status_code, second.headers["x-consigne-pages"]) == (200, "2")
    assert second.content != got.content
    assert preview(space.admin, number, width=300, format="jpeg").content == got.content
    for _ in range(2):
        missing = preview(space.admin, number, width=300, page=3)
        assert (missing.status_code, "2 pages" in missing.text) == (422, True)
    assert preview(space.admin, number, width=301, page=2).status_code == 200
    assert preview(space.admin, number, width=302).status_code == 200
    done = space.admin.ok("GET", "/jobs", params={"state": "done"})["jobs"]
    assert ("preview", number) in [(each["kind"], each["file"]) for each in done]


def test_many_at_once(space: Space) -> None:
    """DY-77: thirty browsers at once get the same bytes; one job does it."""
    number = space.admin.upload(encoded(flag(1200, 900)), params={"name": "b.png"})["id"]
    with ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(lambda _: preview(space.admin, number, width=77), range(30)))
    assert {each.status_code for each in answers} == {200}
    assert len({each.content for each in answers}) == 1
    kinds = [
        each["kind"] for each in space.admin.ok("GET", "/jobs")["jobs"] if each["file"] == number
    ]
    assert kinds.count("preview") == 1


def test_without_worker(start_server: ServerStarter) -> None:
    """DY-77, C-54: 503 with Retry-After at once; what was drawn before is still given."""
    server = start_server()
    client = Client(server.url, KEY)
    number = client.upload(PNG)["id"]
    assert preview(client, number).status_code == 200
    server.terminate()
    server._command.append("--no-worker")
    server.start()
    assert preview(client, number).status_code == 200
    got = client.call("GET", f"/files/{number}/preview", params={"width": 5})
    assert (got.status_code, got.json()["code"]) == (503, "engine_missing")
    assert int(got.headers["retry-after"]) >= 1


def test_killed_while_drawing(start_server: ServerStarter) -> None:
    """C-54: kill -9 in the middle leaves no child; the picture is drawn after the restart."""
    server = start_server(env={"CONSIGNE_JOB_LEASE": "2", "CONSIGNE_PREVIEW_WAIT": "0"})
    client = Client(server.url, KEY)
    number = client.upload(encoded(flag(9000, 9000)), params={"name": "c.png"})["id"]
    got = client.call("GET", f"/files/{number}/preview")
    assert (got.status_code, got.json()["code"]) == (503, "busy")
    assert int(got.headers["retry-after"]) >= 1
    started = until(lambda: bool(ocr_children("picture_child")), 20)
    for child in ocr_children("picture_child") if started else ():
        os.kill(child, signal.SIGSTOP)
    server.kill9()
    for child in orphans("picture_child"):
        os.kill(child, signal.SIGCONT)
    assert until(lambda: not orphans("picture_child"))
    server.start()
    deadline = time.monotonic() + 60
    while (got := preview(client, number)).status_code == 503:
        assert time.monotonic() < deadline
    assert opened(got.content).size == (256, 256)
    assert client.ok("GET", "/jobs")["jobs"][0]["state"] == "done"
