"""Restoring a cut into an empty vault: the rows, then the bytes; ``settling`` does the rest.

It can be killed at any moment: the catalog is marked as being filled, so no server takes it for
whole, and the same command goes on. While rows come in it begins anew; afterwards it goes on with
the contents whose bytes are not there yet.
"""

import asyncio
from functools import partial

import msgspec

from consigne.blobs.bucket import Bucket
from consigne.catalog import contents, copies, filling, previews, stores
from consigne.catalog.dump import Sheet
from consigne.catalog.engine import Catalog, Tx
from consigne.core.backup.checking import bytes_of, index_of, rows_of
from consigne.core.backup.format import Indexed, Manifest, Summary, TableHead
from consigne.core.backup.repository import Repository, in_lanes
from consigne.core.backup.taking import Progress
from consigne.core.clock import now_ms
from consigne.errors import Conflict, Corrupt
from consigne.model.entities import ContentState

_ROWS = 500
_LANES = 8
_PAGE = 200
_BYTES = ", bytes"


class Restored(msgspec.Struct):
    """What came back. ``damaged``: contents whose bytes the backup does not have as they were."""

    cut: str
    rows: int = 0
    contents: int = 0
    size: int = 0
    damaged: int = 0


class Restoring:
    """One run; catalog and bucket are those of the new vault."""

    def __init__(
        self,
        catalog: Catalog,
        bucket: Bucket,
        repository: Repository,
        manifest: Manifest,
        summary: Summary,
        progress: Progress,
    ) -> None:
        self._catalog = catalog
        self._bucket = bucket
        self._repository = repository
        self._manifest = manifest
        self._summary = summary
        self._progress = progress
        self._what = f"A restore of {manifest.cut}"
        self.restored = Restored(manifest.cut)

    async def begin(self, schema: str | None) -> bool:
        """Claim an empty vault, or one that a killed run of this cut has left.

        ``schema`` is what the catalog has. Return whether its rows are there already. Raises
        Conflict.
        """
        begun = await self._catalog.look(filling.under_way)
        if begun is None:
            async for each in self._bucket.keys():
                raise Conflict(
                    f"The store is not empty: it has {each.key}.",
                    hint="Restore into an empty folder or prefix; nothing is ever written over.",
                )
        return await self._catalog.write(partial(self._claim, schema=schema))

    def _claim(self, tx: Tx, schema: str | None) -> bool:
        begun = filling.under_way(tx)
        sheets = [_sheet(head) for head in self._summary.tables]
        if begun == self._what + _BYTES:
            return True
        if schema != self._manifest.schema:
            raise Conflict(
                f"The catalog has the schema {schema}, the backup {self._manifest.schema}.",
                hint="Restore into a database without tables; the old schema is made there.",
            )
        if begun == self._what:
            filling.wipe(tx, sheets)
        elif begun is not None:
            raise Conflict(f"{begun} into this catalog has not ended.", hint="Run that again.")
        elif name := filling.filled(tx, sheets):
            raise Conflict(
                f"The catalog is not empty: there are rows in {name}.",
                hint="Restore into an empty database; nothing is ever written over.",
            )
        filling.begin(tx, self._what)
        return False

    async def load_rows(self) -> None:
        """Insert all rows, into the schema that they were saved with. Raises Corrupt."""
        for head in self._summary.tables:
            sheet = _sheet(head)
            batch: list[list[object]] = []
            async for row in rows_of(self._repository, self._manifest, head):
                if len(row) != len(head.columns):
                    raise Corrupt(f"A row of {head.name} is damaged.")
                if head.name == "content" and not _prepared(head, row):
                    continue
                batch.append(row)
                if len(batch) == _ROWS:
                    await self._add(sheet, batch)
                    batch = []
            if batch:
                await self._add(sheet, batch)

    async def _add(self, sheet: Sheet, batch: list[list[object]]) -> None:
        rows = [filling.from_line(sheet, row) for row in batch]
        await self._catalog.write(lambda tx: filling.add(tx, sheet, rows))
        self.restored.rows += len(rows)
        self._progress("rows", self.restored.rows, sum(each.rows for each in self._summary.tables))

    async def end_rows(self) -> None:
        """Say that the rows are there, in the present schema."""

        def work(tx: Tx) -> None:
            filling.set_numbers(tx, self._summary.numbers)
            # The bytes come into one store, whatever stores and mirror the saved vault had.
            stores.forget(tx)
            copies.forget(tx)
            filling.begin(tx, self._what + _BYTES)

        await self._catalog.write(work)

    async def load_bytes(self) -> None:
        """Store the bytes of all contents that have none yet, each checked."""
        entries = index_of(self._repository, self._manifest)
        turn = asyncio.Lock()
        done = 0

        async def lane() -> None:
            nonlocal done
            while True:
                async with turn:
                    entry = await anext(entries, None)
                if entry is None:
                    return
                await self._restore(entry)
                done += 1
                self._progress("contents", done, self._manifest.contents.objects)

        await in_lanes(lane, _LANES)
        await self._settle_contents()

    async def _restore(self, entry: Indexed) -> None:
        for number in entry.ids:
            content = await self._catalog.look(partial(contents.by_id, content_id=number))
            if content is None or content.key != _placeholder(number):
                continue
            try:
                pieces = bytes_of(self._repository, self._manifest, entry)
                async with await self._bucket.draft(pieces) as draft:
                    if draft.sha256 != content.sha256 or draft.size != content.size:
                        raise Corrupt(f"{entry.name} is not the content {number}.")
                    key = await draft.store()
            except Corrupt:
                continue  # found again, and counted, when all is done
            marks = (draft.block_size, draft.blocks)
            await self._catalog.write(partial(_settle, number=number, key=key, marks=marks))
            self.restored.contents += 1
            self.restored.size += content.size

    async def _settle_contents(self) -> None:
        """Mark contents without bytes as corrupt; those that nothing refers to go."""
        after = 0
        while page := await self._catalog.read(partial(contents.page, after=after, limit=_PAGE)):
            after = page[-1].id
            for each in page:
                if each.key == _placeholder(each.id):
                    kept = await self._catalog.write(partial(_without_bytes, number=each.id))
                    self.restored.damaged += kept

    async def end(self) -> None:
        """Say that the vault is whole."""
        await self._catalog.write(filling.end)


def _sheet(head: TableHead) -> Sheet:
    return Sheet(head.name, head.columns, head.binary)


def _placeholder(number: int) -> str:
    return f"r-{number}"


def _prepared(head: TableHead, row: list[object]) -> bool:
    """Give a content a key that no store has; False where it was on its way out."""
    row[head.columns.index("key")] = f"r-{row[head.columns.index('id')]}"
    return row[head.columns.index("state")] != ContentState.DOOMED.value


def _settle(tx: Tx, number: int, key: str, marks: tuple[int, bytes]) -> None:
    contents.rekey(tx, number, key, *marks)


def _without_bytes(tx: Tx, number: int) -> bool:
    now = now_ms()
    if contents.doom(tx, number, now + 1):
        previews.drop_of(tx, number, now)
        contents.delete_doomed(tx, number)
        return False
    contents.mark(tx, number, ContentState.CORRUPT)
    return True
