"""An archive below a prefix of a bucket, over the driver's client of object stores."""

from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import aclosing

from consigne.blobs.archive import Entry
from consigne.blobs.driver import NoSpace
from consigne.blobs.s3_client import Place, S3Client
from consigne.errors import StorageFull

_READ = 2 << 20
_PIECE = 8 << 20
# Pieces get twice as long after so many, as a store takes no more than 10,000 of an object.
_GROWTH = 1500


class S3Archive:
    """An archive in a bucket that exists; ``prefix`` is empty or ends in a slash."""

    def __init__(self, place: Place, prefix: str) -> None:
        self._client = S3Client(place)
        self._prefix = prefix

    async def open(self, *, make: bool) -> None:
        await self._client.open()

    async def close(self) -> None:
        await self._client.close()

    async def write(self, name: str, pieces: AsyncIterable[bytes]) -> int:
        key, buffer, upload = self._prefix + name, bytearray(), ""
        etags: list[str] = []
        size = 0
        try:
            async for piece in pieces:
                buffer += piece
                size += len(piece)
                if len(buffer) >= _PIECE << (len(etags) // _GROWTH):
                    upload = upload or await self._client.begin(key)
                    etags.append(await self._client.piece(key, upload, len(etags) + 1, buffer))
                    buffer = bytearray()
            if not upload:
                await self._client.put(key, buffer)
                return size
            if buffer:
                etags.append(await self._client.piece(key, upload, len(etags) + 1, buffer))
            await self._client.complete(key, upload, etags, size)
        except BaseException as error:
            if upload:
                await self._client.abort(key, upload)
            if isinstance(error, NoSpace):
                raise StorageFull("The archive is full.") from error
            raise
        return size

    async def settle(self) -> None:
        """Do nothing: what the store has answered is durable."""

    async def read(self, name: str) -> AsyncGenerator[bytes, None]:
        at = 0
        while piece := await self._client.get(self._prefix + name, at, _READ):
            yield piece
            at += len(piece)
            if len(piece) < _READ:
                return

    async def list(self, prefix: str) -> AsyncGenerator[Entry, None]:
        async with aclosing(self._client.objects(self._prefix + prefix)) as found:
            async for each in found:
                yield Entry(each.key.removeprefix(self._prefix), each.size)

    async def delete(self, name: str) -> None:
        await self._client.delete(self._prefix + name)
