"""Arrhes uploads that go straight to the object store, and finalize that takes them in (C-21)."""

import base64
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from arrhes_support import Year, good, refused
from direct_support import Site

MIB = 1 << 20


@pytest.mark.parametrize("size", [0, 1, 300_000, 9 * MIB + 1])
def test_a_file(site: Site, year: Year, size: int) -> None:
    """AR-32, C-21: the bytes go past the server, are nothing before finalize, and are then kept
    under another key; nothing incoming stays."""
    data = os.urandom(size)
    entry = year.entry(hash=hashlib.sha256(data).hexdigest())["id"]
    url = year.upload_url(entry, size)
    parts = urlsplit(url)
    assert f"http://{parts.netloc}" == site.store.endpoint
    assert parse_qs(parts.query)["X-Amz-SignedHeaders"] == ["content-length;host"]
    assert not [name for name in parse_qs(parts.query) if "checksum" in name.lower()]
    refused(year.post(entry, "finalize"), 409, "upload_missing")
    before = set(site.keys("objects/"))
    sent = httpx.put(url, content=data, headers={"Content-Type": "text/html"})
    assert sent.status_code == 200, sent.text
    incoming = parts.path.removeprefix(f"/{site.store.bucket}/")
    assert incoming in site.keys("incoming/")
    assert year.organization.books() == (0, size)
    assert year.file(entry)["storageKey"] is None
    refused(year.post(entry, "download-url"), 400, "no_content")
    done = good(year.post(entry, "finalize"))
    assert (done["size"], done["type"]) == (size, "application/pdf")
    assert done["hash"] == hashlib.sha256(data).hexdigest()
    assert year.organization.books() == (size, 0)
    assert year.fetch(entry).content == data
    assert incoming not in site.keys("incoming/")
    assert len(set(site.keys("objects/")) - before) == 1
    assert good(year.post(entry, "finalize")) == year.file(entry)
    assert year.organization.books() == (size, 0)


def test_a_late_put_touches_nothing(site: Site, year: Year) -> None:
    """C-21: a URL that is used again after finalize makes a stray object, and no more."""
    data = os.urandom(200_000)
    entry = year.entry()["id"]
    url = year.send(entry, data)
    good(year.post(entry, "finalize"))
    assert httpx.put(url, content=os.urandom(200_000)).status_code == 200
    assert good(year.post(entry, "finalize"))["hash"] == hashlib.sha256(data).hexdigest()
    assert year.fetch(entry).content == data


def test_the_last_complete_put_counts_here_too(year: Year) -> None:
    """AR-33: a second body in place of the first."""
    one, two = os.urandom(1000), os.urandom(1000)
    entry = year.entry()["id"]
    url = year.send(entry, one)
    assert httpx.put(url, content=two).status_code == 200
    assert good(year.post(entry, "finalize"))["hash"] == hashlib.sha256(two).hexdigest()


@pytest.mark.parametrize("change", [-1, 1])
def test_the_store_refuses_another_length(year: Year, change: int) -> None:
    """AR-33, AR-35: the length is signed there too."""
    entry = year.entry()["id"]
    url = year.upload_url(entry, 10)
    assert httpx.put(url, content=b"x" * (10 + change)).status_code == 403
    assert httpx.put(url.replace("X-Amz-Expires=60", "X-Amz-Expires=61"), content=b"x" * 10
                     ).status_code == 403  # fmt: skip
    refused(year.post(entry, "finalize"), 409, "upload_missing")
    wrong = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    assert httpx.put(url, content=b"x" * 10, headers={"Content-MD5": wrong}).status_code == 400
    refused(year.post(entry, "finalize"), 409, "upload_missing")
    assert year.organization.books() == (0, 10)


def test_another_length_at_finalize(site: Site, year: Year) -> None:
    """AR-19: an object of another length, however it came there, ends the session."""
    entry = year.entry()["id"]
    key = urlsplit(year.upload_url(entry, 10)).path.removeprefix(f"/{site.store.bucket}/")
    site.store.client().put_object(Bucket=site.store.bucket, Key=key, Body=b"x" * 11)
    refused(year.post(entry, "finalize"), 400, "size_mismatch")
    refused(year.post(entry, "finalize"), 409, "upload_missing")
    assert year.organization.books() == (0, 0)
    assert key not in site.keys("incoming/")


def test_another_hash_at_finalize(site: Site, year: Year) -> None:
    """AR-19: not the announced content: dropped, freed, the entry as it was."""
    entry = year.entry(hash=hashlib.sha256(b"announced").hexdigest())["id"]
    year.send(entry, b"something")
    refused(year.post(entry, "finalize"), 400, "hash_mismatch")
    assert year.organization.books() == (0, 0)
    assert year.file(entry)["storageKey"] is None
    year.send(entry, b"announced")
    good(year.post(entry, "finalize"))


def test_a_new_url_voids_the_old_one(year: Year) -> None:
    """AR-16: what came by the voided one is not finalized."""
    entry = year.entry()["id"]
    old = year.upload_url(entry, 5)
    new = year.upload_url(entry, 5)
    assert httpx.put(old, content=b"older").status_code == 200
    refused(year.post(entry, "finalize"), 409, "upload_missing")
    assert httpx.put(new, content=b"newer").status_code == 200
    assert good(year.post(entry, "finalize"))["hash"] == hashlib.sha256(b"newer").hexdigest()


def test_two_finalizes_at_once(year: Year) -> None:
    """AR-19: one content, one charge, the same answer."""
    data = os.urandom(6 * MIB)
    entry = year.entry()["id"]
    year.send(entry, data)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: year.post(entry, "finalize"), range(4)))
    assert [good(each) for each in found] == [year.file(entry)] * 4
    assert year.organization.books() == (len(data), 0)


def test_a_closed_year(year: Year) -> None:
    """AR-51: closed between PUT and finalize."""
    entry = year.entry()["id"]
    year.send(entry, b"content")
    year.turn("close")
    refused(year.post(entry, "finalize"), 409, "year_closed")
    year.turn("open")
    assert good(year.post(entry, "finalize"))["size"] == 7
