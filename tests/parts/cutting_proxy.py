"""A proxy that cuts connections: after so many bytes of the client's, or before the answer."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def cutting_proxy(port: int, cuts: Iterator[int | None]) -> Iterator[str]:
    """Run a proxy before a port of this machine and give its URL.

    Each connection takes the next of ``cuts``: after so many bytes from the client it is reset;
    -1 resets it when the server begins to answer, -n once n - 1 bytes of answers have passed; None,
    and the end of the cuts, let it be.
    """
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=pair, args=(client, next(cuts, None)), daemon=True).start()

    def pair(client: socket.socket, cut: int | None) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", port), timeout=60)
        except OSError:
            _reset(client)
            return
        of_answer = -1 - cut if cut is not None and cut < 0 else None
        back = threading.Thread(target=pass_on, args=(server, client, of_answer))
        back.start()
        pass_on(client, server, cut if of_answer is None else None)
        back.join()
        client.close()
        server.close()

    def pass_on(source: socket.socket, target: socket.socket, limit: int | None) -> None:
        with suppress(OSError):
            while data := source.recv(65536 if limit is None else min(65536, max(1, limit))):
                if limit is not None:
                    if limit == 0:
                        _reset(source)
                        _reset(target)
                        return
                    limit -= len(data)
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join()


def _reset(connection: socket.socket) -> None:
    """Close a connection as a network that breaks does."""
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
