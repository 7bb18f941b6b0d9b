"""Core protocol, creation, expiration, termination and metadata of tus 1.0 (issue 6)."""

import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime

import httpx
import pytest
from tests.appmixer.support import Space
from tests.parts.server import ServerStarter, vault
from tus_support import BODY, Tus, metadata, refused


def test_options_need_no_credentials(ines: Tus) -> None:
    """tus, core: OPTIONS tells version, extensions, largest size, algorithms."""
    answer = httpx.options(f"{ines.space.server.url}/tus")
    assert answer.status_code == 204
    assert answer.headers["tus-resumable"] == answer.headers["tus-version"] == "1.0.0"
    assert int(answer.headers["tus-max-size"]) > 0
    assert answer.headers["tus-checksum-algorithm"].split(",") == ["sha1", "md5", "sha256", "crc32"]
    assert set(answer.headers["tus-extension"].split(",")) == {
        "creation",
        "creation-with-upload",
        "creation-defer-length",
        "expiration",
        "termination",
        "concatenation",
        "checksum",
        "checksum-trailer",
    }


def test_an_upload_in_pieces_of_any_size(ines: Tus) -> None:
    """tus, core: each 204 is an offset; the last one carries the file; all in one charge."""
    data = os.urandom(300_001)
    url = ines.begin(len(data), Upload_Metadata=metadata(filename="plan.bin"))
    assert ines.space.usage() == (0, len(data))
    at = 0
    for size in (1, 99_999, 0, 200_000, 1):
        assert ines.offset(url) == at
        answer = ines.patch(url, at, data[at : at + size])
        at += size
        assert answer.status_code == 204, answer.text
        assert answer.headers["upload-offset"] == str(at)
        assert ("x-consigne-file" in answer.headers) == (at == len(data))
        assert ("upload-expires" in answer.headers) == (at < len(data))
    assert ines.content(answer) == data
    file = ines.file(answer)
    assert (file["name"], file["size"], file["state"]) == ("plan.bin", len(data), "kept")
    assert ines.space.usage() == (len(data), 0)
    again = ines.head(url)
    assert again.headers["upload-offset"] == again.headers["upload-length"] == str(len(data))
    assert again.headers["x-consigne-file"] == answer.headers["x-consigne-file"]
    assert again.headers["cache-control"] == "no-store"


def test_metadata_becomes_the_file(ines: Tus) -> None:
    """Issue 6: filename, filetype, folder, tags; other keys are fields; told again as sent."""
    made = ines.http.put("/consigne/v1/folders", params={"path": "Factures/Été"})
    assert made.is_success, made.text
    sent = metadata(
        filename="Rapport d'été.pdf",
        filetype="application/pdf",
        folder="Factures/Été",
        tags="a, b",
        client="ACME",
    )
    answer = ines.create(3, b"abc", Upload_Metadata=sent + ",empty")
    file = ines.file(answer)
    assert file["name"] == "Rapport d'été.pdf"
    assert file["type"] == "application/pdf"
    assert file["tags"] == ["a", "b"]
    assert file["meta"] == {"client": "ACME", "empty": ""}
    assert file["folder"] is not None
    told = ines.head(answer.headers["location"])
    assert told.headers["upload-metadata"] == sent + ",empty"


@pytest.mark.parametrize(("hold", "state"), [("true", "held"), ("", "held"), ("false", "kept")])
def test_a_finished_upload_is_held_or_kept(ines: Tus, hold: str, state: str) -> None:
    """Issue 6: kept at once, or held for a link, as the metadata asks."""
    url = ines.begin(3, Upload_Metadata=metadata(filename="x", hold=hold))
    file = ines.file(ines.patch(url, 0, b"abc"))
    assert file["state"] == state
    assert (file.get("expires_at") is not None) == (state == "held")


def test_the_space_of_the_metadata(ines: Tus) -> None:
    """Issue 6: ``space`` chooses it, and the URL remembers it."""
    other = Space(ines.space.server)
    other.welcome(ines.person.email, "writer")
    url = ines.begin(3, Upload_Metadata=metadata(space=other.short))
    assert url.startswith(f"/tus/{other.short}/")
    assert ines.patch(url, 0, b"abc").status_code == 204
    assert other.usage() == (3, 0)
    assert ines.space.usage() == (0, 0)
    strange = Space(ines.space.server)
    refused(ines.create(3, Upload_Metadata=metadata(space=strange.short)), 404, "space_not_found")
    refused(ines.create(3, Upload_Metadata=metadata(space="no-such")), 404, "space_not_found")


def test_an_empty_file(ines: Tus) -> None:
    """tus, creation: a length of 0 is complete with its creation."""
    answer = ines.create(0, Upload_Metadata=metadata(filename="none.txt"))
    assert answer.status_code == 201
    assert ines.file(answer)["size"] == 0
    assert ines.offset(answer.headers["location"]) == 0


