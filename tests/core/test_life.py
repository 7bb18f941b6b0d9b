"""The life of files as a state machine: random verbs, and books that balance after each (C-14).

Hypothesis chooses verbs over files, uploads and time; a plain model in memory says what must be
there. After every step counters, references, rows and bytes are audited.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from tests.parts.catalogs import sqlite_catalog
from tests.parts.sites import Site, Store, chunks, noise, open_site

from consigne.blobs.memory import MemoryDriver
from consigne.catalog import files
from consigne.core.entry import Entry
from consigne.errors import ConsigneError, FileNotFound, Protected, QuotaExceeded
from consigne.model.entities import State
from consigne.settings import Settings

T = TypeVar("T")
QUOTA = 5000
UNDO = 2

# Few different contents, so that they are shared; some larger than what is kept in memory.
contents = st.sampled_from([noise(size, size) for size in (0, 1, 300, 900, 901, 2000)])


@dataclass
class Known:
    """What the model knows of a file."""

    id: int
    data: bytes
    state: State
    guarded: bool = False
    undo: list[bytes] = field(default_factory=list)


@dataclass
class Open:
    """What the model knows of an upload."""

    id: int
    file_id: int
    length: int | None
    data: bytes = b""


class Life(RuleBasedStateMachine):
    """Files, uploads and a sweeper over SQLite and memory."""

    template: Path
    files: "Bundle[Known]" = Bundle("files")
    uploads: "Bundle[Open]" = Bundle("uploads")

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = Path(tempfile.mkdtemp(prefix="consigne-life-"))
        self.known: dict[int, Known] = {}
        self.open: dict[int, Open] = {}

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    @initialize()
    def begin(self) -> None:
        memory = MemoryDriver(small=500)
        wishes = Settings(data=str(self.folder), undo_versions=UNDO)
        store = Store(wishes, lambda: sqlite_catalog(self.template, self.folder), lambda: memory)
        self.site: Site = self.run(open_site(store, QUOTA))

    def teardown(self) -> None:
        if hasattr(self, "site"):
            self.run(self.site.audit(tidy=False))
            self.run(self.site.depot.close())
        self.loop.close()
        shutil.rmtree(self.folder)

    # What the model expects

    @property
    def used(self) -> int:
        charged = (State.HELD, State.KEPT)
        return sum(len(each.data) for each in self.known.values() if each.state in charged)

    @property
    def reserved(self) -> int:
        return sum(each.length or len(each.data) for each in self.open.values())

    @property
    def undo(self) -> int:
        trash = [each for each in self.known.values() if each.state is State.RELEASED]
        versions = [data for each in self.known.values() for data in each.undo]
        return sum(len(each.data) for each in trash) + sum(map(len, versions))

    def fits(self, more: int) -> bool:
        return more <= 0 or self.used + self.reserved + more <= QUOTA

    def attempt(self, work: Coroutine[Any, Any, T], allowed: bool, error: type[Exception]) -> Any:
        """Run a verb that must succeed if it is allowed, and else raise the error."""
        try:
            result = self.run(work)
        except error:
            assert not allowed
            return None
        assert allowed
        return result

    # Verbs on files

    @rule(target=files, data=contents, hold=st.booleans())
    def receive(self, data: bytes, hold: bool) -> Any:
        entry = Entry(name="a", hold=hold, expires_at=2**50 if hold else None)
        work = self.site.depot.intake.receive(self.site.writer, chunks(data), entry)
        file = self.attempt(work, self.fits(len(data)), QuotaExceeded)
        if file is None:
            return multiple()
        assert file.state is (State.HELD if hold else State.KEPT)
        known = self.known[file.id] = Known(file.id, data, file.state)
        return known

    @rule(known=files, data=contents)
    def replace(self, known: Known, data: bytes) -> None:
        work = self.site.depot.intake.replace(self.site.writer, known.id, chunks(data))
        if not self.usable(known, work):
            return
        if self.attempt(work, self.fits(len(data) - len(known.data)), QuotaExceeded):
            known.undo.insert(0, known.data)
            known.data = data
            del known.undo[UNDO:]

    @rule(known=files)
    def undo_one(self, known: Known) -> None:
        if known.state is State.RELEASED or known.id not in self.known or not known.undo:
            return
        _, versions = self.run(self.site.depot.vault.versions(self.site.writer, known.id))
        assert [version.size for version in versions] == [len(data) for data in known.undo]
        work = self.site.depot.vault.restore_version(
            self.site.writer, known.id, versions[-1].number
        )
        if not self.usable(known, work):
            return
        back = known.undo[-1]
        if self.attempt(work, self.fits(len(back) - len(known.data)), QuotaExceeded):
            known.undo.insert(0, known.data)
            known.data = back
            del known.undo[UNDO:]

    @rule(known=files)
    def release(self, known: Known) -> None:
        work = self.site.depot.vault.release(self.site.writer, known.id)
        if self.usable(known, work):
            self.run(work)
            known.state = State.RELEASED

    @rule(known=files)
    def restore(self, known: Known) -> None:
        work = self.site.depot.vault.restore(self.site.writer, known.id)
        if known.id not in self.known or known.state is not State.RELEASED:
            self.attempt(work, False, FileNotFound)
        elif self.attempt(work, self.fits(len(known.data)), QuotaExceeded):
            known.state = State.KEPT

    @rule(known=files)
    def keep(self, known: Known) -> None:
        work = self.site.depot.vault.keep(self.site.writer, known.id)
        allowed = known.id in self.known and known.state is not State.RELEASED
        if self.attempt(work, allowed, FileNotFound):
            known.state = State.KEPT

    @rule(known=files)
    def purge(self, known: Known) -> None:
        work = self.site.depot.vault.purge(self.site.manager, known.id)
        allowed = known.id in self.known and known.state is State.RELEASED
        self.attempt(work, allowed, FileNotFound)
        if allowed:
            del self.known[known.id]

    @rule(target=files, known=files)
    def copy(self, known: Known) -> Any:
        work = self.site.depot.vault.copy(self.site.writer, known.id)
        if known.id not in self.known or known.state is State.RELEASED:
            self.attempt(work, False, FileNotFound)
            return multiple()
        twin = self.attempt(work, self.fits(len(known.data)), QuotaExceeded)
        if twin is None:
            return multiple()
        made = self.known[twin.id] = Known(twin.id, known.data, State.KEPT)
        return made

    @rule(known=files, on=st.booleans())
    def guard(self, known: Known, on: bool) -> None:
        work = self.site.depot.vault.guard(
            self.site.admin, known.id, hold_reason="why" if on else None
        )
        allowed = known.id in self.known and known.state is not State.RELEASED
        if self.attempt(work, allowed, FileNotFound):
            known.guarded = on

    def usable(self, known: Known, work: Coroutine[Any, Any, Any]) -> bool:
        """Say whether a file is there and free; else check that the verb is refused."""
        if known.id not in self.known or known.state is State.RELEASED:
            self.attempt(work, False, FileNotFound)
        elif known.guarded:
            self.attempt(work, False, Protected)
        else:
            return True
        return False

    # Verbs on uploads

    @rule(target=uploads, length=st.none() | st.integers(1, 2500))
    def expect(self, length: int | None) -> Any:
        work = self.site.depot.uploads.expect(self.site.writer, Entry(name="u"), length=length)
        at = self.attempt(work, self.fits(length or 0), QuotaExceeded)
        if at is None:
            return multiple()
        made = self.open[at.upload.id] = Open(at.upload.id, at.file.id, length)
        return made

    @rule(upload=uploads, data=contents.filter(bool))
    def send(self, upload: Open, data: bytes) -> None:
        if upload.id not in self.open:
            return
        if upload.length is not None:
            data = data[: upload.length - len(upload.data)]
            if not data:
                return
        grown = len(data) if upload.length is None else 0
        work = self.site.depot.uploads.receive_part(
            self.site.writer, upload.id, chunks(data), length=len(data)
        )
        if self.attempt(work, self.fits(grown), QuotaExceeded):
            upload.data += data

    @rule(upload=uploads)
    def forget(self, upload: Open) -> None:
        progress = self.site.depot.uploads.progress(self.site.writer, upload.id)
        if upload.id in self.open:
            self.site.depot.bucket.forget(self.run(progress).upload.stage)
        else:
            progress.close()

    @rule(target=files, upload=consumes(uploads))
    def finish(self, upload: Open) -> Any:
        if upload.id not in self.open:
            return multiple()
        wanted = upload.length if upload.length is not None else len(upload.data)
        work = self.site.depot.uploads.finish(self.site.writer, upload.id)
        complete = wanted == len(upload.data) and bool(upload.data)
        done = self.attempt(work, complete, ConsigneError)
        if done is None:
            self.run(self.site.depot.uploads.abort(self.site.writer, upload.id))
            del self.open[upload.id]
            return multiple()
        del self.open[upload.id]
        made = self.known[done.file.id] = Known(done.file.id, upload.data, State.KEPT)
        return made

    @rule(upload=consumes(uploads))
    def abort(self, upload: Open) -> None:
        if self.open.pop(upload.id, None):
            self.run(self.site.depot.uploads.abort(self.site.writer, upload.id))

    # Time

    @rule()
    def sweep(self) -> None:
        over = self.undo - max(0, QUOTA - self.used - self.reserved)
        self.run(self.site.sweep(purge_guard=-1, lease=-1))
        if over > 0:
            self.learn_what_is_left()
        assert self.run(self.site.books())[2] <= max(0, QUOTA - self.used - self.reserved)

    def learn_what_is_left(self) -> None:
        """After undo gave way: which versions and which of the trash it was is the sweeper's."""
        for known in list(self.known.values()):
            look = self.site.depot.vault.look_anywhere(self.site.manager, known.id)
            try:
                self.run(look)
            except FileNotFound:
                assert known.state is State.RELEASED, "a file that was in use is gone"
                del self.known[known.id]
                continue
            left = self.run(self.versions_left(known.id))
            assert left <= len(known.undo)
            del known.undo[left:]

    async def versions_left(self, file_id: int) -> int:
        return len(await self.site.run(lambda tx: files.versions(tx, file_id)))

    # What must hold after every step

    @invariant()
    def books_balance(self) -> None:
        if hasattr(self, "site"):
            self.run(self.site.audit(tidy=False))
            books = self.run(self.site.books())
            assert books == (self.used, self.reserved, self.undo)
            assert books[0] + books[1] <= QUOTA

    @invariant()
    def files_are_whole(self) -> None:
        for known in self.known.values():
            if known.state is not State.RELEASED:
                assert self.run(self.site.get(known.id)) == known.data


@pytest.mark.timeout(300)
def test_whatever_happens_the_books_balance(sqlite_template: Path) -> None:
    """Random lives of files and uploads, audited after every step (C-14, C-20, C-24)."""
    Life.template = sqlite_template
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Life,
        settings=settings(
            max_examples=25,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
