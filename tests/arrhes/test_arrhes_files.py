"""Files of a year: entries, upload by a signed URL, finalize, reading, emptying, deleting."""

import hashlib
import json
import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from arrhes_support import Organization, Year, found_organization, good, refused
from tests.parts.server import RunningServer, ServerStarter

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
KEYS = (
    "id idOrganization idYear idFolder idFileParent reference name storageKey type size createdAt "
    "lastUpdatedAt hash date createdBy lastUpdatedBy detectedType"
)
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00")


@pytest.mark.parametrize("form", ["", "/v1"])
def test_create_upload_finalize(organization: Organization, form: str) -> None:
    """AR-01, AR-06..08, AR-10, AR-11, AR-13, AR-19, AR-30, AR-33, AR-50: the whole way in."""
    year = organization.year(form)
    data = PDF + os.urandom(2000)
    got = year.http.post(f"{year.path}/files", json={"name": "a.pdf", "reference": "FA-118"})
    assert got.status_code == 200
    entry = got.json()
    assert " ".join(entry) == KEYS
    assert re.fullmatch("[0-9a-z]{16}", entry["id"])
    assert MOMENT.fullmatch(entry["createdAt"])
    absent = "idFolder storageKey type size lastUpdatedAt hash date lastUpdatedBy detectedType"
    assert all(entry[name] is None for name in absent.split())
    assert (entry["name"], entry["reference"]) == ("a.pdf", "FA-118")
    assert (entry["idYear"], entry["idOrganization"]) == (year.id, organization.id)

    asked = year.post(entry["id"], "upload-url", type="application/pdf", size=len(data))
    assert good(asked)["file"] == entry
    assert organization.books() == (0, len(data))
    put = httpx.put(asked.json()["url"], content=data)
    assert (put.status_code, put.content) == (200, b"")
    assert put.headers["etag"] == f'"{hashlib.sha256(data).hexdigest()}"'

    done = good(year.post(entry["id"], "finalize"))
    assert done["storageKey"] == f"organizations/{organization.id}/storage/{entry['id']}"
    assert (done["type"], done["size"]) == ("application/pdf", len(data))
    assert done["hash"] == hashlib.sha256(data).hexdigest()
    assert done["detectedType"] == "application/pdf"
    assert organization.books() == (len(data), 0)
    assert year.file(entry["id"]) == done
    assert year.fetch(entry["id"]).content == data


def test_answers_are_compact_json(year: Year) -> None:
    """AR-06, AR-70: arrhes.sh cuts ``"url":"…"`` out of the answer as text."""
    entry = year.entry()
    path = f"{year.path}/files/{entry['id']}"
    for got in (
        year.http.get(path),
        year.http.post(f"{path}/upload-url", json={"type": "", "size": 1}),
    ):
        text = json.dumps(got.json(), separators=(",", ":"), ensure_ascii=False)
        assert got.text == text
    assert re.search('"url":"([^"]*)"', got.text)


def test_the_shell_clients_habits(year: Year) -> None:
    """AR-70, AR-71: null for every absent key, POST without body or Content-Type, empty type."""
    body = {"name": "scan.pdf", "idFolder": None, "reference": None, "hash": None}
    entry = good(year.http.post(f"{year.path}/files", json=body))
    year.send(entry["id"], PDF, "")
    path = f"{year.path}/files/{entry['id']}"
    done = good(year.http.request("POST", f"{path}/finalize"))
    assert done["type"] == "application/octet-stream"
    url = good(year.http.request("POST", f"{path}/download-url"))["url"]
    assert httpx.get(url).content == PDF


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": None}, "name"),
        ({"name": ""}, "name"),
        ({"name": " \u202e"}, "name"),
        ({"name": 7}, "name"),
        ({"name": "a", "reference": "r" * 257}, "reference"),
        ({"name": "a", "reference": 1}, "reference"),
        ({"name": "a", "hash": "h" * 257}, "hash"),
        ({"name": "a", "idFolder": 5}, "idFolder"),
    ],
)
def test_wrong_fields_of_an_entry(year: Year, body: dict[str, Any], field: str) -> None:
    """AR-11, AR-60: 400 ``Invalid request`` names the field, and nothing is made."""
    got = year.http.post(f"{year.path}/files", json=body)
    assert got.status_code == 400
    assert got.json()["message"] == "Invalid request"
    cause = json.loads(got.json()["cause"])
    assert list(cause["nested"]) == [field]
    assert year.files() == []


