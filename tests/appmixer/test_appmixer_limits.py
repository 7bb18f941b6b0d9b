"""Quota, limits, waiting, expiry (AM-16, AM-32, AM-34, AM-38)."""

import os
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from consigne.settings import Settings
from tests.appmixer.support import Space, file_part, form, md5, ok, refused
from tests.parts.server import ServerStarter


def test_the_quota_holds(space: Space) -> None:
    """AM-32, AM-34, case 22: 507 before the body, usage unchanged, no matter how it comes."""
    space.change(quota=100_000)
    ines = space.person()
    ines.keep(b"x" * 60_000)
    before = space.traces()
    body, headers = form((file_part(), os.urandom(50_000)))
    announced = {"uploader-chunk-size": "50000"}
    for more in ({}, announced, {"uploader-chunks-total": "2"}):
        answer = ines.http.post("/files", content=body, headers={**headers, **more})
        refused(answer, 507, "quota_exceeded")
        assert answer.json()["error"] == "Insufficient Storage"
        endless = ines.http.post("/files", content=iter([body]), headers={**headers, **more})
        refused(endless, 507, "quota_exceeded")
        assert space.traces() == before
    file_id = ines.begin(b"y" * 30_000, total=2)
    assert space.usage() == (60_000, 30_000)
    refused(ines.post(b"z" * 10_001, file_id, 2), 507, "quota_exceeded")
    assert space.usage() == (60_000, 30_000)
    ok(ines.post(b"z" * 10_000, file_id, 2))
    assert space.usage() == (100_000, 0)


def test_a_huge_announced_body_is_refused_unread(space: Space) -> None:
    """AM-32: room is asked for before the body: what cannot fit is not waited for."""
    space.change(quota=1_000_000)
    ines = space.person()
    head = (
        f"POST /files HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {ines.token}\r\n"
        f"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {1 << 30}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", space.server.port), timeout=10) as connection:
        connection.sendall(head.encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 507 ")
    assert space.usage() == (0, 0)


def test_limits(start_server: ServerStarter) -> None:
    """AM-38, AM-34: largest file 413, unfinished uploads 429, with the settings' numbers."""
    running = start_server(
        env={"CONSIGNE_APPMIXER_MAX_SIZE": "1000", "CONSIGNE_UPLOADS_PER_USER": "2"}
    )
    ines = Space(running).person()
    assert ok(ines.post(b"x" * 1000, total=1))["length"] == 1000
    refused(ines.post(b"x" * 1001, total=1), 413, "file_too_large")
    first = ines.begin(b"x" * 600, total=2)
    refused(ines.post(b"x" * 401, first, 2), 413, "file_too_large")
    ines.begin(b"x", total=2)
    answer = ines.post(b"x", None, 1, 2)
    refused(answer, 429, "too_many_requests")
    assert int(answer.headers["retry-after"]) > 0
    ok(ines.post(b"x" * 400, first, 2))
    ines.begin(b"x", total=2)


def test_defaults_of_the_limits() -> None:
    """AM-38: file 5 GiB, 100 unfinished uploads, 24 h, no CORS origins, 30 s of waiting (AM-16)."""
    settings = Settings()
    assert settings.appmixer_max_size == 5 * 2**30
    assert settings.uploads_per_user == 100
    assert settings.upload_expiry == 86_400
    assert settings.cors_origins == []
    assert settings.upload_wait == 30


def test_requests_for_one_upload_wait_for_each_other(start_server: ServerStarter) -> None:
    """AM-16: serialised; one that waits too long gets 503 with Retry-After: 1."""
    running = start_server(env={"CONSIGNE_UPLOAD_WAIT": "1"})
    ines = Space(running).person()
    file_id = ines.begin(b"one")
    body, headers = form((file_part(), b"two"))
    reading, go_on = threading.Event(), threading.Event()

    def slow() -> object:
        yield body[:100]
        reading.set()
        go_on.wait(30)
        yield body[100:]

    sent = {**headers, "uploader-file-id": file_id, "uploader-chunk-number": "2"}
    with ThreadPoolExecutor(1) as pool:
        slowly = pool.submit(ines.http.post, "/files", content=slow(), headers=sent)  # type: ignore[arg-type]
        reading.wait(10)
        time.sleep(0.3)
        answer = ines.post(b"two", file_id, 2)
        refused(answer, 503, "busy")
        assert answer.headers["retry-after"] == "1"
        go_on.set()
        assert ok(slowly.result())["metadata"]["chunksReceived"] == 2
    assert ok(ines.post(b"three", file_id, 3))["md5"] == md5(b"onetwothree")


def test_unfinished_uploads_expire(start_server: ServerStarter) -> None:
    """AM-34, AM-38, case 22: 410 once expired, for 7 days; reservation and bytes are gone."""
    running = start_server(
        env={"CONSIGNE_UPLOAD_EXPIRY": "2", "CONSIGNE_SWEEP_EVERY": "0.3", "CONSIGNE_LEASE": "2"}
    )
    space = Space(running)
    ines, zoe = space.person(), space.person()
    before = space.traces()
    file_id = ines.begin(os.urandom(500_000))
    ok(ines.post(b"k", "1234567890", 0, 2))
    assert space.usage() == (0, 500_001)
    deadline = time.monotonic() + 20
    while space.traces() != before:
        assert time.monotonic() < deadline, space.traces()
        time.sleep(0.2)
    answer = ines.post(b"two", file_id, 2)
    refused(answer, 410, "upload_expired")
    assert answer.json()["message"] == "Upload has expired"
    for path in (f"/files/metadata/{file_id}", f"/files/{file_id}"):
        refused(ines.http.get(path), 410, "upload_expired")
    refused(ines.http.delete(f"/files/{file_id}"), 410, "upload_expired")
    refused(ines.post(b"l", "1234567890", 1, 2), 410, "upload_expired")
    refused(zoe.post(b"two", file_id, 2), 404, "file_not_found")
    refused(zoe.http.get(f"/files/{file_id}"), 404, "file_not_found")
    with space.catalog() as db:
        rows = db.execute("SELECT keep_until - ended_at FROM tombstone").fetchall()
    assert [row[0] for row in rows] == [7 * 86_400_000] * 3  # two files and one key
