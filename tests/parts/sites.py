"""A depot with a space and people in it, without HTTP, and the proof that its books balance."""

import hashlib
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import func, select

from consigne.blobs.bucket import Bucket
from consigne.blobs.driver import Driver
from consigne.blobs.stores import Stores
from consigne.catalog import contents, files, proof_links, schema, spaces
from consigne.catalog.engine import Catalog, Tx
from consigne.core.access import Caller, Seat
from consigne.core.care.places import Places
from consigne.core.depot import Depot, build
from consigne.core.entry import Entry
from consigne.core.quota import INLINE
from consigne.jobs.sweeper import Sweeper, Swept
from consigne.model.entities import Content, ContentState, File, Principal, Space, State
from consigne.model.rights import Role
from consigne.settings import Settings

MIB = 1 << 20
LINK_CHECKS = (
    proof_links.stray_links,
    proof_links.lost_versions,
    proof_links.wrong_reasons,
    proof_links.wrong_pins,
)
BLOCK = 64 << 10


@dataclass
class Store:
    """Where a site keeps its things: each call opens the same data once more."""

    settings: Settings
    catalog: Callable[[], Catalog]
    driver: Callable[[], Driver]
    stores: Callable[[], Stores] | None = None

    def depot(self) -> Depot:
        """Return all verbs over what is here, not yet opened."""
        catalog, settings = self.catalog(), self.settings
        if self.stores is None:
            return build(settings, catalog, Bucket(self.driver()))
        stores = self.stores()
        places = Places(catalog, stores, settings.blobs, settings.mirror)
        return build(settings, catalog, Bucket(stores.view()), places=places)


@dataclass
class Site:
    """One process of the service: a depot, a space, and a seat for every role in it."""

    store: Store
    depot: Depot
    space: Space
    people: dict[Role, Principal] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        return self.store.settings

    @property
    def writer(self) -> Seat:
        return self.seat(Role.WRITER)

    @property
    def manager(self) -> Seat:
        return self.seat(Role.MANAGER)

    @property
    def admin(self) -> Seat:
        return self.seat(Role.ADMIN)

    def seat(self, role: Role) -> Seat:
        """Return the seat of the person with this role."""
        return Seat(Caller(self.people[role]), self.space, role)

    async def newcomer(self, name: str, role: Role, space: Space | None = None) -> Seat:
        """Return the seat of a new person with a role in a space."""
        place = space or self.space
        user = await self.depot.accounts.create_user(f"{name}@example.org", home=place)
        admin = Seat(Caller(self.people[Role.ADMIN]), place, Role.ADMIN)
        await self.depot.tenancy.set_member(admin, user.email, role)
        return Seat(Caller(user), place, role)

    async def other_space(self, short: str = "other", quota: int | None = None) -> Seat:
        """Return the writer's seat in a further space."""
        place = await self.depot.tenancy.create(short, quota=quota)
        writer = self.people[Role.WRITER]
        admin = Seat(Caller(self.people[Role.ADMIN]), place, Role.ADMIN)
        await self.depot.tenancy.set_member(admin, writer.email, Role.WRITER)
        return Seat(Caller(writer), place, Role.WRITER)

    async def set_quota(self, quota: int | None) -> None:
        admin = Caller(self.people[Role.ADMIN])
        self.space = await self.depot.tenancy.change(admin, self.space, quota=quota)

    async def put(
        self, data: bytes, name: str = "file.bin", seat: Seat | None = None, **entry: Any
    ) -> File:
        """Receive a whole body."""
        return await self.depot.intake.receive(
            seat or self.writer, chunks(data), Entry(name=name, **entry)
        )

    async def get(self, file: File | int, seat: Seat | None = None) -> bytes:
        """Return the present bytes of a file."""
        number = file if isinstance(file, int) else file.id
        reading = await self.depot.reader.open(seat or self.manager, number)
        return b"".join([piece async for piece in reading.stream(0, reading.size)])

    async def sweep(self, **settings: Any) -> Swept:
        """Run the sweeper once, with some settings changed."""
        changed = msgspec.structs.replace(self.settings, **settings)
        return await Sweeper(self.depot.catalog, self.depot.bucket, changed).sweep()

    async def books(self) -> tuple[int, int, int]:
        """Return (used, reserved, undo) of the space as its row says."""
        space = await self.depot.tenancy.usage(self.admin)
        return space.used, space.reserved, space.undo

    async def rows(self, table: str) -> int:
        """Count the rows of a table."""
        counted = select(func.count()).select_from(schema.metadata.tables[table])
        return int(await self.run(lambda tx: tx.value(counted)))

    async def run(self, work: Callable[[Tx], Any]) -> Any:
        """Run a unit of work of the test's own."""
        return await self.depot.catalog.write(work)

    async def again(self) -> "Site":
        """Open a second process over the same data; the caller closes its depot."""
        depot = self.store.depot()
        await depot.open()
        return Site(self.store, depot, self.space, self.people)

    async def audit(self, *, tidy: bool = True) -> None:
        """Prove that counters, references, rows and bytes agree.

        ``tidy``: nothing may be left over either: no stage without a session, no stored bytes
        without a row, no reservation without an upload.
        """
        books = await self.depot.catalog.read(_books)
        for space in books.spaces:
            assert books.counted[space.id] == (space.used, space.reserved, space.undo), space.short
        for content in books.contents:
            assert content.references == books.references.get(content.id, 0), "wrong references"
            assert (content.idle_since is None) == (content.references > 0)
        known = {content.id: content for content in books.contents}
        for content_id in books.references:
            assert content_id in known, "a row without a content"
            assert known[content_id].state is not ContentState.DOOMED
        bucket = self.depot.bucket
        keys = {stored.key async for stored in bucket.keys()}  # noqa: SIM118
        for content in books.contents:
            if content.state is not ContentState.DOOMED:
                assert await bucket.holds(content.key), "a row without bytes"
                await self._audit_bytes(content)
        for file in books.files:
            _audit_file(file, known)
        for disagreeing in LINK_CHECKS:
            assert not await self.run(lambda tx, check=disagreeing: check(tx, 0, 1)), disagreeing
        stages = {stored.key async for stored in bucket.stages()}
        assert stages >= books.stages, "an upload without its bytes"
        if tidy:
            assert stages <= books.all_stages, "a stage that no upload knows"
            assert keys <= {content.key for content in books.contents}, "bytes without a row"

    async def _audit_bytes(self, content: Content) -> None:
        bucket = self.depot.bucket
        verdict = await bucket.verify(
            content.key, content.size, content.sha256, content.block_size, content.blocks
        )
        assert verdict.ok, verdict


