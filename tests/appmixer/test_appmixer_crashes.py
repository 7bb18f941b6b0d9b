"""The server is killed: what was answered is there, what was not can be sent again (AM-16)."""

import os
import socket
import threading
import time

from tests.appmixer.support import Space, file_part, form, md5, ok
from tests.parts.server import RunningServer


def _begin_chunk(space: Space, token: str, file_id: str, number: int, data: bytes) -> socket.socket:
    """Send the head and most of a chunk, and leave the rest out."""
    body, headers = form((file_part(), data))
    head = (
        f"POST /files HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: {headers['Content-Type']}\r\nContent-Length: {len(body)}\r\n"
        f"uploader-file-id: {file_id}\r\nuploader-chunk-number: {number}\r\n\r\n"
    )
    connection = socket.create_connection(("127.0.0.1", space.server.port), timeout=10)
    connection.sendall(head.encode() + body[: len(body) * 2 // 3])
    return connection


def test_killed_within_a_chunk(fresh_server: RunningServer) -> None:
    """AM-16, case 7: after kill -9 in chunk 2 one chunk is there; chunks 2 and 3 complete it.

    The lease of the killed server is no obstacle: its process is seen to be dead.
    """
    space = Space(fresh_server)
    ines = space.person()
    chunks = [os.urandom(3_000_000) for _ in range(3)]
    file_id = ines.begin(chunks[0])
    with _begin_chunk(space, ines.token, file_id, 2, chunks[1]):
        time.sleep(0.5)
        fresh_server.kill9()
    fresh_server.start()
    so_far = ines.metadata(file_id)
    assert so_far["metadata"]["chunksReceived"] == 1
    assert so_far["length"] == 3_000_000
    started = time.monotonic()
    ok(ines.post(chunks[1], file_id, 2))
    assert time.monotonic() - started < 10
    last = ok(ines.post(chunks[2], file_id, 3))
    assert last["md5"] == md5(b"".join(chunks))
    assert ines.content(file_id) == b"".join(chunks)


def test_killed_just_after_an_answer(fresh_server: RunningServer) -> None:
    """AM-16, case 7: a chunk that was answered with 200 is there, round after round."""
    space = Space(fresh_server)
    ines = space.person()
    chunks = [os.urandom(200_000 + n) for n in range(4)]
    file_id = ines.begin(chunks[0], total=4)
    for number in range(2, 5):
        fresh_server.kill9()
        fresh_server.start()
        assert ines.metadata(file_id)["metadata"]["chunksReceived"] == number - 1
        ok(ines.post(chunks[number - 1], file_id, number))
    fresh_server.kill9()
    fresh_server.start()
    assert ines.files()[0]["md5"] == md5(b"".join(chunks))
    assert ines.content(file_id) == b"".join(chunks)
    assert space.usage()[0] == sum(map(len, chunks))


def test_killed_while_appending(fresh_server: RunningServer) -> None:
    """AM-15, AM-16: an open-ended file is the old one or the new one, whole in either case."""
    space = Space(fresh_server)
    ines = space.person()
    first, second = os.urandom(2_000_000), os.urandom(2_000_000)
    file_id = ok(ines.post(first))["fileId"]
    with _begin_chunk(space, ines.token, file_id, 2, second):
        time.sleep(0.5)
        fresh_server.kill9()
    fresh_server.start()
    assert ines.content(file_id) == first
    assert ok(ines.post(second, file_id, 2))["md5"] == md5(first + second)
    fresh_server.kill9()
    fresh_server.start()
    assert ines.content(file_id) == first + second
    assert ok(ines.post(second, file_id, 2))["length"] == 4_000_000


def test_killed_at_the_last_chunk(fresh_server: RunningServer) -> None:
    """AM-16: killed while the last chunk is on its way or being joined, a repeat completes it."""
    space = Space(fresh_server)
    ines = space.person()
    chunks = [os.urandom(4_000_000), os.urandom(1_000_000)]
    for delay in (0.0, 0.01, 0.03, 0.06):
        file_id = ines.begin(chunks[0], total=2)
        killer = threading.Timer(delay, fresh_server.kill9)
        killer.start()
        try:
            ines.post(chunks[1], file_id, 2)
        except Exception:
            pass  # the connection broke, as it should
        killer.join()
        fresh_server.start()
        assert ok(ines.post(chunks[1], file_id, 2))["md5"] == md5(b"".join(chunks))
        ok(ines.http.delete(f"/files/{file_id}"))
    assert space.usage() == (0, 0)