def test_names_follow_the_cores_rule(year: Year) -> None:
    """AR-11: a name is data; equal hashes may repeat."""
    assert year.entry("../../etc/passwd")["name"] == "passwd"
    assert len(year.entry("x" * 300 + ".pdf")["name"]) == 256
    first, second = year.entry("a", hash="same"), year.entry("a", hash="same")
    assert first["id"] != second["id"]
    assert first["hash"] == second["hash"] == "same"


def test_unknown_folder_of_an_entry(year: Year, stranger: Organization) -> None:
    """AR-11, AR-14, AR-41: a folder of another year or organization, or no id: folder_unknown."""
    elsewhere = year.organization.year().folder()
    foreign = stranger.year().folder()
    entry = year.entry()
    for folder in (elsewhere, foreign, "no-id", "0" * 16):
        got = year.http.post(f"{year.path}/files", json={"name": "a", "idFolder": folder})
        refused(got, 400, "folder_unknown")
        got = year.http.patch(f"{year.path}/files/{entry['id']}", json={"idFolder": folder})
        refused(got, 400, "folder_unknown")
    assert year.files() == [entry]


@pytest.mark.parametrize("size", ["12", 12.5, -1, None, True, []])
def test_wrong_sizes(year: Year, size: Any) -> None:
    """AR-16: ``size`` is a whole number from 0; anything else reserves nothing."""
    entry = year.entry()
    got = year.post(entry["id"], "upload-url", type="application/pdf", size=size)
    assert (got.status_code, got.json()["message"]) == (400, "Invalid request")
    assert "size" in json.loads(got.json()["cause"])["nested"]
    assert year.organization.books() == (0, 0)


@pytest.mark.parametrize("kind", [None, 5, "pdf", "a/b/c", "text/plain\n", "x/" + "y" * 254])
def test_wrong_types(year: Year, kind: Any) -> None:
    """AR-16: ``type`` is a media type of at most 255 characters."""
    got = year.post(year.entry()["id"], "upload-url", type=kind, size=5)
    assert got.status_code == 400
    assert "type" in json.loads(got.json()["cause"])["nested"]
    assert year.organization.books() == (0, 0)


def test_fifty_million_bytes_and_no_more(year: Year) -> None:
    """AR-16, AR-71, AR-75: 50 MB are 50,000,000 bytes, decimal."""
    file = year.entry()["id"]
    assert year.upload_url(file, 50_000_000)
    got = year.post(file, "upload-url", type="application/pdf", size=50_000_001)
    body = refused(got, 400, "file_too_large")
    assert body["message"] == "Taille maximale de 50 Mo dépassée"


def test_an_empty_content(year: Year) -> None:
    """AR-16: a size of 0 is a size."""
    done = year.store(b"", "vide.txt", "text/plain")
    assert (done["size"], done["hash"]) == (0, hashlib.sha256(b"").hexdigest())
    assert year.fetch(done["id"]).content == b""


def test_reservations_count_as_usage(server: RunningServer) -> None:
    """AR-09, AR-16, AR-75: parallel upload-urls that exceed the limit together: one is refused."""
    organization = found_organization(server, quota=1000)
    year = organization.year()
    assert organization.document()["storageLimit"] == 1000
    entries = [year.entry()["id"] for _ in range(2)]

    def ask(file: str) -> httpx.Response:
        return year.post(file, "upload-url", type="text/plain", size=600)

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(ask, entries))
    assert sorted(got.status_code for got in answers) == [200, 400]
    body = refused(next(got for got in answers if got.status_code == 400), 400, "quota_exceeded")
    assert body["message"] == "Espace de stockage épuisé"
    assert organization.books() == (0, 600)


def test_finalize_before_the_put(year: Year) -> None:
    """AR-19: 409 upload_missing, the entry unchanged."""
    entry = year.entry()
    refused(year.post(entry["id"], "finalize"), 409, "upload_missing")
    year.upload_url(entry["id"], 5)
    refused(year.post(entry["id"], "finalize"), 409, "upload_missing")
    assert year.file(entry["id"]) == entry


