"""Fault loops over the verbs: a failure at every call of store and catalog, one after the other.

After each failure no row lacks bytes and the counters are exact; the next attempt works; and what
is left over the sweeper and fsck remove, so that in the end there is neither too little nor too
much.
"""

import errno
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any, get_args

import pytest
from tests.parts.catalogs import sqlite_catalog
from tests.parts.sites import MIB, Site, Store, chunks, large, noise, open_site

from consigne.blobs.driver import Driver, NoSpace
from consigne.blobs.local import LocalDriver
from consigne.blobs.memory import MemoryDriver
from consigne.catalog import files
from consigne.core.entry import Entry, Once
from consigne.core.proof import Options, Proof
from consigne.errors import ConsigneError, Internal, StorageFull, Unavailable
from consigne.model.entities import File
from consigne.settings import Settings
from consigne.testing.flaky import FlakyDriver
from consigne.testing.flaky import When as DriverWhen
from consigne.testing.flaky_catalog import FlakyCatalog
from consigne.testing.flaky_catalog import When as CatalogWhen

SMALL, BIG = noise(3000, 1), large(2, MIB)
OLD, NEW = large(3), large(4)
NOW: dict[str, Any] = {"purge_guard": -1, "lease": -1}


class Lab:
    """A site whose store and catalog fail when told to."""

    def __init__(self, driver: Driver, template: Path, folder: Path) -> None:
        self.flaky = FlakyDriver(driver)
        self.catalog = FlakyCatalog(sqlite_catalog(template, folder))
        wishes = Settings(data=str(folder), upload_wait=1, lease=5)
        self.store = Store(wishes, lambda: self.catalog, lambda: self.flaky)
        self.site: Site

    def fail(self, place: str, at: int, when: Any, error: Exception | None) -> None:
        """Fail at a call of the store or of the catalog, counted from here."""
        self.flaky.calls.clear()
        if place == "store":
            self.flaky.fail_at, self.flaky.when = at, when
            self.flaky.error = error or NoSpace("flaky")
        else:
            self.catalog.arm(at, when, error)

    def heal(self) -> bool:
        """Fail no more; return whether the failure has come."""
        failed = self.flaky.failed or self.catalog.failed
        self.flaky.fail_at = 0
        self.catalog.arm(0)
        return failed

    async def tidy_up(self) -> None:
        """Sweep and repair, then prove that nothing is missing and nothing is left over."""
        await self.site.sweep(**NOW)
        proof = Proof(self.site.depot.catalog, self.site.depot.bucket)
        report = await proof.check(Options(age=0, repair=True))
        assert not [each for each in report.findings if each.kind in ("missing", "counters")]
        await self.site.audit()


@asynccontextmanager
async def lab(kind: str, template: Path, folder: Path) -> AsyncIterator[Lab]:
    driver: Driver = MemoryDriver()
    if kind == "local":
        driver = LocalDriver(folder / "blobs", small_limit=4096, sync=False)
    made = Lab(driver, template, folder)
    made.site = await open_site(made.store)
    yield made
    await made.site.depot.close()


# Verbs: what is there before, the attempt, and how to see that it succeeded.

Attempt = Callable[[Site, dict[str, Any]], Awaitable[None]]


async def _nothing(site: Site, state: dict[str, Any]) -> None:
    """There is nothing to prepare."""


def receive(data: bytes, **entry: Any) -> Attempt:
    async def attempt(site: Site, state: dict[str, Any]) -> None:
        file = await site.depot.intake.receive(
            site.writer, chunks(data), Entry(name="a", **entry), length=len(data)
        )
        state["file"], state["data"] = file, data

    return attempt


async def receive_once(site: Site, state: dict[str, Any]) -> None:
    once = Once(key="k", route="r")
    file = await site.depot.intake.receive(
        site.writer, chunks(BIG), Entry(name="a"), idempotency=once
    )
    state["file"], state["data"], state["files"] = file, BIG, 1


async def old_file(site: Site, state: dict[str, Any]) -> None:
    state["old"] = await site.put(OLD)


