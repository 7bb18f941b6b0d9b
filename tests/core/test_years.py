"""Years, their entries and signed uploads in the core, on every pair of catalog and store."""

import asyncio
import hashlib

import pytest
from tests.parts.sites import Site, breaking, chunks, noise

from consigne.blobs.draft import Draft
from consigne.catalog import uploads
from consigne.catalog.engine import Tx
from consigne.core.access import Seat
from consigne.core.entry import Entry
from consigne.core.objects import Signed, read_key, storage_key
from consigne.errors import (
    DigestMismatch,
    FileNotFound,
    FileTooLarge,
    FolderCycle,
    FolderUnknown,
    Forbidden,
    IncompleteBody,
    Protected,
    QuotaExceeded,
    RightMissing,
    SizeMismatch,
    TooManyUploads,
    Unauthenticated,
    UploadMissing,
    UploadNotFound,
    YearClosed,
    YearNotEmpty,
    YearNotFound,
)
from consigne.model.entities import File, Reason, State, Upload, Year
from consigne.model.query import Query, Scope
from consigne.model.rights import Role

LIMIT = 50_000_000
SIZES = [0, 1, 4096, 5000, 300_000]


async def new_year(site: Site, label: str = "2026") -> Year:
    return await site.depot.years.create(
        site.manager, label=label, starting_at="2026-01-01", ending_at="2026-12-31"
    )


async def announced(
    site: Site, year: Year, length: int, seat: Seat | None = None, file: File | None = None
) -> tuple[File, Upload]:
    """Open a session for a new entry, or for a file that is there."""
    who = seat or site.writer
    entry = file or await site.depot.shelf.create(who, year.id, Entry(name="a.pdf"))
    return await site.depot.incoming.announce(
        who, year.id, entry.id, length=length, declared_type="application/pdf", limit=LIMIT
    )


async def put(site: Site, file: File, upload: Upload, data: bytes) -> bytes:
    return await site.depot.incoming.receive(
        site.writer, file.id, upload.id, chunks(data), length=len(data)
    )


async def stored(site: Site, year: Year, data: bytes) -> File:
    file, upload = await announced(site, year, len(data))
    await put(site, file, upload, data)
    return await site.depot.incoming.finalize(site.writer, year.id, file.id)


@pytest.mark.parametrize("size", SIZES)
async def test_every_size(site: Site, size: int) -> None:
    """AR-19, AR-50, C-14, C-21: announced, received, finalized; charged once, kept by its year."""
    year, data = await new_year(site), noise(size)
    file, upload = await announced(site, year, size)
    assert (file.state, file.reasons, file.expires_at) == (State.EXPECTED, Reason.YEAR, None)
    assert await site.books() == (0, size, 0)
    assert await put(site, file, upload, data) == hashlib.sha256(data).digest()
    assert await site.books() == (0, size, 0)
    done = await site.depot.incoming.finalize(site.writer, year.id, file.id)
    assert (done.state, done.reasons, done.version) == (State.KEPT, Reason.YEAR, 1)
    assert await site.get(done) == data
    assert await site.books() == (size, 0, 0)
    again = await site.depot.incoming.finalize(site.writer, year.id, file.id)
    assert again == done
    with pytest.raises(UploadNotFound):
        await put(site, file, upload, data)
    await site.audit()


async def test_finalized_by_several_at_once(site: Site) -> None:
    """AR-19, C-51: one keeps it, the others see what was kept."""
    year, data = await new_year(site), noise(100_000)
    file, upload = await announced(site, year, len(data))
    await put(site, file, upload, data)
    second = await site.again()
    try:
        done = await asyncio.gather(
            *(
                each.depot.incoming.finalize(site.writer, year.id, file.id)
                for each in (site, second, site, second)
            )
        )
    finally:
        await second.depot.close()
    assert len({each.revision for each in done}) == 1
    assert await site.books() == (len(data), 0, 0)
    await site.audit()


