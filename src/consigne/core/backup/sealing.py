"""Encryption of backups with age (https://age-encryption.org/v1), by its Rust implementation.

The library reads and writes file objects, so large bodies pass through a thread between two ends
that wait for the event loop.
"""

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyrage

from consigne.errors import BadParameter, Corrupt

_AT_ONCE = 1 << 20
_BUFFER = 256 << 10
_THREADS = 16


class Seal:
    """Encrypts to recipients, decrypts with identities; without recipients bytes stay plain.

    Raises BadParameter for a recipient or an identity that is none.
    """

    def __init__(self, recipients: Sequence[str] = (), identities: Sequence[Path] = ()) -> None:
        self.recipients = list(recipients)
        self._recipients = [_recipient(each) for each in recipients]
        self._identities = [each for path in identities for each in _identities(path)]
        self._pool = ThreadPoolExecutor(_THREADS, "age")

    @property
    def has_identities(self) -> bool:
        return bool(self._identities)

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown()

    def seal(self, pieces: AsyncIterable[bytes], size: int) -> AsyncIterable[bytes]:
        """Return what is stored of ``size`` bytes."""
        if not self._recipients:
            return pieces
        if size <= _AT_ONCE:
            return _at_once(pieces, lambda data: pyrage.encrypt(data, self._recipients))
        return self._through(
            pieces, lambda source, sink: pyrage.encrypt_io(source, sink, self._recipients)
        )

    def unseal(self, pieces: AsyncIterable[bytes], size: int) -> AsyncIterable[bytes]:
        """Return what was sealed, of ``size`` bytes or less. Raises Corrupt; BadParameter where no
        identity opens it.
        """
        if size <= _AT_ONCE:
            return _at_once(pieces, lambda data: pyrage.decrypt(data, self._identities))
        return self._through(
            pieces, lambda source, sink: pyrage.decrypt_io(source, sink, self._identities)
        )

    async def _through(
        self, pieces: AsyncIterable[bytes], step: Callable[[Any, Any], None]
    ) -> AsyncGenerator[bytes, None]:
        pipe = _Pipe(pieces)

        async def work() -> None:
            try:
                await pipe.loop.run_in_executor(self._pool, _run, step, pipe)
            finally:
                await pipe.out.put(None)

        task = asyncio.create_task(work())
        try:
            while (piece := await pipe.out.get()) is not None:
                yield piece
            await task
        finally:
            pipe.stopped.set()
            while not task.done():
                while not pipe.out.empty():
                    pipe.out.get_nowait()
                await asyncio.wait([task], timeout=0.01)
            if not task.cancelled():
                task.exception()


class _Pipe:
    """The two ends that the library reads from and writes to, in its thread."""

    def __init__(self, pieces: AsyncIterable[bytes]) -> None:
        self.loop = asyncio.get_running_loop()
        self.out: asyncio.Queue[bytes | None] = asyncio.Queue(4)
        self.stopped = threading.Event()
        self.error: BaseException | None = None
        self._pieces = aiter(pieces)
        self._rest = memoryview(b"")
        self._waiting = bytearray()

    def read(self, size: int = -1) -> bytes:
        while not self._rest:
            try:
                piece = self._wait(self._next())
            except BaseException as error:
                self.error = error
                raise
            if piece is None:
                return b""
            self._rest = memoryview(piece)
        most = len(self._rest) if size < 0 else min(size, len(self._rest))
        data, self._rest = bytes(self._rest[:most]), self._rest[most:]
        return data

    def write(self, data: bytes) -> int:
        self._waiting += data
        if len(self._waiting) >= _BUFFER:
            self.flush()
        return len(data)

    def flush(self) -> None:
        if self._waiting:
            self._wait(self.out.put(bytes(self._waiting)))
            self._waiting.clear()

    async def _next(self) -> bytes | None:
        return await anext(self._pieces, None)

    def _wait(self, step: Any) -> Any:
        if self.stopped.is_set():
            step.close()
            raise BrokenPipeError
        return asyncio.run_coroutine_threadsafe(step, self.loop).result()


def _run(step: Callable[[Any, Any], None], pipe: _Pipe) -> None:
    try:
        step(pipe, pipe)
        pipe.flush()
    except Exception as error:
        if pipe.error is not None:
            raise pipe.error from None
        raise _told(error) from error


async def _at_once(
    pieces: AsyncIterable[bytes], step: Callable[[bytes], bytes]
) -> AsyncGenerator[bytes, None]:
    data = b"".join([piece async for piece in pieces])
    try:
        yield step(data)
    except pyrage.DecryptError as error:
        raise _told(error) from error


def _told(error: Exception) -> Exception:
    if "matching keys" in str(error):
        return BadParameter(
            "None of the identities opens this backup.",
            hint="Give the file with the secret key of one of its recipients with --identity.",
        )
    return Corrupt(f"What was encrypted is damaged: {error}")


def _recipient(text: str) -> Any:
    kinds = (pyrage.x25519.Recipient, pyrage.ssh.Recipient)
    for kind in kinds:
        try:
            return kind.from_str(text.strip())
        except pyrage.RecipientError:
            continue
    raise BadParameter(
        f"{text!r} is not a recipient: age1… or an SSH public key.", parameter="encrypt"
    )


def _identities(path: Path) -> list[Any]:
    data = path.read_bytes()
    try:
        if b"PRIVATE KEY-----" in data:
            return [pyrage.ssh.Identity.from_buffer(data)]
        keys = [line.strip() for line in data.decode().splitlines()]
        found = [pyrage.x25519.Identity.from_str(key) for key in keys if key and key[0] != "#"]
    except (pyrage.IdentityError, UnicodeDecodeError):
        found = []
    if not found:
        raise BadParameter(f"There is no identity of age in {path}.", parameter="identity")
    return found
