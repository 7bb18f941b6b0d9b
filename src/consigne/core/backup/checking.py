"""Reading a cut back: every file and every object, compared with what was written."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator
from hashlib import sha256

import msgspec

from consigne.blobs.driver import KeyMissing
from consigne.core.backup.format import (
    Indexed,
    Manifest,
    Summary,
    TableHead,
    lines,
    object_path,
)
from consigne.core.backup.repository import Repository, gathered, in_lanes
from consigne.core.backup.taking import Progress
from consigne.errors import Corrupt

_LANES = 8
_NAMED = 1000


class Checked(msgspec.Struct):
    """What a check has read, and the first problems that it found (``wrong`` counts all).

    ``is_complete`` is False where the cut is encrypted and no identity was given: then only what is
    not encrypted was compared, and that the objects are there.
    """

    cut: str
    is_complete: bool
    files: int = 0
    rows: int = 0
    objects: int = 0
    bytes_read: int = 0
    wrong: int = 0
    problems: list[str] = []

    def found(self, problem: str) -> None:
        self.wrong += 1
        if len(self.problems) < _NAMED:
            self.problems.append(problem)


async def summary_of(repository: Repository, manifest: Manifest) -> Summary:
    """Return what a cut has of the catalog. Raises Corrupt, BadParameter."""
    data = await gathered(repository.load(manifest, "catalog.json"))
    try:
        return msgspec.json.decode(data, type=Summary)
    except msgspec.MsgspecError as error:
        raise Corrupt("The summary of the backup is damaged.") from error


async def rows_of(
    repository: Repository, manifest: Manifest, head: TableHead
) -> AsyncIterator[list[object]]:
    """Yield the rows of a table as they were written. Raises Corrupt, at the latest at the end."""
    digest, count = sha256(), 0
    try:
        async for line in lines(repository.load(manifest, f"tables/{head.name}.jsonl.gz")):
            digest.update(line + b"\n")
            count += 1
            yield msgspec.json.decode(line, type=list[object])
    except msgspec.MsgspecError as error:
        raise Corrupt(f"A row of {head.name} is damaged.") from error
    if (count, digest.hexdigest()) != (head.rows, head.sha256):
        raise Corrupt(f"The rows of {head.name} are not what was written.")


async def index_of(repository: Repository, manifest: Manifest) -> AsyncIterator[Indexed]:
    """Yield which objects have the bytes of which contents. Raises Corrupt."""
    async for line in lines(repository.load(manifest, "contents.jsonl.gz")):
        try:
            yield msgspec.json.decode(line, type=Indexed)
        except msgspec.MsgspecError as error:
            raise Corrupt("The index of the contents is damaged.") from error


async def bytes_of(
    repository: Repository, manifest: Manifest, entry: Indexed
) -> AsyncIterator[bytes]:
    """Yield the bytes of an object, as they went in. Raises Corrupt, at the latest at the end."""
    path = object_path(entry.name, bool(manifest.recipients))
    digest, size = sha256(), 0
    try:
        source: AsyncIterable[bytes] = repository.archive.read(path)
        if manifest.recipients:
            source = repository.seal.unseal(source, entry.size)
        async for piece in source:
            digest.update(piece)
            size += len(piece)
            yield piece
    except KeyMissing:
        raise Corrupt(f"{path} is missing.") from None
    if size != entry.size or digest.hexdigest() != entry.sha256:
        raise Corrupt(f"{path} is not what was written.")


async def check(repository: Repository, manifest: Manifest, progress: Progress) -> Checked:
    """Read a whole cut. Raises Unavailable; BadParameter where no identity opens it."""
    checked = Checked(manifest.cut, not manifest.recipients or repository.seal.has_identities)
    await _check_objects(repository, manifest, checked, progress)
    if checked.is_complete:
        await _check_tables(repository, manifest, checked)
        await _check_contents(repository, manifest, checked, progress)
    return checked


async def _check_objects(
    repository: Repository, manifest: Manifest, checked: Checked, progress: Progress
) -> None:
    """Compare the list of objects with what is there."""
    partition, present = "", dict[str, int]()
    try:
        async for line in lines(repository.load(manifest, "objects.gz")):
            name, _, size = line.decode("ascii", "replace").partition(" ")
            if name[:2] != partition:
                partition = name[:2]
                found = repository.archive.list(f"contents/{partition}/")
                present = {each.name: each.size async for each in found}
            path = object_path(name, bool(manifest.recipients))
            if path not in present:
                checked.found(f"{path} is missing")
            elif str(present[path]) != size:
                checked.found(f"{path} has {present[path]} bytes, {size} were written")
        checked.files += 1
    except Corrupt as error:
        checked.found(error.message)


async def _check_tables(repository: Repository, manifest: Manifest, checked: Checked) -> None:
    try:
        summary = await summary_of(repository, manifest)
    except Corrupt as error:
        checked.found(error.message)
        return
    checked.files += 1
    for head in summary.tables:
        try:
            async for _ in rows_of(repository, manifest, head):
                checked.rows += 1
            checked.files += 1
        except Corrupt as error:
            checked.found(error.message)


async def _check_contents(
    repository: Repository, manifest: Manifest, checked: Checked, progress: Progress
) -> None:
    entries = index_of(repository, manifest)
    turn = asyncio.Lock()

    async def lane() -> None:
        while True:
            async with turn:
                entry = await anext(entries, None)
            if entry is None:
                return
            try:
                async for piece in bytes_of(repository, manifest, entry):
                    checked.bytes_read += len(piece)
            except Corrupt as error:
                checked.found(error.message)
            checked.objects += 1
            progress("contents", checked.objects, manifest.contents.objects)

    try:
        await in_lanes(lane, _LANES)
        checked.files += 1
    except Corrupt as error:
        checked.found(error.message)
    if checked.objects != manifest.contents.objects:
        checked.found(f"{checked.objects} objects of {manifest.contents.objects} were found")