async def replace(site: Site, state: dict[str, Any]) -> None:
    file = await site.depot.intake.replace(site.writer, state["old"].id, chunks(NEW))
    state["file"], state["data"] = file, NEW


async def same_bytes(site: Site, state: dict[str, Any]) -> None:
    await site.put(BIG, "the same")


async def half_an_upload(site: Site, state: dict[str, Any]) -> None:
    at = await site.depot.uploads.expect(site.writer, Entry(name="a"), client_key="k")
    state["at"] = await site.depot.uploads.receive_part(site.writer, at.upload.id, chunks(OLD))


async def second_half(site: Site, state: dict[str, Any]) -> None:
    done = await site.depot.uploads.receive_part(
        site.writer, state["at"].upload.id, chunks(NEW), number=2, parts_total=2
    )
    state["file"], state["data"] = done.file, OLD + NEW


async def small_upload(site: Site, state: dict[str, Any]) -> None:
    """A session from beginning to end, taken up again where it stands."""
    uploads = site.depot.uploads
    at = await uploads.by_client_key(site.writer, "small")
    if at is None:
        at = await uploads.expect(site.writer, Entry(name="a"), length=6, client_key="small")
    for number, part in enumerate((b"one", b"two"), 1):
        await uploads.receive_part(site.writer, at.upload.id, chunks(part), number=number)
    done = await uploads.finish(site.writer, at.upload.id)
    state["file"], state["data"] = done.file, b"onetwo"


async def open_file(site: Site, state: dict[str, Any]) -> None:
    state["open"] = await site.put(OLD, is_open=True)


async def append(site: Site, state: dict[str, Any]) -> None:
    done = await site.depot.appending.append(
        site.writer, state["open"].id, chunks(NEW), number=2, length=len(NEW)
    )
    state["file"], state["data"] = done.file, OLD + NEW


async def trash(site: Site, state: dict[str, Any]) -> None:
    for data in (SMALL, BIG):
        file = await site.put(data)
        await site.depot.intake.replace(site.writer, file.id, chunks(NEW))
        await site.depot.vault.release(site.writer, file.id)
    await site.depot.uploads.expect(site.writer, Entry(name="late"), length=5)
    state["file"], state["data"] = await site.put(OLD, "stays"), OLD


async def sweep(site: Site, state: dict[str, Any]) -> None:
    await site.sweep(grace=-1, **NOW)


VERBS: dict[str, tuple[Attempt, Attempt]] = {
    "receive small": (_nothing, receive(SMALL)),
    "receive large": (_nothing, receive(BIG)),
    "receive and hold": (_nothing, receive(BIG, hold=True, expires_at=2**50)),
    "receive once": (_nothing, receive_once),
    "receive the same": (same_bytes, receive(BIG)),
    "replace": (old_file, replace),
    "finish an upload": (half_an_upload, second_half),
    "a small upload": (_nothing, small_upload),
    "append": (open_file, append),
    "sweep": (trash, sweep),
}


async def loop(
    verb: str, kind: str, template: Path, tmp_path: Path, place: str, when: Any, error: Any
) -> int:
    """Fail at the first call, at the second … until the verb needs fewer; return how many."""
    prepare, attempt = VERBS[verb]
    for n in count(1):
        async with lab(kind, template, tmp_path / str(n)) as made:
            site, state = made.site, dict[str, Any]()
            await prepare(site, state)
            before = await _rows(site)
            made.fail(place, n, when, error and error())
            raised: BaseException | None = None
            try:
                await attempt(site, state)
            except (ConsigneError, OSError) as caught:
                raised = caught
            failed = made.heal()
            await site.audit(tidy=False)
            if raised is not None:
                assert failed, "it failed without a fault"
                _check_error(raised, place, error)
                if place == "store" or when == "before":
                    # What was refused left no file behind.
                    assert len(await _rows(site)) <= len(before) + (verb == "a small upload")
                await attempt(site, state)
            assert await site.get(state["file"]) == state["data"]
            if "files" in state:
                assert len(await _rows(site)) == state["files"]
            await made.tidy_up()
            assert await site.get(state["file"]) == state["data"]
            if not failed:
                return n - 1
    raise AssertionError


