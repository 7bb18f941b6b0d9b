"""Uploads at the Daxium dialect: raw bytes, types, names, digests, and nothing left behind."""

import base64
import hashlib
import http.client
import os
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from daxium_support import (
    PNG,
    UUID,
    Instance,
    client,
    found_instance,
    good,
    raw_request,
    refused,
)
from tests.parts.server import NUL, RunningServer, ServerStarter

MIB = 1 << 20


def resident(pid: int) -> int:
    """Return the most memory that a process has had, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(peak.split()[1]) * 1024


def settled(instance: Instance) -> tuple[int, int]:
    """Return the books once no upload has been under way for a while."""
    quiet, deadline = 0, time.monotonic() + 20
    while quiet < 5 and time.monotonic() < deadline:
        time.sleep(0.1)
        quiet = 0 if instance.books()[1] else quiet + 1
    return instance.books()


def test_answer(instance: Instance) -> None:
    """DX-12, DX-14, DX-18, DX-21: three keys, a held file for 30 days, its bytes as they came."""
    person = instance.person()
    got = instance.send(http=person.http, Content_Type="image/png")
    body = good(got)
    assert list(body) == ["uuid", "mime-type", "size"]
    assert UUID.fullmatch(body["uuid"])
    assert (body["mime-type"], body["size"]) == ("image/png", len(PNG))
    assert got.headers["content-type"] == "application/json"
    assert got.headers["x-consigne-sha256"] == hashlib.sha256(PNG).hexdigest()
    assert "etag" not in got.headers
    file = instance.file(body["uuid"])
    assert file["state"] == "held"
    expires = datetime.fromisoformat(file["expires_at"]) - datetime.now(UTC)
    assert timedelta(days=29, hours=23) < expires <= timedelta(days=30)
    content = instance.admin.get(f"/consigne/v1/files/{body['uuid'].upper()}/content")
    assert content.content == PNG
    assert instance.books() == (len(PNG), 0)


def test_answers_of_held_files_are_durable(start_server: ServerStarter) -> None:
    """DX-18: what was answered with 200 is there after kill -9."""
    server = start_server()
    instance, sent = found_instance(server), {}
    for number in range(5):
        data = os.urandom(1000 + 200_000 * number)
        sent[instance.upload(data)] = data
        server.kill9()
        server.start()
    for uuid, data in sent.items():
        assert instance.admin.get(f"/consigne/v1/files/{uuid}/content").content == data


@pytest.mark.parametrize(
    ("declared", "data", "expected"),
    [
        ("image/png", PNG, "image/png"),
        ("Image/JPEG; q=1", PNG, "image/jpeg"),
        ("application/octet-stream", PNG, "image/png"),
        ("application/octet-stream;x=y", PNG, "image/png"),
        ("application/x-www-form-urlencoded", PNG, "image/png"),
        (None, PNG, "image/png"),
        ("nonsense", PNG, "image/png"),
        ("image/", PNG, "image/png"),
        ("a" * 300 + "/b", PNG, "image/png"),
        (None, b"\x00\x01\x02\x03" * 9, "application/octet-stream"),
        ("application/octet-stream", b"\x9f\x01\x9c" * 9, "application/octet-stream"),
        ("text/html", PNG, "text/html"),
        ("application/json", b"{}", "application/json"),
    ],
)
def test_types(instance: Instance, declared: str | None, data: bytes, expected: str) -> None:
    """DX-13, DX-15: raw bytes under any type; the declared one, else the one of the bytes."""
    body = good(instance.send(data, **({"Content_Type": declared} if declared else {})))
    assert body["mime-type"] == expected
    assert instance.admin.get(f"/consigne/v1/files/{body['uuid']}/content").content == data


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ({"Content_Type": "image/png"}, "{uuid}.png"),
        ({"Content_Type": "application/pdf"}, "{uuid}.pdf"),
        ({}, "{uuid}.png"),
        ({"Content_Type": "x-a/x-b"}, "{uuid}"),
        ({"Content_Disposition": 'attachment; filename="photo.png"'}, "photo.png"),
        ({"Content_Disposition": "attachment; filename*=UTF-8''fa%C3%A7ade"}, "façade"),
        ({"Content_Disposition": 'attachment; filename="../../etc/x"'}, "x"),
        ({"Content_Disposition": "attachment"}, "{uuid}.png"),
    ],
)
def test_names(instance: Instance, headers: dict[str, str], name: str) -> None:
    """DX-19: the name of the request, else the uuid with the extension of the type."""
    uuid = instance.upload(**headers)
    assert instance.file(uuid)["name"] == name.format(uuid=uuid)


@pytest.mark.parametrize("size", [1, 5, 70_000, 3 * MIB])
def test_chunked(instance: Instance, size: int) -> None:
    """DX-13, DX-17: without a length, in any number of chunks."""
    data = os.urandom(size)

    def pieces() -> Iterator[bytes]:
        for at in range(0, size, 65_536):
            yield data[at : at + 65_536]

    got = instance.admin.post(f"{instance.path}/files/upload", content=pieces())
    assert good(got)["size"] == size
    assert got.headers["x-consigne-sha256"] == hashlib.sha256(data).hexdigest()
    assert instance.books() == (size, 0)


def told(data: bytes) -> list[dict[str, str]]:
    sha, md5 = hashlib.sha256(data).digest(), hashlib.md5(data).digest()
    sha64, md564 = base64.b64encode(sha).decode(), base64.b64encode(md5).decode()
    return [
        {"Content_Digest": f"sha-256=:{sha64}:"},
        {"Repr_Digest": f"sha-256=:{sha64}:"},
        {"Digest": f"SHA-256={sha64}"},
        {"Content_MD5": md564},
        {"Content_MD5": md564, "Content_Digest": f"sha-256=:{sha64}:"},
    ]


@pytest.mark.parametrize("number", range(len(told(b""))))
def test_digests(instance: Instance, number: int) -> None:
    """DX-20, case 3: a digest that fits is fine, one that does not stores nothing."""
    instance.upload(**told(PNG)[number])
    before = instance.books()
    got = instance.send(PNG + b"!", **told(PNG)[number])
    refused(got, 400, "FIL001", [{"reason": "checksum"}])
    assert settled(instance) == before
    assert len(instance.files()) == 1


@pytest.mark.parametrize(
    ("data", "headers", "status", "code", "infos"),
    [
        (b"", {}, 400, "FIL001", [{"reason": "empty"}]),
        (iter([b""]), {}, 400, "FIL001", [{"reason": "empty"}]),
        (PNG, {"Content_Type": "multipart/form-data; boundary=x"}, 415, "FIL009",
         [{"reason": "multipart"}]),
        (PNG, {"Content_Type": "Multipart/Mixed"}, 415, "FIL009", [{"reason": "multipart"}]),
        (PNG, {"Content_Encoding": "gzip"}, 415, "FIL009", [{"reason": "encoded"}]),
        (b"", {"Content_Encoding": "br"}, 415, "FIL009", [{"reason": "encoded"}]),
        (PNG, {"Content_Range": "bytes 0-69/900"}, 400, "API1000", None),
        (PNG, {"Content_MD5": "nonsense"}, 400, "API1000", None),
        (PNG, {"X_Accept_Version": "v1.2"}, 400, "API1000", None),
    ],
)  # fmt: skip
def test_bodies_that_are_not_taken(
    instance: Instance, data: Any, headers: dict[str, str], status: int, code: str, infos: Any
) -> None:
    """DX-16, case 3: no envelope and nothing empty becomes a file; nothing stays."""
    refused(instance.send(data, **headers), status, code, infos)
    assert settled(instance) == (0, 0)
    assert instance.files() == []


def test_identity_is_no_coding(instance: Instance) -> None:
    """DX-16: the one coding that changes nothing."""
    instance.upload(Content_Encoding="identity")


@pytest.mark.parametrize("length", [100, 3 * MIB])
def test_half_a_body(instance: Instance, length: int) -> None:
    """DX-16, DX-18, case 3: shorter than announced, or broken off: nothing stays."""
    token = instance.admin.headers["authorization"]
    head = (
        f"POST {instance.path}/files/upload HTTP/1.1\nHost: localhost\n"
        f"Authorization: {token}\nContent-Length: {length}"
    )
    raw_request(instance.server, head, b"x" * (length // 2)).close()
    assert settled(instance) == (0, 0)
    assert instance.files() == []
    head = head.replace(f"Content-Length: {length}", "Transfer-Encoding: chunked")
    raw_request(instance.server, head, b"ffff\r\n" + b"x" * 9000).close()
    assert settled(instance) == (0, 0)
    assert instance.files() == []


def test_killed_on_the_way(start_server: ServerStarter) -> None:
    """DX-18, case 4: kill -9 in the middle of an upload: no file, no reservation."""
    server = start_server(env={"CONSIGNE_LEASE": "1", "CONSIGNE_SWEEP_EVERY": "0.3"})
    instance = found_instance(server)
    head = (
        f"POST {instance.path}/files/upload HTTP/1.1\nHost: localhost\n"
        f"Authorization: {instance.admin.headers['authorization']}\nContent-Length: {9 * MIB}"
    )
    with raw_request(server, head, os.urandom(5 * MIB)):
        deadline = time.monotonic() + 20
        while not instance.books()[1] and time.monotonic() < deadline:
            time.sleep(0.05)
        assert instance.books()[1] >= 9 * MIB
        server.kill9()
    server.start()
    assert settled(instance) == (0, 0)
    assert instance.files() == []


def test_quota(instance: Instance) -> None:
    """DX-17, case 3: over quota is 507, whether the length is told or not; nothing is reserved."""
    instance.set_quota(2 * MIB)
    refused(instance.send(bytes(3 * MIB)), 507, "FIL003", [{"quota": 2 * MIB, "used": 0}])

    def endless() -> Iterator[bytes]:
        for _ in range(64):
            yield os.urandom(MIB)

    sent: httpx.Response | None
    try:
        sent = instance.admin.post(f"{instance.path}/files/upload", content=endless())
    except httpx.WriteError:
        sent = None  # it had answered and closed while we were still sending
    if sent is not None:
        refused(sent, 507, "FIL003")
    assert settled(instance) == (0, 0)
    assert instance.files() == []


def test_expect(instance: Instance) -> None:
    """DX-04, DX-17, case 2: with Expect: 100-continue no refused body is ever sent."""
    token = instance.admin.headers["authorization"]
    instance.set_quota(MIB)
    for authorization, length, status, code in (
        ("Bearer nobody", 5, 401, "DAERR-AUT001"),
        (token, 2 * MIB, 507, "DAERR-FIL003"),
        (token, 0, 400, "DAERR-FIL001"),
    ):
        head = (
            f"POST {instance.path}/files/upload HTTP/1.1\nHost: localhost\n"
            f"Authorization: {authorization}\nContent-Length: {length}\nExpect: 100-continue"
        )
        with raw_request(instance.server, head) as raw:
            answer = http.client.HTTPResponse(raw)
            answer.begin()
            assert answer.status == status
            assert code.encode() in answer.read()


def test_curl(instance: Instance, tmp_path: Path) -> None:
    """DX-13, DX-17, DX-52, case 2: curl's own way: form-urlencoded, Expect, 2 MiB."""
    data = os.urandom(2 * MIB)
    (tmp_path / "photo").write_bytes(data)
    command = [
        "curl", "-sS", "-v", "-H", f"Authorization: {instance.admin.headers['authorization']}",
        "-H", "Expect: 100-continue", "--data-binary", f"@{tmp_path / 'photo'}",
        f"{instance.url}{instance.path}/files/upload",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert "Content-Type: application/x-www-form-urlencoded" in done.stderr
    assert "100 Continue" in done.stderr
    (file,) = instance.files()
    assert file["id"] in done.stdout
    assert instance.admin.get(f"/consigne/v1/files/{file['id']}/content").content == data


def test_large_and_chunked_in_little_memory(start_server: ServerStarter) -> None:
    """DX-17, case 4: 512 MiB without a length; the server grows by a few blocks."""
    server = start_server()
    instance = found_instance(server)
    block = os.urandom(MIB)
    instance.upload(block * 8)
    before = resident(server.pid)

    def pieces() -> Iterator[bytes]:
        for _ in range(512):
            yield block

    admin = client(server.url, instance.admin.headers["authorization"].split()[1])
    admin.timeout = httpx.Timeout(100)
    got = admin.post(f"{instance.path}/files/upload", content=pieces())
    assert good(got)["size"] == 512 * MIB
    assert resident(server.pid) - before < 48 * MIB


def test_who_may_send(instance: Instance, stranger: Instance) -> None:
    """DX-03, DX-04, case 10: token, then instance, then right; a stranger learns nothing."""
    reader = instance.person("reader").http
    refused(instance.send(http=reader), 403, "AUT002", [{"right": "write"}])
    for role in ("writer", "manager", "admin"):
        instance.upload(http=instance.person(role).http)
    path = f"{instance.path}/files/upload"
    for authorization in ("", "Bearer", "Bearer nobody", "Basic YTpi", "Bearer é"):
        told = {"Authorization": authorization.encode()} if authorization else {}
        got = httpx.post(instance.url + path, content=PNG, headers=told)
        refused(got, 401, "AUT001", [])
        assert got.headers["www-authenticate"] == "Bearer"
    answers = [
        refused(stranger.admin.post(f"/{short}/files/upload", content=PNG), 404, "APP001", [])
        for short in (instance.short, "no-such-instance", "UPPER", "a", "x" * 64, NUL)
    ]
    for answer in answers:
        answer.pop("server_time")
    assert all(answer == answers[0] for answer in answers)
    assert instance.books()[0] == 3 * len(PNG)


def test_a_key_bound_to_methods(server: RunningServer, instance: Instance) -> None:
    """DX-03: native keys are welcome, with their limits."""
    key = {"name": "k", "space": instance.short, "methods": ["GET"]}
    made = good(instance.admin.post("/consigne/v1/keys", json=key), 201)
    limited = client(server.url, made["key"])
    refused(instance.send(http=limited), 403, "AUT002")
    good(limited.get("/apps"))


def test_held_files_expire(start_server: ServerStarter) -> None:
    """DX-21: after its time a file that nobody linked goes, and its quota with it."""
    server = start_server(env={"CONSIGNE_DAXIUM_HOLD_EXPIRY": "1", "CONSIGNE_SWEEP_EVERY": "0.3"})
    instance = found_instance(server)
    instance.upload()
    deadline = time.monotonic() + 20
    while instance.books() != (0, 0) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert instance.books() == (0, 0)
