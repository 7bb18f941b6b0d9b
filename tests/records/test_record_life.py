"""Records, their files and frozen revisions as a state machine: books that balance after each step.

Hypothesis chooses verbs; a plain model says which bytes each record and each revision must show.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from tests.parts.catalogs import sqlite_catalog
from tests.parts.sites import Site, Store, chunks, noise, open_site
from tests.records.record_support import new_type

from consigne.blobs.memory import MemoryDriver
from consigne.core.records.change import Change, Full, Ref, Slot
from consigne.errors import QuotaExceeded
from consigne.model.entities import State
from consigne.model.records import Field, FieldKind
from consigne.settings import Settings

T = TypeVar("T")
QUOTA = 9000
contents = st.sampled_from([noise(size, size) for size in (1, 300, 900, 2000)])


@dataclass
class Known:
    """What the model knows of a record or a frozen revision: the bytes that it shows."""

    id: int
    origin: int | None
    data: bytes | None
    trashed: bool = False


class Life(RuleBasedStateMachine):
    """One type with one field for a file, over SQLite and memory."""

    template: Path
    records: "Bundle[Known]" = Bundle("records")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = Path(tempfile.mkdtemp(prefix="consigne-records-"))
        self.known: dict[int, Known] = {}

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    @initialize()
    def begin(self) -> None:
        memory = MemoryDriver(small=500)
        wishes = Settings(data=str(self.folder), undo_versions=1)
        store = Store(wishes, lambda: sqlite_catalog(self.template, self.folder), lambda: memory)
        self.site: Site = self.run(open_site(store, QUOTA))
        fields = [Field("scan", FieldKind.FILE)]
        self.type_id = self.run(new_type(self.site, fields=fields)).type.id

    def teardown(self) -> None:
        if hasattr(self, "site"):
            self.run(self.site.depot.close())
        self.loop.close()
        shutil.rmtree(self.folder)

    def attempt(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Run a verb that only a full space may refuse."""
        try:
            return self.run(work)
        except QuotaExceeded:
            return None

    def usable(self, known: Known) -> bool:
        return known.id in self.known and known.origin is None and not known.trashed

    async def held(self, data: bytes) -> Slot:
        file = await self.site.put(data, hold=True, expires_at=2**50)
        return Slot(file.id)

    @rule(target=records, data=contents | st.none())
    def create(self, data: bytes | None) -> Any:
        async def work() -> Full:
            files = {"scan": await self.held(data)} if data is not None else {}
            return await self.site.depot.records.create(
                self.site.writer, self.type_id, Change(files=files)
            )

        made = self.attempt(work())
        if made is None:
            return multiple()
        known = self.known[made.record.id] = Known(made.record.id, None, data)
        return known

    @rule(known=records, data=contents)
    def put(self, known: Known, data: bytes) -> None:
        async def work() -> Full:
            slot = await self.held(data)
            ref = Ref.number(known.id)
            return await self.site.depot.records.put_file(
                self.site.writer, ref, "scan", None, slot.file_id
            )

        if self.usable(known) and self.attempt(work()):
            known.data = data

    @rule(known=records, data=contents)
    def replace(self, known: Known, data: bytes) -> None:
        if self.usable(known) and known.data is not None:
            work = self.site.depot.records.replace_file(
                self.site.writer, Ref.number(known.id), "scan", None, chunks(data)
            )
            if self.attempt(work):
                known.data = data

    @rule(known=records)
    def drop(self, known: Known) -> None:
        if self.usable(known) and known.data is not None:
            ref = Ref.number(known.id)
            self.run(self.site.depot.records.drop_file(self.site.writer, ref, "scan"))
            known.data = None

    @rule(target=records, known=records)
    def freeze(self, known: Known) -> Any:
        if not self.usable(known):
            return multiple()
        frozen = self.run(self.site.depot.records.freeze(self.site.writer, Ref.number(known.id)))
        made = self.known[frozen.record.id] = Known(frozen.record.id, known.id, known.data)
        return made

    @rule(target=records, known=records)
    def share(self, known: Known) -> Any:
        """Link what a record shows in another one: a twin."""
        if not self.usable(known) or known.data is None:
            return multiple()
        full = self.run(self.site.depot.records.get(self.site.writer, Ref.number(known.id)))
        change = Change(files={"scan": Slot(full.links[0].file.id)})
        made = self.attempt(self.site.depot.records.create(self.site.writer, self.type_id, change))
        if made is None:
            return multiple()
        twin = self.known[made.record.id] = Known(made.record.id, None, known.data)
        return twin

    @rule(known=records)
    def turn(self, known: Known) -> None:
        """Into the trash, or out of it."""
        if known.id not in self.known or known.origin is not None:
            return
        verb = self.site.depot.records.restore if known.trashed else self.site.depot.records.trash
        self.run(verb(self.site.writer, Ref.number(known.id)))
        known.trashed = not known.trashed

    @rule(known=records)
    def delete(self, known: Known) -> None:
        if known.id not in self.known:
            return
        self.run(self.site.depot.records.delete(self.site.writer, Ref.number(known.id)))
        for each in list(self.known.values()):
            if known.id in (each.id, each.origin):
                del self.known[each.id]

    @rule()
    def sweep(self) -> None:
        self.run(self.site.sweep(purge_guard=-1, undo_age=-1))

    @invariant()
    def books_balance(self) -> None:
        if hasattr(self, "site"):
            self.run(self.site.audit(tidy=False))
            used, reserved, _ = self.run(self.site.books())
            assert used + reserved <= QUOTA

    @invariant()
    def records_show_their_bytes(self) -> None:
        for known in self.known.values():
            self.run(self.check(known))

    async def check(self, known: Known) -> None:
        full = await self.site.depot.records.get(
            self.site.writer, Ref.number(known.id), trashed=True
        )
        if known.data is None:
            assert full.links == []
            return
        (placed,) = full.links
        assert placed.file.state is State.KEPT
        seat = self.site.manager if known.trashed else self.site.writer
        reading = await self.site.depot.reader.open(seat, placed.file.id, placed.version)
        assert b"".join([piece async for piece in reading.stream(0, reading.size)]) == known.data


@pytest.mark.timeout(300)
def test_whatever_happens_each_revision_shows_its_bytes(sqlite_template: Path) -> None:
    """Random lives of records, audited after every step (C-10, C-16, C-24, DY-54, DY-55)."""
    Life.template = sqlite_template
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Life,
        settings=settings(
            max_examples=20,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
