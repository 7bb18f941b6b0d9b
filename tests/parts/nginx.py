"""An nginx before servers, with the configuration that comes with Consigne."""

import os
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

from .process import bound_to_us, free_port, kill_family

CONFIGURATION = Path(__file__).parents[2] / "deploy/nginx/consigne.conf"
START_TIMEOUT = 30.0
_FRAME = """
{user}
daemon off;
pid {folder}/pid;
error_log {folder}/log warn;
worker_processes 2;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{ours}
}}
"""


class Nginx:
    """It listens on a loopback port; it can be killed and started again."""

    def __init__(self, folder: Path, servers: list[int]) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir()
        ours = CONFIGURATION.read_text()
        for shipped, port in zip((8081, 8082), servers, strict=True):
            ours = ours.replace(f"127.0.0.1:{shipped}", f"127.0.0.1:{port}")
        ours, places = re.subn(r"listen 80;", f"listen 127.0.0.1:{self.port};", ours)
        assert places == 1
        user = "user root;" if os.geteuid() == 0 else ""  # else its children cannot enter here
        (folder / "nginx.conf").write_text(_FRAME.format(folder=folder, ours=ours, user=user))

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        found = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin")
        assert found, "nginx is missing: run scripts/parts"
        log = self._folder / "log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                bound_to_us([found, "-c", str(self._folder / "nginx.conf"), "-e", str(log)]),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
            except OSError:
                assert self._process.poll() is None, f"nginx does not start:\n{log.read_text()}"
                assert time.monotonic() < deadline, f"nginx does not answer:\n{log.read_text()}"
                time.sleep(0.05)
            else:
                return

    def kill9(self) -> None:
        """Kill it and its workers without a warning."""
        if self._process is not None:
            kill_family(self._process.pid)
            self._process.wait()
            self._process = None
