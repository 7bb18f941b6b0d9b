"""The checks of links: records, files and pins must say the same of one another (C-04, C-10)."""

from functools import partial

from consigne.catalog import files, links, proof_links
from consigne.catalog.engine import Tx
from consigne.core.clock import now_ms
from consigne.core.proof.inspection import PAGE, Inspection, file_id, file_label
from consigne.core.proof.report import Kind
from consigne.model.entities import Guard, Reason, State


async def check_links(run: Inspection) -> None:
    """Look for links to nothing, then for files that do not know how they are linked."""
    async for page in run.pages("links", _stray, int):
        for number in page:
            await run.found(
                Kind.STRAY_LINK,
                number,
                f"Record {number} links a file that is not there, or is gone itself.",
                partial(_drop_stray, run, number),
            )
    async for page in run.pages("links", _lost, int):
        for number in page:
            detail = f"The frozen revision {number} shows a version of a file that is gone."
            await run.found(Kind.BROKEN_LINK, number, detail)
    async for files_page in run.pages("links", _reasons, lambda each: each[0]):
        for number, name in files_page:
            await run.found(
                Kind.WRONG_REASONS,
                file_id(number),
                f"{file_label(number, name)}: its reasons or guards disagree with its links.",
                partial(_set_reasons, run, number),
            )
    async for page in run.pages("pins", _pins, int):
        for number in page:
            await run.found(
                Kind.WRONG_PINS,
                file_id(number),
                f"Versions of {file_id(number)} are pinned more or less often than shown.",
                partial(_set_pins, run, number),
            )


def _stray(tx: Tx, after: int) -> list[int]:
    return proof_links.stray_links(tx, after, PAGE)


def _lost(tx: Tx, after: int) -> list[int]:
    return proof_links.lost_versions(tx, after, PAGE)


def _reasons(tx: Tx, after: int) -> list[tuple[int, str]]:
    return proof_links.wrong_reasons(tx, after, PAGE)


def _pins(tx: Tx, after: int) -> list[int]:
    return proof_links.wrong_pins(tx, after, PAGE)


async def _drop_stray(run: Inspection, record_id: int) -> bool:
    def work(tx: Tx) -> None:
        stray = set(proof_links.stray_of(tx, record_id))
        for link in links.of(tx, record_id):
            if (link.field, link.idx) in stray:
                links.drop(tx, link)

    await run.catalog.write(work)
    return True


async def _set_reasons(run: Inspection, number: int) -> bool:
    """Let a file say how it is linked; one that nothing keeps any more is its owner's."""

    def work(tx: Tx) -> None:
        file = files.lock(tx, number)
        if file is None or file.state not in (State.HELD, State.KEPT):
            return
        counted = proof_links.counted(tx, number)
        reasons = Reason(file.reasons) & ~(Reason.LINK | Reason.PIN)
        if counted.live:
            reasons |= Reason.LINK
        if counted.frozen:
            reasons |= Reason.PIN
        guards = Guard(file.guards) & ~Guard.LINKED
        if any(counted):
            guards |= Guard.LINKED
        if file.state is State.HELD and any(counted):
            files.change(
                tx, file, state=State.KEPT, reasons=reasons, guards=guards, expires_at=None
            )
            return
        if file.state is State.KEPT and not reasons:
            reasons = Reason.OWNER
        files.change(tx, file, reasons=reasons, guards=guards, updated_at=now_ms())

    await run.catalog.write(work)
    return True


async def _set_pins(run: Inspection, number: int) -> bool:
    def work(tx: Tx) -> None:
        if files.lock(tx, number) is not None:
            proof_links.set_pins(tx, number)

    await run.catalog.write(work)
    return True
