"""nginx with WebDAV: bytes into files, no hash, no rows. The ceiling for large bodies."""

import os
import subprocess
from pathlib import Path

import httpx

from bench.parts import debian_program

from .peer import Peer, Upload

CONFIGURATION = """
{user}
worker_processes 2;
daemon off;
pid nginx.pid;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    client_max_body_size 0;
    client_body_temp_path temporary;
    proxy_temp_path unused_proxy;
    fastcgi_temp_path unused_fastcgi;
    uwsgi_temp_path unused_uwsgi;
    scgi_temp_path unused_scgi;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            root files;
            dav_methods PUT DELETE;
            create_full_put_path on;
        }}
    }}
}}
"""


class Nginx(Peer):
    name = "nginx WebDAV"
    durability = "2xx before the bytes are synced; nothing is hashed, nothing is recorded"
    ready_statuses = frozenset({200, 403, 404})
    _program: Path

    def install(self) -> None:
        self._program, _ = debian_program("nginx", "usr/sbin/nginx")
        done = subprocess.run([self._program, "-v"], capture_output=True, text=True, check=True)
        self.version = done.stderr.strip().rpartition("/")[2]

    def prepare(self) -> None:
        (self.folder / "files").mkdir()
        user = "user root;" if os.geteuid() == 0 else ""
        configuration = CONFIGURATION.format(user=user, port=self.port)
        (self.folder / "nginx.conf").write_text(configuration)

    def command(self) -> list[str]:
        return [str(self._program), "-p", str(self.folder), "-c", "nginx.conf", "-e", "stderr"]

    def upload(self, size: int) -> Upload:
        return Upload("PUT", "/{name}", {"Content-Type": "application/octet-stream"})

    def content_path(self, answer: httpx.Response) -> str | None:
        return answer.request.url.path