def test_creation_with_upload(ines: Tus) -> None:
    """tus, creation-with-upload: all bytes or the first ones come with the creation."""
    whole = ines.create(5, b"hello")
    assert (whole.status_code, whole.headers["upload-offset"]) == (201, "5")
    assert ines.content(whole) == b"hello"
    first = ines.create(5, b"he")
    assert first.headers["upload-offset"] == "2"
    assert "x-consigne-file" not in first.headers
    assert ines.content(ines.patch(first.headers["location"], 2, b"llo")) == b"hello"


def test_creation_defer_length(ines: Tus) -> None:
    """tus, creation-defer-length: reserved as bytes come, the length is told once."""
    url = ines.begin(Upload_Defer_Length="1")
    head = ines.head(url)
    assert head.headers["upload-defer-length"] == "1"
    assert "upload-length" not in head.headers
    assert ines.patch(url, 0, b"abc").status_code == 204
    assert ines.space.usage() == (0, 3)
    refused(ines.patch(url, 3, b"d", Upload_Length="2"), 400)
    assert ines.patch(url, 3, b"d", Upload_Length="6").headers["upload-offset"] == "4"
    assert ines.space.usage() == (0, 6)
    assert ines.head(url).headers["upload-length"] == "6"
    refused(ines.patch(url, 4, b"e", Upload_Length="7"), 400)
    done = ines.patch(url, 4, b"ef")
    assert ines.content(done) == b"abcdef"
    late = ines.begin(Upload_Defer_Length="1")
    assert ines.patch(late, 0, b"abc").status_code == 204
    assert ines.content(ines.patch(late, 3, b"", Upload_Length="3")) == b"abc"
    assert ines.space.usage() == (9, 0)


def test_termination(ines: Tus) -> None:
    """tus, termination: the URL, the bytes and the reservation go; a file goes to the trash."""
    before = ines.space.traces()
    url = ines.begin(10)
    assert ines.patch(url, 0, b"abc").status_code == 204
    assert ines.delete(url).status_code == 204
    assert ines.space.traces() == before
    refused(ines.head(url), 404)
    refused(ines.delete(url), 404)
    refused(ines.patch(url, 3, b"d"), 404)
    done = ines.begin(3, b"abc")
    assert ines.delete(done).status_code == 204
    refused(ines.head(done), 404)
    refused(ines.delete(done), 404)
    assert ines.space.usage() == (0, 0)


def test_expiration(start_server: ServerStarter) -> None:
    """tus, expiration: Upload-Expires tells when; then 410, before and after the sweeper."""
    server = start_server(env={"CONSIGNE_UPLOAD_EXPIRY": "2", "CONSIGNE_SWEEP_EVERY": "1"})
    space = Space(server)
    ines = Tus(space.person())
    made = ines.create(10, b"abc")
    until = parsedate_to_datetime(made.headers["upload-expires"]).timestamp()
    assert until <= time.time() + 2
    url = made.headers["location"]
    while (answer := ines.head(url)).status_code == 200:
        time.sleep(0.1)
    refused(answer, 410)
    refused(ines.patch(url, 3, b"d"), 410)
    while space.usage() != (0, 0):
        time.sleep(0.1)
    refused(ines.head(url), 410)


def test_the_method_in_a_header(ines: Tus) -> None:
    """tus, core: X-HTTP-Method-Override is the method."""
    url = ines.begin(3)
    sent = {"X-HTTP-Method-Override": "PATCH", "Upload-Offset": "0", "Content-Type": BODY}
    answer = ines.http.post(url, content=b"ab", headers=sent)
    assert (answer.status_code, answer.headers["upload-offset"]) == (204, "2")
    answer = ines.http.post(url, headers={"X-HTTP-Method-Override": "HEAD"})
    assert (answer.status_code, answer.headers["upload-offset"]) == (200, "2")
    answer = ines.http.post(url, headers={"X-HTTP-Method-Override": "DELETE"})
    assert answer.status_code == 204
    refused(ines.head(url), 404)
    refused(ines.http.post(url, headers={"X-HTTP-Method-Override": "BREW"}), 405)


def test_the_version(ines: Tus) -> None:
    """tus, core: without it or with another one 412, and nothing happens."""
    before = ines.space.traces()
    for version in ("0.2.2", ""):
        answer = ines.create(3, b"abc", Tus_Resumable=version)
        assert refused(answer, 412).headers["tus-version"] == "1.0.0"
    assert ines.space.traces() == before


