"""Files that others guard, confine or allow once (C-11, C-12, C-25), as this door tells it."""

import pytest
from dynacase_desk import contract
from dynacase_support import Person, Space, file_of, good, refused, spelled, token_of

from consigne.core.access import Seat
from consigne.core.depot import Depot
from consigne.core.entry import Entry
from consigne.model.entities import File, Policy
from consigne.model.identity import Kind, to_uuid


@pytest.fixture
def number(space: Space) -> int:
    """An empty document."""
    space.office.family("CONTRACT", *contract())
    return space.number()


def native(file: dict) -> str:  # type: ignore[type-arg]
    """Return the path of a vault file at the native door."""
    return f"/files/{to_uuid(Kind.FILE, int(file['reference'].split('|')[1]))}"


def test_a_held_document(space: Space, number: int) -> None:
    """C-12: a legal hold on a linked file stops PUT, DELETE and a second POST: 409, unchanged."""
    path = f"/api/documents/{number}/file/ct_scan"
    file = file_of(space.http.post(path, content=b"evidence"), 201)
    space.native("PUT", f"{native(file)}/hold", json={"reason": "lawsuit"})
    for method in ("PUT", "POST", "DELETE"):
        content = b"x" if method != "DELETE" else None
        refused(space.http.request(method, path, content=content), 409, "CSG0409")
    cleared = {"attributes": {"ct_scan": spelled(None)}}
    refused(space.http.put(f"/api/documents/{number}", json=cleared), 409, "CSG0409")
    assert file_of(space.http.get(path)) == file
    assert len(space.files("held", "kept", "released")) == 1
    space.native("DELETE", f"{native(file)}/hold")
    good(space.http.delete(path))


def test_a_held_temporary_file(space: Space, ana: Person) -> None:
    """C-12: nor does a guarded temporary file change or go; a save may still adopt it."""
    path = f"/api/file/{token_of(ana.temporary())}"
    (held,) = space.files("held")
    space.native("PUT", f"/files/{held['id']}/hold", json={"reason": "lawsuit"})
    refused(ana.http.put(path, content=b"x"), 409, "CSG0409")
    refused(ana.http.delete(path), 409, "CSG0409")
    file_of(ana.http.get(path))


def test_quarantine(space: Space, ana: Person, number: int) -> None:
    """C-25: what is quarantined is not served, and no save takes it."""
    path = f"/api/documents/{number}/file/ct_scan"
    file = file_of(space.http.post(path, content=b"virus"), 201)
    space.native("PUT", f"{native(file)}/quarantine", json={"reason": "scan"})
    refused(space.http.get(file["downloadUrl"]), 422, "CSG0422", "File is quarantined")
    other = space.number()
    save = {"attributes": {"ct_scan": spelled(file["reference"])}}
    message = refused(ana.http.put(f"/api/documents/{other}", json=save), 400, "API0104")
    assert message["data"][0]["error"] == "The file is quarantined"


def test_single_use(space: Space, number: int) -> None:
    """C-11, DY-52: a file that may be linked once is taken once, also by this door."""

    async def received(depot: Depot, seat: Seat) -> File:
        async def source():  # type: ignore[no-untyped-def]
            yield b"photo"

        return await depot.intake.receive(seat, source(), Entry(name="p.txt", policy=Policy.SINGLE))

    file = space.office.do(received)
    save = {"attributes": {"ct_scan": spelled(f"a/b|{file.id}|c")}}
    path = f"/api/documents/{number}"
    good(space.http.put(path, json=save))
    good(space.http.put(path, json=save))
    second = f"/api/documents/{space.number()}"
    message = refused(space.http.put(second, json=save), 400, "API0104")
    assert message["data"][0]["error"] == "The file is used by another document"
    good(space.http.delete(f"{path}/file/ct_scan"))
    refused(space.http.put(second, json=save), 400, "API0104")
    assert [each["state"] for each in space.files()] == ["kept"]