async def test_bad_bodies_leave_nothing(site: Site) -> None:
    """AR-33, C-14: wrong length, wrong digest, a broken stream: no bytes, still open."""
    year, data = await new_year(site), noise(200_000)
    file, upload = await announced(site, year, len(data))
    receive = site.depot.incoming.receive
    with pytest.raises(SizeMismatch):
        await receive(site.writer, file.id, upload.id, chunks(b"x"), length=1)
    with pytest.raises(IncompleteBody):
        await receive(site.writer, file.id, upload.id, chunks(b"x"), length=len(data))
    with pytest.raises(DigestMismatch):
        await receive(
            site.writer, file.id, upload.id, chunks(data), length=len(data),
            expected={"md5": bytes(16)},
        )  # fmt: skip
    body = breaking(data[:100_000], RuntimeError())
    with pytest.raises(RuntimeError):
        await receive(site.writer, file.id, upload.id, body, length=len(data))
    with pytest.raises(UploadMissing):
        await site.depot.incoming.finalize(site.writer, year.id, file.id)
    assert await site.books() == (0, len(data), 0)
    await site.audit()
    await put(site, file, upload, data)
    body = breaking(data[:100_000], RuntimeError())
    with pytest.raises(RuntimeError):
        await receive(site.writer, file.id, upload.id, body, length=len(data))
    done = await site.depot.incoming.finalize(site.writer, year.id, file.id)
    assert await site.get(done) == data
    await site.audit()


async def test_a_wrong_hash_drops_the_bytes(site: Site) -> None:
    """AR-19: the object goes, its reservation too, the entry stays as it was."""
    year = await new_year(site)
    entry = await site.depot.shelf.create(
        site.writer, year.id, Entry(name="a", client_hash="0" * 64)
    )
    _, upload = await announced(site, year, 5, file=entry)
    await put(site, entry, upload, b"hello")
    with pytest.raises(DigestMismatch):
        await site.depot.incoming.finalize(site.writer, year.id, entry.id)
    assert await site.depot.shelf.look(site.writer, year.id, entry.id) == entry
    assert await site.books() == (0, 0, 0)
    await site.audit()


async def test_sessions_end_at_their_time(site: Site) -> None:
    """AR-11, AR-50, C-14: the sweeper takes bytes and reservation; the entry does not expire."""
    year = await new_year(site)
    file, upload = await announced(site, year, 5000)
    await put(site, file, upload, noise(5000))
    await site.run(lambda tx: _expire(tx, upload.id))
    with pytest.raises(UploadMissing):
        await site.depot.incoming.finalize(site.writer, year.id, file.id)
    assert (await site.sweep()).uploads == 1
    assert await site.books() == (0, 0, 0)
    assert await site.depot.shelf.look(site.writer, year.id, file.id) == file
    await site.audit()


def _expire(tx: Tx, upload_id: int) -> None:
    row = uploads.by_id(tx, upload_id)
    assert row is not None
    uploads.change(tx, row, expires_at=1)


async def test_a_new_version_and_emptying(site: Site) -> None:
    """AR-18, AR-19, C-14: versions go on counting after the content was taken out."""
    year = await new_year(site)
    file = await stored(site, year, noise(1000))
    _, upload = await announced(site, year, 400, file=file)
    assert await site.books() == (1000, 400, 0)
    await put(site, file, upload, noise(400, 1))
    second = await site.depot.incoming.finalize(site.writer, year.id, file.id)
    assert (second.version, second.size, second.client_hash) == (2, 400, None)
    assert await site.books() == (400, 0, 1000)
    shelf = site.depot.shelf
    assert not await shelf.empty(site.writer, file.id, 1)
    assert await shelf.empty(site.writer, file.id, 2)
    assert not await shelf.empty(site.writer, file.id, 2)
    emptied = await shelf.look(site.writer, year.id, file.id)
    assert (emptied.state, emptied.content_id, emptied.size) == (State.EXPECTED, None, 0)
    assert await site.books() == (0, 0, 0)
    with pytest.raises(UploadMissing):
        await site.depot.incoming.finalize(site.writer, year.id, file.id)
    _, upload = await announced(site, year, 7, file=emptied)
    await put(site, emptied, upload, b"content")
    third = await site.depot.incoming.finalize(site.writer, year.id, file.id)
    assert third.version == 3
    await site.audit()


async def test_limits_of_what_is_on_its_way(site: Site) -> None:
    """AR-16, C-24: size, quota, number of URLs; what is refused reserves nothing."""
    year = await new_year(site)
    with pytest.raises(FileTooLarge):
        await announced(site, year, LIMIT + 1)
    await site.set_quota(1000)
    await announced(site, year, 900)
    with pytest.raises(QuotaExceeded):
        await announced(site, year, 101)
    assert await site.books() == (0, 900, 0)
    for _ in range(site.settings.uploads_per_user - 1):
        await announced(site, year, 0)
    with pytest.raises(TooManyUploads):
        await announced(site, year, 0)
    assert await site.books() == (0, 900, 0)