def test_offsets_and_types(ines: Tus) -> None:
    """tus, core: 409 for another offset, 415 for another type, 413 beyond the length."""
    url = ines.begin(5)
    assert ines.patch(url, 0, b"ab").status_code == 204
    refused(ines.patch(url, 0, b"ab"), 409, "chunk_out_of_order")
    refused(ines.patch(url, 3, b"c"), 409)
    refused(ines.patch(url, "-1", b"c"), 400)
    refused(ines.patch(url, 2, b"c", Content_Type="text/plain"), 415)
    refused(ines.patch(url, 2, b"cdef"), 413)
    refused(ines.http.patch(url, content=b"c", headers={"Content-Type": BODY}), 400)
    assert ines.offset(url) == 2
    assert ines.content(ines.patch(url, 2, b"cde")) == b"abcde"
    refused(ines.patch(url, 5, b"f"), 409, "upload_complete")
    refused(ines.patch(url, 4, b"e"), 409)
    assert ines.patch(url, 5, b"").status_code == 204


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 400),
        ({"Upload-Length": "3", "Upload-Defer-Length": "1"}, 400),
        ({"Upload-Defer-Length": "2"}, 400),
        ({"Upload-Length": "-3"}, 400),
        ({"Upload-Length": "9" * 30}, 400),
        ({"Upload-Length": str(10**16)}, 413),
        ({"Upload-Length": "3", "Upload-Metadata": "a ?"}, 400),
        ({"Upload-Length": "3", "Upload-Metadata": "a YQ==,a YQ=="}, 400),
        ({"Upload-Length": "3", "Upload-Metadata": "a /w=="}, 400),
        ({"Upload-Length": "3", "Upload-Metadata": "a " + "YWFh" * 5000}, 400),
        ({"Upload-Length": "3", "Upload-Metadata": metadata(hold="maybe")}, 400),
        ({"Upload-Length": "3", "Upload-Metadata": metadata(folder="no/such")}, 400),
        ({"Upload-Length": "3", "Upload-Metadata": metadata(userId="1")}, 400),
        ({"Upload-Length": "3", "Upload-Metadata": "a\tYQ==,b YQ=="}, 400),
        ({"Upload-Length": "3", "Upload-Concat": "some"}, 400),
        ({"Upload-Concat": "final;"}, 400),
        ({"Upload-Concat": "final;/tus/x/y"}, 400),
        ({"Upload-Length": "3", "Content-Type": "text/plain"}, 415),
        ({"Upload-Length": "2"}, 413),
        ({"Upload-Length": "3", "Upload-Checksum": "sha1 AAAA"}, 400),
        ({"Upload-Length": "3", "Upload-Checksum": "sha9 AAAA"}, 400),
        ({"Upload-Length": "3", "Authorization": "Bearer none"}, 401),
    ],
)
def test_refused_creations_leave_nothing(ines: Tus, headers: dict[str, str], status: int) -> None:
    """tus, creation: bad input gets a clear refusal; no row, no bytes, no reservation."""
    before = ines.space.traces()
    sent = {"Content-Type": BODY} | headers
    answer = ines.http.post("/tus", content=b"abc", headers=sent)
    refused(answer, status)
    assert answer.json()["detail"]
    assert ines.space.traces() == before


def test_what_a_body_may_not_exceed_when_its_length_is_unknown(ines: Tus) -> None:
    """tus, core: a chunked body beyond the length is 413 and changes nothing."""
    url = ines.begin(5)
    refused(ines.patch(url, 0, iter([b"abc", b"def"])), 413)
    assert ines.offset(url) == 0
    assert ines.content(ines.patch(url, 0, iter([b"abc", b"de"]))) == b"abcde"


def test_the_quota(ines: Tus) -> None:
    """C-24: the length is reserved by the creation; a deferred one as bytes arrive."""
    ines.space.change(quota=4_000_000)
    url = ines.begin(3_000_000)
    refused(ines.create(2_000_000), 507, "quota_exceeded")
    open_ended = ines.begin(Upload_Defer_Length="1")
    refused(ines.patch(open_ended, 0, bytes(2_000_000)), 507)
    refused(ines.patch(open_ended, 0, iter([bytes(100_000)] * 20)), 507)
    assert ines.delete(open_ended).status_code == 204
    assert ines.delete(url).status_code == 204
    assert ines.space.usage() == (0, 0)


def test_others_see_nothing(ines: Tus, zoe: Tus) -> None:
    """Invariant 8: another person of the space, and another space's key, get 404 everywhere."""
    stranger = Tus(Space(ines.space.server).person())
    for url in (ines.begin(5, b"ab"), ines.begin(2, b"ab")):
        for other in (zoe, stranger):
            refused(other.head(url), 404)
            refused(other.patch(url, 2, b"c"), 404)
            refused(other.delete(url), 404)
        assert ines.offset(url) == 2
    piece = ines.begin(2, b"ab", Upload_Concat="partial")
    refused(zoe.join([piece]), 404)
    reader = Tus(ines.space.person("reader"))
    refused(reader.create(3), 403)
    for path in ("/tus/x/y/z", "/tus/x/y"):
        refused(ines.head(path), 404)
    refused(ines.http.get(ines.begin(1)), 405)
    answer = httpx.head(ines.space.server.url + url, headers={"Tus-Resumable": "1.0.0"})
    refused(answer, 401)