@dataclass
class _Books:
    spaces: list[Space]
    counted: dict[int, tuple[int, int, int]]
    contents: list[Content]
    files: list[File]
    references: dict[int, int]
    stages: set[str]
    all_stages: set[str]


def _books(tx: Tx) -> _Books:
    everything = 1_000_000
    found = spaces.every(tx, 0, everything)
    references: dict[int, int] = {}
    holding = (
        schema.file.c.content_id,
        schema.version.c.content_id,
        schema.preview.c.picture_id,
        schema.report.c.content_id,
    )
    for column in holding:
        counted = select(column, func.count()).where(column.is_not(None)).group_by(column)
        for content_id, count in tx.all(counted):
            references[content_id] = references.get(content_id, 0) + count
    sessions = tx.all(
        select(schema.upload.c.stage, schema.upload.c.received, schema.upload.c.state)
    )
    return _Books(
        spaces=found,
        counted={space.id: spaces.counted(tx, space.id) for space in found},
        contents=contents.page(tx, 0, everything),
        files=files.page(tx, 0, everything),
        references=references,
        stages={stage for stage, received, state in sessions if received and state != "done"},
        all_stages={stage for stage, _, _ in sessions},
    )


def _audit_file(file: File, known: dict[int, Content]) -> None:
    if file.state in (State.HELD, State.KEPT, State.RELEASED):
        assert file.content_id is not None
        content = known[file.content_id]
        assert (content.sha256, content.md5, content.size) == (file.sha256, file.md5, file.size)
        assert content.space_id == file.space_id, "bytes shared across spaces"
    assert (file.state is State.RELEASED) == (file.released_at is not None)
    assert file.state is not State.HELD or not file.reasons
    assert file.state is not State.KEPT or file.reasons


async def open_site(store: Store, quota: int | None = None) -> Site:
    """Open a depot on empty data and fill it with a space and a person of each role."""
    depot = store.depot()
    await depot.open()
    space = await depot.tenancy.create("lobby", quota=quota)
    site = Site(store, depot, space)
    for role in Role:
        user = await depot.accounts.create_user(f"{role}@example.org", home=space)
        site.people[role] = user
    operator = msgspec.structs.replace(site.people[Role.ADMIN], is_operator=True)
    for role, user in site.people.items():
        await depot.tenancy.set_member(Seat(Caller(operator), space, None), user.email, role)
    return site


async def chunks(data: bytes, size: int = BLOCK) -> AsyncIterator[bytes]:
    """Yield ``data`` in chunks."""
    for at in range(0, len(data), size):
        yield data[at : at + size]


async def breaking(data: bytes, error: BaseException) -> AsyncIterator[bytes]:
    """Yield ``data`` in chunks, then raise."""
    async for chunk in chunks(data):
        yield chunk
    raise error


def noise(size: int, seed: int = 0) -> bytes:
    """Return bytes that do not repeat, the same for the same seed."""
    return hashlib.shake_128(seed.to_bytes(8, "big")).digest(size) if size else b""


def fresh(size: int) -> bytes:
    """Return bytes that no test has used before."""
    return os.urandom(size)


def large(seed: int = 0, more: int = 0) -> bytes:
    """Return more bytes than pass without a reservation."""
    return noise(INLINE + BLOCK + more, seed)
