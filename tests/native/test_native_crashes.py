"""What a killed server leaves behind of a body in one piece: nothing, and not for long."""

import socket
import time

from native_support import Client
from tests.parts.server import KEY, ServerStarter

ANNOUNCED, SENT = 64 << 20, 3 << 20


def test_a_killed_upload_gives_its_room_back_at_the_next_start(start_server: ServerStarter) -> None:
    """C-24: the room of a body whose process has died is free long before its lease is over."""
    server = start_server(env={"CONSIGNE_LEASE": "3600", "CONSIGNE_SWEEP_EVERY": "1"})
    api = Client(server.url, KEY)
    host, port = api.base_url.host, api.base_url.port
    assert port is not None
    with socket.create_connection((host, port), timeout=30) as line:
        line.sendall(
            f"POST /consigne/v1/files?name=cut HTTP/1.1\r\nHost: {host}:{port}\r\n"
            f"Authorization: Bearer {KEY}\r\nContent-Length: {ANNOUNCED}\r\n\r\n".encode()
        )
        line.sendall(bytes(SENT))
        assert _reserved_becomes(api, ANNOUNCED)
        server.kill9()
    server.start()
    assert _reserved_becomes(api, 0)
    assert api.ok("GET", "/files")["files"] == []
    assert api.ok("GET", "/spaces/default/usage")["used"] == 0


def _reserved_becomes(api: Client, expected: int) -> bool:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if api.ok("GET", "/spaces/default/usage")["reserved"] == expected:
            return True
        time.sleep(0.1)
    return False