def test_an_upload_of_another_door_is_unknown(ines: Tus) -> None:
    """A session with numbered parts cannot be written at an offset."""
    made = ines.http.post("/consigne/v1/uploads", json={"name": "x", "length": 3}).json()
    url = f"/tus/{ines.space.short}/{made['file']}"
    refused(ines.head(url), 404)
    refused(ines.patch(url, 0, b"abc"), 404)


def _half_a_patch(ines: Tus, url: str, offset: int, total: int, data: bytes) -> socket.socket:
    head = (
        f"PATCH {url} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {ines.token}\r\n"
        f"Tus-Resumable: 1.0.0\r\nContent-Type: {BODY}\r\nUpload-Offset: {offset}\r\n"
        f"Content-Length: {total}\r\n\r\n"
    )
    connection = socket.create_connection(("127.0.0.1", ines.space.server.port), timeout=10)
    connection.sendall(head.encode() + data)
    return connection


def test_a_cut_connection_leaves_what_came(ines: Tus) -> None:
    """tus, core: what arrived before the cut is kept, and the upload goes on from there."""
    data = os.urandom(2_000_000)
    url = ines.begin(len(data))
    _half_a_patch(ines, url, 0, len(data), data[:700_000]).close()
    while ines.received(url) == 0:
        time.sleep(0.02)
    at = ines.offset(url)
    # A proxy drops what it has not passed on when its client goes.
    assert at == 700_000 or (vault() == "cluster" and at < 700_000)
    assert ines.content(ines.patch(url, at, data[at:])) == data


def test_a_lost_client_gives_way_to_the_next(ines: Tus) -> None:
    """Issue 6: whoever comes next takes the lease of a request that waits for a lost client."""
    data = os.urandom(900_000)
    url = ines.begin(len(data))
    with _half_a_patch(ines, url, 0, len(data), data[:500_000]) as lost:
        time.sleep(0.5)
        at = ines.offset(url)
        assert at == 500_000
        done = ines.patch(url, at, data[at:])
        assert ines.content(done) == data
        assert b" 423 " in lost.recv(1000).split(b"\r\n")[0]


def test_a_patch_alone_takes_over_too(ines: Tus) -> None:
    """Issue 6: without asking first, the next one is told where the upload stands."""
    url = ines.begin(10)
    with _half_a_patch(ines, url, 0, 10, b"abc"):
        time.sleep(0.5)
        refused(ines.patch(url, 0, b"abcdef"), 409)
        assert ines.content(ines.patch(url, 3, b"defghij")) == b"abcdefghij"


def test_two_at_once(ines: Tus) -> None:
    """One request at a time writes: of many with one offset exactly one counts."""
    data = os.urandom(200_000)
    url = ines.begin(len(data))
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: ines.patch(url, 0, data), range(6)))
    codes = sorted(answer.status_code for answer in answers)
    assert set(codes) <= {204, 409, 423}, codes
    at = ines.offset(url)
    assert at == len(data) or ines.patch(url, at, data[at:]).status_code == 204
    assert ines.content(ines.head(url)) == data
    assert ines.space.usage() == (len(data), 0)


def test_pages_of_configured_origins(start_server: ServerStarter) -> None:
    """C-57: the one CORS setting; a page may send and read the protocol's headers."""
    server = start_server(env={"CONSIGNE_CORS_ORIGINS": "https://app.example"})
    ines = Tus(Space(server).person())
    asked = {
        "Origin": "https://app.example",
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "upload-offset,tus-resumable",
    }
    answer = httpx.options(f"{server.url}/tus/x/y", headers=asked)
    assert answer.status_code == 204
    assert "PATCH" in answer.headers["access-control-allow-methods"]
    allowed = answer.headers["access-control-allow-headers"]
    assert {"Upload-Offset", "Tus-Resumable", "Upload-Checksum"} <= set(allowed.split(", "))
    made = ines.create(3, Origin="https://app.example")
    assert made.headers["access-control-allow-origin"] == "https://app.example"
    exposed = set(made.headers["access-control-expose-headers"].split(", "))
    assert {"Location", "Upload-Offset", "Tus-Resumable", "X-Consigne-File"} <= exposed
    strange = asked | {"Origin": "https://evil.example"}
    assert httpx.options(f"{server.url}/tus", headers=strange).status_code == 403