async def _rows(site: Site) -> list[File]:
    return [f for f in await site.run(lambda tx: files.page(tx, 0, 1000)) if f.version]


def _check_error(raised: BaseException, place: str, error: Any) -> None:
    """Say what was raised in the core's own words, where the core has words for it."""
    if place == "store":
        assert isinstance(raised, OSError if error else StorageFull)
    else:
        assert isinstance(raised, type(error()) if error else Unavailable)


@pytest.mark.parametrize("kind", ["memory", "local"])
@pytest.mark.parametrize("when", get_args(DriverWhen))
@pytest.mark.parametrize("verb", VERBS)
async def test_the_store_fails(
    sqlite_template: Path, tmp_path: Path, verb: str, when: DriverWhen, kind: str
) -> None:
    """No room at the n-th call of the driver: 507, nothing left behind, and on it goes."""
    calls = await loop(verb, kind, sqlite_template, tmp_path, "store", when, None)
    assert calls >= (0 if verb == "receive the same" else 1)


def _broken() -> OSError:
    return OSError(errno.EIO, "flaky")


@pytest.mark.parametrize("when", get_args(DriverWhen))
@pytest.mark.parametrize("verb", ["receive large", "replace", "finish an upload", "sweep"])
async def test_the_store_breaks(
    sqlite_template: Path, tmp_path: Path, verb: str, when: DriverWhen
) -> None:
    """The same with an error that nobody expects."""
    await loop(verb, "local", sqlite_template, tmp_path, "store", when, _broken)


def _full() -> StorageFull:
    return StorageFull("flaky")


def _odd() -> Internal:
    return Internal("flaky")


@pytest.mark.parametrize("when", get_args(CatalogWhen))
@pytest.mark.parametrize("verb", VERBS)
async def test_the_catalog_fails(
    sqlite_template: Path, tmp_path: Path, verb: str, when: CatalogWhen
) -> None:
    """The n-th transaction is lost, or only its answer is."""
    assert await loop(verb, "memory", sqlite_template, tmp_path, "catalog", when, None) >= 1


@pytest.mark.parametrize("error", [_full, _odd])
@pytest.mark.parametrize("verb", ["receive large", "replace", "finish an upload"])
async def test_the_catalog_is_full(
    sqlite_template: Path, tmp_path: Path, verb: str, error: Callable[[], ConsigneError]
) -> None:
    """The catalog's own disk is full, or it refuses a statement."""
    await loop(verb, "local", sqlite_template, tmp_path, "catalog", "before", error)


async def test_a_full_disk(sqlite_template: Path, tmp_path: Path) -> None:
    """507 for what does not fit, however often; what fits goes in; space that returns is used."""
    driver = MemoryDriver(limit=4 * MIB)
    made = Lab(driver, sqlite_template, tmp_path)
    made.site = site = await open_site(made.store)
    try:
        first = await site.put(noise(2 * MIB, 1))
        at = await site.depot.uploads.expect(site.writer, Entry(name="u"))
        await site.depot.uploads.receive_part(site.writer, at.upload.id, chunks(noise(MIB, 2)))
        for _ in range(3):
            with pytest.raises(StorageFull):
                await site.put(noise(2 * MIB, 3))
            with pytest.raises(StorageFull):
                await site.depot.intake.replace(site.writer, first.id, chunks(noise(2 * MIB, 4)))
        await site.put(b"small ones still fit")
        for _ in range(3):
            with pytest.raises(StorageFull):
                await site.depot.uploads.receive_part(
                    site.writer, at.upload.id, chunks(noise(2 * MIB, 5))
                )
        assert await site.books() == (2 * MIB + 20, MIB, 0)
        driver.limit = 20 * MIB
        await site.put(noise(2 * MIB, 3))
        await site.depot.uploads.receive_part(site.writer, at.upload.id, chunks(noise(MIB, 5)))
        done = await site.depot.uploads.finish(site.writer, at.upload.id)
        assert await site.get(done.file) == noise(MIB, 2) + noise(MIB, 5)
        await made.tidy_up()
    finally:
        await site.depot.close()
