"""Accounting years: their rows, closing and opening, files that have none."""

import json
from typing import Any

import httpx
import pytest
from arrhes_support import DAY, Organization, Year, client, good, refused
from tests.parts.server import others_forget

from consigne.model.identity import Kind, from_uuid, to_letters

KEYS = (
    "id idOrganization idYearPrevious isClosed closedAt label startingAt endingAt createdAt "
    "lastUpdatedAt createdBy lastUpdatedBy"
)


def years_path(organization: Organization) -> str:
    return f"/organizations/{organization.id}/years"


def test_years(organization: Organization) -> None:
    """AR-09: make, list, read, change, delete; the label by default."""
    path = years_path(organization)
    made = good(organization.http.post(path, json=DAY))
    assert " ".join(made) == KEYS
    assert (made["label"], made["isClosed"], made["closedAt"]) == ("Exercice 2026", False, None)
    assert made["startingAt"] == "2026-01-01T00:00:00+00:00"
    body = {"startingAt": "2027-01-01", "endingAt": "2027-12-31", "label": "An 2"}
    second = good(organization.http.post(path, json=body | {"idYearPrevious": made["id"]}))
    assert (second["label"], second["idYearPrevious"]) == ("An 2", made["id"])
    assert good(organization.http.get(path)) == [made, second]
    one = f"{path}/{second['id']}"
    changed = good(organization.http.patch(one, json={"label": "L", "endingAt": "2028-01-31"}))
    assert (changed["label"], changed["endingAt"][:10]) == ("L", "2028-01-31")
    assert good(organization.http.get(one)) == changed
    assert good(organization.http.delete(f"{path}/{made['id']}")) == {}
    assert good(organization.http.get(one))["idYearPrevious"] is None
    refused(organization.http.get(f"{path}/{made['id']}"), 404, "year_not_found")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"endingAt": "2026-12-31"}, "startingAt"),
        ({"startingAt": "2026-01-01"}, "endingAt"),
        (DAY | {"startingAt": "soon"}, "startingAt"),
        (DAY | {"startingAt": "2027-01-01"}, "endingAt"),
        (DAY | {"label": ""}, "label"),
        (DAY | {"label": 3}, "label"),
        (DAY | {"idYearPrevious": "0" * 16}, "idYearPrevious"),
    ],
)
def test_wrong_years(organization: Organization, body: Any, field: str) -> None:
    """AR-09, AR-60: 400, and no year is made."""
    got = organization.http.post(years_path(organization), json=body)
    assert (got.status_code, got.json()["message"]) == (400, "Invalid request")
    assert list(json.loads(got.json()["cause"])["nested"]) == [field]
    assert good(organization.http.get(years_path(organization))) == []


def test_a_year_with_something_in_it(year: Year) -> None:
    """AR-09: 409 year_not_empty for an entry, a file or a folder; the trash does not count."""
    entry = year.entry()["id"]
    refused(year.http.delete(year.path), 409, "year_not_empty")
    good(year.http.delete(f"{year.path}/files/{entry}"))
    stored = year.store(b"x")["id"]
    refused(year.http.delete(year.path), 409, "year_not_empty")
    good(year.http.delete(f"{year.path}/files/{stored}"))
    folder = year.folder()
    refused(year.http.delete(year.path), 409, "year_not_empty")
    good(year.http.delete(f"{year.path}/folders/{folder}"))
    assert good(year.http.delete(year.path)) == {}


def test_a_closed_year(year: Year) -> None:
    """AR-09, AR-18, AR-34, AR-51 (C-12): every write 409, reading works; opened again all works."""
    stored, entry, folder = year.store(b"bytes"), year.entry(), year.folder()
    delete = year.url(stored["id"], "delete-url")
    year.send(entry["id"], b"in flight")
    closed = year.turn("close")
    assert closed["isClosed"]
    assert closed["closedAt"] is not None
    assert year.turn("close")["closedAt"] == closed["closedAt"]
    file, place = f"{year.path}/files/{stored['id']}", f"{year.path}/folders/{folder}"
    writes: list[tuple[str, str, Any]] = [
        ("POST", f"{year.path}/files", {"name": "a"}),
        ("PATCH", file, {"name": "b"}),
        ("DELETE", file, None),
        ("POST", f"{file}/upload-url", {"type": "", "size": 1}),
        ("POST", f"{file}/delete-url", None),
        ("POST", f"{file}/finalize", None),
        ("POST", f"{year.path}/files/{entry['id']}/finalize", None),
        ("POST", f"{file}/ocr", None),
        ("POST", f"{year.path}/folders", {"name": "a"}),
        ("PATCH", place, {"name": "b"}),
        ("DELETE", place, None),
        ("PATCH", year.path, {"label": "b"}),
        ("DELETE", year.path, None),
    ]
    for method, path, body in writes:
        got = year.http.request(method, path, json=body)
        assert refused(got, 409, "year_closed")["message"] == "Opération impossible dans cet état"
    got = httpx.delete(delete)
    assert (got.status_code, "<Code>OperationAborted</Code>" in got.text) == (409, True)
    assert year.file(stored["id"]) == stored
    assert year.fetch(stored["id"]).content == b"bytes"
    assert len(year.files()) == 2
    assert not year.turn("open")["isClosed"]
    assert good(year.post(entry["id"], "finalize"))["size"] == 9
    for method, path, body in writes[:3]:
        good(year.http.request(method, path, json=body))


