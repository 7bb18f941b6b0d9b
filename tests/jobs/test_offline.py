"""The children that open strangers' documents have no network (C-54)."""

import json
import platform
import subprocess
import sys

import pytest

SCRIPT = """
import json, socket, subprocess, sys
from consigne.jobs import confined

def refused(make):
    try:
        make()
    except OSError as error:
        return error.errno
    return None

listening = socket.create_server(("127.0.0.1", 0))
confined.confine(1 << 30, 30)
found = [
    refused(lambda: socket.create_connection(listening.getsockname())),
    refused(lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)),
    refused(lambda: socket.socket(socket.AF_UNIX)),
    refused(socket.socketpair),
    refused(listening.accept),
]
child = "import socket\\ntry: socket.socket()\\nexcept OSError as e: print(e.errno)"
said = subprocess.run([sys.executable, "-c", child], capture_output=True, text=True).stdout
print(json.dumps([*found, int(said or 0)]))
"""


@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"),
    reason="the filter is for Linux on these processors",
)
def test_no_sockets() -> None:
    """Neither new ones nor one that is inherited, and none for a child of the child."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [1] * 6