async def test_a_closed_year(site: Site) -> None:
    """AR-51, C-12: guards on what is in it, refusals for what would come; gone when opened."""
    depot, year = site.depot, await new_year(site)
    file = await stored(site, year, b"kept")
    pending, upload = await announced(site, year, 5)
    folder = await depot.folders.create(site.writer, "f", None, year.id)
    await put(site, pending, upload, b"hello")
    await depot.years.close(site.manager, year.id)
    with pytest.raises(YearClosed):
        await depot.incoming.finalize(site.writer, year.id, pending.id)
    with pytest.raises(YearClosed):
        await put(site, pending, upload, b"other")
    with pytest.raises(YearClosed):
        await depot.shelf.create(site.writer, year.id, Entry(name="x"))
    with pytest.raises(YearClosed):
        await depot.shelf.empty(site.writer, file.id, 1)
    with pytest.raises(YearClosed):
        await depot.folders.delete(site.writer, folder.id)
    with pytest.raises(Protected):
        await depot.vault.release(site.writer, file.id)
    with pytest.raises(Protected):
        await depot.intake.replace(site.writer, file.id, chunks(b"new"))
    gone = await depot.finding.delete_matching(site.manager, Scope(site.space.id))
    assert (gone.count, gone.skipped) == (0, 1)
    await depot.years.open(site.manager, year.id)
    done = await depot.incoming.finalize(site.writer, year.id, pending.id)
    assert await site.get(done) == b"hello"
    await depot.vault.release(site.writer, file.id)
    await depot.years.close(site.manager, year.id)
    with pytest.raises(YearClosed):
        await depot.vault.restore(site.writer, file.id)
    await depot.years.open(site.manager, year.id)
    back = await depot.vault.restore(site.writer, file.id)
    assert back.reasons == Reason.OWNER | Reason.YEAR
    await site.audit()


async def test_the_end_of_a_year(site: Site) -> None:
    """AR-09: only an empty year goes; what lies in the trash then names no year any more."""
    depot, year = site.depot, await new_year(site)
    following = await depot.years.create(
        site.manager, label="next", starting_at="a", ending_at="b", previous_id=year.id
    )
    file = await stored(site, year, b"kept")
    with pytest.raises(YearNotEmpty):
        await depot.years.delete(site.manager, year.id)
    await depot.shelf.release(site.writer, year.id, file.id)
    with pytest.raises(RightMissing):
        await depot.years.delete(site.writer, year.id)
    await depot.years.delete(site.manager, year.id)
    with pytest.raises(YearNotFound):
        await depot.years.look(site.writer, year.id)
    assert (await depot.years.look(site.writer, following.id)).previous_id is None
    assert (await depot.vault.restore(site.writer, file.id)).year_id is None


async def test_lists_and_rights(site: Site) -> None:
    """AR-12, AR-52, C-02, C-03: entries are listed; others' files are changed by managers only."""
    depot, year = site.depot, await new_year(site)
    entry = await depot.shelf.create(site.writer, year.id, Entry(name="mine"))
    scope = Scope(site.space.id, states=(State.EXPECTED, State.KEPT), year_id=year.id)
    reader = site.seat(Role.READER)
    assert (await depot.finding.find(reader, Query(scope, limit=None))).files == [entry]
    with pytest.raises(RightMissing):
        await depot.shelf.change(reader, year.id, entry.id, name="x")
    other = await site.newcomer("other", Role.WRITER)
    with pytest.raises(RightMissing):
        await depot.shelf.change(other, year.id, entry.id, name="x")
    with pytest.raises(RightMissing):
        await announced(site, year, 1, seat=other, file=entry)
    assert (await depot.shelf.change(site.manager, year.id, entry.id, name="x")).name == "x"
    foreign = await site.other_space()
    with pytest.raises(YearNotFound):
        await depot.shelf.look(foreign, year.id, entry.id)


