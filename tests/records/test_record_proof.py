"""What fsck finds wrong between records and files, and mends (C-04, C-10)."""

from typing import Any

import pytest
from sqlalchemy import text
from tests.parts.sites import Site
from tests.records.record_support import PNG, change, held, make, new_type

from consigne.catalog.engine import Tx
from consigne.core.proof import Kind, Options, Proof
from consigne.core.records.change import Ref, Slot
from consigne.model.entities import Reason


async def found(site: Site, *, repair: bool = False) -> list[tuple[Kind, bool]]:
    proof = Proof(site.depot.catalog, site.depot.bucket)
    report = await proof.check(Options(repair=repair, age=0))
    return [(each.kind, each.repaired) for each in report.findings]


async def damage(site: Site, sql: str, **params: Any) -> None:
    def work(tx: Tx) -> None:
        tx.run(text(sql).bindparams(**params))

    await site.run(work)


async def test_links_reasons_and_pins_are_proven_and_mended(site: Site) -> None:
    """A lost link, a guard without one, a wrong pin: each is found and repaired."""
    typed = await new_type(site)
    file = await held(site)
    full = await make(site, typed, files={"ct_scan": Slot(file.id)})
    ref = Ref.number(full.record.id)
    await site.depot.records.freeze(site.writer, ref)
    await site.depot.records.replace_file(site.writer, ref, "ct_scan", None, _png())
    assert await found(site) == []
    await damage(site, "UPDATE version SET pins = 3")
    assert await found(site, repair=True) == [(Kind.WRONG_PINS, True)]
    await damage(site, "UPDATE file SET guards = 0, reasons = 1")
    assert await found(site, repair=True) == [(Kind.WRONG_REASONS, True)]
    kept = await site.depot.vault.look(site.writer, file.id)
    assert kept.reasons == Reason.OWNER | Reason.LINK | Reason.PIN
    await damage(site, "DELETE FROM record")
    kinds = await found(site, repair=True)
    assert {kind for kind, _ in kinds} == {
        Kind.STRAY_LINK, Kind.WRONG_REASONS, Kind.WRONG_PINS, Kind.WRONG_COUNTERS
    }  # fmt: skip
    assert all(repaired for _, repaired in kinds)
    assert await found(site) == []
    assert (await site.depot.vault.look(site.writer, file.id)).reasons is Reason.OWNER


@pytest.mark.parametrize("store", ["sqlite-memory"], indirect=True)
async def test_a_link_to_a_released_file_is_removed(site: Site) -> None:
    """A file that only its link kept and that is gone leaves no link behind."""
    typed = await new_type(site)
    file = await held(site)
    full = await make(site, typed, files={"ct_scan": Slot(file.id)})
    await damage(site, "UPDATE file SET state = 'released', released_at = 1, reasons = 0")
    kinds = {kind for kind, _ in await found(site, repair=True)}
    assert Kind.STRAY_LINK in kinds
    full = await change(site, full, values={"ct_title": "x"})
    assert full.links == []


async def _png() -> Any:
    yield PNG
