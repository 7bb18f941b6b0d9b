"""The built files: what the source makes, small enough, and served as they must be."""

import gzip
import re
import subprocess
from pathlib import Path

import httpx
from console_support import TOP
from tests.parts.server import RunningServer

BUILT = TOP / "src/consigne/console/static"
BUDGET = 250_000


def test_what_is_committed_is_what_the_source_builds(tmp_path: Path) -> None:
    """`make console` gives these bytes; it checks the types of the source as well."""
    made = subprocess.run(
        [TOP / "scripts/console", tmp_path / "static"], capture_output=True, text=True, timeout=100
    )
    assert made.returncode == 0, made.stdout + made.stderr
    new = {path.name: path.read_bytes() for path in (tmp_path / "static").iterdir()}
    old = {path.name: path.read_bytes() for path in BUILT.iterdir()}
    assert sorted(new) == sorted(old), "run `make console` and commit what it builds"
    assert new == old


def test_a_first_visit_is_light() -> None:
    page = (BUILT / "index.html").read_text()
    names = re.findall(r'/console/static/([^"]+)', page)
    assert len(names) >= 2, page
    weight = sum(len(gzip.compress((BUILT / name).read_bytes(), 9)) for name in names)
    # The area that comes first is loaded behind it.
    parts = [path for path in BUILT.glob("part-*.js") if path.name not in names]
    weight += sum(len(gzip.compress(path.read_bytes(), 9)) for path in parts)
    assert weight < BUDGET, f"{weight} bytes"


def test_nothing_comes_from_elsewhere() -> None:
    for path in BUILT.iterdir():
        if path.suffix in (".html", ".css"):
            assert not re.search(r"https?://|url\(|@import", path.read_text()), path.name


def test_the_page_and_its_files_are_served_strictly(server: RunningServer) -> None:
    for path in ("/console", "/console/", "/console/a/files/b?c=d", "/console/~/users"):
        got = httpx.get(server.url + path)
        assert got.status_code == 200
        assert '<div id="app">' in got.text
        policy = dict(each.strip().split(" ", 1) for each in
                      got.headers["content-security-policy"].split(";"))  # fmt: skip
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == "'self'"
        assert policy["frame-ancestors"] == "'none'"
        assert policy["base-uri"] == "'none'"
        assert "unsafe" not in got.headers["content-security-policy"]
        assert got.headers["x-content-type-options"] == "nosniff"
        assert got.headers["x-frame-options"] == "DENY"
        assert got.headers["cache-control"] == "no-cache"
    again = httpx.get(f"{server.url}/console", headers={"If-None-Match": got.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    for path in BUILT.iterdir():
        got = httpx.get(f"{server.url}/console/static/{path.name}")
        assert got.status_code == 200
        assert got.headers["x-content-type-options"] == "nosniff"
        if path.name != "index.html":
            assert got.content == path.read_bytes()
            assert got.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert got.headers["content-encoding"] == "gzip"
    plain = httpx.get(f"{server.url}/console/static/{path.name}", headers={"Accept-Encoding": ""})
    assert "content-encoding" not in plain.headers


def test_what_is_not_there_is_not_served(server: RunningServer) -> None:
    for name in ("x.js", "..%2Fpages.py", "%2e%2e/pages.py", "a/b.js", "", "x" * 5000):
        assert httpx.get(f"{server.url}/console/static/{name}").status_code == 404, name
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        got = httpx.request(method, f"{server.url}/console")
        assert (got.status_code, got.headers["allow"]) == (405, "GET, HEAD")
