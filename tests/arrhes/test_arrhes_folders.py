"""Folders of a year: nesting, cycles, depth, cascade."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from arrhes_support import Organization, Year, good, refused

KEYS = (
    "id idOrganization idYear idFolderParent name createdAt lastUpdatedAt createdBy lastUpdatedBy"
)


def look(year: Year, folder: str) -> dict[str, Any]:
    return good(year.http.get(f"{year.path}/folders/{folder}"))


def patch(year: Year, folder: str, **body: Any) -> httpx.Response:
    return year.http.patch(f"{year.path}/folders/{folder}", json=body)


def test_make_read_change(year: Year) -> None:
    """AR-40, AR-41: shape, label rule, nesting, the root as null; names may repeat."""
    top = year.folder("Achats 02/2026\u0007")
    found = look(year, top)
    assert " ".join(found) == KEYS
    assert (found["name"], found["idFolderParent"]) == ("Achats 02/2026", None)
    assert (found["idYear"], found["lastUpdatedAt"]) == (year.id, None)
    below = year.folder("Achats 02/2026", parent=top)
    assert look(year, below)["idFolderParent"] == top
    changed = good(patch(year, below, name="Ventes", idFolderParent=None))
    assert (changed["name"], changed["idFolderParent"]) == ("Ventes", None)
    assert changed["lastUpdatedBy"] == changed["createdBy"]
    assert good(patch(year, top)) == found


def test_list(year: Year) -> None:
    """AR-40: a flat array of this year's folders, with the options of AR-12."""
    names = ["b", "a", "c"]
    folders = [year.folder(name) for name in names]
    year.organization.year().folder("elsewhere")
    path = f"{year.path}/folders"
    got = year.http.get(path)
    assert [each["id"] for each in good(got)] == folders
    assert "x-total-count" not in got.headers
    got = year.http.get(path, params={"sort": "-name", "limit": 2})
    assert [each["name"] for each in good(got)] == ["c", "b"]
    assert got.headers["x-total-count"] == "3"
    got = year.http.get(path, params={"sort": "name", "offset": 1})
    assert [each["name"] for each in good(got)] == ["b", "c"]
    for sort in ("createdAt", "-createdAt", "lastUpdatedAt"):
        assert len(good(year.http.get(path, params={"sort": sort}))) == 3
    refused(year.http.get(path, params={"sort": "size"}), 400, "bad_parameter")
    refused(year.http.get(path, params={"limit": "x"}), 400, "bad_parameter")


@pytest.mark.parametrize("name", [None, "", "  ", "\u202e", "x" * 257, 4])
def test_wrong_names(year: Year, name: Any) -> None:
    """AR-40: a label has 1 to 256 characters; nothing is made or changed otherwise."""
    folder = year.folder("kept")
    got = year.http.post(f"{year.path}/folders", json={"name": name})
    assert (got.status_code, got.json()["message"]) == (400, "Invalid request")
    assert patch(year, folder, name=name).status_code == 400
    assert [each["name"] for each in good(year.http.get(f"{year.path}/folders"))] == ["kept"]


def test_unknown_parents(year: Year, stranger: Organization) -> None:
    """AR-41: a parent of another year or organization is folder_unknown."""
    folder = year.folder()
    elsewhere = year.organization.year().folder()
    for parent in (elsewhere, stranger.year().folder(), "0" * 16, "?"):
        got = year.http.post(f"{year.path}/folders", json={"name": "a", "idFolderParent": parent})
        body = refused(got, 400, "folder_unknown")
        assert body["message"] == "Dossier parent incorrect"
        refused(patch(year, folder, idFolderParent=parent), 400, "folder_unknown")
    assert len(good(year.http.get(f"{year.path}/folders"))) == 1


def test_cycles(year: Year) -> None:
    """AR-41: not into itself, a child or a grandchild."""
    top = year.folder()
    middle = year.folder(parent=top)
    low = year.folder(parent=middle)
    for parent in (top, middle, low):
        refused(patch(year, top, idFolderParent=parent), 400, "folder_cycle")
    assert look(year, top)["idFolderParent"] is None


