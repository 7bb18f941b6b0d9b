"""The cuts in an archive: written, found, read and removed."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable

import msgspec

from consigne.blobs.archive import Archive
from consigne.blobs.driver import KeyMissing
from consigne.core.backup.format import FORMAT, MANIFEST, SEALED, VERSION, Manifest, Part
from consigne.core.backup.sealing import Seal
from consigne.errors import Conflict, Corrupt, NotFound

_CUTS = "cuts/"


class Repository:
    """Cuts and objects; ``seal`` encrypts and decrypts them."""

    def __init__(self, archive: Archive, seal: Seal) -> None:
        self.archive = archive
        self.seal = seal

    async def cuts(self) -> tuple[list[str], list[str]]:
        """Return the cuts that are whole, and those that are not, both the oldest first."""
        found: dict[str, bool] = {}
        async for each in self.archive.list(_CUTS):
            cut, _, path = each.name.removeprefix(_CUTS).partition("/")
            found[cut] = found.get(cut, False) or path == MANIFEST
        names = sorted(found)
        return [each for each in names if found[each]], [each for each in names if not found[each]]

    async def manifest(self, cut: str) -> Manifest:
        """Return what a cut is. Raises NotFound, Corrupt; Conflict for another version's format."""
        try:
            data = await gathered(self.archive.read(f"{_CUTS}{cut}/{MANIFEST}"))
            head = msgspec.json.decode(data)
            if head["format"] == FORMAT and head["version"] != VERSION:
                raise Conflict(
                    f"The backup has format version {head['version']}, known is {VERSION}.",
                    hint="Use the version of Consigne that made it, or a newer one.",
                )
            manifest = msgspec.convert(head, Manifest)
        except (KeyMissing, ValueError) as error:
            if isinstance(error, KeyMissing):
                raise NotFound(f"There is no cut {cut}.") from None
            raise Corrupt(f"The manifest of {cut} is damaged.") from error
        except (msgspec.MsgspecError, KeyError, TypeError) as error:
            raise Corrupt(f"The manifest of {cut} is damaged.") from error
        if manifest.format != FORMAT or manifest.cut != cut:
            raise Corrupt(f"The manifest of {cut} is damaged.")
        return manifest

    async def chosen(self, cut: str | None) -> Manifest:
        """Return the cut of a name, else the newest. Raises NotFound."""
        whole, _ = await self.cuts()
        if not whole:
            raise NotFound("There is no backup here.", hint="Is the address right?")
        return await self.manifest(cut or whole[-1])

    async def commit(self, manifest: Manifest) -> None:
        """Make a cut exist, after everything that it names."""
        await self.archive.settle()
        data = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
        await self.archive.write(f"{_CUTS}{manifest.cut}/{MANIFEST}", once(data))
        await self.archive.settle()

    async def store(
        self, cut: str, path: str, pieces: AsyncIterable[bytes], size: int, *, plain: bool = False
    ) -> Part:
        """Store a file of a cut of ``size`` bytes."""
        digest = hashlib.sha256()
        sealed = bool(self.seal.recipients) and not plain

        async def passing() -> AsyncIterator[bytes]:
            async for piece in self.seal.seal(pieces, size) if sealed else pieces:
                digest.update(piece)
                yield piece

        path = path + SEALED if sealed else path
        stored = await self.archive.write(f"{_CUTS}{cut}/{path}", passing())
        return Part(path, stored, digest.hexdigest())

    async def load(self, manifest: Manifest, path: str) -> AsyncGenerator[bytes, None]:
        """Yield a file of a cut as it went in, whether encrypted or not, checked at its end.

        Raises Corrupt; BadParameter where no identity opens it.
        """
        part = next((each for each in manifest.files if each.path in (path, path + SEALED)), None)
        if part is None:
            raise Corrupt(f"The cut {manifest.cut} names no {path}.")
        digest = hashlib.sha256()

        async def passing() -> AsyncIterator[bytes]:
            try:
                async for piece in self.archive.read(f"{_CUTS}{manifest.cut}/{part.path}"):
                    digest.update(piece)
                    yield piece
            except KeyMissing:
                raise Corrupt(f"{part.path} of {manifest.cut} is missing.") from None

        source: AsyncIterable[bytes] = passing()
        if part.path.endswith(SEALED):
            source = self.seal.unseal(source, part.size)
        async for piece in source:
            yield piece
        if digest.hexdigest() != part.sha256:
            raise Corrupt(f"{part.path} of {manifest.cut} is not what was written.")

    async def remove(self, cut: str) -> None:
        """Remove a cut, its manifest first, so that it is never there in part."""
        await self.archive.delete(f"{_CUTS}{cut}/{MANIFEST}")
        await self.archive.settle()
        names = [each.name async for each in self.archive.list(f"{_CUTS}{cut}/")]
        for name in names:
            await self.archive.delete(name)


async def in_lanes(lane: Callable[[], Awaitable[None]], count: int) -> None:
    """Run a work several times side by side; raise the first error when all have ended."""
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(count):
                group.create_task(_as_coroutine(lane))
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None


async def _as_coroutine(work: Callable[[], Awaitable[None]]) -> None:
    await work()


async def gathered(pieces: AsyncIterable[bytes]) -> bytes:
    """Return all of the pieces in one."""
    return b"".join([piece async for piece in pieces])


async def once(data: bytes) -> AsyncIterator[bytes]:
    """Yield bytes in one piece."""
    yield data