def test_other_doors_and_a_closed_year(year: Year) -> None:
    """AR-51, C-12: the guard holds at the native door too, and is gone when the year is open."""
    year.store(b"bytes", "guarded.pdf")
    [seen] = good(year.http.get("/consigne/v1/files"))["files"]
    path = f"/consigne/v1/files/{seen['id']}"
    year.turn("close")
    assert year.http.delete(path).status_code == 409
    assert year.http.patch(path, json={"name": "renamed"}).status_code == 409
    year.turn("open")
    assert year.http.patch(path, json={"name": "renamed"}).status_code == 200
    assert year.http.delete(path).status_code in (200, 204)
    year.turn("close")
    restored = year.http.post(f"{path}/restore")
    assert restored.status_code == 409, restored.text
    year.turn("open")
    assert year.http.post(f"{path}/restore").status_code == 200
    assert [file["name"] for file in year.files()] == ["renamed"]


def test_a_held_file_is_protected(year: Year) -> None:
    """AR-15, AR-34 (C-12): a legal hold: 409 file_protected here, OperationAborted at /s3."""
    stored = year.store(b"evidence", "held.pdf")
    delete = year.url(stored["id"], "delete-url")
    [seen] = good(year.http.get("/consigne/v1/files"))["files"]
    hold = f"/consigne/v1/files/{seen['id']}/hold"
    assert year.http.put(hold, json={"reason": "lawsuit"}).status_code == 200
    got = year.http.delete(f"{year.path}/files/{stored['id']}")
    refused(got, 409, "file_protected")
    assert "OperationAborted" in httpx.delete(delete).text
    assert year.fetch(stored["id"]).content == b"evidence"
    assert year.http.delete(hold).status_code == 200
    good(year.http.delete(f"{year.path}/files/{stored['id']}"))


def test_the_year_of_the_path(year: Year) -> None:
    """AR-04: unknown years are 404, and so is a file of another year."""
    entry, other = year.entry()["id"], year.organization.year()
    for path in (f"{years_path(year.organization)}/{'0' * 16}/files", f"{other.path}x/files"):
        refused(year.http.get(path), 404, "year_not_found")
    for verb in ("upload-url", "download-url", "delete-url", "finalize", "ocr"):
        refused(other.post(entry, verb), 404, "file_not_found")
    for method in ("GET", "PATCH", "DELETE"):
        got = year.http.request(method, f"{other.path}/files/{entry}")
        refused(got, 404, "file_not_found")
    assert year.file(entry)["id"] == entry


def native_file(year: Year, data: bytes, **options: str) -> str:
    """Put a file by the native door; return its id as it is spelled here."""
    options = {"name": "loose.pdf", **options}
    made = year.http.post("/consigne/v1/files", params=options, content=data)
    assert made.status_code == 201, made.text
    number = from_uuid(Kind.FILE, made.json()["id"])
    assert number is not None
    return to_letters(number)


def test_a_file_without_year(year: Year) -> None:
    """AR-04, C-10: it answers under every year with idYear null, and a PATCH of idFolder adopts."""
    file, other = native_file(year, b"loose"), year.organization.year()
    assert year.file(file)["idYear"] is None
    assert other.file(file)["size"] == 5
    assert year.files() == []
    renamed = good(year.http.patch(f"{year.path}/files/{file}", json={"name": "b.pdf"}))
    assert (renamed["idYear"], renamed["name"]) == (None, "b.pdf")
    adopted = good(year.http.patch(f"{year.path}/files/{file}", json={"idFolder": None}))
    assert adopted["idYear"] == year.id
    assert [each["id"] for each in year.files()] == [file]
    refused(other.http.get(f"{other.path}/files/{file}"), 404, "file_not_found")
    assert year.organization.books() == (5, 0)
    folder = year.folder()
    second = native_file(year, b"more")
    adopted = good(year.http.patch(f"{year.path}/files/{second}", json={"idFolder": folder}))
    assert (adopted["idYear"], adopted["idFolder"]) == (year.id, folder)


