"""Taking a cut: the catalog in one snapshot, then the bytes that it names and that are missing."""

import gzip
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import msgspec

from consigne import __version__
from consigne.blobs.bucket import Bucket
from consigne.catalog import contents, dump, migrate
from consigne.catalog.dump import Counting
from consigne.catalog.engine import Catalog, Tx
from consigne.core.backup.format import (
    PARTITIONS,
    SEALED,
    Amounts,
    Damaged,
    Indexed,
    Manifest,
    Part,
    Summary,
    TableHead,
    fingerprint,
    new_cut,
    object_name,
    object_path,
    vault_name,
)
from consigne.core.backup.hold import Hold
from consigne.core.backup.repository import Repository, in_lanes, once
from consigne.core.backup.spool import PIECE, spool
from consigne.errors import Conflict, Corrupt, Unavailable
from consigne.model.entities import Content, ContentState

_LANES = 8
_encode = msgspec.json.Encoder().encode

Progress = Callable[[str, int, int], None]


class Wanted(msgspec.Struct, frozen=True, array_like=True):
    """A content of the snapshot, as the spool has it."""

    name: str
    id: int
    size: int
    sha256: str
    is_used: bool


class Taking:
    """One run. ``key`` is a secret of the vault, ``folder`` a place for the catalog meanwhile."""

    def __init__(
        self,
        catalog: Catalog,
        bucket: Bucket,
        repository: Repository,
        *,
        key: bytes,
        master_key: bytes,
        carries_master_key: bool,
        folder: Path,
        progress: Progress,
    ) -> None:
        self._catalog = catalog
        self._bucket = bucket
        self._repository = repository
        self._key = key
        self._master_key = master_key
        self._carries_master_key = carries_master_key
        self._recipients = repository.seal.recipients
        self._folder = folder
        self._progress = progress
        self._damaged: list[Damaged] = []
        self._tallies = dict.fromkeys(("objects", "size", "copied", "copied_size", "done"), 0)
        self._total = 0

    async def run(self) -> Manifest:
        """Take a cut and return what it is.

        Raises Busy; Conflict where the archive has another vault's cuts; Unavailable, StorageFull.
        """
        await self._require_ours()
        async with Hold(self._catalog), spool(self._folder):
            return await self._take()

    async def _take(self) -> Manifest:
        begun = time.time()
        cut = new_cut(begun)
        heads, numbers, engine = await self._catalog.read(self._dump)
        files = []
        for head in heads:
            path = f"tables/{head.name}.jsonl.gz"
            files.append(await self._store(cut, path, self._folder / f"{head.name}.table"))
        await self._copy_all()
        files.append(await self._store(cut, "contents.jsonl.gz", self._folder / "index"))
        files.append(await self._store(cut, "objects.gz", self._folder / "objects", plain=True))
        carried = self._master_key.hex() if self._carries_master_key else None
        summary = _encode(Summary(heads, numbers, self._damaged, carried))
        files.append(await self._repository.store(cut, "catalog.json", once(summary), len(summary)))
        tallies = self._tallies
        manifest = Manifest(
            cut=cut,
            vault=vault_name(self._key),
            taken_at=_iso(begun),
            finished_at=_iso(time.time()),
            consigne=__version__,
            schema=migrate.newest(),
            engine=engine,
            recipients=self._recipients,
            master_key=fingerprint(self._master_key),
            carries_master_key=self._carries_master_key,
            files=files,
            contents=Amounts(
                tallies["objects"], tallies["size"], tallies["copied"], tallies["copied_size"],
                len(self._damaged),
            ),
        )  # fmt: skip
        await self._repository.commit(manifest)
        return manifest

    async def _require_ours(self) -> None:
        whole, _ = await self._repository.cuts()
        if whole and (await self._repository.manifest(whole[-1])).vault != vault_name(self._key):
            raise Conflict(
                "There are backups of another vault here.",
                hint="Give each vault a folder or a prefix of its own.",
            )

    def _dump(self, tx: Tx) -> tuple[list[TableHead], dict[str, int], str]:
        """Write all tables, and the contents by partitions, into the folder. Blocks."""
        heads = []
        self._total = 0
        for sheet in dump.sheets():
            counting = Counting()
            with ExitStack() as open_files:
                path = self._folder / f"{sheet.name}.table"
                target = open_files.enter_context(gzip.open(path, "wb", 6))
                notes = self._notes(open_files) if sheet.name == "content" else None
                places = [sheet.columns.index(name) for name in _CONTENT] if notes else []
                for row in dump.rows(tx, sheet.name):
                    target.write(counting.add(row))
                    if notes is not None:
                        self._note(notes, *(row[place] for place in places))
            tally = counting.tally()
            heads.append(
                TableHead(sheet.name, sheet.columns, sheet.binary, tally.rows, tally.sha256)
            )
        return heads, dump.last_numbers(tx), tx.dialect.name

    def _notes(self, files: ExitStack) -> dict[str, BinaryIO]:
        return {
            each: files.enter_context((self._folder / f"{each}.wanted").open("wb"))
            for each in PARTITIONS
        }

    def _note(
        self, notes: dict[str, BinaryIO], id: int, digest: bytes, size: int, state: str, used: int
    ) -> None:
        if state == ContentState.DOOMED.value:
            return
        name = object_name(self._key, digest, self._recipients)
        wanted = Wanted(name, id, size, digest.hex(), used > 0)
        notes[name[:2]].write(_encode(wanted) + b"\n")
        self._total += 1

    async def _copy_all(self) -> None:
        with (
            gzip.open(self._folder / "index", "wb", 6) as index,
            gzip.open(self._folder / "objects", "wb", 6) as objects,
        ):
            for partition in PARTITIONS:
                for entry, stored in await self._copy_partition(partition):
                    index.write(_encode(entry) + b"\n")
                    objects.write(f"{entry.name} {stored}\n".encode())

    async def _copy_partition(self, partition: str) -> list[tuple[Indexed, int]]:
        """Copy the contents of a partition that are not there; return all that are there then."""
        wanted: dict[str, list[Wanted]] = {}
        with (self._folder / f"{partition}.wanted").open("rb") as lines:
            for line in lines:
                each = msgspec.json.decode(line, type=Wanted)
                wanted.setdefault(each.name, []).append(each)
        if not wanted:
            return []
        present = {}
        async for found in self._repository.archive.list(f"contents/{partition}/"):
            name = found.name.rpartition("/")[2]
            if name.endswith(SEALED) == bool(self._recipients):
                present[name.removesuffix(SEALED)] = found.size
        kept: list[tuple[Indexed, int]] = []
        names = iter(sorted(wanted))

        async def lane() -> None:
            for name in names:
                ours = wanted[name]
                stored = present.get(name)
                if stored is None or (not self._recipients and stored != ours[0].size):
                    stored = await self._copy(ours)
                self._tallies["done"] += len(ours)
                self._progress("contents", self._tallies["done"], self._total)
                if stored is not None:
                    ids = [each.id for each in ours]
                    kept.append((Indexed(name, ours[0].size, ours[0].sha256, ids), stored))
                    self._tallies["objects"] += 1
                    self._tallies["size"] += ours[0].size

        await in_lanes(lane, _LANES)
        return sorted(kept, key=lambda each: each[0].name)

    async def _copy(self, wanted: list[Wanted]) -> int | None:
        """Copy the bytes of contents that are all the same; None where none of them has them."""
        problems = []
        for each in wanted:
            content = await self._catalog.look(lambda tx: contents.by_id(tx, each.id))  # noqa: B023
            if content is None:
                if each.is_used:
                    raise Unavailable(
                        "A content was removed while it was being saved.", hint="Run it again."
                    )
                continue
            path = object_path(each.name, bool(self._recipients))
            source = self._repository.seal.seal(self._checked(content), content.size)
            try:
                stored = await self._repository.archive.write(path, source)
            except Corrupt as error:
                problem = str(error.details.get("problem", "corrupt"))
                problems.append(Damaged(str(each.id), each.sha256, each.size, problem))
                continue
            self._tallies["copied"] += 1
            self._tallies["copied_size"] += content.size
            self._damaged += problems
            return stored
        self._damaged += problems
        return None

    async def _checked(self, content: Content) -> AsyncIterator[bytes]:
        """Yield the bytes of a content, which are those that came in. Raises Corrupt."""
        digest, size = sha256(), 0
        source = self._bucket.read(content.key, content.size, content.block_size, content.blocks)
        async for piece in source:
            digest.update(piece)
            size += len(piece)
            yield piece
        if size != content.size or digest.digest() != content.sha256:
            raise Corrupt(key=content.key, problem="sha256")

    async def _store(self, cut: str, path: str, spooled: Path, *, plain: bool = False) -> Part:
        size = os.stat(spooled).st_size
        part = await self._repository.store(cut, path, _read(spooled), size, plain=plain)
        os.unlink(spooled)
        return part


_CONTENT = ("id", "sha256", "size", "state", "references")


async def _read(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
