"""The helper that runs the server notices how it starts and how it ends."""

import sys
import textwrap
from pathlib import Path

import httpx
import pytest

from .server import RunningServer, ServerStarter

STAND_IN = """
    import http.server, signal, sys

    class Ready(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()

    def end(*_):
        sys.exit({status})

    signal.signal(signal.SIGTERM, end)
    print("started with", *sys.argv[1:3], flush=True)
    port = int(sys.argv[sys.argv.index("--port") + 1])
    http.server.HTTPServer(("127.0.0.1", port), Ready).serve_forever()
"""


def stand_in(folder: Path, status: int = 0) -> tuple[str, ...]:
    """Write a command that looks like the server, and ends with a status."""
    script = folder / f"stand_in_{status}.py"
    script.write_text(textwrap.dedent(STAND_IN).format(status=status))
    return (sys.executable, str(script))


def answers(running: RunningServer) -> bool:
    try:
        return httpx.get(running.url).status_code == 200
    except httpx.TransportError:
        return False


def test_it_comes_back_on_the_same_port_after_a_kill(
    start_server: ServerStarter, tmp_path: Path
) -> None:
    running = start_server(command=stand_in(tmp_path))
    assert answers(running)
    running.kill9()
    assert not answers(running)
    running.start()
    assert answers(running)
    running.restart()
    assert answers(running)
    assert running.log.count("started with serve --data") == 3


def test_an_exit_status_other_than_0_is_noticed(
    start_server: ServerStarter, tmp_path: Path
) -> None:
    running = start_server(command=stand_in(tmp_path, status=3))
    with pytest.raises(AssertionError, match="exit 3 after SIGTERM"):
        running.terminate()


def test_a_command_that_does_not_start_shows_its_log(
    start_server: ServerStarter, tmp_path: Path
) -> None:
    command = (sys.executable, "-c", "raise SystemExit('no room left')")
    with pytest.raises(AssertionError, match="no room left"):
        start_server(command=command)