async def test_folders_of_years(site: Site) -> None:
    """AR-41, C-32: parents and moves stay in the year; a circle is refused."""
    depot, year = site.depot, await new_year(site)
    other = await new_year(site, "2027")
    top = await depot.folders.create(site.writer, "top", None, year.id)
    low = await depot.folders.create(site.writer, "low", top.id, year.id)
    loose = await depot.folders.create(site.writer, "loose")
    for parent in (await depot.folders.create(site.writer, "x", None, other.id), loose):
        with pytest.raises(FolderUnknown):
            await depot.folders.change(site.writer, top.id, parent_id=parent.id)
        with pytest.raises(FolderUnknown):
            await depot.folders.create(site.writer, "y", parent.id, year.id)
    with pytest.raises(FolderCycle):
        await depot.folders.change(site.writer, top.id, parent_id=low.id)
    with pytest.raises(FolderUnknown):
        await site.put(b"data", folder_id=top.id)
    assert [each.id for each in await depot.folders.of_year(site.writer, year.id)] == [
        top.id, low.id,
    ]  # fmt: skip
    inside = await depot.folders.create(site.writer, "inherits", low.id)
    assert inside.year_id == year.id


async def test_a_copy_leaves_the_year(site: Site) -> None:
    """C-10, C-32: a copy has no year, and no folder of one."""
    depot, year = site.depot, await new_year(site)
    folder = await depot.folders.create(site.writer, "f", None, year.id)
    file = await stored(site, year, b"data")
    await depot.shelf.change(site.writer, year.id, file.id, folder_id=folder.id)
    copy = await depot.vault.copy(site.writer, file.id)
    assert (copy.year_id, copy.folder_id, copy.reasons) == (None, None, Reason.OWNER)
    await site.audit()


async def test_signed_uploads_are_nobody_elses_sessions(site: Site) -> None:
    """C-14: sessions of signed URLs are not continued, listed or finished as uploads in parts."""
    depot, year = site.depot, await new_year(site)
    file, upload = await announced(site, year, 5)
    assert await depot.uploads.page(site.writer) == []
    assert await depot.uploads.of_file(site.writer, file.id) is None
    for verb in (depot.uploads.progress, depot.uploads.finish, depot.uploads.abort):
        with pytest.raises(UploadNotFound):
            await verb(site.writer, upload.id)
    with pytest.raises(FileNotFound):
        await depot.appending.append(site.writer, file.id, chunks(b"hello"))


async def test_who_may_use_a_signed_url(site: Site) -> None:
    """C-01, C-42: the signer's place is looked up at each use; keys are read strictly."""
    objects, year = site.depot.objects, await new_year(site)
    file = await stored(site, year, b"data")
    url = await objects.download_url(site.writer, file)
    _, _, rest = url.partition("://")
    host, _, target = rest.partition("/")
    path, _, query = target.partition("?")
    request = Signed("GET", host, f"/{path}", query.encode(), {"host": host})
    grant = await objects.authorize(request, site.space.short)
    assert (grant.seat.principal_id, grant.issued) == (site.writer.principal_id, False)
    assert read_key(storage_key(file)).file_id == file.id
    with pytest.raises(Forbidden):
        await objects.authorize(request, "elsewhere")
    with pytest.raises(Unauthenticated):
        await objects.authorize(Signed("GET", host, f"/{path}", b"", {}), site.space.short)
    for text in ("", "organizations", storage_key(file) + "/", storage_key(file).upper()):
        with pytest.raises(FileNotFound):
            read_key(text)
    await site.depot.tenancy.drop_member(site.admin, site.writer.principal_id)
    with pytest.raises(Forbidden):
        await objects.authorize(request, site.space.short)


@pytest.mark.parametrize("size", [1000, 300_000])
async def test_a_crash_inside_finalize(
    site: Site, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """AR-19, AR-50: bytes stored and no row yet: done again, it is kept and charged once."""
    year, data = await new_year(site), noise(size)
    file, upload = await announced(site, year, size)
    await put(site, file, upload, data)

    async def crash(space_id: int, draft: Draft, *_: object) -> None:
        await draft.store()
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(site.depot.intake, "deposit", crash)
        with pytest.raises(RuntimeError):
            await site.depot.incoming.finalize(site.writer, year.id, file.id)
    assert await site.books() == (0, size, 0)
    done = await site.depot.incoming.finalize(site.writer, year.id, file.id)
    assert await site.get(done) == data
    assert await site.books() == (size, 0, 0)
    await site.audit(tidy=False)


async def test_what_was_made_from_a_file_outlives_it(site: Site) -> None:
    """AR-15: the results of a reading stay when their source goes, and name no parent then."""
    year = await new_year(site)
    source = await stored(site, year, b"scan")
    text = await site.put(b"text", "scan.md", parent_id=source.id, year_id=year.id)
    await site.depot.shelf.release(site.writer, year.id, source.id)
    left = await site.depot.shelf.look(site.writer, year.id, text.id)
    assert (left.parent_id, left.state) == (None, State.KEPT)