def test_finalize_twice_and_twice_at_once(year: Year) -> None:
    """AR-19: the same file each time, charged once (C-14)."""
    file = year.entry()["id"]
    year.send(file, PDF)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: year.post(file, "finalize"), range(4)))
    assert [got.status_code for got in answers] == [200] * 4
    assert len({got.text for got in answers}) == 1
    assert good(year.post(file, "finalize")) == answers[0].json()
    assert year.organization.books() == (len(PDF), 0)


@pytest.mark.parametrize("algorithm", ["sha256", "md5"])
def test_a_given_hash_is_checked(year: Year, algorithm: str) -> None:
    """AR-19: a wrong one drops object and reservation, a right one passes in any letter case."""
    right = hashlib.new(algorithm, PDF).hexdigest()
    wrong = hashlib.new(algorithm, b"other").hexdigest()
    entry = year.entry(hash=wrong)
    year.send(entry["id"], PDF)
    assert year.organization.usage == len(PDF)
    refused(year.post(entry["id"], "finalize"), 400, "hash_mismatch")
    assert year.file(entry["id"]) == entry
    assert year.organization.books() == (0, 0)
    refused(year.post(entry["id"], "finalize"), 409, "upload_missing")
    assert year.store(PDF, hash=right.upper())["hash"] == right.upper()


def test_other_texts_as_hash_are_kept(year: Year) -> None:
    """AR-19: what is neither SHA-256 nor MD5 in hex is kept unchecked."""
    assert year.store(PDF, hash="crc32:12345678")["hash"] == "crc32:12345678"


def test_a_new_version(year: Year) -> None:
    """AR-17, AR-19: its hash is computed, usage changes by the difference; URLs pin versions."""
    done = year.store(PDF, hash=hashlib.sha256(PDF).hexdigest())
    old = year.url(done["id"], "download-url")
    text = b"a text of its own"
    year.send(done["id"], text, "text/plain")
    assert year.organization.books() == (len(PDF), len(text))
    new = good(year.post(done["id"], "finalize"))
    assert (new["hash"], new["size"]) == (hashlib.sha256(text).hexdigest(), len(text))
    assert (new["type"], new["detectedType"]) == ("text/plain", "text/plain")
    assert year.organization.books() == (len(text), 0)
    assert httpx.get(old).content == PDF
    assert year.fetch(done["id"]).content == text


def test_declared_and_detected_type(year: Year) -> None:
    """AR-10, AR-34: both are kept; the declared one is sent, never sniffed."""
    done = year.store(PDF, "photo.png", "image/png")
    assert (done["type"], done["detectedType"]) == ("image/png", "application/pdf")
    got = year.fetch(done["id"])
    assert got.headers["content-type"] == "image/png"
    assert got.headers["x-content-type-options"] == "nosniff"


def test_lists(year: Year) -> None:
    """AR-04, AR-12: this year's files, entries included; oldest first; options and their errors."""
    names = [f"{number:03}.pdf" for number in range(250)]
    for name in names:
        year.entry(name)
    year.organization.year().entry("of another year")
    everything = year.http.get(f"{year.path}/files")
    assert "x-total-count" not in everything.headers
    assert [file["name"] for file in everything.json()] == names

    def page(**options: Any) -> httpx.Response:
        return year.http.get(f"{year.path}/files", params=options)

    got = page(limit=100, offset=200, sort="-name")
    assert [file["name"] for file in good(got)] == names[49::-1]
    assert got.headers["x-total-count"] == "250"
    assert [file["name"] for file in good(page(limit=2, sort="createdAt"))] == names[:2]
    for options in (
        {"limit": "x"}, {"limit": 0}, {"limit": 1001}, {"offset": -1}, {"sort": "owner"},
        {"sort": "--name"},
    ):  # fmt: skip
        refused(page(**options), 400, "bad_parameter")


