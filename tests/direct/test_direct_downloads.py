"""Downloads that the object store answers, where the setting says so (C-22)."""

import os
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from arrhes_support import Year, good
from direct_support import Site

FILES = "/consigne/v1/files"
LARGE = os.urandom(400_000)
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00"
HTML = b"<!DOCTYPE html><html><script>alert(1)</script></html>" + b" " * 400_000


def stored(year: Year, data: bytes, name: str, kind: str) -> str:
    """Store a file; return the path of its content."""
    headers = {"Content-Type": kind}
    answer = year.http.post(FILES, params={"name": name}, content=data, headers=headers)
    assert answer.status_code == 201, answer.text
    return f"{FILES}/{answer.json()['id']}/content"


def test_a_large_content_is_sent_on(site: Site, year: Year) -> None:
    """C-22: GET leads to the store with the name and the type; the bytes are the same; HEAD and
    conditions are answered here, and what no client needs to be sent on for too."""
    path = stored(year, LARGE, "été.bin", "application/octet-stream")
    answer = year.http.get(path)
    assert answer.status_code == 307, answer.text
    place = answer.headers["location"]
    assert place.startswith(f"{site.store.endpoint}/{site.store.bucket}/{site.prefix}/objects/")
    assert parse_qs(urlsplit(place).query)["X-Amz-Expires"] == ["300"]
    assert answer.headers["cache-control"] == "no-store"
    got = httpx.get(place)
    assert (got.status_code, got.content) == (200, LARGE)
    wanted = "attachment; filename=\"ete.bin\"; filename*=UTF-8''%C3%A9t%C3%A9.bin"
    assert got.headers["content-disposition"] == wanted
    head = year.http.head(path)
    assert (head.status_code, head.headers["content-length"]) == (200, "400000")
    same = {"If-None-Match": head.headers["etag"]}
    assert year.http.get(path, headers=same).status_code == 304
    assert year.http.get(path, headers={"If-Match": '"other"'}).status_code == 412
    assert httpx.get(place.replace("X-Amz-Expires=300", "X-Amz-Expires=999")).status_code == 403
    small = stored(year, b"x" * 1000, "small", "text/plain")
    assert year.http.get(small).content == b"x" * 1000


@pytest.mark.parametrize(
    ("data", "kind", "sent", "disposition"),
    [
        (PNG + LARGE, "image/png", "image/png", "inline"),
        (HTML, "text/html", "application/octet-stream", "attachment"),
        (HTML, "image/png", "application/octet-stream", "attachment"),
        (PNG + LARGE, "text/html", "application/octet-stream", "attachment"),
    ],
)
def test_nothing_active_is_shown(
    year: Year, data: bytes, kind: str, sent: str, disposition: str
) -> None:
    """C-22: inline only where the declared and the detected type are passive, else octets."""
    path = stored(year, data, "a", kind)
    place = year.http.get(path, params={"inline": "true"}).headers["location"]
    got = httpx.get(place)
    assert got.headers["content-type"] == sent
    assert got.headers["content-disposition"] == f'{disposition}; filename="a"'
    attached = httpx.get(year.http.get(path).headers["location"])
    assert attached.headers["content-disposition"] == 'attachment; filename="a"'


def test_the_url_of_an_entry(site: Site, year: Year) -> None:
    """AR-17, AR-31, AR-32: it leads to the store whatever the size, for an hour, and still gives
    the old bytes when the content was replaced; delete URLs lead to the server."""
    entry = year.store(b"%PDF-1.4 one", "facture.pdf")["id"]
    url = year.url(entry, "download-url")
    assert url.startswith(site.store.endpoint)
    assert parse_qs(urlsplit(url).query)["X-Amz-Expires"] == ["3600"]
    got = httpx.get(url)
    assert got.content == b"%PDF-1.4 one"
    assert got.headers["content-disposition"].startswith(("inline", "attachment"))
    year.send(entry, b"%PDF-1.4 two")
    good(year.post(entry, "finalize"))
    assert httpx.get(url).content == b"%PDF-1.4 one"
    assert year.fetch(entry).content == b"%PDF-1.4 two"
    gone = year.url(entry, "delete-url")
    assert gone.startswith(site.server.url)
    assert httpx.delete(gone).status_code == 204
    assert year.post(entry, "download-url").status_code == 400


def test_other_dialects_stream(site: Site, year: Year) -> None:
    """C-22: whose clients may not follow a redirect get their bytes from here."""
    path = stored(year, LARGE, "a.bin", "application/octet-stream")
    number = path.split("/")[4]
    answer = year.http.get(f"/files/{number}")
    assert (answer.status_code, answer.content) == (200, LARGE)
