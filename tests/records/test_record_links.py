"""A file's life in and out of records (C-04, C-10, C-11, C-12, DY-51..55, DX-30..36)."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.parts.sites import Site
from tests.records.record_support import PDF, PNG, change, held, make, new_type

from consigne.core.records.change import Ref, Slot
from consigne.errors import AlreadyLinked, ConsigneError, FileNotFound, Protected
from consigne.model.entities import Access, Guard, Policy, Reason, State


async def test_linking_keeps_a_file_and_unlinking_releases_it(site: Site) -> None:
    """held → kept by its link, guarded → trash when the last reason goes (C-10, DX-30, DY-51)."""
    typed = await new_type(site)
    file = await held(site, access=Access.PRIVATE)
    full = await make(site, typed, values={"ct_title": "One"}, files={"ct_scan": Slot(file.id)})
    assert full.record.title == "One"
    kept = await site.depot.vault.look(site.manager, file.id)
    assert (kept.state, kept.access) == (State.KEPT, Access.SPACE)
    assert (kept.reasons, kept.guards) == (Reason.LINK, Guard.LINKED)
    assert kept.expires_at is None
    for attempt in (
        lambda: site.depot.vault.release(site.manager, file.id),
        lambda: site.depot.vault.change(site.writer, file.id, name="other"),
        lambda: site.depot.intake.replace(site.writer, file.id, _bytes(b"other")),
    ):
        with pytest.raises(Protected):
            await attempt()
    await change(site, full, files={"ct_scan": None})
    with pytest.raises(FileNotFound):
        await site.depot.vault.look(site.writer, file.id)
    back = await site.depot.vault.restore(site.writer, file.id)
    assert back.access is Access.PRIVATE
    assert (back.reasons, back.guards, back.was_linked) == (Reason.OWNER, Guard(0), True)


async def test_of_fifty_attempts_to_link_a_file_one_wins(site: Site) -> None:
    """Two processes, one file with the policy single: one record, 49 refusals (C-11, DX-34)."""
    typed = await new_type(site)
    file = await held(site, policy=Policy.SINGLE)
    other = await site.again()
    attempts = [
        make(
            site if number % 2 else other, typed, files={"ct_scan": Slot(file.id)},
            share=number % 4 < 2,
        )
        for number in range(50)
    ]  # fmt: skip
    results = await asyncio.gather(*attempts, return_exceptions=True)
    await other.depot.close()
    refused = [each for each in results if isinstance(each, BaseException)]
    assert {type(each) for each in refused} == {AlreadyLinked}
    assert len(refused) == 49
    assert await site.rows("record") == 1
    assert await site.rows("link") == 1


async def test_a_single_file_is_never_linked_again(site: Site) -> None:
    """Once linked, never elsewhere, not after unlinking nor restoring either (C-11, DX-31, 32)."""
    typed = await new_type(site)
    file = await held(site, policy=Policy.SINGLE)
    full = await make(site, typed, files={"ct_scan": Slot(file.id)})
    await change(site, full, files={"ct_scan": None})
    await site.depot.vault.restore(site.manager, file.id)
    for share in (True, False):
        with pytest.raises(AlreadyLinked):
            await make(site, typed, files={"ct_scan": Slot(file.id)}, share=share)
        with pytest.raises(AlreadyLinked):
            await change(site, full, files={"ct_scan": Slot(file.id)}, share=share)


async def test_a_record_sends_its_own_file_again_and_moves_it(site: Site) -> None:
    """Not a second use: re-sent, or in another field in the same save; twice is one (DX-33)."""
    typed = await new_type(site)
    file = await held(site, policy=Policy.SINGLE)
    slot = Slot(file.id, "plan.pdf", "east")
    full = await make(site, typed, files={"ct_scan": slot}, share=False)
    full = await change(site, full, files={"ct_scan": Slot(file.id)}, share=False)
    assert full.placed("ct_scan").link.comment == "east"
    full = await change(
        site, full, files={"ct_scan": None, "ct_notes": [None, Slot(file.id)]}, share=False
    )
    assert full.placed("ct_scan") is None
    moved = full.placed("ct_notes", 1)
    assert (moved.file.id, moved.link.name, moved.link.comment) == (file.id, "plan.pdf", "east")
    assert moved.file.state is State.KEPT
    with pytest.raises(AlreadyLinked):
        await change(
            site, full, files={"ct_scan": Slot(file.id), "ct_notes": [Slot(file.id)]}, share=False
        )


async def test_another_record_gets_a_twin(site: Site) -> None:
    """A shared file that is linked enters as a new id on the same bytes (C-11, DY-54)."""
    typed = await new_type(site)
    file = await held(site)
    first = await make(site, typed, files={"ct_scan": Slot(file.id)})
    second = await make(site, typed, files={"ct_scan": Slot(file.id)})
    twin = second.placed("ct_scan").file
    assert twin.id != file.id
    assert await site.get(twin.id) == PDF
    assert (await site.books())[0] == 2 * len(PDF)
    replaced = await site.depot.records.replace_file(
        site.writer, Ref.number(second.record.id), "ct_scan", None, _bytes(PNG)
    )
    reference = second.placed("ct_scan").link.reference
    assert replaced.placed("ct_scan").link.reference == reference
    assert await site.get(twin.id) == PNG
    assert await site.get(first.placed("ct_scan").file.id) == PDF


async def test_a_frozen_revision_keeps_its_bytes(site: Site) -> None:
    """Its version is pinned and charged whatever happens to the live record (DY-55, C-24)."""
    typed = await new_type(site)
    file = await held(site)
    full = await make(site, typed, values={"ct_title": "a"}, files={"ct_scan": Slot(file.id)})
    ref = Ref.number(full.record.id)
    frozen = await site.depot.records.freeze(site.writer, ref)
    assert (frozen.record.initid, frozen.record.revision) == (full.record.id, 0)
    for number in range(14):
        await site.depot.records.replace_file(
            site.writer, ref, "ct_scan", None, _bytes(PNG + bytes([number]))
        )
    await site.sweep(undo_age=-1, purge_guard=-1)
    again = await site.depot.records.get(site.writer, Ref.number(frozen.record.id))
    placed = again.placed("ct_scan")
    reading = await site.depot.reader.open(site.writer, placed.file.id, placed.version)
    assert b"".join([piece async for piece in reading.stream(0, reading.size)]) == PDF
    assert (await site.books())[0] == len(PDF) + len(PNG) + 1
    await change(site, full, files={"ct_scan": None}, values={"ct_title": "b"})
    again = await site.depot.records.get(site.writer, Ref.number(frozen.record.id))
    assert again.values["ct_title"] == "a"
    assert again.placed("ct_scan").file.state is State.KEPT
    with pytest.raises(Protected):
        await site.depot.vault.release(site.manager, file.id)
    await site.depot.records.delete(site.writer, ref)
    assert (await site.books())[0] == 0
    with pytest.raises(FileNotFound):
        await site.depot.vault.look(site.manager, file.id)
    assert await site.rows("record") == 0


async def test_twenty_appends_make_twenty_rows(site: Site) -> None:
    """Rows that are appended at once do not take each other's place (DY-24)."""
    typed = await new_type(site)
    full = await make(site, typed)
    ref = Ref.number(full.record.id)
    found = [await held(site, PDF + bytes([n])) for n in range(20)]
    await asyncio.gather(
        *[site.depot.records.put_file(site.writer, ref, "CT_NOTES", None, f.id) for f in found]
    )
    after = await site.depot.records.get(site.writer, ref)
    assert {each.file.id for each in after.of_field("ct_notes")} == {file.id for file in found}
    with pytest.raises(ConsigneError):
        await site.depot.records.put_file(site.writer, ref, "ct_notes", 1000, found[0].id)
    after = await site.depot.records.drop_file(site.writer, ref, "ct_notes", 3)
    assert [each is None for each in after.of_field("ct_notes")].index(True) == 3
    assert len(after.of_field("ct_notes")) == 20


async def _bytes(data: bytes) -> AsyncIterator[bytes]:
    yield data
