"""Removing old cuts, and the objects that no cut names any more."""

import gzip
import heapq
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import msgspec

from consigne.catalog.engine import Catalog
from consigne.core.backup.format import PARTITIONS, SEALED
from consigne.core.backup.hold import Hold
from consigne.core.backup.repository import Repository
from consigne.core.backup.spool import spool


class Pruned(msgspec.Struct):
    """What was removed: cuts by name, objects and their stored bytes."""

    cuts: list[str]
    objects: int = 0
    size: int = 0


async def prune(catalog: Catalog, repository: Repository, keep: int, folder: Path) -> Pruned:
    """Keep the newest ``keep`` cuts (at least one); ``folder`` is a place for lists meanwhile.

    Cuts go before objects, so that one that is there is whole, whenever this is killed; what it has
    not removed then goes the next time. Raises Busy where a backup is under way; Corrupt, and
    removes nothing, where a list of what must stay cannot be read.
    """
    async with Hold(catalog):
        whole, unfinished = await repository.cuts()
        kept, old = whole[-max(1, keep) :], whole[: -max(1, keep)]
        async with spool(folder):
            for cut in kept:
                await _fetch(repository, cut, folder / cut)
            for cut in old + unfinished:
                await repository.remove(cut)
            pruned = Pruned(old)
            await _sweep(repository, [folder / cut for cut in kept], pruned)
        return pruned


async def _fetch(repository: Repository, cut: str, target: Path) -> None:
    """Copy the list of a cut's objects, checked."""
    manifest = await repository.manifest(cut)
    with target.open("wb") as file:
        async for piece in repository.load(manifest, "objects.gz"):
            file.write(piece)


async def _sweep(repository: Repository, lists: list[Path], pruned: Pruned) -> None:
    """Remove the objects that are in none of the lists, a partition at a time."""
    named = groupby(heapq.merge(*map(_names, lists)), lambda name: name[:2])
    following = next(named, None)
    for partition in PARTITIONS:
        wanted: set[str] = set()
        if following is not None and following[0] == partition:
            wanted = set(following[1])
            following = next(named, None)
        found = [each async for each in repository.archive.list(f"contents/{partition}/")]
        for each in found:
            if each.name.rpartition("/")[2].removesuffix(SEALED) not in wanted:
                await repository.archive.delete(each.name)
                pruned.objects += 1
                pruned.size += each.size


def _names(path: Path) -> Iterator[str]:
    with gzip.open(path, "rt") as lines:
        for line in lines:
            yield line.partition(" ")[0]