def test_emptying_a_file_without_year(year: Year) -> None:
    """AR-18: no year keeps the entry, so the file goes to the trash, uncharged."""
    file = native_file(year, b"loose")
    assert httpx.delete(year.url(file, "delete-url")).status_code == 204
    refused(year.http.get(f"{year.path}/files/{file}"), 404, "file_not_found")
    assert year.organization.books() == (0, 0)


def test_a_private_file_is_not_there_for_others(year: Year) -> None:
    """AR-04, C-03: a private file of another door is 404 for others; adoption shares it."""
    writer = year.organization.member("writer")
    file = native_file(year, b"private", access="private")
    path = f"{year.path}/files/{file}"
    refused(writer.get(path), 404, "file_not_found")
    good(year.http.patch(path, json={"idFolder": None}))
    assert good(writer.get(path))["idYear"] == year.id


def test_roles(year: Year) -> None:
    """AR-09, AR-52, C-02: readers read; writers change their own; managers keep the years."""
    reader, writer = year.organization.member("reader"), year.organization.member("writer")
    manager = year.organization.member("manager")
    stored, folder = year.store(b"shared"), year.folder()
    file = f"{year.path}/files/{stored['id']}"
    assert good(reader.get(f"{year.path}/files"))[0]["id"] == stored["id"]
    assert httpx.get(good(reader.post(f"{file}/download-url"))["url"]).content == b"shared"
    writes: list[tuple[str, str, Any]] = [
        ("POST", f"{year.path}/files", {"name": "a"}),
        ("PATCH", file, {"name": "b"}),
        ("DELETE", file, None),
        ("POST", f"{file}/upload-url", {"type": "", "size": 1}),
        ("POST", f"{file}/delete-url", None),
        ("POST", f"{file}/finalize", None),
        ("POST", f"{file}/ocr", None),
        ("POST", f"{year.path}/folders", {"name": "a"}),
        ("PATCH", f"{year.path}/folders/{folder}", {"name": "b"}),
        ("DELETE", f"{year.path}/folders/{folder}", None),
        ("POST", f"{year.path}/close", None),
        ("POST", years_path(year.organization), DAY),
        ("DELETE", year.path, None),
    ]
    for method, path, body in writes:
        got = reader.request(method, path, json=body)
        assert refused(got, 403, "forbidden")["message"] == "Droits insuffisants"
    for method, path, body in [*writes[1:6], *writes[10:]]:
        refused(writer.request(method, path, json=body), 403, "forbidden")
    mine = good(writer.post(f"{year.path}/files", json={"name": "mine"}))["id"]
    good(writer.patch(f"{year.path}/files/{mine}", json={"name": "still mine"}))
    good(manager.patch(f"{year.path}/files/{mine}", json={"name": "managed"}))
    good(manager.post(f"{year.path}/close"))
    good(manager.post(f"{year.path}/open"))
    keys = f"/organizations/{year.organization.id}/api-keys"
    for each in (reader, writer, manager):
        refused(each.get(keys), 403, "forbidden")
        refused(each.post(keys, json={}), 403, "forbidden")


def test_api_keys(organization: Organization) -> None:
    """AR-02, AR-09: admins make, list and revoke keys; only the making shows the value."""
    path = f"/organizations/{organization.id}/api-keys"
    made = good(organization.http.post(path, json={"name": "Comptable"}))
    assert made["name"] == "Comptable"
    listed = good(organization.http.get(path))
    assert made["id"] in [key["id"] for key in listed]
    assert all("rawKey" not in key for key in listed)
    fresh = client(organization.url, made["rawKey"])
    assert good(fresh.get("/organizations/me"))["id"] == organization.id
    assert good(organization.http.delete(f"{path}/{made['id']}")) == {}
    others_forget()
    assert fresh.get("/organizations/me").status_code == 401
    refused(organization.http.delete(f"{path}/{made['id']}"), 404, "api_key_not_found")
