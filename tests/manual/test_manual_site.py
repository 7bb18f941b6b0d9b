"""The documentation site as a real server serves it: whole, strict, and by itself (C-40)."""

import base64
import hashlib
import re
import subprocess
import sys
import zipfile
from collections import deque
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urldefrag, urljoin

import httpx
import pytest
import yaml

from consigne import errors
from tests.parts.server import RunningServer

ROOT = Path(__file__).resolve().parents[2]
DIALECTS = sorted(path.parent.name for path in ROOT.glob("src/consigne/dialects/*/openapi.yaml"))
LOADING = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}


class Page(HTMLParser):
    """What a page links to, what it loads, and what it has inside."""

    def __init__(self, url: str, text: str) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.loads: set[str] = set()
        self.ids: set[str] = set()
        self.styles: list[str] = []
        self.handlers: list[str] = []
        self._url = url
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "id" and value:
                self.ids.add(value)
            elif name == "style":
                self.styles.append(f"{tag}: {value}")
            elif name.startswith("on"):
                self.handlers.append(f"{tag} {name}")
            elif tag == "a" and name == "href" and value is not None:
                self.links.add(urljoin(self._url, value))
            elif LOADING.get(tag) == name and value:
                self.loads.add(urljoin(self._url, value))


@pytest.fixture(scope="module")
def site(server: RunningServer) -> dict[str, httpx.Response]:
    """Every page and file that can be reached from the start, by its address."""
    found: dict[str, httpx.Response] = {}
    start = f"{server.url}/docs/"
    waiting = deque([start])
    with httpx.Client(follow_redirects=True, timeout=30) as client:
        while waiting:
            url = waiting.popleft()
            if url in found or not url.startswith(start):
                continue
            found[url] = got = client.get(url)
            if got.headers["content-type"].startswith("text/html"):
                page = Page(str(got.url), got.text)
                waiting.extend(urldefrag(link).url for link in page.links | page.loads)
    return found


def pages(site: dict[str, httpx.Response]) -> list[tuple[str, Page, httpx.Response]]:
    return [
        (url, Page(str(got.url), got.text), got)
        for url, got in site.items()
        if got.headers["content-type"].startswith("text/html")
    ]


def test_every_address_is_there(server: RunningServer, site: dict[str, httpx.Response]) -> None:
    """Pages, their parts, anchors; and the OpenAPI browser and documents are linked."""
    assert [(url, got.status_code) for url, got in site.items() if got.status_code != 200] == []
    ids = {url: page.ids for url, page, _ in pages(site)}
    broken = [
        (url, link)
        for url, page, _ in pages(site)
        for link in page.links
        if (parts := urldefrag(link)).fragment
        and parts.url in ids
        and parts.fragment not in ids[parts.url]
    ]
    assert broken == []
    for name in DIALECTS:
        assert f"{server.url}/docs/api/{name}" in site
        assert f"{server.url}/docs/api/{name}.yaml" in site
    assert len(ids) > 20


def test_nothing_comes_from_elsewhere(
    server: RunningServer, site: dict[str, httpx.Response]
) -> None:
    """A strict policy on every page, and nothing in a page that it would refuse."""
    for url, page, got in pages(site):
        policy = got.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'"), url
        assert "unsafe" not in policy
        assert "http" not in policy
        assert "frame-ancestors 'none'" in policy
        assert all(link.startswith(f"{server.url}/") for link in page.loads), (url, page.loads)
        assert (page.styles, page.handlers) == ([], []), url
        for script in re.findall(r"<script>(.*?)</script>", got.text, re.DOTALL):
            digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
            assert f"'sha256-{digest}'" in policy, url
    sheets = [got.text for url, got in site.items() if url.endswith(".css")]
    assert sheets
    for sheet in sheets:
        assert not re.search(r"(url\(|@import)\s*[\"']?(https?:)?//", sheet)


def test_types_and_conditions(server: RunningServer, site: dict[str, httpx.Response]) -> None:
    kinds = {
        ".css": "text/css; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".svg": "image/svg+xml",
        ".yaml": "application/yaml",
        ".sh": "text/plain; charset=utf-8",
    }
    seen = set()
    with httpx.Client() as client:
        for url, got in site.items():
            suffix = Path(url).suffix
            if suffix in kinds:
                seen.add(suffix)
                assert got.headers["content-type"] == kinds[suffix], url
            assert got.headers["x-content-type-options"] == "nosniff"
            again = client.get(str(got.url), headers={"If-None-Match": got.headers["etag"]})
            assert (again.status_code, again.content) == (304, b""), url
        head = client.head(f"{server.url}/docs/")
        assert head.status_code == 200
        assert head.content == b""
        assert int(head.headers["content-length"]) == len(site[f"{server.url}/docs/"].content)
        assert client.get(f"{server.url}/docs/", headers={"If-Match": '"x"'}).status_code == 412
        index = client.get(f"{server.url}/docs/search.json")
        assert "quota_exceeded" in index.text
    assert seen >= {".css", ".js", ".svg", ".yaml"}


def test_redirects_and_refusals(server: RunningServer) -> None:
    """A final slash is added by a relative redirect; a browser gets a page, a program a problem."""
    with httpx.Client(base_url=server.url) as client:
        for path in ("/docs", "/docs/errors", "/docs/errors/daxium", "/docs/cli"):
            got = client.get(path)
            assert (got.status_code, got.headers["location"]) == (308, f"{path.split('/')[-1]}/")
            assert client.get(f"{path}/").status_code == 200
        for path in (
            "/docs/nix",
            "/docs/.stamp",
            "/docs//cli/",
            "/docs/%2e%2e/pages.py",
            "/docs/api/x.yaml",
            "/docs/static/README.md",
            "/docs/assets/",
        ):
            got = client.get(path)
            assert (got.status_code, got.json()["code"]) == (404, "route_not_found"), path
            assert got.headers["content-type"] == "application/problem+json"
        got = client.get("/docs/nix", headers={"Accept": "text/html,*/*;q=0.8"})
        assert (got.status_code, got.headers["content-type"]) == (404, "text/html; charset=utf-8")
        assert f'href="{server.url}/docs/"' in got.text
        got = client.post("/docs/", content=b"x")
        assert (got.status_code, got.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("name", DIALECTS)
def test_each_dialect_can_be_browsed(server: RunningServer, name: str) -> None:
    page = httpx.get(f"{server.url}/docs/api/{name}").text
    assert f'data-url="{name}.yaml"' in page
    document = yaml.safe_load(httpx.get(f"{server.url}/docs/api/{name}.yaml").text)
    assert document["openapi"].startswith("3.1")
    listed = httpx.get(f"{server.url}/docs/api/").text
    for path in document["paths"]:
        assert f"<code>{path}</code>" in listed


def test_every_error_is_explained(server: RunningServer) -> None:
    """C-41: the page that ``type`` leads to has an anchor for every code."""
    page = httpx.get(f"{server.url}/docs/errors/").text
    anchors = re.findall(r'<h3 id="([^"]+)">', page)
    assert anchors == [kind.code for kind in errors.leaves()]


def test_the_wheel_carries_the_site(tmp_path: Path) -> None:
    """Somebody who installs the wheel has the manual; what makes it stays behind."""
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    for page in ("index.html", "search.json", "errors/index.html", "cli/index.html"):
        assert f"consigne/manual/site/{page}" in names
    assert "consigne/manual/static/swagger-ui-bundle.js" in names
    assert not [name for name in names if "zensical" in name or name.startswith("docs/")]