def test_every_sort_key(year: Year) -> None:
    """AR-12: name, reference, size, date, createdAt, lastUpdatedAt, each both ways."""
    one = year.store(PDF, "b.pdf", reference="1")["id"]
    two = year.entry("a.pdf", reference="2")["id"]
    good(year.http.patch(f"{year.path}/files/{one}", json={"date": "2026-01-02"}))
    good(year.http.patch(f"{year.path}/files/{two}", json={"date": "2026-01-01"}))

    def order(sort: str) -> list[str]:
        got = year.http.get(f"{year.path}/files", params={"sort": sort})
        return [file["id"] for file in good(got)]

    assert order("name") == order("size") == order("date") == [two, one]
    assert order("-name") == order("-size") == order("-date") == [one, two]
    assert order("reference") == order("createdAt") == [one, two]
    assert order("-reference") == order("-createdAt") == [two, one]
    assert set(order("lastUpdatedAt")) == set(order("-lastUpdatedAt")) == {one, two}


def test_patch(year: Year) -> None:
    """AR-07, AR-14: only keys present change, null clears, dates get their one spelling."""
    entry = year.entry(reference="R")
    path = f"{year.path}/files/{entry['id']}"

    def patch(**body: Any) -> Any:
        return good(year.http.patch(path, json=body))

    assert patch() == entry
    folder = year.folder()
    changed = patch(name="b.pdf", date="2026-02-28", idFolder=folder)
    assert changed["date"] == "2026-02-28T00:00:00+00:00"
    assert (changed["name"], changed["idFolder"], changed["reference"]) == ("b.pdf", folder, "R")
    assert changed["lastUpdatedBy"] == entry["createdBy"]
    assert MOMENT.fullmatch(changed["lastUpdatedAt"])
    cleared = patch(reference=None, date=None, idFolder=None)
    assert (cleared["reference"], cleared["date"], cleared["idFolder"]) == (None, None, None)
    for sent, kept in (
        ("2026-02-03T08:15:40Z", "2026-02-03T08:15:40+00:00"),
        ("2026-02-03T23:15:40.9+02:00", "2026-02-03T23:15:40+02:00"),
        ("2026-02-03T08:15", "2026-02-03T08:15:00+00:00"),
    ):
        assert patch(date=sent)["date"] == kept


@pytest.mark.parametrize(
    "body",
    [{"name": None}, {"name": ""}, {"date": "2026-02-30"}, {"date": "yesterday"}, {"date": 5},
     {"date": "20260203"}, {"reference": "x" * 257}, {"idFolder": 3}],
)  # fmt: skip
def test_wrong_patches(year: Year, body: dict[str, Any]) -> None:
    """AR-14: 400, and the file stays as it is."""
    entry = year.entry(reference="R")
    got = year.http.patch(f"{year.path}/files/{entry['id']}", json=body)
    assert (got.status_code, got.json()["message"]) == (400, "Invalid request")
    assert year.file(entry["id"]) == entry


def test_delete(year: Year) -> None:
    """AR-15, AR-50: entry, content and what is on its way are gone, and so is the charge."""
    done = year.store(PDF)
    url = year.url(done["id"], "download-url")
    put = year.upload_url(done["id"], 10)
    entry = year.entry()
    pending = year.upload_url(entry["id"], 7)
    assert year.organization.books() == (len(PDF), 17)
    for file in (done, entry):
        got = year.http.delete(f"{year.path}/files/{file['id']}")
        assert (got.status_code, got.text) == (200, "{}")
        refused(year.http.get(f"{year.path}/files/{file['id']}"), 404, "file_not_found")
    assert year.organization.books() == (0, 0)
    assert year.files() == []
    assert httpx.get(url).status_code == 404
    assert httpx.put(put, content=b"x" * 10).status_code == 403
    assert httpx.put(pending, content=b"x" * 7).status_code == 403


