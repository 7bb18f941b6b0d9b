"""The server is killed in the middle of a write (DY-21, DY-25, DY-61, acceptance 21)."""

import time

import pytest
from dynacase_desk import contract
from dynacase_support import Space, file_of, found_space, good, refused, token_of
from tests.parts.server import RunningServer, ServerStarter

OLD = b"old" * 100_000


@pytest.fixture
def server(start_server: ServerStarter) -> RunningServer:
    """A server of its own, which takes back soon what a dead one had reserved."""
    return start_server(env={"CONSIGNE_LEASE": "2", "CONSIGNE_SWEEP_EVERY": "0.2"})


@pytest.fixture
def space(server: RunningServer) -> Space:
    made = found_space(server)
    made.office.family("CONTRACT", *contract())
    return made


def kill_within(server: RunningServer, space: Space, method: str, path: str) -> None:
    """Send a part of a body, wait until room is reserved for all of it, and kill the server."""
    with space.raw(method, path, b"n" * 3_000_000, 9_000_000):
        deadline = time.monotonic() + 10
        while space.usage[1] == 0:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        server.kill9()
    server.start()


def settled(space: Space, used: int) -> None:
    """Wait until nothing is reserved and check what is used."""
    deadline = time.monotonic() + 60
    while space.usage != (used, 0):
        assert time.monotonic() < deadline, space.usage
        time.sleep(0.2)


def test_in_put_of_a_temporary_file(server: RunningServer, space: Space) -> None:
    """DY-21, DY-61, acceptance 21: old bytes and date; the room is freed; the next PUT goes."""
    file = file_of(space.http.post("/api/file", content=OLD), 201)
    path = f"/api/file/{token_of(file)}"
    kill_within(server, space, "PUT", path)
    assert file_of(space.http.get(path)) == file
    settled(space, len(OLD))
    assert file_of(space.http.put(path, content=b"new"))["size"] == 3


def test_in_put_of_an_attribute(server: RunningServer, space: Space) -> None:
    """DY-25, DY-61, acceptance 21: the document shows the old bytes and the old date."""
    path = f"/api/documents/{space.number()}/file/ct_scan"
    file = file_of(space.http.post(path, content=OLD), 201)
    kill_within(server, space, "PUT", path)
    assert file_of(space.http.get(path)) == file
    assert space.http.get(file["downloadUrl"]).content == OLD
    settled(space, len(OLD))
    assert file_of(space.http.put(path, content=b"new"))["reference"] == file["reference"]


def test_in_post_of_an_attribute(server: RunningServer, space: Space) -> None:
    """DY-24, DY-51: neither a row nor a file is there."""
    path = f"/api/documents/{space.number()}/file/ct_pages"
    kill_within(server, space, "POST", path)
    settled(space, 0)
    assert space.files("held", "kept", "released") == []
    refused(space.http.get(f"{path}/0"), 404, "CRUD0607")


def test_after_the_answer(server: RunningServer, space: Space) -> None:
    """DY-24, DY-29: what was answered is there after a kill, adopted files and all."""
    temporary = file_of(space.http.post("/api/file", content=b"adopted"), 201)
    document = space.document(ct_title="Bail", ct_scan=temporary["reference"])
    server.kill9()
    server.start()
    assert good(space.http.get(document["uri"]))["document"] == document
    scan = file_of(space.http.get(f"{document['uri']}/file/ct_scan"))
    assert space.http.get(scan["downloadUrl"]).content == b"adopted"