def test_opposite_moves_at_once(year: Year) -> None:
    """AR-41: of two moves that would make a circle together, one is refused."""
    for _ in range(5):
        one, two = year.folder("one"), year.folder("two")
        moves = [(one, two), (two, one)]
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(lambda m: patch(year, m[0], idFolderParent=m[1]), moves))
        assert sorted(got.status_code for got in answers) == [200, 400]
        loser = next(got for got in answers if got.status_code == 400)
        refused(loser, 400, "folder_cycle")


def test_depth(year: Year) -> None:
    """AR-41: 64 levels, also by a move."""
    chain = [year.folder()]
    for _ in range(63):
        chain.append(year.folder(parent=chain[-1]))
    got = year.http.post(f"{year.path}/folders", json={"name": "a", "idFolderParent": chain[-1]})
    refused(got, 400, "folder_depth")
    pair = year.folder()
    year.folder(parent=pair)
    refused(patch(year, pair, idFolderParent=chain[62]), 400, "folder_depth")
    good(patch(year, pair, idFolderParent=chain[61]))


def test_delete_with_what_is_in_it(year: Year) -> None:
    """AR-42: subfolders go, files move to the root; onlyIfEmpty refuses and changes nothing."""
    top = year.folder()
    middle = year.folder(parent=top)
    low = year.folder(parent=middle)
    file = year.entry(idFolder=low)["id"]
    stored = year.store(b"content", idFolder=top)["id"]
    got = year.http.delete(f"{year.path}/folders/{top}", params={"onlyIfEmpty": "true"})
    refused(got, 409, "folder_not_empty")
    assert year.file(file)["idFolder"] == low
    got = year.http.delete(f"{year.path}/folders/{top}")
    assert (got.status_code, got.text) == (200, "{}")
    for folder in (top, middle, low):
        got = year.http.get(f"{year.path}/folders/{folder}")
        refused(got, 404, "folder_not_found")
    assert [each["idFolder"] for each in year.files()] == [None, None]
    assert year.fetch(stored).content == b"content"


def test_only_if_empty(year: Year) -> None:
    """AR-42: an empty folder goes, also one whose file was deleted; only true and false."""
    folder = year.folder()
    path = f"{year.path}/folders/{folder}"
    refused(year.http.delete(path, params={"onlyIfEmpty": "maybe"}), 400, "bad_parameter")
    stored = year.store(b"x", idFolder=folder)["id"]
    refused(year.http.delete(path, params={"onlyIfEmpty": "true"}), 409, "folder_not_empty")
    good(year.http.delete(f"{year.path}/files/{stored}"))
    assert good(year.http.delete(path, params={"onlyIfEmpty": "true"})) == {}


def test_the_path_names_the_year(year: Year) -> None:
    """AR-04: a folder of another year is 404; a body id must be that of the path (AR-05)."""
    folder = year.folder()
    other = year.organization.year()
    for method in ("GET", "PATCH", "DELETE"):
        got = other.http.request(method, f"{other.path}/folders/{folder}")
        refused(got, 404, "folder_not_found")
    refused(patch(year, folder, idFolder="0" * 16), 400, "id_conflict")
    assert good(patch(year, folder, idFolder=folder, idYear=year.id))["id"] == folder


def test_folders_and_the_native_door(year: Year) -> None:
    """C-32: a file and its folder are of the same year, whichever door moves it (AR-04)."""
    folder, stored = year.folder(), year.store(b"x", "in-a-year.txt", "text/plain")
    api = "/consigne/v1"
    loose = year.http.post(f"{api}/files", params={"name": "loose.txt"}, content=b"y").json()
    [named] = [f for f in good(year.http.get(f"{api}/files"))["files"] if f["id"] != loose["id"]]
    shelf = good(year.http.patch(f"{year.path}/files/{stored['id']}", json={"idFolder": folder}))
    assert shelf["idFolder"] == folder
    inside = good(year.http.get(f"{api}/files/{named['id']}"))
    number = next(value for key, value in inside.items() if key.startswith("folder") and value)
    got = year.http.patch(f"{api}/files/{loose['id']}", json={"folder": number})
    assert got.status_code == 400, got.text