def test_delete_url(year: Year) -> None:
    """AR-18, AR-32, AR-34: using it empties the entry; again, or with other content: no effect."""
    kept = year.store(PDF, "twin.pdf")
    done = year.store(PDF, reference="R", hash=hashlib.md5(PDF).hexdigest())
    read, url = year.url(done["id"], "download-url"), year.url(done["id"], "delete-url")
    assert year.file(done["id"]) == done
    assert httpx.delete(url).status_code == 204
    emptied = year.file(done["id"])
    for name in ("storageKey", "type", "detectedType", "size", "hash"):
        assert emptied[name] is None
    assert (emptied["reference"], emptied["name"]) == ("R", done["name"])
    assert year.organization.books() == (len(PDF), 0)
    assert httpx.delete(url).status_code == 204
    assert httpx.get(read).status_code == 404
    assert year.fetch(kept["id"]).content == PDF

    year.send(done["id"], b"new content", "text/plain")
    assert good(year.post(done["id"], "finalize"))["size"] == 11
    assert httpx.delete(url).status_code == 204
    assert year.file(done["id"])["size"] == 11
    assert httpx.get(read).status_code == 404


@pytest.mark.parametrize("verb", ["download-url", "delete-url", "ocr"])
def test_no_content(year: Year, verb: str) -> None:
    """AR-17, AR-18, AR-20: an entry without content: 400 no_content."""
    body = refused(year.post(year.entry()["id"], verb), 400, "no_content")
    assert body["message"] == "Aucun contenu pour ce fichier"


def test_a_second_url_voids_the_first(year: Year) -> None:
    """AR-16, AR-33: 403 at the first URL, before and after the second one is used."""
    file = year.entry()["id"]
    first = year.upload_url(file, 3)
    second = year.upload_url(file, 3)
    assert year.organization.books() == (0, 3)
    assert httpx.put(first, content=b"old").status_code == 403
    assert httpx.put(second, content=b"new").status_code == 200
    assert good(year.post(file, "finalize"))["size"] == 3
    for url in (first, second):
        assert httpx.put(url, content=b"bad").status_code == 403
    assert year.fetch(file).content == b"new"


def test_a_slot_that_is_never_finalized(start_server: ServerStarter) -> None:
    """AR-11, AR-50: after its time bytes and reservation are gone, the entry is still listed."""
    server = start_server(
        env={
            "CONSIGNE_INCOMING_EXPIRY": "0",
            "CONSIGNE_S3_PUT_EXPIRY": "2",
            "CONSIGNE_SWEEP_EVERY": "0.2",
        }
    )
    organization = found_organization(server)
    year = organization.year()
    entry = year.entry()
    year.send(entry["id"], b"x" * 500_000)
    deadline = time.monotonic() + 20
    while organization.books() != (0, 0):
        assert time.monotonic() < deadline, "the reservation was never given back"
        time.sleep(0.1)
    refused(year.post(entry["id"], "finalize"), 409, "upload_missing")
    assert year.files() == [entry]
    stages = [path for path in (server.data / "blobs").rglob("*") if path.is_file()]
    assert not [path for path in stages if path.stat().st_size == 500_000]
    assert year.store(PDF)["size"] == len(PDF)


def test_killed_between_put_and_finalize(start_server: ServerStarter) -> None:
    """AR-33, AR-50: what was acknowledged is there after a crash, and finalize works."""
    server = start_server()
    year = found_organization(server).year()
    file, data = year.entry()["id"], os.urandom(300_000)
    year.send(file, data)
    server.kill9()
    server.start()
    assert good(year.post(file, "finalize"))["size"] == len(data)
    assert year.fetch(file).content == data
    assert year.organization.books() == (len(data), 0)


def test_other_doors(year: Year) -> None:
    """AR-04, AR-15, AR-50: same bytes, ETag and quota at the native and Appmixer doors; one end."""
    data = PDF + b"doors"
    done = year.store(data, "doors.pdf")
    native = good(year.http.get("/consigne/v1/files"))["files"]
    [seen] = [file for file in native if file["name"] == "doors.pdf"]
    got = year.http.get(f"/consigne/v1/files/{seen['id']}/content")
    assert got.content == data
    assert got.headers["etag"] == year.fetch(done["id"]).headers["etag"]
    other = year.http.get(f"/files/{seen['id']}", headers={"Accept": "*/*"})
    assert (other.status_code, other.content) == (200, data)
    assert year.organization.books() == (len(data), 0)
    assert year.http.delete(f"/consigne/v1/files/{seen['id']}").status_code in (200, 204)
    refused(year.http.get(f"{year.path}/files/{done['id']}"), 404, "file_not_found")
    assert year.organization.books() == (0, 0)
