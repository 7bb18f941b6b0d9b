"""A gate on the way to the server that stops letting bytes through when a test says so."""

import contextlib
import socket
import threading
from pathlib import Path


class Gate:
    """Forwards connections to a port; after ``up`` (or ``down``) bytes nothing passes that way.

    ``passed`` counts bytes up and down since the last ``open``.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._change = threading.Condition()
        self._limits = {"up": 1 << 60, "down": 1 << 60}
        self.passed = {"up": 0, "down": 0}
        self._cuts = 0
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def open(self, *, up: int = 1 << 60, down: int = 1 << 60) -> None:
        """Let so many bytes through from now on."""
        with self._change:
            self._limits = {"up": up, "down": down}
            self.passed = {"up": 0, "down": 0}
            self._change.notify_all()

    def wait_until_shut(self, way: str, timeout: float = 30) -> None:
        """Wait until a way has let all through that it may."""
        with self._change:
            shut = self._change.wait_for(
                lambda: self.passed[way] >= self._limits[way], timeout=timeout
            )
        assert shut, self.passed

    def cut(self) -> None:
        """Break the connections that wait here: a sender that died cannot tell us so itself."""
        with self._change:
            self._cuts += 1
            self._change.notify_all()

    def close(self) -> None:
        """Stop accepting."""
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._port))
            for way, source, target in (("up", client, server), ("down", server, client)):
                threading.Thread(
                    target=self._forward, args=(way, source, target), daemon=True
                ).start()

    def _forward(self, way: str, source: socket.socket, target: socket.socket) -> None:
        born = self._cuts
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                with self._change:
                    while self.passed[way] >= self._limits[way]:
                        if born < self._cuts:
                            raise ConnectionError("cut")
                        self._change.wait()
                    self.passed[way] += len(data)
                    self._change.notify_all()
                target.sendall(data)
        for each in (source, target):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


def only_object(data: Path) -> Path:
    """Return the one large content of a data folder."""
    (found,) = (p for p in (data / "blobs" / "objects").rglob("*") if p.is_file())
    return found
