"""What all parts of the suite share: the catalog under test, and rows to put into it."""

import asyncio
import hashlib
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import msgspec
import pytest_asyncio

from consigne.catalog import files, spaces
from consigne.catalog.engine import Catalog, Tx
from consigne.core.entry import encode_annotations
from consigne.model.entities import (
    Access,
    Annotations,
    Content,
    ContentState,
    File,
    Guard,
    Policy,
    Reason,
    Space,
    State,
    Upload,
    UploadState,
)
from consigne.model.identity import new_id
from consigne.model.names import fold

T = TypeVar("T")
P = ParamSpec("P")
AT = 1_700_000_000_000


class Base(ABC):
    """The fixtures of the suite."""

    @abstractmethod
    async def make(self, folder: Path) -> Catalog:
        """Return a catalog, not opened yet, with the schema in place and its rows in ``folder``."""

    @pytest_asyncio.fixture
    async def catalog(self, tmp_path: Path) -> AsyncIterator[Catalog]:
        """An open catalog without rows."""
        catalog = await self.make(tmp_path)
        await catalog.open()
        yield catalog
        await catalog.close()

    @pytest_asyncio.fixture
    async def other(self, catalog: Catalog, tmp_path: Path) -> AsyncIterator[Catalog]:
        """A second open catalog on the same rows, as another process has it."""
        other = await self.make(tmp_path)
        await other.open()
        yield other
        await other.close()

    @pytest_asyncio.fixture
    async def space(self, catalog: Catalog) -> int:
        """The number of a space without a quota."""
        return await new_space(catalog)


def a_space(**fields: Any) -> Space:
    """Return a space to insert."""
    space = Space(0, "lobby", "Lobby", None, 0, 0, 0, 100, False, AT)
    return msgspec.structs.replace(space, **fields)


async def new_space(catalog: Catalog, **fields: Any) -> int:
    """Insert a space and return its number."""
    made = await catalog.write(lambda tx: spaces.insert_space(tx, a_space(**fields)))
    return made.id


def a_content(space: int, data: bytes = b"content", **fields: Any) -> Content:
    """Return a live content with one reference."""
    number = new_id()
    content = Content(
        id=number,
        space_id=space,
        sha256=hashlib.sha256(data).digest(),
        md5=hashlib.md5(data, usedforsecurity=False).digest(),
        size=len(data),
        key=f"f-{number:032x}",
        block_size=1 << 18,
        blocks=bytes(8),
        references=1,
        state=ContentState.LIVE,
        detected_type="text/plain",
        created_at=AT,
        idle_since=None,
    )
    return msgspec.structs.replace(content, **fields)


def a_file(space: int, name: str = "file", **fields: Any) -> File:
    """Return a kept file without content; ``notes`` are its metadata fields, ``tags`` its tags."""
    notes = Annotations(fields.pop("notes", {}), fields.pop("tags", []))
    row = File(
        id=new_id(),
        space_id=space,
        owner_id=None,
        state=State.KEPT,
        access=Access.SPACE,
        policy=Policy.SHARED,
        reasons=Reason.OWNER,
        guards=Guard(0),
        folder_id=None,
        year_id=None,
        parent_id=None,
        name=name,
        name_fold=fold(name),
        reference=None,
        declared_type=None,
        detected_type=None,
        is_source=False,
        is_open=False,
        was_linked=False,
        version=1,
        content_id=None,
        size=0,
        sha256=None,
        md5=None,
        client_hash=None,
        date=None,
        created_at=AT,
        completed_at=None,
        updated_at=None,
        updated_by=None,
        expires_at=None,
        released_at=None,
        retain_until=None,
        hold_reason=None,
        meta=encode_annotations(notes),
    )
    return msgspec.structs.replace(row, **fields)


async def insert_files(catalog: Catalog, rows: Iterable[File]) -> None:
    """Insert files in one transaction."""
    found = list(rows)

    def work(tx: Tx) -> None:
        for row in found:
            files.insert_file(tx, row)

    await catalog.write(work)


def an_upload(space: int, **fields: Any) -> Upload:
    """Return an open session of principal 1."""
    row = Upload(
        id=new_id(),
        space_id=space,
        principal_id=1,
        file_id=7,
        state=UploadState.OPEN,
        client_key=None,
        length=None,
        part_size=None,
        parts_total=None,
        parts_received=0,
        received=0,
        reserved=0,
        stage="0" * 32,
        holder=None,
        lease_until=0,
        expires_at=AT + 1000,
        intent=b"{}",
        created_at=AT,
        updated_at=AT,
    )
    return msgspec.structs.replace(row, **fields)


def call(
    function: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs
) -> Callable[[Tx], T]:
    """Return a unit of work that calls a statement with these arguments."""
    return lambda tx: function(tx, *args, **kwargs)


async def together(catalogs: Iterable[Catalog], works: Iterable[Callable[[Tx], T]]) -> list[Any]:
    """Run units of work at once, spread over catalogs; return results and exceptions in order."""
    ring = list(catalogs)
    calls = [ring[index % len(ring)].write(work) for index, work in enumerate(works)]
    return await asyncio.gather(*calls, return_exceptions=True)
