"""Checks between upload sessions and their stages, the bytes on their way in (C-14, C-23)."""

from functools import partial

from consigne.catalog import proof, uploads
from consigne.catalog.engine import Tx
from consigne.catalog.proof import Session
from consigne.core.arrivals import upload_of
from consigne.core.clock import now_ms
from consigne.core.holders import is_dead
from consigne.core.proof.inspection import PAGE, Inspection
from consigne.core.proof.report import Kind
from consigne.core.proof.store import batches
from consigne.core.sessions import LIVE, end
from consigne.model.entities import Upload, UploadState
from consigne.model.identity import Kind as IdKind
from consigne.model.identity import to_uuid

_SUSPECTS = 10_000
_TOMBSTONE = 7 * 86_400_000


async def check_overdue(run: Inspection) -> None:
    """Look for unfinished uploads that should have ended, and reservations of dead processes."""
    dead = now_ms() if run.offline else 0

    def read(tx: Tx, after: int) -> list[Session]:
        return proof.overdue_page(tx, run.before, dead, after, PAGE)

    async for page in run.pages("uploads", read, lambda each: each.id):
        for each in page:
            if _is_leased(run, each):
                continue
            await run.found(
                Kind.OVERDUE_UPLOAD,
                _upload_id(each.id),
                f"The upload is over and keeps {each.needed} bytes reserved.",
                partial(_end, run, each.id, True),
            )


async def check_parts(run: Inspection) -> None:
    """Look for the bytes of every part that was acknowledged."""

    def read(tx: Tx, after: int) -> list[Session]:
        return proof.sessions_page(tx, after, PAGE)

    async for page in run.pages("parts", read, lambda each: each.id):
        run.report.count("uploads", len(page))
        sizes = dict.fromkeys((each.stage for each in page), 0)
        async for stored in run.bucket.stages():
            if stored.key in sizes:
                sizes[stored.key] = stored.size
        for each in page:
            if sizes[each.stage] < each.needed and await _is_idle(run, each.id):
                await run.found(
                    Kind.LOST_PARTS,
                    _upload_id(each.id),
                    f"Of {each.needed} bytes that were acknowledged {sizes[each.stage]} are there.",
                    partial(_end, run, each.id, False),
                )


async def check_stages(run: Inspection) -> None:
    """Look for incoming bytes that no upload knows and nobody has written to for long."""
    suspects: set[str] = set()
    async for batch in batches(run.bucket.stages(), PAGE):
        run.report.count("stages", len(batch))
        known = await run.catalog.read(
            partial(proof.known_stages, stages=[stored.key for stored in batch])
        )
        suspects.update(
            stored.key
            for stored in batch
            if stored.modified_at < run.before and stored.key not in known
        )
        if len(suspects) >= _SUSPECTS:
            break
    if not suspects:
        return
    # An upload that just ended had its row removed a moment before its stage: look again.
    async for stored in run.bucket.stages():
        if stored.key in suspects:
            await run.found(
                Kind.STRAY_STAGE,
                stored.key,
                f"{stored.size} incoming bytes belong to no upload.",
                partial(_drop_stage, run, stored.key),
            )


async def check_arrivals(run: Inspection) -> None:
    """Look for what clients have sent straight to the store and no upload waits for."""
    if not run.bucket.capabilities.direct:
        return
    async for stored in run.bucket.direct.arrivals():
        if stored.modified_at >= run.before or await _is_awaited(run, stored.key):
            continue
        await run.found(
            Kind.STRAY_STAGE,
            stored.key,
            f"{stored.size} bytes sent to the store itself belong to no upload.",
            partial(_forget_arrival, run, stored.key),
        )


async def _is_idle(run: Inspection, upload_id: int) -> bool:
    """Tell whether an upload is still unfinished and nobody is at work on it."""
    present = await run.catalog.look(lambda tx: uploads.by_id(tx, upload_id))
    return (
        present is not None
        and present.state is not UploadState.DONE
        and not _is_leased(run, present)
    )


def _is_leased(run: Inspection, upload: Session | Upload) -> bool:
    """Tell whether somebody who may be alive is writing to an upload."""
    if run.offline or upload.holder is None or upload.lease_until <= now_ms():
        return False
    return not is_dead(upload.holder)


async def _end(run: Inspection, upload_id: int, overdue: bool) -> bool:
    """End an upload whose lease is over, and, unless its bytes are lost, whose time is too."""

    def work(tx: Tx) -> tuple[bool, str]:
        present = uploads.lock(tx, upload_id)
        if present is None or present.state is UploadState.DONE:
            return True, ""
        if _is_leased(run, present) or (overdue and not _is_over(run, present)):
            return False, ""
        end(tx, present, "expire", now_ms(), _TOMBSTONE)
        return True, present.stage

    done, stage = await run.catalog.write(work)
    if stage:
        await run.bucket.drop_stage(stage)
    return done


def _is_over(run: Inspection, upload: Upload) -> bool:
    return upload.expires_at < run.before or (upload.file_id is None and run.offline)


async def _drop_stage(run: Inspection, name: str) -> bool:
    if not await run.catalog.look(lambda tx: uploads.stage_is_known(tx, name)):
        await run.bucket.drop_stage(name)
    return True


async def _is_awaited(run: Inspection, name: str) -> bool:
    present = await run.catalog.look(lambda tx: uploads.by_id(tx, upload_of(name)))
    return present is not None and present.state in LIVE


async def _forget_arrival(run: Inspection, name: str) -> bool:
    if not await _is_awaited(run, name):
        await run.bucket.direct.forget(name)
    return True


def _upload_id(number: int) -> str:
    return to_uuid(IdKind.UPLOAD, number)
