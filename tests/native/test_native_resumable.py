"""Resumable Uploads for HTTP (draft-ietf-httpbis-resumable-upload-12) at the native upload route,
byte for byte on the wire; issue 6."""

import hashlib
import json
import os
import socket
import struct
import threading
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from native_support import Client, Space
from tests.parts.server import KEY, ServerStarter

from consigne.core.resuming import SEGMENT
from consigne.model.identity import Kind, to_uuid

FILES = "/consigne/v1/files"
PROBLEMS = "https://iana.org/assignments/http-problem-types#"
PARTIAL = {"Content-Type": "application/partial-upload"}
NEEDS_INTERIM = pytest.mark.embedded("nginx passes no interim responses on, so none are sent to it")


@dataclass
class Heard:
    """An answer, interim or final."""

    status: int
    headers: dict[str, str]
    body: bytes = b""


class Wire:
    """One connection of a client that speaks the protocol and hears interim responses."""

    def __init__(self, api: Client, version: int | None = 8) -> None:
        host, port = api.base_url.host, api.base_url.port
        self.socket = socket.create_connection((host, port), timeout=60)
        self._in = self.socket.makefile("rb")
        self._common = {"Host": f"{host}:{port}", "Authorization": f"Bearer {api.token}"}
        if version is not None:
            self._common["Upload-Draft-Interop-Version"] = str(version)

    def send(self, method: str, target: str, body: bytes = b"", **headers: Any) -> None:
        """Send a request; underscores in names are hyphens. ``Content_Length`` may promise more."""
        sent = {"Content-Length": len(body)} | {k.replace("_", "-"): v for k, v in headers.items()}
        lines = [f"{method} {target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in (self._common | sent).items()]
        self.socket.sendall("\r\n".join([*lines, "", ""]).encode() + body)

    def hear(self, *, head: bool = False) -> Heard:
        """Return the next answer, interim or final."""
        status = int(self._in.readline().split()[1])
        headers: dict[str, str] = {}
        while (line := self._in.readline().strip()) != b"":
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        if status < 200 or status == 204 or head:
            return Heard(status, headers)
        return Heard(status, headers, self._in.read(int(headers["content-length"])))

    def answers(self, method: str, target: str, body: bytes = b"", **headers: Any) -> list[Heard]:
        """Send a request and return all answers to it, the final one last."""
        self.send(method, target, body, **headers)
        heard = [self.hear(head=method == "HEAD")]
        while heard[-1].status < 200:
            heard.append(self.hear(head=method == "HEAD"))
        return heard

    def __call__(self, method: str, target: str, body: bytes = b"", **headers: Any) -> Heard:
        return self.answers(method, target, body, **headers)[-1]

    def reset(self) -> None:
        """Break the connection as a network that fails does."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._in.close()
        self.socket.close()


@pytest.fixture
def wire(api: Client) -> Wire:
    return Wire(api)


def begin(wire: Wire, body: bytes = b"", **headers: Any) -> str:
    """Begin an upload in several requests and return its place."""
    made = wire("POST", f"{FILES}?name=a.bin", body, Upload_Complete="?0", **headers)
    assert made.status == 201, made
    return made.headers["location"]


def patch(wire: Wire, place: str, offset: int, body: bytes, last: bool, **headers: Any) -> Heard:
    complete = "?1" if last else "?0"
    sent = {**PARTIAL, "Upload-Offset": offset, "Upload-Complete": complete, **headers}
    return wire("PATCH", place, body, **sent)


def refused(heard: Heard, status: int, problem: str) -> dict[str, Any]:
    """Check that an answer is a refusal in the words of the draft."""
    assert heard.status == status, heard
    assert heard.headers["content-type"] == "application/problem+json"
    document = json.loads(heard.body)
    assert document["type"] == PROBLEMS + problem
    return document  # type: ignore[no-any-return]


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@NEEDS_INTERIM
def test_an_ordinary_upload_becomes_resumable(wire: Wire, api: Client) -> None:
    """104 tells where and how far; the answer is the one of the route (§4.2, §5)."""
    data = os.urandom(SEGMENT + 2_000_000)
    heard = wire.answers(
        "POST", f"{FILES}?name=a.bin", data, Upload_Complete="?1", Upload_Length=len(data)
    )
    assert [each.status for each in heard] == [104, 104, 104, 201]
    first, *progress, last = heard
    assert first.headers["location"].startswith("/consigne/v1/uploads/")
    assert first.headers["upload-limit"].startswith("max-size=")
    assert {each.headers["upload-draft-interop-version"] for each in heard[:-1]} == {"8"}
    offsets = [int(each.headers["upload-offset"]) for each in progress]
    assert SEGMENT <= offsets[0] < offsets[1] == len(data)
    assert all("location" not in each.headers for each in progress)
    assert last.headers["upload-complete"] == "?1"
    ident = last.headers["location"].rpartition("/")[2]
    assert api.content(ident) == data
    after = wire("HEAD", first.headers["location"])
    assert (after.status, after.headers["upload-complete"]) == (204, "?1")
    assert after.headers["content-location"] == last.headers["location"]
    assert after.headers["cache-control"] == "no-store"


@NEEDS_INTERIM
def test_a_broken_upload_goes_on(wire: Wire, api: Client, space: Space) -> None:
    """What came before the break is there, and only the rest is sent (§4.3, §4.4)."""
    data = os.urandom(300_000)
    wire.send("POST", f"{FILES}?name=a.bin", data[:200_000], Content_Length=len(data),
              Upload_Complete="?1")  # fmt: skip
    told = wire.hear()
    assert told.status == 104
    wire.reset()
    other, place = Wire(api), told.headers["location"]
    found = other("HEAD", place)
    offset = int(found.headers["upload-offset"])
    assert found.headers["upload-complete"] == "?0"
    assert found.headers["upload-length"] == "300000"
    assert "max-age=" in found.headers["upload-limit"]
    assert space.usage()["reserved"] == len(data)
    done = patch(other, place, offset, data[offset:], True)
    assert (done.status, done.headers["upload-complete"]) == (201, "?1")
    assert api.content(done.headers["location"].rpartition("/")[2]) == data
    assert (space.usage()["used"], space.usage()["reserved"]) == (len(data), 0)


def test_in_several_requests(wire: Wire, api: Client) -> None:
    """Each says whether it is the last one; a length that is reached is no end (§4.1.3)."""
    place = begin(wire, b"abc", Upload_Length=6, Content_Disposition='inline; filename="n.txt"')
    more = patch(wire, place, 3, b"def", False)
    assert (more.status, more.headers["upload-complete"]) == (204, "?0")
    assert more.headers["upload-offset"] == "6"
    assert wire("HEAD", place).headers["upload-complete"] == "?0"
    assert api.ok("GET", "/files/count") == {"count": 0}
    done = patch(wire, place, 6, b"", True)
    assert (done.status, done.headers["upload-complete"]) == (201, "?1")
    assert api.content(done.headers["location"].rpartition("/")[2]) == b"abcdef"


def test_a_length_that_nobody_knows(wire: Wire, api: Client) -> None:
    """Chunked, and told by the last request alone; an empty file is a file."""
    place = begin(wire, b"abc")
    assert "upload-length" not in wire("HEAD", place).headers
    with api.stream(
        "PATCH", place, content=iter([b"d", b"ef"]),
        headers={**PARTIAL, "Upload-Offset": "3", "Upload-Complete": "?1"},
    ) as done:  # fmt: skip
        assert done.status_code == 201
    assert api.content(done.headers["location"].rpartition("/")[2]) == b"abcdef"
    empty = wire.answers("POST", FILES, Upload_Complete="?1")
    assert [each.status for each in empty if each.status != 104] == [201]


@NEEDS_INTERIM
@pytest.mark.parametrize("version", [3, 4, 5, 6, 7, 8])
def test_older_versions(api: Client, version: int) -> None:
    """Their names of fields, and what an answer of theirs has (Appendix B and A)."""
    wire = Wire(api, version)
    name, no, yes = ("Upload-Incomplete", "?1", "?0") if version == 3 else (
        "Upload-Complete", "?0", "?1"
    )  # fmt: skip
    heard = wire.answers("POST", FILES, b"abc", **{name: no, "Upload-Length": 6})
    assert [each.status for each in heard] == [104, 104, 201]
    assert {each.headers["upload-draft-interop-version"] for each in heard[:2]} == {str(version)}
    place = heard[-1].headers["location"]
    assert place == heard[0].headers["location"]
    assert heard[-1].headers[name.lower()] == no
    found = wire("HEAD", place)
    assert (found.headers["upload-offset"], found.headers[name.lower()]) == ("3", no)
    assert ("upload-length" in found.headers) == (version >= 7)
    limits = found.headers.get("upload-limit", "")
    assert ("max-age=" in limits, "expires=" in limits) == (version >= 7, version == 6)
    kind = PARTIAL if version >= 6 else {}
    done = wire("PATCH", place, b"def", **{**kind, "Upload-Offset": 3, name: yes})
    assert (done.status, done.headers[name.lower()]) == (201, yes)
    assert done.headers["upload-offset"] == "6"


def test_who_does_not_ask_gets_no_interim(api: Client, space: Space) -> None:
    """Without a version, or with one that we do not know: a plain upload (Appendix B)."""
    for version in (None, 2, 9):
        wire = Wire(api, version)
        heard = wire.answers("POST", FILES, b"abc", Upload_Complete="?1")
        assert [each.status for each in heard] == [201]
        assert "upload-complete" not in heard[-1].headers
        place = begin(wire, b"abc")
        assert patch(wire, place, 3, b"", True).status == 201
    for value in ("1", "?2", "true", "?1, ?1"):
        heard = Wire(api).answers("POST", FILES, b"abc", Upload_Complete=value)
        assert [each.status for each in heard] == [201]
    wire = Wire(api)
    wire.socket.sendall(
        f"POST {FILES} HTTP/1.0\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {api.token}\r\n"
        "Upload-Draft-Interop-Version: 8\r\nUpload-Complete: ?1\r\n"
        "Content-Length: 1\r\n\r\nx".encode()
    )
    assert wire.hear().status == 201
    assert space.state()["uploads"] == []


@pytest.mark.parametrize("field", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
def test_a_proxy_gets_no_interim(api: Client, field: str) -> None:
    """nginx would take it for the answer: the upload is plain, or begun in several requests."""
    wire = Wire(api)
    sent = {field: "192.0.2.1", "Upload-Complete": "?1"}
    heard = wire.answers("POST", FILES, b"abc", **sent)
    assert [each.status for each in heard] == [201]
    assert "upload-complete" not in heard[-1].headers
    place = begin(wire, b"abc", **{field: "192.0.2.1"})
    assert patch(wire, place, 3, b"def", True, **{field: "192.0.2.1"}).status == 201


def test_wrong_offsets(wire: Wire) -> None:
    """409 with the right one, in a field and in the problem (§4.4.2, §7.1)."""
    place = begin(wire, b"abc")
    for offset in (0, 2, 4, 1 << 40):
        answer = patch(wire, place, offset, b"x", False)
        document = refused(answer, 409, "mismatching-upload-offset")
        assert (document["expected-offset"], document["provided-offset"]) == (3, offset)
        assert answer.headers["upload-offset"] == "3"


@NEEDS_INTERIM
def test_a_length_told_in_two_ways(wire: Wire, space: Space) -> None:
    """It has to be the same (§4.1.3)."""
    before = space.state()
    made = wire("POST", FILES, b"abc", Upload_Complete="?1", Upload_Length=4)
    refused(made, 400, "inconsistent-upload-length")
    assert space.state() == before


def test_lengths_that_differ(wire: Wire, space: Space) -> None:
    """Changed later, not reached, or passed (§4.1.3, §7.3)."""
    before = space.state()
    place = begin(wire, b"abc", Upload_Length=6)
    for last, body, told in ((True, b"d", {}), (False, b"d", {"Upload-Length": 7})):
        refused(patch(wire, place, 3, body, last, **told), 400, "inconsistent-upload-length")
    assert wire("HEAD", place).headers["upload-offset"] == "3"
    refused(patch(wire, place, 3, b"defg", False), 400, "inconsistent-upload-length")
    assert wire("HEAD", place).status == 404, "who passes the length has lost the upload"
    assert space.state() == before


def test_a_complete_upload_takes_no_more(wire: Wire, api: Client) -> None:
    """Bytes contradict the length, none are too late (§4.4.2, §7.2)."""
    place = begin(wire, b"abc")
    file = patch(wire, place, 3, b"", True).headers["location"]
    refused(patch(wire, place, 3, b"d", True), 400, "inconsistent-upload-length")
    late = patch(wire, place, 3, b"", True)
    refused(late, 410, "completed-upload")
    assert late.headers["location"] == file
    assert api.ok("GET", "/files/count") == {"count": 1}


def test_too_large(start_server: ServerStarter) -> None:
    """413 names the limits (§4.1.4), and they can be asked for before."""
    server = start_server(env={"CONSIGNE_UPLOAD_MAX_SIZE": "1000"})
    api = Client(server.url, KEY)
    told = api.call("OPTIONS", "/files")
    assert told.headers["accept-patch"] == "application/partial-upload"
    assert told.headers["upload-limit"] == "max-size=1000"
    wire = Wire(api)
    for headers in ({"Upload-Length": 1001}, {}):
        body = b"" if headers else bytes(1001)
        answer = wire("POST", FILES, body, Upload_Complete="?0", **headers)
        assert (answer.status, answer.headers["upload-limit"]) == (413, "max-size=1000")
    place = begin(wire, bytes(600))
    answer = patch(wire, place, 600, bytes(600), False)
    assert (answer.status, answer.headers["upload-limit"]) == (413, "max-size=1000")
    assert len(api.ok("GET", "/uploads")["uploads"]) == 1


def test_digests(wire: Wire, api: Client, space: Space) -> None:
    """Of a request: it counts wholly or not. Of the whole: a wrong one ends the upload (§10)."""

    def field(data: bytes, name: str = "sha-256") -> str:
        digest = hashlib.new(name.replace("-", ""), data).digest()
        return f"{name}=:{b64encode(digest).decode()}:"

    place = begin(wire, Repr_Digest=field(b"abcdef", "sha-512"))
    wrong = patch(wire, place, 0, b"abc", False, Content_Digest=field(b"abd"))
    assert (wrong.status, wrong.headers["upload-complete"]) == (400, "?0")
    assert wire("HEAD", place).headers["upload-offset"] == "0"
    assert patch(wire, place, 0, b"abc", False, Content_Digest=field(b"abc")).status == 204
    done = patch(wire, place, 3, b"def", True, Content_Digest=field(b"def"))
    assert done.status == 201
    assert done.headers["repr-digest"] == field(b"abcdef")
    before = space.state()
    for body, last in ((b"abc", b"deF"), (b"", b"abcdeF")):
        place = begin(wire, body, Repr_Digest=field(b"abcdef"))
        failed = patch(wire, place, len(body), last, True)
        assert (failed.status, failed.headers["upload-complete"]) == (400, "?1")
        assert b'"code":"digest_mismatch"' in failed.body
        assert wire("HEAD", place).status == 404
    for header in ("Repr-Digest", "Content-Digest"):
        heard = wire("POST", FILES, b"abc", Upload_Complete="?1", **{header: field(b"abd")})
        assert heard.status == 400
    assert space.state() == before


@NEEDS_INTERIM
def test_cancellation(wire: Wire, api: Client, space: Space) -> None:
    """Also while a request is still on its way: that one ends, and nothing stays (§4.5, §4.6)."""
    before = space.state()
    wire.send("POST", FILES, b"abc", Content_Length=10, Upload_Complete="?1")
    place = wire.hear().headers["location"]
    other = Wire(api)
    assert other("DELETE", place).status == 204
    while (last := wire.hear()).status == 104:
        pass
    assert last.status in (503, 404)
    assert other("HEAD", place).status == 404
    assert other("DELETE", place).status == 404
    assert space.state() == before


@NEEDS_INTERIM
def test_the_newer_request_wins(wire: Wire, api: Client) -> None:
    """A connection that is lost without a word does not block its own client (§4.6)."""
    data = b"0123456789"
    wire.send("POST", FILES, data[:4], Content_Length=10, Upload_Complete="?1")
    place = wire.hear().headers["location"]
    offset = 0

    def look() -> bool:
        nonlocal offset
        offset = int(Wire(api)("HEAD", place).headers["upload-offset"])
        return offset == 4

    until(look)
    done = patch(Wire(api), place, offset, data[offset:], True)
    assert done.status == 201
    assert api.content(done.headers["location"].rpartition("/")[2]) == data


def test_two_at_once(wire: Wire, api: Client) -> None:
    """Never mixed bytes: of several appends at one offset one counts, the others are told."""
    place = begin(wire)
    answers: list[Heard] = []

    def send(byte: bytes) -> None:
        answers.append(patch(Wire(api), place, 0, byte * 100_000, False))

    threads = [threading.Thread(target=send, args=(byte,)) for byte in (b"a", b"b", b"c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {each.status for each in answers} <= {204, 409, 503}
    offset = int(wire("HEAD", place).headers["upload-offset"])
    assert offset in (0, 100_000)
    done = patch(wire, place, offset, b"", True)
    content = api.content(done.headers["location"].rpartition("/")[2])
    assert len(set(content)) <= 1


def test_bad_requests(wire: Wire, api: Client, space: Space) -> None:
    """What has no sense is refused, and nothing of it stays."""
    place = begin(wire)
    before = space.state()
    cases: list[tuple[int, dict[str, Any]]] = [
        (400, {**PARTIAL, "Upload-Offset": "0"}),
        (400, {**PARTIAL, "Upload-Complete": "?0"}),
        (400, {**PARTIAL, "Upload-Complete": "?0", "Upload-Offset": "-1"}),
        (400, {**PARTIAL, "Upload-Complete": "?0", "Upload-Offset": "1e3"}),
        (415, {"Upload-Complete": "?0", "Upload-Offset": "0"}),
        (
            400,
            {
                **PARTIAL,
                "Upload-Complete": "?0",
                "Upload-Offset": "0",
                "Content-Digest": "sha-256=x",
            },
        ),
    ]
    for status, headers in cases:
        assert wire("PATCH", place, b"abc", **headers).status == status, headers
    for number in ("x", to_uuid(Kind.UPLOAD, 1), to_uuid(Kind.FILE, 1)):
        for method in ("HEAD", "PATCH", "DELETE"):
            assert wire(method, f"/consigne/v1/uploads/{number}").status == 404
    assert wire("POST", f"{FILES}?folder=nowhere", b"x", Upload_Complete="?1").status == 400
    form = {"Content-Type": "multipart/form-data; boundary=x", "Upload-Complete": "?0"}
    assert wire("POST", FILES, b"--x--", **form).status == 415
    key = {"Idempotency-Key": "k", "Upload-Complete": "?0"}
    assert wire("POST", FILES, b"x", **key).status == 415
    opened = api.ok("POST", "/uploads", 201, json={"name": "a"})
    assert patch(wire, f"/consigne/v1/uploads/{opened['id']}", 0, b"x", False).status == 404
    api.ok("DELETE", f"/uploads/{opened['id']}", 204)
    assert space.state() == before


def test_a_creation_that_nobody_can_go_on_with(api: Client, space: Space) -> None:
    """Broken off before its client could learn where it is: no session and no room stays."""
    before = space.state()
    wire = Wire(api, None)
    wire.send("POST", FILES, b"abc", Content_Length=10, Upload_Complete="?0")
    until(lambda: len(space.state()["uploads"]) == len(before["uploads"]) + 1)
    wire.reset()
    until(lambda: space.state() == before)


def test_killed_in_the_middle(start_server: ServerStarter) -> None:
    """kill -9: what was told to be there is there, and the upload goes on (C-23)."""
    server = start_server()
    api = Client(server.url, KEY)
    data = os.urandom(2 * SEGMENT)
    wire = Wire(api)
    wire.send("POST", FILES, data[: SEGMENT + 100_000], Content_Length=len(data),
              Upload_Complete="?1")  # fmt: skip
    place = wire.hear().headers["location"]
    told = int(wire.hear().headers["upload-offset"])
    server.kill9()
    server.start()
    again = Wire(api)
    offset = int(again("HEAD", place).headers["upload-offset"])
    assert offset >= told >= SEGMENT
    done = patch(again, place, offset, data[offset:], True)
    assert done.status == 201
    assert api.content(done.headers["location"].rpartition("/")[2]) == data
